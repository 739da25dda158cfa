"""Referrals: an officer sends what an agreement names of a person to a partner, which answers.

A referral stands on two events: the officer's own, by the force's login, which shows the record and
says why; and the disclosure, by the partners' login, which is shown no more than the agreement
allows. The store lets in no referral that lacks either. Every step after it is logged and told.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

PPSS, OUTBOX, REFERRING = "athena_ppss", "athena_outbox", "athena_referring"

ATTEST = "sharing.attest_referral()"
TELL = "sharing.tell_of_referral(smallint, uuid, text)"
SENT = "sharing.tell_referral_sent()"
MOVE = "sharing.move_referral()"
ESCALATE = "sharing.escalate_referral(smallint, uuid)"
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
OF_FORCE = (
    "owner_force = (SELECT ctx.session_tenant()) "
    "AND (SELECT ctx.session_roles())::text[] && ARRAY['officer', 'supervisor']"
)
ITEMS = "kind IN ('referral_answered', 'referral_overdue')"


def upgrade() -> None:
    """Create the table, what keeps it, and who may read and move it."""
    create_role(REFERRING, "attests referrals, tells partners of them, and escalates late ones")
    script("SET LOCAL ROLE athena_owner")
    _table()
    protect("sharing.referral")
    _sending()
    _moving()
    _escalating()
    script("RESET ROLE")
    for function in (ATTEST, TELL, SENT, MOVE, ESCALATE):
        hand_over(function, REFERRING)
    script(f"""
        GRANT EXECUTE ON FUNCTION {ESCALATE} TO {OUTBOX};
        GRANT EXECUTE ON FUNCTION {NOTE}, {CALLED} TO {REFERRING};
        GRANT USAGE ON SCHEMA audit, ctx, sharing, tenants, work TO {REFERRING};
        CREATE TRIGGER attest_referral BEFORE INSERT ON sharing.referral
            FOR EACH ROW EXECUTE FUNCTION {ATTEST};
        CREATE TRIGGER tell_referral_sent AFTER INSERT ON sharing.referral
            FOR EACH ROW EXECUTE FUNCTION {SENT};
        CREATE TRIGGER move_referral BEFORE UPDATE OF state ON sharing.referral
            FOR EACH ROW EXECUTE FUNCTION {MOVE};
        SET LOCAL ROLE athena_owner;
    """)
    _policies()
    script("RESET ROLE")


def _table() -> None:
    script("""
        CREATE TABLE sharing.referral (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            referral_id uuid NOT NULL,
            partner_id smallint NOT NULL REFERENCES sharing.partner,
            agreement_id uuid NOT NULL,
            nominal_id uuid NOT NULL,
            disclosure_id uuid NOT NULL,
            officer_event uuid NOT NULL,
            kind text NOT NULL CHECK (kind ~ '^[a-z][a-z_]{1,60}$'),
            purpose text NOT NULL CHECK (purpose ~ '^[a-z][a-z_]{1,60}$'),
            sent_by uuid NOT NULL,
            sent_fields text[] NOT NULL,
            sent_at timestamptz NOT NULL DEFAULT now(),
            clock text NOT NULL CHECK (length(clock) BETWEEN 1 AND 60),
            due_at timestamptz NOT NULL,
            state text NOT NULL DEFAULT 'sent' CHECK (state IN
                ('sent', 'more_asked', 'acknowledged', 'declined', 'withdrawn')),
            changed_at timestamptz NOT NULL DEFAULT now(),
            answered_by text CHECK (length(answered_by) BETWEEN 1 AND 100),
            declined_because text CHECK (declined_because IN
                ('already_known', 'not_our_area', 'below_threshold', 'consent_refused')),
            asked_for text[],
            withdrawn_because text CHECK (withdrawn_because IN
                ('sent_in_error', 'wrong_person', 'no_longer_needed')),
            escalated_at timestamptz,
            PRIMARY KEY (owner_force, referral_id),
            UNIQUE (owner_force, officer_event),
            FOREIGN KEY (owner_force, disclosure_id)
                REFERENCES sharing.disclosure ON DELETE CASCADE,
            FOREIGN KEY (partner_id, agreement_id) REFERENCES sharing.partner_agreement,
            CHECK (state <> 'declined' OR declined_because IS NOT NULL),
            CHECK (state <> 'more_asked' OR cardinality(asked_for) > 0),
            CHECK ((state = 'withdrawn') = (withdrawn_because IS NOT NULL))
        );
        CREATE UNIQUE INDEX referral_once ON sharing.referral
            (owner_force, nominal_id, partner_id, kind) WHERE state = 'sent';
        CREATE INDEX referral_partner ON sharing.referral (partner_id, sent_at);
        CREATE INDEX referral_disclosed ON sharing.referral (owner_force, disclosure_id);
        CREATE INDEX referral_late ON sharing.referral (due_at)
            WHERE state = 'sent' AND escalated_at IS NULL;
        COMMENT ON TABLE sharing.referral IS
            'That a force referred a person to a partner, and what came of it';
    """)


def _sending() -> None:
    script("""
        CREATE FUNCTION sharing.attest_referral() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF NOT EXISTS (
                SELECT FROM audit.event AS e
                WHERE e.at > now() - interval '1 minute' AND e.event_id = NEW.officer_event
                  AND e.action = 'referrals.send' AND e.tenant_id = NEW.owner_force
                  AND e.member_id = NEW.sent_by
                  AND e.records @> jsonb_build_array(jsonb_build_object(
                      'owner_force', NEW.owner_force, 'nominal_id', NEW.nominal_id)))
               OR NOT EXISTS (
                SELECT FROM sharing.disclosure AS d
                WHERE d.owner_force = NEW.owner_force AND d.disclosure_id = NEW.disclosure_id
                  AND d.partner_id = NEW.partner_id AND d.nominal_id = NEW.nominal_id
                  AND d.agreement_id = NEW.agreement_id AND d.at = now()
                  AND d.fields = NEW.sent_fields) THEN
                RAISE EXCEPTION 'an officer refers, and what is referred is disclosed with it'
                    USING ERRCODE = '42501';
            END IF;
            NEW.sent_at := now();
            NEW.changed_at := now();
            NEW.state := 'sent';
            RETURN NEW;
        END $$;
        COMMENT ON FUNCTION sharing.attest_referral IS
            'Lets in no referral without an officer''s event of this minute and its disclosure';

        CREATE FUNCTION sharing.tell_of_referral(
            p_owner smallint, p_referral uuid, p_status text
        ) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            INSERT INTO sharing.partner_event (owner_force, event_id, partner_id, kind, body)
            SELECT r.owner_force, gen_random_uuid(), r.partner_id, 'referral',
                jsonb_build_object('referral_id', r.referral_id, 'disclosure_id', r.disclosure_id,
                    'force', t.slug, 'kind', r.kind, 'status', p_status, 'due_at',
                    to_char(r.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
            FROM sharing.referral AS r JOIN tenants.tenant AS t ON t.tenant_id = r.owner_force
            WHERE r.owner_force = p_owner AND r.referral_id = p_referral;
        END $$;
        COMMENT ON FUNCTION sharing.tell_of_referral IS
            'Puts an event into the partner''s log: which referral, and how it stands';

        CREATE FUNCTION sharing.tell_referral_sent() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM sharing.tell_of_referral(NEW.owner_force, NEW.referral_id, 'sent');
            RETURN NULL;
        END $$;
    """)


def _moving() -> None:
    script(f"""
        CREATE FUNCTION sharing.move_referral() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_by_partner boolean := session_user = '{PPSS}';
            v_content jsonb := jsonb_build_object('partner', OLD.partner_id, 'referral',
                OLD.referral_id, 'by', NEW.answered_by, 'declined_because',
                NEW.declined_because, 'withdrawn_because', NEW.withdrawn_because);
            v_records jsonb := jsonb_build_array(jsonb_build_object(
                'owner_force', OLD.owner_force, 'nominal_id', OLD.nominal_id));
        BEGIN
            IF NOT (v_by_partner AND (
                        OLD.state = 'sent' AND NEW.state IN
                            ('more_asked', 'acknowledged', 'declined')
                        OR OLD.state = 'more_asked' AND NEW.state IN ('acknowledged', 'declined'))
                    OR NOT v_by_partner AND NEW.state = 'withdrawn'
                        AND OLD.state IN ('sent', 'more_asked', 'acknowledged')) THEN
                RAISE EXCEPTION 'a referral doesn''t go from % to %', OLD.state, NEW.state
                    USING ERRCODE = 'AT017';
            END IF;
            NEW.changed_at := now();
            IF NOT v_by_partner THEN
                -- Without an open grant set this fails, and the change with it.
                PERFORM audit.append(ctx.open_grant_set(), 'alteration', 'referrals.withdrawn',
                    'A referral is withdrawn', v_content, '[]');
                PERFORM sharing.tell_of_referral(OLD.owner_force, OLD.referral_id, 'withdrawn');
                RETURN NEW;
            END IF;
            PERFORM audit.note_platform(OLD.owner_force, 'alteration', 'referrals.' || NEW.state,
                'A partner answers a referral', v_content, v_records);
            IF NEW.state <> 'acknowledged' THEN
                INSERT INTO work.item (owner_force, item_id, kind, record_class, record_owner,
                    record_id, assignee_member, clock, due_at)
                VALUES (OLD.owner_force, gen_random_uuid(), 'referral_answered', 'referral',
                    OLD.owner_force, OLD.referral_id, OLD.sent_by, 'hours:24',
                    now() + interval '24 hours');
            END IF;
            RETURN NEW;
        END $$;
        COMMENT ON FUNCTION sharing.move_referral IS
            'Who may take a referral from where to where; each step is logged with it';
    """)


def _escalating() -> None:
    script("""
        CREATE FUNCTION sharing.escalate_referral(p_owner smallint, p_referral uuid)
        RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_late sharing.referral%ROWTYPE;
        BEGIN
            SELECT * INTO v_late FROM sharing.referral AS r
            WHERE r.owner_force = p_owner AND r.referral_id = p_referral
              AND r.state = 'sent' AND r.escalated_at IS NULL
            FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                RETURN false;
            END IF;
            INSERT INTO work.item (owner_force, item_id, kind, record_class, record_owner,
                record_id, assignee_role, clock, due_at)
            VALUES (p_owner, gen_random_uuid(), 'referral_overdue', 'referral', p_owner,
                p_referral, 'supervisor', v_late.clock, v_late.due_at);
            UPDATE sharing.referral AS r SET escalated_at = now()
            WHERE r.owner_force = p_owner AND r.referral_id = p_referral;
            PERFORM sharing.tell_of_referral(p_owner, p_referral, 'overdue');
            RETURN true;
        END $$;
        COMMENT ON FUNCTION sharing.escalate_referral IS
            'Puts a referral that nobody answers before its force''s supervisors, once';
    """)


def _policies() -> None:
    seen = "owner_force = (SELECT ctx.session_tenant())"
    script(f"""
        CREATE POLICY own_referrals ON sharing.referral FOR SELECT TO {PPSS} USING ({OWN});
        CREATE POLICY add_own ON sharing.referral FOR INSERT TO {PPSS} WITH CHECK ({OWN});
        CREATE POLICY answer_own ON sharing.referral FOR UPDATE TO {PPSS}
            USING ({OWN}) WITH CHECK ({OWN});
        GRANT SELECT, INSERT (owner_force, referral_id, partner_id, agreement_id, nominal_id,
                disclosure_id, officer_event, kind, purpose, sent_by, sent_fields, clock,
                due_at),
            UPDATE (state, answered_by, declined_because, asked_for)
            ON sharing.referral TO {PPSS};

        CREATE POLICY officers_read ON sharing.referral FOR SELECT TO athena_force
            USING ({OF_FORCE});
        CREATE POLICY officers_withdraw ON sharing.referral FOR UPDATE TO athena_force
            USING ({OF_FORCE}) WITH CHECK ({OF_FORCE});
        GRANT SELECT, UPDATE (state, withdrawn_because) ON sharing.referral TO athena_force;

        CREATE POLICY oversight_reads ON sharing.referral FOR SELECT
            TO athena_auditor USING (true);
        GRANT SELECT ON sharing.referral TO athena_auditor;
        CREATE POLICY delivering ON sharing.referral FOR SELECT TO {OUTBOX} USING (true);
        GRANT SELECT (owner_force, referral_id, due_at, state, escalated_at)
            ON sharing.referral TO {OUTBOX};

        CREATE POLICY referring ON sharing.referral FOR SELECT TO {REFERRING}
            USING ({OWN} OR {seen} OR session_user = '{OUTBOX}');
        CREATE POLICY escalating ON sharing.referral FOR UPDATE TO {REFERRING}
            USING (session_user = '{OUTBOX}') WITH CHECK (session_user = '{OUTBOX}');
        GRANT SELECT, UPDATE (escalated_at) ON sharing.referral TO {REFERRING};
        CREATE POLICY referring ON sharing.partner_call FOR SELECT TO {REFERRING}
            USING (xid = pg_current_xact_id_if_assigned());
        GRANT SELECT ON sharing.partner_call TO {REFERRING};
        CREATE POLICY referring ON sharing.disclosure FOR SELECT TO {REFERRING}
            USING (at = now() AND {OWN});
        GRANT SELECT ON sharing.disclosure TO {REFERRING};
        CREATE POLICY referring ON audit.event FOR SELECT TO {REFERRING}
            USING (action = 'referrals.send' AND at > now() - interval '1 minute');
        GRANT SELECT ON audit.event TO {REFERRING};
        CREATE POLICY referring ON tenants.tenant FOR SELECT TO {REFERRING}
            USING (kind = 'force');
        GRANT SELECT (tenant_id, slug, kind) ON tenants.tenant TO {REFERRING};
        CREATE POLICY referring ON sharing.partner_event FOR INSERT TO {REFERRING}
            WITH CHECK (kind = 'referral');
        GRANT INSERT (owner_force, event_id, partner_id, kind, body)
            ON sharing.partner_event TO {REFERRING};
        CREATE POLICY referring ON work.item FOR INSERT TO {REFERRING}
            WITH CHECK (session_user IN ('{OUTBOX}', '{PPSS}') AND {ITEMS});
        GRANT INSERT (owner_force, item_id, kind, record_class, record_owner, record_id,
            assignee_role, assignee_member, clock, due_at) ON work.item TO {REFERRING};
        CREATE POLICY tell_of_referrals ON work.message FOR INSERT TO athena_worklist
            WITH CHECK (session_user = '{PPSS}' AND {ITEMS});

        CREATE POLICY eraser_counts ON sharing.referral FOR SELECT TO athena_eraser USING (true);
        CREATE POLICY eraser_erases ON sharing.referral FOR DELETE TO athena_eraser
            USING (owner_force IN (SELECT t.tenant_id FROM tenants.tenant AS t
                                   WHERE t.status = 'offboarded'));
        GRANT SELECT, DELETE ON sharing.referral TO athena_eraser;
    """)


def downgrade() -> None:
    """Drop referrals; what was disclosed, and the items and events that tell of it, stay."""
    script(f"""
        DROP TABLE sharing.referral;
        DROP FUNCTION {SENT}, {MOVE}, {ESCALATE}, {ATTEST}, {TELL};
        DROP POLICY referring ON sharing.partner_call;
        DROP POLICY referring ON sharing.disclosure;
        DROP POLICY referring ON audit.event;
        DROP POLICY referring ON tenants.tenant;
        DROP POLICY referring ON sharing.partner_event;
        DROP POLICY referring ON work.item;
        DROP POLICY tell_of_referrals ON work.message;
        REVOKE SELECT ON sharing.partner_call, sharing.disclosure, audit.event FROM {REFERRING};
        REVOKE SELECT (tenant_id, slug, kind) ON tenants.tenant FROM {REFERRING};
        REVOKE INSERT (owner_force, event_id, partner_id, kind, body)
            ON sharing.partner_event FROM {REFERRING};
        REVOKE INSERT (owner_force, item_id, kind, record_class, record_owner, record_id,
            assignee_role, assignee_member, clock, due_at) ON work.item FROM {REFERRING};
        REVOKE EXECUTE ON FUNCTION {NOTE}, {CALLED} FROM {REFERRING};
        REVOKE USAGE ON SCHEMA audit, ctx, sharing, tenants, work FROM {REFERRING};
    """)
