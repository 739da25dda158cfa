"""What a force writes down of a made-up person: every field group, marked and handled variously.

Every text says that it is synthetic. National Insurance and driving licence numbers are left out:
any valid one may be a living person's.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from athena.records.nominals.dates import PartialDate
from athena.records.nominals.descriptions import (
    Build,
    Complexion,
    DistinguishingFeature,
    Ethnicity,
    EyeColour,
    Hair,
)
from athena.records.nominals.identifiers import IdentifierKind, make_arrest_summons_number
from athena.records.nominals.schemas import (
    AddressDraft,
    AssessmentDraft,
    ContactDraft,
    DescriptionDraft,
    IdentifierDraft,
    InvolvementDraft,
    LocationDraft,
    MarkerDraft,
    NameDraft,
    NominalDraft,
)
from athena.records.nominals.values import (
    AddressKind,
    AssessmentBasis,
    ContactKind,
    DescriptionAttribute,
    HandlingCode,
    HandlingCondition,
    Marking,
    NameKind,
    RecordClass,
    Sex,
    SubjectCategory,
    VulnerabilityFactor,
    WarningMarker,
)
from athena.records.synthetic.identities import LAST_YEAR, Identity
from athena.records.synthetic.places import Home, force_code, make_home, make_telephone

_SHORT_FORMS = {
    "Alexander": "Sandy", "Andrew": "Drew", "Anthony": "Tony", "Barbara": "Babs",
    "Catherine": "Kitty", "Charles": "Chaz", "Christopher": "Kit", "Daniel": "Danny",
    "Deborah": "Debs", "Edward": "Ned", "Elizabeth": "Betty", "Frances": "Fran",
    "Gareth": "Gaz", "James": "Jimmy", "Jennifer": "Jen", "Joanna": "Jo", "John": "Jack",
    "Joseph": "Joey", "Kathleen": "Kath", "Margaret": "Peggy", "Mary": "Molly",
    "Matthew": "Matt", "Michael": "Mick", "Mohammed": "Mo", "Nicholas": "Nicky",
    "Patricia": "Trish", "Patrick": "Paddy", "Peter": "Pete", "Richard": "Dick",
    "Robert": "Bob", "Samantha": "Sam", "Stephen": "Steve", "Susan": "Sue", "Thomas": "Tommy",
    "Victoria": "Tori", "William": "Billy",
}  # fmt: skip
_STREET_NAMES = ("Smiler", "Biscuit", "Fingers", "Lofty", "Magpie", "Sparky", "Tiny", "Wheels")

_DESCRIPTIONS = (
    (DescriptionAttribute.BUILD, tuple(Build)),
    (DescriptionAttribute.COMPLEXION, tuple(Complexion)),
    (DescriptionAttribute.HAIR, tuple(Hair)),
)
_EYES = (DescriptionAttribute.EYE_COLOUR_LEFT, DescriptionAttribute.EYE_COLOUR_RIGHT)
_LAST_DAY = date(LAST_YEAR, 12, 31)
_WHERE = ("left forearm", "right hand", "neck", "left cheek")
_ASSESSMENTS = (
    "Synthetic: thought to associate with others known for shop theft.",
    "Synthetic: engages well when approached calmly.",
    "Synthetic: believed to be under pressure from a former partner.",
    "Synthetic: may be carrying parcels for somebody else without knowing what is in them.",
)
_BASES = tuple(AssessmentBasis)
_COLOURS = tuple(EyeColour)
_ETHNICITIES = tuple(Ethnicity)
_FEATURES = tuple(DistinguishingFeature)
_FACTORS = tuple(VulnerabilityFactor)
_WARNINGS = tuple(WarningMarker)

_SUSPECT, _VICTIM = SubjectCategory.SUSPECT, SubjectCategory.VICTIM
_ROLES: tuple[tuple[SubjectCategory, ...], ...] = (
    (_SUSPECT,),
    (_VICTIM,),
    (SubjectCategory.WITNESS,),
    (SubjectCategory.CONVICTED,),
    (),
    (_SUSPECT, _VICTIM),
    (SubjectCategory.OTHER,),
)
_ROLE_WEIGHTS = (42, 20, 10, 14, 6, 6, 2)
_CONDITIONS = (
    (HandlingCondition.CONSULT_ORIGINATOR,),
    (HandlingCondition.COVERT_DEVELOPMENT,),
    (HandlingCondition.OVERT_USE, HandlingCondition.SANITISE_DELEGATED),
)


@dataclass(frozen=True, slots=True)
class _Care:
    """How a nominal is marked and handled."""

    marking: Marking = Marking.OFFICIAL
    handling: HandlingCode = HandlingCode.PERMITTED
    conditions: tuple[HandlingCondition, ...] = ()
    sensitive: bool = False
    restricted: bool = False
    sealed: bool = False


_NO_CARE = _Care()


@dataclass(slots=True)
class Recorder:
    """Writes people down as a force does; numbers its records through."""

    draw: random.Random
    _records: int = field(default=0, init=False)

    def record(self, force: str, person: Identity) -> NominalDraft:
        """Return what a force records of a person."""
        draw = self.draw
        roles = draw.choices(_ROLES, _ROLE_WEIGHTS)[0]
        care = _care(draw, roles)
        return NominalDraft(
            names=self._names(person),
            sex=Sex(person.sex) if draw.random() < 0.98 else Sex.UNKNOWN,
            date_of_birth=self._date_of_birth(person.born),
            date_of_death=date(LAST_YEAR, draw.randint(1, 12), draw.randint(1, 28))
            if draw.random() < 0.01
            else None,
            place_of_birth=person.home.town.name if draw.random() < 0.3 else None,
            identifiers=self._identifiers(force, person, roles),
            contacts=self._contacts(person),
            addresses=self._addresses(force, person),
            descriptions=self._descriptions(care),
            markers=(MarkerDraft(code=draw.choice(_WARNINGS), note="Synthetic"),)
            if draw.random() < 0.15
            else (),
            assessments=(
                AssessmentDraft(basis=draw.choice(_BASES), text=draw.choice(_ASSESSMENTS)),
            )
            if draw.random() < 0.12
            else (),
            involvements=tuple(self._involvement(force, role) for role in roles),
            marking=care.marking,
            handling=care.handling,
            conditions=care.conditions,
            sensitive=care.sensitive,
            restricted=care.restricted,
            sealed=care.sealed,
        )

    def _names(self, person: Identity) -> tuple[NameDraft, ...]:
        draw, first = self.draw, person.given_names.partition(" ")[0]
        names = [NameDraft(given_names=person.given_names, surname=person.surname)]

        def also(kind: NameKind, given_names: str, surname: str) -> None:
            names.append(NameDraft(kind=kind, given_names=given_names, surname=surname))

        if person.maiden_name and draw.random() < 0.7:
            also(NameKind.MAIDEN, first, person.maiden_name)
        if first in _SHORT_FORMS and draw.random() < 0.3:
            also(NameKind.NICKNAME, _SHORT_FORMS[first], person.surname)
        elif draw.random() < 0.01:
            also(NameKind.NICKNAME, draw.choice(_STREET_NAMES), "")
        chance = draw.random()
        if chance < 0.04:
            also(NameKind.ALIAS, first, person.population.surnames.pick(draw))
        elif chance < 0.05:
            also(NameKind.FORMER, person.given_names, person.population.surnames.pick(draw))
        return tuple(names)

    def _date_of_birth(self, born: date) -> PartialDate | None:
        """Return as much of a date of birth as the force knows."""
        known = self.draw.random()
        if known < 0.02:
            return None
        if known < 0.06:
            return PartialDate(born.year)
        if known < 0.08:
            return PartialDate(born.year, born.month)
        return PartialDate.of(born)

    def _identifiers(
        self, force: str, person: Identity, roles: tuple[SubjectCategory, ...]
    ) -> tuple[IdentifierDraft, ...]:
        draw, code = self.draw, force_code(force)
        found = [IdentifierDraft(kind=item.kind, value=item.value) for item in person.identifiers]
        if SubjectCategory.CONVICTED in roles or (_SUSPECT in roles and draw.random() < 0.2):
            year = draw.randint(max(person.born.year + 10, 2005), LAST_YEAR)
            number = make_arrest_summons_number(
                year, code, "SY", "01", draw.randint(1, 99_999_999_999)
            )
            custody = f"{code}/{draw.randint(1, 999_999):06}/{year % 100:02}"
            found += [
                IdentifierDraft(kind=number.kind, value=number.value),
                IdentifierDraft(kind=IdentifierKind.CUSTODY_NUMBER, value=custody),
            ]
        return tuple(found)

    def _contacts(self, person: Identity) -> tuple[ContactDraft, ...]:
        draw = self.draw
        contacts = []
        if draw.random() < 0.5:
            contacts.append(ContactDraft(kind=ContactKind.TELEPHONE, value=make_telephone(draw)))
        if draw.random() < 0.15:
            address = f"synthetic.person.{person.number}@mail.example"
            contacts.append(ContactDraft(kind=ContactKind.EMAIL, value=address))
        return tuple(contacts)

    def _addresses(self, force: str, person: Identity) -> tuple[AddressDraft, ...]:
        draw = self.draw
        addresses = []
        if draw.random() < 0.85:
            addresses.append(AddressDraft(location=_location(person.home)))
        if draw.random() < 0.08:
            lived = (_LAST_DAY - person.born).days
            left = _LAST_DAY - timedelta(days=draw.randrange(min(9_000, lived)))
            moved_in = left - timedelta(days=draw.randint(30, 3_000))
            addresses.append(
                AddressDraft(
                    kind=AddressKind.PREVIOUS,
                    location=_location(make_home(draw, force)),
                    valid_from=max(moved_in, person.born),
                    valid_to=left,
                )
            )
        return tuple(addresses)

    def _descriptions(self, care: _Care) -> tuple[DescriptionDraft, ...]:
        draw = self.draw
        found = [
            DescriptionDraft(attribute=attribute, value=draw.choice(codes))
            for attribute, codes in _DESCRIPTIONS
            if draw.random() < 0.3
        ]
        if draw.random() < 0.3:
            colour = draw.choice(_COLOURS)
            found += [DescriptionDraft(attribute=eye, value=colour) for eye in _EYES]
        if draw.random() < 0.1:
            feature = f"{draw.choice(_FEATURES)}, {draw.choice(_WHERE)}"
            found.append(
                DescriptionDraft(
                    attribute=DescriptionAttribute.DISTINGUISHING_FEATURE, value=feature
                )
            )
        if care.sensitive:
            found.append(
                DescriptionDraft(
                    attribute=DescriptionAttribute.ETHNICITY_SELF_DEFINED,
                    value=draw.choice(_ETHNICITIES),
                )
            )
        return tuple(found)

    def _involvement(self, force: str, role: SubjectCategory) -> InvolvementDraft:
        draw = self.draw
        self._records += 1
        record_class = RecordClass.INVESTIGATION
        if role is SubjectCategory.CONVICTED:
            record_class = RecordClass.CUSTODY if draw.random() < 0.5 else RecordClass.CASE
        elif role is SubjectCategory.OTHER:
            record_class = RecordClass.INTELLIGENCE
        factors = role is _VICTIM and draw.random() < 0.4
        return InvolvementDraft(
            record_class=record_class,
            record_number=f"{force_code(force)}/SY{self._records:07}/{LAST_YEAR % 100}",
            role=role,
            vulnerability_factors=(draw.choice(_FACTORS),) if factors else (),
        )


def _location(home: Home) -> LocationDraft:
    return LocationDraft(
        premises=home.premises,
        street=home.street,
        town=home.town.name,
        county=home.town.area,
        postcode=home.postcode,
    )


def _care(draw: random.Random, roles: tuple[SubjectCategory, ...]) -> _Care:
    """Return mostly no care, else one kind; the rarer kinds for few roles, to keep labels few."""
    chance = draw.random()
    if chance < 0.08:
        return _Care(marking=Marking.OFFICIAL_SENSITIVE)
    if chance < 0.14 and roles == (_SUSPECT,):
        return _Care(handling=HandlingCode.WITH_CONDITIONS)
    if chance < 0.2 and roles == (_SUSPECT,):
        conditions = draw.choice(_CONDITIONS)
        return _Care(handling=HandlingCode.WITH_CONDITIONS, conditions=conditions)
    if 0.2 <= chance < 0.23 and roles in ((_SUSPECT,), (_VICTIM,), (SubjectCategory.CONVICTED,)):
        return _Care(restricted=True, sealed=roles == (_VICTIM,) and chance < 0.21)
    if 0.23 <= chance < 0.26 and roles in ((_SUSPECT,), (_VICTIM,)):
        return _Care(sensitive=True)
    return _NO_CARE
