"""What the API takes and answers about the accounts. Money is whole pence, years are 2026/27."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from athena.governance.apportionment.models import Force
from athena.governance.apportionment.schemas import Pence, ShareView, Title, Year, share_views
from athena.governance.ledger.models import (
    Charge,
    ChargeKind,
    Done,
)
from athena.governance.ledger.reading import CommittedYear, Forces
from athena.platform.kernel.permits import Act, line_of_text

Reference = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,39}$")]
Document = Annotated[str, line_of_text(100)]


class OnDay(Act):
    """An act that posts, for a day: today unless told otherwise, and never one to come."""

    day: date | None = None


class NewCharge(Act):
    """A cost that forces agreed to share; an annual one's amount is for each year."""

    reference: Reference
    title: Title
    kind: ChargeKind
    amount_pence: Pence
    formula: Annotated[str, Field(max_length=80)]
    first_year: Year
    last_year: Year | None = None
    basis_year: Year | None = None
    change: Document | None = None
    forces: Annotated[list[Force], Field(min_length=1, max_length=100)]
    joined_on: date | None = None


class Commit(OnDay):
    """The year that is to be committed."""

    financial_year: Year


class Requote(OnDay):
    """What the charge costs from a year on."""

    from_year: Year
    amount_pence: Pence


class Join(OnDay):
    """Who joins a charge, and from which day."""

    force: Force
    joined_on: date


class Leave(OnDay):
    """Who leaves a charge, and the last day on which it takes part."""

    force: Force
    last_day: date


class Invoice(OnDay):
    """An invoice or a credit note of the supplier, with its number."""

    financial_year: Year
    amount_pence: Pence
    document: Document


class Money(OnDay):
    """Money that came from a force or went to one."""

    force: Force
    amount_pence: Pence
    document: Document


class SupplierPayment(OnDay):
    """Money that went to the supplier."""

    amount_pence: Pence
    document: Document


class Budget(Act):
    """What the board means to spend in a year."""

    financial_year: Year
    amount_pence: Pence


class Notice(OnDay):
    """A force's notice of withdrawal, and the day on which it was given."""

    force: Force
    notice_on: date


class DoneView(BaseModel):
    """What an act came to, and the numbers of the journals that it posted."""

    sentence: str
    journals: list[int]

    @classmethod
    def of(cls, done: Done) -> DoneView:
        """Return it as the API answers."""
        return cls(sentence=done.sentence, journals=list(done.journals))


class MemberView(BaseModel):
    """A force that takes part, from a day to a day."""

    force: str
    joined_on: date
    last_day: date | None


class QuoteView(BaseModel):
    """What a charge costs in each year from one on; later ones go before."""

    from_year: str
    amount_pence: int


class ChargeView(BaseModel):
    """A charge: what it costs, by which formula, and who takes part."""

    reference: str
    title: str
    kind: ChargeKind
    formula: str
    first_year: str
    last_year: str
    basis_year: str | None
    change: str | None
    quotes: list[QuoteView]
    members: list[MemberView]

    @classmethod
    def of(cls, charge: Charge, forces: Forces) -> ChargeView:
        """Return it as the API answers."""
        return cls(
            reference=charge.reference,
            title=charge.title,
            kind=charge.kind,
            formula=f"{charge.formula_reference}/{charge.formula_version}",
            first_year=str(charge.first_year),
            last_year=str(charge.last_year),
            basis_year=None if charge.basis_year is None else str(charge.basis_year),
            change=charge.change_reference,
            quotes=[
                QuoteView(from_year=str(quote.from_year), amount_pence=quote.pence)
                for quote in charge.quotes
            ],
            members=[
                MemberView(
                    force=forces[each.tenant_id].slug,
                    joined_on=each.joined_on,
                    last_day=each.last_day,
                )
                for each in charge.taking_part
            ],
        )


class SpanView(BaseModel):
    """Days on which the same forces take part, and how their part of the cost is shared."""

    first_day: date
    last_day: date
    amount_pence: int
    shares: list[ShareView]


class YearView(BaseModel):
    """A committed year of a charge; what is committed and invoiced, as far as one may see."""

    financial_year: str
    amount_pence: int
    by_force: dict[str, int]
    committed: dict[str, int]
    invoiced: dict[str, int]
    spans: list[SpanView]

    @classmethod
    def of(cls, year: CommittedYear, forces: Forces) -> YearView:
        """Return it as the API answers."""
        return cls(
            financial_year=str(year.year),
            amount_pence=year.shared.pence,
            by_force={
                forces[key].slug: pence for key, pence in sorted(year.shared.by_force().items())
            },
            committed={
                forces[key].slug: pence for key, pence in sorted(year.position.committed.items())
            },
            invoiced={
                forces[key].slug: pence for key, pence in sorted(year.position.invoiced.items())
            },
            spans=[
                SpanView(
                    first_day=span.first,
                    last_day=span.last,
                    amount_pence=span.shares.amount_pence,
                    shares=share_views(span.shares),
                )
                for span in year.shared.spans
            ],
        )


class WholeCharge(BaseModel):
    """A charge with every year that is committed."""

    charge: ChargeView
    years: list[YearView]
