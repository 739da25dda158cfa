"""A standby shows nothing that the primary hasn't logged: attacks, each proved by its defence."""

from __future__ import annotations

import asyncpg
import pytest

from rls.attacks import OPEN
from rls.attacks_standby import STANDBY, Scene, StandbyAttack, Steps, honest, reads
from support.standby import HotStandby
from support.world import GROUPS, build_world, keep_grants, open_consultation, store_grant


@pytest.fixture(scope="module")
async def scene(standby: HotStandby) -> Scene:
    """Return a loaded world on a primary with a standby; a colleague of Kent's sees more."""
    name = await standby.primary.create(await standby.primary.consortium_template())
    world = await build_world(standby.primary, name)
    every = list(world.labels.values())
    wide = dict.fromkeys(("match", "summary", *GROUPS), every)
    world.grants["wide"] = await store_grant(world, "athena_kent", world.kent, wide)
    await keep_grants(world)
    return Scene(world, standby)


async def attempt(steps: Steps, scene: Scene) -> bool:
    """Try something as Kent's login on the standby; what it refuses doesn't succeed."""
    await scene.standby.catch_up()
    connection = await scene.standby.cluster.login(scene.world.database, "athena_kent")
    try:
        return await steps(connection, scene)
    except asyncpg.PostgresError:
        return False
    finally:
        await connection.close()


async def test_a_consultation_just_logged_shows_its_records(scene: Scene) -> None:
    assert await attempt(honest, scene)


@pytest.mark.parametrize("attack", STANDBY, ids=lambda attack: attack.name)
async def test_the_attack_fails_and_succeeds_without_the_defence(
    attack: StandbyAttack, scene: Scene
) -> None:
    """One database serves all: each attack first fails there, whatever was removed before."""
    assert not await attempt(attack.steps, scene), attack.defence
    admin = await scene.world.cluster.admin(scene.world.database)
    try:
        view = await admin.fetchval(f"SELECT pg_get_viewdef('{OPEN}'::regclass)")
    finally:
        await admin.close()
    await scene.alter(attack.remove)
    try:
        assert await attempt(attack.steps, scene), f"without '{attack.defence}' it should succeed"
    finally:
        await scene.alter(
            f"CREATE OR REPLACE VIEW {OPEN} WITH (security_invoker = true) AS {view}"
            f"{attack.restore}"
        )


async def test_what_the_threat_model_accepts_still_stands(scene: Scene) -> None:
    """A revocation that isn't replayed yet doesn't count there yet; the consultation's end does."""
    xid = await scene.logged()
    await scene.standby.replays(False)
    kent = await scene.standby.cluster.login(scene.world.database, "athena_kent")
    admin = await scene.world.cluster.admin(scene.world.database)
    try:
        await admin.execute("UPDATE ctx.policy_state SET revision = revision + 1")
        assert await reads(kent, scene, xid, scene.world.grants["kent"]), "closed: mend the docs"
        await scene.standby.replays(True)
        await scene.standby.catch_up()
        assert not await reads(kent, scene, xid, scene.world.grants["kent"])
    finally:
        await scene.standby.replays(True)
        await scene.alter("UPDATE ctx.policy_state SET revision = revision - 1")
        await kent.close()
        await admin.close()


async def test_a_standby_takes_no_event(scene: Scene) -> None:
    connection = await scene.standby.cluster.login(scene.world.database, "athena_kent")
    try:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await open_consultation(connection, scene.world.grants["kent"])
    finally:
        await connection.close()
