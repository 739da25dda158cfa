"""A partner's call as HTTP brings it: the message as it arrived, within bounds, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from athena.platform.kernel.errors import InvalidInputError, MalformedRequestError
from athena.sharing.ppss.problems import (
    BodyTooLargeError,
    ContentTypeError,
    IdempotencyKeyMissingError,
    PathError,
)
from athena.sharing.ppss.signatures.models import Caller, Message
from athena.sharing.ppss.signatures.service import Arrival, Door

MOST_BYTES = 65_536
"""No single question is longer."""

MOST_BATCH_BYTES = 4 * 1024 * 1024
"""No batch of questions is longer: 400 bytes for each of 10,000."""

_PLAIN_PATH = re.compile(r"/ppss/v1(/[a-z0-9][a-z0-9._-]*)*")
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_JSON = re.compile(r"application/json(; ?charset=utf-8)?", re.IGNORECASE)

Read = TypeVar("Read", bound=BaseModel)


@dataclass(frozen=True)
class _Sent:
    """What a message says beside who sent it."""

    message: Message

    def read(self, model: type[Read]) -> Read:
        """Return the body as a model, or the problem that it has; its values aren't quoted."""
        try:
            return model.model_validate_json(self.message.body)
        except ValidationError as error:
            raise _problem(error) from None

    @property
    def idempotency_key(self) -> str:
        """The key by which the caller knows this question, or IdempotencyKeyMissingError."""
        key = self.message.field("idempotency-key")
        if key is None or not _KEY.fullmatch(key):
            raise IdempotencyKeyMissingError(
                "Send Idempotency-Key: 1 to 128 letters, digits, dots, colons, - or _."
            )
        return key


@dataclass(frozen=True)
class Arrived(_Sent):
    """A call whose signature has verified; whoever answers it lets it in first."""

    arrival: Arrival


@dataclass(frozen=True)
class Call(_Sent):
    """A call that was let in."""

    caller: Caller


Arrive = Callable[[Request], Awaitable[Arrived]]
Admit = Callable[[Request], Awaitable[Call]]


def make_admit(door: Door, public_url: str | None, most_bytes: int = MOST_BYTES) -> Admit:
    """Return the dependency that lets a call in; the rest is as in `make_arrive`."""
    arrive = make_arrive(door, public_url, most_bytes)

    async def admit(request: Request) -> Call:
        arrived = await arrive(request)
        return Call(arrived.message, (await door.enter(arrived.arrival)).caller)

    return admit


def make_arrive(door: Door, public_url: str | None, most_bytes: int = MOST_BYTES) -> Arrive:
    """Return the dependency that verifies a call, for a route that lets it in itself.

    ``public_url`` is where partners reach the platform, which their signatures cover; when it isn't
    set, it is the scheme and the host that the request names. A body has at most ``most_bytes``.
    """

    async def arrive(request: Request) -> Arrived:
        target = _plain_target(request)
        body = await _bounded(request, most_bytes)
        if body and not _JSON.fullmatch(request.headers.get("content-type", "")):
            raise ContentTypeError("Send the body as application/json in UTF-8.")
        base = public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
        fields = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw
        ]
        message = Message(request.method, base.rstrip("/") + target, fields, body)
        return Arrived(message, await door.verify(message))

    return arrive


def _plain_target(request: Request) -> str:
    """Return the path and query as they were sent, or PathError where anything could be hidden."""
    raw: bytes = request.scope.get("raw_path") or b""
    path = raw.decode("latin-1").partition("?")[0]
    if path != request.scope["path"] or not _PLAIN_PATH.fullmatch(path):
        raise PathError("Write the path as the documentation does, without escapes.")
    query = request.scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{query}" if query else path


async def _bounded(request: Request, most: int) -> bytes:
    """Return the body; BodyTooLargeError as soon as it is too long, whatever length it declares."""
    pieces, length = [], 0
    async for piece in request.stream():
        length += len(piece)
        if length > most:
            raise BodyTooLargeError(f"A body has at most {most} bytes.")
        pieces.append(piece)
    return b"".join(pieces)


def _problem(error: ValidationError) -> InvalidInputError | MalformedRequestError:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    if any(detail["type"] == "json_invalid" for detail in details):
        return MalformedRequestError("The body isn't valid JSON in UTF-8.")
    errors: list[dict[str, Any]] = [
        {
            "field": "/" + "/".join(str(part) for part in detail["loc"]),
            "detail": detail["msg"].removeprefix("Value error, "),
        }
        for detail in details[:20]
    ]
    fields = ", ".join(sorted({str(entry["field"]) for entry in errors}))
    return InvalidInputError(f"Mend these fields: {fields}.", errors=errors)
