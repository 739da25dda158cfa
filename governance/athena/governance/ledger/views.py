"""What the API answers when the accounts are read: statements, journals, the forecast, notices."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel

from athena.governance.ledger.models import Account, Entry, JournalKind, Posted, Withdrawal
from athena.governance.ledger.reading import Forces
from athena.governance.ledger.statements import Forecast, Statement
from athena.governance.ledger.withdrawals import Foreseen


class LineView(BaseModel):
    """A line of a statement, in pence; a credit is negative."""

    number: int
    day: date
    kind: JournalKind
    charge: str | None
    document: str
    narrative: str
    owed_pence: int
    committed_pence: int


class StatementView(BaseModel):
    """A force's account in a financial year."""

    force: str
    name: str
    financial_year: str
    opening_owed_pence: int
    opening_committed_pence: int
    lines: list[LineView]
    closing_owed_pence: int
    closing_committed_pence: int

    @classmethod
    def of(cls, found: Statement) -> StatementView:
        """Return it as the API answers."""
        return cls(
            force=found.force,
            name=found.name,
            financial_year=str(found.year),
            opening_owed_pence=found.opening_owed,
            opening_committed_pence=found.opening_committed,
            lines=[
                LineView(
                    number=line.number,
                    day=line.day,
                    kind=line.kind,
                    charge=line.charge,
                    document=line.document,
                    narrative=line.narrative,
                    owed_pence=line.owed,
                    committed_pence=line.committed,
                )
                for line in found.lines
            ],
            closing_owed_pence=found.closing_owed,
            closing_committed_pence=found.closing_committed,
        )


class EntryView(BaseModel):
    """A debit (positive) or credit (negative) of an account, or its balance."""

    account: Account
    force: str | None
    pence: int

    @classmethod
    def of(cls, entry: Entry, forces: Forces) -> EntryView:
        """Return it as the API answers."""
        force = None if entry.tenant_id is None else forces[entry.tenant_id].slug
        return cls(account=entry.account, force=force, pence=entry.pence)


class JournalView(BaseModel):
    """A journal, with the entries that one may see."""

    number: int
    posted_at: datetime
    day: date
    kind: JournalKind
    charge: str | None
    charge_year: str | None
    document: str
    narrative: str
    posted_by: str
    reason: str
    entries: list[EntryView]

    @classmethod
    def of(cls, posted: Posted, forces: Forces) -> JournalView:
        """Return it as the API answers."""
        return cls(
            number=posted.number,
            posted_at=posted.posted_at,
            day=posted.day,
            kind=posted.kind,
            charge=posted.charge,
            charge_year=None if posted.charge_year is None else str(posted.charge_year),
            document=posted.document,
            narrative=posted.narrative,
            posted_by=posted.username,
            reason=posted.reason,
            entries=[EntryView.of(entry, forces) for entry in posted.entries],
        )


class ForecastLineView(BaseModel):
    """A charge in a year; what is committed and invoiced, as far as one may see."""

    charge: str
    title: str
    forecast_pence: int
    committed_pence: int
    invoiced_pence: int


class ForecastView(BaseModel):
    """What a year is to cost, against its budget."""

    financial_year: str
    sentence: str
    budget_pence: int | None
    forecast_pence: int
    charges: list[ForecastLineView]
    by_force: dict[str, int]

    @classmethod
    def of(cls, found: Forecast, forces: Forces) -> ForecastView:
        """Return it as the API answers."""
        return cls(
            financial_year=str(found.year),
            sentence=found.sentence(),
            budget_pence=found.budget,
            forecast_pence=found.total,
            charges=[
                ForecastLineView(
                    charge=line.reference,
                    title=line.title,
                    forecast_pence=line.forecast,
                    committed_pence=line.committed,
                    invoiced_pence=line.invoiced,
                )
                for line in found.lines
            ],
            by_force={forces[key].slug: pence for key, pence in sorted(found.by_force.items())},
        )


class WithdrawalView(BaseModel):
    """A notice of withdrawal that was given."""

    force: str
    notice_on: date
    last_day: date
    recorded_at: datetime
    recorded_by: str
    reason: str

    @classmethod
    def of(cls, found: Withdrawal, forces: Forces) -> WithdrawalView:
        """Return it as the API answers."""
        return cls(
            force=forces[found.tenant_id].slug,
            notice_on=found.notice_on,
            last_day=found.last_day,
            recorded_at=found.recorded_at,
            recorded_by=found.username,
            reason=found.reason,
        )


class EffectView(BaseModel):
    """What changes in a year of a charge: positive is more to bear."""

    charge: str
    financial_year: str
    change: dict[str, int]


class ForeseenView(BaseModel):
    """What a withdrawal would cost the others, and what the force would still owe."""

    force: str
    notice_on: date
    last_day: date
    sentence: str
    change: dict[str, int]
    effects: list[EffectView]
    owed_pence: int
    committed_pence: int

    @classmethod
    def of(cls, found: Foreseen, forces: Forces) -> ForeseenView:
        """Return it as the API answers."""
        changed = {tenant for each in found.effects for tenant in each.change}
        return cls(
            force=forces[found.tenant_id].slug,
            notice_on=found.notice_on,
            last_day=found.last_day,
            sentence=found.sentence(forces[found.tenant_id].name),
            change={forces[key].slug: found.change(key) for key in sorted(changed)},
            effects=[
                EffectView(
                    charge=each.reference,
                    financial_year=str(each.year),
                    change={forces[key].slug: pence for key, pence in each.change.items()},
                )
                for each in found.effects
            ],
            owed_pence=found.still_owed,
            committed_pence=found.still_committed,
        )
