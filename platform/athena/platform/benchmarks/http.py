"""A connection to a served application that costs its user next to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A connection that is kept open; one call at a time."""

    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator[Line]:
        """Connect to a port of this machine."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield cls(port, reader, writer)
        finally:
            writer.close()

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """Send a call, and return the status and the body of its answer."""
        sent = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().splitlines()
        length = next((line for line in head if line.startswith("content-length:")), ":0")
        answer = await self.reader.readexactly(int(length.partition(":")[2]))
        return int(head[0].split()[1]), answer
