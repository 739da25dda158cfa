"""The worked year of docs/costs.md: public figures, invented bases, three formulas."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from athena.governance.apportionment.apportioning import largest_remainder
from athena.governance.apportionment.models import Bases, Measure, parse_formula
from athena.governance.apportionment.money import FinancialYear, pounds
from athena.governance.ledger.models import Charge, ChargeKind, Participation, Quote
from athena.governance.ledger.sharing import share_year
from athena.platform.kernel.identity import TenantId
from support.cluster import ROOT

EXAMPLE = json.loads((ROOT / "docs/examples/costs/worked-year.json").read_text())
PAGE = ROOT / "docs" / "costs.md"
SLUGS = sorted(EXAMPLE["bases"])
FIRST = FinancialYear.parse(EXAMPLE["first_year"])
YEARS = [FinancialYear(FIRST.begins + number) for number in range(EXAMPLE["years"])]
BASES = {
    TenantId(number): Bases(
        slug, slug, {Measure(key): value for key, value in EXAMPLE["bases"][slug].items()}
    )
    for number, slug in enumerate(SLUGS, start=1)
}


def charge(formula: str) -> Charge:
    """Return the ten years' charge: seven forces from the start, two more in year six."""
    return Charge(
        UUID(int=1),
        "ATH",
        "Athena",
        ChargeKind.ANNUAL,
        formula,
        1,
        parse_formula(EXAMPLE["formulas"][formula]),
        YEARS[0],
        YEARS[-1],
        None,
        None,
        [Quote(FIRST, EXAMPLE["total_pence"] // EXAMPLE["years"])],
        [
            Participation(
                tenant,
                YEARS[0].first_day if each.force in EXAMPLE["seven"] else YEARS[5].first_day,
            )
            for tenant, each in BASES.items()
        ],
    )


def year_of(formula: str, number: int) -> dict[str, int]:
    """Return the shares of a year, by the force's short name."""
    shared = share_year(charge(formula), YEARS[number], BASES).by_force()
    return {BASES[tenant].force: pence for tenant, pence in shared.items()}


@pytest.mark.parametrize("formula", EXAMPLE["formulas"])
def test_ten_years_add_up_to_the_penny(formula: str) -> None:
    assert sum(sum(year_of(formula, n).values()) for n in range(10)) == EXAMPLE["total_pence"]
    assert set(year_of(formula, 4)) == set(EXAMPLE["seven"])
    assert set(year_of(formula, 5)) == set(SLUGS)


def test_the_page_shows_these_shares() -> None:
    text = PAGE.read_text()
    for number, heading in ((0, "Year one"), (5, "Year six")):
        section = text.split(f"### {heading}")[1].split("##")[0]
        rows = dict(re.findall(r"^\| ([a-z-]+) \| (£.+) \|$", section, re.MULTILINE))
        for slug in SLUGS:
            shares = [year_of(formula, number).get(slug) for formula in EXAMPLE["formulas"]]
            if None not in shares:
                assert rows[slug] == " | ".join(pounds(pence or 0) for pence in shares)
        assert len(rows) == (7 if number == 0 else 9)


def test_by_hand() -> None:
    """£3,200,000 a year: a seventh each, then a ninth; essex's 26 of 120 millions."""
    assert year_of("equal", 0)["kent"] in (45_714_285, 45_714_286)
    assert year_of("by-expenditure", 0)["essex"] == round(320_000_000 * 26 / 120)
    assert year_of("blended", 0)["kent"] == 64_000_000, "the cap of 20% holds"


def test_joining_within_the_year_goes_by_the_day() -> None:
    year = YEARS[5]
    joining = Participation(TenantId(9), date(2017, 10, 1))
    whole = charge("equal")
    late = [each for each in whole.taking_part if each.tenant_id != 9]
    shared = share_year(replace(whole, taking_part=[*late, joining]), year, BASES)
    assert [span.shares.amount_pence for span in shared.spans] == list(
        largest_remainder(320_000_000, {0: 183, 1: 182}).values()
    )
