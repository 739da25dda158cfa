"""Partner organisations: who they are, their keys, what they asked, and what was disclosed to them.

Partners share one login, `athena_ppss`. A transaction of it notes first for which partner it runs
(`sharing.partner_call`), once, and every other table shows it that partner's rows alone. Records it
sees as a force's login does: under a logged consultation, by label, level and group.

What was disclosed stands in the ledger as a digest and the names of fields. The words themselves
are sealed in a table beside it, from which they go when the nominal is erased; the ledger stays.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import (
    create_role,
    hand_over,
    label_is_shown,
    not_kept_back,
    protect,
    record_shows,
    script,
)

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

PPSS = "athena_ppss"
DISCLOSING = "athena_disclosing"

REGISTERED = ("partner", "partner_contact", "partner_key", "partner_agreement")
"""What the client body registers."""
WORKING = ("partner_nonce", "partner_call", "partner_usage", "partner_check", "partner_answer")
"""What calls leave behind."""
LEDGER = ("disclosure", "disclosure_payload")
TABLES = (*REGISTERED, *WORKING, "partner_review", *LEDGER)

SCOPES = {
    "nominal": "summary",
    "nominal_name": "summary",
    "name_key": "match",
    "identifier": "identifiers",
    "contact": "contacts",
    "address": "addresses",
    "description": "descriptions",
    "marker": "markers",
    "assessment": "assessments",
    "involvement": "involvements",
}
"""The tables of a nominal that partners may be shown, and the scope that shows each."""

READS = (
    "ctx.shown_labels(text), ctx.excepts(), ctx.granted_records(text), "
    "ctx.withheld_records(text), ctx.visible_labels(text), ctx.open_grant_set(), "
    "audit.append(uuid, text, text, text, jsonb, jsonb), "
    "sharing.find_people(bigint[], bigint[], integer, integer, integer, bigint[], bigint[], "
    "integer[], integer[], bigint[], bigint[], integer, integer), "
    "sharing.find_people_like(bigint[], bigint[], integer, integer, integer, bigint[], bigint[], "
    "integer[], integer[], bigint[], bigint[], integer, integer, text, text[], date), "
    "sharing.point_to(bigint[], bigint[], text[], text[], text)"
)
REFUSE = "audit.refuse_partner(smallint, text, uuid, text, text[], text, text, jsonb)"
FORGET = "sharing.forget_partner_calls()"
ATTEST = "sharing.attest_disclosure()"
END_PAYLOADS = "sharing.end_payloads()"
END_ANSWERS = "sharing.end_answers()"

CALLER = (
    "(SELECT c.partner_id FROM sharing.partner_call AS c "
    "WHERE c.xid = pg_current_xact_id_if_assigned())"
)
"""The partner for which a transaction runs, by the note that it has made itself."""

WHO = """
            username text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500)"""
PARTNER = "partner_id smallint NOT NULL REFERENCES sharing.partner"


def upgrade() -> None:
    """Create the tables, let partners' calls log in, and let what leaves be erased."""
    create_role(DISCLOSING, "attests that what is disclosed is logged, and forgets what is over")
    script("SET LOCAL ROLE athena_owner")
    _registered()
    _calls()
    _ledger()
    for table in TABLES:
        protect(f"sharing.{table}")
    _functions()
    script("RESET ROLE")
    _hand_over()
    script("SET LOCAL ROLE athena_owner")
    _policies()
    _reading()
    _leaving()
    script("RESET ROLE")
    _write(
        "coalesce(ctx.session_tenant(), (SELECT g.tenant_id FROM ctx.grant_set AS g "
        "WHERE g.grant_set_id = p_grant_set AND g.login = session_user))"
    )


def _registered() -> None:
    script(f"""
        CREATE TABLE sharing.partner (
            partner_id smallint PRIMARY KEY REFERENCES tenants.tenant,
            clearance text NOT NULL CHECK (clearance IN ('OFFICIAL', 'OFFICIAL-SENSITIVE')),
            sandbox boolean NOT NULL,
            opens time NOT NULL,
            closes time NOT NULL CHECK (closes > opens),
            registered_at timestamptz NOT NULL DEFAULT now(),{WHO}
        );
        COMMENT ON TABLE sharing.partner IS
            'An organisation that asks through the partner interface; its name is its tenant''s';
        COMMENT ON COLUMN sharing.partner.sandbox IS
            'Answered from made-up people alone, never from the store';
        COMMENT ON COLUMN sharing.partner.opens IS
            'The hours in London in which it asks as a rule, Monday to Friday';

        CREATE TABLE sharing.partner_contact (
            {PARTNER},
            kind text NOT NULL CHECK (kind IN ('data_protection', 'operations', 'technical')),
            unit text NOT NULL CHECK (length(unit) BETWEEN 1 AND 200),
            email text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
            telephone text NOT NULL CHECK (length(telephone) BETWEEN 3 AND 40),
            PRIMARY KEY (partner_id, kind)
        );
        COMMENT ON TABLE sharing.partner_contact IS
            'Whom at a partner to turn to: a unit, never a person';

        CREATE TABLE sharing.partner_key (
            key_id text PRIMARY KEY CHECK (key_id ~ '^[0-9a-f]{{64}}$'),
            {PARTNER},
            public_key bytea NOT NULL UNIQUE CHECK (octet_length(public_key) = 32),
            valid_from timestamptz NOT NULL DEFAULT now(),
            valid_to timestamptz CHECK (valid_to > valid_from),
            revoked_at timestamptz,
            revoked_reason text CHECK (length(revoked_reason) BETWEEN 3 AND 500),{WHO},
            CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
        );
        CREATE INDEX partner_key_partner ON sharing.partner_key (partner_id);
        COMMENT ON TABLE sharing.partner_key IS
            'Ed25519 public keys with which a partner signs; several may hold at once';

        CREATE TABLE sharing.partner_agreement (
            {PARTNER},
            agreement_id uuid NOT NULL,
            hourly_cap integer NOT NULL CHECK (hourly_cap BETWEEN 1 AND 1000000),
            daily_cap integer NOT NULL CHECK (daily_cap BETWEEN 1 AND 10000000),
            registered_at timestamptz NOT NULL DEFAULT now(),
            ended_at timestamptz,{WHO},
            PRIMARY KEY (partner_id, agreement_id)
        );
        COMMENT ON TABLE sharing.partner_agreement IS
            'Under which agreements a partner may ask, and how often; the policy decides the rest';

        CREATE TABLE sharing.partner_review (
            review_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            {PARTNER},
            agreement_id uuid NOT NULL,
            cause text NOT NULL CHECK (cause IN ('many_without_match', 'alphabet_sweep',
                'one_person_repeatedly', 'out_of_hours', 'stopped_by_client_body')),
            flagged_at timestamptz NOT NULL DEFAULT now(),
            lifted_at timestamptz,
            lifted_by text CHECK (length(lifted_by) BETWEEN 1 AND 100),
            lifted_reason text CHECK (length(lifted_reason) BETWEEN 3 AND 500),
            CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)
                   AND (lifted_at IS NULL) = (lifted_reason IS NULL)),
            FOREIGN KEY (partner_id, agreement_id) REFERENCES sharing.partner_agreement
        );
        CREATE UNIQUE INDEX partner_review_open
            ON sharing.partner_review (partner_id, agreement_id) WHERE lifted_at IS NULL;
        COMMENT ON TABLE sharing.partner_review IS
            'While one is open nothing is answered under that agreement: the client body lifts it';
    """)


def _calls() -> None:
    script(f"""
        CREATE TABLE sharing.partner_nonce (
            key_id text NOT NULL REFERENCES sharing.partner_key,
            nonce text NOT NULL CHECK (length(nonce) BETWEEN 16 AND 128),
            expires_at timestamptz NOT NULL,
            PRIMARY KEY (key_id, nonce)
        );
        CREATE INDEX partner_nonce_expiry ON sharing.partner_nonce (expires_at);
        COMMENT ON TABLE sharing.partner_nonce IS
            'What signatures were seen, until none of that age is accepted any more';

        CREATE TABLE sharing.partner_call (
            xid xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
            at timestamptz NOT NULL DEFAULT now(),
            {PARTNER}
        );
        CREATE INDEX partner_call_at ON sharing.partner_call (at);
        COMMENT ON TABLE sharing.partner_call IS
            'For which partner a transaction runs: noted once, as its first act';

        CREATE TABLE sharing.partner_usage (
            {PARTNER},
            agreement_id uuid NOT NULL,
            period text NOT NULL CHECK (period IN ('day', 'hour')),
            starts timestamptz NOT NULL,
            used integer NOT NULL CHECK (used > 0),
            PRIMARY KEY (partner_id, agreement_id, period, starts)
        );
        CREATE INDEX partner_usage_starts ON sharing.partner_usage (starts);

        CREATE TABLE sharing.partner_check (
            check_id uuid PRIMARY KEY,
            {PARTNER},
            agreement_id uuid NOT NULL,
            at timestamptz NOT NULL DEFAULT now(),
            idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 128),
            request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32),
            outcome text NOT NULL CHECK (outcome IN ('match', 'no_match', 'possible')),
            asked_by text NOT NULL CHECK (length(asked_by) BETWEEN 1 AND 100),
            asked_role text NOT NULL CHECK (length(asked_role) BETWEEN 1 AND 100),
            person_digest bytea NOT NULL CHECK (octet_length(person_digest) = 32),
            initial text NOT NULL CHECK (length(initial) <= 1),
            UNIQUE (partner_id, idempotency_key)
        );
        CREATE INDEX partner_check_recent
            ON sharing.partner_check (partner_id, agreement_id, at);
        COMMENT ON COLUMN sharing.partner_check.person_digest IS
            'A keyed hash of the person asked about: whether it is the same one again, not who';
        COMMENT ON COLUMN sharing.partner_check.initial IS
            'The first letter of the surname, by which sweeps of the alphabet are noticed';

        CREATE TABLE sharing.partner_answer (
            check_id uuid PRIMARY KEY REFERENCES sharing.partner_check,
            {PARTNER},
            sealed bytea NOT NULL,
            wrapped_key bytea NOT NULL,
            expires_at timestamptz NOT NULL
        );
        CREATE INDEX partner_answer_expiry ON sharing.partner_answer (expires_at);
        COMMENT ON TABLE sharing.partner_answer IS
            'An answer as it was sent, for whoever asks again under the same idempotency key';
    """)


def _ledger() -> None:
    script(f"""
        CREATE TABLE sharing.disclosure (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            disclosure_id uuid NOT NULL,
            {PARTNER},
            check_id uuid REFERENCES sharing.partner_check,
            nominal_id uuid,
            agreement_id uuid NOT NULL,
            decision_id uuid NOT NULL,
            event_id uuid NOT NULL,
            purpose text NOT NULL,
            asked_by text NOT NULL CHECK (length(asked_by) BETWEEN 1 AND 100),
            asked_role text NOT NULL CHECK (length(asked_role) BETWEEN 1 AND 100),
            level text NOT NULL CHECK (level IN ('pointer', 'summary', 'full')),
            fields text[] NOT NULL,
            digest bytea NOT NULL CHECK (octet_length(digest) = 32),
            at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (owner_force, disclosure_id),
            CHECK ((level = 'pointer') = (nominal_id IS NULL))
        );
        CREATE INDEX disclosure_partner ON sharing.disclosure (partner_id, at);
        CREATE INDEX disclosure_nominal ON sharing.disclosure (owner_force, nominal_id);
        COMMENT ON TABLE sharing.disclosure IS
            'What went to which partner: the fields, under which agreement and decision, who asked';
        COMMENT ON COLUMN sharing.disclosure.digest IS
            'SHA-256 of the canonical form (RFC 8785) of the record as it was sent';
        COMMENT ON COLUMN sharing.disclosure.nominal_id IS
            'Empty for a pointer, which names a force and no record';

        CREATE TABLE sharing.disclosure_payload (
            owner_force smallint NOT NULL,
            disclosure_id uuid NOT NULL,
            {PARTNER},
            sealed bytea NOT NULL,
            wrapped_key bytea NOT NULL,
            PRIMARY KEY (owner_force, disclosure_id),
            FOREIGN KEY (owner_force, disclosure_id)
                REFERENCES sharing.disclosure ON DELETE CASCADE
        );
        COMMENT ON TABLE sharing.disclosure_payload IS
            'The words disclosed, under a key of their own; they end with the nominal';
    """)


def _functions() -> None:
    script("""
        CREATE FUNCTION sharing.revoke_once() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF OLD.revoked_at IS NOT NULL OR NEW.valid_to IS NOT DISTINCT FROM OLD.valid_to
               AND NEW.revoked_reason IS NULL OR NEW.valid_to > OLD.valid_to
               OR OLD.valid_to IS NOT NULL AND NEW.valid_to IS NULL THEN
                RAISE EXCEPTION 'a key is only ever shortened or revoked' USING ERRCODE = 'AT014';
            END IF;
            NEW.revoked_at := CASE WHEN NEW.revoked_reason IS NOT NULL THEN now() END;
            RETURN NEW;
        END $$;
        CREATE TRIGGER revoke_once BEFORE UPDATE ON sharing.partner_key
            FOR EACH ROW EXECUTE FUNCTION sharing.revoke_once();

        CREATE FUNCTION sharing.lift_once() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF OLD.lifted_at IS NOT NULL OR NEW.lifted_reason IS NULL THEN
                RAISE EXCEPTION 'a review is lifted once' USING ERRCODE = 'AT014';
            END IF;
            NEW.lifted_at := now();
            RETURN NEW;
        END $$;
        CREATE TRIGGER lift_once BEFORE UPDATE ON sharing.partner_review
            FOR EACH ROW EXECUTE FUNCTION sharing.lift_once();

        CREATE FUNCTION sharing.forget_partner_calls() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            -- One at a time; whoever comes meanwhile doesn't wait.
            IF pg_try_advisory_xact_lock(4277033) THEN
                DELETE FROM sharing.partner_nonce WHERE expires_at < now();
                DELETE FROM sharing.partner_call WHERE at < now() - interval '1 hour';
                DELETE FROM sharing.partner_usage WHERE starts < now() - interval '2 days';
                DELETE FROM sharing.partner_answer WHERE expires_at < now();
            END IF;
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION sharing.forget_partner_calls IS
            'Removes what is over of partners'' calls, whenever one comes';
        CREATE TRIGGER forget_partner_calls AFTER INSERT ON sharing.partner_nonce
            FOR EACH STATEMENT EXECUTE FUNCTION sharing.forget_partner_calls();

        CREATE FUNCTION sharing.attest_disclosure() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            NEW.at := now();
            IF NOT EXISTS (SELECT FROM audit.event AS e
                           WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                             AND e.event_id = NEW.event_id AND e.kind = 'disclosure'
                             AND e.tenant_id = NEW.partner_id
                             AND e.decision_id = NEW.decision_id) THEN
                RAISE EXCEPTION 'a disclosure is logged in its own transaction'
                    USING ERRCODE = '42501';
            END IF;
            RETURN NEW;
        END $$;
        COMMENT ON FUNCTION sharing.attest_disclosure IS
            'Lets nothing into the ledger whose event this transaction hasn''t appended';
        CREATE TRIGGER attest_disclosure BEFORE INSERT ON sharing.disclosure
            FOR EACH ROW EXECUTE FUNCTION sharing.attest_disclosure();

        CREATE FUNCTION sharing.end_payloads() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            DELETE FROM sharing.partner_answer AS a
            USING sharing.disclosure AS d, gone AS g
            WHERE d.owner_force = g.owner_force AND d.nominal_id = g.nominal_id
              AND a.check_id = d.check_id;
            DELETE FROM sharing.disclosure_payload AS p
            USING sharing.disclosure AS d, gone AS g
            WHERE d.owner_force = g.owner_force AND d.nominal_id = g.nominal_id
              AND p.owner_force = d.owner_force AND p.disclosure_id = d.disclosure_id;
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION sharing.end_payloads IS
            'With a nominal goes what was disclosed of it; the ledger keeps that it was';

        CREATE FUNCTION sharing.end_answers() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            DELETE FROM sharing.partner_answer AS a USING gone AS g WHERE a.check_id = g.check_id;
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION sharing.end_answers IS
            'With a force''s part of the ledger go the answers that told of its records';
        CREATE TRIGGER end_answers AFTER DELETE ON sharing.disclosure
            REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION sharing.end_answers();

        CREATE FUNCTION audit.refuse_partner(
            p_partner smallint, p_action text, p_member uuid, p_username text, p_roles text[],
            p_purpose text, p_reason text, p_content jsonb
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_event uuid := gen_random_uuid();
        BEGIN
            IF NOT EXISTS (SELECT FROM sharing.partner AS p WHERE p.partner_id = p_partner) THEN
                RAISE EXCEPTION 'only a partner is refused here' USING ERRCODE = '42501';
            END IF;
            INSERT INTO audit.event (at, event_id, xid, tenant_id, login, member_id, username,
                roles, kind, action, purpose)
            VALUES (now(), v_event, pg_current_xact_id(), p_partner, session_user, p_member,
                p_username, p_roles, 'refusal', p_action, p_purpose);
            INSERT INTO audit.content (at, event_id, reason, content)
            VALUES (now(), v_event, coalesce(p_reason, ''), coalesce(p_content, '{}'));
            RETURN v_event;
        END $$;
        COMMENT ON FUNCTION audit.refuse_partner IS
            'Appends what was refused to a partner, whose login doesn''t say which partner it is';
    """)


def _hand_over() -> None:
    for function in (FORGET, ATTEST, END_PAYLOADS, END_ANSWERS):
        hand_over(function, DISCLOSING)
    hand_over(REFUSE, "athena_audit_writer")
    script(f"""
        CREATE TRIGGER end_payloads AFTER DELETE ON records.nominal
            REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION sharing.end_payloads();
        DO $$ BEGIN
            IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = '{PPSS}') THEN
                ALTER ROLE {PPSS} LOGIN;
            END IF;
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO {PPSS}', current_database());
        END $$;
        GRANT USAGE ON SCHEMA audit, ctx, records, sharing, tenants TO {PPSS};
        GRANT EXECUTE ON FUNCTION {READS}, {REFUSE} TO {PPSS};
        GRANT USAGE ON SCHEMA audit TO {DISCLOSING};
        GRANT USAGE ON SCHEMA sharing TO athena_audit_writer, athena_auditor;
    """)


def _policies() -> None:
    """Who keeps, reads and writes what: each partner's rows are its own transaction's alone."""
    for table in REGISTERED:
        script(f"""
            CREATE POLICY client_body_registers ON sharing.{table}
                TO athena_amo USING (true) WITH CHECK (true);
            CREATE POLICY calls_look_up ON sharing.{table} FOR SELECT TO {PPSS} USING (true);
            CREATE POLICY oversight_reads ON sharing.{table} FOR SELECT
                TO athena_auditor USING (true);
            GRANT SELECT ON sharing.{table} TO athena_amo, {PPSS}, athena_auditor;
        """)
    own = f"partner_id = {CALLER}"
    audit_scope = (
        "owner_force = (SELECT ctx.session_tenant()) "
        "AND owner_force = ANY ((SELECT ctx.visible_labels('audit'))::smallint[])"
    )
    script(f"""
        GRANT INSERT (partner_id, clearance, sandbox, opens, closes, username, reason)
            ON sharing.partner TO athena_amo;
        GRANT UPDATE (clearance, opens, closes, username, reason) ON sharing.partner TO athena_amo;
        GRANT INSERT, UPDATE, DELETE ON sharing.partner_contact TO athena_amo;
        GRANT INSERT (key_id, partner_id, public_key, valid_from, valid_to, username, reason),
            UPDATE (valid_to, revoked_reason) ON sharing.partner_key TO athena_amo;
        GRANT INSERT (partner_id, agreement_id, hourly_cap, daily_cap, username, reason),
            UPDATE (hourly_cap, daily_cap, ended_at, username, reason)
            ON sharing.partner_agreement TO athena_amo;

        CREATE POLICY client_body_reviews ON sharing.partner_review
            TO athena_amo USING (true) WITH CHECK (true);
        CREATE POLICY calls_flag ON sharing.partner_review
            TO {PPSS} USING ({own}) WITH CHECK ({own});
        CREATE POLICY oversight_reads ON sharing.partner_review FOR SELECT
            TO athena_auditor USING (true);
        GRANT SELECT, INSERT (partner_id, agreement_id, cause)
            ON sharing.partner_review TO athena_amo, {PPSS};
        GRANT UPDATE (lifted_by, lifted_reason) ON sharing.partner_review TO athena_amo;
        GRANT SELECT ON sharing.partner_review TO athena_auditor;

        CREATE POLICY calls_note ON sharing.partner_nonce FOR INSERT TO {PPSS} WITH CHECK (true);
        GRANT INSERT ON sharing.partner_nonce TO {PPSS};
        CREATE POLICY calls_note ON sharing.partner_call FOR INSERT TO {PPSS}
            WITH CHECK (xid = pg_current_xact_id() AND at = now());
        CREATE POLICY this_call ON sharing.partner_call FOR SELECT TO {PPSS}
            USING (xid = pg_current_xact_id_if_assigned());
        GRANT INSERT (partner_id), SELECT ON sharing.partner_call TO {PPSS};

        CREATE POLICY own_usage ON sharing.partner_usage TO {PPSS}
            USING ({own}) WITH CHECK ({own});
        CREATE POLICY client_body_watches ON sharing.partner_usage FOR SELECT
            TO athena_amo USING (true);
        GRANT SELECT, INSERT, UPDATE (used) ON sharing.partner_usage TO {PPSS};
        GRANT SELECT ON sharing.partner_usage TO athena_amo;

        CREATE POLICY own_checks ON sharing.partner_check FOR SELECT TO {PPSS} USING ({own});
        CREATE POLICY add_own ON sharing.partner_check FOR INSERT TO {PPSS} WITH CHECK ({own});
        CREATE POLICY client_body_watches ON sharing.partner_check FOR SELECT
            TO athena_amo USING (true);
        CREATE POLICY oversight_reads ON sharing.partner_check FOR SELECT
            TO athena_auditor USING (true);
        GRANT SELECT ON sharing.partner_check TO {PPSS}, athena_auditor;
        GRANT INSERT (check_id, partner_id, agreement_id, idempotency_key, request_digest,
            outcome, asked_by, asked_role, person_digest, initial)
            ON sharing.partner_check TO {PPSS};
        GRANT SELECT (check_id, partner_id, agreement_id, at, outcome)
            ON sharing.partner_check TO athena_amo;

        CREATE POLICY own_answers ON sharing.partner_answer FOR SELECT TO {PPSS} USING ({own});
        CREATE POLICY add_own ON sharing.partner_answer FOR INSERT TO {PPSS} WITH CHECK ({own});
        GRANT SELECT, INSERT ON sharing.partner_answer TO {PPSS};
    """)
    for table in LEDGER:
        script(f"""
            CREATE POLICY own_disclosures ON sharing.{table} FOR SELECT TO {PPSS} USING ({own});
            CREATE POLICY add_own ON sharing.{table} FOR INSERT TO {PPSS} WITH CHECK ({own});
            CREATE POLICY officers_of_data_protection_read ON sharing.{table} FOR SELECT
                TO athena_force USING ({audit_scope});
            GRANT SELECT ON sharing.{table} TO {PPSS}, athena_force;
        """)
    script(f"""
        GRANT INSERT (owner_force, disclosure_id, partner_id, check_id, nominal_id, agreement_id,
            decision_id, event_id, purpose, asked_by, asked_role, level, fields, digest)
            ON sharing.disclosure TO {PPSS};
        GRANT INSERT ON sharing.disclosure_payload TO {PPSS};
        CREATE POLICY oversight_reads ON sharing.disclosure FOR SELECT
            TO athena_auditor USING (true);
        GRANT SELECT ON sharing.disclosure TO athena_auditor;

        CREATE POLICY attesting ON audit.event FOR SELECT TO {DISCLOSING}
            USING (at = now() AND xid = pg_current_xact_id_if_assigned());
        GRANT SELECT ON audit.event TO {DISCLOSING};
        CREATE POLICY which_are_partners ON sharing.partner FOR SELECT TO athena_audit_writer
            USING (true);
        GRANT SELECT (partner_id) ON sharing.partner TO athena_audit_writer;
    """)
    for table in ("partner_nonce", "partner_call", "partner_usage", "partner_answer"):
        script(f"""
            CREATE POLICY forgetting ON sharing.{table} FOR DELETE TO {DISCLOSING} USING (true);
            CREATE POLICY forgetting_finds ON sharing.{table} FOR SELECT TO {DISCLOSING}
                USING (true);
            GRANT SELECT, DELETE ON sharing.{table} TO {DISCLOSING};
        """)
    script(f"""
        CREATE POLICY ending ON sharing.disclosure FOR SELECT TO {DISCLOSING} USING (true);
        CREATE POLICY ending ON sharing.disclosure_payload FOR DELETE TO {DISCLOSING} USING (true);
        CREATE POLICY ending_finds ON sharing.disclosure_payload FOR SELECT TO {DISCLOSING}
            USING (true);
        GRANT SELECT ON sharing.disclosure TO {DISCLOSING};
        GRANT SELECT, DELETE ON sharing.disclosure_payload TO {DISCLOSING};
    """)


def _reading() -> None:
    """Let partners' calls read records as a consultation shows them, and the directory."""
    for table, scope in SCOPES.items():
        script(f"""
            CREATE POLICY shown_to_partners ON records.{table} FOR SELECT TO {PPSS}
                USING ({label_is_shown(scope)} OR {record_shows(scope)});
            CREATE POLICY not_withheld_from_partners ON records.{table} AS RESTRICTIVE FOR SELECT
                TO {PPSS} USING ({not_kept_back(scope)});
            GRANT SELECT ON records.{table} TO {PPSS};
        """)
    script(f"""
        CREATE POLICY shown_to_partners ON records.record FOR SELECT TO {PPSS}
            USING ({label_is_shown("summary")});
        GRANT SELECT ON records.record TO {PPSS};
        CREATE POLICY shown_to_partners ON records.location FOR SELECT TO {PPSS}
            USING (EXISTS (SELECT FROM records.address AS a
                           WHERE a.owner_force = location.owner_force
                             AND a.location_id = location.location_id));
        GRANT SELECT ON records.location TO {PPSS};
        CREATE POLICY calls_read_the_directory ON tenants.tenant FOR SELECT TO {PPSS} USING (true);
        GRANT SELECT ON tenants.tenant TO {PPSS};
    """)


def _leaving() -> None:
    for table in LEDGER:
        script(f"""
            CREATE POLICY eraser_counts ON sharing.{table} FOR SELECT TO athena_eraser USING (true);
            CREATE POLICY eraser_erases ON sharing.{table} FOR DELETE TO athena_eraser
                USING (owner_force IN (SELECT t.tenant_id FROM tenants.tenant AS t
                                       WHERE t.status = 'offboarded'));
            GRANT SELECT, DELETE ON sharing.{table} TO athena_eraser;
        """)


def _write(tenant: str) -> None:
    """Replace 0004's function: a partner's login isn't of one tenant, its grant set is."""
    script(f"""
        CREATE OR REPLACE FUNCTION audit.write(
            p_kind text, p_action text, p_member uuid, p_username text, p_roles text[],
            p_purpose text, p_grant_set uuid, p_decision uuid, p_revision bigint,
            p_reason text, p_content jsonb, p_records jsonb
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_event uuid := gen_random_uuid();
        BEGIN
            INSERT INTO audit.event (at, event_id, xid, tenant_id, login, member_id, username,
                roles, kind, action, purpose, grant_set_id, decision_id, policy_revision, records)
            VALUES (now(), v_event, pg_current_xact_id(), {tenant}, session_user,
                p_member, p_username, p_roles, p_kind, p_action, p_purpose, p_grant_set,
                p_decision, p_revision, coalesce(p_records, '[]'));
            INSERT INTO audit.content (at, event_id, reason, content)
            VALUES (now(), v_event, p_reason, coalesce(p_content, '{{}}'));
            RETURN v_event;
        END $$
    """)


def downgrade() -> None:
    """Drop the partners' tables; who was a tenant stays one, and the log stays whole."""
    _write("ctx.session_tenant()")
    script(f"DROP TRIGGER end_payloads ON records.nominal; DROP FUNCTION {REFUSE}")
    for table in SCOPES:
        script(f"""
            DROP POLICY shown_to_partners ON records.{table};
            DROP POLICY not_withheld_from_partners ON records.{table};
            REVOKE SELECT ON records.{table} FROM {PPSS};
        """)
    script(f"""
        DROP POLICY shown_to_partners ON records.record;
        DROP POLICY shown_to_partners ON records.location;
        REVOKE SELECT ON records.record, records.location FROM {PPSS};
        DROP POLICY calls_read_the_directory ON tenants.tenant;
        REVOKE SELECT ON tenants.tenant FROM {PPSS};
        DROP POLICY attesting ON audit.event;
        REVOKE SELECT ON audit.event FROM {DISCLOSING};
        DROP TABLE {", ".join(f"sharing.{table}" for table in reversed(TABLES))};
        DROP FUNCTION {FORGET}, {ATTEST}, {END_PAYLOADS}, {END_ANSWERS},
            sharing.revoke_once(),
            sharing.lift_once();
        REVOKE EXECUTE ON FUNCTION {READS} FROM {PPSS};
        REVOKE USAGE ON SCHEMA audit, ctx, records, sharing, tenants FROM {PPSS};
        REVOKE USAGE ON SCHEMA audit, sharing FROM {DISCLOSING};
        REVOKE USAGE ON SCHEMA sharing FROM athena_audit_writer, athena_auditor;
        DO $$ BEGIN
            EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM {PPSS}', current_database());
        END $$
    """)
