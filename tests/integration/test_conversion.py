"""Back record conversion: a dry run, rows that wait, going on where it stopped, adding up."""

from __future__ import annotations

import asyncio
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from athena.platform.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import NominalId, Subject
from athena.records.imports.drafting import Drafter
from athena.records.imports.mapping import FileMapping
from athena.records.imports.models import Decision, Item, Report, Run, RunState
from athena.records.imports.quality import QualityReport, check_quality
from athena.records.imports.review import service as review
from athena.records.imports.service import Loader, import_nominals
from athena.records.imports.staging import stage_items
from athena.records.nominals.schemas import NominalDraft
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.cluster import Cluster
from support.conversion import OldFile, write_old_file

MAPPING = (
    'source = "{source}"\nid = "id"\n[columns]\ngiven_names = "given"\nsurname = "family"\n'
    'date_of_birth = "born"\n[identifiers]\npnc_id = "pnc"\n'
)
HEADER = "id,given,family,born,pnc\n"


async def manager(platform: Platform, force: str) -> Subject:
    """Return a force's records manager."""
    return await subject_by_username(platform.runtime.database, f"records.{force}")


async def load(
    platform: Platform, force: str, file: OldFile, directory: Path, **how: Any
) -> Report:
    """Import a file as a force's records manager."""
    runtime = platform.runtime
    return await import_nominals(
        runtime.gate,
        runtime.register,
        await manager(platform, force),
        file.path,
        file.mapping,
        directory / "rejects.csv",
        **how,
    )


async def check(platform: Platform, force: str, file: OldFile) -> QualityReport:
    """Run a dry run as a force's records manager."""
    subject = await manager(platform, force)
    return await check_quality(platform.runtime.gate, subject, file.path, file.mapping)


def small(directory: Path, source: str, *rows: str) -> OldFile:
    """Write a small file and its mapping."""
    mapping, path = directory / f"{source}.toml", directory / f"{source}.csv"
    mapping.write_text(MAPPING.format(source=source))
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return OldFile(path, mapping, len(rows))


async def tables(cluster: Cluster, platform: Platform) -> dict[str, int]:
    """Return how many rows every table of records and names has."""
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        names = await admin.fetch(
            "SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relkind = 'r' "
            "AND c.relnamespace IN ('records'::regnamespace, 'names'::regnamespace)"
        )
        return {name: await admin.fetchval(f"SELECT count(*) FROM {name}") for (name,) in names}
    finally:
        await admin.close()


async def test_a_dry_run_foresees_the_import_and_writes_nothing(
    platform: Platform, cluster: Cluster, tmp_path: Path
) -> None:
    file = write_old_file(tmp_path, 900, 3)
    before = await tables(cluster, platform)
    foreseen = await check(platform, "kent", file)
    assert await tables(cluster, platform) == before
    report = await load(platform, "kent", file, tmp_path, batch=200)
    assert report.reconciles
    assert report.read == foreseen.rows == file.rows
    assert report.rejected >= foreseen.rows - foreseen.valid > 0
    repeated = foreseen.in_file
    assert repeated["id"].rows > 0
    assert 0 < report.held <= repeated["identifier"].rows + repeated["name and date of birth"].rows
    assert all(found.rows == 0 for found in foreseen.in_store.values())
    told = json.dumps(foreseen.document())
    assert "Abernethy" not in told
    assert foreseen.document()["completeness"]["surname"]["share"] > 0.95

    again = await check(platform, "kent", file)
    loaded_ids = report.loaded
    assert again.in_store["id"].rows >= loaded_ids
    assert again.in_store["name and date of birth"].rows > 0
    assert again.in_store["identifier"].rows > 0


async def test_only_the_own_visible_nominals_are_compared(
    platform: Platform, tmp_path: Path
) -> None:
    file = small(tmp_path, "shared", "1,Wilhelmina,Oxenholme,1970-01-02,")
    assert (await load(platform, "essex", file, tmp_path)).loaded == 1
    foreseen = await check(platform, "norfolk", file)
    assert foreseen.in_store["name and date of birth"].rows == 0
    assert (await load(platform, "norfolk", file, tmp_path)).loaded == 1


async def test_a_row_that_may_be_known_waits_and_is_decided_on(
    platform: Platform, tmp_path: Path
) -> None:
    runtime = platform.runtime
    first = small(tmp_path, "first", "1,Peregrine,Langstaffe,1961-05-06,03/123456L")
    assert (await load(platform, "suffolk", first, tmp_path)).loaded == 1
    second = small(
        tmp_path,
        "second",
        "a,Peregrine John,Langstaffe,06/05/1961,",
        "b,Somebody,Else,1990-01-01,2003/0123456L",
        "c,Peregrine,Langstaffe,1961-05-06,",
        "d,Peregrine,Langstaffe,1961,",
        "e,Ottoline,Farthing,1950-02-03,",
        "f,Ottoline,Farthing,1950-02-03,",
    )
    report = await load(platform, "suffolk", second, tmp_path)
    assert (report.loaded, report.held, report.waiting) == (2, 4, 4)
    assert report.reconciles
    subject = await manager(platform, "suffolk")
    waiting = await review.held(runtime.gate, subject, report.run)
    assert [row.source_id for row in waiting] == ["a", "b", "c", "f"]
    assert all(len(row.matches) == 1 for row in waiting)
    known = waiting[0].matches[0]
    assert [row.matches[0] for row in waiting[:3]] == [known] * 3

    async def decide(row: int, decision: Decision, same: NominalId | None = None) -> Any:
        return await review.decide(
            runtime.gate, runtime.register, subject, report.run, row, decision, same, REASON
        )

    loaded = await decide(1, Decision.LOAD)
    assert loaded not in (None, known)
    assert await decide(2, Decision.SAME, known) == known
    assert await decide(3, Decision.DROP) is None
    for wrong, error in (
        ((1, Decision.DROP), NotFoundError),
        ((4, Decision.DROP), NotFoundError),
        ((6, Decision.SAME), InvalidInputError),
        ((6, Decision.SAME, NominalId(uuid4())), InvalidInputError),
        ((6, Decision.DROP, known), InvalidInputError),
    ):
        with pytest.raises(error):
            await decide(*wrong)
    after = await review.report(runtime.gate, subject, report.run)
    assert (after.loaded, after.held, after.waiting, after.same, after.dropped) == (3, 3, 1, 1, 1)
    assert after.reconciles
    answer = await platform.read("records.suffolk", str(loaded), "data_quality")
    assert answer.json()["nominal"]["names"][0]["given_names"] == "Peregrine John"
    again = await load(platform, "suffolk", second, tmp_path)
    assert again.known == 4, "those loaded, the one loaded by decision, and the same"


async def test_what_waits_is_for_the_forces_own_importers(
    platform: Platform, tmp_path: Path
) -> None:
    runtime = platform.runtime
    file = small(tmp_path, "own", "1,Honor,Peverell,1980-01-01,", "2,Honor,Peverell,1980-01-01,")
    report = await load(platform, "warwickshire", file, tmp_path)
    for username, error in (
        ("officer.warwickshire", RefusedError),
        ("records.kent", NotFoundError),
    ):
        subject = await subject_by_username(runtime.database, username)
        with pytest.raises(error):
            await review.held(runtime.gate, subject, report.run)
        with pytest.raises(error):
            await review.report(runtime.gate, subject, report.run)


async def test_it_stops_when_asked_and_goes_on(
    platform: Platform, cluster: Cluster, tmp_path: Path
) -> None:
    file = write_old_file(tmp_path, 500, 5)
    stopped = await load(platform, "west-mercia", file, tmp_path, batch=100, stop=lambda: True)
    assert (stopped.state, stopped.read) == (RunState.RUNNING, 100)
    assert stopped.reconciles
    before = await tables(cluster, platform)
    changed = OldFile(tmp_path / "changed.csv", file.mapping, 500)
    changed.path.write_text(file.path.read_text().replace("R000400", "R900400"))
    with pytest.raises(ConflictError, match=r"row 100 of old\.csv, and this isn't the same file"):
        await load(platform, "west-mercia", changed, tmp_path)
    file.mapping.write_text(file.mapping.read_text().replace("maiden", "former", 1))
    with pytest.raises(ConflictError, match="isn't the same mapping"):
        await load(platform, "west-mercia", file, tmp_path)
    assert await tables(cluster, platform) == before
    file.mapping.write_text(file.mapping.read_text().replace("former", "maiden", 1))
    done = await load(platform, "west-mercia", file, tmp_path, batch=70)
    assert (done.run, done.state, done.read) == (stopped.run, RunState.FINISHED, 500)
    assert done.reconciles
    assert done.loaded == done.loaded_at_end

    stopped = await load(platform, "west-mercia", file, tmp_path, batch=100, stop=lambda: True)
    restarted = await load(platform, "west-mercia", changed, tmp_path, restart=True)
    assert restarted.run != stopped.run
    assert restarted.reconciles
    assert restarted.known >= done.loaded - 1
    runs = await review.list_runs(platform.runtime.gate, await manager(platform, "west-mercia"))
    assert [run.state for run in runs] == [
        RunState.FINISHED,
        RunState.ABANDONED,
        RunState.FINISHED,
    ]


@pytest.fixture
async def admin(platform: Platform, cluster: Cluster) -> Any:
    """Yield a superuser's connection to the platform's store."""
    connection = await cluster.admin(platform.runtime.store.address.database)
    yield connection
    await connection.close()


async def begun(platform: Platform, force: str, directory: Path) -> tuple[Loader, Run]:
    """Return a loader of a force and its import that stopped after the first row."""
    runtime = platform.runtime
    file = small(directory, f"begun {uuid4()}", "0,Ann,Begun,,", "1,Ann,Second,,")
    await load(platform, force, file, directory, batch=1, stop=lambda: True)
    subject = await manager(platform, force)
    (run,) = [
        run for run in await review.list_runs(runtime.gate, subject) if run.source == file.path.stem
    ]
    return Loader(runtime.gate, runtime.register, subject), run


async def load_items(loader: Loader, run: Run, items: list[Item]) -> int:
    """Load rows of a run as a batch."""
    batch = stage_items(items)
    mapping = FileMapping.model_validate(tomllib.loads(MAPPING.format(source=run.source)))
    loaded = await loader.load(run, batch, await loader.prepare(batch), Drafter(mapping))
    return loaded.new


def person(number: int, **fields: Any) -> Item:
    """Return a row on its way."""
    draft = NominalDraft.model_validate({"names": [{"surname": f"Quillon{'x' * number}"}]})
    return Item(number, number, f"q{number}", draft.model_copy(update=fields))


async def test_one_batch_is_loaded_once_whoever_tries(platform: Platform, tmp_path: Path) -> None:
    loader, run = await begun(platform, "kent", tmp_path)
    tried = await asyncio.gather(
        *(load_items(loader, run, [person(2), person(3)]) for _ in range(2)), return_exceptions=True
    )
    assert min(map(str, tried)) == "2"
    assert [type(each) for each in tried if each != 2] == [ConflictError]


async def test_a_row_that_the_store_refuses_takes_no_other_with_it(
    platform: Platform, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    loader, run = await begun(platform, "kent", tmp_path)
    items = [person(number) for number in range(2, 12)]
    items[6] = person(8, place_of_birth="x" * 300)  # past the rules of a draft
    assert await load_items(loader, run, items) == 9
    report = await review.report(loader.gate, loader.subject, run.run_id)
    assert (report.read, report.loaded, report.rejected) == (11, 10, 1)
    assert report.reconciles


async def test_a_row_that_vanished_is_noticed(
    platform: Platform, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    loader, run = await begun(platform, "kent", tmp_path)
    await load_items(loader, run, [person(2), person(3)])
    await admin.execute(
        "DELETE FROM records.source_reference WHERE run_id = $1 AND row_number = 2", run.run_id
    )
    report = await review.report(loader.gate, loader.subject, run.run_id)
    assert (report.gone, report.reconciles) == (1, False)
    await admin.execute(
        "UPDATE records.source_reference SET row_number = 1 WHERE run_id = $1", run.run_id
    )
    doubled = await review.report(loader.gate, loader.subject, run.run_id)
    assert not replace(doubled, read=doubled.loaded).reconciles, "a row that is there twice"


async def test_every_imported_nominal_is_in_the_log_with_its_file(
    platform: Platform, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    file = write_old_file(tmp_path, 300, 8)
    report = await load(platform, "essex", file, tmp_path, batch=100)
    logged = await admin.fetch(
        "SELECT c.content ->> 'sha256' AS sha256, n::uuid AS id FROM audit.event AS e "
        "JOIN audit.content AS c USING (at, event_id), "
        "jsonb_array_elements_text(c.content -> 'nominals') AS n "
        "WHERE e.action = 'nominals.imported' AND c.content ->> 'run' = $1",
        str(report.run),
    )
    stored = await admin.fetch(
        "SELECT nominal_id FROM records.source_reference WHERE run_id = $1", report.run
    )
    assert {row["sha256"] for row in logged} == {report.checksum}
    assert sorted(row["id"] for row in logged) == sorted(row[0] for row in stored)
    assert len(logged) == report.loaded


async def test_the_api_tells_a_forces_importers_and_nobody_else(
    platform: Platform, tmp_path: Path
) -> None:
    file = small(tmp_path, "told", "1,Cuthbert,Ravenglass,1970-01-01,", "2,,,,")
    report = await load(platform, "hertfordshire", file, tmp_path)

    async def get(username: str, path: str = "") -> Any:
        headers = await platform.headers(username)
        return await platform.client.get(f"/api/v1/imports{path}", headers=headers)

    (told,) = (await get("records.hertfordshire")).json()
    assert (told["id"], told["state"], told["rows_read"]) == (str(report.run), "finished", 2)
    answer = (await get("records.hertfordshire", f"/{report.run}")).json()
    assert (answer["read"], answer["loaded"], answer["rejected"]) == (2, 1, 1)
    assert answer["reconciles"] is True
    assert (await get("officer.hertfordshire")).status_code == 403
    assert (await get("records.bedfordshire", f"/{report.run}")).status_code == 404


async def test_searches_find_what_is_there_while_a_file_is_imported(
    platform: Platform, tmp_path: Path
) -> None:
    there = small(tmp_path, "there", "1,Peregrine,Oldcastle,1961-02-03,")
    await load(platform, "essex", there, tmp_path)
    rows = [f"{number},Peregrine,Oldcas{'x' * (number % 9)}n,1970,," for number in range(600)]
    coming = small(tmp_path, "coming", *(row[:-1] for row in rows))
    importing = asyncio.create_task(load(platform, "essex", coming, tmp_path, batch=50))
    names = platform.runtime.searcher.names
    searches = 0
    while True:
        over = importing.done()
        await names.refresh()
        answer = await platform.search(
            "officer.essex", given_name="Peregrine", surname="Oldcastel", date_of_birth="1961-02-03"
        )
        assert answer.status_code == 200, answer.text
        assert "Oldcastle" in json.dumps(answer.json()["results"][0]), answer.text
        searches += 1
        if over:
            break
    assert (await importing).reconciles
    assert searches > 1
