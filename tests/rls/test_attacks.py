"""Every attack fails on the intact store, and succeeds once the defence it names is removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from rls.attacks import READING, UNGRANTED_GROUPS, WITHOUT_CONSULTATION, Attack
from rls.attacks_writing import WRITING
from support.cluster import Cluster
from support.world import World, build_world

ATTACKS = [*WITHOUT_CONSULTATION, *UNGRANTED_GROUPS, *READING, *WRITING]
ROLE_MEMBERSHIP = "becomes another role"


@pytest.fixture(scope="module")
async def world(cluster: Cluster, consortium: str) -> AsyncIterator[World]:
    """Yield a loaded world, whose database the scratch copies are made from."""
    with cluster.locked():
        name = await cluster.create(consortium)
    built = await build_world(cluster, name)
    kent = await built.as_login("athena_kent")
    async with kent.transaction():
        await kent.execute(
            "SELECT audit.append($1, 'collection', 'x', 'x', '{}', '[]')", built.grants["kent"]
        )
        await kent.execute(
            "INSERT INTO records.source_reference (owner_force, source, source_id, nominal_id) "
            "VALUES ($1, 'x', 'x', $2)",
            built.kent,
            built.nominals["kent"],
        )
    await kent.close()
    yield built
    await cluster.drop(name)


async def attempt(attack: Attack, world: World) -> bool:
    """Run an attack as Kent's login; a refusal by the server is a failure of the attack."""
    connection = await world.as_login("athena_kent")
    try:
        return await attack.steps(connection, world)
    except (asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    finally:
        await connection.close()


def test_there_are_enough_attacks_and_each_has_its_name() -> None:
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_the_attack_fails(attack: Attack, world: World) -> None:
    assert not await attempt(attack, world), attack.defence


@pytest.mark.parametrize(
    "attack",
    [attack for attack in ATTACKS if attack.name != ROLE_MEMBERSHIP],
    ids=lambda attack: attack.name,
)
async def test_it_succeeds_without_the_defence(
    attack: Attack, world: World, cluster: Cluster
) -> None:
    with cluster.locked():
        name = await cluster.create(world.database)
    try:
        scratch = replace(world, database=name)
        admin = await cluster.admin(name)
        await admin.execute(attack.remove)
        await admin.close()
        assert await attempt(attack, scratch), f"without '{attack.defence}' it should succeed"
    finally:
        await cluster.drop(name)


async def test_role_membership_is_what_keeps_it_from_becoming_another(
    world: World, cluster: Cluster
) -> None:
    """Roles belong to the whole server, so this one is taken away inside a rolled-back grant."""
    admin = await cluster.admin(world.database)
    transaction = admin.transaction()
    await transaction.start()
    try:
        question = "SELECT pg_has_role('athena_kent', 'athena_essex', 'MEMBER')"
        assert not await admin.fetchval(question)
        await admin.execute("GRANT athena_essex TO athena_kent")
        assert await admin.fetchval(question)
    finally:
        await transaction.rollback()
        await admin.close()
