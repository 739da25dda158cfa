"""A partner's call is let in by one statement, and its check kept by one; old checks are forgotten.

The key, the nonce, the agreement and the caps of a call were four transactions. They are one
function now, with the rights of whoever calls it: the same policies hold as for each statement.

What is over of calls was looked for at every call; once a minute is enough. A check that told
nothing goes after 90 days; one that told something stays as long as the ledger has a line about it.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, script

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

PPSS = "athena_ppss"
DISCLOSING = "athena_disclosing"

LET_IN = "sharing.let_in(text, text, timestamptz, uuid, boolean)"
BEGIN_CHECK = "sharing.begin_check(smallint, text)"
KEEP_CHECK = (
    "sharing.keep_check(uuid, smallint, uuid, text, bytea, text, text, text, bytea, text, bytea, "
    "bytea, interval, time, time)"
)
CONSULT = "audit.consult_partner(smallint, text, uuid, text, text[], text, jsonb)"
FUNCTIONS = f"{LET_IN}, {BEGIN_CHECK}, {KEEP_CHECK}"

IN_NO_LEDGER = (
    "(outcome <> 'match' OR lines_gone OR agreement_id = '00000000-0000-0000-0000-000000000000')"
)
"""Checks that no line of the ledger is about: the sandbox, under no agreement, has none."""

SWEEP = """
                DELETE FROM sharing.partner_nonce WHERE expires_at < now();
                DELETE FROM sharing.partner_call WHERE at < now() - interval '1 hour';
                DELETE FROM sharing.partner_usage WHERE starts < now() - interval '2 days';
                DELETE FROM sharing.partner_answer WHERE expires_at < now();"""


def upgrade() -> None:
    """Make the functions, and let checks be forgotten."""
    script("SET LOCAL ROLE athena_owner")
    _door()
    _checks()
    _consult()
    script(f"""
        GRANT EXECUTE ON FUNCTION {FUNCTIONS} TO {PPSS};
        ALTER TABLE sharing.partner_check ADD COLUMN lines_gone boolean NOT NULL DEFAULT false;
        COMMENT ON COLUMN sharing.partner_check.lines_gone IS
            'Every line of the ledger about it went with its force';
        CREATE INDEX partner_check_old ON sharing.partner_check (at) WHERE {IN_NO_LEDGER};
        CREATE INDEX disclosure_check ON sharing.disclosure (check_id);
        CREATE POLICY forgetting ON sharing.partner_check FOR DELETE TO {DISCLOSING} USING (true);
        CREATE POLICY forgetting_finds ON sharing.partner_check FOR SELECT TO {DISCLOSING}
            USING (true);
        CREATE POLICY marking ON sharing.partner_check FOR UPDATE TO {DISCLOSING}
            USING (true) WITH CHECK (true);
        GRANT SELECT, DELETE, UPDATE (lines_gone) ON sharing.partner_check TO {DISCLOSING};
        RESET ROLE;
    """)
    hand_over(CONSULT, "athena_audit_writer")
    script(f"GRANT EXECUTE ON FUNCTION {CONSULT} TO {PPSS}")
    _forget(f"""
            -- Nonces go first: one that is over for a minute says that nobody has looked since.
            IF NOT EXISTS (SELECT FROM sharing.partner_nonce AS n
                           WHERE n.expires_at < now() - interval '1 minute') THEN
                RETURN NULL;
            END IF;
            -- One at a time; whoever comes meanwhile doesn't wait.
            IF pg_try_advisory_xact_lock(4277033) THEN{SWEEP}
                DELETE FROM sharing.partner_check AS c
                WHERE c.at < now() - interval '90 days' AND {IN_NO_LEDGER}
                  AND NOT EXISTS (SELECT FROM sharing.disclosure AS d
                                  WHERE d.check_id = c.check_id);
            END IF;
            RETURN NULL;
    """)
    _end_answers("""
            UPDATE sharing.partner_check AS c SET lines_gone = true FROM gone AS g
            WHERE c.check_id = g.check_id
              AND NOT EXISTS (SELECT FROM sharing.disclosure AS d WHERE d.check_id = c.check_id);
    """)


def _door() -> None:
    script("""
        CREATE FUNCTION sharing.let_in(
            p_key text, p_nonce text, p_expires timestamptz, p_agreement uuid, p_count boolean,
            OUT state text, OUT partner smallint, OUT slug text, OUT name text,
            OUT clearance text, OUT sandbox boolean, OUT opens time, OUT closes time,
            OUT hourly_cap integer, OUT daily_cap integer, OUT ended boolean,
            OUT under_review text, OUT hour integer, OUT day integer
        )
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            SELECT p.partner_id, t.slug, t.name, p.clearance, p.sandbox, p.opens, p.closes,
                CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
                     WHEN k.valid_from > now() THEN 'not_yet_valid'
                     WHEN k.valid_to <= now() THEN 'rotated'
                     WHEN t.status <> 'active' THEN 'suspended'
                     ELSE 'let_in' END
            INTO partner, slug, name, clearance, sandbox, opens, closes, state
            FROM sharing.partner_key AS k
            JOIN sharing.partner AS p USING (partner_id)
            JOIN tenants.tenant AS t ON t.tenant_id = p.partner_id AND t.kind = 'partner'
            WHERE k.key_id = p_key;
            IF state IS DISTINCT FROM 'let_in' THEN
                RETURN;
            END IF;
            INSERT INTO sharing.partner_nonce (key_id, nonce, expires_at)
            VALUES (p_key, p_nonce, p_expires) ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                state := 'replayed';
                RETURN;
            END IF;
            IF p_agreement IS NULL OR sandbox THEN
                RETURN;
            END IF;
            INSERT INTO sharing.partner_call (partner_id) VALUES (partner);
            SELECT a.hourly_cap, a.daily_cap, a.ended_at IS NOT NULL,
                (SELECT r.cause FROM sharing.partner_review AS r
                 WHERE r.partner_id = a.partner_id AND r.agreement_id = a.agreement_id
                   AND r.lifted_at IS NULL)
            INTO hourly_cap, daily_cap, ended, under_review
            FROM sharing.partner_agreement AS a
            WHERE a.partner_id = partner AND a.agreement_id = p_agreement;
            IF NOT FOUND OR ended OR under_review IS NOT NULL OR NOT p_count THEN
                RETURN;
            END IF;
            WITH counted AS (
                INSERT INTO sharing.partner_usage AS u
                    (partner_id, agreement_id, period, starts, used)
                SELECT partner, p_agreement, n.period,
                       date_trunc(n.period, now(), 'Europe/London'), 1
                FROM (VALUES ('hour'), ('day')) AS n (period)
                ON CONFLICT (partner_id, agreement_id, period, starts)
                    DO UPDATE SET used = u.used + 1
                RETURNING u.period, u.used
            )
            SELECT max(c.used) FILTER (WHERE c.period = 'hour'),
                   max(c.used) FILTER (WHERE c.period = 'day')
            INTO hour, day FROM counted AS c;
        END $$;
        COMMENT ON FUNCTION sharing.let_in IS
            'What is known of a call''s key and agreement; notes its nonce and counts it';
    """)


def _checks() -> None:
    script("""
        CREATE FUNCTION sharing.begin_check(
            p_partner smallint, p_key text,
            OUT check_id uuid, OUT request_digest bytea, OUT sealed bytea, OUT wrapped_key bytea
        )
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            INSERT INTO sharing.partner_call (partner_id) VALUES (p_partner);
            SELECT c.check_id, c.request_digest, a.sealed, a.wrapped_key
            INTO check_id, request_digest, sealed, wrapped_key
            FROM sharing.partner_check AS c
            LEFT JOIN sharing.partner_answer AS a
                ON a.check_id = c.check_id AND a.expires_at > now()
            WHERE c.partner_id = p_partner AND c.idempotency_key = p_key;
        END $$;
        COMMENT ON FUNCTION sharing.begin_check IS
            'Notes for which partner a check runs, and returns what its key was answered with';

        CREATE FUNCTION sharing.keep_check(
            p_check uuid, p_partner smallint, p_agreement uuid, p_key text, p_request bytea,
            p_outcome text, p_user text, p_role text, p_person bytea, p_initial text,
            p_sealed bytea, p_wrapped bytea, p_for interval, p_opens time, p_closes time,
            OUT checks integer, OUT without_match integer, OUT initials integer,
            OUT same integer, OUT outside integer
        )
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            INSERT INTO sharing.partner_check (check_id, partner_id, agreement_id,
                idempotency_key, request_digest, outcome, asked_by, asked_role, person_digest,
                initial)
            VALUES (p_check, p_partner, p_agreement, p_key, p_request, p_outcome, p_user, p_role,
                p_person, p_initial);
            INSERT INTO sharing.partner_answer (check_id, partner_id, sealed, wrapped_key,
                expires_at)
            VALUES (p_check, p_partner, p_sealed, p_wrapped, now() + p_for);
            SELECT count(*), count(*) FILTER (WHERE c.outcome = 'no_match'),
                count(DISTINCT c.initial) FILTER (WHERE c.outcome = 'no_match'),
                count(*) FILTER (WHERE c.person_digest = p_person),
                count(*) FILTER (WHERE extract(isodow FROM w.local) > 5
                    OR w.local::time NOT BETWEEN p_opens AND p_closes)
            INTO checks, without_match, initials, same, outside
            FROM sharing.partner_check AS c
            CROSS JOIN LATERAL (SELECT c.at AT TIME ZONE 'Europe/London' AS local) AS w
            WHERE c.partner_id = p_partner AND c.agreement_id = p_agreement
              AND c.at > greatest(now() - interval '24 hours',
                  (SELECT max(r.lifted_at) FROM sharing.partner_review AS r
                   WHERE r.partner_id = p_partner AND r.agreement_id = p_agreement));
        END $$;
        COMMENT ON FUNCTION sharing.keep_check IS
            'Keeps a check and its answer; returns what the last 24 hours add up to with it';
    """)


def _consult() -> None:
    """Let a partner's reading of its own lines be logged: it stands under no grant set."""
    script("""
        CREATE FUNCTION audit.consult_partner(
            p_partner smallint, p_action text, p_member uuid, p_username text, p_roles text[],
            p_reason text, p_content jsonb
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_event uuid := gen_random_uuid();
        BEGIN
            IF NOT EXISTS (SELECT FROM sharing.partner AS p WHERE p.partner_id = p_partner) THEN
                RAISE EXCEPTION 'only a partner consults here' USING ERRCODE = '42501';
            END IF;
            INSERT INTO audit.event (at, event_id, xid, tenant_id, login, member_id, username,
                roles, kind, action)
            VALUES (now(), v_event, pg_current_xact_id(), p_partner, session_user, p_member,
                p_username, p_roles, 'consultation', p_action);
            INSERT INTO audit.content (at, event_id, reason, content)
            VALUES (now(), v_event, p_reason, p_content);
            RETURN v_event;
        END $$;
        COMMENT ON FUNCTION audit.consult_partner IS
            'Appends that a partner read what it was told; it opens no record';
    """)


def _forget(body: str) -> None:
    script(f"""
        CREATE OR REPLACE FUNCTION sharing.forget_partner_calls() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            {body}
        END $$
    """)


def _end_answers(more: str) -> None:
    script(f"""
        CREATE OR REPLACE FUNCTION sharing.end_answers() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            DELETE FROM sharing.partner_answer AS a USING gone AS g WHERE a.check_id = g.check_id;
            {more}
            RETURN NULL;
        END $$
    """)


def downgrade() -> None:
    """Let each call be several statements again, and look at every call for what is over."""
    _end_answers("")
    _forget(f"""
            IF pg_try_advisory_xact_lock(4277033) THEN{SWEEP}
            END IF;
            RETURN NULL;
    """)
    script(f"""
        REVOKE SELECT, DELETE, UPDATE (lines_gone) ON sharing.partner_check FROM {DISCLOSING};
        DROP POLICY marking ON sharing.partner_check;
        DROP POLICY forgetting ON sharing.partner_check;
        DROP POLICY forgetting_finds ON sharing.partner_check;
        DROP INDEX sharing.partner_check_old, sharing.disclosure_check;
        ALTER TABLE sharing.partner_check DROP COLUMN lines_gone;
        DROP FUNCTION {FUNCTIONS}, {CONSULT};
    """)
