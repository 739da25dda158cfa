"""Rows of the worklist, the outbox, files and drafts that attacks aim at.

A superuser writes them without triggers, because many belong to members who don't exist.
"""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg

from support.world import World

_KEY = "decode(repeat('00', 60), 'hex')"
_DIGEST = "sha256('x')"


async def prepare_work(world: World, admin: asyncpg.Connection) -> None:
    """Write the rows and keep their ids in ``world.work``."""
    await admin.execute("SET session_replication_role = replica")
    try:
        await _items(world, admin)
        await _messages(world, admin)
        await _files(world, admin)
        await _drafts(world, admin)
    finally:
        await admin.execute("RESET session_replication_role")


async def _member(world: World, admin: asyncpg.Connection, grant: str) -> UUID:
    member: UUID = await admin.fetchval(
        "SELECT member_id FROM ctx.grant_set WHERE grant_set_id = $1", world.grants[grant]
    )
    return member


async def _items(world: World, admin: asyncpg.Connection) -> None:
    me, colleague = await _member(world, admin, "kent"), await _member(world, admin, "colleague")
    rows = {  # owner, role, opened by, four eyes, state, claimed by, closed by, outcome
        "my_item": (world.kent, "officer", colleague, False, "open", None, None, None),
        "others_item": (world.kent, "supervisor", colleague, False, "open", None, None, None),
        "watched_item": (world.kent, "supervisor", me, False, "open", None, None, None),
        "four_eyes_item": (world.kent, "officer", me, True, "open", None, None, None),
        "taken_item": (world.kent, "officer", me, False, "claimed", colleague, None, None),
        "done_item": (world.kent, "officer", me, False, "done", None, colleague, "noted"),
        "essex_item": (world.essex, "officer", colleague, False, "open", None, None, None),
    }
    for name, row in rows.items():
        world.work[name] = await admin.fetchval(
            "INSERT INTO work.item (owner_force, kind, assignee_role, opened_by, opened_by_tenant, "
            "four_eyes, state, claimed_by, closed_by, outcome, clock, due_at) "
            "VALUES ($1, 'record_quality', $2, $3, $1, $4, $5, $6, $7, $8, 'hours:1', now()) "
            "RETURNING item_id",
            *row,
        )
    await admin.execute(
        "INSERT INTO work.duty_notice (owner_force, duty, member_id, stage) "
        "SELECT tenant_id, gen_random_uuid(), gen_random_uuid(), 'waits' FROM tenants.tenant"
    )
    await admin.execute(
        "INSERT INTO work.team_member (owner_force, team, member_id) VALUES ($1, 'essex', $2)",
        world.essex,
        colleague,
    )


async def _messages(world: World, admin: asyncpg.Connection) -> None:
    colleague = await _member(world, admin, "colleague")
    for name, state in {"pending_message": "pending", "delivered_message": "delivered"}.items():
        world.work[name] = await admin.fetchval(
            "INSERT INTO work.message (owner_force, kind, recipient_role, state, finished_at) "
            "VALUES ($1, 'x_happened', 'officer', $2, CASE WHEN $2 <> 'pending' THEN now() END) "
            "RETURNING message_id",
            world.kent,
            state,
        )
    for name, force in {"others_notice": world.kent, "essex_notice": world.essex}.items():
        world.work[name] = await admin.fetchval(
            "INSERT INTO work.notification (owner_force, message_id, member_id, kind, created_at) "
            "VALUES ($1, $2, $3, 'x_happened', now()) RETURNING notification_id",
            force,
            uuid4(),
            colleague,
        )


async def _files(world: World, admin: asyncpg.Connection) -> None:
    hidden: int = await admin.fetchval(
        "INSERT INTO ctx.label SELECT max(label_id) + 1, $1, 'nominal', 'OFFICIAL', 'P', '{}', "
        "'{hidden}', false, true FROM ctx.label RETURNING label_id",
        world.kent,
    )
    world.labels["hidden"] = hidden
    rows = {
        "my_file": (world.kent, world.labels["kent"]),
        "hidden_file": (world.kent, hidden),
        "essex_file": (world.essex, world.labels["open"]),
    }
    for force in (world.kent, world.essex):
        await admin.execute(
            "INSERT INTO work.data_key (owner_force, key_version, wrapping_key, wrapped) "
            f"VALUES ($1, 1, 'file:x', {_KEY})",
            force,
        )
    for name, (force, label) in rows.items():
        world.work[name] = uuid4()
        await admin.execute(
            "INSERT INTO work.file (owner_force, file_id, label_id, record_class, record_id, "
            "sealed_name, media_type, size, chunk_count, sha256, key_version, stored_by) "
            f"VALUES ($1, $2, $3, 'nominal', $4, {_KEY}, 'text/plain', 1, 1, {_DIGEST}, 1, $4)",
            force,
            world.work[name],
            label,
            uuid4(),
        )
        await admin.execute(
            "INSERT INTO work.file_chunk (owner_force, file_id, number, sealed) "
            f"VALUES ($1, $2, 0, {_KEY})",
            force,
            world.work[name],
        )


async def _drafts(world: World, admin: asyncpg.Connection) -> None:
    me, colleague = await _member(world, admin, "kent"), await _member(world, admin, "colleague")
    rows = {
        "my_draft": (world.kent, me, "1 day"),
        "expired_draft": (world.kent, me, "-1 day"),
        "others_draft": (world.kent, colleague, "1 day"),
        "essex_draft": (world.essex, me, "1 day"),
    }
    for name, (force, member, left) in rows.items():
        world.work[name] = await admin.fetchval(
            "INSERT INTO work.draft (owner_force, member_id, record_type, document, expires_at) "
            f"VALUES ($1, $2, 'nominal', '{{}}', now() + interval '{left}') RETURNING draft_id",
            force,
            member,
        )
