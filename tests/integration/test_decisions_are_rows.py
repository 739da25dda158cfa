"""For whatever agreements, labels and requesters: what policy decides is what raw SQL shows.

Both ways: no row that the archived decision doesn't allow, and every row that it does. The truth
about which rows there are comes from a superuser; everything else is committed by its own login.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from athena.platform.kernel.clock import today
from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import FieldGroup, Level, Purpose, Role
from athena.policies.decisions.embedded import EmbeddedPoint
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.roles.service import RoleTable, seed_rules
from athena.policies.visibility.service import Gate
from athena.records.nominals.models import ROW_TABLES
from athena.tenants.members.service import subject_by_username
from support.cluster import Cluster
from support.strategies import FORCES, LABELS, SHARED_PURPOSES, agreements
from support.world import (
    GIVEN_TERM,
    GROUPS,
    SURNAME_TERM,
    World,
    load_nominal,
    open_consultation,
    store_grant,
)

ROLES = [Role.OFFICER, Role.SUPERVISOR, Role.DATA_PROTECTION_OFFICER, Role.BOARD_MEMBER]
GROUP_OF = {table.name: table.group for table in ROW_TABLES if table.group is not None}
REPLACED = {
    "nominal_name": "surname = 'Replaced'",
    "identifier": "value = 'replaced'",
    "contact": "value = 'replaced'",
    "address": "kind = 'replaced'",
    "description": "value = 'replaced'",
    "marker": "note = 'replaced'",
    "assessment": "text = 'replaced'",
    "involvement": "role = 'victim'",
}
"""A change to each child table, so that its history has a row too."""

LABEL_PARTS = (
    "record_class",
    "marking",
    "handling",
    "conditions",
    "categories",
    "sensitive",
    "restricted",
)

Asker = tuple[str, frozenset[Role], str]
"""A force, roles, and a purpose."""

ASKERS = st.tuples(
    st.sampled_from(FORCES),
    st.frozensets(st.sampled_from(ROLES), max_size=2).map(
        lambda roles: roles | {Role.OFFICER} if len(roles) != 1 else roles
    ),
    st.sampled_from([*SHARED_PURPOSES, SHARED_PURPOSES[0], "data_quality"]),
)


@dataclass
class Store:
    """A store that fills up with nominals as examples come, and the gate before it."""

    world: World
    database: Database
    gate: Gate
    admin: asyncpg.Connection
    connections: dict[str, asyncpg.Connection] = field(default_factory=dict)

    async def login(self, name: str) -> asyncpg.Connection:
        """Return a connection of a login, opened once."""
        if name not in self.connections:
            self.connections[name] = await self.world.as_login(name)
        return self.connections[name]

    async def agree(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Let these be all the agreements there are."""
        await self.admin.execute("DELETE FROM policies.agreement")
        amo = await self.login("athena_amo")
        for document in documents:
            await amo.execute(
                "INSERT INTO policies.agreement (agreement_id, version, reference, title, "
                "status, document) VALUES ($1, 1, $2, 'Random', $3, $4)",
                document["id"],
                document["reference"],
                document["status"],
                json.dumps(document),
            )

    async def record(self, label: Mapping[str, Any]) -> None:
        """Have a nominal with every kind of row, and its history, under a label."""
        owner = label["owner"]
        force = await self.login(f"athena_{owner}")
        label_id = await force.fetchval(
            "SELECT ctx.intern_label($1, $2, $3, $4, $5, $6, $7)",
            *(label[part] for part in LABEL_PARTS),
        )
        name = f"{owner}-{label_id}"
        if name in self.world.nominals:
            return
        self.world.labels[name] = label_id
        tenant = await force.fetchval("SELECT ctx.session_tenant()")
        scopes = {scope: [label_id] for scope in ("match", "summary", *GROUPS)}
        grant = await store_grant(self.world, f"athena_{owner}", tenant, scopes)
        await load_nominal(self.world, f"athena_{owner}", tenant, name, grant)
        async with force.transaction():
            await open_consultation(force, grant, "alteration")
            for table, change in REPLACED.items():
                await force.execute(
                    f"UPDATE records.{table} SET {change} WHERE nominal_id = $1",
                    self.world.nominals[name],
                )

    async def shown(self, asker: Asker) -> tuple[set[str], set[str]]:
        """Return the rows that the decision allows an asker, and those that raw SQL shows."""
        force, roles, purpose = asker
        subject = await subject_by_username(self.database, f"officer.{force}")
        subject = replace(subject, member_id=uuid4(), roles=roles)
        self.gate.forget()
        visibility = await self.gate.visibility(subject, Purpose(purpose))
        archived = await self.admin.fetchval(
            "SELECT document FROM policies.decision WHERE decision_id = $1", visibility.decision_id
        )
        allowed = await self._allowed(json.loads(archived)["decisions"])
        connection = await self.login(subject.login)
        async with connection.transaction():
            await open_consultation(connection, visibility.grant_set_id)
            shown = {row["row"] for row in await connection.fetch(_EVERY_ROW)}
            pointed = await connection.fetch(_POINT_TO, *NAME)
            return allowed, shown | {f"pointer {row['owner_force']}" for row in pointed}

    async def _allowed(self, decisions: Sequence[Mapping[str, Any]]) -> set[str]:
        """Return the rows that a decision document allows, straight from its levels and groups."""
        by_label = {decision["label"]: decision for decision in decisions}
        allowed = set()
        for row in await self.admin.fetch(_EVERY_ROW):
            decision = by_label[row["label"]]
            level = Level(decision["level"])
            seen = level.rank >= Level.SUMMARY.rank
            if row["scope"] in list(FieldGroup):
                seen = seen and row["scope"] in decision["groups"]
            if seen:
                allowed.add(row["row"])
            if row["scope"] == "match" and level is Level.POINTER:
                allowed.add(f"pointer {row['owner']}")
        return allowed


def _every_row() -> str:
    """Return the query of all rows of records that a login sees: what it is, its label, its scope.

    A place has no label: it is told with the address that shows it.
    """
    scopes = {"nominal": "summary", "name_key": "match", "record": "summary"}
    scopes |= {"nominal_name": "summary", **{name: group.value for name, group in GROUP_OF.items()}}
    keys = {"nominal": "nominal_id", "record": "record_id"}
    parts = [
        f"SELECT '{table} ' || {keys.get(table, 'row_id')} AS row, label_id AS label, "
        f"owner_force AS owner, '{scope}' AS scope FROM records.{table}"
        for table, scope in scopes.items()
    ]
    parts.append(
        "SELECT 'history ' || table_name || ' ' || history_id, label_id, owner_force, "
        "scope FROM records.history"
    )
    parts.append(
        "SELECT 'location ' || l.location_id, a.label_id, l.owner_force, 'addresses' "
        "FROM records.location AS l "
        "LEFT JOIN records.address AS a USING (owner_force, location_id)"
    )
    return " UNION ALL ".join(parts)


_EVERY_ROW = _every_row()
_POINT_TO = (
    "SELECT owner_force FROM sharing.point_to(ARRAY[$1::bigint], ARRAY[$2::bigint], '{}', '{}', "
    "'a test of the walls')"
)
NAME = (SURNAME_TERM << 39, (SURNAME_TERM + 1) << 39)
"""The range of keys that the name of every nominal here is in."""


@asynccontextmanager
async def opened(cluster: Cluster, consortium: str) -> AsyncIterator[Store]:
    """Yield a store of one's own without agreements and records."""
    with cluster.locked():
        name = await cluster.create(consortium)
    database = cluster.store(name).database()
    await seed_rules(database)
    admin = await cluster.admin(name)
    await admin.execute(
        "INSERT INTO names.term (term_id, token) VALUES ($1, 'person'), ($2, 'secret')",
        SURNAME_TERM,
        GIVEN_TERM,
    )
    await admin.execute(
        "INSERT INTO names.pair (pair) VALUES ($1)", SURNAME_TERM << 23 | GIVEN_TERM
    )
    store = Store(
        World(cluster, name, kent=0, essex=0),
        database,
        Gate(database, EmbeddedPoint(WasmPolicy.load()), RoleTable.load()),
        admin,
    )
    try:
        yield store
    finally:
        for connection in (store.admin, *store.connections.values()):
            await connection.close()
        await database.close()
        await cluster.drop(name)


@pytest.fixture(scope="module")
async def store(cluster: Cluster, consortium: str) -> AsyncIterator[Store]:
    """Yield the store that all examples add to."""
    async with opened(cluster, consortium) as made:
        yield made


# What fails is told as it was drawn: each step of shrinking would write to the store again.
@settings(deadline=None, max_examples=40, derandomize=True, phases=[Phase.generate])
@given(
    documents=st.lists(agreements(today()), max_size=5, unique_by=lambda item: str(item["id"])),
    labels=st.lists(LABELS, min_size=1, max_size=3),
    askers=st.lists(ASKERS, min_size=2, max_size=3, unique=True),
)
async def test_what_is_decided_is_what_is_shown(
    store: Store,
    documents: list[dict[str, Any]],
    labels: list[dict[str, Any]],
    askers: list[Asker],
) -> None:
    await store.agree(documents)
    for label in labels:
        await store.record(label)
    for asker in askers:
        allowed, shown = await store.shown(asker)
        assert shown - allowed == set(), "shown, and not allowed"
        assert allowed - shown == set(), "allowed, and not shown"


DEFECTS = {
    "a group with the summary": "ALTER POLICY visible ON records.contact USING "
    "(label_id = ANY ((SELECT ctx.visible_labels('summary'))::smallint[]))",
    "a group not at all": "ALTER POLICY visible ON records.marker USING (false)",
    "the match level without a decision": "ALTER POLICY visible ON records.name_key USING (true)",
    "places of nobody visible": "ALTER POLICY visible ON records.location USING (true)",
    "history of every group": "ALTER POLICY visible_contacts ON records.history USING (true)",
    "pointers to everybody": "ALTER POLICY pointers ON records.name_key USING (true)",
}


@pytest.fixture(scope="module")
async def decided(cluster: Cluster, consortium: str) -> AsyncIterator[Store]:
    """Yield a store in which Kent sees Essex's summary and markers, and Norfolk nothing."""
    label = {
        "record_class": "nominal",
        "marking": "OFFICIAL",
        "handling": "P",
        "conditions": [],
        "categories": ["suspect"],
        "sensitive": False,
        "restricted": False,
    }
    yesterday, tomorrow = (str(today() + timedelta(days)) for days in (-1, 1))
    agreement = {
        "id": str(uuid4()),
        "reference": "ATH-ISA-99",
        "status": "in_force",
        "parties": [
            {"tenant": "essex", "role": "owner"},
            {"tenant": "kent", "role": "recipient"},
        ],
        "signatories": [{"tenant": name, "signed_on": yesterday} for name in ("essex", "kent")],
        "purposes": {"investigation": {"level": "full", "groups": ["markers"]}},
        "record_classes": ["nominal"],
        "subject_categories": ["suspect"],
        "marking_ceiling": "OFFICIAL",
        "handling_ceiling": "P",
        "sensitive_processing": False,
        "restricted_level": "none",
        "onward_sharing": False,
        "valid_from": yesterday,
        "valid_to": tomorrow,
        "review_due": tomorrow,
        "dpia_expires": tomorrow,
    }
    async with opened(cluster, consortium) as made:
        await made.agree([agreement])
        for owner in ("essex", "norfolk"):
            await made.record({**label, "owner": owner})
        yield made


KENT = ("kent", frozenset({Role.OFFICER}), "investigation")


async def test_the_example_is_shown_in_part(decided: Store) -> None:
    allowed, shown = await decided.shown(KENT)
    assert shown == allowed
    kinds = {row.split(" ", 1)[0] for row in shown}
    assert kinds == {"nominal", "nominal_name", "name_key", "record", "marker", "history"}


@pytest.mark.parametrize("defect", DEFECTS)
async def test_a_defect_would_be_noticed(decided: Store, defect: str) -> None:
    policies = await decided.admin.fetch(
        "SELECT format('ALTER POLICY %I ON %I.%I USING (%s)', policyname, schemaname, tablename, "
        "qual) FROM pg_policies WHERE schemaname = 'records' AND cmd = 'SELECT'"
    )
    await decided.admin.execute(DEFECTS[defect])
    try:
        allowed, shown = await decided.shown(KENT)
    finally:
        for (policy,) in policies:
            await decided.admin.execute(policy)
    assert shown != allowed
