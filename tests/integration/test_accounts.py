"""The accounts through the API: by the right people, refused whole, balanced in the store."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from athena.governance.apportionment.money import show_day, twelve_months_after
from athena.platform.kernel.clock import today
from athena.tenants.consortium import FORCE_SLUGS
from support.accounts import (
    BOARD,
    COSTS,
    FINANCE,
    IN_YEAR,
    LATER,
    LEDGER,
    NEXT,
    THIS,
    WHY,
    YEAR,
    Accounts,
)
from support.api import Platform
from support.cluster import Cluster


@pytest.fixture(scope="module")
async def accounts(platform: Platform) -> Accounts:
    return Accounts(platform)


class TestCosts:
    async def test_bases_are_frozen_once_and_speak_for_their_year(self, accounts: Accounts) -> None:
        values = {slug: 100 * (place + 1) for place, slug in enumerate(FORCE_SLUGS)}
        body: dict[str, Any] = {
            "financial_year": "2024/25",
            "measure": "headcount",
            "source": "Invented for a test",
            "source_sha256": "ab" * 32,
        }
        first = await accounts.post(f"{COSTS}/bases", values=values, **body)
        assert (first.json()["version"], first.json()["frozen_at"]) == (1, None)
        second = await accounts.post(f"{COSTS}/bases", values={**values, "kent": 7}, **body)
        assert second.json()["version"] == 2
        assert second.json()["digest"] != first.json()["digest"]
        question = {
            "amount_pence": 450_000,
            "financial_year": "2024/25",
            "formula": {"kind": "measure", "measure": "headcount"},
        }
        answer = await self.preview(accounts, question)
        assert answer["provisional"]
        freezing: dict[str, Any] = {"financial_year": "2024/25", "measure": "headcount"}
        await accounts.post(f"{COSTS}/bases/freeze", version=1, **freezing)
        frozen = await self.preview(accounts, question)
        assert not frozen["provisional"]
        assert [share["pence"] for share in frozen["shares"]] == [
            values[share["force"]] * 100 for share in frozen["shares"]
        ]
        assert frozen["sources"] == ["headcount 2024/25, version 1, frozen: Invented for a test"]
        for path, more in (
            ("freeze", {"version": 2, **freezing}),
            ("", {"values": values, **body}),
        ):
            refused = await accounts.post(f"{COSTS}/bases/{path}".rstrip("/"), status=409, **more)
            assert "frozen" in refused.json()["detail"]
        assert len((await accounts.get(f"{COSTS}/bases?financial_year=2024-25")).json()) == 2

    @staticmethod
    async def preview(accounts: Accounts, question: dict[str, Any]) -> dict[str, Any]:
        answer = await accounts.platform.client.post(
            f"{COSTS}/preview",
            json=question,
            headers=await accounts.platform.headers(BOARD),
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def test_formulas_have_versions_that_stay(self, accounts: Accounts) -> None:
        equal, fixed = {"kind": "equal"}, {"kind": "fixed", "percentages": {"kent": "100.0"}}
        path = f"{COSTS}/formulas/of-versions"
        await accounts.post(path, title="First", formula=equal)
        await accounts.post(path, status=409, title="The same", formula=equal)
        await accounts.post(path, title="Second", formula=fixed)
        found = (await accounts.get(path, BOARD)).json()
        assert [(each["version"], each["title"]) for each in found] == [(1, "First"), (2, "Second")]
        assert found[1]["formula"]["percentages"] == {"kent": "100"}

    async def test_usage_is_counted_in_a_logged_act_and_names_nobody(
        self, accounts: Accounts, cluster: Cluster
    ) -> None:
        for account in ("officer.kent", "officer.kent", "officer.essex"):
            assert (await accounts.platform.search(account, name="smith")).status_code == 200
        admin = await cluster.admin(accounts.platform.runtime.store.address.database)
        try:
            counted = dict(
                await admin.fetch(
                    "SELECT t.slug, count(DISTINCT (e.at, e.xid)) FROM audit.event AS e "
                    "JOIN tenants.tenant AS t USING (tenant_id) "
                    "WHERE e.kind = 'consultation' GROUP BY t.slug"
                )
            )
        finally:
            await admin.close()
        stored = await accounts.post(f"{COSTS}/bases/usage", financial_year=YEAR)
        values = stored.json()["values"]
        assert values["kent"] == counted["kent"] >= 2
        assert values["essex"] == counted["essex"] >= 1
        assert values["norfolk"] == 0
        assert "officer" not in stored.text
        amo = await cluster.login(accounts.platform.runtime.store.address.database, "athena_amo")
        try:
            unlogged = await amo.fetch("SELECT * FROM audit.count_use('-infinity', 'infinity')")
        finally:
            await amo.close()
        assert unlogged == [], "nobody counts without telling the log"

    @pytest.mark.parametrize(
        ("question", "words"),
        [
            ({"amount_pence": -1}, "amount_pence"),
            ({"amount_pence": 10**15}, "amount_pence"),
            ({"formula": {"kind": "measure", "measure": "population"}}, "is missing"),
            ({"formula": "no-such"}, "no formula"),
            ({"formula": "no-such/x"}, "Name a version"),
            ({"formula": {"kind": "fixed", "percentages": {"kent": 99}}}, "formula"),
            ({"forces": ["atlantis"]}, "atlantis is no force"),
            ({"forces": []}, "forces"),
            ({"financial_year": "2026/28"}, "financial_year"),
        ],
    )
    async def test_a_bad_question_gets_a_clear_problem(
        self, accounts: Accounts, question: dict[str, Any], words: str
    ) -> None:
        body = {"amount_pence": 1, "formula": {"kind": "equal"}, "financial_year": "2026/27"}
        answer = await accounts.platform.client.post(
            f"{COSTS}/preview",
            json={**body, **question},
            headers=await accounts.platform.headers(BOARD),
        )
        assert answer.status_code in (404, 422), answer.text
        assert words in answer.json()["detail"]


class TestLife:
    async def test_an_enhancement_that_another_force_joins_later(self, accounts: Accounts) -> None:
        reference = await accounts.charge()
        path = f"{LEDGER}/charges/{reference}"
        year = IN_YEAR
        await accounts.post(f"{path}/commit", **year)
        await accounts.post(f"{path}/invoices", amount_pence=60_000, document="INV-1", **year)
        before = await accounts.balances()
        paid = before["owed", "kent"]
        await accounts.post(
            f"{LEDGER}/receipts", force="kent", amount_pence=paid, document="BACS-1"
        )
        joined = await accounts.post(f"{path}/members", force="suffolk", joined_on=str(today()))
        assert len(joined.json()["journals"]) == 1
        after = await accounts.balances()
        shares = dict.fromkeys(("kent", "essex", "norfolk", "suffolk"), 22_500)
        assert await accounts.by_force(reference) == shares
        assert await accounts.by_force(reference, "invoiced") == dict.fromkeys(shares, 15_000)
        assert after["owed", "suffolk"] == 15_000
        assert (paid >= 20_000, after["owed", "kent"]) == (True, -5_000)
        await accounts.post(
            f"{LEDGER}/refunds", force="kent", amount_pence=5_000, document="BACS-2"
        )
        await accounts.post(f"{path}/quotes", from_year=YEAR, amount_pence=120_000)
        assert sum((await accounts.by_force(reference)).values()) == 120_000
        await accounts.post(f"{path}/credits", amount_pence=10_000, document="CN-1", **year)
        await accounts.post(f"{LEDGER}/payments", amount_pence=50_000, document="BACS-3")
        balances = await accounts.balances()
        assert sum(balances.values()) == 0
        assert balances["costs", None] == -balances["contributions", None]

    async def test_an_annual_charge_by_the_day_and_a_withdrawal(self, accounts: Accounts) -> None:
        whole_cost = 100 * THIS.days
        reference = await accounts.charge(
            kind="annual", amount_pence=whole_cost, last_year=LATER, forces=["kent", "essex"]
        )
        path = f"{LEDGER}/charges/{reference}"
        for year in (YEAR, NEXT):
            await accounts.post(f"{path}/commit", financial_year=year)
        eleventh = THIS.first_day + timedelta(days=10)
        await accounts.post(f"{path}/members", force="warwickshire", joined_on=str(eleventh))
        whole = (await accounts.get(path)).json()
        first = whole["years"][0]
        assert [span["amount_pence"] for span in first["spans"]] == [1_000, whole_cost - 1_000]
        assert sum(first["by_force"].values()) == whole_cost
        assert abs(first["by_force"]["warwickshire"] - (whole_cost - 1_000) / 3) < 1
        last_day = twelve_months_after(today())
        query = f"force=warwickshire&notice_on={today()}"
        foreseen = (await accounts.get(f"{LEDGER}/withdrawals/foreseen?{query}", BOARD)).json()
        assert foreseen["last_day"] == str(last_day)
        assert sum(foreseen["change"].values()) == 0
        assert foreseen["change"]["warwickshire"] < 0 < foreseen["change"]["kent"]
        assert "2 other forces bear" in foreseen["sentence"]
        given = await accounts.post(
            f"{LEDGER}/withdrawals", force="warwickshire", notice_on=str(today())
        )
        assert show_day(last_day) in given.json()["sentence"]
        after = {
            year["financial_year"]: year for year in (await accounts.get(path)).json()["years"]
        }
        for year in whole["years"]:
            changes = [
                each["change"]
                for each in foreseen["effects"]
                if (each["charge"], each["financial_year"]) == (reference, year["financial_year"])
            ]
            for force, pence in year["by_force"].items():
                now = after[year["financial_year"]]["by_force"].get(force, 0)
                assert now - pence == sum(change.get(force, 0) for change in changes)
        await accounts.post(
            f"{path}/leavers", status=409, force="warwickshire", last_day=str(last_day)
        )
        assert sum((await accounts.balances()).values()) == 0

    async def test_a_force_reads_its_own_statement_and_no_other(self, accounts: Accounts) -> None:
        charge, year = await accounts.charge(), YEAR.replace("/", "-")
        invoiced: dict[str, Any] = {**IN_YEAR, "amount_pence": 3, "document": "INV"}
        await accounts.post(f"{LEDGER}/charges/{charge}/commit", **IN_YEAR)
        await accounts.post(f"{LEDGER}/charges/{charge}/invoices", **invoiced)
        path = f"{LEDGER}/statements"
        found = (await accounts.get(f"{path}/kent/{year}", BOARD)).json()
        assert found["lines"]
        owed = sum(line["owed_pence"] for line in found["lines"])
        assert found["closing_owed_pence"] == found["opening_owed_pence"] + owed
        assert found["closing_owed_pence"] == (await accounts.balances())["owed", "kent"]
        await accounts.get(f"{path}/essex/{year}", BOARD, 404)
        assert (await accounts.get(f"{path}/essex/{year}", "auditor")).json()["lines"]
        text = (await accounts.get(f"{path}/kent/{year}/text", BOARD)).text
        assert text.startswith("Statement of Kent for")
        rows = list(
            csv.reader(io.StringIO((await accounts.get(f"{path}/kent/{year}/csv", BOARD)).text))
        )
        assert len(rows) == len(found["lines"]) + 3
        journals = (await accounts.get(f"{LEDGER}/journals/{year}", BOARD)).json()
        assert {entry["force"] for each in journals for entry in each["entries"]} == {"kent"}
        everything = list(
            csv.DictReader(io.StringIO((await accounts.get(f"{LEDGER}/journals/{year}/csv")).text))
        )
        assert sum(round(float(row["amount"]) * 100) for row in everything) == 0
        numbers = [int(row["number"]) for row in everything]
        assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))

    async def test_the_forecast_against_the_budget(self, accounts: Accounts) -> None:
        await accounts.charge(first_year="2045/46", amount_pence=1_000)
        before = (await accounts.get(f"{LEDGER}/forecasts/2045-46", BOARD)).json()
        assert before["sentence"] == "2045/46 is to cost £10.00; no budget is set."
        for pence in (500, 800):
            await accounts.post(f"{LEDGER}/budgets", financial_year="2045/46", amount_pence=pence)
        after = (await accounts.get(f"{LEDGER}/forecasts/2045-46", "auditor")).json()
        assert after["sentence"] == "2045/46 is to cost £10.00, £2.00 over the budget of £8.00."


class TestRefused:
    async def test_who_may_not(self, accounts: Accounts) -> None:
        for account in (BOARD, "auditor", "amo.admin", "officer.kent"):
            await accounts.post(f"{LEDGER}/payments", account, 403, amount_pence=1, document="X")
            await accounts.post(
                f"{COSTS}/formulas/mine", account, 403, title="X", formula={"kind": "equal"}
            )
        await accounts.get(f"{LEDGER}/charges", "officer.kent", 403)
        await accounts.get(f"{COSTS}/formulas", "records.kent", 403)

    async def test_it_changes_nothing(self, accounts: Accounts, cluster: Cluster) -> None:
        reference = await accounts.charge()
        annual = await accounts.charge(
            kind="annual", last_year=NEXT, forces=["kent"], amount_pence=100
        )
        path, yearly = f"{LEDGER}/charges/{reference}", f"{LEDGER}/charges/{annual}"
        year = IN_YEAR
        for each in (path, yearly):
            await accounts.post(f"{each}/commit", **year)
        await accounts.post(f"{path}/invoices", amount_pence=50_000, document="I", **year)
        await accounts.post(
            f"{COSTS}/formulas/by-population",
            title="X",
            formula={"kind": "measure", "measure": "population"},
        )
        loose = await accounts.charge(formula="by-population")
        left: dict[str, Any] = {"force": "bedfordshire", "notice_on": str(today())}
        await accounts.post(f"{LEDGER}/withdrawals", **left)
        before = await self.everything(accounts, cluster)
        for target, status, body in (
            (f"{path}/commit", 409, year),
            (f"{path}/commit", 409, {"financial_year": NEXT}),
            (f"{LEDGER}/charges/{loose}/commit", 409, year),
            (f"{path}/quotes", 409, {"from_year": YEAR, "amount_pence": 49_999}),
            (f"{path}/quotes", 422, {"from_year": YEAR, "amount_pence": -1}),
            (f"{path}/quotes", 409, {"from_year": LATER, "amount_pence": 1}),
            (f"{path}/members", 409, {"force": "kent", "joined_on": str(today())}),
            (f"{path}/members", 422, {"force": "atlantis", "joined_on": str(today())}),
            (f"{path}/members", 409, {"force": "norfolk", "joined_on": str(today())}),
            (f"{path}/leavers", 409, {"force": "kent", "last_day": str(today())}),
            (f"{yearly}/leavers", 409, {"force": "kent", "last_day": str(today())}),
            (
                f"{yearly}/leavers",
                422,
                {"force": "kent", "last_day": str(THIS.first_day - timedelta(days=1))},
            ),
            (f"{path}/invoices", 409, {"amount_pence": 40_001, "document": "I", **year}),
            (f"{path}/invoices", 422, {"amount_pence": 0, "document": "I", **year}),
            (f"{path}/invoices", 422, {"amount_pence": 1.5, "document": "I", **year}),
            (f"{path}/invoices", 422, {"amount_pence": 1, "document": "", **year}),
            (
                f"{path}/invoices",
                422,
                {"amount_pence": 1, "document": "I", "day": "2999-01-01", **year},
            ),
            (f"{path}/credits", 409, {"amount_pence": 50_001, "document": "C", **year}),
            (f"{LEDGER}/payments", 409, {"amount_pence": 10**14, "document": "P"}),
            (
                f"{LEDGER}/refunds",
                409,
                {"force": "west-mercia", "amount_pence": 1, "document": "R"},
            ),
            (f"{LEDGER}/receipts", 422, {"force": "kent", "amount_pence": -5, "document": "R"}),
            (f"{LEDGER}/charges/NONE-1/commit", 404, year),
            (
                f"{LEDGER}/withdrawals",
                422,
                {"force": "kent", "notice_on": "2999-01-01"},
            ),
            (f"{LEDGER}/withdrawals", 409, left),
        ):
            await accounts.post(target, status=status, **body)
        assert await self.everything(accounts, cluster) == before

    @staticmethod
    async def everything(accounts: Accounts, cluster: Cluster) -> list[str]:
        """Return every row of the accounts, but what is counted of calls at any moment."""
        admin = await cluster.admin(accounts.platform.runtime.store.address.database)
        try:
            tables = await admin.fetch(
                "SELECT c.oid::regclass::text FROM pg_class AS c "
                "WHERE c.relnamespace = 'governance'::regnamespace AND c.relkind = 'r' "
                "AND c.relname <> 'request_count'"
            )
            return [
                str(row)
                for (table,) in tables
                for row in await admin.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")
            ]
        finally:
            await admin.close()


class TestStore:
    async def test_many_at_once_are_posted_one_by_one(self, accounts: Accounts) -> None:
        reference = await accounts.charge()
        year = IN_YEAR
        await accounts.post(f"{LEDGER}/charges/{reference}/commit", **year)
        headers = await accounts.platform.headers(FINANCE)
        answers = await asyncio.gather(
            *(
                accounts.platform.client.post(
                    f"{LEDGER}/charges/{reference}/invoices",
                    json={"reason": WHY, "amount_pence": 20_000, "document": f"I-{n}", **year},
                    headers=headers,
                )
                for n in range(8)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409] * 4
        assert sum((await accounts.by_force(reference, "invoiced")).values()) == 80_000
        assert sum((await accounts.balances()).values()) == 0

    async def test_it_refuses_what_the_code_never_does(
        self, accounts: Accounts, cluster: Cluster
    ) -> None:
        """As the client body's own login: unbalanced, added to, changed, deleted, out of turn."""
        database = accounts.platform.runtime.store.address.database
        amo = await cluster.login(database, "athena_amo")
        new = (
            "INSERT INTO governance.journal (journal_id, number, day, kind, narrative, username, "
            "reason) SELECT '{id}', max(number) + {next}, "
            "(now() AT TIME ZONE 'Europe/London')::date, 'receipt', 'x', 'x', 'A test' "
            "FROM governance.journal; "
        )
        entry = (
            "INSERT INTO governance.journal_entry (journal_id, line, account, pence) "
            "VALUES ('{id}', {line}, 'cash', {pence}); "
        )
        ids = iter(f"00000000-0000-4000-8000-{number:012}" for number in range(100))

        def journal(*pence: int, following: int = 1) -> str:
            made = next(ids)
            return new.format(id=made, next=following) + "".join(
                entry.format(id=made, line=line, pence=each)
                for line, each in enumerate(pence, start=1)
            )

        charge = await accounts.charge()
        await accounts.post(f"{LEDGER}/charges/{charge}/commit", **IN_YEAR)
        existing = await amo.fetchval("SELECT journal_id FROM governance.journal LIMIT 1")
        refused = {
            "AT012": [
                journal(1),
                journal(),
                journal(5, -4),
                "SET CONSTRAINTS ALL IMMEDIATE; " + journal(5, -4),
            ],
            "AT011": [
                journal(1, -1, following=2),
                entry.format(id=existing, line=90, pence=1)
                + entry.format(id=existing, line=91, pence=-1),
            ],
            "42501": [
                "UPDATE governance.journal_entry SET pence = 1",
                "DELETE FROM governance.journal_entry",
                "UPDATE governance.journal SET narrative = 'another'",
                "DELETE FROM governance.journal",
                "TRUNCATE governance.journal_entry",
                "UPDATE governance.charge_quote SET pence = 1",
                "UPDATE governance.basis_value SET value = 1",
                "DELETE FROM governance.withdrawal",
            ],
        }
        try:
            for sqlstate, statements in refused.items():
                for statement in statements:
                    with pytest.raises(asyncpg.PostgresError) as error:
                        async with amo.transaction():
                            await amo.execute(statement)
                    assert error.value.sqlstate == sqlstate, (statement, error.value)
            async with amo.transaction():
                await amo.execute(journal(1, -1))
        finally:
            await amo.close()
        assert sum((await accounts.balances()).values()) == 0
