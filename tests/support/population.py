"""A made-up population for tests of search: names of many countries, and an index of them.

The index is what the store's is, without the store: sorted keys and ranges of them.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.records.names.keys import date_key, day_number, name_key, pair_key, unpack_name_key
from athena.records.names.normalise import name_pairs
from athena.records.names.ranges import Ranges
from athena.records.synthetic.names import Population, mix_of
from athena.sharing.search.dictionary import NameDictionary
from athena.sharing.search.plan import SearchPlan, make_plan
from athena.sharing.search.query import PersonQuery
from athena.sharing.search.ranking import Candidate, Ranked, rank, to_read_whole
from support.misspelling import Person

FORCES = ("kent", "essex", "norfolk", "cambridgeshire", "bedfordshire", "hertfordshire")

_IRISH = ("O'Neill", "O'Brien", "O’Connor", "O'Sullivan", "O'Reilly", "O'Donnell", "O’Keeffe")
_LAST_BIRTH = date(2010, 12, 31)
_EACH_NARROW, _EACH_WIDE, _TOTAL = 40, 60, 800
_ENOUGH, _GOOD = 20, 0.5


def generate_people(count: int, seed: int) -> list[Person]:
    """Return people as varied as the forces', the same for a seed; the key is their number."""
    draw = random.Random(seed)
    return [_person(number, draw) for number in range(count)]


def _person(number: int, draw: random.Random) -> Person:
    population = mix_of(draw.choice(FORCES)).pick(draw)
    names = population.male if draw.random() < 0.6 else population.female
    given = names.pick(draw)
    if draw.random() < 0.45:
        given += " " + names.pick(draw)
    elif draw.random() < 0.04:
        given += "-" + names.pick(draw)
    born = _LAST_BIRTH - timedelta(days=draw.randrange(31_000))
    return Person(number, given, _surname(population, draw), born)


def _surname(population: Population, draw: random.Random) -> str:
    share = draw.random()
    if share < 0.02:
        return draw.choice(_IRISH)
    surname = population.surnames.pick(draw)
    return f"{surname}-{population.surnames.pick(draw)}" if share < 0.06 else surname


class RecordedPeople:
    """People under the keys the store would give them, and search over them."""

    def __init__(self, people: Sequence[Person], seed: int = 1) -> None:
        pairs = {person.key: name_pairs(person.given_names, person.surname) for person in people}
        tokens = sorted({token for found in pairs.values() for pair in found for token in pair})
        tokens = [token for token in tokens if token]
        numbers = random.Random(seed).sample(range(1, 1 << 23), len(tokens))
        terms = {"": 0, **dict(zip(tokens, numbers, strict=True))}
        rows = [
            ((terms[surname], terms[given], day_number(person.born)), place > 0, person.key)
            for person in people
            for place, (surname, given) in enumerate(pairs[person.key])
        ]
        self._by_name = sorted((name_key(*parts, further=also), key) for parts, also, key in rows)
        self._by_date = sorted(
            (date_key(*parts, further=also), name_key(*parts, further=also), key)
            for parts, also, key in rows
        )
        self._by_person: dict[object, list[int]] = defaultdict(list)
        for key, person in self._by_name:
            self._by_person[person].append(key)
        self._name_keys = [row[0] for row in self._by_name]
        self._date_keys = [row[0] for row in self._by_date]
        self.names = NameDictionary.build(
            list(zip(numbers, tokens, strict=True)),
            {pair_key(surname, given) for (surname, given, _), _, _ in rows},
        )

    def search(self, query: PersonQuery) -> list[Ranked]:
        """Search as the service does, without policy."""
        plan = make_plan(query, self.names)
        found = self._in_names(plan.narrow, _EACH_NARROW) + self._on_days(plan)
        ranked = rank(plan, self._with_other_names(plan, found))
        if len(plan.wide) and sum(item.score >= _GOOD for item in ranked) < _ENOUGH:
            found += self._in_names(plan.wide, _EACH_WIDE)
            ranked = rank(plan, self._with_other_names(plan, found))
        return ranked

    def _with_other_names(self, plan: SearchPlan, found: list[Candidate]) -> list[Candidate]:
        return found + [
            _candidate(key, nominal_id.int)
            for _, nominal_id in to_read_whole(plan, found)
            for key in self._by_person[nominal_id.int]
        ]

    def _in_names(self, ranges: Ranges, each: int) -> list[Candidate]:
        found: list[Candidate] = []
        for low, high in ranges.tolist():
            first = bisect_left(self._name_keys, low)
            last = min(bisect_right(self._name_keys, high, lo=first), first + each)
            found += [_candidate(key, person) for key, person in self._by_name[first:last]]
            if len(found) >= _TOTAL:
                return found[:_TOTAL]
        return found

    def _on_days(self, plan: SearchPlan) -> list[Candidate]:
        surnames, given_names = set(plan.surname_terms), set(plan.given_terms)
        found: list[Candidate] = []
        for low, high in plan.days.tolist():
            first = bisect_left(self._date_keys, low)
            last = bisect_right(self._date_keys, high, lo=first)
            for _, key, person in self._by_date[first:last]:
                surname, given, _ = unpack_name_key(key)
                if surname in surnames or given in given_names:
                    found.append(_candidate(key, person))
        return found


def nominal_id(key: object) -> NominalId:
    """Return the id under which a person of a given number is found."""
    assert isinstance(key, int)
    return NominalId(UUID(int=key))


def _candidate(key: int, person: object) -> Candidate:
    return Candidate(key, TenantId(1), nominal_id(person), LabelId(1))
