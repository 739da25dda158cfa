"""Loading a made-up consortium through the real constraints, each force by its own login.

A seed that was interrupted goes on where it stopped, and one that is complete adds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import NominalId, Purpose
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.records.imports import repository
from athena.records.imports.drafting import SourcedDraft
from athena.records.imports.service import Loader, load_synthetic
from athena.records.names.service import NameRegister
from athena.records.synthetic.people import SyntheticNominal
from athena.tenants.members.service import subject_by_username

BATCH = 500
"""How many nominals of one force go into one transaction."""

Progress = Callable[[int], None]
Seen = Callable[[str, str, NominalId], None]
_REASON = "Synthetic data for a demonstration"


async def count_loaded(database: Database, gate: Gate, source: str, forces: Sequence[str]) -> int:
    """Return how many synthetic nominals of a source the forces hold."""
    total = 0
    for force in forces:
        subject = await subject_by_username(database, f"records.{force}")
        entry = Entry(EventKind.CONSULTATION, "nominals.count", _REASON)
        async with gate.consult(
            subject, Action.NOMINALS_IMPORT, Purpose.DATA_QUALITY, entry
        ) as consultation:
            total += await repository.count(consultation, source)
    return total


async def load(
    database: Database,
    gate: Gate,
    people: Iterable[SyntheticNominal],
    source: str,
    progress: Progress = lambda _: None,
    seen: Seen = lambda _force, _source_id, _nominal_id: None,
) -> int:
    """Load synthetic nominals and return how many were new.

    ``source`` names the seed. ``progress`` gets the count so far; ``seen`` learns under which id
    each was stored, for tests that need the truth (the source id ends in the person's number).
    """
    register = NameRegister(database)
    loaders: dict[str, Loader] = {}
    waiting: dict[str, list[SourcedDraft]] = {}
    numbers: Counter[str] = Counter()
    done = new = 0

    async def flush(force: str) -> None:
        nonlocal done, new
        batch = waiting.pop(force)
        if force not in loaders:
            subject = await subject_by_username(database, f"records.{force}")
            loaders[force] = Loader(gate, register, subject)
        entry = Entry(EventKind.COLLECTION, "nominals.seed", _REASON, {"count": len(batch)})
        references = await load_synthetic(loaders[force], source, batch, entry)
        for source_id, nominal_id in references:
            seen(force, source_id, nominal_id)
        done, new = done + len(batch), new + len(references)
        progress(done)

    for person in people:
        force = person.force
        numbers[force] += 1
        waiting.setdefault(force, []).append(
            SourcedDraft(f"{numbers[force]}/{person.person}", person.draft)
        )
        if len(waiting[force]) == BATCH:
            await flush(force)
    for force in list(waiting):
        await flush(force)
    return new
