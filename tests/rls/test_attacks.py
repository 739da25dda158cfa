"""Every attack fails on the intact store, and succeeds once the defence it names is removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from rls.attacks import Attack, Steps
from rls.attacks_administration import ADMINISTRATION
from rls.attacks_agreements import AGREEMENTS
from rls.attacks_authority import AUTHORITY
from rls.attacks_becoming import BECOMING, CREATING, RoleAttack
from rls.attacks_consulting import CONSULTING, WITHOUT_CONSULTATION
from rls.attacks_costs import COSTS
from rls.attacks_deliveries import DELIVERIES
from rls.attacks_exceptions import EXCEPTIONS
from rls.attacks_features import FEATURES
from rls.attacks_files import STORED
from rls.attacks_foreseeing import FORESEEING
from rls.attacks_governance import GOVERNANCE
from rls.attacks_imports import IMPORTS
from rls.attacks_linking import LINKING
from rls.attacks_oracles import ORACLES
from rls.attacks_partners import PARTNERS
from rls.attacks_reading import CLOSED_GROUPS, READING, UNGRANTED_GROUPS
from rls.attacks_referrals import REFERRALS
from rls.attacks_releases import RELEASES
from rls.attacks_sessions import SESSIONS
from rls.attacks_submissions import SUBMISSIONS
from rls.attacks_work import WORK
from rls.attacks_writing import WRITING
from rls.prepared import prepared_world
from rls.residuals import RESIDUALS
from support.cluster import Cluster
from support.world import World

ATTACKS = [
    *WITHOUT_CONSULTATION,
    *CONSULTING,
    *UNGRANTED_GROUPS,
    *CLOSED_GROUPS,
    *READING,
    *WRITING,
    *SESSIONS,
    *ORACLES,
    *AUTHORITY,
    *ADMINISTRATION,
    *EXCEPTIONS,
    *AGREEMENTS,
    *CREATING,
    *WORK,
    *STORED,
    *FORESEEING,
    *IMPORTS,
    *LINKING,
    *GOVERNANCE,
    *COSTS,
    *RELEASES,
    *FEATURES,
    *DELIVERIES,
    *PARTNERS,
    *SUBMISSIONS,
    *REFERRALS,
]


@pytest.fixture(scope="module")
async def world(cluster: Cluster, consortium: str) -> AsyncIterator[World]:
    """Yield a loaded world, whose database the scratch copies are made from."""
    with cluster.locked():
        name = await cluster.create(consortium)
    try:
        yield await prepared_world(cluster, name)
    finally:
        await cluster.drop(name)


async def succeeds(steps: Steps, connection: asyncpg.Connection, world: World) -> bool:
    """Run an attack on a connection; a refusal by the server is a failure of the attack."""
    try:
        return await steps(connection, world)
    except (asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    finally:
        await connection.close()


async def attempt(steps: Steps, world: World) -> bool:
    """Run an attack as Kent's login."""
    return await succeeds(steps, await world.as_login("athena_kent"), world)


def test_there_are_enough_attacks_and_each_has_its_name() -> None:
    names = [*(attack.name for attack in ATTACKS), *(attack.name for attack in BECOMING)]
    assert len(names) >= 120
    assert len({*names, *RESIDUALS}) == len(names) + len(RESIDUALS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_the_attack_fails(attack: Attack, world: World) -> None:
    assert not await attempt(attack.steps, world), attack.defence


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_it_succeeds_without_the_defence(
    attack: Attack, world: World, cluster: Cluster
) -> None:
    with cluster.locked():
        name = await cluster.create(world.database)
    try:
        scratch = replace(world, database=name)
        admin = await cluster.admin(name)
        try:
            await admin.execute(attack.remove)
        finally:
            await admin.close()
        assert await attempt(attack.steps, scratch), f"without '{attack.defence}' it should succeed"
    finally:
        await cluster.drop(name)


@pytest.mark.parametrize("attack", BECOMING, ids=lambda attack: attack.name)
async def test_kent_cannot_become_another(attack: RoleAttack, world: World) -> None:
    assert not await attempt(attack.steps, world)


@pytest.mark.parametrize("attack", BECOMING, ids=lambda attack: attack.name)
async def test_a_stand_in_becomes_another_only_with_the_gift(
    attack: RoleAttack, world: World, cluster: Cluster
) -> None:
    login = f"stand_in_{uuid4().hex[:12]}"
    admin = await cluster.admin(world.database)
    await admin.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{login}' IN ROLE athena_force")
    try:
        without = await _as_stand_in(cluster, world, login)
        assert not await succeeds(attack.steps, without, world)
        await admin.execute(attack.gift.format(login))
        gifted = await _as_stand_in(cluster, world, login)
        assert await succeeds(attack.steps, gifted, world)
    finally:
        await admin.execute(f"DROP ROLE {login}")
        await admin.close()


@pytest.mark.parametrize("name", RESIDUALS)
async def test_what_the_threat_model_accepts_still_stands(name: str, world: World) -> None:
    assert await attempt(RESIDUALS[name], world), "closed: take it out of docs/threat-model.md"


async def _as_stand_in(cluster: Cluster, world: World, login: str) -> asyncpg.Connection:
    address = cluster.store(world.database).address
    return await asyncpg.connect(
        host=address.host,
        port=address.port,
        user=login,
        password=login,
        database=world.database,
    )
