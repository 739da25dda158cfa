"""Who is in a filled store, kept beside it, so that a later run can ask without loading again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from athena.platform.benchmarks.scale.bulk import Filled, universe_of
from athena.platform.benchmarks.scale.people import People
from athena.platform.kernel.errors import ConfigurationError

_WHO, _HOW = "people.npz", "loading.json"

Loading = dict[str, Any]
"""How the loading went, as the report has it."""


def keep(folder: Path, filled: Filled, loading: Loading) -> None:
    """Write down who was loaded; the store is complete once this is there."""
    columns = {name: getattr(filled.people, name) for name in People.__dataclass_fields__}
    with (folder / _WHO).open("wb") as file:
        np.savez(file, labels=filled.labels, **columns)
    (folder / _HOW).write_text(json.dumps(loading, indent=2) + "\n")


def recall_filled(folder: Path, nominals: int, seed: int) -> tuple[Filled, Loading] | None:
    """Return who was loaded into a kept store, or None where nobody was.

    Raises ConfigurationError where it was filled with other people than those asked for.
    """
    if not (folder / _HOW).exists():
        return None
    loading: Loading = json.loads((folder / _HOW).read_text())
    if (loading["nominals"], loading["seed"]) != (nominals, seed):
        raise ConfigurationError(
            f"The store kept in {folder} holds {loading['nominals']:,} nominals of seed "
            f"{loading['seed']}: ask for those, or keep the new ones in another directory."
        )
    with np.load(folder / _WHO) as columns:
        people = People(**{name: columns[name] for name in People.__dataclass_fields__})
        labels = columns["labels"]
    count = len(people)
    return Filled(universe_of(seed, count), people, labels, loading["templates"]), loading
