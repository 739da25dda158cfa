"""Batches of person checks: what a partner asks at once, and how far each question is.

A question is sealed, and is there only until it is answered: then the item names the check, whose
answer is kept sealed where that of a single check is, and ends where that one ends. An item is
answered under an idempotency key of its own, so that the store refuses a second answer to it.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

PPSS, BATCHES = "athena_ppss", "athena_batches"
TABLES = ("partner_batch", "partner_batch_item")

WAITING = "sharing.partners_waiting()"
FORGET = "sharing.forget_batches()"

CALLER = (
    "(SELECT c.partner_id FROM sharing.partner_call AS c "
    "WHERE c.xid = pg_current_xact_id_if_assigned())"
)
OWN = f"partner_id = {CALLER}"


def upgrade() -> None:
    """Create the tables, who may read and write them, and what the worker asks of all partners."""
    create_role(BATCHES, "tells for which partners batches wait, and forgets what is over of them")
    script("SET LOCAL ROLE athena_owner")
    _tables()
    for table in TABLES:
        protect(f"sharing.{table}")
    _functions()
    script("RESET ROLE")
    for function in (WAITING, FORGET):
        hand_over(function, BATCHES)
    script(f"""
        GRANT EXECUTE ON FUNCTION {WAITING}, {FORGET} TO {PPSS};
        GRANT USAGE ON SCHEMA sharing TO {BATCHES};
    """)
    script("SET LOCAL ROLE athena_owner")
    _policies()
    script("RESET ROLE")


def _tables() -> None:
    script("""
        CREATE TABLE sharing.partner_batch (
            batch_id uuid PRIMARY KEY,
            partner_id smallint NOT NULL REFERENCES sharing.partner,
            agreement text NOT NULL CHECK (length(agreement) BETWEEN 1 AND 64),
            asked_by text NOT NULL CHECK (length(asked_by) BETWEEN 1 AND 100),
            asked_role text NOT NULL CHECK (length(asked_role) BETWEEN 1 AND 100),
            purpose text NOT NULL CHECK (purpose ~ '^[a-z][a-z_]{1,60}$'),
            idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 128),
            request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32),
            received smallint NOT NULL CHECK (received BETWEEN 1 AND 10000),
            received_at timestamptz NOT NULL DEFAULT now(),
            paused_until timestamptz,
            paused_because text CHECK (paused_because ~ '^[a-z-]{1,60}$'),
            cancelled_at timestamptz,
            UNIQUE (partner_id, idempotency_key),
            CHECK ((paused_until IS NULL) = (paused_because IS NULL))
        );
        CREATE INDEX partner_batch_received ON sharing.partner_batch (partner_id, received_at);
        COMMENT ON TABLE sharing.partner_batch IS
            'Person checks that a partner asked at once: under what, by whom, never of whom';

        CREATE TABLE sharing.partner_batch_item (
            batch_id uuid NOT NULL REFERENCES sharing.partner_batch ON DELETE CASCADE,
            number smallint NOT NULL CHECK (number BETWEEN 1 AND 10000),
            partner_id smallint NOT NULL REFERENCES sharing.partner,
            reference text NOT NULL CHECK (reference ~ '^[A-Za-z0-9._:-]{1,64}$'),
            state text NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'answered', 'refused', 'cancelled')),
            sealed bytea,
            wrapped_key bytea,
            check_id uuid REFERENCES sharing.partner_check,
            problem text CHECK (problem ~ '^[a-z-]{1,60}$'),
            ended_at timestamptz,
            PRIMARY KEY (batch_id, number),
            UNIQUE (batch_id, reference),
            CHECK ((state = 'waiting') = (sealed IS NOT NULL)),
            CHECK ((state = 'waiting') = (wrapped_key IS NOT NULL)),
            CHECK ((state = 'waiting') = (ended_at IS NULL)),
            CHECK ((state = 'answered') = (check_id IS NOT NULL)),
            CHECK ((state = 'refused') = (problem IS NOT NULL))
        );
        CREATE INDEX partner_batch_item_waiting ON sharing.partner_batch_item (partner_id)
            WHERE state = 'waiting';
        COMMENT ON TABLE sharing.partner_batch_item IS
            'One question of a batch: sealed until it is answered, then the check it became';
    """)


def _functions() -> None:
    script("""
        CREATE FUNCTION sharing.partners_waiting() RETURNS SETOF smallint
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT DISTINCT b.partner_id FROM sharing.partner_batch AS b
            WHERE b.cancelled_at IS NULL AND coalesce(b.paused_until, '-infinity') <= now()
              AND EXISTS (SELECT FROM sharing.partner_batch_item AS i
                          WHERE i.batch_id = b.batch_id AND i.state = 'waiting')
        $$;
        COMMENT ON FUNCTION sharing.partners_waiting IS
            'The partners of whom a question of a batch can be answered now; none of the questions';

        CREATE FUNCTION sharing.forget_batches() RETURNS bigint
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            WITH gone AS (
                DELETE FROM sharing.partner_batch
                WHERE received_at < now() - interval '7 days' RETURNING batch_id
            ) SELECT count(*) FROM gone
        $$;
        COMMENT ON FUNCTION sharing.forget_batches IS
            'Removes batches that were received seven days ago, answered or not; returns how many'
    """)


def _policies() -> None:
    for table in TABLES:
        script(f"""
            CREATE POLICY own_batches ON sharing.{table} FOR SELECT TO {PPSS} USING ({OWN});
            CREATE POLICY add_own ON sharing.{table} FOR INSERT TO {PPSS} WITH CHECK ({OWN});
            CREATE POLICY move_own ON sharing.{table} FOR UPDATE TO {PPSS}
                USING ({OWN}) WITH CHECK ({OWN});
            CREATE POLICY batches_finds ON sharing.{table} FOR SELECT TO {BATCHES} USING (true);
            CREATE POLICY batches_forgets ON sharing.{table} FOR DELETE TO {BATCHES} USING (true);
        """)
    script(f"""
        GRANT SELECT, INSERT (batch_id, partner_id, agreement, asked_by, asked_role, purpose,
                idempotency_key, request_digest, received),
            UPDATE (paused_until, paused_because, cancelled_at)
            ON sharing.partner_batch TO {PPSS};
        GRANT SELECT, INSERT (batch_id, number, partner_id, reference, sealed, wrapped_key),
            UPDATE (state, sealed, wrapped_key, check_id, problem, ended_at)
            ON sharing.partner_batch_item TO {PPSS};
        GRANT SELECT (batch_id, partner_id, received_at, paused_until, cancelled_at), DELETE
            ON sharing.partner_batch TO {BATCHES};
        GRANT SELECT (batch_id, state) ON sharing.partner_batch_item TO {BATCHES};
    """)


def downgrade() -> None:
    """Drop batches; the checks that they became stay."""
    script(f"""
        DROP FUNCTION {WAITING}, {FORGET};
        DROP TABLE sharing.partner_batch_item, sharing.partner_batch;
        REVOKE USAGE ON SCHEMA sharing FROM {BATCHES};
    """)
