"""Commands that play a partner with many questions: read them from a file, send, follow, fetch."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import typer
from pydantic import ValidationError

from athena.platform.cli.common import out, print_json, run, say
from athena.platform.cli.data import progress_bar
from athena.platform.cli.ppss import (
    Agreement,
    KeyOption,
    RoleOption,
    Url,
    UserOption,
    make_asker,
    open_client,
    send,
)
from athena.platform.kernel.errors import ConfigurationError, InvalidInputError
from athena.sharing.ppss.batches.schemas import MOST_ITEMS, Batch, BatchItem
from athena.sharing.ppss.batches.service import MOST_LINES
from athena.sharing.ppss.reading import MOST_BATCH_BYTES
from athena.sharing.ppss.signatures.signing import Asker

batch_app = typer.Typer(help="Ask about many people at once.", no_args_is_help=True)

BatchId = Annotated[UUID, typer.Argument(help="The batch, as `submit` and `list` show it.")]

_PATH = "/ppss/v1/person-check-batches"
_PERSON = ("family_name", "given_names", "date_of_birth")
_COLUMNS = ("reference", *_PERSON, "case_reference")
_LOOK_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    batch_app.command("submit")(submit)
    batch_app.command("list")(list_)
    batch_app.command("status")(status)
    batch_app.command("results")(results)
    batch_app.command("cancel")(cancel)
    app.add_typer(batch_app, name="batch")


def submit(
    file: Annotated[Path, typer.Argument(help="A .csv or .jsonl file, one question a line.")],
    key: KeyOption,
    user: UserOption,
    role: RoleOption,
    agreement: Agreement,
    purpose: Annotated[str, typer.Option(help="A purpose that the agreement names.")],
    reason: Annotated[str, typer.Option(help="Why the partner asks.")],
    wait: Annotated[bool, typer.Option(help="Show how far it is until it stands still.")] = True,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Your own name of it: sent again, it is one batch.")
    ] = None,
    url: Url = None,
) -> None:
    """Send a file of questions as one batch; a file with a mistake is not sent at all."""
    batch = Batch.model_validate({"purpose": purpose, "reason": reason, "checks": read(file)})
    body = batch.model_dump_json(exclude_none=True).encode()
    if len(body) > MOST_BATCH_BYTES:
        raise InvalidInputError(
            f"The batch has {len(body):,} bytes, and {MOST_BATCH_BYTES:,} is the most; split it."
        )
    asker, named = make_asker(key, user, role, agreement), idempotency_key or uuid4().hex
    say(f"Sending it; should no answer come, send it again with --idempotency-key {named}")

    async def work() -> Any:
        async with open_client(url) as client:
            answer = await send(client, url, asker, ("POST", _PATH, body), named)
            return await _follow(client, url, asker, answer.json()) if wait else answer.json()

    print_json(run(work()))


def list_(
    key: KeyOption, user: UserOption, role: RoleOption, agreement: Agreement, url: Url = None
) -> None:
    """List the partner's hundred latest batches, the newest first."""
    print_json(_ask(make_asker(key, user, role, agreement), "GET", _PATH, url)["batches"])


def status(
    batch_id: BatchId,
    key: KeyOption,
    user: UserOption,
    role: RoleOption,
    agreement: Agreement,
    url: Url = None,
) -> None:
    """Show how far a batch is."""
    print_json(_ask(make_asker(key, user, role, agreement), "GET", f"{_PATH}/{batch_id}", url))


def cancel(
    batch_id: BatchId,
    key: KeyOption,
    user: UserOption,
    role: RoleOption,
    agreement: Agreement,
    url: Url = None,
) -> None:
    """Let the platform forget what of a batch isn't answered yet."""
    path = f"{_PATH}/{batch_id}/cancel"
    print_json(_ask(make_asker(key, user, role, agreement), "POST", path, url))


def results(
    batch_id: BatchId,
    file: Annotated[Path, typer.Argument(help="Where to write them: JSON lines, a new file.")],
    key: KeyOption,
    user: UserOption,
    role: RoleOption,
    agreement: Agreement,
    url: Url = None,
) -> None:
    """Write what is answered of a batch to a file that only you can read."""
    asker = make_asker(key, user, role, agreement)

    async def work() -> list[str]:
        lines: list[str] = []
        async with open_client(url) as client:
            while True:
                after = json.loads(lines[-1])["number"] if lines else 0
                path = f"{_PATH}/{batch_id}/results?after={after}"
                page = (await send(client, url, asker, ("GET", path, b""))).text.splitlines()
                lines += page
                if len(page) < MOST_LINES:
                    return lines

    if file.exists():
        raise ConfigurationError(f"{file} is there already; choose another name.")
    lines = run(work())
    _write(file, lines)
    out.print(f"Wrote {len(lines):,} results to {file}.")


def read(file: Path) -> list[dict[str, Any]]:
    """Return the questions of a file; InvalidInputError says what is wrong in which line of it.

    A CSV file has the columns reference, family_name, given_names, date_of_birth (which may be
    empty) and case_reference; a line of JSON is a check as the interface takes it.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_json, ".ndjson": _read_json}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise InvalidInputError(f"{file} is neither a .csv nor a .jsonl file.")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InvalidInputError(f"The file {file} can't be read as text in UTF-8.") from None
    rows = reader(file, text)
    if not 0 < len(rows) <= MOST_ITEMS:
        raise InvalidInputError(
            f"{file} has {len(rows):,} questions; a batch has 1 to {MOST_ITEMS:,}."
        )
    for line, row in rows:
        _check(file, line, row)
    return [row for _, row in rows]


def _read_csv(file: Path, text: str) -> list[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        return _questions(file, reader)
    except csv.Error:
        raise InvalidInputError(f"Line {reader.line_num} of {file} isn't CSV.") from None


def _questions(file: Path, reader: csv.DictReader[str]) -> list[tuple[int, Any]]:
    if set(reader.fieldnames or ()) != set(_COLUMNS):
        raise InvalidInputError(f"The columns of {file} must be: {', '.join(_COLUMNS)}.")
    rows: list[tuple[int, Any]] = []
    for row in reader:
        if None in row or None in row.values():
            raise InvalidInputError(f"Line {reader.line_num} of {file} isn't as long as the first.")
        asked = {
            "reference": row["reference"],
            "person": {name: row[name] for name in _PERSON if row[name]},
            "case_reference": row["case_reference"],
        }
        rows.append((reader.line_num, asked))
    return rows


def _read_json(file: Path, text: str) -> list[tuple[int, Any]]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                rows.append((number, json.loads(line)))
            except ValueError:
                raise InvalidInputError(f"Line {number} of {file} isn't JSON.") from None
    return rows


def _check(file: Path, line: int, row: Any) -> None:
    try:
        BatchItem.model_validate(row)
    except ValidationError as error:
        where = error.errors(include_input=False)[0]
        field = ".".join(str(part) for part in where["loc"]) or "the question"
        said = where["msg"].removeprefix("Value error, ")
        raise InvalidInputError(f"Line {line} of {file}, {field}: {said}") from None


async def _follow(
    client: httpx.AsyncClient, url: str | None, asker: Asker, batch: Any
) -> dict[str, Any]:
    """Show how far a batch is until it is done or stands still, and return how it stands."""
    now: dict[str, Any] = batch
    with progress_bar() as bar:
        task = bar.add_task("Answering", total=now["received"])
        while True:
            bar.update(task, completed=now["received"] - now["left"])
            if now["state"] != "running":
                return now
            await asyncio.sleep(_LOOK_SECONDS)
            now = (await send(client, url, asker, ("GET", batch["address"], b""))).json()


def _ask(asker: Asker, method: str, path: str, url: str | None) -> Any:
    async def work() -> Any:
        async with open_client(url) as client:
            return (await send(client, url, asker, (method, path, b""))).json()

    return run(work())


def _write(file: Path, lines: list[str]) -> None:
    """Write a new file whole, or leave none behind."""
    text = "".join(f"{line}\n" for line in lines).encode()
    part = file.with_name(f".{file.name}.{uuid4().hex}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(text)
        os.link(part, file)  # unlike a renaming, it doesn't replace a file that came meanwhile
    except FileExistsError:
        raise ConfigurationError(f"{file} is there already; choose another name.") from None
    except OSError as error:
        raise ConfigurationError(f"{file} can't be written ({error.strerror}).") from None
    finally:
        part.unlink(missing_ok=True)
