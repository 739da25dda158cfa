"""Rows that follow from others get ids side by side, whatever came before in their indexes.

Each new nominal adds a row to the change feed and one to the queue of comparing. Their random ids
put every one of them on a page of its own in an index of millions. The ids of one statement now
begin alike, by 48 random bits, and end as their nominals' ids do: that keeps them apart within the
statement, and the beginning keeps statements apart.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import script

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

LEAD = "left(gen_random_uuid()::text, 13)"
"""The first 48 bits of a random id, as text."""

SIDE_BY_SIDE = "(v_lead || substr({}nominal_id::text, 14))::uuid"


def upgrade() -> None:
    """Give the ids of a statement one beginning."""
    at = SIDE_BY_SIDE.format("")
    _feed_change(f"v_lead text := {LEAD};", "change_id, ", f"{at}, ")
    _queue_matching(f"v_lead text := {LEAD};", "queue_id, ", f"{SIDE_BY_SIDE.format('n.')}, ")


def downgrade() -> None:
    """Let every id be random by itself again."""
    _feed_change("", "", "")
    _queue_matching("", "", "")


def _feed_change(declared: str, column: str, value: str) -> None:
    script(f"""
        CREATE OR REPLACE FUNCTION records.feed_change() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            {declared}
        BEGIN
            IF TG_OP = 'DELETE' THEN
                INSERT INTO records.change (owner_force, {column}nominal_id, version, operation)
                SELECT owner_force, {value}nominal_id, version + 1, 'erased' FROM old_rows
                WHERE owner_force = ctx.session_tenant();
            ELSE
                INSERT INTO records.change (owner_force, {column}nominal_id, version, operation)
                SELECT owner_force, {value}nominal_id, version,
                       CASE TG_OP WHEN 'INSERT' THEN 'created' ELSE 'amended' END
                FROM new_rows;
            END IF;
            RETURN NULL;
        END $$;
    """)


def _queue_matching(declared: str, column: str, value: str) -> None:
    script(f"""
        CREATE OR REPLACE FUNCTION sharing.queue_matching() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            {declared}
        BEGIN
            INSERT INTO sharing.match_queue (owner_force, {column}nominal_id)
            SELECT n.owner_force, {value}n.nominal_id FROM new_rows AS n;
            PERFORM pg_notify('athena_matching', '');
            RETURN NULL;
        END $$;
    """)
