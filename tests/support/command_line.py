"""Runs ``athena`` commands as a shell does, without importing the whole platform for each.

One process imports the platform and then copies itself (fork) for each command. A command has a
process of its own with its own output, errors, working directory and status, and what it changes
in memory ends with it; only the imports are shared, which cost more than most commands.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

Outcome = tuple[int, str, str]
"""A command's status, output and errors."""


class CommandLine:
    """A running process that copies itself for each command."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def athena(self, line: str) -> Outcome:
        """Run a command line; return its status, output and errors."""
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        with tempfile.TemporaryDirectory(prefix="athena-command-") as directory:
            out, errors = Path(directory, "out"), Path(directory, "errors")
            requests.write(json.dumps([shlex.split(line), str(out), str(errors)]).encode() + b"\n")
            await requests.drain()
            status = int(await answers.readline())
            return status, _text(out), _text(errors)


@asynccontextmanager
async def command_line(
    environment: Mapping[str, str], directory: Path
) -> AsyncIterator[CommandLine]:
    """Yield a command line in a directory, with an environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        cwd=directory,
        # A copy of a process must not inherit the threads of its numerical library.
        env={**environment, "OPENBLAS_NUM_THREADS": "1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield CommandLine(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def own_process(environment: Mapping[str, str], directory: Path, line: str) -> Outcome:
    """Run a command line in a new interpreter, as a person's shell does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "athena.platform.cli",
        *shlex.split(line),
        cwd=directory,
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _serve() -> None:
    """Copy this process for each request that comes in, and answer with the copy's status."""
    from athena.platform.cli import main  # only this process needs the command line

    while request := sys.stdin.readline():
        arguments, out, errors = json.loads(request)
        copy = os.fork()
        if copy == 0:
            _redirect(out, errors)
            sys.argv = ["athena", *arguments]
            main()
            return
        _, status = os.waitpid(copy, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _redirect(out: str, errors: str) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for path, descriptor in ((out, 1), (errors, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)


if __name__ == "__main__":
    _serve()
