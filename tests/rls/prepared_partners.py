"""Two partners with a row in each of their tables, and what was disclosed to one of them."""

from __future__ import annotations

import asyncpg

from support.world import World

SHELTER, CLINIC = 30_001, 30_002
"""The numbers of the partners; no tenant has them."""

SAID = "'amo.admin', 'Prepared'"
OF_PARTNER = (
    "INSERT INTO sharing.partner (partner_id, clearance, sandbox, opens, closes, username, reason) "
    f"VALUES ({{partner}}, 'OFFICIAL', false, '08:00', '18:00', {SAID})",
    "INSERT INTO sharing.partner_contact VALUES ({partner}, 'technical', 'Desk', 'a@b', '123')",
    "INSERT INTO sharing.partner_key (key_id, partner_id, public_key, username, reason) VALUES "
    f"('{{hex}}', {{partner}}, decode('{{hex}}', 'hex'), {SAID})",
    "INSERT INTO sharing.partner_agreement (partner_id, agreement_id, hourly_cap, daily_cap, "
    f"username, reason) VALUES ({{partner}}, '{{id}}', 1, 1, {SAID})",
    "INSERT INTO sharing.partner_review (review_id, partner_id, agreement_id, cause) "
    "VALUES ('{id}', {partner}, '{id}', 'out_of_hours')",
    "INSERT INTO sharing.partner_nonce VALUES ('{hex}', 'prepared-prepared', 'infinity')",
    "INSERT INTO sharing.partner_call (xid, partner_id) "
    "VALUES (('9' || {partner})::xid8, {partner})",
    "INSERT INTO sharing.partner_usage VALUES ({partner}, '{id}', 'day', now(), 1)",
    "INSERT INTO sharing.partner_check (check_id, partner_id, agreement_id, idempotency_key, "
    "request_digest, outcome, asked_by, asked_role, person_digest, initial) VALUES ('{id}', "
    "{partner}, '{id}', 'x', sha256(''), 'match', 'x', 'x', sha256(''), 'x')",
    "INSERT INTO sharing.partner_answer VALUES ('{id}', {partner}, 'x', 'x', 'infinity')",
    "INSERT INTO sharing.partner_batch (batch_id, partner_id, agreement, asked_by, asked_role, "
    "purpose, key_id, idempotency_key, request_digest, received) VALUES ('{id}', {partner}, 'x', "
    "'x', 'x', 'safeguarding', '{hex}', 'x', sha256(''), 1)",
    "INSERT INTO sharing.partner_batch_item (batch_id, number, partner_id, reference, sealed, "
    "wrapped_key) VALUES ('{id}', 1, {partner}, 'x', 'x', 'x')",
)
OF_FORCE = (
    "INSERT INTO sharing.disclosure (owner_force, disclosure_id, partner_id, check_id, nominal_id, "
    "agreement_id, decision_id, event_id, purpose, asked_by, asked_role, level, fields, digest) "
    "VALUES ({force}, '{id}', {partner}, '{id}', '{nominal}', '{id}', '{id}', '{id}', "
    "'safeguarding', 'x', 'x', 'summary', '{{}}', sha256(''))",
    "INSERT INTO sharing.disclosure_payload VALUES ({force}, '{id}', {partner}, 'x', 'x')",
    "INSERT INTO sharing.submission (owner_force, submission_id, partner_id, agreement_id, kind, "
    "purpose, idempotency_key, request_digest, submitted_by, submitted_role, clock, due_at, state, "
    "assessed_by, declined_because) VALUES ({force}, '{id}', {partner}, '{id}', 'address_change', "
    "'safeguarding', '{force}', sha256(''), 'x', 'x', 'hours:24', now(), 'declined', '{id}', "
    "'duplicate')",
    "INSERT INTO sharing.submission_content VALUES ({force}, '{id}', {partner}, 'x', 'x')",
    "INSERT INTO sharing.referral (owner_force, referral_id, partner_id, agreement_id, nominal_id, "
    "disclosure_id, officer_event, kind, purpose, sent_by, sent_fields, clock, due_at, state, "
    "declined_because, escalated_at, client_body_at) VALUES ({force}, '{id}', {partner}, "
    "'{id}', '{nominal}', '{id}', '{id}', "
    "'victim_support', 'safeguarding', '{id}', '{{}}', 'working_days:2', now(), 'declined', "
    "'already_known', now(), now())",
)


def identity(partner: int) -> str:
    """Return the id that everything of a prepared partner has."""
    return f"00000000-0000-4000-8000-0000000{partner}"


async def prepare_partners(world: World, admin: asyncpg.Connection) -> None:
    """Store the rows, without the triggers that would ask for an event."""
    async with admin.transaction():
        await admin.execute("SET LOCAL session_replication_role = replica")
        for partner in (SHELTER, CLINIC):
            for statement in OF_PARTNER:
                await admin.execute(
                    statement.format(partner=partner, id=identity(partner), hex=f"{partner:064x}")
                )
        for force, name in ((world.kent, "kent"), (world.essex, "closed")):
            for statement in OF_FORCE:
                await admin.execute(
                    statement.format(
                        force=force,
                        partner=SHELTER,
                        id=identity(SHELTER),
                        nominal=world.nominals[name],
                    )
                )
