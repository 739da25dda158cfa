"""Misspelt questions about people on record, and what a perfect ranker would find by them.

The slips are a model of their own that nothing was tuned on, with a seed of its own: one letter
dropped, doubled, changed with the next or mistyped, in the surname, the given name or both, and a
date of birth now and then a day off or turned round. Because the chance of every slip is known,
so is the best that any ranking could do: `ceiling` ranks everybody visible by the true probability
that they are meant.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from athena.platform.benchmarks.scale.bulk import Filled
from athena.platform.benchmarks.scale.universe import Names, Numbers
from athena.records.names.keys import day_number, day_of
from athena.sharing.search.query import Asked

QUERY_SEED = 77_003
KINDS = ("name only", "with year", "with date")
FIRST = 20
"""On how many hits the person meant has to be."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SURNAME_WRONG, _GIVEN_WRONG = 0.7, 0.2
_BOTH_WRONG = 1.0 - _SURNAME_WRONG - _GIVEN_WRONG
_DATE_WRONG = 0.1


@dataclass(frozen=True, slots=True)
class Question:
    """What is typed, of which kind, and who is meant: a row of those on record."""

    kind: str
    given: str
    surname: str
    born: date | None
    row: int

    def asked(self) -> Asked:
        """Return the fields of a search."""
        whole, year = self.date_typed(), self.year_typed()
        return Asked(
            given_name=self.given, surname=self.surname, date_of_birth=whole, year_of_birth=year
        )

    def date_typed(self) -> str | None:
        """Return the whole date as it is typed, if one is."""
        if self.born is None or self.kind == "with year":
            return None
        return self.born.isoformat()

    def year_typed(self) -> int | None:
        """Return the year as it is typed, if nothing but that is."""
        return self.born.year if self.born is not None and self.kind == "with year" else None

    def fields(self) -> dict[str, str | int]:
        """Return the fields as the API takes them."""
        typed = {
            "given_name": self.given,
            "surname": self.surname,
            "date_of_birth": self.date_typed(),
            "year_of_birth": self.year_typed(),
        }
        return {name: value for name, value in typed.items() if value is not None}


def misspell(name: str, draw: random.Random) -> str:
    """Return a name with one letter dropped, doubled, exchanged with the next or mistyped."""
    if len(name) < 3:
        return name
    place = draw.randrange(len(name) - 1)
    return _slip(name, place, draw.randrange(4), draw.choice(_LETTERS))


def _slip(name: str, place: int, kind: int, letter: str) -> str:
    if kind == 0:
        return name[:place] + name[place + 1 :]
    if kind == 1:
        return name[: place + 1] + name[place:]
    if kind == 2:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return name[:place] + letter + name[place + 1 :]


def slip_chance(name: str, typed: str) -> float:
    """Return the chance that `misspell` makes ``typed`` of a name."""
    if len(name) < 3:
        return float(name == typed)
    chance = 0.0
    for place in range(len(name) - 1):
        for kind in range(3):
            chance += 0.25 * (_slip(name, place, kind, "") == typed)
        same_elsewhere = name[:place] == typed[:place] and name[place + 1 :] == typed[place + 1 :]
        if same_elsewhere and len(typed) == len(name) and typed[place] in _LETTERS:
            chance += 0.25 / len(_LETTERS)
    return chance / (len(name) - 1)


def ask(
    filled: Filled, visible: NDArray[np.bool_], count: int, seed: int = QUERY_SEED
) -> list[Question]:
    """Return questions about people whom an officer may see, in equal shares of each kind."""
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    people = filled.people
    may_be_meant = np.flatnonzero(visible & (people.days > 0))
    questions = []
    for number in range(count):
        row = int(may_be_meant[draw.randrange(len(may_be_meant))])
        given = filled.universe.given.plain[people.given[row]]
        surname = filled.universe.surnames.plain[people.surnames[row]]
        chance = draw.random()
        if chance < _SURNAME_WRONG + _BOTH_WRONG:
            surname = misspell(surname, draw)
        if chance >= _SURNAME_WRONG:
            given = misspell(given, draw)
        kind = KINDS[number % len(KINDS)]
        born = day_of(int(people.days[row])) if kind != KINDS[0] else None
        if born is not None and kind == KINDS[2] and draw.random() < _DATE_WRONG:
            born = draw.choice(_wrong_dates(born))
        questions.append(Question(kind, given, surname, born, row))
    return questions


def _wrong_dates(born: date) -> list[date]:
    wrong = [born + timedelta(days=1), born - timedelta(days=1)]
    if born.day <= 12 and born.day != born.month:
        wrong += [date(born.year, born.day, born.month)] * 2
    return wrong


class PerfectRanker:
    """Ranks everybody visible by the true chance of being meant."""

    def __init__(self, filled: Filled, visible: NDArray[np.bool_]) -> None:
        self._filled = filled
        people = filled.people
        seen = np.flatnonzero(visible)
        pairs = (people.surnames[seen] << 32) | people.given[seen]
        order = np.argsort(pairs, kind="stable")
        self._rows, self._pairs = seen[order], pairs[order]
        self._surnames = _by_text(filled.universe.surnames)
        self._given = _by_text(filled.universe.given)

    def ceiling(self, questions: Sequence[Question]) -> float:
        """Return how many of the people meant it has among the first twenty, as a share.

        Where several are as likely as the one meant, chance decides between them.
        """
        return sum(self._chance(question) for question in questions) / len(questions)

    def _chance(self, question: Question) -> float:
        meant = 0.0
        likely: list[NDArray[np.float64]] = []
        surnames = list(_originals(question.surname, self._surnames))
        for given, given_slips in _originals(question.given, self._given):
            for surname, surname_slips in surnames:
                chance = _of_pair(
                    question,
                    self._filled.universe.surnames.plain[surname],
                    surname_slips,
                    self._filled.universe.given.plain[given],
                    given_slips,
                )
                if not chance:
                    continue
                pair = surname << 32 | given
                low, high = np.searchsorted(self._pairs, [pair, pair + 1])
                if low == high:
                    continue
                rows = self._rows[low:high]
                chances = chance * self._of_dates(question, self._filled.people.days[rows])
                likely.append(chances)
                place = np.flatnonzero(rows == question.row)
                if len(place):
                    meant = float(chances[place[0]])
        everyone = np.concatenate(likely) if likely else np.zeros(0)
        if not meant:
            return 0.0
        before = int((everyone > meant * (1 + 1e-9)).sum())
        alike = int((np.abs(everyone - meant) <= meant * 1e-9).sum())
        return min(max((FIRST - before) / max(alike, 1), 0.0), 1.0)

    def _of_dates(self, question: Question, days: Numbers) -> NDArray[np.float64]:
        """Return the chance of each recorded day to be typed so; only whole dates are asked."""
        if question.born is None:
            return np.ones(len(days))
        if question.kind == KINDS[1]:
            first = day_number(date(question.born.year, 1, 1))
            last = day_number(date(question.born.year, 12, 31))
            return ((days >= first) & (days <= last)).astype(np.float64)
        chances = np.zeros(len(days))
        chances[days == day_number(question.born)] = 1 - _DATE_WRONG
        for born in set(_wrong_dates(question.born)):  # a slip leads back by the same slip
            wrong = _wrong_dates(born)
            share = wrong.count(question.born) / len(wrong)
            chances[days == day_number(born)] += _DATE_WRONG * share
        return chances


def _of_pair(
    question: Question, surname: str, surname_slips: float, given: str, given_slips: float
) -> float:
    surname_right = float(surname == question.surname)
    given_right = float(given == question.given)
    return (
        _SURNAME_WRONG * surname_slips * given_right
        + _GIVEN_WRONG * surname_right * given_slips
        + _BOTH_WRONG * surname_slips * given_slips
    )


def _by_text(names: Names) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, text in enumerate(names.plain):
        found.setdefault(text, []).append(number)
    return found


def _originals(typed: str, names: dict[str, list[int]]) -> Iterator[tuple[int, float]]:
    """Yield names of which a typed one may have been made, right or wrong, and by what chance."""
    letters = {*_LETTERS, *"-' "}
    texts = {typed}
    for place in range(len(typed) + 1):
        head, tail = typed[:place], typed[place:]
        texts |= {head + letter + tail for letter in letters}
        if tail:
            texts |= {head + letter + tail[1:] for letter in letters}
        if len(tail) > 1:
            texts.add(head + tail[1] + tail[0] + tail[2:])
            if tail[0] == tail[1]:
                texts.add(head + tail[1:])
    for text in texts & names.keys():
        chance = slip_chance(text, typed)
        if chance or text == typed:
            for number in names[text]:
                yield number, chance
