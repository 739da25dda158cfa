"""Nominals drawn by chance for a real store, and what is known of each there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.records.nominals import service as nominals
from athena.records.nominals.schemas import NominalDraft
from athena.records.restrictions import service as restrictions
from athena.records.restrictions.schemas import NewLock, NewRestriction
from athena.tenants.consortium import FORCE_SLUGS
from support.altering import CATEGORIES
from support.api import REASON, Platform

Part = dict[str, Any]

LOOKING = Purpose.INVESTIGATION
RESTRICTED, LOCKED = 14, 8
"""How many of the records are restricted to names, and how many are locked."""

_NUMBERS = count()


@dataclass
class Held:
    """A nominal in the store: its id there, its owner, and what we know of it."""

    nominal_id: str
    owner: str
    label: Part
    named: set[str] = field(default_factory=set)
    """The user names that it is restricted to."""
    locked: set[str] = field(default_factory=set)
    """The user names that it is locked against."""
    opened: set[tuple[str, Purpose]] = field(default_factory=set)
    """Who has opened it in an emergency, and for which purpose."""

    def asked(self, number: int, username: str, purpose: Purpose) -> Part:
        """Return the label to ask about, with what is true of the record for a member."""
        return {
            **self.label,
            "id": number,
            "listed": bool(self.named),
            "named": username in self.named,
            "emergency": (username, purpose) in self.opened,
        }


def drawn_record(random: Random, number: int) -> Part:
    """Return a nominal with a row in every group (but perhaps no involvement), under any label."""
    handling = random.choice("PPC")
    roles = random.sample(CATEGORIES, random.choice((0, 1, 1, 2)))
    return {
        "names": [{"given_names": "Octavian", "surname": "Abernathy"}],
        "sex": "M",
        "date_of_birth": "1980-02-03",
        "identifiers": [{"kind": "probation_crn", "value": f"X{number:06}"}],
        "contacts": [{"kind": "telephone", "value": "07700 900123"}],
        "addresses": [{"location": {"street": "Elm Road", "postcode": "ZZ1 1ZZ"}}],
        "descriptions": [{"attribute": "hair", "value": "brown"}],
        "markers": [{"code": "violent"}],
        "assessments": [{"basis": "officer", "text": "Synthetic opinion."}],
        "involvements": [
            {"record_class": "investigation", "record_number": f"{number}/{role}", "role": role}
            for role in roles
        ],
        "marking": random.choice(("OFFICIAL", "OFFICIAL", "OFFICIAL-SENSITIVE")),
        "handling": handling,
        "conditions": random.sample(("A1", "A2", "A3", "S1", "S2"), handling == "C"),
        "sensitive": random.random() < 0.15,
        "restricted": random.random() < 0.15,
        "sealed": random.random() < 0.1,
    }


def label_of(force: str, record: Part) -> Part:
    """Return the label that a record is to carry, from what was recorded and by whom."""
    names = ("marking", "handling", "conditions", "sensitive", "restricted", "sealed")
    return {
        **{name: record[name] for name in names},
        "owner": force,
        "record_class": "nominal",
        "categories": [involvement["role"] for involvement in record["involvements"]],
    }


async def record_some(
    platform: Platform, members: dict[str, Subject], random: Random, owners: Sequence[str]
) -> list[Held]:
    """Create a nominal for each of some forces, under labels drawn by chance."""
    runtime = platform.runtime
    first = next(_NUMBERS)
    records = [drawn_record(random, first * 100 + number) for number in range(len(owners))]
    drafts = [NominalDraft.model_validate(record) for record in records]
    for force, draft in zip(owners, drafts, strict=True):
        subject = members[f"records.{force}"]
        await nominals.prepare(runtime.database, runtime.register, subject, draft)
    ids = []
    for force, draft in zip(owners, drafts, strict=True):
        entry = Entry(EventKind.COLLECTION, "nominals.create", REASON)
        async with runtime.gate.alter(
            members[f"records.{force}"], Action.NOMINALS_CREATE, Purpose.DATA_QUALITY, entry
        ) as alteration:
            ids.append(str(await nominals.create(alteration, runtime.register, draft)))
    return [
        Held(nominal_id, force, label_of(force, record))
        for nominal_id, force, record in zip(ids, owners, records, strict=True)
    ]


async def restrict_and_lock(
    platform: Platform, members: dict[str, Subject], random: Random, held: list[Held]
) -> None:
    """Restrict some records to members, most of the own force, and lock some against members."""
    gate = platform.runtime.gate
    for record in random.sample(held, RESTRICTED):
        subject = members[f"records.{record.owner}"]
        force = record.owner if random.random() < 0.6 else random.choice(FORCE_SLUGS)
        named = f"{random.choice(('officer', 'supervisor', 'records'))}.{force}"
        nominal_id = NominalId(UUID(record.nominal_id))
        new = NewRestriction(member=named)
        await restrictions.restrict(gate, subject, LOOKING, REASON, nominal_id, new)
        record.named.add(named)
        record.label["restricted"] = True
    for record in random.sample(held, LOCKED):
        subject = members[f"records.{record.owner}"]
        nominal_id = NominalId(UUID(record.nominal_id))
        for account in ("officer", "supervisor"):
            against = f"{account}.{random.choice((record.owner, *FORCE_SLUGS))}"
            new_lock = NewLock(member=against)
            await restrictions.lock(gate, subject, LOOKING, REASON, nominal_id, new_lock)
            record.locked.add(against)
