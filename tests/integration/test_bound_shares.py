"""What a vote binds: the shares that were previewed are what the accounts hold, to the penny."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from athena.governance.apportionment.money import FinancialYear
from athena.platform.kernel.clock import today
from athena.tenants.consortium import FORCE_SLUGS
from support.api import Platform
from support.governance import AMO, ASSESSMENT, FINANCE, WHY, Chamber, request

YEAR = str(FinancialYear.of(today()))
BLENDED = {
    "kind": "bounded",
    "cap": "20",
    "formula": {
        "kind": "blend",
        "parts": [
            {"weight": "70", "formula": {"kind": "measure", "measure": "headcount"}},
            {"weight": "30", "formula": {"kind": "equal"}},
        ],
    },
}
ASKED = {"formula": "blended", "financial_year": YEAR}


@pytest.fixture(scope="module")
async def chamber(platform: Platform) -> Chamber:
    """Store a formula and freeze the bases that it needs."""
    chamber = Chamber(platform)
    for name, formula in (("blended", BLENDED), ("equal", {"kind": "equal"})):
        await chamber.done(FINANCE, f"costs/formulas/{name}", title=name, formula=formula)
    values = {force: 1_000 + 777 * place for place, force in enumerate(FORCE_SLUGS)}
    basis: dict[str, Any] = {"financial_year": YEAR, "measure": "headcount"}
    await chamber.done(FINANCE, "costs/bases", **basis, values=values, source="Invented")
    loose = {"formula": "blended", "financial_year": YEAR}
    reference = await chamber.submitted(request())
    refused = await chamber.post(FINANCE, f"changes/{reference}/previews", preview=loose)
    assert refused.status_code == 409
    assert "isn't frozen" in refused.json()["detail"]
    await chamber.done(FINANCE, "costs/bases/freeze", **basis, version=1)
    return chamber


@pytest.fixture(scope="module")
async def board(chamber: Chamber) -> str:
    return await chamber.body()


async def previewed(chamber: Chamber, reference: str, asked: dict[str, Any]) -> dict[str, int]:
    """Have the shares worked out, and return them."""
    view = await chamber.done(FINANCE, f"changes/{reference}/previews", preview=asked)
    shares: dict[str, int] = view["preview"]["shares_pence"]
    return shares


async def borne(chamber: Chamber, charge: str, kind: str = "committed") -> dict[str, int]:
    """Return what each force bears of a charge, by the accounts."""
    answer = await chamber.get(FINANCE, f"ledger/charges/{charge}")
    assert answer.status_code == 200, answer.text
    (year,) = answer.json()["years"]
    found: dict[str, int] = year[kind]
    return found


async def balances(chamber: Chamber) -> int:
    """Return what every account together comes to."""
    return sum(each["pence"] for each in (await chamber.get(FINANCE, "ledger/balances")).json())


async def quoted(chamber: Chamber, reference: str, pence: int) -> str:
    """File a quote, and return where the change is then."""
    quote = {"supplier_reference": f"Q-{pence}", "one_off_pence": pence}
    view = await chamber.done(FINANCE, f"changes/{reference}/quotes", quote=quote)
    return str(view["state"])


async def charge_of(chamber: Chamber, reference: str) -> Any:
    """Return what the last vote on a change bound."""
    view = (await chamber.get("auditor", f"changes/{reference}")).json()
    return view["decisions"][-1]["charge"]


async def test_what_was_previewed_is_bound_and_follows_the_quotes(
    chamber: Chamber, board: str
) -> None:
    reference = await chamber.assessed(request(one_off_pence=1_000_003))
    shares = await previewed(chamber, reference, ASKED)
    assert sum(shares.values()) == 1_000_003
    await chamber.carried(board, reference)
    assert await charge_of(chamber, reference) == reference
    assert await borne(chamber, reference) == shares
    charge = (await chamber.get("board.kent", f"ledger/charges/{reference}")).json()["charge"]
    assert (charge["formula"], charge["change"]) == ("blended/1", reference)

    assert await quoted(chamber, reference, 1_050_000) == "authorised"
    assert sum((await borne(chamber, reference)).values()) == 1_050_000
    assert await quoted(chamber, reference, 2_000_000) == "authorise"
    assert set((await borne(chamber, reference)).values()) == {0}
    assert await balances(chamber) == 0
    assert await quoted(chamber, reference, 2_100_000) == "authorise"

    again = await previewed(chamber, reference, {"formula": "equal", "financial_year": YEAR})
    await chamber.carried(board, reference)
    assert await charge_of(chamber, reference) == f"{reference}-2"
    assert await borne(chamber, f"{reference}-2") == again
    assert set((await borne(chamber, reference)).values()) == {0}


async def test_who_opts_in_shares_and_who_joins_later_pays_and_credits_the_earlier_ones(
    chamber: Chamber, board: str
) -> None:
    reference = await chamber.submitted(request(optional=True, one_off_pence=90_000))
    path = f"changes/{reference}"
    for force in ("kent", "essex"):
        await chamber.done(f"board.{force}", f"{path}/opt-in")
        await chamber.done(f"dpo.{force}", f"{path}/assessments", assessment=ASSESSMENT)
    equal = {"formula": "equal/1", "financial_year": YEAR}
    assert await previewed(chamber, reference, equal) == {"essex": 45_000, "kent": 45_000}
    await chamber.carried(board, reference)
    year: dict[str, Any] = {"financial_year": YEAR}
    charge = f"ledger/charges/{reference}"
    await chamber.done(FINANCE, f"{charge}/invoices", **year, amount_pence=60_000, document="I-1")

    for account in ("board.norfolk", "auditor", AMO):
        assert (await chamber.post(account, f"{path}/settle")).status_code == 403
    await chamber.done("board.norfolk", f"{path}/opt-in")
    third = dict.fromkeys(("kent", "essex", "norfolk"), 20_000)
    assert await borne(chamber, reference, "invoiced") == third
    assert sum((await borne(chamber, reference)).values()) == 30_000
    journals = await chamber.get(FINANCE, f"ledger/journals/{YEAR.replace('/', '-')}")
    journal = journals.json()[-1]
    assert (journal["kind"], journal["posted_by"], journal["reason"]) == (
        "joining",
        "board.norfolk",
        WHY,
    )
    assert (await chamber.post("board.norfolk", f"{path}/opt-in")).status_code == 409
    assert (await chamber.done(FINANCE, f"{path}/settle"))["journals"] == []
    assert await balances(chamber) == 0


async def test_a_charge_of_a_change_follows_the_change_alone(chamber: Chamber, board: str) -> None:
    reference = await chamber.assessed(request(one_off_pence=9_000))
    await previewed(chamber, reference, ASKED)
    await chamber.carried(board, reference)
    charge = f"ledger/charges/{reference}"
    before = (await chamber.get(FINANCE, charge)).json()
    for path, body in (
        ("quotes", {"from_year": YEAR, "amount_pence": 1}),
        ("members", {"force": "kent", "joined_on": str(today())}),
    ):
        refused = await chamber.post(FINANCE, f"{charge}/{path}", **body)
        assert refused.status_code == 409
        assert "follows its change" in refused.json()["detail"]
    taken = await chamber.post(
        FINANCE,
        "ledger/charges",
        reference="CR-9999",
        title="Not a change's",
        kind="one_off",
        amount_pence=1,
        formula="equal",
        first_year=YEAR,
        forces=["kent"],
    )
    assert taken.status_code == 422
    assert (await chamber.get(FINANCE, charge)).json() == before

    await chamber.done("board.kent", f"changes/{reference}/withdraw")
    await chamber.done(FINANCE, f"changes/{reference}/settle")
    assert set((await borne(chamber, reference)).values()) == {0}
    assert await balances(chamber) == 0


async def test_more_invoiced_than_the_new_quote_is_refused_whole(
    chamber: Chamber, board: str
) -> None:
    reference = await chamber.assessed(request(one_off_pence=9_000))
    await previewed(chamber, reference, ASKED)
    await chamber.carried(board, reference)
    await chamber.done(
        FINANCE,
        f"ledger/charges/{reference}/invoices",
        financial_year=YEAR,
        amount_pence=5_000,
        document="I-2",
    )
    before = (await chamber.get("auditor", f"changes/{reference}")).json()
    quote = {"supplier_reference": "Q-1", "one_off_pence": 90_000}
    refused = await chamber.post(FINANCE, f"changes/{reference}/quotes", quote=quote)
    assert refused.status_code == 409
    assert "credit note first" in refused.json()["detail"]
    assert (await chamber.get("auditor", f"changes/{reference}")).json() == before


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"formula": "no-such", "financial_year": YEAR}, 404, "no formula"),
        ({"formula": "blended", "financial_year": "2031/32"}, 409, "isn't frozen"),
        ({"formula": "blended", "financial_year": "2031/33"}, 422, "financial_year"),
        ({"formula": "equal"}, 422, "financial year"),
        ({**ASKED, "shares_pence": {"kent": 3_200_000}}, 422, "other shares"),
    ],
)
async def test_a_preview_that_cant_be_worked_out_is_a_clear_problem(
    chamber: Chamber, asked: dict[str, Any], status: int, words: str
) -> None:
    reference = await chamber.assessed()
    refused = await chamber.post(FINANCE, f"changes/{reference}/previews", preview=asked)
    assert refused.status_code == status, refused.text
    assert words in refused.text


async def test_stated_shares_bind_to_the_penny(chamber: Chamber, board: str) -> None:
    reference = await chamber.assessed(request(one_off_pence=1_000))
    sums = {force: 97 + 4 * place for place, force in enumerate(FORCE_SLUGS)}
    sums["kent"] += 1_000 - sum(sums.values())
    stated = {"formula": "As the chief constables agreed", "shares_pence": sums}
    assert await previewed(chamber, reference, stated) == sums
    assert await previewed(chamber, reference, stated) == sums
    await chamber.carried(board, reference)
    assert await charge_of(chamber, reference) == reference
    assert await borne(chamber, reference) == sums
    named = (await chamber.get(FINANCE, f"ledger/charges/{reference}")).json()["charge"]["formula"]
    assert named == f"stated-{reference.lower()}/1"  # the same sums again are the same formula
    formulas = (await chamber.get("board.kent", f"costs/formulas/{named.split('/')[0]}")).json()
    assert [each["title"] for each in formulas] == ["As the chief constables agreed"]
    assert await quoted(chamber, reference, 1_100) == "authorised"
    assert sum((await borne(chamber, reference)).values()) == 1_100
    assert await balances(chamber) == 0


async def test_an_annual_cost_is_bound_for_its_years_by_the_same_shares(
    chamber: Chamber, board: str
) -> None:
    reference = await chamber.assessed(request(one_off_pence=9_001, annual_pence=365_003))
    asked = {**ASKED, "annual_until": str(FinancialYear(FinancialYear.of(today()).begins + 2))}
    once = await previewed(chamber, reference, asked)
    view = (await chamber.get("auditor", f"changes/{reference}")).json()
    yearly = view["preview"]["annual_shares_pence"]
    assert sum(yearly.values()) == 365_003
    await chamber.carried(board, reference)
    decision = (await chamber.get("auditor", f"changes/{reference}")).json()["decisions"][-1]
    annual = f"{reference}-ANNUAL"
    assert (decision["charge"], decision["annual_charge"]) == (reference, annual)
    assert (await borne(chamber, reference), await borne(chamber, annual)) == (once, yearly)

    charge = f"ledger/charges/{annual}"
    following = FinancialYear.of(today()).next()
    await chamber.done(FINANCE, f"{charge}/commit", financial_year=str(following))
    years = (await chamber.get(FINANCE, charge)).json()["years"]
    assert [year["committed"] for year in years] == [yearly, yearly]
    # Half of the second year without Norfolk: it bears the days until then, the others the rest.
    last = following.first_day + timedelta(days=181)
    await chamber.done(FINANCE, f"{charge}/leavers", force="norfolk", last_day=str(last))
    years = (await chamber.get(FINANCE, charge)).json()["years"]
    assert years[0]["committed"] == yearly
    assert sum(years[1]["committed"].values()) == 365_003
    assert abs(years[1]["committed"]["norfolk"] - yearly["norfolk"] * 182 / following.days) < 2
    assert years[1]["committed"]["kent"] > yearly["kent"]
    assert await balances(chamber) == 0

    assert await quoted(chamber, reference, 9_001) == "authorise"  # no annual cost: another matter
    assert {
        pence
        for year in (await chamber.get(FINANCE, charge)).json()["years"]
        for pence in year["committed"].values()
    } == {0}
    assert await balances(chamber) == 0


async def test_a_quote_for_a_cost_that_nobody_voted_on_reopens_the_vote(
    chamber: Chamber, board: str
) -> None:
    reference = await chamber.assessed(request(one_off_pence=9_000))
    await previewed(chamber, reference, ASKED)
    await chamber.carried(board, reference)
    quote = {"supplier_reference": "Q-A", "one_off_pence": 9_000, "annual_pence": 1}
    view = await chamber.done(FINANCE, f"changes/{reference}/quotes", quote=quote)
    assert view["state"] == "authorise"
    assert set((await borne(chamber, reference)).values()) == {0}


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"shares_pence": dict.fromkeys(FORCE_SLUGS, 99)}, "one-off cost is 900"),
        ({"shares_pence": {"kent": 900}}, "each once"),
        ({"annual_shares_pence": dict.fromkeys(FORCE_SLUGS, 1)}, "annual cost is 90"),
        ({"annual_until": "2001/02"}, "can't end before"),
    ],
)
async def test_stated_shares_that_dont_add_up_are_refused_whole(
    chamber: Chamber, stated: dict[str, Any], words: str
) -> None:
    reference = await chamber.assessed(request(one_off_pence=900, annual_pence=90))
    asked = {"formula": "Stated", "shares_pence": dict.fromkeys(FORCE_SLUGS, 100), **stated}
    formulas = (await chamber.get(FINANCE, "costs/formulas")).json()
    refused = await chamber.post(FINANCE, f"changes/{reference}/previews", preview=asked)
    assert refused.status_code == 422, refused.text
    assert words in refused.text
    assert (await chamber.get("auditor", f"changes/{reference}")).json()["preview"] is None
    assert (await chamber.get(FINANCE, "costs/formulas")).json() == formulas
