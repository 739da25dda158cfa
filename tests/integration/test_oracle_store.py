"""What the store shows a force's login is what the written rules say: real records, raw SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.clock import today
from athena.platform.kernel.identity import Clearance, FieldGroup, Level, Purpose, Subject
from athena.policies.agreements import repository as agreements
from athena.policies.agreements.document import Agreement, AgreementStatus
from athena.policies.agreements.founding import CLIENT_BODY, baseline, found
from athena.policies.agreements.models import LIVE, OPEN
from athena.policies.agreements.service import POLICY_WRITER, standing
from athena.policies.roles.actions import Action
from athena.records.nominals import service as nominals
from athena.records.nominals.models import ROW_TABLES
from athena.records.nominals.schemas import NominalDraft
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username
from policy.oracle import decide
from support.api import REASON, Platform
from support.cluster import Cluster

Part = dict[str, Any]

GROUP_OF = {table.name: table.group for table in ROW_TABLES}
SUMMARY_TABLES = {"nominal", "name_key"} | {name for name in GROUP_OF if GROUP_OF[name] is None}
TABLES = sorted(SUMMARY_TABLES | set(GROUP_OF))
EVERY_ROW = " UNION ALL ".join(
    f"SELECT '{table}' AS name, nominal_id::text FROM records.{table}" for table in TABLES
)
ACCOUNTS = ("officer", "officer", "supervisor", "records", "dpo", "admin", "board")
REFERENCES = count(100)
CATEGORIES = ("suspect", "convicted", "victim", "witness", "other")
RECORDS_OF_EACH_FORCE = 5
LOOKS = 40


@dataclass(frozen=True)
class Held:
    """A nominal in the store: its id there, the number of its label, and what we know of it."""

    nominal_id: str
    label_id: int
    label: Part


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
    }


@pytest.fixture(scope="module")
async def members(platform: Platform) -> dict[str, Subject]:
    """Return the members of every force by user name, as they are before a force is suspended."""
    return {
        f"{account}.{force}": await subject_by_username(
            platform.runtime.database, f"{account}.{force}"
        )
        for account in sorted(set(ACCOUNTS))
        for force in FORCE_SLUGS
    }


@pytest.fixture(scope="module")
async def held(platform: Platform, members: dict[str, Subject], cluster: Cluster) -> list[Held]:
    """Create nominals of every force under labels drawn by chance."""
    runtime, random = platform.runtime, Random(35)
    owners = FORCE_SLUGS * RECORDS_OF_EACH_FORCE
    records = [drawn_record(random, number) for number in range(len(owners))]
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
    admin = await cluster.admin(runtime.store.address.database)
    try:
        labels = dict(await admin.fetch("SELECT nominal_id::text, label_id FROM records.nominal"))
    finally:
        await admin.close()
    return [
        Held(nominal_id, labels[nominal_id], label_of(force, record))
        for nominal_id, force, record in zip(ids, owners, records, strict=True)
    ]


def label_of(force: str, record: Part) -> Part:
    """Return the label that a record is to carry, from what was recorded and by whom."""
    names = ("marking", "handling", "conditions", "sensitive", "restricted")
    return {
        **{name: record[name] for name in names},
        "sealed": False,
        "owner": force,
        "record_class": "nominal",
        "categories": [involvement["role"] for involvement in record["involvements"]],
    }


def _other_status(random: Random, agreement: Part) -> None:
    agreement["status"] = random.choice(("out_for_signature", "suspended"))
    suspended = agreement["status"] == "suspended"
    agreement["suspended_reason"] = "A review found a fault." if suspended else None


def _other_days(random: Random, agreement: Part) -> None:
    start, now = agreement["valid_from"], today()
    past, future = str(now - timedelta(days=20)), str(now + timedelta(days=20))
    agreement |= random.choice(
        (
            {"valid_from": future},
            {"valid_from": min(start, past), "valid_to": past},
            {"dpia_expires": past},
            {"review_due": max(start, past)},
        )
    )


def _unsigned(random: Random, agreement: Part) -> None:
    agreement["signatories"].pop(random.randrange(len(agreement["signatories"])))
    agreement |= {"status": "out_for_signature", "suspended_reason": None}


def _narrower(random: Random, agreement: Part) -> None:
    agreement |= random.choice(
        (
            {"subject_categories": random.sample(CATEGORIES, 2)},
            {"record_classes": ["intelligence", "case"]},
            {"marking_ceiling": "OFFICIAL"},
            {"handling_ceiling": "P"},
        )
    )


def _other_switches(random: Random, agreement: Part) -> None:
    agreement["sensitive_processing"] = random.random() < 0.5
    agreement["restricted_level"] = random.choice(("none", "pointer"))


def _other_terms(random: Random, agreement: Part) -> None:
    for purpose in random.sample([purpose.value for purpose in Purpose], 3):
        level = random.choice(("pointer", "summary", "full", "full"))
        groups = random.sample(list(FieldGroup), random.randint(1, 7)) if level == "full" else []
        if purpose != Purpose.DATA_QUALITY:
            agreement["purposes"][purpose] = {"level": level, "groups": groups}


def _another_owner(random: Random, agreement: Part) -> None:
    party = random.choice(agreement["parties"])
    joining = {"tenant": party["tenant"], "role": "owner"}
    if joining not in agreement["parties"]:
        agreement["parties"].append(joining)


CHANGES: tuple[Callable[[Random, Part], None], ...] = (
    _other_status,
    _other_days,
    _unsigned,
    _narrower,
    _other_switches,
    _other_terms,
    _other_terms,
    _another_owner,
)


async def change_everything(
    platform: Platform, cluster: Cluster, random: Random
) -> tuple[list[Part], list[str]]:
    """End every agreement for a successor, many of them altered, and suspend up to two forces.

    Returns the agreements and the forces that take part, as the rules are to be asked about them.
    """
    drawn = [agreement.model_dump(mode="json") for agreement in baseline()]
    for content in drawn:
        for change in random.sample(CHANGES, random.choice((0, 0, 1, 2))):
            change(random, content)
        content |= {"id": str(uuid4()), "reference": f"ATH-ISA-{next(REFERENCES)}"}
    database = platform.runtime.database
    async with database.write(CLIENT_BODY) as session:
        for ending in {item.agreement_id for item in await agreements.versions(session)}:
            await agreements.move(
                session,
                ending,
                AgreementStatus.TERMINATED,
                [*LIVE, *OPEN],
                "terminated",
                "amo.admin",
                REASON,
            )
        await found(session, [Agreement.model_validate(content) for content in drawn])
    async with database.read(POLICY_WRITER) as session:
        told = (await standing(session)).on(today())
    suspended = random.sample(FORCE_SLUGS, random.choice((0, 1, 2)))
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        await admin.execute(
            "UPDATE tenants.tenant SET status = CASE WHEN slug = ANY ($1) "
            "THEN 'suspended' ELSE 'active' END",
            suspended,
        )
    finally:
        await admin.close()
    platform.runtime.gate.forget()
    return told, [slug for slug in FORCE_SLUGS if slug not in suspended]


async def shown(
    connection: asyncpg.Connection, grant_set_id: object
) -> tuple[dict[str, set[str]], set[int]]:
    """Return the nominals that each table shows under a grant set, and the labels pointed to."""
    async with connection.transaction():
        await connection.execute(
            "SELECT audit.append($1, 'consultation', 'test', 'raw SQL', '{}', '[]')", grant_set_id
        )
        rows = await connection.fetch(EVERY_ROW)
        tables = {
            table: {row["nominal_id"] for row in rows if row["name"] == table} for table in TABLES
        }
        return tables, set(await connection.fetchval("SELECT ctx.visible_labels('pointer')"))


def said(
    held: Sequence[Held], question: Part, seen: Counter[str]
) -> tuple[dict[str, set[str]], set[int]]:
    """Return what the written rules say should be shown, in the same form."""
    tables: dict[str, set[str]] = {table: set() for table in TABLES}
    pointers = set()
    labels = [{"id": number, **record.label} for number, record in enumerate(held)]
    for record, answer in zip(held, decide({**question, "labels": labels}), strict=True):
        seen[answer["level"]] += 1
        if answer["level"] == "pointer":
            pointers.add(record.label_id)
        elif answer["level"] != "none":
            for table in SUMMARY_TABLES:
                tables[table].add(record.nominal_id)
            for table, group in GROUP_OF.items():
                empty = group is FieldGroup.INVOLVEMENTS and not record.label["categories"]
                if group in answer["groups"] and not empty:
                    tables[table].add(record.nominal_id)
    return tables, pointers


def question_of(subject: Subject, purpose: Purpose, drawn: list[Part], active: list[str]) -> Part:
    """Return what the rules are asked for a member and a purpose, but for the labels."""
    return {
        "requester": {
            "tenant": subject.tenant,
            "kind": subject.tenant_kind.value,
            "roles": sorted(subject.roles),
            "clearance": subject.clearance.value,
        },
        "active": active,
        "purpose": purpose.value,
        "purposes": [known.value for known in Purpose],
        "today": today().isoformat(),
        "agreements": drawn,
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_store_shows_what_the_rules_say(
    seed: int,
    platform: Platform,
    members: dict[str, Subject],
    held: list[Held],
    cluster: Cluster,
) -> None:
    runtime, random = platform.runtime, Random(seed)
    drawn, active = await change_everything(platform, cluster, random)
    seen: Counter[str] = Counter()
    for _ in range(LOOKS):
        # Of a force that takes part: the platform ends the sessions of the others.
        username = f"{random.choice(ACCOUNTS)}.{random.choice(active)}"
        purpose = random.choice(list(Purpose))
        subject = replace(members[username], clearance=random.choice(list(Clearance)))
        visibility = await runtime.gate.visibility(subject, purpose)
        connection = await cluster.login(runtime.store.address.database, subject.login)
        try:
            result = await shown(connection, visibility.grant_set_id)
        finally:
            await connection.close()
        question = question_of(subject, purpose, drawn, active)
        assert result == said(held, question, seen), (username, purpose, subject.clearance)
    assert {level.value for level in Level if seen[level.value] < 5} == set()
