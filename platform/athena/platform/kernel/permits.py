"""Administrative acts: who may do them is asked before, and why they are done is always told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from asyncpg import PostgresError
from pydantic import AfterValidator, BaseModel, ConfigDict

from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import Subject

REASON_LENGTH = (3, 500)
"""The fewest and the most characters a stated reason may have."""

Permit = Callable[[Subject, str], Awaitable[None]]
"""Lets a member act for a reason, or logs the refusal and raises RefusedError.

Roles are decided above the tenants, so what decides is handed down to their routes.
"""


def check_reason(text: str | None, *, what: str = "the act") -> str:
    """Return the reason for something as it is logged, or raise InvalidInputError."""
    reason = (text or "").strip()
    shortest, longest = REASON_LENGTH
    if not shortest <= len(reason) <= longest or not reason.isprintable():
        raise InvalidInputError(
            f"Give the reason for {what}, in {shortest} to {longest} printable characters.",
            field="/reason",
        )
    return reason


def line_of_text(longest: int) -> AfterValidator:
    """Return the annotation of one line of printable text, not empty, without blanks around it."""

    def check(text: str) -> str:
        line = text.strip()
        if not line or len(line) > longest or not line.isprintable():
            raise InvalidInputError(f"Write 1 to {longest} printable characters on one line.")
        return line

    return AfterValidator(check)


class Act(BaseModel):
    """What every administrative act states; refused whole when a field is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Annotated[str, AfterValidator(check_reason)]


def sqlstate(error: PostgresError) -> str:
    """Return the store's code of an error, such as 23505 for a duplicate."""
    return str(error.sqlstate)
