"""Any history of the accounts in the store: always balanced, and a refusal leaves nothing.

The pure twin of this test, over sums alone, is `tests/unit/governance/test_ledger_history.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import count

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from athena.governance.accounts import Accounts
from athena.governance.apportionment.models import Measure
from athena.governance.apportionment.money import FinancialYear
from athena.governance.ledger.models import Account, ChargeKind, Done
from athena.governance.ledger.schemas import NewCharge
from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from athena.platform.kernel.identity import Subject
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster

WHY = "A test of histories"
THIS = FinancialYear.of(today())
BEFORE = FinancialYear(THIS.begins - 1)
YEARS = (BEFORE, THIS)
FORCES = ("essex", "kent", "norfolk", "suffolk", "hertfordshire", "west-mercia")
HELD = ("charge", "charge_quote", "charge_member", "journal", "journal_entry", "withdrawal")
NUMBERS = count(1)

PENCE = st.one_of(st.integers(1, 400), st.integers(1, 400), st.integers(0, 10**12))
"""Often such as the charges can bear, and sometimes far more."""

JOINING = ("suffolk", "kent", "hertfordshire", "west-mercia")

DAYS = st.dates(BEFORE.first_day, today())
STEPS = st.one_of(
    st.tuples(st.just("commit"), st.sampled_from(ChargeKind), st.just(THIS)),
    st.tuples(st.just("invoice"), st.sampled_from(ChargeKind), st.just(BEFORE), PENCE),
    st.tuples(st.just("invoice"), st.sampled_from(ChargeKind), st.sampled_from(YEARS), PENCE),
    st.tuples(st.just("credit"), st.sampled_from(ChargeKind), st.sampled_from(YEARS), PENCE),
    st.tuples(st.just("requote"), st.sampled_from(ChargeKind), st.sampled_from(YEARS), PENCE),
    st.tuples(st.just("join"), st.sampled_from(ChargeKind), st.sampled_from(JOINING), DAYS),
    st.tuples(st.just("leave"), st.sampled_from(ChargeKind), st.sampled_from(FORCES[1:4]), DAYS),
    st.tuples(st.just("receive"), st.sampled_from(FORCES[:4]), PENCE),
    st.tuples(st.just("refund"), st.sampled_from(FORCES[:4]), PENCE),
    st.tuples(st.just("pay"), PENCE),
)


@dataclass
class Books:
    """The accounts as finance keeps them, and what the store holds of them."""

    accounts: Accounts
    finance: Subject
    admin: asyncpg.Connection

    async def held(self) -> list[int]:
        """Return how many rows each table of the accounts holds."""
        counts = ", ".join(f"(SELECT count(*) FROM governance.{table})" for table in HELD)
        return list(await self.admin.fetchrow(f"SELECT {counts}"))

    async def taken(self, act: Callable[[], Awaitable[Done]]) -> bool:
        """Do something; where it is refused nothing of it may be left."""
        before = await self.held()
        try:
            await act()
        except (ConflictError, InvalidInputError):
            taken = False
        else:
            taken = True
        assert taken or await self.held() == before
        return taken

    async def check(self) -> tuple[dict[str, int], dict[str, int]]:
        """Assert that the books balance; return what each force owes and is committed to."""
        total: dict[Account, int] = defaultdict(int)
        owed: dict[str, int] = defaultdict(int)
        committed: dict[str, int] = defaultdict(int)
        balances, forces = await self.accounts.reader.balances(self.finance)
        for entry in balances:
            total[entry.account] += entry.pence
            if entry.tenant_id is not None:
                kept = owed if entry.account is Account.OWED else committed
                kept[forces[entry.tenant_id].slug] += entry.pence
        assert sum(total.values()) == 0
        assert total[Account.COSTS] == -total[Account.CONTRIBUTIONS]
        assert total[Account.COMMITTED] == -total[Account.COMMITMENTS]
        assert total[Account.OWED] + total[Account.CASH] == -total[Account.SUPPLIER]
        return owed, committed

    async def check_statements(self) -> None:
        """Assert that statements add up to the balances, and the journal has no gap."""
        owed, committed = await self.check()
        for force in FORCES:
            first, second = [
                await self.accounts.reader.statement(self.finance, force, year) for year in YEARS
            ]
            assert (second.opening_owed, second.opening_committed) == (
                first.closing_owed,
                first.closing_committed,
            )
            assert second.closing_owed == owed[force]
            assert second.closing_committed == committed[force] >= 0
        numbers = [
            row[0] for row in await self.admin.fetch("SELECT number FROM governance.journal")
        ]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.fixture(scope="module")
async def books(platform: Platform, cluster: Cluster) -> AsyncIterator[Books]:
    """Store a formula by headcount, with bases of two years that are frozen."""
    accounts = platform.runtime.accounts
    finance = await subject_by_username(platform.runtime.database, "amo.finance")
    formula = {"kind": "measure", "measure": "headcount"}
    await accounts.costs.store_formula(finance, "by-headcount", "By headcount", formula, WHY)
    values = {force: 7 + 13 * place for place, force in enumerate(FORCE_SLUGS)}
    for year in YEARS:
        measure = Measure.HEADCOUNT
        await accounts.costs.store_bases(finance, year, measure, values, "Invented", None, WHY)
        await accounts.costs.freeze(finance, year, measure, 1, WHY)
    admin = await cluster.admin(platform.runtime.store.address.database)
    yield Books(accounts, finance, admin)
    await admin.close()


# What fails is told as it was drawn: each step of shrinking would write to the store again.
@settings(deadline=None, max_examples=15, derandomize=True, phases=[Phase.generate])
@given(
    amounts=st.tuples(st.integers(1_000, 5_000), st.integers(1_000, 5_000)),
    steps=st.lists(STEPS, min_size=6, max_size=14),
    days=st.lists(DAYS, min_size=20, max_size=20),
)
async def test_the_books_are_right_after_any_history(
    books: Books,
    amounts: tuple[int, int],
    steps: list[tuple[object, ...]],
    days: list[date],
) -> None:
    ledger, who = books.accounts.ledger, books.finance
    references = {}
    for kind, pence in zip(ChargeKind, amounts, strict=True):
        references[kind] = f"H-{next(NUMBERS)}"
        last = THIS if kind is ChargeKind.ANNUAL else BEFORE
        await ledger.agree(
            who,
            NewCharge(
                reference=references[kind],
                title="A history",
                kind=kind,
                amount_pence=pence,
                formula="by-headcount",
                first_year=str(BEFORE),
                last_year=str(last),
                forces=["essex", "kent", "norfolk"],
                reason=WHY,
            ),
        )
        await ledger.commit(who, references[kind], BEFORE, days[-1], WHY)
    for step, day in zip(steps, days, strict=False):
        await books.taken(partial(_act, books, references, step, day))
        await books.check()
    await books.check_statements()


async def _act(
    books: Books, references: dict[ChargeKind, str], step: tuple[object, ...], day: date
) -> Done:
    ledger, who = books.accounts.ledger, books.finance
    match step:
        case ("commit", ChargeKind() as kind, FinancialYear() as year):
            return await ledger.commit(who, references[kind], year, day, WHY)
        case ("invoice", ChargeKind() as kind, FinancialYear() as year, int(pence)):
            return await ledger.invoice(who, references[kind], year, pence, "I", day, WHY)
        case ("credit", ChargeKind() as kind, FinancialYear() as year, int(pence)):
            return await ledger.credit(who, references[kind], year, pence, "C", day, WHY)
        case ("requote", ChargeKind() as kind, FinancialYear() as year, int(pence)):
            return await ledger.requote(who, references[kind], year, pence, day, WHY)
        case ("join", ChargeKind() as kind, str(force), date() as joined_on):
            return await ledger.join(who, references[kind], force, joined_on, day, WHY)
        case ("leave", ChargeKind() as kind, str(force), date() as last_day):
            return await ledger.leave(who, references[kind], force, last_day, day, WHY)
        case ("receive", str(force), int(pence)):
            return await ledger.receive(who, force, pence, "R", day, WHY)
        case ("refund", str(force), int(pence)):
            return await ledger.refund(who, force, pence, "F", day, WHY)
        case ("pay", int(pence)):
            return await ledger.pay(who, pence, "P", day, WHY)
    raise AssertionError(step)


async def test_a_force_that_gives_notice_leaves_the_books_right(books: Books) -> None:
    """Notice is given once for a force, so it stands beside the histories."""
    ledger, who = books.accounts.ledger, books.finance
    charge = NewCharge(
        reference="H-NOTICE",
        title="A history",
        kind=ChargeKind.ANNUAL,
        amount_pence=1_000_003,
        formula="by-headcount",
        first_year=str(BEFORE),
        last_year=str(THIS),
        forces=list(FORCES),
        reason=WHY,
    )
    await ledger.agree(who, charge)
    for year in YEARS:
        await ledger.commit(who, "H-NOTICE", year, None, WHY)
    notice = max(BEFORE.first_day, today() - timedelta(days=380))
    give = books.accounts.withdrawals.give
    assert await books.taken(lambda: give(who, "kent", notice, None, WHY))
    await books.check()
    assert not await books.taken(lambda: give(who, "kent", notice, None, WHY))
    assert not await books.taken(lambda: ledger.join(who, "H-NOTICE", "kent", today(), None, WHY))
    await books.check_statements()
