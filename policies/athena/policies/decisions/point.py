"""The decision point: one question in, one validated decision out, whichever engine answers.

Two engines implement `DecisionPoint`: `embedded.EmbeddedPoint` and `server.ServerPoint`. Whatever
isn't a complete, valid answer is a `NoDecisionError`, which denies; docs/adr/0006 says why there
are two.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from athena.platform.kernel.errors import DecisionUnavailableError
from athena.policies.decisions.documents import LabelDecision, VisibilityDocument

LONGEST_SECONDS = 900
"""The longest that a decision about no label at all may be relied on."""


class Fault(enum.StrEnum):
    """Why no decision came, as the alarm tells it."""

    CIRCUIT_OPEN = "circuit_open"
    DEADLINE = "deadline"
    ENGINE = "engine"
    MALFORMED = "malformed"
    REVISION = "revision"
    UNDEFINED = "undefined"
    UNREACHABLE = "unreachable"


class NoDecisionError(DecisionUnavailableError):
    """No valid decision came; the fault is for operators, the sentence for everyone."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(
            "The policy gave no valid decision, so nothing is shown; the fault is logged. "
            "Try again in a moment."
        )
        self.fault = fault


def canonical_text(content: object) -> bytes:
    """Return the one JSON text of a value; NoDecisionError where it has none."""
    try:
        return json.dumps(
            content,
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
            ensure_ascii=False,  # half of a surrogate pair has no text then
        ).encode()
    except (TypeError, ValueError, RecursionError):
        raise NoDecisionError(Fault.MALFORMED) from None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, with the one text and digest that every asking of it has."""

    content: Mapping[str, Any]
    text: bytes = field(repr=False)
    digest: bytes

    @classmethod
    def of(cls, content: Mapping[str, Any], agreements: bytes | None = None) -> Self:
        """Return the question of an input; NoDecisionError where it can't be said in JSON.

        ``agreements`` is the canonical text of its agreements, where it was made before.
        """
        if agreements is None:
            text = canonical_text(content)
        else:
            text = b",".join(
                canonical_text(name)
                + b":"
                + (agreements if name == "agreements" else canonical_text(content[name]))
                for name in sorted(content)
            )
            text = b"{" + text + b"}"
        return cls(content, text, hashlib.sha256(text).digest())


@dataclass(frozen=True, slots=True)
class Decision:
    """An engine's validated answer to a question."""

    document: VisibilityDocument
    seconds: int
    """How long it may still be relied on."""
    revision: str
    """The revision of the bundle that decided."""
    engine: str
    reference: str | None = None
    """The engine's own id of the decision, where it keeps a log of its own."""

    def as_json(self) -> dict[str, Any]:
        """Return the decision as the archive keeps it: the document, and who made it."""
        made_by = {"name": self.engine, "decision_id": self.reference}
        return {**self.document.as_json(), "engine": made_by}


class DecisionPoint(Protocol):
    """An engine that decides."""

    @property
    def engine(self) -> str:
        """The engine's name, in metrics and in the archive."""

    @property
    def revision(self) -> str:
        """The revision of the only bundle whose answers are believed."""

    async def decide(self, question: Question) -> Decision:
        """Decide every label of a question, in its order; NoDecisionError for anything less."""

    async def check(self) -> None:
        """Raise NoDecisionError unless a decision could be made now."""

    async def close(self) -> None:
        """Give back what the engine holds."""


NO_LABELS = Question.of({"agreements": [], "labels": [], "purposes": [], "requester": {}})
"""A question that every healthy engine answers at once: about no label, with no decision."""


def answer_to(question: Question, decisions: tuple[LabelDecision, ...]) -> VisibilityDocument:
    """Return the document of some decisions; NoDecisionError unless they are what was asked."""
    try:
        asked = [label["id"] for label in question.content["labels"]]
    except (LookupError, TypeError):
        raise NoDecisionError(Fault.MALFORMED) from None
    # An id such as 1.0 would equal 1, which one engine answers and the other doesn't.
    whole = all(type(label) is int for label in asked)
    if not whole or [decision.label for decision in decisions] != asked:
        raise NoDecisionError(Fault.MALFORMED)  # about other labels than the question
    return VisibilityDocument(decisions=decisions)


def lasting(document: VisibilityDocument) -> int:
    """Return for how many seconds a document may be relied on: as long as its shortest part."""
    return min((decision.expires_in for decision in document.decisions), default=LONGEST_SECONDS)
