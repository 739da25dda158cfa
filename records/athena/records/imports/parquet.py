"""Reading Parquet, a few thousand rows at a time within a row group."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from athena.platform.kernel.errors import InvalidInputError

AT_ONCE = 2_000


def check(path: Path) -> tuple[str, int, set[str]]:
    """Return a file's SHA-256, number of rows and columns; InvalidInputError refuses it."""
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    try:
        with pq.ParquetFile(path) as file:
            return digest, int(file.metadata.num_rows), set(file.schema_arrow.names)
    except pa.ArrowException:
        raise InvalidInputError(
            f"{path.name} isn't a Parquet file that can be read; nothing was loaded."
        ) from None


def read(path: Path, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Yield the values of some columns, row by row."""
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(AT_ONCE, columns=list(columns), use_threads=False):
                found = {name: batch.column(name).to_pylist() for name in columns}
                for values in zip(*(found[name] for name in columns), strict=True):
                    number += 1
                    yield values
    except pa.ArrowException:
        raise InvalidInputError(
            f"{path.name} can't be read after row {number}; mend the file and import it again."
        ) from None
