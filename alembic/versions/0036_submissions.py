"""What partners submit to forces: unassessed information in an intake queue, in no record.

A submission is a row of the force's own, its words sealed in a table beside it. Storing one opens
an item of the worklist; assessing it ends the item and tells the partner by an event, all by the
store's own triggers. The words go ninety days after the decision; that it was made stays.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

PPSS, OUTBOX, INTAKE = "athena_ppss", "athena_outbox", "athena_intake"
TABLES = ("submission", "submission_content")

RECEIVE = "sharing.receive_submission()"
QUEUE = "sharing.queue_submission()"
ASSESS = "sharing.assess_submission()"
FORGET = "sharing.forget_submissions()"
NOTE = "audit.note_platform(smallint, text, text, text, jsonb, jsonb)"
CALLED = (
    "ctx.session_tenant(), ctx.session_member(), ctx.open_grant_set(), "
    "audit.append(uuid, text, text, text, jsonb, jsonb)"
)

CALLER = (
    "(SELECT c.partner_id FROM sharing.partner_call AS c "
    "WHERE c.xid = pg_current_xact_id_if_assigned())"
)
OWN = f"partner_id = {CALLER}"
AT_INTAKE = (
    "owner_force = (SELECT ctx.session_tenant()) "
    "AND (SELECT ctx.session_roles())::text[] && ARRAY['officer', 'supervisor']"
)
"""Whose queue it is: officers and supervisors of the force, under a logged consultation."""

KEEPS = "work.keep_item()", "work.log_item()"
BY_DELIVERY = "session_user = 'athena_outbox'"
BY_PLATFORM = "session_user IN ('athena_outbox', 'athena_ppss')"


def upgrade() -> None:
    """Create the tables, what keeps them, and who may read and assess."""
    create_role(INTAKE, "puts what partners submit in the intake queue, and tells what came of it")
    script("SET LOCAL ROLE athena_owner")
    _tables()
    for table in TABLES:
        protect(f"sharing.{table}")
    _receiving()
    _assessing()
    _forgetting()
    script("RESET ROLE")
    _openers(BY_DELIVERY, BY_PLATFORM)
    for function in (RECEIVE, QUEUE, ASSESS, FORGET):
        hand_over(function, INTAKE)
    script(f"""
        GRANT EXECUTE ON FUNCTION {FORGET} TO {OUTBOX};
        GRANT EXECUTE ON FUNCTION {NOTE}, {CALLED} TO {INTAKE};
        GRANT USAGE ON SCHEMA audit, ctx, sharing, tenants, work TO {INTAKE};
        CREATE TRIGGER receive_submission BEFORE INSERT ON sharing.submission
            FOR EACH ROW EXECUTE FUNCTION {RECEIVE};
        CREATE TRIGGER queue_submission AFTER INSERT ON sharing.submission
            FOR EACH ROW EXECUTE FUNCTION {QUEUE};
        CREATE TRIGGER assess_submission BEFORE UPDATE ON sharing.submission
            FOR EACH ROW EXECUTE FUNCTION {ASSESS};
    """)
    script("SET LOCAL ROLE athena_owner")
    _policies()
    _rights_of_the_definer()
    _leaving()
    script("RESET ROLE")


def _tables() -> None:
    script("""
        CREATE TABLE sharing.submission (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            submission_id uuid NOT NULL,
            partner_id smallint NOT NULL REFERENCES sharing.partner,
            agreement_id uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('address_change', 'safeguarding_concern')),
            purpose text NOT NULL CHECK (purpose ~ '^[a-z][a-z_]{1,60}$'),
            idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 128),
            request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32),
            submitted_by text NOT NULL CHECK (length(submitted_by) BETWEEN 1 AND 100),
            submitted_role text NOT NULL CHECK (length(submitted_role) BETWEEN 1 AND 100),
            clock text NOT NULL CHECK (length(clock) BETWEEN 1 AND 60),
            due_at timestamptz NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            state text NOT NULL DEFAULT 'received'
                CHECK (state IN ('received', 'being_assessed', 'accepted', 'declined')),
            changed_at timestamptz NOT NULL DEFAULT now(),
            assessed_by uuid,
            declined_because text CHECK (declined_because IN ('duplicate', 'for_another_force',
                'not_enough_detail', 'not_for_police')),
            PRIMARY KEY (owner_force, submission_id),
            UNIQUE (partner_id, idempotency_key),
            FOREIGN KEY (partner_id, agreement_id) REFERENCES sharing.partner_agreement,
            CHECK ((state = 'received') = (assessed_by IS NULL)),
            CHECK ((state = 'declined') = (declined_because IS NOT NULL))
        );
        CREATE INDEX submission_queue ON sharing.submission (owner_force, state, due_at);
        CREATE INDEX submission_decided ON sharing.submission (changed_at)
            WHERE state IN ('accepted', 'declined');
        COMMENT ON TABLE sharing.submission IS
            'That a partner submitted something to a force, and what came of it; in no record';

        CREATE TABLE sharing.submission_content (
            owner_force smallint NOT NULL,
            submission_id uuid NOT NULL,
            partner_id smallint NOT NULL REFERENCES sharing.partner,
            sealed bytea NOT NULL,
            wrapped_key bytea NOT NULL,
            PRIMARY KEY (owner_force, submission_id),
            FOREIGN KEY (owner_force, submission_id)
                REFERENCES sharing.submission ON DELETE CASCADE
        );
        COMMENT ON TABLE sharing.submission_content IS
            'The words submitted, under a key of their own, until ninety days after the decision';
    """)


def _receiving() -> None:
    script("""
        CREATE FUNCTION sharing.receive_submission() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM tenants.tenant AS t
                           WHERE t.tenant_id = NEW.owner_force AND t.kind = 'force'
                             AND t.status = 'active') THEN
                RAISE EXCEPTION 'only a force receives submissions' USING ERRCODE = '42501';
            END IF;
            NEW.received_at := now();
            NEW.changed_at := now();
            NEW.state := 'received';
            RETURN NEW;
        END $$;
        COMMENT ON FUNCTION sharing.receive_submission IS
            'Whatever a partner submits is received, now, and unassessed';

        CREATE FUNCTION sharing.queue_submission() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            INSERT INTO work.item (owner_force, item_id, kind, record_class, record_owner,
                record_id, assignee_role, clock, due_at)
            VALUES (NEW.owner_force, gen_random_uuid(), 'partner_submission', 'submission',
                NEW.owner_force, NEW.submission_id, 'officer', NEW.clock, NEW.due_at);
            PERFORM audit.note_platform(NEW.owner_force, 'alteration', 'submissions.received',
                'A partner submitted unassessed information',
                jsonb_build_object('partner', NEW.partner_id, 'by', NEW.submitted_by, 'role',
                    NEW.submitted_role, 'kind', NEW.kind, 'agreement', NEW.agreement_id,
                    'submission', NEW.submission_id), '[]');
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION sharing.queue_submission IS
            'Logs a submission with it, and puts it on the worklist of its force';
    """)


def _assessing() -> None:
    script("""
        CREATE FUNCTION sharing.assess_submission() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF OLD.state IN ('accepted', 'declined') OR NEW.state IN ('received', OLD.state) THEN
                RAISE EXCEPTION 'a submission is received, taken on, and decided once'
                    USING ERRCODE = 'AT016';
            END IF;
            NEW.assessed_by := ctx.session_member();
            NEW.changed_at := now();
            -- The worklist's own trigger refuses it where a colleague has claimed the item.
            IF NEW.state = 'being_assessed' THEN
                UPDATE work.item AS i SET state = 'claimed'
                WHERE i.owner_force = OLD.owner_force AND i.kind = 'partner_submission'
                  AND i.record_id = OLD.submission_id
                  AND (i.state = 'open'
                       OR i.state = 'claimed' AND i.claimed_by <> NEW.assessed_by);
            ELSE
                UPDATE work.item AS i SET state = 'done', outcome = NEW.state
                WHERE i.owner_force = OLD.owner_force AND i.kind = 'partner_submission'
                  AND i.record_id = OLD.submission_id AND i.state IN ('open', 'claimed');
            END IF;
            INSERT INTO sharing.partner_event (owner_force, event_id, partner_id, kind, body)
            SELECT OLD.owner_force, gen_random_uuid(), OLD.partner_id, 'submission',
                jsonb_build_object('submission_id', OLD.submission_id, 'force', t.slug,
                    'status', NEW.state, 'declined_because', NEW.declined_because, 'changed_at',
                    to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
            FROM tenants.tenant AS t WHERE t.tenant_id = OLD.owner_force;
            -- Without an open grant set this fails, and the change with it.
            PERFORM audit.append(ctx.open_grant_set(), 'alteration', 'submissions.' || NEW.state,
                'A step in assessing what a partner submitted',
                jsonb_build_object('partner', OLD.partner_id, 'submission', OLD.submission_id,
                    'declined_because', NEW.declined_because), '[]');
            RETURN NEW;
        END $$;
        COMMENT ON FUNCTION sharing.assess_submission IS
            'Logs each step of an assessment, moves its item along, and tells the partner'
    """)


def _forgetting() -> None:
    script("""
        CREATE FUNCTION sharing.forget_submissions() RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_gone record;
            v_count integer := 0;
        BEGIN
            FOR v_gone IN
                DELETE FROM sharing.submission_content AS c USING sharing.submission AS s
                WHERE s.owner_force = c.owner_force AND s.submission_id = c.submission_id
                  AND s.state IN ('accepted', 'declined')
                  AND s.changed_at < now() - interval '90 days'
                RETURNING c.owner_force, c.submission_id
            LOOP
                PERFORM audit.note_platform(v_gone.owner_force, 'erasure',
                    'submissions.forgotten', 'The time for keeping what was submitted is over',
                    jsonb_build_object('submission', v_gone.submission_id), '[]');
                v_count := v_count + 1;
            END LOOP;
            RETURN v_count;
        END $$;
        COMMENT ON FUNCTION sharing.forget_submissions IS
            'Erases the words of what was decided ninety days ago, each logged; returns how many'
    """)


def _openers(before: str, after: str) -> None:
    """Let the worklist's triggers take the platform for the opener where these logins open."""
    old, new = before.replace("'", "''"), after.replace("'", "''")
    for function in KEEPS:
        script(f"""
            DO $replace$ DECLARE whole text := pg_get_functiondef('{function}'::regprocedure); BEGIN
                IF position('{old}' IN whole) = 0 THEN
                    RAISE EXCEPTION 'another trigger than expected: %', whole;
                END IF;
                EXECUTE replace(whole, '{old}', '{new}');
            END $replace$
        """)


def _policies() -> None:
    script(f"""
        CREATE POLICY own_submissions ON sharing.submission FOR SELECT TO {PPSS} USING ({OWN});
        CREATE POLICY add_own ON sharing.submission FOR INSERT TO {PPSS} WITH CHECK ({OWN});
        CREATE POLICY add_own ON sharing.submission_content FOR INSERT TO {PPSS}
            WITH CHECK ({OWN});
        GRANT SELECT (owner_force, submission_id, partner_id, kind, idempotency_key,
                request_digest, received_at, state, changed_at, declined_because),
            INSERT (owner_force, submission_id, partner_id, agreement_id, kind, purpose,
                idempotency_key, request_digest, submitted_by, submitted_role, clock, due_at)
            ON sharing.submission TO {PPSS};
        GRANT INSERT ON sharing.submission_content TO {PPSS};

        CREATE POLICY intake_reads ON sharing.submission FOR SELECT TO athena_force
            USING ({AT_INTAKE});
        CREATE POLICY intake_assesses ON sharing.submission FOR UPDATE TO athena_force
            USING ({AT_INTAKE}) WITH CHECK ({AT_INTAKE});
        CREATE POLICY intake_reads ON sharing.submission_content FOR SELECT TO athena_force
            USING ({AT_INTAKE});
        GRANT SELECT, UPDATE (state, declined_because) ON sharing.submission TO athena_force;
        GRANT SELECT ON sharing.submission_content TO athena_force;

        CREATE POLICY oversight_reads ON sharing.submission FOR SELECT
            TO athena_auditor USING (true);
        GRANT SELECT ON sharing.submission TO athena_auditor;
    """)


def _rights_of_the_definer() -> None:
    own = "owner_force = (SELECT ctx.session_tenant())"
    script(f"""
        CREATE POLICY forgetting_finds ON sharing.submission FOR SELECT TO {INTAKE}
            USING (session_user = '{OUTBOX}');
        CREATE POLICY forgetting_finds ON sharing.submission_content FOR SELECT TO {INTAKE}
            USING (session_user = '{OUTBOX}');
        CREATE POLICY forgetting ON sharing.submission_content FOR DELETE TO {INTAKE}
            USING (session_user = '{OUTBOX}');
        GRANT SELECT (owner_force, submission_id, state, changed_at)
            ON sharing.submission TO {INTAKE};
        GRANT SELECT (owner_force, submission_id), DELETE
            ON sharing.submission_content TO {INTAKE};

        CREATE POLICY intake_finds_forces ON tenants.tenant FOR SELECT TO {INTAKE}
            USING (kind = 'force');
        GRANT SELECT (tenant_id, slug, kind, status) ON tenants.tenant TO {INTAKE};
        CREATE POLICY intake_tells ON sharing.partner_event FOR INSERT TO {INTAKE}
            WITH CHECK ({own} AND kind = 'submission');
        GRANT INSERT (owner_force, event_id, partner_id, kind, body)
            ON sharing.partner_event TO {INTAKE};

        CREATE POLICY intake_opens ON work.item FOR INSERT TO {INTAKE}
            WITH CHECK (session_user = '{PPSS}' AND kind = 'partner_submission');
        CREATE POLICY intake_finds ON work.item FOR SELECT TO {INTAKE}
            USING ({own} AND kind = 'partner_submission');
        CREATE POLICY intake_moves ON work.item FOR UPDATE TO {INTAKE}
            USING ({own} AND kind = 'partner_submission')
            WITH CHECK ({own} AND kind = 'partner_submission');
        GRANT SELECT (owner_force, kind, record_id, state, claimed_by), UPDATE (state, outcome),
            INSERT (owner_force, item_id, kind, record_class, record_owner, record_id,
                assignee_role, clock, due_at) ON work.item TO {INTAKE};
        CREATE POLICY tell_of_intake ON work.message FOR INSERT TO athena_worklist
            WITH CHECK (session_user = '{PPSS}' AND kind = 'partner_submission');
    """)


def _leaving() -> None:
    for table in TABLES:
        script(f"""
            CREATE POLICY eraser_counts ON sharing.{table} FOR SELECT TO athena_eraser USING (true);
            CREATE POLICY eraser_erases ON sharing.{table} FOR DELETE TO athena_eraser
                USING (owner_force IN (SELECT t.tenant_id FROM tenants.tenant AS t
                                       WHERE t.status = 'offboarded'));
            GRANT SELECT, DELETE ON sharing.{table} TO athena_eraser;
        """)


def downgrade() -> None:
    """Drop what partners submitted; items of the worklist and events that told of it stay."""
    _openers(BY_PLATFORM, BY_DELIVERY)
    script(f"""
        DROP POLICY intake_finds_forces ON tenants.tenant;
        DROP POLICY intake_tells ON sharing.partner_event;
        DROP POLICY intake_opens ON work.item;
        DROP POLICY intake_finds ON work.item;
        DROP POLICY intake_moves ON work.item;
        DROP POLICY tell_of_intake ON work.message;
        REVOKE SELECT (tenant_id, slug, kind, status) ON tenants.tenant FROM {INTAKE};
        REVOKE INSERT (owner_force, event_id, partner_id, kind, body)
            ON sharing.partner_event FROM {INTAKE};
        REVOKE SELECT (owner_force, kind, record_id, state, claimed_by), UPDATE (state, outcome),
            INSERT (owner_force, item_id, kind, record_class, record_owner, record_id,
                assignee_role, clock, due_at) ON work.item FROM {INTAKE};
        DROP TABLE sharing.submission_content, sharing.submission;
        DROP FUNCTION {RECEIVE}, {QUEUE}, {ASSESS}, {FORGET};
        REVOKE EXECUTE ON FUNCTION {NOTE}, {CALLED} FROM {INTAKE};
        REVOKE USAGE ON SCHEMA audit, ctx, sharing, tenants, work FROM {INTAKE};
    """)
