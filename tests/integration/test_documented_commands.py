"""Every ``athena`` command in the documentation runs, and says what a person can use."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import recordlinkage

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.clocks.service import hours_later
from athena.platform.kernel.identity import Purpose, Role
from athena.platform.kernel.store import Store
from athena.platform.kernel.worklist import service as worklist
from athena.platform.kernel.worklist.models import Assignee, ItemKind
from athena.policies.agreements.founding import baseline
from athena.policies.agreements.signing import canonical, load_private_key, new_key, sign
from athena.policies.decisions.embedded import EmbeddedPoint
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.roles.actions import Action
from athena.policies.roles.service import RoleTable
from athena.policies.visibility.desk import make_desk
from athena.policies.visibility.service import Gate
from athena.records.names.service import NameRegister
from athena.records.nominals import service as nominals
from athena.records.nominals.schemas import NominalDraft
from athena.tenants.members.service import subject_by_username
from support.cluster import ROOT, Cluster
from support.command_line import CommandLine, command_line, own_process

COMMAND = re.compile(r"^ {4,}(?:\.venv/bin/)?athena (.+)$", re.MULTILINE)
SERVERS = {"demo", "serve"}
"""Commands that run until they are stopped; tests/e2e starts the demo."""
ON_A_STORE_OF_ITS_OWN = {
    "governance demo",
    "training reset --nominals 300 --yes",
    "training status",
}
"""What would be in the way of the pages to come; tests/integration/test_demo_year.py runs it."""


def documented() -> dict[str, list[str]]:
    """Return the distinct command lines of each page, in the order in which a reader meets them.

    What nine forces decide and pay comes before the page on which another force joins them.
    """
    pages: dict[str, list[str]] = {}
    met: set[str] = set()
    docs = ROOT / "docs"
    shared_by_nine = [docs / "costs.md", docs / "governance.md"]
    others = sorted(set(docs.rglob("*.md")) - set(shared_by_nine))
    for page in [ROOT / "README.md", *shared_by_nine, *others]:
        lines = [match[1] for match in COMMAND.finditer(page.read_text())]
        new = dict.fromkeys(line for line in lines if line not in met)
        met |= new.keys()
        runnable = [
            line
            for line in new
            if line.split()[0] not in SERVERS and line not in ON_A_STORE_OF_ITS_OWN
        ]
        if runnable:
            pages[str(page.relative_to(ROOT))] = runnable
    return pages


PAGES = documented()


@dataclass(frozen=True)
class Shell:
    """Runs ``athena`` commands over a store of their own."""

    commands: CommandLine
    store: Store

    async def athena(self, line: str) -> tuple[int, str, str]:
        """Run a command line; return its status, output and errors."""
        return await self.commands.athena(line)

    async def item(self, *, claimed: bool) -> UUID:
        """Open an item for Kent's supervisors, claimed by their demo account or not."""
        database = self.store.database()
        try:
            desk = make_desk(Gate(database, EmbeddedPoint(WasmPolicy.load()), RoleTable.load()))
            officer = await subject_by_username(database, "officer.kent")
            entry = Entry(EventKind.CONSULTATION, "worklist.test", "A test of the documentation")
            async with desk(officer, "worklist.work", entry) as work:
                item_id = await worklist.open_item(
                    work,
                    ItemKind.RECORD_QUALITY,
                    Assignee(role=Role.SUPERVISOR),
                    hours_later(datetime.now(UTC), 24),
                )
            if claimed:
                supervisor = await subject_by_username(database, "supervisor.kent")
                async with desk(supervisor, "worklist.work", entry) as work:
                    await worklist.claim(work, item_id)
        finally:
            await database.close()
        return item_id

    async def recorded_twice(self) -> tuple[UUID, UUID]:
        """Record somebody twice in Kent."""
        database = self.store.database()
        try:
            gate = Gate(database, EmbeddedPoint(WasmPolicy.load()), RoleTable.load())
            register = NameRegister(database)
            manager = await subject_by_username(database, "records.kent")
            names = [{"given_names": "Desmond", "surname": "Twicewritten"}]
            draft = NominalDraft.model_validate({"names": names})
            await nominals.prepare(database, register, manager, draft)
            entry = Entry(EventKind.COLLECTION, "nominals.create", "A test of the documentation")
            async with gate.alter(
                manager, Action.NOMINALS_CREATE, Purpose.DATA_QUALITY, entry
            ) as alteration:
                one = await nominals.create(alteration, register, draft)
                return one, await nominals.create(alteration, register, draft)
        finally:
            await database.close()


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
    seed = "seed --nominals 900 --seed 3"
    status, _, errors = await own_process(environment, directory, seed)
    assert status == 0, errors
    prepare_signing(directory)
    async with command_line(environment, directory) as commands:
        yield Shell(commands, store)
    await cluster.drop(name)


def prepare_signing(directory: Path) -> None:
    """Put what the steps of signing build on where docs/agreements.md has it."""
    key = (directory / "data" / "demo-signatory-keys" / "kent.pem").read_bytes()
    (agreement,) = (item for item in baseline() if item.reference == "ATH-ISA-13")
    document = agreement.document.model_dump(mode="json")
    signed = sign(document, load_private_key(key))
    (directory / "kent.pem").write_bytes(key)
    (directory / "kent-public.pem").write_bytes(new_key()[1])
    (directory / "isa-13.json").write_bytes(canonical(document))
    (directory / "isa-13-by-kent.json").write_text(signed.model_dump_json())


def test_there_is_something_documented() -> None:
    assert {line.split()[0] for lines in PAGES.values() for line in lines} >= {
        "search",
        "nominals",
        "audit",
        "import",
        "seed",
        "token",
        "migrate",
    } - {"token"}


@pytest.mark.parametrize("page", PAGES)
async def test_its_commands_run_one_after_another(shell: Shell, page: str) -> None:
    for line in PAGES[page]:
        await run(shell, line)


async def own_nominal(shell: Shell) -> str:
    """Return the id of one of Kent's own nominals, whichever common name finds one."""
    for name in ("smith", "jones", "taylor", "brown", "williams", "khan", "wilson"):
        _, found, _ = await shell.athena(
            "search --as supervisor.kent --purpose investigation --reason 'A test' "
            f"{name} --limit 50 --json"
        )
        for hit in json.loads(found)["results"]:
            if hit["owner_force"] == "kent":
                return str(hit["id"])
    raise AssertionError("none of the commonest names is Kent's")


async def run(shell: Shell, line: str) -> None:
    """Run a command of the documentation, which must do its work."""
    if " ID " in line:
        _, found, _ = await shell.athena(
            "search --as officer.kent --purpose investigation --reason 'A test' smith --json"
        )
        line = line.replace(" ID ", f" {json.loads(found)['results'][0]['id']} ")
    if " ITEM " in line:
        line = line.replace(" ITEM ", f" {await shell.item(claimed=' release ' in line)} ")
    if " OWN DUPLICATE " in line:
        one, other = await shell.recorded_twice()
        line = line.replace(" OWN DUPLICATE ", f" {one} {other} ")
    if " MERGE " in line:
        one, other = await shell.recorded_twice()
        _, made, _ = await shell.athena(
            f"nominals merge {one} {other} --as records.kent --purpose data_quality "
            "--reason 'A test' --json"
        )
        line = line.replace(" MERGE ", f" {json.loads(made)['merge_id']} ")
    if " OWN " in line:
        line = line.replace(" OWN ", f" {await own_nominal(shell)} ")
    if " IMPORT " in line:
        _, found, _ = await shell.athena("imports list --as records.norfolk --json")
        line = line.replace(" IMPORT ", f" {json.loads(found)[0]['run']} ")
    if " PARTNER " in line:
        partner = f"partner-{uuid4().hex[:8]}"
        created, _, errors = await shell.athena(
            f"tenants create-partner {partner} --name Partner --unit Desk "
            "--email desk@partner.example --telephone '01632 960194' --reason 'A test'"
        )
        assert created == 0, errors
        line = line.replace(" PARTNER ", f" {partner} ")
    if " DECISION " in line:
        _, found, _ = await shell.athena(
            "search --as officer.kent --purpose investigation --reason 'A test' smith --json"
        )
        line = line.replace(" DECISION ", f" {json.loads(found)['decision_id']} ")
    if " BATCH " in line:
        _, listed, _ = await shell.athena(f"ppss batch list {line[line.index('--key') :]}")
        line = line.replace(" BATCH ", f" {json.loads(listed)[0]['batch_id']} ")
    line = line.replace("--nominals 20000", "--nominals 900")
    status, out, errors = await shell.athena(line)
    assert status == 0, f"{line}: {errors}"
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
        "worklist list --as auditor",
        "worklist show 00000000-0000-4000-8000-000000000000 --as supervisor.kent",
        "notifications list --as amo.admin",
        "keys rewrap --as officer.kent",
        "keys erase --as admin.kent --force essex --reason 'A test'",
        "policies simulate",
        "policies simulate --agreement missing.json",
        "policies simulate --agreement people.csv",
        "policies simulate --bundle docs",
        "policies simulate --agreement docs/examples/draft-agreement.json --as officer.kent",
        "policies explain --as officer.kent --purpose investigation --reason 'A test'",
        "import nominals missing.csv --force kent --mapping docs/examples/mapping.toml",
        "import nominals people.csv --force atlantis --mapping docs/examples/mapping.toml",
        "import nominals people.csv --force kent --mapping people.csv",
        "import nominals missing.csv --force kent --mapping docs/examples/mapping.toml --dry-run",
        "import nominals docs/api.md --force kent --mapping docs/examples/old-system.toml",
        "imports list --as officer.kent",
        "imports report 00000000-0000-4000-8000-000000000000 --as records.kent",
        "imports held 00000000-0000-4000-8000-000000000000 --as records.kent",
        "imports decide 00000000-0000-4000-8000-000000000000 1 drop --as records.kent "
        "--reason 'A test'",
        "tenants suspend atlantis --reason 'A test'",
        "tenants suspend kent --reason 'A test' --as officer.kent",
        "tenants suspend kent --reason x",
        "tenants create-partner Shelter --name S --unit U --email e@x --telephone 1 --reason test",
        "tenants export kent --out there/kent.tar.gz --as records.kent --reason 'A test'",
        "tenants export kent --out kent.tar.gz --as records.essex --reason 'A test'",
        "tenants export kent --out kent.tar.gz --as officer.kent --reason 'A test'",
        "tenants import-archive people.csv --as records.kent --reason 'A test'",
        "tenants offboard kent --checksum 0 --certificate kent.json --reason 'A test'",
        "tenants verify-certificate people.csv",
        "members add spy.essex --name Spy --role officer --as admin.kent --reason 'A test'",
        "members leave officer.essex --as admin.kent --reason 'A test'",
        "roles allow officer force tenants.manage --reason 'A test'",
        "agreements show nonsense",
        "agreements list --as officer.kent",
        "agreements reinstate ATH-ISA-01 --reason 'A test'",
        "agreements propose isa-13.json --reason 'A test'",
        "agreements sign missing.json --key kent.pem",
        "agreements sign isa-13.json --key kent-public.pem",
        "agreements sign isa-13.json --key kent.pem --out kent.pem",
        "agreements submit-signature isa-13.json --as signatory.kent",
        "agreements submit-signature isa-13-by-kent.json --as signatory.warwickshire",
        "agreements keys make kent.pem",
        "agreements keys register kent.pem --tenant kent --office Office",
        "agreements keys revoke 00 --reason 'A test'",
        "governance bodies found docs/examples/agreement.json --reason 'A test'",
        "governance changes raise docs/examples/board.json --as board.kent --reason 'A test'",
        "governance changes quote CR-9999 Q-1 --one-off-pence -5 --reason 'A test'",
        "governance votes cast CR-9999 for --as board.kent",
        "governance votes verify docs/examples/board.json",
        "governance releases draft docs/examples/board.json --reason 'A test'",
        "governance releases go-live REL-9999 1 --reason 'A test'",
        "governance black-outs file Fair 2027-03-28T01:30 2027-03-29 --as admin.kent "
        "--reason 'A test'",
        "governance black-outs file Fair 2027-03-28 2027-03-29 --as board.kent --reason 'A test'",
        "link thresholds --suggested-from 0.9 --linked-from 0.6 --reason 'A test'",
        "link thresholds --suggested-from 0.6 --reason 'A test' --as records.kent",
        "governance costs preview 1 no-such 2026/27",
        "governance costs preview 1.5.5 no-such 2026/27",
        "governance costs store-formula x isa-13.json --title X --reason 'A test'",
        "governance costs freeze 2026/27 usage 9 --reason 'A test' --as board.kent",
        "governance ledger commit NONE-1 2026/27 --reason 'A test'",
        "governance ledger statement essex 2026/27 --as board.kent",
        "link waiting --as auditor --purpose data_quality --reason 'A test'",
        "deliveries show nowhere --reason 'A test'",
        "deliveries set-webhook nowhere https://10.0.0.1/ --reason 'A test'",
        "corrections list --as officer.kent --reason 'A test'",
        "referrals list --as dpo.kent --reason 'A test'",
        "referrals show 00000000-0000-4000-8000-000000000000 --as officer.kent --reason 'A test'",
        "partners late-referrals --as officer.kent --reason 'A test'",
        "referrals withdraw 00000000-0000-4000-8000-000000000000 --as officer.kent "
        "--because wrong_person --reason 'A test'",
        "ppss submit --key missing.pem --user x --role x --agreement ATH-ISA-20 --force essex "
        "--kind safeguarding_concern --purpose safeguarding --family-name A --given-names B "
        "--case C --concern 'A test'",
        "ppss submit --key kent.pem --user x --role x --agreement ATH-ISA-20 --force essex "
        "--kind address_change --purpose safeguarding --family-name A --given-names B --case C",
        "ppss submit --key kent.pem --user x --role x --agreement ATH-ISA-20 --force essex "
        "--kind address_change --purpose safeguarding --family-name A --given-names B --case C "
        "--town Harlow --url http://127.0.0.1:9",
        "ppss batch submit missing.csv --key kent.pem --user x --role x --agreement ATH-ISA-20 "
        "--purpose safeguarding --reason 'A test'",
        "ppss batch submit docs/examples/old-system.csv --key kent.pem --user x --role x "
        "--agreement ATH-ISA-20 --purpose safeguarding --reason 'A test'",
        "ppss batch results 00000000-0000-4000-8000-000000000000 kent.pem --key kent.pem --user x "
        "--role x --agreement ATH-ISA-20",
        "agreements forward-signature isa-13-by-kent.json --reason 'A test'",
        "submissions list --as dpo.kent --reason 'A test'",
        "submissions show 00000000-0000-4000-8000-000000000000 --as officer.kent --reason 'A test'",
        "submissions accept 00000000-0000-4000-8000-000000000000 --as officer.kent "
        "--reason 'A test'",
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
