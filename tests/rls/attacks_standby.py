"""What Kent's login tries on a standby: to read there what the primary hasn't logged for it.

Steps get a connection to the standby. They log on the primary; there, too, defences are removed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from rls.attacks import OPEN, without_in_view
from support.standby import HotStandby
from support.world import World, name_consultation, open_consultation


@dataclass(frozen=True)
class Scene:
    """The world on the primary, and the standby that replays it."""

    world: World
    standby: HotStandby

    async def logged(self, login: str = "kent", grant: str = "kent", keep: bool = True) -> str:
        """Log a consultation on the primary, wait until it is replayed, and return its number."""
        primary = await self.world.as_login(f"athena_{login}")
        try:
            transaction = primary.transaction()
            await transaction.start()
            await open_consultation(primary, self.world.grants[grant])
            xid: str = await primary.fetchval("SELECT pg_current_xact_id()::text")
            await (transaction.commit() if keep else transaction.rollback())
        finally:
            await primary.close()
        await self.standby.catch_up()
        return xid

    async def alter(self, statement: str) -> None:
        """Change the store on the primary as a superuser, and wait until it is replayed."""
        admin = await self.world.cluster.admin(self.world.database)
        try:
            await admin.execute(statement)
        finally:
            await admin.close()
        await self.standby.catch_up()


Steps = Callable[[asyncpg.Connection, Scene], Awaitable[bool]]


@dataclass(frozen=True)
class StandbyAttack:
    """An attempt on a standby, the defence it tests, and the SQL that takes that defence away.

    What it takes from the view of open consultations is put back by itself, the rest by `restore`.
    """

    name: str
    defence: str
    steps: Steps
    remove: str
    restore: str = ""


async def reads(
    connection: asyncpg.Connection,
    scene: Scene,
    xid: str | None,
    grant: UUID,
    statement: str = "SELECT 1 FROM records.nominal",
) -> bool:
    """Read on the standby under a consultation that is named, or without a name."""
    async with connection.transaction():
        if xid is not None:
            await name_consultation(connection, xid, grant)
        return bool(await connection.fetch(statement))


async def honest(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Read under a consultation of its own, just logged: this is what a standby is for."""
    return await reads(connection, scene, await scene.logged(), scene.world.grants["kent"])


async def names_nothing(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Read without a name though a consultation has just been logged."""
    await scene.logged()
    return await reads(connection, scene, None, scene.world.grants["kent"])


async def forges_a_name(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Name a transaction that logged nothing, with a grant set that is valid."""
    admin = await scene.world.cluster.admin(scene.world.database)
    try:
        xid = await admin.fetchval("SELECT pg_current_xact_id()::text")
    finally:
        await admin.close()
    await scene.standby.catch_up()
    return await reads(connection, scene, xid, scene.world.grants["kent"])


async def rolls_back(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Name a consultation that was rolled back, as a read without a trace would need."""
    xid = await scene.logged(keep=False)
    return await reads(connection, scene, xid, scene.world.grants["kent"])


async def old_consultation(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Name a consultation that was logged eleven seconds ago."""
    xid = await scene.logged()
    await scene.alter(
        f"UPDATE ctx.consultation SET at = at - interval '11 seconds' WHERE xid = '{xid}'"
    )
    return await reads(connection, scene, xid, scene.world.grants["kent"])


async def another_logins(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Name a consultation of Essex, with its grant set, and read what Essex sees."""
    xid = await scene.logged("essex", "essex")
    return await reads(connection, scene, xid, scene.world.grants["essex"])


async def another_grant_set(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Name a consultation of a colleague's, whose grant set it can't know."""
    xid = await scene.logged(grant="wide")
    return await reads(connection, scene, xid, scene.world.grants["kent"])


async def after_a_change(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Name a consultation after the policy has changed."""
    xid = await scene.logged()
    await scene.alter("UPDATE ctx.policy_state SET revision = revision + 1")
    try:
        return await reads(connection, scene, xid, scene.world.grants["kent"])
    finally:
        await scene.alter("UPDATE ctx.policy_state SET revision = revision - 1")


async def hidden_rows(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Read a nominal that the grant set doesn't show, under a consultation of its own."""
    closed = f"SELECT 1 FROM records.nominal WHERE nominal_id = '{scene.world.nominals['closed']}'"
    xid = await scene.logged()
    return await reads(connection, scene, xid, scene.world.grants["kent"], closed)


async def ungranted_groups(connection: asyncpg.Connection, scene: Scene) -> bool:
    """Read a group that the grant set doesn't show of a nominal that it does show."""
    contacts = f"SELECT 1 FROM records.contact WHERE nominal_id = '{scene.world.nominals['open']}'"
    xid = await scene.logged()
    return await reads(connection, scene, xid, scene.world.grants["kent"], contacts)


WITHOUT_A_NOTE = """
    CREATE OR REPLACE VIEW ctx.open_consultation WITH (security_invoker = true) AS
    SELECT g.grant_set_id, g.member_id, g.excepts FROM ctx.grant_set AS g
    WHERE g.login = session_user
      AND g.grant_set_id = current_setting('athena.logged_grants')::uuid;
"""
"""Visibility for whoever names a grant set, whether or not anything was logged under it."""

STANDBY = [
    StandbyAttack(
        "reads on a standby without naming a consultation",
        "a standby shows nothing but what a named consultation shows",
        names_nothing,
        """
        CREATE OR REPLACE VIEW ctx.open_consultation WITH (security_invoker = true) AS
        SELECT g.grant_set_id, g.member_id, g.excepts
        FROM ctx.consultation AS c JOIN ctx.grant_set AS g USING (grant_set_id)
        WHERE c.login = session_user ORDER BY c.at DESC LIMIT 1;
        """,
    ),
    StandbyAttack(
        "names a transaction that logged nothing",
        "a consultation must have been noted by the log's own function",
        forges_a_name,
        WITHOUT_A_NOTE,
    ),
    StandbyAttack(
        "names a consultation that was rolled back",
        "what isn't committed isn't replayed",
        rolls_back,
        WITHOUT_A_NOTE,
    ),
    StandbyAttack(
        "names an old consultation",
        "a consultation counts for ten seconds on a standby",
        old_consultation,
        without_in_view(OPEN, "''00:00:10''::interval", "''00:01:00''::interval"),
    ),
    StandbyAttack(
        "names another login's consultation",
        "a consultation and a grant set are bound to their login",
        another_logins,
        without_in_view(OPEN, "c.login = SESSION_USER")
        + without_in_view(OPEN, "g.login = SESSION_USER")
        + "ALTER POLICY own_transaction ON ctx.consultation USING (true);"
        + "ALTER POLICY own_grant_sets ON ctx.grant_set USING (true)",
        "ALTER POLICY own_transaction ON ctx.consultation USING (login = session_user);"
        "ALTER POLICY own_grant_sets ON ctx.grant_set USING (login = session_user)",
    ),
    StandbyAttack(
        "names a colleague's consultation",
        "whoever names a consultation must know its grant set",
        another_grant_set,
        without_in_view(
            OPEN,
            "c.grant_set_id = (NULLIF(current_setting("
            "''athena.logged_grants''::text, true), ''''::text))::uuid",
        ),
    ),
    StandbyAttack(
        "reads on a standby after the policy changed",
        "a consultation ends with the policy that allowed it, as soon as that is replayed",
        after_a_change,
        without_in_view(OPEN, "g.policy_revision = ", "g.policy_revision <= "),
    ),
    StandbyAttack(
        "reads a hidden nominal on a standby",
        "a standby has the primary's policies",
        hidden_rows,
        "ALTER TABLE records.nominal DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE records.nominal ENABLE ROW LEVEL SECURITY",
    ),
    StandbyAttack(
        "reads an ungranted group on a standby",
        "a standby has the primary's policies",
        ungranted_groups,
        "ALTER TABLE records.contact DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE records.contact ENABLE ROW LEVEL SECURITY",
    ),
]
