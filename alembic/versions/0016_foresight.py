"""Explaining and foreseeing: bundles kept for replay, whose decision it was, counts by label.

No function here shows a record. Those for counting answer one login alone, and name nobody: the
smallest thing they tell of is a label, and of the log only which decisions were made how often.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COUNTER = "athena_counter"
COUNTING = "athena_counting"
EXPLAINING = "athena_explaining"

COUNTS = ("records.count_by_label()", "audit.count_decisions(integer)")
LABEL_OF = "records.label_of(uuid)"
OWN_DECISION = "audit.own_decision(uuid)"


def upgrade() -> None:
    """Keep bundles, let the counter log in, and make the functions that explain and count."""
    create_role(COUNTING, "counts nominals by label and consultations by decision")
    create_role(EXPLAINING, "tells whose a decision was, and oversight the label of a nominal")
    _let_the_counter_log_in()
    _bundles()
    script("SET LOCAL ROLE athena_owner")
    _counts()
    _explanations()
    script("RESET ROLE")
    for function in COUNTS:
        hand_over(function, COUNTING)
        script(f"GRANT EXECUTE ON FUNCTION {function} TO {COUNTER}")
    for function in (LABEL_OF, OWN_DECISION):
        hand_over(function, EXPLAINING)
    script("GRANT USAGE ON SCHEMA records TO athena_auditor")
    script(f"GRANT EXECUTE ON FUNCTION {LABEL_OF} TO athena_auditor")
    script(f"GRANT EXECUTE ON FUNCTION {OWN_DECISION} TO athena_force")
    script(
        "GRANT EXECUTE ON FUNCTION ctx.session_tenant(), ctx.session_member(), "
        f"ctx.open_grant_set(), ctx.visible_labels(text) TO {EXPLAINING}"
    )


def downgrade() -> None:
    """Drop them; the roles stay with the server, and the archived modules are lost."""
    script(f"DROP FUNCTION {', '.join((*COUNTS, LABEL_OF, OWN_DECISION))}")
    for table in ("records.nominal", "audit.event"):
        script(f"DROP POLICY counting ON {table}")
        script(f"DROP POLICY explaining ON {table}")
        script(f"REVOKE ALL ON {table} FROM {COUNTING}, {EXPLAINING}")
    script("DROP POLICY explaining ON tenants.tenant")
    script(f"REVOKE ALL ON tenants.tenant FROM {EXPLAINING}")
    script(
        "REVOKE EXECUTE ON FUNCTION ctx.session_tenant(), ctx.session_member(), "
        f"ctx.open_grant_set(), ctx.visible_labels(text) FROM {EXPLAINING}"
    )
    script(
        f"REVOKE USAGE ON SCHEMA audit, ctx, records, tenants FROM {COUNTER}, {COUNTING}, "
        f"{EXPLAINING}"
    )
    script("REVOKE USAGE ON SCHEMA records FROM athena_auditor")
    script("DROP INDEX audit.event_decision")
    script("ALTER TABLE policies.decision DROP CONSTRAINT decision_bundle")
    script("DROP TABLE policies.bundle")


def _let_the_counter_log_in() -> None:
    script(f"""
        DO $$ BEGIN
            IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = '{COUNTER}') THEN
                ALTER ROLE {COUNTER} LOGIN;
            END IF;
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO {COUNTER}', current_database());
        END $$
    """)


def _bundles() -> None:
    script("SET LOCAL ROLE athena_owner")
    script("""
        CREATE TABLE policies.bundle (
            revision text PRIMARY KEY CHECK (length(revision) BETWEEN 1 AND 200),
            module bytea NOT NULL,
            module_digest bytea NOT NULL CHECK (module_digest = sha256(module)),
            archived_at timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE policies.bundle IS
            'Each compiled policy that decided, kept so that its decisions can be repeated';
        CREATE POLICY deciding_keeps_bundles ON policies.bundle
            TO athena_policy_writer USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT ON policies.bundle TO athena_policy_writer;

        -- NOT VALID: decisions older than this table have no module to refer to.
        ALTER TABLE policies.decision ADD CONSTRAINT decision_bundle
            FOREIGN KEY (bundle_revision) REFERENCES policies.bundle NOT VALID;
    """)
    protect("policies.bundle")
    script("RESET ROLE")


def _counts() -> None:
    script(f"""
        GRANT USAGE ON SCHEMA audit, records TO {COUNTER}, {COUNTING};
        CREATE POLICY counting ON records.nominal FOR SELECT TO {COUNTING}
            USING (session_user = '{COUNTER}');
        GRANT SELECT (label_id) ON records.nominal TO {COUNTING};
        CREATE POLICY counting ON audit.event FOR SELECT TO {COUNTING}
            USING (session_user = '{COUNTER}');
        GRANT SELECT (at, xid, kind, decision_id) ON audit.event TO {COUNTING};

        CREATE FUNCTION records.count_by_label()
        RETURNS TABLE (label_id smallint, nominals bigint)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT n.label_id, count(*) FROM records.nominal AS n GROUP BY n.label_id
        $$;
        COMMENT ON FUNCTION records.count_by_label IS
            'How many nominals carry each label, and nothing finer than a label';

        CREATE FUNCTION audit.count_decisions(p_last integer)
        RETURNS TABLE (decision_id uuid, consultations bigint)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT f.decision_id, count(*) FROM (
                -- A consultation is a transaction: what it showed is an event of its own.
                SELECT DISTINCT e.at, e.xid, e.decision_id FROM audit.event AS e
                WHERE e.kind = 'consultation' AND e.decision_id IS NOT NULL
                ORDER BY e.at DESC, e.xid, e.decision_id LIMIT p_last
            ) AS f
            GROUP BY f.decision_id
        $$;
        COMMENT ON FUNCTION audit.count_decisions IS
            'By which decisions the last consultations were made: never whose, or of whom';
    """)


def _explanations() -> None:
    script(f"""
        GRANT USAGE ON SCHEMA audit, ctx, records, tenants TO {EXPLAINING};
        CREATE INDEX event_decision ON audit.event (decision_id) WHERE decision_id IS NOT NULL;
        CREATE POLICY explaining ON audit.event FOR SELECT TO {EXPLAINING}
            USING (tenant_id = (SELECT ctx.session_tenant()));
        GRANT SELECT (at, xid, login, tenant_id, member_id, decision_id, grant_set_id,
            policy_revision) ON audit.event TO {EXPLAINING};
        CREATE POLICY explaining ON records.nominal FOR SELECT TO {EXPLAINING}
            USING (session_user = 'athena_auditor');
        GRANT SELECT (owner_force, nominal_id, label_id) ON records.nominal TO {EXPLAINING};
        CREATE POLICY explaining ON tenants.tenant FOR SELECT TO {EXPLAINING} USING (true);
        GRANT SELECT (tenant_id) ON tenants.tenant TO {EXPLAINING};

        CREATE FUNCTION audit.own_decision(p_decision uuid)
        RETURNS TABLE (at timestamptz, grant_set_id uuid, policy_revision bigint)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT e.at, e.grant_set_id, e.policy_revision FROM audit.event AS e
            WHERE e.decision_id = p_decision
              AND e.tenant_id = ctx.session_tenant()
              AND ctx.open_grant_set() IS NOT NULL
              AND (e.member_id = ctx.session_member()
                   OR e.tenant_id = ANY (ctx.visible_labels('audit')))
              -- The event that lets this transaction ask is no answer to it.
              AND (e.at <> now() OR e.xid <> pg_current_xact_id_if_assigned())
            ORDER BY e.at DESC LIMIT 1
        $$;
        COMMENT ON FUNCTION audit.own_decision IS
            'When a decision was last relied on by the member who consults, or, for a data '
            'protection officer, by anyone of the own force';

        CREATE FUNCTION records.label_of(p_nominal uuid)
        RETURNS TABLE (owner_force smallint, label_id smallint)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT n.owner_force, n.label_id
            FROM tenants.tenant AS t
            JOIN records.nominal AS n
              ON n.owner_force = t.tenant_id AND n.nominal_id = p_nominal
            WHERE EXISTS (SELECT FROM audit.event AS e
                          WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                            AND e.login = session_user)
        $$;
        COMMENT ON FUNCTION records.label_of IS
            'The label of a nominal, for oversight that has logged why in this transaction';
    """)
