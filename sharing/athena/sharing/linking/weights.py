"""The frozen weights: a reviewed, versioned artefact that training writes and scoring reads.

Fellegi and Sunter (1969): a level's weight is log2 of how much likelier it is between two records
of one person (m) than between two persons (u).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from athena.platform.kernel.errors import InvalidInputError
from athena.sharing.linking.comparisons import COMPARISONS

PACKAGED = "nominals-1.json"
"""The weights that this release scores with."""

Probability = Annotated[float, Field(gt=0, lt=1)]


class LevelWeight(BaseModel):
    """How often a level holds between records of one person, and between two persons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    m: Probability
    u: Probability

    @property
    def bits(self) -> float:
        """The weight of the level in bits."""
        return math.log2(self.m / self.u)


class FieldWeights(BaseModel):
    """A comparison's levels, and how often each value occurs where that counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    levels: Mapping[str, LevelWeight]
    frequencies: Mapping[str, Probability] = {}
    rarest: Probability = 1e-6
    """The frequency of a value that isn't listed."""


class Provenance(BaseModel):
    """What the weights were made from, so that they can be made again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    records: int
    seed: int
    made_on: str
    versions: Mapping[str, str]


class Weights(BaseModel):
    """A whole model: the chance that any two candidates are one person, and every field's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int
    prior: Probability
    fields: Mapping[str, FieldWeights]
    provenance: Provenance

    @model_validator(mode="after")
    def _knows_its_fields(self) -> Self:
        for field, weights in self.fields.items():
            comparison = COMPARISONS.get(field)
            if comparison is None:
                raise ValueError(f"there is no comparison of '{field}'")
            if set(weights.levels) != {level.key for level in comparison.levels}:
                raise ValueError(f"the levels of '{field}' are not those of this release")
        return self

    @property
    def label(self) -> str:
        """The name by which scores tell which weights made them."""
        return f"{self.name}-{self.version}"


@cache
def packaged_weights() -> Weights:
    """Return the weights that this release scores with."""
    text = (files("athena.sharing.linking") / "weights_data" / PACKAGED).read_text("utf-8")
    return Weights.model_validate_json(text)


def read_weights(path: Path) -> Weights:
    """Read weights from a file; InvalidInputError where they aren't this release's."""
    try:
        return Weights.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"{path.name} holds no weights that this release can score with; "
            "make them with 'athena link train'."
        ) from error


def write_weights(weights: Weights, path: Path) -> None:
    """Write weights to a file, laid out to be reviewed line by line."""
    path.write_text(json.dumps(weights.model_dump(mode="json"), indent=1) + "\n", "utf-8")
