"""A name key carries its name's label, which is its nominal's, whatever runs beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest
from asyncpg.transaction import Transaction

from support.cluster import Cluster
from support.waiting import until
from support.world import (
    GIVEN_TERM,
    GROUPS,
    SURNAME_TERM,
    World,
    loaded_world,
    open_consultation,
    store_grant,
)

NAME = (SURNAME_TERM << 39) | (GIVEN_TERM << 16)
DATE = (SURNAME_TERM << 23) | GIVEN_TERM
WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted)"


@pytest.fixture(scope="module")
async def world(cluster: Cluster, consortium: str) -> AsyncIterator[World]:
    """Yield a loaded world in which Kent has two labels and sees both."""
    async with loaded_world(cluster, consortium) as made:
        kent = await made.as_login("athena_kent")
        made.labels["other"] = await kent.fetchval(
            "SELECT ctx.intern_label('nominal', 'OFFICIAL', 'P', '{}', '{another}', false, false)"
        )
        await kent.close()
        own = [made.labels["kent"], made.labels["other"]]
        scopes = dict.fromkeys(("match", "summary", *GROUPS), own)
        made.grants["kent"] = await store_grant(made, "athena_kent", made.kent, scopes)
        yield made


@pytest.fixture
async def nominal(world: World) -> UUID:
    """Return a new nominal of Kent's with one name and one key."""
    nominal, name = uuid4(), uuid4()
    connection = await world.as_login("athena_kent")
    try:
        async with connection.transaction():
            await open_consultation(connection, world.grants["kent"], "collection")
            for table, more, value in (
                ("nominal", "nominal_id", f"'{nominal}'"),
                (
                    "nominal_name",
                    "nominal_id, row_id, kind, given_names, surname",
                    f"'{nominal}', '{name}', 'primary', 'Secret', 'Person'",
                ),
            ):
                await connection.execute(
                    f"INSERT INTO records.{table} (owner_force, label_id, {more}) "
                    f"VALUES ($1, $2, {value})",
                    world.kent,
                    world.labels["kent"],
                )
            await add_key(connection, world, nominal, "kent")
    finally:
        await connection.close()
    return nominal


@pytest.fixture
async def kent(world: World) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection of Kent's."""
    connection = await world.as_login("athena_kent")
    yield connection
    await connection.close()


@pytest.fixture
async def beside(world: World) -> AsyncIterator[asyncpg.Connection]:
    """Yield another."""
    connection = await world.as_login("athena_kent")
    yield connection
    await connection.close()


async def add_key(connection: asyncpg.Connection, world: World, nominal: UUID, label: str) -> None:
    """Add a key of a nominal's name within a transaction that may write."""
    await connection.execute(
        "INSERT INTO records.name_key (name_key, date_key, name_row_id, owner_force, nominal_id, "
        "row_id, label_id) SELECT $1, $2, row_id, owner_force, nominal_id, $3, $4 "
        "FROM records.nominal_name WHERE nominal_id = $5",
        NAME,
        DATE,
        uuid4(),
        world.labels[label],
        nominal,
    )


async def relabel(connection: asyncpg.Connection, world: World, nominal: UUID) -> None:
    """Give a nominal the other label within a transaction that may write."""
    await connection.execute(
        "UPDATE records.nominal SET label_id = $1 WHERE nominal_id = $2",
        world.labels["other"],
        nominal,
    )


async def labels(world: World, nominal: UUID) -> dict[str, list[int]]:
    """Return the labels that a nominal, its names and its keys carry in the store."""
    admin = await world.cluster.admin(world.database)
    try:
        return {
            table: [
                row["label_id"]
                for row in await admin.fetch(
                    f"SELECT label_id FROM records.{table} WHERE nominal_id = $1", nominal
                )
            ]
            for table in ("nominal", "nominal_name", "name_key")
        }
    finally:
        await admin.close()


async def waits(world: World, connection: asyncpg.Connection) -> None:
    """Wait until a connection's statement waits for a lock."""
    admin = await world.cluster.admin(world.database)
    pid = connection.get_server_pid()
    try:

        async def waiting() -> bool:
            return bool(await admin.fetchval(WAITS, pid))

        await until(waiting)
    finally:
        await admin.close()


async def test_a_key_follows_its_nominals_label(
    world: World, kent: asyncpg.Connection, nominal: UUID
) -> None:
    async with kent.transaction():
        await open_consultation(kent, world.grants["kent"], "alteration")
        await relabel(kent, world, nominal)
    other = world.labels["other"]
    assert await labels(world, nominal) == {
        "nominal": [other],
        "nominal_name": [other],
        "name_key": [other],
    }


async def begin(connection: asyncpg.Connection, world: World) -> Transaction:
    """Begin a transaction that may write."""
    transaction = connection.transaction()
    await transaction.start()
    await open_consultation(connection, world.grants["kent"], "alteration")
    return transaction


async def test_a_key_that_is_added_first_follows_too(
    world: World, kent: asyncpg.Connection, beside: asyncpg.Connection, nominal: UUID
) -> None:
    adding, relabelling = await begin(kent, world), await begin(beside, world)
    await add_key(kent, world, nominal, "kent")
    relabelled = asyncio.create_task(relabel(beside, world, nominal))
    await waits(world, beside)
    await adding.commit()
    await relabelled
    await relabelling.commit()
    other = world.labels["other"]
    assert (await labels(world, nominal))["name_key"] == [other, other]


async def test_a_key_that_comes_second_is_refused_its_old_label(
    world: World, kent: asyncpg.Connection, beside: asyncpg.Connection, nominal: UUID
) -> None:
    relabelling, adding = await begin(kent, world), await begin(beside, world)
    await relabel(kent, world, nominal)
    added = asyncio.create_task(add_key(beside, world, nominal, "kent"))
    await waits(world, beside)
    await relabelling.commit()
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await added
    await adding.rollback()
    assert (await labels(world, nominal))["name_key"] == [world.labels["other"]]


@pytest.mark.parametrize("erased", ["nominal", "nominal_name"])
async def test_a_key_goes_with_its_name(
    world: World, kent: asyncpg.Connection, nominal: UUID, erased: str
) -> None:
    async with kent.transaction():
        await open_consultation(kent, world.grants["kent"], "erasure")
        await kent.execute(f"DELETE FROM records.{erased} WHERE nominal_id = $1", nominal)
    left = await labels(world, nominal)
    assert left["nominal_name"] == left["name_key"] == []
    assert bool(left["nominal"]) == (erased == "nominal_name")


@pytest.mark.parametrize(
    ("label", "refused"),
    [("kent", asyncpg.UniqueViolationError), ("other", asyncpg.ForeignKeyViolationError)],
)
async def test_no_two_names_have_one_row_id(
    world: World,
    kent: asyncpg.Connection,
    nominal: UUID,
    label: str,
    refused: type[asyncpg.PostgresError],
) -> None:
    adding = await begin(kent, world)
    with pytest.raises(refused):
        await kent.execute(
            "INSERT INTO records.nominal_name (owner_force, nominal_id, row_id, label_id, "
            "kind, given_names, surname) SELECT owner_force, nominal_id, row_id, $1, 'alias', "
            "'Second', 'Person' FROM records.nominal_name WHERE nominal_id = $2",
            world.labels[label],
            nominal,
        )
    await adding.rollback()
