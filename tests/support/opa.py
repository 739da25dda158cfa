"""A real OPA server for the tests, and the network in front of it, which may misbehave."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from athena.platform.kernel.web import held_port
from support.cluster import ROOT
from support.waiting import PATIENCE

BUNDLE = ROOT / "policies/athena/policies/decisions/bundle/server.tar.gz"


def make_bundle(directory: Path, revision: str, rules: str) -> Path:
    """Build a bundle of some rules that says it has a revision."""
    (directory / "rules.rego").write_text(f"package athena.visibility\n\n{rules}\n")
    made = directory / "bundle.tar.gz"
    command = ["opa", "build", "-r", revision, "-o", str(made), "rules.rego"]
    subprocess.run(command, cwd=directory, check=True)
    return made


class OpaServer:
    """An OPA server on a held port, which can be frozen, killed and started again."""

    def __init__(self, port: int, *arguments: str) -> None:
        self.port = port
        self._arguments = arguments
        self._process: Process | None = None

    async def start(self, bundle: Path = BUNDLE) -> None:
        """Start the server with a bundle and wait until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            "opa",
            "run",
            "--server",
            f"--addr=127.0.0.1:{self.port}",
            "--skip-version-check",
            *self._arguments,
            "--bundle",
            str(bundle),
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        async with asyncio.timeout(PATIENCE):
            while not await _listens(self.port):
                assert self._process.returncode is None, "OPA ended instead of serving"

    def freeze(self) -> None:
        """Make the server answer nothing while it keeps its connections, until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    async def stop(self) -> None:
        """Kill the server at once, frozen or not."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@asynccontextmanager
async def stopped_opa(*arguments: str) -> AsyncIterator[OpaServer]:
    """Yield a server that is still to be started, and stop it at the end if it was."""
    with held_port() as port:
        server = OpaServer(port, *arguments)
        try:
            yield server
        finally:
            await server.stop()


@asynccontextmanager
async def running_opa(*arguments: str, bundle: Path = BUNDLE) -> AsyncIterator[OpaServer]:
    """Yield a running server and stop it at the end."""
    async with stopped_opa(*arguments) as server:
        await server.start(bundle)
        yield server


@asynccontextmanager
async def answering(
    *answers: bytes, port: int = 0, upstream: int | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Yield the port of a listener, and the requests it got.

    It answers them with these bytes in turn, repeating the last; or, like a proxy, passes what
    comes after them on to the port of a server.
    """
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            request = await _request(reader)
            requests.append(request)
            if upstream is not None and len(requests) > len(answers):
                writer.write(await _passed_on(request, upstream))
            else:
                writer.write(answers[min(len(requests), len(answers)) - 1])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, reuse_address=True)
    async with server:
        yield server.sockets[0].getsockname()[1], requests


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return an HTTP answer, of JSON unless its headers say otherwise."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    if not any(header.startswith("Content-Type") for header in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    assert length is not None
    return head + await reader.readexactly(int(length[1]))


async def _passed_on(request: bytes, port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
