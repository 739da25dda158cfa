"""Opting in after the vote is posted at once: exactly as finance would, whoever comes when.

Settling works every share out again in Python, so that it posts nothing shows that what the store
posted is the same to the penny.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from athena.governance.apportionment.money import FinancialYear
from athena.platform.kernel.clock import today
from athena.tenants.consortium import FORCE_SLUGS
from support.api import Platform
from support.governance import FINANCE, WHY, Chamber, emergency

YEAR = str(FinancialYear.of(today()))
NEXT = str(FinancialYear.of(today()).next())
FORMULA = {
    "kind": "blend",
    "parts": [
        {"weight": "61.37", "formula": {"kind": "measure", "measure": "headcount"}},
        {"weight": "38.63", "formula": {"kind": "equal"}},
    ],
}
PENCE = st.one_of(st.integers(1, 50), st.integers(1, 10**9))


@pytest.fixture(scope="module")
async def chamber(platform: Platform) -> Chamber:
    chamber = Chamber(platform)
    await chamber.done(FINANCE, "costs/formulas/blended", title="Blended", formula=FORMULA)
    basis: dict[str, Any] = {"financial_year": YEAR, "measure": "headcount"}
    values = {force: 7 + 131 * place for place, force in enumerate(FORCE_SLUGS)}
    await chamber.done(FINANCE, "costs/bases", **basis, values=values, source="Invented")
    await chamber.done(FINANCE, "costs/bases/freeze", **basis, version=1)
    return chamber


@pytest.fixture(scope="module")
async def board(chamber: Chamber) -> str:
    return await chamber.body(["kent"])


async def agreed(chamber: Chamber, board: str, first: list[str], once: int, yearly: int) -> str:
    """Bring an enhancement that some forces take to be carried, and return its reference."""
    document = emergency(optional=True, one_off_pence=once, annual_pence=yearly)
    reference = await chamber.submitted(document)
    for force in first:
        await chamber.done(f"board.{force}", f"changes/{reference}/opt-in")
    asked = {"formula": "blended", "financial_year": YEAR}
    await chamber.done(FINANCE, f"changes/{reference}/previews", preview=asked)
    vote = await chamber.opened(board, reference)
    await chamber.cast(vote, "board.kent")
    await chamber.done("amo.admin", f"votes/{vote}/close")
    return reference


async def total(chamber: Chamber, charge: str) -> tuple[int, set[str]]:
    """Return what forces bear of a charge's first year, and who does."""
    found = (await chamber.get(FINANCE, f"ledger/charges/{charge}")).json()["years"][0]
    bearing = {force for kind in ("committed", "invoiced") for force in found[kind]}
    return sum(sum(found[kind].values()) for kind in ("committed", "invoiced")), bearing


async def balanced(chamber: Chamber) -> bool:
    """Whether the balances of all accounts together are nought."""
    held = (await chamber.get(FINANCE, "ledger/balances")).json()
    return bool(sum(each["pence"] for each in held) == 0)


# What fails is told as it was drawn: each step of shrinking would write to the store again.
@settings(deadline=None, max_examples=8, derandomize=True, phases=[Phase.generate])
@given(
    forces=st.permutations(FORCE_SLUGS),
    first=st.integers(1, 4),
    costs=st.tuples(PENCE, st.one_of(st.just(0), PENCE)),
    joiners=st.integers(1, 4),
    invoiced=st.lists(st.integers(0, 100), min_size=4, max_size=4),
)
async def test_the_accounts_are_as_finance_would_have_them_after_any_history(
    chamber: Chamber,
    board: str,
    forces: list[str],
    first: int,
    costs: tuple[int, int],
    joiners: int,
    invoiced: list[int],
) -> None:
    once, yearly = costs
    reference = await agreed(chamber, board, forces[:first], once, yearly)
    charges = {reference: once} | ({f"{reference}-ANNUAL": yearly} if yearly else {})
    if yearly:
        path = f"ledger/charges/{reference}-ANNUAL/commit"
        await chamber.done(FINANCE, path, financial_year=NEXT)
    for force, percent in zip(forces[first : first + joiners], invoiced, strict=False):
        for charge, cost in charges.items():
            document: dict[str, Any] = {"financial_year": YEAR, "document": "I"}
            if pence := cost * percent // 500:
                path = f"ledger/charges/{charge}/invoices"
                await chamber.done(FINANCE, path, amount_pence=pence, **document)
        await chamber.done(f"board.{force}", f"changes/{reference}/opt-in")
        assert await balanced(chamber)
    for charge, cost in charges.items():
        found, bearing = await total(chamber, charge)
        assert found == cost
        assert bearing <= set(forces[: first + joiners])
    duties = (await chamber.get(FINANCE, "duties")).json()
    assert [each for each in duties if each["kind"] == "settle"] == []
    settled = await chamber.done(FINANCE, f"changes/{reference}/settle")
    assert settled["journals"] == []


async def test_forces_that_opt_in_at_once_while_finance_invoices_are_all_posted(
    chamber: Chamber, board: str
) -> None:
    reference = await agreed(chamber, board, ["kent"], 100_003, 7_001)
    joining = ("essex", "norfolk", "suffolk")
    answers = await asyncio.gather(
        *(chamber.post(f"board.{force}", f"changes/{reference}/opt-in") for force in joining),
        chamber.post("board.essex", f"changes/{reference}/opt-in"),
        chamber.post(
            FINANCE,
            f"ledger/charges/{reference}/invoices",
            financial_year=YEAR,
            amount_pence=33_334,
            document="I",
        ),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 409]
    for charge, cost in ((reference, 100_003), (f"{reference}-ANNUAL", 7_001)):
        assert await total(chamber, charge) == (cost, {"kent", *joining})
    assert await balanced(chamber)
    assert (await chamber.done(FINANCE, f"changes/{reference}/settle"))["journals"] == []


async def test_who_and_why_is_in_the_accounts(chamber: Chamber, board: str) -> None:
    reference = await agreed(chamber, board, ["kent"], 1_000, 0)
    view = await chamber.done("board.essex", f"changes/{reference}/opt-in")
    assert set(view["participants"]) == {"kent", "essex"}
    journal = (await chamber.get(FINANCE, f"ledger/journals/{YEAR.replace('/', '-')}")).json()[-1]
    assert (journal["kind"], journal["charge"]) == ("joining", reference)
    assert (journal["posted_by"], journal["reason"]) == ("board.essex", WHY)
    assert journal["narrative"] == f"{reference} {YEAR}: Essex takes part"


async def test_what_cant_be_shared_refuses_opting_in_whole(chamber: Chamber, board: str) -> None:
    reference = await chamber.submitted(emergency(optional=True, one_off_pence=900))
    await chamber.done("board.kent", f"changes/{reference}/opt-in")
    stated = {"formula": "Kent alone", "shares_pence": {"kent": 900}}
    await chamber.done(FINANCE, f"changes/{reference}/previews", preview=stated)
    vote = await chamber.opened(board, reference)
    await chamber.cast(vote, "board.kent")
    await chamber.done("amo.admin", f"votes/{vote}/close")
    before = (await chamber.get("auditor", f"changes/{reference}")).json()
    refused = await chamber.post("board.essex", f"changes/{reference}/opt-in")
    assert refused.status_code == 422
    assert "No sum was stated for Essex" in refused.json()["detail"]
    assert (await chamber.get("auditor", f"changes/{reference}")).json() == before
    assert await total(chamber, reference) == (900, {"kent"})
