"""A made-up consortium, record by record, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from athena.records.nominals.schemas import NominalDraft
from athena.records.synthetic.identities import People
from athena.records.synthetic.recording import Recorder
from athena.records.synthetic.slips import write_again


@dataclass(frozen=True, slots=True)
class SyntheticNominal:
    """A record of a made-up person by one force; ``person`` is who it truly is."""

    force: str
    person: int
    draft: NominalDraft


def generate(nominals: int, seed: int, forces: Sequence[str]) -> Iterator[SyntheticNominal]:
    """Yield a made-up consortium's nominals, the same for the same arguments.

    ``forces`` are of the nine. About one nominal in eight is somebody whom another force has
    recorded too, often written otherwise.
    """
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    people, recorder = People(draw, forces), Recorder(draw)
    for _ in range(nominals):
        force = draw.choice(forces)
        person, known_elsewhere = people.next(force)
        written = write_again(draw, person) if known_elsewhere else person
        yield SyntheticNominal(force, person.number, recorder.record(force, written))
