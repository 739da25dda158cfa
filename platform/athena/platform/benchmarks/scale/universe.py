"""The names that a large made-up population bears, with how common each is.

Some 16,000 come from lists of many countries. The rest, as many as ten million people bear between
them, are joined from halves of those: no real list of that size may be passed on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from athena.records.names.normalise import given_tokens, surname_tokens
from athena.records.synthetic.names import Weighted, mix_of
from athena.records.synthetic.slips import without_accents
from athena.tenants.consortium import FORCE_SLUGS

MADE_SURNAMES = 450_000
MADE_GIVEN_NAMES = 25_000
DOUBLE_BARRELLED = 20_000

_MADE_SURNAME_SHARE, _MADE_GIVEN_SHARE, _DOUBLE_SHARE = 0.22, 0.02, 0.03
"""Which share of people bears a made-up name, and a double-barrelled surname."""

_TOKENS_OF_SURNAME, _TOKENS_OF_GIVEN = 4, 3

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Names:
    """One list of names, numbered, with the tokens that each is found by."""

    written: list[str]
    plain: list[str]
    """In lower case and without accents: as somebody types it who types well."""
    cumulative: NDArray[np.float64]
    tokens: NDArray[np.int32]
    """Rows of token numbers in their order, filled up with -1."""

    def pick(self, draw: np.random.Generator, count: int) -> Numbers:
        """Draw numbers of names, common ones more often."""
        places = np.searchsorted(self.cumulative, draw.random(count) * self.cumulative[-1])
        chosen: Numbers = np.minimum(places, len(self.written) - 1)
        return chosen


@dataclass(frozen=True, slots=True)
class Universe:
    """Every name there is."""

    tokens: list[str]
    given: Names
    surnames: Names


def make_universe(seed: int, size: float = 1.0) -> Universe:
    """Return the names of a seed; ``size`` scales how many are made up."""
    draw = random.Random(f"names of {seed}")  # noqa: S311 - made-up names, not secrets
    given: dict[str, float] = {}
    surnames: dict[str, float] = {}
    for force in FORCE_SLUGS:
        mix = mix_of(force)
        shares = np.diff([0.0, *mix.cumulative]) / mix.cumulative[-1]
        for population, share in zip(mix.populations, shares.tolist(), strict=True):
            for names, weight in ((population.male, 0.62), (population.female, 0.38)):
                _add(given, names, share * weight)
            _add(surnames, population.surnames, share)
    _spread(given, _joined(draw, list(given), int(MADE_GIVEN_NAMES * size)), _MADE_GIVEN_SHARE)
    common = [name for name in surnames if "-" not in name and " " not in name]
    weights = [surnames[name] for name in common]
    made = _joined(draw, common, int(MADE_SURNAMES * size))
    _spread(surnames, made, _MADE_SURNAME_SHARE)
    doubles: dict[str, None] = {}
    while len(doubles) < int(DOUBLE_BARRELLED * size) + 1:
        first, second = draw.choices(common, weights, k=2)
        doubles[f"{first}-{second}"] = None
    _spread(surnames, list(doubles), _DOUBLE_SHARE)
    numbers: dict[str, int] = {}
    return Universe(
        given=_names(given, [given_tokens(name) for name in given], _TOKENS_OF_GIVEN, numbers),
        surnames=_names(
            surnames, [surname_tokens(name) for name in surnames], _TOKENS_OF_SURNAME, numbers
        ),
        tokens=list(numbers),
    )


def _add(found: dict[str, float], names: Weighted, share: float) -> None:
    weights = np.diff([0.0, *names.cumulative]) / names.cumulative[-1]
    for name, weight in zip(names.names, weights.tolist(), strict=True):
        found[name] = found.get(name, 0.0) + share * weight


def _joined(draw: random.Random, names: Sequence[str], count: int) -> list[str]:
    """Return names joined from halves of others, none of which is there already."""
    usable = [name for name in names if len(name) > 4 and name.isalpha()]
    there = {name.lower() for name in names}
    made: dict[str, None] = {}
    while len(made) < count:
        first, second = draw.choices(usable, k=2)
        name = first[: len(first) // 2 + draw.randrange(2)] + second[len(second) // 2 :].lower()
        if name.lower() not in there:
            made[name] = None
    return list(made)


def _spread(found: dict[str, float], names: Sequence[str], share: float) -> None:
    """Give names a share of all people, the first a little more than the last."""
    weights = 1.0 / (np.arange(len(names)) + 2_000.0) ** 0.6
    scale = share / (1 - share) * sum(found.values()) / max(weights.sum(), 1e-9)
    for name, weight in zip(names, (weights * scale).tolist(), strict=True):
        found[name] = found.get(name, 0.0) + weight


def _names(
    weights: dict[str, float],
    tokens: Sequence[tuple[str, ...]],
    most: int,
    numbers: dict[str, int],
) -> Names:
    usable = [
        (name, found)
        for name, found in zip(weights, tokens, strict=True)
        if 0 < len(found) <= most and len(name) < 60
    ]
    table = np.full((len(usable), most), -1, dtype=np.int32)
    for row, (_, found) in enumerate(usable):
        for column, token in enumerate(found):
            table[row, column] = numbers.setdefault(token, len(numbers))
    written = [name for name, _ in usable]
    return Names(
        written,
        [without_accents(name).lower() for name in written],
        np.cumsum([weights[name] for name in written]),
        table,
    )
