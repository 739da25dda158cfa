"""The decision point in the process: the compiled policy, evaluated in a thread."""

from __future__ import annotations

import asyncio

from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.point import NO_LABELS, Decision, Question, lasting


class EmbeddedPoint:
    """Decides with the WebAssembly module that comes with the platform."""

    engine = "embedded"

    def __init__(self, policy: WasmPolicy) -> None:
        self._policy = policy

    @property
    def revision(self) -> str:
        """The revision of the compiled bundle."""
        return self._policy.revision

    async def decide(self, question: Question) -> Decision:
        """Decide every label of a question, in its order; NoDecisionError for anything less."""
        document = await asyncio.to_thread(self._policy.answer, question)
        return Decision(document, lasting(document), self.revision, self.engine)

    async def check(self) -> None:
        """Raise NoDecisionError unless a decision could be made now."""
        await self.decide(NO_LABELS)

    async def close(self) -> None:
        """Nothing to give back: an evaluation's memory ends with it."""
