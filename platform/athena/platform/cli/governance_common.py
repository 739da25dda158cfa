"""What commands of governance share: acting as an account, reading JSON, telling what is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from athena.governance.acting import Office
from athena.governance.changes.desk import Desk
from athena.platform.cli.common import acting, opened, run
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import Subject
from athena.policies.agreements.signing import parse_document

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

AMO = "amo.admin"
Account = Annotated[str, typer.Option("--as", help="Who reads, for example board.kent.")]
Managing = Annotated[str, typer.Option("--as", help="An AMO administrator.")]
Acting = Annotated[str, typer.Option("--as", help="Who acts, for example board.kent.")]
Why = Annotated[str, typer.Option("--reason", help="Why. The consortium and the log keep it.")]


def as_account(account: str, work: Callable[[Desk, Subject], Awaitable[T]]) -> T:
    """Do something as an account over the store of the settings."""

    async def whole() -> T:
        async with opened() as runtime:
            desk = Desk(Office(runtime.database, runtime.gate.authorise))
            return await work(desk, await acting(runtime, account))

    return run(whole())


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object of a file, or InvalidInputError."""
    try:
        return parse_document(file.read_bytes())
    except OSError as error:
        raise InvalidInputError(f"{file} can't be read: {error.strerror}.") from None


def check(model: type[M], given: Mapping[str, Any]) -> M:
    """Return what was given as the API takes it, or InvalidInputError with the first fault."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(str(part) for part in first["loc"])
        told = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise InvalidInputError(f"{place}: {told}." if place else f"{told}.") from None
