"""What a change costs each force: worked out before the vote, bound in the accounts by it.

A preview names a version of a formula and a year whose bases are frozen; neither ever changes, so
what is bound is what was previewed, to the penny. Shares that finance states are a formula of their
own, stored with the preview. The vote's outcome binds it by rule: whoever closes the vote decides
nothing about the money. The one-off cost and each year's are charges of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from athena.governance.acting import Acting
from athena.governance.apportionment import repository as formulas
from athena.governance.apportionment.models import Stated, formula_document
from athena.governance.apportionment.money import LAST_YEAR, FinancialYear, pounds
from athena.governance.apportionment.service import forces, stored_formula
from athena.governance.changes.document import Preview
from athena.governance.changes.models import WholeChange
from athena.governance.changes.schemas import AskedPreview
from athena.governance.changes.standing import check_shares
from athena.governance.ledger import posting
from athena.governance.ledger import repository as ledger
from athena.governance.ledger.desk import Desk as PostingDesk
from athena.governance.ledger.desk import desk_of, share
from athena.governance.ledger.membership import joined
from athena.governance.ledger.models import (
    Charge,
    ChargeKind,
    JournalKind,
    Participation,
    Position,
    Quote,
)
from athena.platform.kernel.clock import today
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from athena.platform.kernel.identity import TenantId
from athena.policies.agreements.signing import digest_of
from athena.tenants.directory.models import Tenant

Everyone = Mapping[TenantId, Tenant]

ANNUAL = "-ANNUAL"
"""What the reference of a charge for each year's cost ends with."""

_FURTHER_YEARS = 9
"""How many years an annual cost runs after its first unless told otherwise: a choice."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The charges by which a vote bound forces, by their references."""

    charge: str | None = None
    annual_charge: str | None = None


NOTHING = Bound()


async def work_out(
    session: ReadSession,
    whole: WholeChange,
    formula: str,
    year: str,
    payers: Collection[str],
    annual_until: str | None = None,
    annual_formula: str | None = None,
) -> Preview:
    """Return what each payer would bear, once and a year; what isn't frozen can't bind."""
    if not payers:
        raise InvalidInputError("No force takes part yet, so there is nobody to share the cost.")
    everyone = await forces(session)
    first = FinancialYear.parse(year)
    charge = await _one_off(session, whole, formula, first, payers, everyone)
    shares = _by_slug((await share(session, charge, first, everyone)).by_force(), everyone)
    name = f"{charge.formula_reference}/{charge.formula_version}"
    if whole.annual_pence() == 0:
        return Preview(formula=name, financial_year=str(first), shares_pence=shares)
    last = _last_year(first, annual_until)
    yearly = await _annual(session, whole, annual_formula or name, (first, last), payers, everyone)
    return Preview(
        formula=name,
        financial_year=str(first),
        shares_pence=shares,
        annual_formula=f"{yearly.formula_reference}/{yearly.formula_version}",
        annual_shares_pence=_by_slug(
            (await share(session, yearly, first, everyone)).by_force(), everyone
        ),
        annual_until=str(last),
    )


async def state(
    acting: Acting, whole: WholeChange, asked: AskedPreview, payers: Collection[str]
) -> Preview:
    """Return stated shares as a preview that binds: they are stored as formulas of this change."""
    once, yearly = asked.shares_pence, asked.annual_shares_pence
    assert once is not None  # the schema asks for them where no year is named
    check_shares(once, whole.one_off_pence(), payers)
    if yearly is not None:
        check_shares(yearly, whole.annual_pence(), payers, annual=True)
    if not any(once.values()) and not any((yearly or {}).values()):
        if whole.annual_pence() > 0:
            raise InvalidInputError(
                "State each force's share of the annual cost.",
                field="/preview/annual_shares_pence",
            )
        return Preview(formula=asked.formula, shares_pence=once)
    name = f"stated-{whole.change.reference.lower()}"
    first = await _state(acting, name, asked.formula, once if any(once.values()) else yearly or {})
    second = None
    if yearly is not None and any(yearly.values()):
        second = await _state(acting, f"{name}-annual", asked.formula, yearly)
    year = str(FinancialYear.of(today()))
    return await work_out(acting.session, whole, first, year, payers, asked.annual_until, second)


async def bind(acting: Acting, whole: WholeChange) -> Bound:
    """Commit the forces to the shares that they voted on; return the charges that hold them.

    Nothing where the change costs nothing, or nobody previewed the shares.
    """
    preview = whole.standing().preview
    if preview is None or preview.financial_year is None:
        return NOTHING
    desk = await desk_of(acting)
    year, reference = FinancialYear.parse(preview.financial_year), _next_reference(whole)
    charge = annual = None
    if whole.one_off_pence() > 0:
        made = await _one_off(
            acting.session, whole, preview.formula, year, preview.shares_pence, desk.forces
        )
        charge = await _commit(desk, replace(made, reference=reference), preview.shares_pence)
    if whole.annual_pence() > 0 and preview.annual_shares_pence is not None:
        assert preview.annual_formula is not None  # they are previewed together
        years = year, _last_year(year, preview.annual_until)
        made = await _annual(
            acting.session,
            whole,
            preview.annual_formula,
            years,
            preview.annual_shares_pence,
            desk.forces,
        )
        annual = await _commit(
            desk, replace(made, reference=f"{reference}{ANNUAL}"), preview.annual_shares_pence
        )
    return Bound(charge, annual)


async def _commit(desk: PostingDesk, charge: Charge, previewed: Mapping[str, int]) -> str:
    year, acting = charge.first_year, desk.acting
    shared = (await desk.share(charge, year)).by_force()
    if _by_slug(shared, desk.forces) != dict(previewed):
        raise ConflictError(
            "The previewed shares aren't what the formula gives: they were written past this "
            "platform. Cancel the vote, and preview the shares again."
        )
    pence = charge.pence(year)
    await ledger.store_charge(acting.session, charge, acting.subject.username, acting.reason)
    told = f"{charge.reference} {year}: committed by vote, {pounds(pence)}"
    entries = posting.commit(Position(), shared)
    await desk.post(JournalKind.COMMITMENT, told, entries, (charge, year))
    content = {"charge": charge.reference, "year": str(year), "pence": pence}
    await acting.tell("ledger.commit", content)
    return charge.reference


async def _one_off(
    session: ReadSession,
    whole: WholeChange,
    formula: str,
    year: FinancialYear,
    payers: Collection[str],
    everyone: Everyone,
) -> Charge:
    made = await _charge(session, whole, formula, (year, year), ChargeKind.ONE_OFF)
    return replace(
        made,
        taking_part=[Participation(tenant, today()) for tenant in _numbers(payers, everyone)],
    )


async def _annual(
    session: ReadSession,
    whole: WholeChange,
    formula: str,
    years: tuple[FinancialYear, FinancialYear],
    payers: Collection[str],
    everyone: Everyone,
) -> Charge:
    """Return the charge of each year's cost: those who voted bear the first one whole."""
    charge = await _charge(session, whole, formula, years, ChargeKind.ANNUAL)
    for tenant in _numbers(payers, everyone):
        charge = await joined(session, everyone, charge, tenant, charge.first_year.first_day)
    return charge


async def _charge(
    session: ReadSession,
    whole: WholeChange,
    formula: str,
    years: tuple[FinancialYear, FinancialYear],
    kind: ChargeKind,
) -> Charge:
    stored = await stored_formula(session, formula)
    annual = kind is ChargeKind.ANNUAL
    return Charge(
        uuid4(),
        whole.change.reference,
        whole.change.title,
        kind,
        stored.reference,
        stored.version,
        stored.formula,
        *years,
        years[0] if annual else None,  # the shares that were voted on hold in every year
        whole.change.reference,
        [Quote(years[0], whole.annual_pence() if annual else whole.one_off_pence())],
    )


async def _state(acting: Acting, name: str, title: str, shares: Mapping[str, int]) -> str:
    """Store stated shares as the next version of a formula, or find them as the newest one."""
    document = formula_document(Stated(pence=dict(sorted(shares.items()))))
    digest = digest_of(document)
    known = await formulas.formulas(acting.session, name)
    if known and known[-1].digest == digest:
        return f"{name}/{known[-1].version}"
    version = len(known) + 1
    await formulas.store_formula(
        acting.session,
        name,
        version,
        title,
        document,
        digest,
        acting.subject.username,
        acting.reason,
    )
    await acting.tell("costs.formula", {"formula": f"{name}/{version}"})
    return f"{name}/{version}"


def _last_year(first: FinancialYear, until: str | None) -> FinancialYear:
    if until is None:
        return FinancialYear(min(first.begins + _FURTHER_YEARS, LAST_YEAR))
    last = FinancialYear.parse(until)
    if last < first:
        raise InvalidInputError(
            f"The annual cost can't end before {first}, its first year.",
            field="/preview/annual_until",
        )
    return last


def _numbers(slugs: Collection[str], everyone: Everyone) -> list[TenantId]:
    numbers = {each.slug: tenant for tenant, each in everyone.items()}
    return [numbers[slug] for slug in sorted(slugs)]


def _by_slug(shared: Mapping[TenantId, int], everyone: Everyone) -> dict[str, int]:
    return {everyone[tenant].slug: pence for tenant, pence in sorted(shared.items())}


def _next_reference(whole: WholeChange) -> str:
    """Return the change's own reference, or with a number where a vote on it bound one before."""
    before = [each for each in whole.standing().decisions if each.charges]
    reference = whole.change.reference
    return f"{reference}-{len(before) + 1}" if before else reference
