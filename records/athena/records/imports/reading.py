"""Reading a file row by row in constant memory: CSV, JSON lines, Parquet.

A row is the text of the columns that the mapping uses, in the mapping's order; an empty text where
there is nothing. A row that can't be read is told with its line and the others are read on.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from athena.platform.kernel.errors import InvalidInputError
from athena.records.imports.mapping import FileMapping

LONGEST_CELL = 10_000
SAMPLE = 1_000
"""How many JSON lines are looked at for the columns that a mapping names."""

_ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_TOO_LONG = f"A cell has more than {LONGEST_CELL:,} characters"
_OTHER_COLUMNS = "The row has another number of columns than the header"


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as it stands in the file; ``problem`` says why it couldn't be read."""

    line: int
    cells: Sequence[str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that can be read as its mapping says."""

    path: Path
    format: str
    sha256: str
    about_rows: int
    """How many rows there are, for showing progress; a little too many at times."""


def check_file(path: Path, mapping: FileMapping) -> CheckedFile:
    """Return a file's SHA-256 and size; InvalidInputError refuses it whole, nothing is loaded."""
    kind = mapping.format or _ENDINGS.get(path.suffix.lower(), "csv")
    try:
        if kind == "parquet":
            digest, rows, columns = _parquet().check(path)
            _refuse_missing(path, mapping, columns)
        else:
            digest, rows = _check_text(path)
            _check_columns(path, kind, mapping)
    except OSError as error:
        reason = error.strerror or "it is no file of this kind"
        raise InvalidInputError(f"{path} can't be read: {reason}.") from None
    return CheckedFile(path, kind, digest, rows)


def read_rows(file: CheckedFile, mapping: FileMapping) -> Iterator[RawRow]:
    """Yield every row of a checked file."""
    reader = {"csv": _read_csv, "jsonl": _read_jsonl, "parquet": _read_parquet}[file.format]
    return reader(file.path, mapping)


def _parquet() -> ModuleType:
    """Return what reads Parquet: 40 MB of memory that files of other kinds needn't take."""
    return import_module("athena.records.imports.parquet")


def _check_text(path: Path) -> tuple[str, int]:
    digest, number = hashlib.sha256(), 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            digest.update(line)
            if b"\0" in line:
                raise InvalidInputError(
                    f"Line {number} of {path.name} holds a NUL byte; nothing was loaded."
                )
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                raise InvalidInputError(
                    f"Line {number} of {path.name} isn't UTF-8; convert the file, "
                    "nothing was loaded."
                ) from None
    return digest.hexdigest(), number


def _check_columns(path: Path, kind: str, mapping: FileMapping) -> None:
    if kind == "csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            try:
                header = next(csv.reader(file, delimiter=mapping.delimiter), [])
            except csv.Error:
                header = []
        present = {name.strip() for name in header}
    else:
        present = set()
        with path.open(encoding="utf-8-sig") as file:
            for _, line in zip(range(SAMPLE), file, strict=False):
                value = _parse(line)
                present |= {
                    column
                    for column in mapping.columns_used()
                    if isinstance(value, dict) and _look_up(value, column) is not None
                }
    _refuse_missing(path, mapping, present)


def _refuse_missing(path: Path, mapping: FileMapping, present: set[str]) -> None:
    missing = sorted({*mapping.columns_used()} - present)
    if missing:
        raise InvalidInputError(
            f"{path.name} has no column {', '.join(missing)}; mend the mapping, nothing was loaded."
        )


def _read_csv(path: Path, mapping: FileMapping) -> Iterator[RawRow]:
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=mapping.delimiter, skipinitialspace=True, strict=True)
        header = [name.strip() for name in next(reader, [])]
        places = [header.index(column) for column in mapping.columns_used()]
        width = len(header)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield RawRow(reader.line_num, (), f"Not valid CSV: {error}")
                continue
            if not row:
                continue  # an empty line is no row
            if len(row) != width:
                yield RawRow(reader.line_num, (), _OTHER_COLUMNS)
            else:
                yield RawRow(reader.line_num, [row[place].strip() for place in places])


def _read_jsonl(path: Path, mapping: FileMapping) -> Iterator[RawRow]:
    columns = mapping.columns_used()
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            value = _parse(line)
            if not isinstance(value, dict):
                yield RawRow(number, (), "Not a JSON object")
                continue
            yield _row(number, [_look_up(value, column) for column in columns])


def _read_parquet(path: Path, mapping: FileMapping) -> Iterator[RawRow]:
    rows: Iterator[Sequence[Any]] = _parquet().read(path, mapping.columns_used())
    for number, values in enumerate(rows, start=1):
        yield _row(number, values)


def _parse(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _look_up(value: dict[str, Any], column: str) -> Any:
    """Return a field of a JSON object; ``name.given`` leads into the object ``name``."""
    if column in value:
        return value[column]
    found: Any = value
    for part in column.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _row(line: int, values: Sequence[Any]) -> RawRow:
    cells = [_text(value) for value in values]
    if any("\0" in cell for cell in cells):
        return RawRow(line, (), "A cell holds a NUL character")
    if any(len(cell) > LONGEST_CELL for cell in cells):
        return RawRow(line, (), _TOO_LONG)
    return RawRow(line, cells)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(_text(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date().isoformat()
    return str(value)
