"""Two batches of an import under way at once end as if one had come after the other."""

from __future__ import annotations

import asyncio
import gc
import sys
import tomllib
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from athena.platform.kernel.errors import ConflictError
from athena.records.imports.drafting import Drafter
from athena.records.imports.mapping import FileMapping
from athena.records.imports.models import Item, Loaded, Run, RunState
from athena.records.imports.order import StoppedError, Turn
from athena.records.imports.review import service as review
from athena.records.imports.service import Loader, import_nominals
from athena.records.imports.staging import FIELD, NOTHING, QUOTE, stage_items
from athena.records.names.repository import CHANNEL
from athena.records.nominals.identifiers import make_pnc_id
from athena.records.nominals.schemas import NominalDraft
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster
from support.conversion import OldFile

MAPPING = (
    'source = "{source}"\nid = "id"\n[columns]\nsurname = "family"\n[identifiers]\npnc_id = "pnc"\n'
)


def old_file(directory: Path, source: str, *rows: str) -> OldFile:
    """Write a file of ids, surnames and PNC IDs, and its mapping."""
    mapping, path = directory / f"{source}.toml", directory / f"{source}.csv"
    mapping.write_text(MAPPING.format(source=source))
    path.write_text("id,family,pnc\n" + "".join(f"{row}\n" for row in rows))
    return OldFile(path, mapping, len(rows))


async def begun(platform: Platform, directory: Path, source: str) -> tuple[Loader, Run]:
    """Return a loader of Kent and its import that stopped after the first of two rows."""
    runtime = platform.runtime
    subject = await subject_by_username(runtime.database, "records.kent")
    file = old_file(directory, source, f"{source} 1,Begun,", f"{source} 2,Second,")
    rejects = directory / "rejects.csv"
    told = (runtime.gate, runtime.register, subject, file.path, file.mapping, rejects)
    stopped = await import_nominals(*told, batch=1, stop=lambda: True)
    assert (stopped.state, stopped.read, stopped.loaded) == (RunState.RUNNING, 1, 1)
    runs = await review.list_runs(runtime.gate, subject)
    (run,) = [run for run in runs if run.source == source]
    return Loader(runtime.gate, runtime.register, subject), run


def row(number: int, serial: int, source_id: str = "", **fields: Any) -> Item:
    """Return a row on its way, with a PNC ID of its own or another's."""
    draft = NominalDraft.model_validate(
        {
            "names": [{"surname": f"Orderly{'x' * number}"}],
            "identifiers": [{"kind": "pnc_id", "value": make_pnc_id(2002, serial).value}],
        }
    )
    draft = draft.model_copy(update=fields)
    cells = (source_id or f"o{number}", f"Orderly{'x' * number}", make_pnc_id(2002, serial).value)
    return Item(number, number, cells[0], draft, cells=cells)


async def load_at_once(
    loader: Loader, run: Run, first: list[Item], second: list[Item]
) -> tuple[Loaded | BaseException, Loaded | BaseException]:
    """Load two batches as an import does: the second begins when the first has decided."""
    mapping = FileMapping.model_validate(tomllib.loads(MAPPING.format(source=run.source)))
    turn = Turn()

    async def load(items: list[Item], place: Turn) -> Loaded:
        batch = stage_items(items)
        return await loader.load(run, batch, await loader.prepare(batch), Drafter(mapping), place)

    leading = asyncio.create_task(load(first, turn))
    await asyncio.wait([turn.decided])
    following = asyncio.create_task(load(second, Turn(turn)))
    (ended,) = await asyncio.gather(leading, return_exceptions=True)
    if isinstance(ended, Loaded):
        turn.end(ended.as_decided)
    (then,) = await asyncio.gather(following, return_exceptions=True)
    return ended, then


async def test_a_batch_knows_the_one_that_is_under_way(platform: Platform, tmp_path: Path) -> None:
    loader, run = await begun(platform, tmp_path, "knows")
    first = [row(2, 101), row(3, 102)]
    second = [row(4, 101), row(5, 103, source_id="o3"), row(6, 104)]
    assert await load_at_once(loader, run, first, second) == (Loaded(2, True), Loaded(1, True))
    report = await review.report(loader.gate, loader.subject, run.run_id)
    assert (report.read, report.loaded, report.held, report.rejected) == (6, 4, 1, 1)
    assert report.reconciles


async def test_nobody_is_held_for_a_row_that_the_store_then_refused(
    platform: Platform, tmp_path: Path
) -> None:
    loader, run = await begun(platform, tmp_path, "refused")
    refused = row(3, 202, place_of_birth="x" * 300)  # past the rules of a draft
    ended = await load_at_once(loader, run, [row(2, 201), refused], [row(4, 202), row(5, 203)])
    assert ended == (Loaded(1, False), Loaded(2, True))
    report = await review.report(loader.gate, loader.subject, run.run_id)
    assert (report.read, report.loaded, report.held, report.rejected) == (5, 4, 0, 1)
    assert report.reconciles


async def test_nothing_is_stored_after_a_batch_that_failed(
    platform: Platform, tmp_path: Path
) -> None:
    loader, run = await begun(platform, tmp_path, "failed")
    gap = [row(3, 302), row(4, 303)]  # the checkpoint is at row 1, and this begins at row 3
    ended, then = await load_at_once(loader, run, gap, [row(5, 304)])
    assert isinstance(ended, ConflictError)
    assert isinstance(then, StoppedError)
    report = await review.report(loader.gate, loader.subject, run.run_id)
    assert (report.read, report.loaded) == (1, 1)
    assert report.reconciles


async def test_every_batch_announces_its_names(
    platform: Platform, cluster: Cluster, tmp_path: Path
) -> None:
    told: list[object] = []
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        await admin.add_listener(CHANNEL, lambda *_: told.append(1))
        rows = [f"a{n},Announced{chr(97 + n) * 3}," for n in range(4)]
        file = old_file(tmp_path, "announced", *rows)
        subject = await subject_by_username(platform.runtime.database, "records.essex")
        gate, register = platform.runtime.gate, platform.runtime.register
        rejects = tmp_path / "rejects.csv"
        await import_nominals(gate, register, subject, file.path, file.mapping, rejects, batch=1)
        await admin.fetchval("SELECT 1")  # what was notified before is heard by now
    finally:
        await admin.close()
    assert len(told) >= 4


async def test_lines_that_were_copied_are_let_go(platform: Platform) -> None:
    """What a batch leaves isn't left to the collector, which an import asks rarely."""
    line = FIELD.join(("1", str(uuid4()), "primary", "Ann", "Letgo"))
    lines = f"{line}\n".encode() * 1_000
    gc.disable()
    try:
        held = sys.getrefcount(lines)
        async with platform.runtime.database.write("athena_kent") as session:
            await session.value("SELECT records.stage_import()")
            await session.copy_in("import_name", lines, field=FIELD, quote=QUOTE, nothing=NOTHING)
            assert await session.value("SELECT count(*) FROM pg_temp.import_name") == 1_000
        assert sys.getrefcount(lines) == held
    finally:
        gc.enable()


@pytest.mark.parametrize("as_decided", [True, False])
async def test_a_turn_comes_with_the_end_of_the_one_before(as_decided: bool) -> None:
    before = Turn()
    assert before.has_come()
    turn = Turn(before)
    assert not turn.has_come()
    waiting = asyncio.create_task(turn.let_pass())
    before.end(as_decided)
    await waiting
    assert turn.has_come()
    await turn.come()
