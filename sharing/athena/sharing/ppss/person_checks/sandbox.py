"""What a partner's developer is answered before any agreement: made-up people, fixed answers.

Nothing here comes from the store, and nobody of these exists. A partner that is registered for the
sandbox is answered from here alone, whatever it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple
from uuid import UUID, uuid5

from athena.platform.kernel.identity import Level, Purpose
from athena.policies.decisions.reasons import Obligation as KnownObligation
from athena.records.nominals.schemas import AddressDraft, LocationDraft, MarkerDraft, NameView
from athena.records.nominals.values import HandlingCode, Marking, NameKind, Sex, WarningMarker
from athena.sharing.ppss.person_checks.schemas import (
    Contact,
    Obligation,
    PersonAsked,
    PersonDisclosed,
    RecordDisclosed,
    Reliability,
    Result,
)
from athena.sharing.ppss.person_checks.telling import retention
from athena.sharing.ppss.signatures.models import Standing

REFERENCE = "ATH-ISA-00"
"""The agreement that sandbox calls name; no real one has this reference."""

STANDING = Standing(
    agreement_id=UUID(int=0),
    reference=REFERENCE,
    version=1,
    purposes=(Purpose.MISSING_PERSON, Purpose.SAFEGUARDING),
    retention_days=90,
    hourly_cap=1_000,
    daily_cap=5_000,
)
"""Terms like those of an agreement: missing persons see a summary, safeguarding more."""

_IDS = UUID("8d3f5f0e-2b77-4a5e-9a0c-51f2a1c5b7aa")
_CONTACT = Contact(
    unit="Sandbox information sharing unit",
    email="sharing@sandbox.example",
    telephone="01632 960001",
)


class MadeUp(NamedTuple):
    """A made-up person, and what asking about them gives."""

    surname: str
    given: str
    born: date
    result: Result
    level: Level = Level.FULL


PEOPLE = (
    MadeUp("Morgan", "Alex", date(1990, 4, 12), Result.MATCH),
    MadeUp("Ali", "Samira", date(1985, 9, 30), Result.MATCH, Level.SUMMARY),
    MadeUp("Taylor", "Robin", date(1978, 1, 5), Result.MATCH, Level.POINTER),
    MadeUp("Jones", "Chris", date(2001, 11, 23), Result.POSSIBLE),
)
"""Everybody else is no match."""

_BY_NAME: Mapping[tuple[str, str], MadeUp] = {
    (one.surname.casefold(), one.given.casefold()): one for one in PEOPLE
}


def look_up(person: PersonAsked, purpose: Purpose) -> tuple[Result, list[RecordDisclosed]]:
    """Return the fixed answer to a question: the same question has the same answer.

    Without the date of birth a known name is a possible match; with another date it is none.
    """
    found = _BY_NAME.get((person.family_name.casefold(), person.given_names.casefold()))
    if found is None or person.date_of_birth not in (None, found.born):
        return Result.NO_MATCH, []
    if person.date_of_birth is None or found.result is not Result.MATCH:
        return Result.POSSIBLE, []
    return Result.MATCH, [_record(found, purpose)]


def _record(one: MadeUp, purpose: Purpose) -> RecordDisclosed:
    level = one.level
    if level is Level.FULL and purpose is Purpose.MISSING_PERSON:
        level = Level.SUMMARY
    pointer = level is Level.POINTER
    code = KnownObligation.NO_ONWARD_SHARING
    return RecordDisclosed(
        disclosure_id=uuid5(_IDS, f"{one.surname}/{one.given}/{purpose}"),
        source_force="sandbox-force",
        level=level,
        person=None if pointer else _person(one, level),
        reliability=None if pointer else _RELIABILITY,
        obligations=[Obligation(code=code.value, text=code.sentence)],
        retention=retention(STANDING),
        contact=_CONTACT,
    )


def _person(one: MadeUp, level: Level) -> PersonDisclosed:
    full = level is Level.FULL
    place = LocationDraft(street="1 Sample Street", town="Sandbox")
    return PersonDisclosed(
        names=[NameView(kind=NameKind.PRIMARY, given_names=one.given, surname=one.surname)],
        sex=Sex.UNKNOWN,
        date_of_birth=one.born.isoformat(),
        addresses=[AddressDraft(location=place)] if full else None,
        markers=[MarkerDraft(code=WarningMarker.DRUGS)] if full else None,
    )


_RELIABILITY = Reliability(
    last_changed_on=date(2026, 1, 15),
    subject_categories=["victim"],
    marking=Marking.OFFICIAL,
    handling=HandlingCode.PERMITTED,
    conditions=[],
)
