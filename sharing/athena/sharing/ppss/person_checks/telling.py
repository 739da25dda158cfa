"""A record as a partner is told it: what may be told, how far to rely on it, what it obliges to."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias
from uuid import uuid4

from athena.platform.kernel import clock
from athena.platform.kernel.identity import Level
from athena.policies.decisions.reasons import Obligation as KnownObligation
from athena.policies.visibility.models import LabelView
from athena.records.nominals.service import Told
from athena.sharing.ppss.person_checks.schemas import (
    Contact,
    Obligation,
    PersonDisclosed,
    RecordDisclosed,
    Reliability,
    Retention,
)
from athena.sharing.ppss.signatures.models import Standing
from athena.tenants.directory.models import Tenant

_SENTENCES = {item.value: item.sentence for item in KnownObligation}

Pointer: TypeAlias = LabelView
"""Why some record of a force is a pointer."""


def record(found: Told, standing: Standing, owner: Tenant) -> RecordDisclosed:
    """Return a record that is told, under a disclosure id of its own."""
    shown, view = found.disclosed, found.disclosed.nominal
    told = view.model_dump(include=set(PersonDisclosed.model_fields))
    return RecordDisclosed(
        disclosure_id=uuid4(),
        source_force=owner.slug,
        level=shown.disclosure,
        person=PersonDisclosed.model_validate(told),
        reliability=Reliability(
            last_changed_on=found.changed_at.date(),
            subject_categories=list(found.label.categories),
            marking=view.marking,
            handling=view.handling,
            conditions=view.conditions,
        ),
        obligations=_obligations(shown.obligations),
        retention=retention(standing),
        contact=contact(owner),
    )


def pointer(view: Pointer, standing: Standing, owner: Tenant) -> RecordDisclosed:
    """Return that a force holds a record of this person, and whom to contact: nothing else."""
    return RecordDisclosed(
        disclosure_id=uuid4(),
        source_force=owner.slug,
        level=Level.POINTER,
        obligations=_obligations(view.obligations),
        retention=retention(standing),
        contact=contact(owner),
    )


def retention(standing: Standing) -> Retention:
    """Return how long a partner may keep what it is told today under an agreement."""
    until = clock.today() + timedelta(days=min(standing.retention_days, 36_500))
    return Retention(days=standing.retention_days, until=until)


def contact(owner: Tenant) -> Contact:
    """Return the unit of a force that answers questions about its records."""
    return Contact(
        unit=owner.contact_unit, email=owner.contact_email, telephone=owner.contact_telephone
    )


def _obligations(codes: list[str] | tuple[str, ...]) -> list[Obligation]:
    return [Obligation(code=code, text=_SENTENCES[code]) for code in codes]
