"""Loading a made-up consortium through the real constraints, each force by its own login."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import uuid4

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.records.names.service import NameRegister
from athena.records.nominals import service as nominals
from athena.records.synthetic.people import SyntheticNominal
from athena.tenants.members.service import subject_by_username

BATCH = 500
"""How many nominals of one force go into one transaction."""

Progress = Callable[[int], None]


async def load(
    database: Database,
    gate: Gate,
    people: Iterable[SyntheticNominal],
    progress: Progress = lambda _: None,
    seen: Callable[[SyntheticNominal, NominalId], None] = lambda _person, _id: None,
) -> int:
    """Load synthetic nominals and return how many; ``progress`` gets the count so far.

    ``seen`` learns under which id each was stored, for tests that need the truth.
    """
    register = NameRegister(database)
    subjects: dict[str, Subject] = {}
    waiting: dict[str, list[tuple[NominalId, SyntheticNominal]]] = {}
    loaded = 0

    async def flush(force: str) -> None:
        nonlocal loaded
        batch = waiting.pop(force)
        if force not in subjects:
            subjects[force] = await subject_by_username(database, f"records.{force}")
        await register.register(
            (name.given_names, name.surname) for _, item in batch for name in item.draft.names
        )
        entry = Entry(
            EventKind.COLLECTION,
            "nominals.seed",
            "Synthetic data for a demonstration",
            {"count": len(batch)},
        )
        async with gate.alter(
            subjects[force], Action.NOMINALS_IMPORT, Purpose.DATA_QUALITY, entry
        ) as alteration:
            drafts = [(nominal_id, item.draft) for nominal_id, item in batch]
            await nominals.create_many(alteration, register, drafts)
        loaded += len(batch)
        progress(loaded)

    for person in people:
        nominal_id = NominalId(uuid4())
        seen(person, nominal_id)
        waiting.setdefault(person.force, []).append((nominal_id, person))
        if len(waiting[person.force]) == BATCH:
            await flush(person.force)
    for force in list(waiting):
        await flush(force)
    return loaded
