"""A force's own decisions on links, as its archive holds them.

`sharing.link_decision` refers to both nominals, so it can't hold a decision on a record that isn't
in this store. `records.link_verdict` keeps what the force itself decided, under its own nominal,
with nothing of the other than whose it is and its id. It follows each decision, and goes with it.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, protect, script

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

MATCHING = "athena_matching"
KEEP = "sharing.keep_verdict()"
RESTORE = "records.restore_verdicts()"


def upgrade() -> None:
    """Create the table, fill it from the decisions that stand, and keep it alike from now on."""
    script("SET LOCAL ROLE athena_owner")
    _table()
    _functions()
    _filled()
    protect("records.link_verdict")
    script("RESET ROLE")
    hand_over(KEEP, MATCHING)
    script(f"""
        REVOKE EXECUTE ON FUNCTION {RESTORE} FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION {RESTORE} TO athena_force;
        GRANT USAGE ON SCHEMA records, tenants TO {MATCHING};
        GRANT SELECT (tenant_id, slug) ON tenants.tenant TO {MATCHING};
        CREATE POLICY matching_names_forces ON tenants.tenant FOR SELECT TO {MATCHING}
            USING (true);
    """)
    script("SET LOCAL ROLE athena_owner")
    _policies()
    script("RESET ROLE")


def _table() -> None:
    script("""
        CREATE TABLE records.link_verdict (
            owner_force smallint NOT NULL,
            nominal_id uuid NOT NULL,
            other_force text NOT NULL CHECK (other_force ~ '^[a-z0-9-]{0,41}$'),
            other_id uuid NOT NULL,
            verdict text NOT NULL CHECK (verdict IN ('same', 'not_same')),
            decided_by uuid NOT NULL,
            decided_at timestamptz NOT NULL,
            PRIMARY KEY (owner_force, nominal_id, other_force, other_id),
            FOREIGN KEY (owner_force, nominal_id)
                REFERENCES records.nominal (owner_force, nominal_id) ON DELETE CASCADE
        );
        COMMENT ON TABLE records.link_verdict IS
            'What a force''s own members decided of its nominals and others, as its archive tells';
        COMMENT ON COLUMN records.link_verdict.other_force IS
            'The short name of the force whose nominal the other is; empty for the own force';
        COMMENT ON COLUMN records.link_verdict.decided_by IS
            'Who first decided so; the same decided again by another changes nothing here';
    """)


def _functions() -> None:
    script("""
        CREATE FUNCTION sharing.keep_verdict() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_row sharing.link_decision%ROWTYPE;
            v_other text := '';
        BEGIN
            IF TG_OP = 'DELETE' THEN
                v_row := OLD;
            ELSE
                v_row := NEW;
            END IF;
            IF v_row.other_force <> v_row.owner_force THEN
                SELECT t.slug INTO STRICT v_other FROM tenants.tenant AS t
                WHERE t.tenant_id = v_row.other_force;
            END IF;
            IF TG_OP = 'DELETE' OR v_row.decided_by_force <> v_row.owner_force THEN
                -- It stands no more, or another force has decided since.
                DELETE FROM records.link_verdict AS v
                WHERE v.owner_force = v_row.owner_force AND v.nominal_id = v_row.nominal_id
                  AND v.other_force = v_other AND v.other_id = v_row.other_id;
                RETURN NULL;
            END IF;
            INSERT INTO records.link_verdict AS v (owner_force, nominal_id, other_force, other_id,
                verdict, decided_by, decided_at)
            VALUES (v_row.owner_force, v_row.nominal_id, v_other, v_row.other_id, v_row.verdict,
                v_row.decided_by, v_row.decided_at)
            ON CONFLICT (owner_force, nominal_id, other_force, other_id) DO UPDATE
            SET verdict = excluded.verdict, decided_by = excluded.decided_by,
                decided_at = excluded.decided_at
            WHERE v.verdict <> excluded.verdict;
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION sharing.keep_verdict IS
            'Keeps what a force itself decided for its archive, as long as it stands';

        CREATE FUNCTION records.restore_verdicts() RETURNS void
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            INSERT INTO sharing.link_decision (owner_force, nominal_id, other_force, other_id,
                verdict, decided_by, decided_by_force)
            SELECT v.owner_force, v.nominal_id, v.owner_force, v.other_id, v.verdict,
                ctx.session_member(), v.owner_force
            FROM records.link_verdict AS v
            JOIN records.nominal AS o ON o.owner_force = v.owner_force
              AND o.nominal_id = v.other_id
            WHERE v.owner_force = ctx.session_tenant() AND v.other_force = ''
              AND v.nominal_id < v.other_id;
        END $$;
        COMMENT ON FUNCTION records.restore_verdicts IS
            'Lets decisions that came with an archive hold again, as the caller, who must see both
            nominals: those on another force''s are kept and shown to nobody for data quality';
    """)


def _filled() -> None:
    """Take over the decisions that stand; the owner reads them for this moment alone."""
    script("""
        ALTER TABLE sharing.link_decision NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE tenants.tenant NO FORCE ROW LEVEL SECURITY;
        INSERT INTO records.link_verdict (owner_force, nominal_id, other_force, other_id, verdict,
            decided_by, decided_at)
        SELECT d.owner_force, d.nominal_id,
            CASE WHEN d.other_force = d.owner_force THEN '' ELSE t.slug END, d.other_id,
            d.verdict, d.decided_by, d.decided_at
        FROM sharing.link_decision AS d JOIN tenants.tenant AS t ON t.tenant_id = d.other_force
        WHERE d.decided_by_force = d.owner_force;
        ALTER TABLE sharing.link_decision FORCE ROW LEVEL SECURITY;
        ALTER TABLE tenants.tenant FORCE ROW LEVEL SECURITY;
        CREATE TRIGGER keep_verdict AFTER INSERT OR UPDATE OR DELETE ON sharing.link_decision
            FOR EACH ROW EXECUTE FUNCTION sharing.keep_verdict();
    """)


def _policies() -> None:
    own = "owner_force = (SELECT ctx.session_tenant())"
    script(f"""
        CREATE POLICY own_visible ON records.link_verdict FOR SELECT TO athena_force
            USING ({own} AND EXISTS (SELECT FROM records.nominal AS n
                                     WHERE n.owner_force = link_verdict.owner_force
                                       AND n.nominal_id = link_verdict.nominal_id));
        CREATE POLICY restore_own ON records.link_verdict FOR INSERT TO athena_force
            WITH CHECK ({own} AND (SELECT ctx.may_write())
                AND EXISTS (SELECT FROM records.nominal AS n
                            WHERE n.owner_force = link_verdict.owner_force
                              AND n.nominal_id = link_verdict.nominal_id
                              AND n.changed_xid = pg_current_xact_id()));
        GRANT SELECT, INSERT ON records.link_verdict TO athena_force;
        CREATE POLICY keeping ON records.link_verdict TO {MATCHING}
            USING (true) WITH CHECK ({own});
        GRANT SELECT, INSERT, UPDATE, DELETE ON records.link_verdict TO {MATCHING};
        CREATE POLICY archivist_reads ON records.link_verdict FOR SELECT TO athena_archivist
            USING (true);
        GRANT SELECT ON records.link_verdict TO athena_archivist;
        CREATE POLICY eraser_counts ON records.link_verdict FOR SELECT TO athena_eraser
            USING (true);
        CREATE POLICY eraser_erases ON records.link_verdict FOR DELETE TO athena_eraser
            USING (owner_force IN (SELECT t.tenant_id FROM tenants.tenant AS t
                                   WHERE t.status = 'offboarded'));
        GRANT SELECT, DELETE ON records.link_verdict TO athena_eraser;
    """)


def downgrade() -> None:
    """Drop what was kept for archives; decisions stay."""
    script(f"""
        DROP TRIGGER keep_verdict ON sharing.link_decision;
        DROP TABLE records.link_verdict;
        DROP FUNCTION {KEEP}, {RESTORE};
        DROP POLICY matching_names_forces ON tenants.tenant;
        REVOKE SELECT (tenant_id, slug) ON tenants.tenant FROM {MATCHING};
        REVOKE USAGE ON SCHEMA records, tenants FROM {MATCHING};
    """)
