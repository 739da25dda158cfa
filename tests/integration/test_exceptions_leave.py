"""What concerns single records and work leaves with a force: it comes back whole, or is erased."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.clocks.service import hours_later
from athena.platform.kernel.drafts import service as drafts
from athena.platform.kernel.files.keys import FileKeyProvider
from athena.platform.kernel.files.models import NewFile
from athena.platform.kernel.files.service import FileStore
from athena.platform.kernel.identity import LabelId, Purpose
from athena.platform.kernel.worklist import service as worklist
from athena.platform.kernel.worklist.models import Assignee, ItemKind
from athena.policies.roles.actions import Action
from athena.tenants.members.service import subject_by_username
from integration.test_archive import export, restore, rows_with
from support.api import Platform
from support.cluster import Cluster
from support.exceptions import call, create, rows_seen
from support.tenth import add_member, create_force, post, suspend, until_known

HARM = "A child is at risk tonight"


async def shows(
    platform: Platform, cluster: Cluster, username: str, slug: str, nominal_id: str
) -> bool:
    """Tell whether raw SQL, as the member's force, shows a force's nominal to the member."""
    return bool(await rows_seen(platform, cluster, username, nominal_id, ("nominal",), slug))


async def restrict(platform: Platform, by: str, nominal_id: str, **named: str) -> None:
    answer = await call(platform, by, "POST", f"/nominals/{nominal_id}/restrictions", named)
    assert answer.status_code == 201, answer.text


async def lock(platform: Platform, by: str, nominal_id: str, member: str) -> None:
    path = f"/nominals/{nominal_id}/locks"
    answer = await call(platform, by, "POST", path, {"member": member})
    assert answer.status_code == 201, answer.text


async def join_team(platform: Platform, slug: str, username: str, team: str) -> None:
    """Make a team of a force and let a member join it."""
    admin = f"admin.{slug}"
    made = await post(platform, admin, "members/teams", slug=team, name=f"Team {team}")
    assert made.status_code == 204, made.text
    member = (await subject_by_username(platform.runtime.database, username)).member_id
    joined = await post(platform, admin, f"members/{member}/teams/join", team=team)
    assert joined.status_code == 204, joined.text


async def break_glass(platform: Platform, by: str, nominal_id: str, surname: str) -> str:
    """Open a record that shows as a pointer, and return the access's id."""
    found = await platform.search(by, given_name="Octavian", surname=surname)
    body = {
        "search_id": found.json()["search_id"],
        "owner_force": by.split(".")[1],
        "emergency": HARM,
    }
    opened = await call(platform, by, "POST", "/nominals/break-glass", body)
    assert opened.status_code == 201, opened.text
    assert opened.json()["nominal_id"] == nominal_id
    access: str = opened.json()["access_id"]
    return access


async def label_of(admin: asyncpg.Connection, slug: str, nominal_id: str) -> asyncpg.Record:
    return await admin.fetchrow(
        "SELECT l.* FROM ctx.label AS l JOIN records.nominal AS n USING (label_id) "
        "JOIN tenants.tenant AS t ON t.tenant_id = n.owner_force "
        "WHERE t.slug = $1 AND n.nominal_id = $2",
        slug,
        nominal_id,
    )


async def test_restrictions_locks_and_seals_come_back(platform: Platform, cluster: Cluster) -> None:
    first, second = "t-held", "t-back"
    await create_force(platform, first, "81")
    await create_force(platform, second, "82")
    for name in ("other", "crew"):
        await add_member(platform, f"admin.{second}", f"{name}.{second}", "officer")
    manager, officer = f"records.{first}", f"officer.{first}"
    named = await create(platform, officer, "Nameday")
    locked = await create(platform, officer, "Lockhart")
    sealed = await create(platform, officer, "Sealyham", sealed=True)
    for member in (manager, f"officer.{second}", f"records.{second}"):
        await restrict(platform, manager, named, member=member)
    await lock(platform, manager, locked, f"other.{second}")

    archive = await export(platform, manager)
    assert archive.manifest.tables["restriction"].rows == 3
    assert archive.manifest.tables["lock"].rows == 1
    await restore(platform, f"records.{second}", archive)

    async def seen(nominal_id: str) -> set[str]:
        """Return who of the second force sees a record of it that came back."""
        return {
            name
            for name in ("officer", "other", "crew")
            if await shows(platform, cluster, f"{name}.{second}", second, nominal_id)
        }

    assert await seen(named) == {"officer"}
    assert await seen(locked) == {"officer", "crew"}
    assert await seen(sealed) == {"officer", "other", "crew"}
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        labels = {name: await label_of(admin, second, name) for name in (named, locked, sealed)}
    finally:
        await admin.close()
    assert [labels[name]["restricted"] for name in (named, locked, sealed)] == [True, False, False]
    assert [labels[name]["sealed"] for name in (named, locked, sealed)] == [False, False, True]
    again = await export(platform, f"records.{second}")
    assert again.manifest.checksum == archive.manifest.checksum
    assert again.lines == archive.lines


async def test_a_teams_restriction_comes_back_to_the_team(
    platform: Platform, cluster: Cluster
) -> None:
    """The force that left comes back under its own accounts: the team is the one it was."""
    slug = "t-crewed"
    await create_force(platform, slug, "83")
    await add_member(platform, f"admin.{slug}", f"other.{slug}", "officer")
    manager = f"records.{slug}"
    await join_team(platform, slug, f"officer.{slug}", "harbour")
    await join_team(platform, slug, manager, "office")
    nominal = await create(platform, f"officer.{slug}", "Crewkerne")
    await restrict(platform, manager, nominal, team="office")
    await restrict(platform, manager, nominal, team="harbour")
    archive = await export(platform, manager)
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        # A store that lost its records and kept its accounts, as after a restored backup.
        owner = await admin.fetchval("SELECT tenant_id FROM tenants.tenant WHERE slug = $1", slug)
        tables = await admin.fetchval("SELECT records.archive_tables()")
        async with admin.transaction():
            await admin.execute("SET LOCAL session_replication_role = replica")
            for table in ("name_key", "change", *reversed(tables)):
                await admin.execute(f"DELETE FROM records.{table} WHERE owner_force = $1", owner)
    finally:
        await admin.close()
    assert not await shows(platform, cluster, f"officer.{slug}", slug, nominal)
    await restore(platform, manager, archive)
    assert await shows(platform, cluster, f"officer.{slug}", slug, nominal)
    assert not await shows(platform, cluster, f"other.{slug}", slug, nominal)


async def fill_work(platform: Platform, username: str, mark: str, files: FileStore) -> None:
    """Open an item, save a draft and store a file as a member, each marked."""
    runtime = platform.runtime
    subject = await subject_by_username(runtime.database, username)
    async with runtime.database.write(subject.login) as session:
        label = await session.value(
            "SELECT ctx.intern_label('nominal', 'OFFICIAL', 'P', '{}', '{other}', false, false)"
        )
    entry = Entry(EventKind.ALTERATION, "work.test", f"{mark} at work", {"what": mark})
    async with runtime.gate.alter(
        subject, Action.NOMINALS_AMEND, Purpose.INVESTIGATION, entry
    ) as work:
        await worklist.open_item(
            work,
            ItemKind.RECORD_QUALITY,
            Assignee(member=subject.member_id),
            hours_later(datetime.now(UTC), 24),
        )
        new = NewFile("nominal", uuid4(), LabelId(label), f"{mark}.txt", "text/plain", b"x")
        await files.store(work, new)
        await drafts.save(work, "nominal", {"note": mark})


async def test_filled_work_and_emergencies_are_erased(
    platform: Platform, cluster: Cluster, tmp_path: Path
) -> None:
    slug, mark = "t-busy", "Quorndon"
    await create_force(platform, slug, "84")
    for name in ("first", "second"):
        await add_member(platform, f"admin.{slug}", f"{name}.{slug}", "supervisor")
    await until_known(platform, slug)
    manager, officer = f"records.{slug}", f"officer.{slug}"
    opened = []
    for surname in (f"{mark}a", f"{mark}b"):
        nominal = await create(platform, officer, surname)
        await restrict(platform, manager, nominal, member=manager)
        await lock(platform, manager, nominal, officer)
        opened.append(await break_glass(platform, f"first.{slug}", nominal, surname))
    body = {"outcome": "justified", "note": f"{mark} was found."}
    path = f"/emergencies/{opened[0]}/review"
    assert (await call(platform, f"second.{slug}", "POST", path, body)).status_code == 204
    files = FileStore(FileKeyProvider.open(tmp_path / "keys.json"))
    await fill_work(platform, officer, mark, files)

    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        await platform.delivered()
        archive = await export(platform, manager)
        await suspend(platform, slug)
        body = {"checksum": archive.manifest.checksum}
        done = await post(platform, "amo.admin", f"tenants/{slug}/offboard", **body)
        assert done.status_code == 200, done.text
        tables = done.json()["statement"]["tables"]
        assert {table["after"] for table in tables.values()} == {0}
        filled = {name for name, table in tables.items() if table["before"]}
        assert {
            "records.restriction",
            "records.lock",
            "records.emergency_access",
            "records.emergency_review",
            "work.data_key",
            "work.draft",
            "work.file",
            "work.file_chunk",
            "work.item",
            "work.notification",
        } <= filled
        assert await rows_with(admin, mark) == {}
        left = {table.split("_")[0] for table in await rows_with(admin, f".{slug}")}
        assert left <= {"audit.event"}, "the log stays"
    finally:
        await admin.close()


RESTORED = json.dumps(
    [
        {
            "restriction_id": str(uuid4()),
            "lock_id": str(uuid4()),
            "nominal_id": "{nominal}",
            "member_id": str(uuid4()),
            "named": "anybody.kent",
            "set_by": str(uuid4()),
            "set_by_name": "nobody.kent",
            "reason": "A forged row",
            "since": "2026-01-01T00:00:00Z",
        }
    ]
)


@pytest.mark.parametrize("table", ["restriction", "lock"])
@pytest.mark.parametrize("whose", ["another force's", "one's own, not being restored"])
async def test_exceptions_are_restored_for_nominals_of_this_restoring_only(
    platform: Platform, cluster: Cluster, table: str, whose: str
) -> None:
    """A login that calls the function by hand gives no record an exception it didn't bring back."""
    owner = "essex" if whose == "another force's" else "kent"
    marking = {"handling": "C", "conditions": ["S2"]} if owner == "essex" else {}
    nominal = await create(platform, f"officer.{owner}", f"Restor{table}{owner}", **marking)
    subject = await subject_by_username(platform.runtime.database, "records.kent")
    visibility = await platform.runtime.gate.visibility(subject, Purpose.DATA_QUALITY)
    connection = await cluster.login(platform.runtime.store.address.database, "athena_kent")
    rows = RESTORED.replace("{nominal}", nominal)
    call_it = "SELECT records.restore_exceptions($1, CAST($2 AS jsonb))"
    try:
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute(call_it, table, rows)
        async with connection.transaction():
            await connection.execute(
                "SELECT audit.append($1, 'alteration', 'test', 'by hand', '{}', '[]')",
                visibility.grant_set_id,
            )
            try:
                async with connection.transaction():
                    await connection.execute(call_it, table, rows)
            except asyncpg.CheckViolationError:
                assert table == "restriction", "a record that isn't restricted takes no names"
    finally:
        await connection.close()
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        kept = f"SELECT count(*) FROM records.{table} WHERE nominal_id = $1"
        assert await admin.fetchval(kept, UUID(nominal)) == 0
    finally:
        await admin.close()
