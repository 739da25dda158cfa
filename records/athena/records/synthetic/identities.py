"""People who don't exist: who they are, before any force has written them down."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from athena.records.nominals.identifiers import (
    Identifier,
    IdentifierKind,
    make_cro_number,
    make_pnc_id,
    make_search_file_number,
)
from athena.records.synthetic.names import Population, mix_of
from athena.records.synthetic.places import Home, make_home

LAST_BIRTH = date(2012, 12, 31)
"""Fixed, so that a seed gives the same people in every year."""

LAST_YEAR = 2025
"""The last year in which anything happened to them."""

_OLDEST_DAYS, _COMMONEST_DAYS = 31_000, 9_000
"""How long before `LAST_BIRTH` the oldest and most people were born."""

_REMEMBERED = 100
"""How many people of each force can still meet a relative or another force."""

_SCATTER = 7_919
"""A prime: multiples of it scatter over any power of ten, and recur only after all of them."""

_NOMIS_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Identity:
    """A made-up person."""

    number: int
    sex: str
    given_names: str
    surname: str
    maiden_name: str | None
    born: date
    home: Home
    identifiers: tuple[Identifier, ...]
    """The numbers of national registers, which every force records alike."""
    population: Population
    """Whose names the person's other names come from."""


@dataclass(slots=True)
class _Known:
    """A person, and the forces that have recorded them."""

    identity: Identity
    forces: set[str]


@dataclass(slots=True)
class People:
    """Makes people up, and remembers the last of each force's area for kin and other forces."""

    draw: random.Random
    forces: Sequence[str]
    _made: int = field(default=0, init=False)
    _recent: dict[str, deque[_Known]] = field(default_factory=dict, init=False)

    def next(self, force: str) -> tuple[Identity, bool]:
        """Return the next person a force records, and whether another force recorded them first.

        About one in eight is; no force records the same person twice.
        """
        if len(self.forces) > 1 and self.draw.random() < 0.125:
            elsewhere = self.draw.choice([other for other in self.forces if other != force])
            if people := self._recent.get(elsewhere):
                known = self.draw.choice(people)
                if force not in known.forces:
                    known.forces.add(force)
                    return known.identity, True
        people = self._recent.setdefault(force, deque(maxlen=_REMEMBERED))
        kin = self.draw.choice(people).identity if people and self.draw.random() < 0.15 else None
        identity = self._make(force, kin)
        people.append(_Known(identity, {force}))
        return identity, False

    def _make(self, force: str, kin: Identity | None) -> Identity:
        """Make somebody up; with ``kin``, of their household."""
        draw = self.draw
        self._made += 1
        population = mix_of(force).pick(draw)
        sex = "M" if draw.random() < 0.62 else "F"
        given_names = _given_names(draw, population, sex)
        surname = population.surnames.pick(draw)
        maiden_name = None
        if draw.random() < 0.03:
            surname += f"-{population.surnames.pick(draw)}"
        born = LAST_BIRTH - timedelta(days=int(draw.triangular(0, _OLDEST_DAYS, _COMMONEST_DAYS)))
        if kin is None:
            home = make_home(draw, force)
            if sex == "F" and born.year < 1995 and draw.random() < 0.15:
                maiden_name = population.surnames.pick(draw)
        else:
            home = kin.home
            tie = draw.random()
            child_born = kin.born + timedelta(days=draw.randint(7_300, 14_600))
            if tie < 0.15:  # a twin
                born = kin.born
            elif tie < 0.3 and child_born <= LAST_BIRTH:  # a parent and child of one name
                sex, given_names, born = kin.sex, kin.given_names, child_born
            elif sex == "F" and tie < 0.6 and born.year < 1995:  # married into the family
                maiden_name = surname
            surname = kin.surname
        return Identity(
            self._made,
            sex,
            given_names,
            surname,
            maiden_name,
            born,
            home,
            self._identifiers(born),
            population,
        )

    def _identifiers(self, born: date) -> tuple[Identifier, ...]:
        """Return the numbers of national registers of the person made last, often none."""
        draw, scattered = self.draw, self._made * _SCATTER
        found = []
        if draw.random() < 0.5:
            year = draw.randint(max(born.year + 10, 1975), LAST_YEAR)
            found.append(make_pnc_id(year, scattered % 10_000_000))
            chance = draw.random()
            if chance < 0.45:
                found.append(make_cro_number(year, scattered % 1_000_000))
            elif chance < 0.5:
                found.append(make_search_file_number(year, scattered % 1_000_000))
            if draw.random() < 0.1:
                crn = f"X{scattered % 1_000_000:06}"
                found.append(Identifier(IdentifierKind.PROBATION_CRN, crn))
        if draw.random() < 0.05:
            letters, digits = divmod(scattered % (10_000 * len(_NOMIS_LETTERS) ** 2), 10_000)
            first, second = divmod(letters, len(_NOMIS_LETTERS))
            nomis = f"A{digits:04}{_NOMIS_LETTERS[first]}{_NOMIS_LETTERS[second]}"
            found.append(Identifier(IdentifierKind.PRISON_NOMIS_NUMBER, nomis))
        return tuple(found)


def _given_names(draw: random.Random, population: Population, sex: str) -> str:
    names = population.male if sex == "M" else population.female
    given = names.pick(draw)
    chance = draw.random()
    if chance < 0.45:
        return f"{given} {names.pick(draw)}"
    if chance < 0.48:
        return f"{given}-{names.pick(draw)}"
    return given
