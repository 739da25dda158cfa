"""What Kent's login tries, and the one defence that each attempt tests.

An attack returns True when it read or wrote something outside Kent's grants, or anything at all
without a consultation. ``remove`` is run by a superuser in a scratch database: an attack that
doesn't succeed then has proved nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg

from support.world import World, open_consultation

Steps = Callable[[asyncpg.Connection, World], Awaitable[bool]]

NO_RLS = "ALTER TABLE {0} DISABLE ROW LEVEL SECURITY"


APPEND = "audit.append(uuid, text, text, text, jsonb, jsonb)"
OPEN = "ctx.open_consultation"

WITHOUT_AN_EVENT = """
    CREATE OR REPLACE VIEW ctx.open_consultation WITH (security_invoker = true) AS
    SELECT g.grant_set_id, g.member_id, g.excepts FROM ctx.grant_set AS g
    WHERE g.login = session_user
    ORDER BY (SELECT count(*) FROM ctx.grant_scope AS s
              WHERE s.grant_set_id = g.grant_set_id) DESC LIMIT 1;
"""
"""Visibility that asks for no event: the widest grant set of the login counts as open."""


def without(function: str, condition: str, instead: str = "true") -> str:
    """Return SQL that takes one condition out of a function, and fails when it isn't there."""
    return f"""
        DO $remove$ DECLARE whole text := pg_get_functiondef('{function}'::regprocedure); BEGIN
            IF position('{condition}' IN whole) = 0 THEN
                RAISE EXCEPTION 'the condition to remove is not there: %', whole;
            END IF;
            EXECUTE replace(whole, '{condition}', '{instead}');
        END $remove$;
    """


def without_in_view(view: str, condition: str, instead: str = "true") -> str:
    """Return SQL as `without` does for a view; ``condition`` as PostgreSQL writes it down."""
    return f"""
        DO $remove$ DECLARE whole text := pg_get_viewdef('{view}'::regclass); BEGIN
            IF position('{condition}' IN whole) = 0 THEN
                RAISE EXCEPTION 'the condition to remove is not there: %', whole;
            END IF;
            EXECUTE 'CREATE OR REPLACE VIEW {view} WITH (security_invoker = true) AS '
                || replace(whole, '{condition}', '{instead}');
        END $remove$;
    """


@dataclass(frozen=True)
class Attack:
    """An attempt, the defence it tests, and the SQL that takes that defence away."""

    name: str
    defence: str
    steps: Steps
    remove: str


def reads(
    statement: str, *, consulting: bool = True, kind: str = "consultation", grant: str = "kent"
) -> Steps:
    """Return steps that succeed when a query gives a row."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        async with connection.transaction():
            if consulting:
                await open_consultation(connection, world.grants[grant], kind)
            return bool(await connection.fetch(fill(statement, world)))

    return steps


def writes(statement: str, kind: str | None = "alteration", grant: str = "kent") -> Steps:
    """Return steps that succeed when a statement touches a row."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        async with connection.transaction():
            if kind is not None:
                await open_consultation(connection, world.grants[grant], kind)
            done = await connection.execute(fill(statement, world))
            return not done.endswith(" 0")

    return steps


def fill(statement: str, world: World) -> str:
    """Put the world's ids into a statement."""
    return statement.format(
        kent=world.kent,
        essex=world.essex,
        open=world.nominals["open"],
        closed=world.nominals["closed"],
        pointer=world.nominals["pointer"],
        own=world.nominals["kent"],
        open_label=world.labels["open"],
        closed_label=world.labels["closed"],
        pointer_label=world.labels["pointer"],
        kent_label=world.labels["kent"],
        location=world.locations["closed"],
        kent_grant=world.grants["kent"],
        essex_grant=world.grants["essex"],
        month=f"{datetime.now(UTC):%Y_%m}",
        new=uuid4(),
        **{name: str(made) for name, made in world.work.items()},
    )
