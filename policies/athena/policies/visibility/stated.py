"""What a caller states: the purpose and the reason of looking, as the API takes both in headers.

They are read when they are asked for, so that a request is first checked whole, and whoever isn't
signed in hears that before anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import Purpose
from athena.platform.kernel.permits import check_reason
from athena.platform.kernel.web import header_text


def parse_purpose(text: str | None) -> Purpose:
    """Return the purpose of a text, or InvalidInputError that lists the purposes."""
    try:
        return Purpose(text or "")
    except ValueError:
        known = ", ".join(Purpose)
        raise InvalidInputError(
            f"State a purpose from the list: {known}.", field="/purpose"
        ) from None


def parse_reason(text: str | None) -> str:
    """Return the reason for looking, or InvalidInputError; it is logged as it was given."""
    return check_reason(text, what="looking")


@dataclass(frozen=True, slots=True)
class StatedInHeaders:
    """The two headers as they came."""

    _purpose: str | None
    _reason: str | None

    @property
    def purpose(self) -> Purpose:
        """The purpose, or InvalidInputError that lists the purposes."""
        return parse_purpose(self._purpose)

    @property
    def reason(self) -> str:
        """The reason, or InvalidInputError."""
        return parse_reason(header_text(self._reason))

    def entry(
        self, kind: EventKind, action: str, content: Mapping[str, Any] | None = None
    ) -> Entry:
        """Return what is logged of an action for this reason, or InvalidInputError."""
        return Entry(kind, action, self.reason, dict(content or {}))


def _stated(
    purpose: Annotated[
        str | None, Header(alias="Athena-Purpose", description="Why you look, from the list")
    ] = None,
    reason: Annotated[
        str | None,
        Header(
            alias="Athena-Reason",
            description="In your own words; percent-encode what isn't plain ASCII. It is logged",
        ),
    ] = None,
) -> StatedInHeaders:
    return StatedInHeaders(purpose, reason)


Stated = Annotated[StatedInHeaders, Depends(_stated)]
"""The parameter of a route by which it takes both headers."""
