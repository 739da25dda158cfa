"""What the database itself keeps of agreements, even from the client body's own login."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from athena.platform.kernel.store import Store
from athena.policies.agreements.founding import baseline, seed_baseline
from support.cluster import Cluster

ONE = "a7e0a15a-0000-4000-8000-000000000001"
SUSPENDED = "a7e0a15a-0000-4000-8000-000000000010"
UNSIGNED = "a7e0a15a-0000-4000-8000-000000000013"

MOVE = "UPDATE policies.agreement SET status = '{1}' WHERE agreement_id = '{0}'"

REFUSED: dict[str, str] = {
    "another document": "UPDATE policies.agreement SET document = '{}'",
    "another digest": "UPDATE policies.agreement SET digest = sha256('')",
    "another title": "UPDATE policies.agreement SET title = 'x'",
    "taken away": "DELETE FROM policies.agreement",
    "in force without Kent": MOVE.format(UNSIGNED, "in_force"),
    "in force from the start": (
        "INSERT INTO policies.agreement (agreement_id, version, reference, title, status, "
        "document, digest) SELECT agreement_id, 2, reference, title, 'in_force', "
        "document || '{\"version\": 2}', digest FROM policies.agreement "
        f"WHERE agreement_id = '{ONE}'"
    ),
    "a document of another version": (
        "INSERT INTO policies.agreement (agreement_id, version, reference, title, status, "
        "document, digest) SELECT agreement_id, 2, reference, title, 'draft', document, digest "
        f"FROM policies.agreement WHERE agreement_id = '{ONE}'"
    ),
    "back to a draft": MOVE.format(ONE, "draft"),
    "out for signature again": MOVE.format(SUSPENDED, "out_for_signature"),
    "a signature altered": "UPDATE policies.signature SET signed_at = now()",
    "a signature taken away": "DELETE FROM policies.signature",
    "a signature to come": (
        "INSERT INTO policies.signature SELECT agreement_id, 1, k.tenant_id, k.key_id, "
        "decode(repeat('00', 64), 'hex'), now() + interval '1 day' "
        "FROM policies.agreement, policies.signatory_key AS k JOIN tenants.tenant AS t "
        f"USING (tenant_id) WHERE agreement_id = '{UNSIGNED}' AND t.slug = 'kent'"
    ),
    "a signature before its key": (
        "INSERT INTO policies.signature SELECT agreement_id, 1, k.tenant_id, k.key_id, "
        "decode(repeat('00', 64), 'hex'), '2025-01-01' "
        "FROM policies.agreement, policies.signatory_key AS k JOIN tenants.tenant AS t "
        f"USING (tenant_id) WHERE agreement_id = '{UNSIGNED}' AND t.slug = 'kent'"
    ),
    "a signature of no party": (
        "INSERT INTO policies.signature SELECT agreement_id, 1, k.tenant_id, k.key_id, "
        "decode(repeat('00', 64), 'hex') "
        "FROM policies.agreement, policies.signatory_key AS k JOIN tenants.tenant AS t "
        f"USING (tenant_id) WHERE agreement_id = '{UNSIGNED}' AND t.slug = 'norfolk'"
    ),
    "a key renewed": "UPDATE policies.signatory_key SET valid_from = '2020-01-01'",
    "a key under a false name": (
        "INSERT INTO policies.signatory_key (tenant_id, key_id, public_key, office, valid_from) "
        "SELECT tenant_id, repeat('0', 64), public_key, office, valid_from "
        "FROM policies.signatory_key LIMIT 1"
    ),
    "history rewritten": "UPDATE policies.agreement_event SET reason = 'another'",
    "history taken away": "DELETE FROM policies.agreement_event",
    "history in another's name": (
        "INSERT INTO policies.agreement_event (agreement_id, version, tenant_id, username, act, "
        f"reason) SELECT '{ONE}', 1, tenant_id, 'x', 'signed', 'xxx' FROM tenants.tenant "
        "WHERE slug = 'kent'"
    ),
}


@pytest.fixture(scope="module")
async def founded(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Store, Path]]:
    """Yield a store with the baseline, and the folder of its signatories' keys."""
    with cluster.locked():
        name = await cluster.create(consortium)
    keys = tmp_path_factory.mktemp("founded") / "keys"
    store = cluster.store(name)
    database = store.database()
    assert await seed_baseline(database, keys)
    assert not await seed_baseline(database, keys)
    await database.close()
    yield store, keys
    await cluster.drop(name)


@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED.keys())
async def test_the_store_refuses_the_client_body(
    founded: tuple[Store, Path], cluster: Cluster, statement: str
) -> None:
    connection = await cluster.login(founded[0].address.database, "athena_amo")
    try:
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [text for case, text in REFUSED.items() if "another's name" not in case],
    ids=[case for case in REFUSED if "another's name" not in case],
)
async def test_the_guards_hold_for_a_superuser_too(
    founded: tuple[Store, Path], cluster: Cluster, statement: str
) -> None:
    """Without privileges and row-level security in the way, the triggers and constraints stand."""
    connection = await cluster.admin(founded[0].address.database)
    try:
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        MOVE.format("a7e0a15a-0000-4000-8000-000000000002", "suspended"),
        "UPDATE policies.signatory_key SET revoked_from = now(), revoked_reason = 'A test' "
        "WHERE key_id = (SELECT min(key_id) FROM policies.signatory_key "
        "WHERE revoked_from IS NULL)",
    ],
    ids=["a step", "a key"],
)
async def test_a_change_raises_the_revision_and_ends_grants(
    founded: tuple[Store, Path], cluster: Cluster, statement: str
) -> None:
    database = founded[0].address.database
    admin = await cluster.admin(database)
    amo = await cluster.login(database, "athena_amo")
    try:
        await admin.execute(
            "INSERT INTO ctx.grant_set (grant_set_id, login, tenant_id, member_id, username, "
            "roles, purpose, decision_id, policy_revision, label_epoch, expires_at) "
            "SELECT gen_random_uuid(), login, tenant_id, gen_random_uuid(), 'x', '{}', 'x', "
            "gen_random_uuid(), 1, 0, now() + interval '1 hour' FROM tenants.tenant LIMIT 1"
        )
        before = await admin.fetchval("SELECT revision FROM ctx.policy_state")
        await amo.execute(statement)
        assert await admin.fetchval("SELECT revision FROM ctx.policy_state") > before
        assert await admin.fetchval("SELECT count(*) FROM ctx.grant_set") == 0
    finally:
        await amo.close()
        await admin.close()


async def test_private_keys_are_files_and_nothing_else(
    founded: tuple[Store, Path], cluster: Cluster
) -> None:
    store, keys = founded
    tenants = {tenant for agreement in baseline() for tenant in agreement.tenants}
    assert {path.stem for path in keys.iterdir()} == tenants
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}
    assert keys.stat().st_mode & 0o777 == 0o700
    admin = await cluster.admin(store.address.database)
    try:
        columns = await admin.fetch(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = 'policies' AND table_name = 'signatory_key'"
        )
    finally:
        await admin.close()
    assert "private" not in " ".join(row[0] for row in columns)
