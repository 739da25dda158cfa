"""Corrections as partners and forces read them, and what a partner says that it did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from athena.sharing.ppss.corrections.models import Change, Correction, Done, Holding

MOST_CORRECTIONS = 500


class CorrectionView(BaseModel):
    """A disclosed fact that was changed or erased: correct it, or ask again for what holds now."""

    correction_id: UUID
    disclosure_id: UUID = Field(description="The disclosure that told it")
    partner: str
    source_force: str
    change: Change
    fields: list[str] = Field(description="What of the disclosed record is wrong or gone")
    changed_at: datetime
    due_at: datetime = Field(description="By when it must be acknowledged")
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    done: Done | None

    @classmethod
    def of(cls, item: Correction) -> CorrectionView:
        """Return the view of a correction."""
        return cls(
            correction_id=item.correction_id,
            disclosure_id=item.disclosure_id,
            partner=item.partner,
            source_force=item.source_force,
            change=item.change,
            fields=list(item.fields),
            changed_at=item.changed_at,
            due_at=item.due_at,
            acknowledged_at=item.acknowledged_at,
            acknowledged_by=item.acknowledged_by,
            done=item.done,
        )


class Acknowledgement(BaseModel):
    """What the partner did about a correction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    done: Done


class HoldingView(BaseModel):
    """What a partner was given of a record, and what of it it still holds."""

    disclosure_id: UUID
    partner: str
    given_at: datetime
    agreement_id: UUID
    agreement: str | None
    given: list[str]
    held: list[str]
    wrong: list[str] = Field(description="Told to be wrong or gone, and not acknowledged yet")

    @classmethod
    def of(cls, item: Holding, titles: Mapping[UUID, str]) -> HoldingView:
        """Return the view of a holding."""
        return cls(
            disclosure_id=item.disclosure_id,
            partner=item.partner,
            given_at=item.given_at,
            agreement_id=item.agreement_id,
            agreement=titles.get(item.agreement_id),
            given=list(item.given),
            held=list(item.held),
            wrong=list(item.wrong),
        )
