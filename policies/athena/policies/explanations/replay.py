"""Making an archived decision again, with the very policy that made it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import wasmtime

from athena.platform.kernel.errors import AthenaError
from athena.policies.decisions.bundles import Bundle
from athena.policies.decisions.documents import VisibilityDocument
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.point import Question
from athena.policies.explanations.models import Archived

_COMPILED = 4
"""How many policies stay compiled; one takes a quarter of a second to compile."""


class ReplayError(AthenaError):
    """An archived decision that can't be repeated, or doesn't come out the same."""

    slug = "replay-differs"
    title = "The archived decision can't be repeated"


class Replayer:
    """Repeats archived decisions; keeps the policies of the last revisions compiled."""

    def __init__(self) -> None:
        self._policies: OrderedDict[str, WasmPolicy] = OrderedDict()

    def policy(self, bundle: Bundle) -> WasmPolicy:
        """Return the compiled policy of a bundle; ReplayError when its module is broken."""
        key = hashlib.sha256(bundle.module).hexdigest()
        if key not in self._policies:
            try:
                self._policies[key] = WasmPolicy(bundle.module, bundle.revision)
            except wasmtime.WasmtimeError:
                raise ReplayError(
                    "The archived policy is broken, so its decisions can't be repeated; "
                    "tell the operators."
                ) from None
            if len(self._policies) > _COMPILED:
                self._policies.popitem(last=False)
        self._policies.move_to_end(key)
        return self._policies[key]

    def replay(self, archived: Archived, bundle: Bundle | None) -> VisibilityDocument:
        """Return what the archived policy answers to the archived input.

        ReplayError unless the input has its digest, and the answer is the archived one.
        """
        if bundle is None:
            raise ReplayError(
                "The policy that made this decision wasn't archived: the decision is older than "
                "the archive of policies."
            )
        question = Question.of(archived.question)
        if question.digest != archived.input_digest:
            raise ReplayError(
                "The archived input of this decision isn't what was decided; tell the operators, "
                "because the archive was altered."
            )
        answer = self.policy(bundle).answer(question)
        if answer.as_json()["decisions"] != list(archived.decisions):
            raise ReplayError(
                "Made again, this decision comes out otherwise; tell the operators, because the "
                "archive was altered."
            )
        return answer
