"""Exceptions to attack: a grant set with single records, and rows that aren't Kent's to see.

| grant | shows |
| --- | --- |
| `excepted` | Kent's own label, whose nominal is locked |
| `pointing` | Essex's `pointer` as a pointer, but it is locked |
| `sealed` | Essex's `sealed` as a pointer |
"""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from support.world import GROUPS, World, load_nominal, store_grant

_ACCESS = (
    "INSERT INTO records.emergency_access (access_id, owner_force, nominal_id, tenant_id, "
    "member_id, username, purpose, reason, emergency, expires_at) "
    "SELECT gen_random_uuid(), $1, $2, $3, $4, $5, 'investigation', 'x', 'x', "
    "now() + interval '30 minutes'"
)


async def prepare_exceptions(world: World, admin: asyncpg.Connection) -> None:
    """Load the rows as a superuser, and store the grant set that the attacks use."""
    essex = await world.as_login("athena_essex")
    try:
        world.labels["sealed"] = await essex.fetchval(
            "SELECT ctx.intern_label('nominal', 'OFFICIAL', 'P', '{}', '{}', false, false, true)"
        )
    finally:
        await essex.close()
    everything = ("match", "summary", *GROUPS)
    own = {scope: [world.labels["sealed"]] for scope in everything}
    sealing = await store_grant(world, "athena_essex", world.essex, own)
    await load_nominal(world, "athena_essex", world.essex, "sealed", sealing)
    scopes = {scope: [world.labels["kent"]] for scope in everything}
    pointing = {"pointer": [world.labels["pointer"]]}
    sealed = {"pointer": [world.labels["sealed"]]}
    for name, shown in (("excepted", scopes), ("pointing", pointing), ("sealed", sealed)):
        world.grants[name] = await store_grant(world, "athena_kent", world.kent, shown)
        await _except(world, world.grants[name])
    member = await admin.fetchval(
        "SELECT member_id FROM ctx.grant_set WHERE grant_set_id = $1", world.grants["kent"]
    )
    # Without its trigger: the grant sets that the attacks use would end with these rows.
    await admin.execute("SET session_replication_role = replica")
    for owner, nominal in ((world.essex, "open"), (world.kent, "kent")):
        await admin.execute(
            "INSERT INTO records.restriction (owner_force, restriction_id, nominal_id, member_id, "
            "named, set_by, set_by_name, reason) "
            "VALUES ($1, gen_random_uuid(), $2, gen_random_uuid(), 'x', $3, 'x', 'x')",
            owner,
            world.nominals[nominal],
            member,
        )
        await admin.execute(
            "INSERT INTO records.lock (owner_force, lock_id, nominal_id, member_id, named, "
            "set_by, set_by_name, reason) "
            "VALUES ($1, gen_random_uuid(), $2, $3, 'x', gen_random_uuid(), 'x', 'x')",
            owner,
            world.nominals[nominal],
            member,
        )
    norfolk = await admin.fetchval("SELECT tenant_id FROM tenants.tenant WHERE slug = 'norfolk'")
    other, username = "00000000-0000-4000-8000-000000000001", "supervisor.norfolk"
    nominal_id = world.nominals["open"]
    await admin.execute(_ACCESS, world.essex, nominal_id, norfolk, other, username)
    own_access = (world.essex, nominal_id, world.kent, member, "officer.kent")
    await admin.execute(_ACCESS, *own_access)
    await admin.execute(_ACCESS, world.kent, world.nominals["kent"], norfolk, other, username)
    await admin.execute(
        "INSERT INTO records.emergency_review (access_id, tenant_id, reviewed_by, "
        "reviewed_by_name, outcome, note) SELECT access_id, owner_force, gen_random_uuid(), 'x', "
        "'justified', 'x' FROM records.emergency_access "
        "WHERE owner_force = ANY ($1) AND tenant_id = $2",
        [world.essex, world.kent],
        norfolk,
    )
    await admin.execute("SET session_replication_role = DEFAULT")


async def _except(world: World, grant: object) -> None:
    locks: list[dict[str, Any]] = [
        {"owner_force": owner, "nominal_id": str(world.nominals[name]), "kept": []}
        for owner, name in ((world.kent, "kent"), (world.essex, "pointer"))
    ]
    writer = await world.as_login("athena_policy_writer")
    try:
        await writer.fetchval(
            "SELECT ctx.except_records($1, 0, NULL, '[]', $2)", grant, json.dumps(locks)
        )
    finally:
        await writer.close()
