"""Errors a person meets: each carries its HTTP status and its RFC 9457 problem type.

Every error here can be shown as it is: its ``detail`` is one plain sentence with a way
forward and holds no personal data, because details also reach logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

PROBLEM_BASE = "urn:athena:problem:"


class AthenaError(Exception):
    """Base of all errors meant for people; subclasses fix status, slug and title."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra: Mapping[str, Any] = extra

    def problem(self) -> dict[str, Any]:
        """Return the RFC 9457 problem document."""
        return {
            "type": PROBLEM_BASE + self.slug,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }


class InvalidInputError(AthenaError, ValueError):
    """The request can't be understood or breaks a rule of the data; nothing was changed.

    It is a ValueError too, so that Pydantic turns one raised by a validator into the place of
    the field that caused it.
    """

    status = 422
    slug = "invalid-input"
    title = "The request can't be accepted as it stands"


class MalformedRequestError(AthenaError):
    """The request body isn't what its content type says."""

    status = 400
    slug = "malformed-request"
    title = "The request can't be read"


class NotSignedInError(AthenaError):
    """No valid token came with the request."""

    status = 401
    slug = "not-signed-in"
    title = "Sign in first"


class RefusedError(AthenaError):
    """The caller is known and may not do this; the refusal is in the log."""

    status = 403
    slug = "refused"
    title = "You may not do this"


class NotFoundError(AthenaError):
    """Nothing here, or nothing the caller may know of: the two answers are the same."""

    status = 404
    slug = "not-found"
    title = "There is nothing here that you can see"


class ConflictError(AthenaError):
    """The state changed under the request (an older version, a duplicate); nothing was changed."""

    status = 409
    slug = "conflict"
    title = "This conflicts with what is stored"


class DecisionUnavailableError(AthenaError):
    """The policy engine gave no valid decision, which means deny."""

    status = 503
    slug = "decision-unavailable"
    title = "No policy decision could be made, so nothing is shown"


class ConfigurationError(AthenaError):
    """The installation is set up wrongly; the detail says which setting and how to mend it."""

    slug = "configuration"
    title = "The installation is set up wrongly"


class StoreUnavailableError(AthenaError):
    """The database can't be reached or isn't migrated."""

    status = 503
    slug = "store-unavailable"
    title = "The records store isn't available"
