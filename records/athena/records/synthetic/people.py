"""People who don't exist: identities, then the records that forces hold of them.

Telephone numbers come from the ranges that Ofcom keeps free for drama, postcodes from the ZZ area
that is never allocated; streets and towns are invented.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from athena.records.nominals.dates import PartialDate
from athena.records.nominals.identifiers import (
    Identifier,
    IdentifierKind,
    make_arrest_summons_number,
    make_cro_number,
    make_pnc_id,
)
from athena.records.nominals.schemas import NominalDraft
from athena.records.nominals.values import (
    AssessmentBasis,
    DescriptionAttribute,
    RecordClass,
    SubjectCategory,
    VulnerabilityFactor,
    WarningMarker,
)
from athena.records.synthetic.names import mix_of

LAST_BIRTH = date(2012, 12, 31)
"""Fixed, so that a seed gives the same people in every year."""

_TOWNS = ("Brackenford", "Millhaven", "Ashwick", "Northmere", "Dunsley", "Fenbury", "Wychford")
_STREETS = ("Alder", "Beech", "Castle", "Drover", "Elm", "Foundry", "Granary", "Harbour", "Kiln")
_STREET_KINDS = ("Street", "Road", "Lane", "Avenue", "Close")
_DESCRIPTIONS = {
    DescriptionAttribute.HAIR: ("black", "brown", "fair", "ginger", "grey", "shaved"),
    DescriptionAttribute.BUILD: ("slim", "medium", "heavy", "athletic"),
    DescriptionAttribute.EYE_COLOUR_LEFT: ("blue", "brown", "green", "grey"),
    DescriptionAttribute.DISTINGUISHING_FEATURE: ("tattoo, left forearm", "scar above right eye"),
}
_ASSESSMENTS = (
    "Synthetic: thought to associate with others known for shop theft.",
    "Synthetic: engages well when approached calmly.",
    "Synthetic: believed to be under pressure from a former partner.",
)
_RARE = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Identity:
    """A made-up person, before anyone recorded them."""

    number: int
    sex: str
    given_names: str
    surname: str
    born: date
    premises: str
    street: str
    town: str
    postcode: str
    pnc: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class SyntheticNominal:
    """A record of a made-up person by one force; ``person`` is who it truly is."""

    force: str
    person: int
    draft: NominalDraft


@dataclass(slots=True)
class _Generator:
    draw: random.Random
    forces: Sequence[str]
    next_person: int = 0
    next_record: int = 0
    recent: list[tuple[str, Identity]] = field(default_factory=list)

    def identity(self, force: str) -> Identity:
        """Return a new person, now and then of the family at the last address."""
        draw = self.draw
        self.next_person += 1
        population = mix_of(force).pick(draw)
        sex = "M" if draw.random() < 0.62 else "F"
        names = population.male if sex == "M" else population.female
        given = names.pick(draw)
        if draw.random() < 0.45:
            given += " " + names.pick(draw)
        elif draw.random() < 0.03:
            given += "-" + names.pick(draw)
        surname = population.surnames.pick(draw)
        if draw.random() < 0.03:
            surname += "-" + population.surnames.pick(draw)
        born = LAST_BIRTH - timedelta(days=int(draw.triangular(0, 31_000, 9_000)))
        person = Identity(
            number=self.next_person,
            sex=sex,
            given_names=given,
            surname=surname,
            born=born,
            premises=str(draw.randint(1, 220)),
            street=f"{draw.choice(_STREETS)} {draw.choice(_STREET_KINDS)}",
            town=f"{draw.choice(_TOWNS)}, {force.replace('-', ' ').title()}",
            postcode=f"ZZ{draw.randint(1, 99)} {draw.randint(1, 9)}"
            f"{draw.choice('ABDEFGHJLN')}{draw.choice('PQRSTUWXYZ')}",
            pnc=(draw.randint(1975, 2025), draw.randint(1, 999_999))
            if draw.random() < 0.5
            else None,
        )
        return self._of_family(force, person)

    def _of_family(self, force: str, person: Identity) -> Identity:
        """Make some people relatives: at one address, twins, or a parent and child of one name."""
        kin = [other for owner, other in self.recent if owner == force]
        chance = self.draw.random()
        if not kin or chance > 0.12:
            return person
        other = self.draw.choice(kin)
        home = replace(
            person,
            surname=other.surname,
            premises=other.premises,
            street=other.street,
            town=other.town,
            postcode=other.postcode,
        )
        if chance < 0.02:
            return replace(home, born=other.born)  # twins
        if chance < 0.04 and other.born.year < 1990:
            born = min(other.born + timedelta(days=9_500), LAST_BIRTH)
            return replace(home, given_names=other.given_names, sex=other.sex, born=born)
        return home

    def known_elsewhere(self, force: str) -> Identity | None:
        """Return somebody whom another force has recorded already, or None."""
        others = [person for owner, person in self.recent if owner != force]
        if not others or self.draw.random() > 0.12:
            return None
        return self._with_slip(self.draw.choice(others))

    def _with_slip(self, person: Identity) -> Identity:
        """Return a person as the next force wrote them down: often a letter or digit is off."""
        draw = self.draw
        if draw.random() < 0.4:
            person = replace(person, surname=_slip(person.surname, draw))
        if draw.random() < 0.25:
            person = replace(person, given_names=_slip(person.given_names, draw))
        if draw.random() < 0.08 and person.born.day <= 12:
            swapped = person.born.replace(day=person.born.month, month=person.born.day)
            person = replace(person, born=swapped)
        return person

    def record(self, force: str, person: Identity) -> SyntheticNominal:
        """Return what a force records of a person."""
        draw = self.draw
        born = PartialDate.of(person.born)
        known = draw.random()
        if known < 0.04:
            born = PartialDate(person.born.year)
        elif known < 0.06:
            born = PartialDate(person.born.year, person.born.month)
        involvements = self._involvements(force)
        roles = [str(involvement["role"]) for involvement in involvements]
        draft = NominalDraft.model_validate(
            {
                "names": self._names(person),
                "sex": person.sex,
                "date_of_birth": None if known > 0.98 else str(born),
                "place_of_birth": person.town if draw.random() < 0.3 else None,
                "identifiers": self._identifiers(person),
                "contacts": self._contacts(person),
                "addresses": [
                    {
                        "location": {
                            "premises": person.premises,
                            "street": person.street,
                            "town": person.town,
                            "postcode": person.postcode,
                        }
                    }
                ]
                if draw.random() < 0.85
                else [],
                "descriptions": [
                    {"attribute": attribute, "value": draw.choice(values)}
                    for attribute, values in _DESCRIPTIONS.items()
                    if draw.random() < 0.3
                ],
                "markers": [{"code": draw.choice(list(WarningMarker))}]
                if draw.random() < 0.15
                else [],
                "assessments": [
                    {
                        "basis": draw.choice(list(AssessmentBasis)),
                        "text": draw.choice(_ASSESSMENTS),
                    }
                ]
                if draw.random() < 0.12
                else [],
                "involvements": involvements,
                **_handling(draw, roles),
            }
        )
        return SyntheticNominal(force, person.number, draft)

    def _names(self, person: Identity) -> list[dict[str, str]]:
        draw = self.draw
        names = [{"kind": "primary", "given_names": person.given_names, "surname": person.surname}]
        if draw.random() < 0.06:
            population = mix_of(self.forces[0]).pick(draw)
            other = population.surnames.pick(draw)
            kind = "former" if person.sex == "F" else "alias"
            names.append(
                {"kind": kind, "given_names": person.given_names.split()[0], "surname": other}
            )
        return names

    def _identifiers(self, person: Identity) -> list[dict[str, str]]:
        draw = self.draw
        found = []
        if person.pnc is not None:
            found.append(make_pnc_id(*person.pnc))
            if draw.random() < 0.5:
                found.append(make_cro_number(person.pnc[0], person.pnc[1]))
            if draw.random() < 0.2:
                found.append(
                    make_arrest_summons_number(
                        draw.randint(2005, 2025), "46", "NR", "PR", draw.randint(1, 99_999_999)
                    )
                )
        if draw.random() < 0.05:
            found.append(_prison_number(draw))
        return [{"kind": item.kind, "value": item.value} for item in found]

    def _contacts(self, person: Identity) -> list[dict[str, str]]:
        draw = self.draw
        contacts = []
        if draw.random() < 0.5:
            contacts.append({"kind": "telephone", "value": f"07700 900{draw.randint(0, 999):03}"})
        if draw.random() < 0.15:
            contacts.append({"kind": "email", "value": f"person{person.number}@mail.example"})
        return contacts

    def _involvements(self, force: str) -> list[dict[str, object]]:
        draw = self.draw
        roles = draw.choices(
            ([], ["suspect"], ["victim"], ["witness"], ["convicted"], ["suspect", "victim"]),
            weights=(8, 42, 20, 10, 14, 6),
        )[0]
        involvements: list[dict[str, object]] = []
        for role in roles:
            self.next_record += 1
            factors = []
            if role == SubjectCategory.VICTIM and draw.random() < 0.4:
                factors = [draw.choice(list(VulnerabilityFactor))]
            involvements.append(
                {
                    "record_class": RecordClass.CUSTODY
                    if role == "convicted"
                    else RecordClass.INVESTIGATION,
                    "record_number": f"{force[:2].upper()}/{self.next_record:06}/26",
                    "role": role,
                    "vulnerability_factors": factors,
                }
            )
        return involvements


def generate(nominals: int, seed: int, forces: Sequence[str]) -> Iterator[SyntheticNominal]:
    """Yield a made-up consortium's nominals, the same for the same arguments.

    About one in eight is somebody whom another force has recorded too, often spelt otherwise.
    """
    generator = _Generator(random.Random(seed), forces)  # noqa: S311 - reproducible, not secret
    for _ in range(nominals):
        force = generator.draw.choice(forces)
        person = generator.known_elsewhere(force) or generator.identity(force)
        generator.recent.append((force, person))
        if len(generator.recent) > 60:
            generator.recent.pop(0)
        yield generator.record(force, person)


def _slip(name: str, draw: random.Random) -> str:
    """Return a name with one letter dropped, doubled, swapped or replaced."""
    if len(name) < 4:
        return name
    place = draw.randrange(1, len(name) - 1)
    kind = draw.randrange(4)
    if kind == 0:
        return name[:place] + name[place + 1 :]
    if kind == 1:
        return name[:place] + name[place] + name[place:]
    if kind == 2:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return name[:place] + draw.choice(_RARE) + name[place + 1 :]


def _handling(draw: random.Random, roles: Sequence[str]) -> dict[str, object]:
    """Return marking, handling and flags: mostly none, else one kind of care at a time."""
    chance = draw.random()
    if chance < 0.08:
        return {"marking": "OFFICIAL-SENSITIVE"}
    if chance < 0.11:
        return {"handling": "C"}
    if chance < 0.13:
        return {"restricted": True}
    if chance < 0.15:
        return {"sensitive": True}
    if chance < 0.19 and roles == ["suspect"]:
        return {"handling": "C", "conditions": draw.choice((["S2"], ["A1"], ["A3", "S1"]))}
    return {}


def _prison_number(draw: random.Random) -> Identifier:
    value = f"A{draw.randint(1000, 9999)}{draw.choice('BCDF')}{draw.choice('GHJK')}"
    return Identifier(IdentifierKind.PRISON_NOMIS_NUMBER, value)
