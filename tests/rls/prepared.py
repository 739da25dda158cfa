"""The world with what only attacks need: grants that no longer count, and saved searches."""

from __future__ import annotations

from uuid import uuid4

import asyncpg

from rls.attacks_agreements import prepare_agreements
from rls.attacks_costs import prepare_joining
from rls.attacks_features import FOR_EACH_FORCE as SWITCHES_AND_COUNTS
from rls.attacks_governance import prepare_governance
from rls.attacks_imports import prepare_imports
from rls.attacks_releases import prepare_releases
from rls.prepared_costs import prepare_costs
from rls.prepared_deliveries import prepare_deliveries
from rls.prepared_exceptions import prepare_exceptions
from rls.prepared_partners import prepare_partners
from rls.prepared_work import prepare_work
from support.cluster import Cluster
from support.world import World, build_world, keep_grants, open_consultation, store_grant

FOR_EACH_FORCE = (
    "INSERT INTO records.source_reference (owner_force, source, source_id, nominal_id) "
    "VALUES ({force}, 'x', 'x', '{nominal}')",
    "INSERT INTO records.import_run (owner_force, run_id, source, file_name, file_sha256, "
    "mapping_sha256) SELECT {force}, '{nominal}', 'x', 'x', repeat('0', 64), repeat('0', 64)",
    "INSERT INTO records.import_row (owner_force, run_id, row_number, line, outcome) "
    "VALUES ({force}, '{nominal}', 1, 2, 'held')",
    "INSERT INTO records.import_held (owner_force, run_id, row_number, label_id, matches, draft) "
    "SELECT {force}, '{nominal}', 1, n.label_id, ARRAY[n.nominal_id], '{{\"x\": 1}}' "
    "FROM records.nominal AS n WHERE n.nominal_id = '{nominal}'",
    "INSERT INTO ctx.grant_record (grant_set_id, owner_force, nominal_id, scopes) "
    "VALUES ('{expired}', {force}, '{nominal}', '{{}}')",
    "INSERT INTO tenants.team (tenant_id, team_id, slug, name) "
    "VALUES ({force}, '{new}', 'prepared', 'Prepared')",
    "INSERT INTO work.message (owner_force, kind, recipient_role) "
    "VALUES ({force}, 'x_happened', 'officer')",
    "INSERT INTO work.team_member (owner_force, team, member_id) "
    "VALUES ({force}, 'prepared', '{new}')",
    "INSERT INTO policies.agreement_event (agreement_id, version, tenant_id, username, "
    "act, reason) VALUES ('{new}', 1, {force}, 'x', 'signed', 'Prepared')",
    "INSERT INTO policies.signature (agreement_id, version, tenant_id, key_id, signature) "
    "VALUES ('{new}', 1, {force}, 'x', decode(repeat('00', 64), 'hex'))",
    "INSERT INTO sharing.match_queue (owner_force, nominal_id) VALUES ({force}, '{nominal}')",
    "INSERT INTO records.merge (owner_force, merge_id, survivor_id, merged_id, survivor_rows, "
    "copied_rows, source_rows, merged_by) VALUES ({force}, '{new}', '{nominal}', '{new}', '{{}}', "
    "'{{}}', '{{}}', '{new}')",
    "INSERT INTO records.link_verdict (owner_force, nominal_id, other_force, other_id, verdict, "
    "decided_by, decided_at) VALUES ({force}, '{nominal}', '', '{other}', 'same', '{new}', now())",
    *SWITCHES_AND_COUNTS,
    *(
        f"INSERT INTO sharing.{table} (owner_force, nominal_id, other_force, other_id, {more}) "
        f"VALUES ({{force}}, '{{nominal}}', {{other_force}}, '{{other}}', {values})"
        for table, more, values in (
            ("link", "outcome, weights", "'suggested', 'x'"),
            (
                "link_step",
                "place, field, level, bits, scopes",
                "1, 'number', 'same', 1, ARRAY['identifiers']",
            ),
            (
                "link_decision",
                "verdict, decided_by, decided_by_force",
                "'same', '{new}', {force}",
            ),
        )
    ),
)
"""A row of Kent and of Essex in each table that the world leaves empty, put there by a superuser.

A new table with a force's column needs a line here, or `test_catalogue.py` says that it can't be
attacked.
"""

ONCE = (
    "INSERT INTO policies.role_rule (rule, role, tenant_kind, subject) "
    "VALUES ('allow', 'prepared', 'force', 'prepared')",
    "INSERT INTO policies.bundle (revision, module, module_digest) VALUES ('x', '', sha256(''))",
    "INSERT INTO policies.decision (decision_id, input_digest, bundle_revision, input, document) "
    "VALUES ('{new}', 'x', 'x', '{{}}', '{{}}')",
)
"""A row in each table whose rows are no force's."""


async def prepared_world(cluster: Cluster, database: str) -> World:
    """Load the world and add an expired and a stale grant set, searches and a reference."""
    admin = await cluster.admin(database)
    try:
        await prepare_agreements(admin)  # first: it ends every grant
    finally:
        await admin.close()
    world = await build_world(cluster, database)
    scopes = {"summary": [world.labels["kent"]]}
    for name in ("expired", "stale", "colleague"):
        world.grants[name] = await store_grant(world, "athena_kent", world.kent, scopes)
    await _save_search(world, "athena_kent", world.kent, "colleague")
    await _save_search(world, "athena_essex", world.essex, "essex")
    admin = await cluster.admin(database)
    try:
        async with admin.transaction():
            # Without triggers: a change of agreements would take every grant set away.
            await admin.execute("SET LOCAL session_replication_role = replica")
            for force, name, other in (
                (world.kent, "kent", "closed"),
                (world.essex, "closed", "kent"),
            ):
                for statement in FOR_EACH_FORCE:
                    await admin.execute(
                        statement.format(
                            force=force,
                            nominal=world.nominals[name],
                            expired=world.grants["expired"],
                            new=uuid4(),
                            other_force=world.kent if other == "kent" else world.essex,
                            other=world.nominals[other],
                        )
                    )
            await _link_to_the_open_one(world, admin)
            await prepare_governance(admin)
            await prepare_releases(admin)
            for statement in ONCE:
                await admin.execute(statement.format(new=uuid4()))
        await admin.execute(
            "UPDATE ctx.grant_set SET created_at = now() - interval '2 minutes', "
            "expires_at = now() - interval '1 minute' WHERE grant_set_id = $1",
            world.grants["expired"],
        )
        await admin.execute(
            "UPDATE ctx.grant_set SET policy_revision = policy_revision - 1 "
            "WHERE grant_set_id = $1",
            world.grants["stale"],
        )
        await admin.execute(
            "INSERT INTO tenants.team (tenant_id, team_id, slug, name) "
            "SELECT $1, gen_random_uuid(), 'secret-team', 'Secret team'",
            world.essex,
        )
        await admin.execute(
            "INSERT INTO tenants.team_member (tenant_id, team_id, member_id, valid_from) "
            "SELECT t.tenant_id, t.team_id, m.member_id, current_date FROM tenants.team AS t "
            "JOIN tenants.member AS m USING (tenant_id)"
        )
        await prepare_work(world, admin)
        await prepare_exceptions(world, admin)
        await prepare_imports(world, admin)
        await prepare_costs(admin, (world.kent, world.essex))
        await prepare_joining(admin)
        await prepare_deliveries(admin, (world.kent, world.essex))
        await prepare_partners(world, admin)
        await admin.execute("ANALYZE")
    finally:
        await admin.close()
    await keep_grants(world)
    return world


async def _link_to_the_open_one(world: World, admin: asyncpg.Connection) -> None:
    """Link Kent's nominal to one that Kent sees, by a group of it that Kent doesn't see."""
    pair = (world.kent, world.nominals["kent"], world.essex, world.nominals["open"])
    await admin.execute("INSERT INTO sharing.link VALUES ($1, $2, $3, $4, 'suggested', 'x')", *pair)
    await admin.execute(
        "INSERT INTO sharing.link_step VALUES ($1, $2, $3, $4, 1, 'number', 'same', 1, "
        "ARRAY['identifiers'])",
        *pair,
    )
    await admin.execute(
        "INSERT INTO sharing.link VALUES ($1, $2, $3, $4, 'suggested', 'x')",
        world.essex,
        world.nominals["pointer"],
        world.kent,
        world.nominals["kent"],
    )


async def _save_search(world: World, login: str, force: int, grant: str) -> None:
    connection = await world.as_login(login)
    try:
        async with connection.transaction():
            await open_consultation(connection, world.grants[grant])
            await connection.execute(
                "INSERT INTO sharing.search (owner_force, search_id, member_id, purpose, reason, "
                "query, hits, expires_at) VALUES ($1, $2, ctx.session_member(), 'x', $3, '{}', "
                "'[]', now() + interval '1 day')",
                force,
                uuid4(),
                grant,
            )
    finally:
        await connection.close()
