"""Which feature a force has, and how many of its requests every process answered.

A force reads its own switches and counts; the client body switches. One login, `athena_monitor`,
reads every switch for the processes and writes their counts: it reaches nothing else.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import protect, script

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

MONITOR = "athena_monitor"
KEPT_DAYS = 7
"""How long counts stay; `governance/health/repository.py` deletes what the policy lets go."""

OWN = "tenant_id = (SELECT ctx.session_tenant())"


def upgrade() -> None:
    """Create both tables, the notice of a switch, and the login of the processes."""
    script(f"""
        DO $$ BEGIN
            CREATE ROLE {MONITOR} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION
                NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this server made it
        END $$;
        COMMENT ON ROLE {MONITOR} IS 'reads switches, writes counts of requests; no records';
        DO $$ BEGIN
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO {MONITOR}', current_database());
        END $$;
    """)
    script("SET LOCAL ROLE athena_owner")
    _tables()
    for table in ("feature_switch", "request_count"):
        protect(f"governance.{table}")
    _access()
    script("RESET ROLE")


def _tables() -> None:
    script("""
        CREATE TABLE governance.feature_switch (
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            feature text NOT NULL CHECK (feature ~ '^[a-z][a-z0-9-]{1,40}$'),
            is_on boolean NOT NULL,
            release text NOT NULL CHECK (length(release) BETWEEN 1 AND 100),
            switched_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant_id, feature)
        );
        COMMENT ON TABLE governance.feature_switch IS
            'Whether a force has a feature, by which release and since when; the log tells by whom';

        CREATE FUNCTION governance.tell_switch() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM pg_notify('athena_features', '');
            RETURN NULL;
        END $$;
        REVOKE EXECUTE ON FUNCTION governance.tell_switch() FROM PUBLIC;
        CREATE TRIGGER tell_switch AFTER INSERT OR UPDATE OR DELETE ON governance.feature_switch
            FOR EACH STATEMENT EXECUTE FUNCTION governance.tell_switch();

        CREATE TABLE governance.request_count (
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            process uuid NOT NULL,
            began_at timestamptz NOT NULL,
            requests integer NOT NULL CHECK (requests > 0),
            errors integer NOT NULL CHECK (errors BETWEEN 0 AND requests),
            buckets integer[] NOT NULL,
            PRIMARY KEY (began_at, tenant_id, process)
        );
        COMMENT ON TABLE governance.request_count IS
            'Requests of a force that a process answered within a minute, by how long they took';
    """)


def _access() -> None:
    script(f"""
        CREATE POLICY own_switches ON governance.feature_switch FOR SELECT TO athena_force
            USING ({OWN});
        CREATE POLICY oversight_reads_switches ON governance.feature_switch FOR SELECT
            TO athena_amo, athena_auditor USING (true);
        CREATE POLICY monitor_reads_switches ON governance.feature_switch FOR SELECT
            TO {MONITOR} USING (true);
        CREATE POLICY client_body_adds ON governance.feature_switch FOR INSERT TO athena_amo
            WITH CHECK (true);
        CREATE POLICY client_body_switches ON governance.feature_switch FOR UPDATE TO athena_amo
            USING (true) WITH CHECK (true);
        CREATE POLICY own_counts ON governance.request_count FOR SELECT TO athena_force
            USING ({OWN});
        CREATE POLICY consortium_counts ON governance.request_count FOR SELECT
            TO athena_amo, athena_auditor USING (true);
        CREATE POLICY monitor_sees ON governance.request_count FOR SELECT TO {MONITOR}
            USING (true);
        CREATE POLICY monitor_adds ON governance.request_count FOR INSERT TO {MONITOR}
            WITH CHECK (true);
        CREATE POLICY monitor_counts_on ON governance.request_count FOR UPDATE TO {MONITOR}
            USING (true) WITH CHECK (true);
        CREATE POLICY monitor_forgets ON governance.request_count FOR DELETE TO {MONITOR}
            USING (began_at < now() - interval '{KEPT_DAYS} days');

        GRANT USAGE ON SCHEMA governance TO {MONITOR};
        GRANT SELECT ON governance.feature_switch TO athena_force, athena_auditor, {MONITOR};
        GRANT SELECT, INSERT ON governance.feature_switch TO athena_amo;
        GRANT UPDATE (is_on, release, switched_at) ON governance.feature_switch TO athena_amo;
        GRANT SELECT ON governance.request_count TO athena_force, athena_amo, athena_auditor;
        GRANT SELECT, INSERT, DELETE ON governance.request_count TO {MONITOR};
        GRANT UPDATE (requests, errors, buckets) ON governance.request_count TO {MONITOR};
    """)


def downgrade() -> None:
    """Drop both tables: every feature is then as the release has it by default."""
    script(f"""
        DROP TABLE governance.feature_switch, governance.request_count;
        DROP FUNCTION governance.tell_switch();
        REVOKE USAGE ON SCHEMA governance FROM {MONITOR};
        DO $$ BEGIN
            EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM {MONITOR}', current_database());
        END $$
    """)
