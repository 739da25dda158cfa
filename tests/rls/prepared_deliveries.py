"""What partners are told, of Kent's and of Essex's records: a correction, events, a webhook."""

from __future__ import annotations

from uuid import uuid4

import asyncpg

PARTNER = 900
"""A partner that is there for these rows alone."""


async def prepare_deliveries(admin: asyncpg.Connection, forces: tuple[int, int]) -> None:
    """Store a correction and two events of each force, and what belongs to the partner."""
    async with admin.transaction():
        await admin.execute("SET LOCAL session_replication_role = replica")
        await admin.execute(
            "INSERT INTO sharing.partner_stream (partner_id, last_sequence) VALUES ($1, 4)",
            PARTNER,
        )
        await admin.execute(
            "INSERT INTO sharing.partner_webhook (partner_id, url, username, reason) "
            "VALUES ($1, 'https://partner.example/events', 'x', 'Prepared')",
            PARTNER,
        )
        for place, force in enumerate(forces):
            for state, finished in (("pending", None), ("refused", "now")):
                await admin.execute(
                    "INSERT INTO sharing.partner_event (owner_force, partner_id, sequence, kind, "
                    "body, state, finished_at) "
                    "VALUES ($1, $2, $3, 'prepared', '{}', $4, CAST($5::text AS timestamptz))",
                    force,
                    PARTNER,
                    2 * place + (1 if finished is None else 2),
                    state,
                    finished,
                )
            await admin.execute(
                "INSERT INTO sharing.correction (owner_force, disclosure_id, partner_id, "
                "nominal_id, event_id, change, fields) "
                "VALUES ($1, $2, $3, $2, $2, 'erased', '{names}')",
                force,
                uuid4(),
                PARTNER,
            )
