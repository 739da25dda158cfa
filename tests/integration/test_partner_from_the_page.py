"""A partner's developer gets along with the page for partners alone, from an empty machine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from athena.platform.kernel.web import held_port
from support.cluster import ROOT, Cluster
from support.command_line import CommandLine, command_line
from support.partners import person
from support.waiting import PATIENCE

BLOCK = re.compile(r"^```sh (partner|client-body)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTED = ("export ", ". ")
"""Lines that a shell keeps in mind for the blocks to come."""


class Journey:
    """A partner's empty machine, the client body's office, and the platform between them."""

    def __init__(
        self,
        directory: Path,
        office: Path,
        athena: CommandLine,
        url: str,
        ready: asyncio.Task[None],
    ) -> None:
        self.directory = directory
        self.office = office
        self.athena = athena
        self.url = url
        self.ready = ready
        """Done once the platform answers; the partner sets itself up meanwhile."""
        self.noted: list[str] = []

    async def partner(self, line: str) -> str:
        """Run a line of the page on the partner's machine, which has Python and nothing else."""
        line = line.replace("https://athena.example", self.url)
        if line.startswith(NOTED):
            self.noted.append(line)
        process = await asyncio.create_subprocess_exec(
            "/bin/bash",
            "-ec",
            "\n".join([*self.noted, line]),
            cwd=self.directory,
            env={
                "PATH": f"{self.directory / 'bin'}:/usr/bin:/bin",
                "HOME": os.environ.get("HOME", "/tmp"),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        assert process.returncode == 0, f"{line}: {errors.decode()}"
        return out.decode()

    async def member(self, line: str) -> str:
        """Run a line of the page as the client body or the force."""
        await self.ready
        status, out, errors = await self.athena.athena(line.removeprefix("athena "))
        assert status == 0, f"{line}: {errors}"
        return out

    async def block(self, who: str, lines: list[str], **ids: str) -> list[str]:
        """Run a block, with the ids of the page's words, and hand over what the page hands over."""
        outs = []
        for line in lines:
            for word, value in ids.items():
                line = line.replace(word, value)
            outs.append(await (self.partner(line) if who == "partner" else self.member(line)))
        for pattern in ("*.pub.pem", "isa-21-by-hill-shelter.json"):
            for file in self.directory.glob(pattern):
                shutil.copy(file, self.office)
        if (self.office / "isa-21.json").exists():
            shutil.copy(self.office / "isa-21.json", self.directory)
        return outs


@pytest.fixture
def port() -> Iterator[int]:
    """Yield a port that is held for the platform."""
    with held_port() as held:
        yield held


@pytest.fixture
async def journey(
    cluster: Cluster, consortium: str, tmp_path: Path, port: int
) -> AsyncIterator[Journey]:
    with cluster.locked():
        name = await cluster.create(consortium)
    store = cluster.store(name)
    office, directory = tmp_path / "office", tmp_path / "partner"
    (directory / "bin").mkdir(parents=True)
    (directory / "bin" / "python3").symlink_to(getattr(sys, "_base_executable", sys.executable))
    shutil.copy(ROOT / "examples" / "partner_client.py", directory)
    shutil.copytree(ROOT / "docs", office / "docs")
    environment = {
        **os.environ,
        "ATHENA_PORT": str(port),
        "ATHENA_DATA_DIR": str(office / "data"),
        "ATHENA_DATABASE_URL": store.admin_url.render_as_string(hide_password=False),
        "ATHENA_MASTER_SECRET": store.master_secret.decode(),
    }
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "athena.platform.cli",
        "serve",
        cwd=office,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    ready = asyncio.create_task(until_ready(server, office))
    try:
        async with command_line(environment, office) as athena:
            yield Journey(directory, office, athena, f"http://127.0.0.1:{port}", ready)
    finally:
        ready.cancel()
        server.send_signal(signal.SIGINT)
        await server.wait()
        await cluster.drop(name)


async def until_ready(server: asyncio.subprocess.Process, office: Path) -> None:
    """Wait until the platform answers, and take the key of Essex's signatory to the office."""
    assert server.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while b"Ready" not in (line := await server.stdout.readline()):
            assert line, "the server ended before it was ready"
    shutil.copy(office / "data" / "demo-signatory-keys" / "essex.pem", office)


async def officer(journey: Journey) -> httpx.AsyncClient:
    """Return a client of Essex's officer."""
    token = (await journey.member("athena token --as officer.essex")).split()[-1]
    headers = {
        "Authorization": f"Bearer {token}",
        "Athena-Purpose": "investigation",
        "Athena-Reason": "A test of partners",
    }
    return httpx.AsyncClient(base_url=journey.url, headers=headers, timeout=PATIENCE)


async def record(essex: httpx.AsyncClient, nominal: dict[str, Any]) -> str:
    body = {"purpose": "investigation", "reason": "A test of partners", "name": "Adaeze Okonkwo"}
    found = await essex.post("/api/v1/nominals/search", json=body)
    made = {"search_id": found.json()["search_id"], "nominal": nominal}
    created = await essex.post("/api/v1/nominals", json=made)
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


async def test_from_an_empty_machine_to_an_acknowledged_correction(journey: Journey) -> None:
    page = (ROOT / "docs" / "partners.md").read_text()
    blocks = [(who, text.splitlines()) for who, text in BLOCK.findall(page)]
    assert [who for who, _ in blocks] == [
        "partner", "client-body", "partner", "client-body", "partner", "partner",
    ]  # fmt: skip
    nominal = person("Okonkwo", "Adaeze", "1984-03-12")
    await journey.block(*blocks[0])
    async with await officer(journey) as essex:
        nominal_id = await record(essex, nominal)
        for who, lines in blocks[1:4]:
            await journey.block(who, lines)
        held = await journey.partner("pip list --format=freeze")
        assert "athena" not in held
        *_, checked, ledger = await journey.block(*blocks[4])
        answer = json.loads(checked)
        assert answer["result"] == "match"
        (told,) = answer["records"]
        (line,) = json.loads(ledger)["lines"]
        assert line["disclosure_id"] == told["disclosure_id"]
        changed = {"version": 1, "nominal": {**nominal, "sex": "M"}}
        amended = await essex.put(f"/api/v1/nominals/{nominal_id}", json=changed)
        assert amended.status_code == 200, amended.text
        who, (events, read, corrections, acknowledge) = blocks[5]
        (out,) = await journey.block(who, [events])
        (event,) = json.loads(out)["events"]
        assert event["about"]["disclosure_id"] == told["disclosure_id"]
        assert event["about"]["fields"] == ["sex"]
        correction = event["about"]["correction_id"]
        ids = {"SEQUENCE": str(event["sequence"]), "CORRECTION": correction}
        _, listed, said = await journey.block(who, [read, corrections, acknowledge], **ids)
        assert [item["correction_id"] for item in json.loads(listed)] == [correction]
        assert json.loads(said)["done"] == "corrected"
        assert json.loads(await journey.partner(corrections)) == []
        shutil.copy(journey.directory / "hill-shelter.pem", journey.office)
        signed = (
            f"--key hill-shelter.pem --user j.smith --role 'social worker' --agreement ATH-ISA-21 "
            f"--url {journey.url}"
        )
        line = (
            f"ppss submit {signed} --force essex --kind address_change --purpose safeguarding "
            "--family-name Okonkwo --given-names Adaeze --sex F --case CASE-1 --town Harlow "
            "--uprn 100090000001 --latitude 51.77 --longitude 0.0 --moved-on 2026-11-20 "
            "--idempotency-key moved-1"
        )
        sent = json.loads(await journey.member(f"{line} --json"))
        followed = await journey.member(f"ppss submission {sent['submission_id']} {signed}")
        assert f"submission {sent['submission_id']}" in followed
        assert "address_change, received" in followed
        shown = await essex.get(f"/api/v1/submissions/{sent['submission_id']}")
        arrived = shown.json()["content"]
        assert arrived["person"]["sex"] == "F"
        assert arrived["address"]["uprn"] == 100_090_000_001
        assert (arrived["address"]["latitude"], arrived["address"]["longitude"]) == (51.77, 0.0)
