"""A lock wins over whatever else a grant set holds, in every table of a nominal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.cluster import Cluster
from support.exceptions import TABLES
from support.world import GROUPS, World, loaded_world, open_consultation, store_grant

SCOPES = ("match", "summary", "pointer", "existence", *GROUPS)
NAMES = ("kent", "open", "pointer", "closed")
EVERYWHERE = (*TABLES, "history", "change")

GRANTS = st.fixed_dictionaries(
    {
        "labels": st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(SCOPES))),
        "singles": st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(SCOPES))),
        "locked": st.sets(st.sampled_from(NAMES), min_size=1),
    }
)
IN_A_DATABASE = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
async def world(cluster: Cluster, consortium: str) -> AsyncIterator[World]:
    """Yield a loaded world."""
    async with loaded_world(cluster, consortium) as made:
        yield made


async def granted(world: World, grant: Mapping[str, Any]) -> UUID:
    """Store a grant set for Kent, with labels, single records and locks in any combination."""
    scopes: dict[str, list[int]] = {}
    for name, shown in grant["labels"].items():
        for scope in shown:
            scopes.setdefault(scope, []).append(world.labels[name])
    stored = await store_grant(world, "athena_kent", world.kent, scopes)
    writer = await world.as_login("athena_policy_writer")
    try:
        await writer.execute(
            "SELECT ctx.except_records($1, 0, NULL, $2, $3)",
            stored,
            json.dumps(
                [{**key(world, n), "scopes": sorted(s)} for n, s in grant["singles"].items()]
            ),
            json.dumps([{**key(world, name), "kept": []} for name in grant["locked"]]),
        )
    finally:
        await writer.close()
    return stored


def key(world: World, name: str) -> dict[str, Any]:
    """Return the key of one of the world's nominals."""
    owner = world.kent if name == "kent" else world.essex
    return {"owner_force": owner, "nominal_id": str(world.nominals[name])}


async def seen(connection: asyncpg.Connection, world: World, grant: UUID) -> set[tuple[str, str]]:
    """Return in which tables rows of which nominal show."""
    names = {nominal: name for name, nominal in world.nominals.items()}
    async with connection.transaction():
        await open_consultation(connection, grant)
        return {
            (table, names[row["nominal_id"]])
            for table in EVERYWHERE
            for row in await connection.fetch(f"SELECT DISTINCT nominal_id FROM records.{table}")
        }


@IN_A_DATABASE
@given(grant=GRANTS)
async def test_a_lock_always_wins(world: World, grant: dict[str, Any]) -> None:
    locked = await granted(world, grant)
    unlocked = await granted(world, {**grant, "locked": set()})
    connection = await world.as_login("athena_kent")
    try:
        under_lock = await seen(connection, world, locked)
        without = await seen(connection, world, unlocked)
    finally:
        await connection.close()
    assert under_lock == {(table, name) for table, name in without if name not in grant["locked"]}


async def test_a_grant_set_holds_at_most_fifty_single_records(world: World) -> None:
    grant = await store_grant(world, "athena_kent", world.kent, {})
    records = [{**key(world, "open"), "scopes": []}] * 51
    writer = await world.as_login("athena_policy_writer")
    try:
        with pytest.raises(asyncpg.PostgresError, match="at most 50"):
            await writer.execute(
                "SELECT ctx.except_records($1, 0, NULL, $2, '[]')", grant, json.dumps(records)
            )
        with pytest.raises(asyncpg.PostgresError, match="exception changed"):
            await writer.execute("SELECT ctx.except_records($1, 99, NULL, '[]', '[]')", grant)
    finally:
        await writer.close()


async def test_a_record_of_the_same_id_in_another_force_is_another_record(world: World) -> None:
    """A lock on Essex's record says nothing of a record of Kent's that was given the same id."""
    mine = {"kent": {"summary", "match"}}
    grant = await granted(world, {"labels": mine, "singles": {}, "locked": {"open"}})
    connection = await world.as_login("athena_kent")
    transaction = connection.transaction()
    await transaction.start()
    try:
        await open_consultation(connection, grant, "collection")
        await connection.execute(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) VALUES ($1, $2, $3)",
            world.kent,
            world.nominals["open"],
            world.labels["kent"],
        )
        owners = await connection.fetch(
            "SELECT owner_force FROM records.nominal WHERE nominal_id = $1",
            world.nominals["open"],
        )
        assert [row["owner_force"] for row in owners] == [world.kent]
    finally:
        await transaction.rollback()
        await connection.close()
