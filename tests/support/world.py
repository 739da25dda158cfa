"""Two forces' worth of raw rows, loaded through the real policies by each force's own login.

Kent's grant set, stored as the policy writer stores every other:

| label | Kent sees |
| --- | --- |
| Kent's own | everything |
| Essex `open` | summary and addresses |
| Essex `pointer` | that something exists |
| Essex `closed` | nothing |
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg

from support.cluster import Cluster

GROUPS = (
    "addresses",
    "assessments",
    "contacts",
    "descriptions",
    "identifiers",
    "involvements",
    "markers",
)
SURNAME_TERM = 4711
GIVEN_TERM = 815


@dataclass
class World:
    """The database under attack, and the ids that the attacks aim at."""

    cluster: Cluster
    database: str
    kent: int
    essex: int
    labels: dict[str, int] = field(default_factory=dict)
    nominals: dict[str, UUID] = field(default_factory=dict)
    locations: dict[str, UUID] = field(default_factory=dict)
    grants: dict[str, UUID] = field(default_factory=dict)
    work: dict[str, UUID] = field(default_factory=dict)
    """Items, messages, files and drafts, by the names that attacks give them."""

    @property
    def attacked(self) -> tuple[int, int]:
        """The forces whose rows others try to reach: Essex's, and Kent's where Essex tries."""
        return self.essex, self.kent

    async def as_login(self, login: str) -> asyncpg.Connection:
        """Open a connection as a login."""
        return await self.cluster.login(self.database, login)


@asynccontextmanager
async def loaded_world(cluster: Cluster, consortium: str) -> AsyncIterator[World]:
    """Yield a world in a database of its own, which goes with the block."""
    with cluster.locked():
        name = await cluster.create(consortium)
    try:
        yield await build_world(cluster, name)
    finally:
        await cluster.drop(name)


async def build_world(cluster: Cluster, database: str) -> World:
    """Load the rows into a copy of the consortium's template and return what was made."""
    admin = await cluster.admin(database)
    try:
        numbers = dict(await admin.fetch("SELECT slug, tenant_id FROM tenants.tenant"))
        await admin.execute(
            "INSERT INTO names.term (term_id, token) VALUES ($1, 'person'), ($2, 'secret')",
            SURNAME_TERM,
            GIVEN_TERM,
        )
        await admin.execute(
            "INSERT INTO names.pair (pair) VALUES ($1)", SURNAME_TERM << 23 | GIVEN_TERM
        )
    finally:
        await admin.close()
    world = World(cluster, database, kent=numbers["kent"], essex=numbers["essex"])
    for force, names in {"kent": ("kent",), "essex": ("open", "pointer", "closed")}.items():
        connection = await world.as_login(f"athena_{force}")
        try:
            for index, name in enumerate(names):
                world.labels[name] = await connection.fetchval(
                    "SELECT ctx.intern_label('nominal', 'OFFICIAL', 'P', '{}', $1, false, false)",
                    [f"category-{index}"],
                )
        finally:
            await connection.close()
    every = list(world.labels.values())
    essex = [world.labels[name] for name in ("open", "pointer", "closed")]
    own = dict.fromkeys(("match", "summary", *GROUPS), essex)
    world.grants["essex"] = await store_grant(world, "athena_essex", world.essex, own)
    for name in ("open", "pointer", "closed"):
        await load_nominal(world, "athena_essex", world.essex, name, world.grants["essex"])
    kent_label = world.labels["kent"]
    seen = [kent_label, world.labels["open"]]
    scopes = {scope: [kent_label] for scope in GROUPS}
    scopes |= {"match": seen, "summary": seen, "addresses": seen}
    scopes["pointer"] = [world.labels["pointer"]]
    world.grants["kent"] = await store_grant(world, "athena_kent", world.kent, scopes)
    await load_nominal(world, "athena_kent", world.kent, "kent", world.grants["kent"])
    assert len(set(every)) == 4
    return world


async def keep_grants(world: World) -> None:
    """Let what is granted last a day: in a quarter of an hour a slow machine doesn't try it all."""
    admin = await world.cluster.admin(world.database)
    try:
        await admin.execute(
            "UPDATE ctx.grant_set SET expires_at = now() + interval '1 day' "
            "WHERE expires_at > now()"
        )
    finally:
        await admin.close()


async def store_grant(world: World, login: str, tenant: int, scopes: dict[str, list[int]]) -> UUID:
    """Store a grant set as the policy writer does."""
    writer = await world.as_login("athena_policy_writer")
    try:
        revision, epoch = await writer.fetchrow("SELECT * FROM ctx.policy_versions()")
        grant: UUID = await writer.fetchval(
            "SELECT ctx.store_grant_set($1, $2, $3, $4, $5, 'investigation', $6, $7, $8, 900, $9)",
            login,
            tenant,
            uuid4(),
            f"officer.{login}",
            ["officer"],
            uuid4(),
            revision,
            epoch,
            json.dumps(scopes),
        )
        return grant
    finally:
        await writer.close()


async def open_consultation(
    connection: asyncpg.Connection, grant: UUID, kind: str = "consultation"
) -> None:
    """Append the event that lets the transaction see; call it inside one."""
    await connection.fetchrow(
        "SELECT * FROM audit.append($1, $2, 'attack', 'a test of the walls', '{}', '[]')",
        grant,
        kind,
    )


async def name_consultation(connection: asyncpg.Connection, xid: str, grant: UUID) -> None:
    """Name a consultation of an earlier transaction, as one who reads on a standby does."""
    await connection.execute(
        "SELECT set_config('athena.logged_xid', $1, true), "
        "set_config('athena.logged_grants', $2, true)",
        xid,
        str(grant),
    )


async def load_nominal(world: World, login: str, owner: int, name: str, grant: UUID) -> None:
    """Write one nominal with a row in every table of its groups, as its force."""
    nominal, location, record = uuid4(), uuid4(), uuid4()
    label = world.labels[name]
    world.nominals[name], world.locations[name] = nominal, location
    name_key = (SURNAME_TERM << 39) | (GIVEN_TERM << 16) | 30000
    date_key = (30000 << 46) | (SURNAME_TERM << 23) | GIVEN_TERM
    connection = await world.as_login(login)
    try:
        async with connection.transaction():
            await open_consultation(connection, grant, "collection")
            await connection.execute(
                "INSERT INTO records.nominal (owner_force, nominal_id, label_id, sex, "
                "date_of_birth, date_of_birth_precision) "
                "VALUES ($1, $2, $3, 'M', '1982-02-19', 'day')",
                owner,
                nominal,
                label,
            )
            await connection.execute(
                "INSERT INTO records.location (owner_force, location_id, street, postcode) "
                "VALUES ($1, $2, $3, 'ZZ1 1ZZ')",
                owner,
                location,
                f"Secret Street {name}",
            )
            await connection.execute(
                "INSERT INTO records.record (owner_force, record_id, record_class, "
                "record_number, label_id) VALUES ($1, $2, 'investigation', $3, $4)",
                owner,
                record,
                f"{owner}/{name}/1",
                label,
            )
            common = "owner_force, nominal_id, row_id, label_id"
            rows = {
                "nominal_name (kind, given_names, surname": "'primary', 'Secret', 'Person'",
                "identifier (kind, value": f"'cro_number', 'SECRET-{name}'",
                "contact (kind, value": f"'mobile', 'secret-{name}'",
                "address (kind, location_id": f"'home', '{location}'",
                "description (attribute, value": f"'hair', 'secret-{name}'",
                "marker (code, note": f"'violent', 'secret-{name}'",
                "assessment (basis, text": f"'opinion', 'secret-{name}'",
                "involvement (record_id, role": f"'{record}', 'suspect'",
            }
            name_row = uuid4()
            for table, values in rows.items():
                row = name_row if table.startswith("nominal_name") else uuid4()
                await connection.execute(
                    f"INSERT INTO records.{table}, {common}) VALUES ({values}, $1, $2, $3, $4)",
                    owner,
                    nominal,
                    row,
                    label,
                )
            await connection.execute(
                f"INSERT INTO records.name_key (name_key, date_key, name_row_id, {common}) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7)",
                name_key,
                date_key,
                name_row,
                owner,
                nominal,
                uuid4(),
                label,
            )
            await connection.execute(
                "UPDATE records.nominal SET version = version + 1, place_of_birth = 'Secretham' "
                "WHERE owner_force = $1 AND nominal_id = $2",
                owner,
                nominal,
            )
    finally:
        await connection.close()
