"""What a partner's call costs the store, in transactions and statements, and what it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.api import running_platform
from support.cluster import Cluster
from support.partners import Partners, agreement, person
from support.statements import heard, transactions_heard
from support.waiting import early_in_the_hour

REFERENCE, CAPPED = "ATH-ISA-7901", "ATH-ISA-7902"
KNOWN = {"family_name": "Okonkwo", "given_names": "Adaeze", "date_of_birth": "1984-03-12"}
CAP = 5
AGES = {"old-none": 91, "young-none": 89, "old-told": 91}


@dataclass
class Work:
    """What a login did: its statements, and how many transactions it ended."""

    statements: list[str] = field(default_factory=list)
    transactions: int = 0


@contextmanager
def work_of(login: str) -> Iterator[Work]:
    """Count what a login of this process does until the block ends."""
    work = Work()

    def ran(whose: str, statement: str) -> None:
        if whose == login:
            work.statements.append(statement)

    def ended(whose: str) -> None:
        if whose == login:
            work.transactions += 1

    with heard(ran), transactions_heard(ended):
        yield work


@pytest.fixture(scope="module")
async def partners(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Partners]:
    with cluster.locked():
        name = await cluster.create(consortium)
    directory: Path = tmp_path_factory.mktemp("cost")
    async with running_platform(cluster.store(name), directory) as platform:
        made = Partners(platform)
        await made.onboard("a-shelter")
        await made.agree("a-shelter", agreement(REFERENCE, "a-shelter"))
        await made.agree("a-shelter", agreement(CAPPED, "a-shelter"), hourly_cap=CAP)
        created = await platform.create("officer.essex", person("Okonkwo", "Adaeze", "1984-03-12"))
        assert created.status_code == 201, created.text
        await platform.runtime.searcher.names.refresh()
        yield made
    await cluster.drop(name)


@pytest.mark.parametrize(("asked", "statements"), [({}, 5), (KNOWN, 6)])
async def test_a_check_is_two_transactions(
    partners: Partners, asked: dict[str, str], statements: int
) -> None:
    asker = partners.asker("a-shelter", REFERENCE)
    assert (await partners.check(asker, **asked)).status_code == 200  # decides, and learns the key
    with work_of("athena_ppss") as work:
        assert (await partners.check(asker, **asked)).status_code == 200
    assert work.transactions == 2
    assert len(work.statements) == statements, "\n".join(work.statements)


async def test_a_refused_call_asks_for_no_record(partners: Partners) -> None:
    asker = partners.asker("a-shelter", "ATH-ISA-7999")
    with work_of("athena_ppss") as work:
        assert (await partners.check(asker, **KNOWN)).status_code in (403, 404)
    assert work.transactions == 2  # it is let in, and its refusal is logged
    assert not [text for text in work.statements if "records." in text or "find_people" in text]


async def test_a_cap_is_exact_when_calls_come_at_once(partners: Partners) -> None:
    asker = partners.asker("a-shelter", CAPPED)
    await early_in_the_hour()
    answers = await asyncio.gather(*(partners.check(asker) for _ in range(2 * CAP)))
    assert sorted(answer.status_code for answer in answers) == [200] * CAP + [429] * CAP


async def test_reading_the_ledger_is_logged_with_it(partners: Partners) -> None:
    asker = partners.asker("a-shelter", REFERENCE)
    assert (await partners.get(asker, "/ppss/v1/disclosures")).status_code == 200
    async with partners.platform.runtime.database.read("athena_auditor") as session:
        row = await session.one(
            "SELECT e.kind, t.slug, e.username, c.content ->> 'agreement' AS agreement "
            "FROM audit.event AS e JOIN audit.content AS c USING (at, event_id) "
            "JOIN tenants.tenant AS t USING (tenant_id) "
            "WHERE e.action = 'disclosures.read'"
        )
    assert row is not None
    assert tuple(row) == ("consultation", "a-shelter", "j.smith (a-shelter)", REFERENCE)


async def test_a_check_that_told_nothing_is_forgotten_after_90_days(
    partners: Partners, cluster: Cluster
) -> None:
    asker = partners.asker("a-shelter", REFERENCE)
    for key in AGES:
        asked = KNOWN if key == "old-told" else {}
        assert (await partners.check(asker, key, **asked)).status_code == 200
    admin = await cluster.admin(partners.platform.runtime.store.address.database)
    try:
        for key, days in AGES.items():
            await admin.execute(
                "UPDATE sharing.partner_check SET at = now() - make_interval(days => $2) "
                "WHERE idempotency_key = $1",
                key,
                days,
            )
        await admin.execute("UPDATE sharing.partner_answer SET expires_at = now()")
        await admin.execute(
            "UPDATE sharing.partner_nonce SET expires_at = now() - interval '2 minutes'"
        )
        assert (await partners.check(asker)).status_code == 200
        left = await admin.fetch(
            "SELECT idempotency_key FROM sharing.partner_check WHERE idempotency_key = ANY ($1)",
            list(AGES),
        )
    finally:
        await admin.close()
    assert {row[0] for row in left} == {"young-none", "old-told"}
