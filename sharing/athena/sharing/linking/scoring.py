"""Scoring one pair: pure arithmetic over frozen weights, with a waterfall that explains it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

from athena.sharing.linking.comparisons import (
    COMPARISONS,
    NAME_FIELDS,
    PLACE_FIELDS,
)
from athena.sharing.linking.levels import Comparison
from athena.sharing.linking.persons import Person
from athena.sharing.linking.weights import FieldWeights, Weights

_LEAST_FREQUENCY = 1e-6


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the waterfall: a field, the level at which it agrees, its weight in bits."""

    field: str
    level: str
    says: str
    bits: float


@dataclass(frozen=True, slots=True)
class Score:
    """How likely two records are one person, and why."""

    prior_bits: float
    steps: tuple[Step, ...]
    bits: float
    """The sum of the prior and every step."""

    @property
    def probability(self) -> float:
        """The probability that both are one person."""
        if self.bits > 60:
            return 1.0
        odds = math.exp2(self.bits)
        return odds / (1.0 + odds)

    def level(self, field: str) -> str:
        """Return the level of a field, or nothing where it couldn't be compared."""
        return next((step.level for step in self.steps if step.field == field), "")


class Scorer:
    """Scores pairs with one set of weights; immutable and shared."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._prior_bits = math.log2(weights.prior / (1 - weights.prior))
        self._names = self._fields(NAME_FIELDS)
        self._places = self._fields(PLACE_FIELDS)
        self._others = self._fields(
            field for field in COMPARISONS if field not in (*NAME_FIELDS, *PLACE_FIELDS)
        )
        self._bits = {
            field: [weights.fields[field].levels[level.key].bits for level in comparison.levels]
            for field, comparison in COMPARISONS.items()
            if field in weights.fields
        }

    def score(self, left: Person, right: Person) -> Score:
        """Return the score of two persons; names and addresses count as they agree best."""
        steps = [
            *self._best(self._names, left.names, right.names),
            *self._best(self._places, left.places, right.places),
        ]
        for comparison, weights in self._others:
            if comparison.part == "telephone":
                steps += self._best([(comparison, weights)], left.telephones, right.telephones)
            else:
                steps += self._steps([(comparison, weights)], left, right)
        total = self._prior_bits + sum(step.bits for step in steps)
        return Score(self._prior_bits, tuple(steps), total)

    def _fields(self, fields: Any) -> list[tuple[Comparison, FieldWeights]]:
        known = self.weights.fields
        return [(COMPARISONS[field], known[field]) for field in fields if field in known]

    def _best(
        self,
        comparisons: list[tuple[Comparison, FieldWeights]],
        left: tuple[Any, ...],
        right: tuple[Any, ...],
    ) -> list[Step]:
        best: list[Step] = []
        most = -math.inf
        for one, other in product(left, right):
            steps = self._steps(comparisons, one, other)
            total = sum(step.bits for step in steps)
            if steps and total > most:
                best, most = steps, total
        return best

    def _steps(
        self, comparisons: list[tuple[Comparison, FieldWeights]], left: Any, right: Any
    ) -> list[Step]:
        steps = []
        for comparison, weights in comparisons:
            place = comparison.grade(left, right)
            if place is None:
                continue
            level = comparison.levels[place]
            bits = self._bits[comparison.field][place]
            if place == 0 and weights.frequencies:
                value = getattr(left, comparison.frequency)
                frequency = weights.frequencies.get(value, weights.rarest)
                m = weights.levels[level.key].m
                bits = math.log2(m / max(frequency, _LEAST_FREQUENCY))
            steps.append(Step(comparison.field, level.key, level.says, bits))
        return steps
