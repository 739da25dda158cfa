"""Rows of fixed width in PostgreSQL's binary COPY format, made from columns by numpy."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = (-1).to_bytes(2, "big", signed=True)


async def copy_columns(
    connection: asyncpg.Connection, schema: str, table: str, columns: Mapping[str, NDArray[Any]]
) -> None:
    """Append rows to a table; a column is of int16, int32, int64, or rows of a UUID's bytes."""
    fields: list[tuple[Any, ...]] = [("fields", ">i2")]
    for name, values in columns.items():
        kind = (np.uint8, (16,)) if values.ndim == 2 else (f">i{values.dtype.itemsize}",)
        fields += [(f"{name} length", ">i4"), (name, *kind)]
    count = len(next(iter(columns.values())))
    rows = np.empty(count, dtype=fields)
    rows["fields"] = len(columns)
    for name, values in columns.items():
        rows[f"{name} length"] = 16 if values.ndim == 2 else values.dtype.itemsize
        rows[name] = values
    stream = BytesIO()
    stream.write(_HEADER)
    stream.write(rows.data)
    stream.write(_TRAILER)
    stream.seek(0)
    await connection.copy_to_table(
        table, schema_name=schema, columns=list(columns), source=stream, format="binary"
    )
