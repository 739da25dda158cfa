"""Every login tries every verb on every relation: what succeeds is written down, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from rls.catalogue import LOGINS, Success, walk
from rls.permitted import FORCES, PERMITTED
from rls.prepared import prepared_world
from support.cluster import Cluster
from support.world import World


@pytest.fixture(scope="module")
async def world(cluster: Cluster, consortium: str) -> AsyncIterator[World]:
    """Yield a loaded world, whose database the scratch copies are made from."""
    with cluster.locked():
        name = await cluster.create(consortium)
    try:
        yield await prepared_world(cluster, name)
    finally:
        await cluster.drop(name)


async def permitted(admin: asyncpg.Connection) -> set[Success]:
    """Return the written exceptions, one for each login, relation and verb."""
    forces = [name for name, tenant in await admin.fetch(LOGINS) if tenant is not None]
    return {
        (login, entry.relation, verb)
        for entry in PERMITTED
        for login in (forces if entry.login == FORCES else [entry.login])
        for verb in entry.verbs.split(", ")
    }


async def test_every_login_reaches_what_is_written_and_nothing_else(world: World) -> None:
    admin = await world.cluster.admin(world.database)
    try:
        successes, missing = await walk(admin, world)
        expected = await permitted(admin)
    finally:
        await admin.close()
    assert missing == []
    assert successes - expected == set(), "reached, and not in permitted.py"
    assert expected - successes == set(), "in permitted.py, and no longer reached"


HOLES = {
    "a table without a policy": (
        "CREATE TABLE records.new (owner_force smallint, text text); "
        "INSERT INTO records.new SELECT tenant_id, slug FROM tenants.tenant; "
        "GRANT SELECT, INSERT, UPDATE, DELETE ON records.new TO athena_force",
        {("records.new", verb) for verb in ("SELECT", "COPY TO", "INSERT", "UPDATE", "DELETE")}
        | {("records.new", "COPY FROM")},
    ),
    "a blind write that no policy stops": (
        "CREATE POLICY any_row ON records.contact FOR DELETE TO athena_force USING (true)",
        {("records.contact", "DELETE")},
    ),
    "a column that is granted, and a policy too wide": (
        "REVOKE UPDATE ON records.contact FROM athena_force; "
        "GRANT UPDATE (kind) ON records.contact TO athena_force; "
        "CREATE POLICY any_row ON records.contact FOR UPDATE TO athena_force USING (true)",
        {("records.contact", "UPDATE")},
    ),
    "a column of a table that shows nothing else": (
        "CREATE TABLE records.new (owner_force smallint, text text, other text); "
        "INSERT INTO records.new SELECT tenant_id, slug, 'x' FROM tenants.tenant; "
        "GRANT SELECT (text), INSERT (owner_force, text) ON records.new TO athena_force",
        {("records.new", "SELECT"), ("records.new", "INSERT")},
    ),
    "a view with its owner's rights": (
        "CREATE VIEW records.everybody AS SELECT * FROM records.nominal; "
        "GRANT SELECT, UPDATE ON records.everybody TO athena_force",
        {("records.everybody", verb) for verb in ("SELECT", "COPY TO", "UPDATE")},
    ),
    "a materialised view": (
        "CREATE MATERIALIZED VIEW records.kept AS SELECT * FROM records.nominal; "
        "GRANT SELECT ON records.kept TO athena_force",
        {("records.kept", "SELECT"), ("records.kept", "COPY TO")},
    ),
    "a partition that is granted": (
        "GRANT SELECT ON audit.event_other TO athena_force",
        {("audit.event_other", "SELECT"), ("audit.event_other", "COPY TO")},
    ),
    "a sequence": (
        "CREATE SEQUENCE records.counter; GRANT USAGE ON records.counter TO athena_force",
        {("records.counter", "USAGE")},
    ),
    "the right to empty a table": (
        "GRANT TRUNCATE ON records.change TO athena_force",
        {("records.change", "TRUNCATE")},
    ),
}


@pytest.mark.parametrize("hole", HOLES)
async def test_it_finds(hole: str, world: World, cluster: Cluster) -> None:
    """A hole that is made in a scratch database is found, with its verbs, and nothing besides."""
    make, expected = HOLES[hole]
    with cluster.locked():
        name = await cluster.create(world.database)
    admin = await cluster.admin(name)
    try:
        await admin.execute(make)
        found, missing = await walk(
            admin, replace(world, database=name), {relation for relation, _ in expected}, FORCE
        )
    finally:
        await admin.close()
        await cluster.drop(name)
    assert missing == []
    assert {(relation, verb) for _, relation, verb in found} == expected


FORCE = {"athena_kent"}


async def test_a_table_that_cannot_be_attacked_is_told(world: World, cluster: Cluster) -> None:
    with cluster.locked():
        name = await cluster.create(world.database)
    admin = await cluster.admin(name)
    try:
        await admin.execute(
            "CREATE TABLE records.empty (owner_force smallint); CREATE TABLE records.odd (x text)"
        )
        _, missing = await walk(
            admin, replace(world, database=name), {"records.empty", "records.odd"}, FORCE
        )
    finally:
        await admin.close()
        await cluster.drop(name)
    assert [text.split(":")[0] for text in missing] == [
        f"records.empty has no row of tenant {world.essex}",
        f"records.empty has no row of tenant {world.kent}",
        *["records.odd has no column of a force"] * 2,
    ]
