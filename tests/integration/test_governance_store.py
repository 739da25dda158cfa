"""The store's own guards of governance: they allow what the life of a change allows, no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import product
from uuid import UUID, uuid4

import asyncpg
import pytest

from athena.governance.changes.machine import Kind, State, Step, move_of
from support.api import Platform
from support.cluster import Cluster
from support.governance import AMO, Chamber, emergency
from support.waiting import until

RAISERS = {Step.SUBMIT, Step.WITHDRAW}
"""What a raiser's own login does; the rest is the client body's or the platform's."""


@pytest.fixture(scope="module")
async def admin(platform: Platform, cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    """Yield a superuser's connection to the platform's store."""
    connection = await cluster.admin(platform.runtime.store.address.database)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
def chamber(platform: Platform) -> Chamber:
    return Chamber(platform)


def moves(kind: Kind) -> dict[tuple[State, State], set[Step]]:
    """Return each change of state of a kind, of those that can be reached, and its steps."""
    found: dict[tuple[State, State], set[Step]] = {}
    reached = {State.NEW}
    while True:
        for state, step in product(sorted(reached), Step):
            move = move_of(kind, step)
            if kind in move.kinds and state in move.since:
                found.setdefault((state, move.target(kind, state)), set()).add(step)
        if (more := {to for _, to in found}) <= reached:
            return {pair: steps for pair, steps in found.items() if pair[0] is not pair[1]}
        reached |= more


async def prepared(admin: asyncpg.Connection, kind: Kind, state: State) -> UUID:
    """Store a change of Kent's in a state, with a carried vote and an approved entry behind it."""
    change_id = uuid4()
    await admin.execute("SET LOCAL session_replication_role = replica")
    await admin.execute(
        "INSERT INTO governance.catalogue (slug, title, procedure, largest_pence, status) "
        "VALUES ('prepared', 'Prepared', 'Prepared', 0, 'approved') ON CONFLICT DO NOTHING"
    )
    await admin.execute(
        "INSERT INTO governance.change (change_id, number, tenant_id, username, kind, state, "
        "submitted_at, assess_by) SELECT $1, coalesce(max(number), 0) + 1, (SELECT tenant_id "
        "FROM tenants.tenant WHERE slug = 'kent'), 'board.kent', $2, $3, now(), now() "
        "FROM governance.change",
        change_id,
        kind.value,
        state.value,
    )
    await admin.execute(
        "INSERT INTO governance.change_version (change_id, version, tenant_id, username, document, "
        'digest) SELECT change_id, 1, tenant_id, username, \'{"catalogue": "prepared", '
        '"one_off_pence": 0, "annual_pence": 0, "impacts": {}}\', sha256(\'\') '
        "FROM governance.change WHERE change_id = $1",
        change_id,
    )
    await admin.execute(
        "INSERT INTO governance.vote (vote_id, body_id, constitution_version, decision, "
        "subject_kind, subject_id, subject_reference, subject_version, subject_digest, question, "
        "cost_pence, seats, closes_at, opened_by, status, ended_at, place, minute, minute_digest) "
        "VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'change_normal', 'change', $1, 'x', 1, "
        "sha256(''), 'Shall it?', 0, '[]', now() + interval '1 day', 'x', 'closed', now(), 1, "
        '\'{"outcome": {"result": "carried"}}\', sha256(\'\'))',
        change_id,
    )
    await admin.execute("SET LOCAL session_replication_role = origin")
    return change_id


@pytest.mark.parametrize("kind", Kind)
async def test_the_guard_knows_every_step_and_no_other(
    admin: asyncpg.Connection, kind: Kind
) -> None:
    """Each pair of states, as the client body and as the raiser, against the life as data."""
    known = moves(kind)
    for since in sorted({state for state, _ in known} | {to for _, to in known}):
        transaction = admin.transaction()
        await transaction.start()
        try:
            change_id = await prepared(admin, kind, since)
            for login, to in product(("athena_amo", "athena_kent"), State):
                if to is since:
                    continue
                steps = known.get((since, to), set())
                expected = bool(steps if login == "athena_amo" else steps & RAISERS)
                done = await moved(admin, login, change_id, to)
                assert done == expected, (login, kind, since, to)
        finally:
            await transaction.rollback()


async def test_assessing_ends_whichever_plan_the_session_has(admin: asyncpg.Connection) -> None:
    """The guard reads the catalogue for who submits alone: its teller may not read that."""
    transaction = admin.transaction()
    await transaction.start()
    try:
        change_id = await prepared(admin, Kind.NORMAL, State.ASSESS)
        await admin.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        assert await moved(admin, "athena_teller", change_id, State.AUTHORISE)
    finally:
        await transaction.rollback()


async def moved(admin: asyncpg.Connection, login: str, change_id: UUID, to: State) -> bool:
    """Whether a login can move a change to a state; it is taken back."""
    savepoint = admin.transaction()
    await savepoint.start()
    try:
        await admin.execute(f"SET LOCAL SESSION AUTHORIZATION {login}")
        tag = await admin.execute(
            "UPDATE governance.change SET state = $2 WHERE change_id = $1", change_id, to.value
        )
    except asyncpg.PostgresError as error:
        if error.sqlstate not in ("AT007", "42501"):
            raise
        return False
    else:
        return bool(tag == "UPDATE 1")
    finally:
        await savepoint.rollback()


async def test_assessing_ends_however_the_store_plans_it(admin: asyncpg.Connection) -> None:
    """A session that has ended assessing five times plans the guard's questions once for all."""
    async with admin.transaction():
        change_id = await prepared(admin, Kind.NORMAL, State.ASSESS)
        await admin.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await admin.execute("SET LOCAL SESSION AUTHORIZATION athena_kent")
        assert await admin.fetchval(
            "SELECT governance.end_assessing($1, 'dpo.kent', 'All have filed')", change_id
        )


async def test_nothing_is_authorised_without_a_carried_vote_whoever_asks(
    admin: asyncpg.Connection,
) -> None:
    async with admin.transaction():
        change_id = await prepared(admin, Kind.NORMAL, State.AUTHORISE)
        assert await moved(admin, "athena_amo", change_id, State.AUTHORISED)
        await admin.execute("SET LOCAL session_replication_role = replica")
        await admin.execute(
            'UPDATE governance.vote SET minute = \'{"outcome": {"result": "not_carried"}}\' '
            "WHERE subject_id = $1",
            change_id,
        )
        await admin.execute("SET LOCAL session_replication_role = origin")
        assert not await moved(admin, "athena_amo", change_id, State.AUTHORISED)


WAITS = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                   AND usename = $1 AND wait_event_type = 'Lock')
"""


class TestClosing:
    async def test_it_waits_for_a_ballot_that_is_being_taken_and_counts_it(
        self, chamber: Chamber, platform: Platform, cluster: Cluster, admin: asyncpg.Connection
    ) -> None:
        body = await chamber.body(["kent"])
        vote = await chamber.opened(body, await chamber.submitted(emergency()))
        voter = await cluster.login(platform.runtime.store.address.database, "athena_kent")
        try:
            taking = voter.transaction()
            await taking.start()
            await take(admin, voter, body, vote)
            closing = asyncio.create_task(chamber.done(AMO, f"votes/{vote}/close"))

            async def waits() -> bool:
                return bool(await admin.fetchval(WAITS, "athena_amo"))

            await until(waits)
            await taking.commit()
        finally:
            await voter.close()
        assert (await closing)["result"] == "carried"

    async def test_a_ballot_waits_for_it_and_is_refused(
        self, chamber: Chamber, platform: Platform, cluster: Cluster, admin: asyncpg.Connection
    ) -> None:
        body = await chamber.body(["kent"])
        vote = await chamber.opened(body, await chamber.submitted(emergency()))
        closer = await cluster.login(platform.runtime.store.address.database, "athena_amo")
        try:
            closing = closer.transaction()
            await closing.start()
            await closer.execute(
                "UPDATE governance.vote SET status = 'cancelled', ended_at = now() "
                "WHERE vote_id = $1",
                vote,
            )
            casting = asyncio.create_task(
                chamber.post("board.kent", f"votes/{vote}/ballots", choice="for")
            )

            async def waits() -> bool:
                return bool(await admin.fetchval(WAITS, "athena_kent"))

            await until(waits)
            await closing.commit()
        finally:
            await closer.close()
        assert (await casting).status_code == 409
        assert (
            await admin.fetchval("SELECT count(*) FROM governance.ballot WHERE vote_id = $1", vote)
            == 0
        )


async def take(admin: asyncpg.Connection, voter: asyncpg.Connection, body: str, vote: str) -> None:
    """Cast the ballot of Kent's member on a plain connection, in its open transaction."""
    member = await admin.fetchval(
        "SELECT a.member_id FROM governance.appointment AS a JOIN governance.body AS b "
        "USING (body_id) WHERE b.slug = $1",
        body,
    )
    await voter.execute(
        "INSERT INTO governance.ballot (vote_id, tenant_id, member_id, username, duty, choice) "
        "VALUES ($1, ctx.session_tenant(), $2, 'board.kent', 'member', 'for')",
        vote,
        member,
    )
