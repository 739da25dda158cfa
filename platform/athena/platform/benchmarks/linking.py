"""FEBRL 4 without its identifier: our scores beside Splink's, over the same candidate pairs.

Two sets of 5,000 made-up Australians (Christen, 2008), each person once in either. What is fixed
before the truth is read: the weights (trained without it), the blocking, the threshold, and that
the assignment is one to one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from athena.platform.benchmarks.linking_febrl import (
    LEAST_BITS,
    THRESHOLD_BITS,
    measure_duplicates,
    person_of,
    read_febrl,
)
from athena.sharing.linking.assignment import Pair, one_to_one
from athena.sharing.linking.plans import PUBLIC
from athena.sharing.linking.scoring import Scorer
from athena.sharing.linking.training import Trainer

GOAL = {"f1": 0.9933, "precision": 0.998}


def measure(seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Return how well FEBRL 4 is linked by our scores and by Splink's, in one run."""
    left, right = read_febrl("4a"), read_febrl("4b")
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
        "duplicates": measure_duplicates(seed, tell),
    }


def _quality(pairs: Iterable[Pair], people: int) -> dict[str, float]:
    """Return precision, recall and F1; only here is read who is who."""
    pairs = list(pairs)
    right = sum(person_of(one) == person_of(other) for one, other, _ in pairs)
    precision, recall = right / max(len(pairs), 1), right / people
    both = precision + recall
    return {
        "links": len(pairs),
        "precision": round(precision, 5),
        "recall": round(recall, 5),
        "f1": round(2 * precision * recall / both if both else 0.0, 5),
    }


def _directed(pair: Pair) -> Pair:
    one, other, bits = pair
    return (one, other, bits) if one.endswith("org") else (other, one, bits)
