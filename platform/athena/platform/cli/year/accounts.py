"""The year's money: bases, the budget, invoices, payments; all through finance's own acts."""

from __future__ import annotations

from athena.governance.apportionment.money import pounds
from athena.platform.cli.year.deciding import charge_of
from athena.platform.cli.year.papers import (
    FINANCE,
    FORCES,
    FORMULA,
    POPULATION,
    SHARING,
    SUPPORT,
)
from athena.platform.cli.year.stage import Stage

BUDGET_POUNDS = 200_000
SUPPORT_POUNDS = 18_000


async def prepared(stage: Stage) -> None:
    """Freeze what the year's costs are shared by, set the budget, and agree to the support."""
    year = str(stage.year)
    await stage.act(
        FINANCE,
        f"costs/formulas/{FORMULA}",
        "The board agreed",
        title="60% by population, 40% equally",
        formula=SHARING,
    )
    known = await stage.read(f"costs/bases?financial_year={year}", FINANCE)
    frozen = any(item["measure"] == "population" and item["frozen_at"] for item in known)
    await stage.act(
        FINANCE,
        "costs/bases",
        "The board agreed",
        needed=not frozen,
        financial_year=year,
        measure="population",
        values=POPULATION,
        source="Invented for a made-up year, in round numbers",
    )
    known = await stage.read(f"costs/bases?financial_year={year}", FINANCE)
    newest = max(item["version"] for item in known if item["measure"] == "population")
    await stage.act(
        FINANCE,
        "costs/bases/freeze",
        "The board agreed",
        needed=not frozen,
        financial_year=year,
        measure="population",
        version=newest,
    )
    await stage.act(
        FINANCE,
        "ledger/budgets",
        "The board agreed",
        financial_year=year,
        amount_pence=BUDGET_POUNDS * 100,
    )
    await stage.act(
        FINANCE,
        "ledger/charges",
        "The contract",
        reference=SUPPORT,
        title="Support of the made-up year",
        kind="annual",
        amount_pence=SUPPORT_POUNDS * 100,
        formula=FORMULA,
        first_year=year,
        forces=list(FORCES),
    )
    await stage.act(
        FINANCE, f"ledger/charges/{SUPPORT}/commit", "The contract", financial_year=year
    )
    stage.tell(
        f"Finance freezes the population of {year} (invented), sets a budget of "
        f"{pounds(BUDGET_POUNDS * 100)}, and commits every force to {pounds(SUPPORT_POUNDS * 100)} "
        "for support."
    )


async def invoiced(stage: Stage, title: str, amount: int, document: str) -> None:
    """Enter a supplier's invoice, in pounds, for a change that a vote bound."""
    await entered(
        stage,
        "invoices",
        await charge_of(stage, await stage.change(title)),
        amount,
        document,
        "Delivered",
    )


async def credited(stage: Stage, title: str, amount: int, document: str) -> None:
    """Enter a supplier's credit note, in pounds, for a change that was invoiced."""
    await entered(
        stage,
        "credits",
        await charge_of(stage, await stage.change(title)),
        amount,
        document,
        "Delivered late",
    )


async def entered(
    stage: Stage, what: str, charge: str, amount: int, document: str, why: str
) -> None:
    """Enter a document of the supplier's, in pounds, for a charge."""
    await stage.act(
        FINANCE,
        f"ledger/charges/{charge}/{what}",
        why,
        financial_year=str(stage.year),
        amount_pence=amount * 100,
        document=document,
    )


async def paid(stage: Stage, amount: int, document: str) -> None:
    """Enter what each force pays of what it owes, and a payment to the supplier, in pounds."""
    for force in FORCES:
        owed = await owes(stage, force)
        await stage.act(
            FINANCE,
            "ledger/receipts",
            f"{force} pays",
            needed=owed > 0,
            force=force,
            amount_pence=owed,
            document=f"{document}-{force}",
        )
    await stage.act(
        FINANCE,
        "ledger/payments",
        "The supplier's invoices",
        amount_pence=amount * 100,
        document=document,
    )


async def owes(stage: Stage, force: str) -> int:
    """Return what a force owes, in pence; what stands to its credit is negative."""
    found = await stage.read(f"ledger/statements/{force}/{str(stage.year).replace('/', '-')}")
    return int(found["closing_owed_pence"])
