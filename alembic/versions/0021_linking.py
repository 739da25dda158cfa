"""Linking: a queue of what to compare, links once for each side, decisions, thresholds, merges.

`athena_linker` reads match fields only, and only in a transaction that has logged a combination
(Data Protection Act 2018, s.62). A side of a link is readable where both nominals are; what a
field said of the pair, where that field's group is shown of both.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

LINKER = "athena_linker"
MATCHING = "athena_matching"
MERGING = "athena_merging"

COMBINE = "audit.combine(text, text, jsonb, jsonb)"
MAY_COMBINE = "ctx.may_combine()"
POINT = "sharing.point_to_linked(smallint, uuid, text)"

PAIR = """
            owner_force smallint NOT NULL,
            nominal_id uuid NOT NULL,
            other_force smallint NOT NULL,
            other_id uuid NOT NULL"""
BOTH = """
            FOREIGN KEY (owner_force, nominal_id)
                REFERENCES records.nominal (owner_force, nominal_id) ON DELETE CASCADE,
            FOREIGN KEY (other_force, other_id)
                REFERENCES records.nominal (owner_force, nominal_id) ON DELETE CASCADE,
            CHECK ((owner_force, nominal_id) <> (other_force, other_id))"""

REGISTERS = (
    "pnc_id",
    "cro_number",
    "national_insurance_number",
    "driving_licence_number",
    "probation_crn",
    "prison_nomis_number",
)
MATCH_FIELDS = {
    "nominal": (
        "owner_force, nominal_id, sex, date_of_birth, date_of_birth_precision",
        "",
    ),
    "nominal_name": ("owner_force, nominal_id, row_id, given_names, surname", ""),
    "name_key": ("owner_force, nominal_id, name_key, date_key", ""),
    "identifier": (
        "owner_force, nominal_id, kind, value",
        " AND kind IN (" + ", ".join(f"'{kind}'" for kind in REGISTERS) + ")",
    ),
    "contact": ("owner_force, nominal_id, kind, value", " AND kind = 'telephone'"),
    "address": ("owner_force, nominal_id, row_id, location_id", ""),
    "location": ("owner_force, location_id, premises, street, town, postcode", ""),
}
"""The columns that comparing needs, of which rows; the linker is granted nothing else."""

GROUPS = {"addresses": "address", "contacts": "contact", "identifiers": "identifier"}

OF_FORCES = ("match_queue", "link", "link_step", "link_decision")


def upgrade() -> None:
    """Create the tables and functions, let the linker log in, and let what leaves be erased."""
    create_role(MATCHING, "queues changed nominals to compare, and keeps both sides of a decision")
    create_role(MERGING, "keeps a nominal that was merged from being changed by itself")
    script("SET LOCAL ROLE athena_owner")
    _tables()
    _merges()
    for table in (*OF_FORCES, "link_threshold"):
        protect(f"sharing.{table}")
    protect("records.merge")
    _functions()
    script("RESET ROLE")
    _triggers()
    _hand_over()
    script("SET LOCAL ROLE athena_owner")
    _policies()
    _leaving()
    script("RESET ROLE")


def _tables() -> None:
    script(f"""
        CREATE TABLE sharing.match_queue (
            owner_force smallint NOT NULL,
            queue_id uuid NOT NULL DEFAULT gen_random_uuid(),
            nominal_id uuid NOT NULL,
            queued_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (owner_force, queue_id),
            FOREIGN KEY (owner_force, nominal_id)
                REFERENCES records.nominal (owner_force, nominal_id) ON DELETE CASCADE
        );
        CREATE INDEX match_queue_nominal ON sharing.match_queue (owner_force, nominal_id);
        CREATE INDEX match_queue_order ON sharing.match_queue (queued_at);
        COMMENT ON TABLE sharing.match_queue IS
            'Nominals to compare; written with each change, so that nothing waits for comparing';

        CREATE TABLE sharing.link ({PAIR},
            outcome text NOT NULL CHECK (outcome IN ('linked', 'suggested')),
            weights text NOT NULL CHECK (length(weights) BETWEEN 1 AND 80),
            made_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (owner_force, nominal_id, other_force, other_id),{BOTH}
        );
        CREATE INDEX link_other ON sharing.link (other_force, other_id);
        COMMENT ON TABLE sharing.link IS
            'Two nominals that may be one person, once for each side; there is no cluster';

        CREATE TABLE sharing.link_step ({PAIR},
            place smallint NOT NULL CHECK (place >= 0),
            field text NOT NULL,
            level text NOT NULL,
            bits real NOT NULL,
            scopes text[] NOT NULL,
            PRIMARY KEY (owner_force, nominal_id, other_force, other_id, place),
            FOREIGN KEY (owner_force, nominal_id, other_force, other_id)
                REFERENCES sharing.link ON DELETE CASCADE
        );
        COMMENT ON TABLE sharing.link_step IS
            'How a field weighed in a link, readable where its groups are shown of both nominals';

        CREATE TABLE sharing.link_decision ({PAIR},
            verdict text NOT NULL CHECK (verdict IN ('same', 'not_same')),
            decided_by uuid NOT NULL,
            decided_by_force smallint NOT NULL,
            decided_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (owner_force, nominal_id, other_force, other_id),{BOTH}
        );
        CREATE INDEX link_decision_other ON sharing.link_decision (other_force, other_id);
        COMMENT ON TABLE sharing.link_decision IS
            'What a person decided of two nominals: it outranks scores as long as both exist';

        CREATE TABLE sharing.link_threshold (
            set_at timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
            linked_from double precision CHECK (linked_from > 0.5 AND linked_from < 1),
            suggested_from double precision NOT NULL
                CHECK (suggested_from > 0 AND suggested_from < 1),
            set_by text NOT NULL,
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            CHECK (linked_from IS NULL OR linked_from >= suggested_from)
        );
        COMMENT ON TABLE sharing.link_threshold IS
            'From which probability pairs are suggested and linked; the newest row holds';
        COMMENT ON COLUMN sharing.link_threshold.linked_from IS
            'Absent where nothing is linked without a person''s decision';
        INSERT INTO sharing.link_threshold (suggested_from, set_by, reason)
        VALUES (0.5, 'platform', 'The default: suggestions only, from even odds');
    """)


def _merges() -> None:
    script("""
        CREATE TABLE records.merge (
            owner_force smallint NOT NULL,
            merge_id uuid NOT NULL,
            survivor_id uuid NOT NULL,
            merged_id uuid NOT NULL,
            survivor_rows uuid[] NOT NULL,
            copied_rows uuid[] NOT NULL,
            source_rows uuid[] NOT NULL,
            filled text[] NOT NULL DEFAULT '{}',
            merged_by uuid NOT NULL,
            merged_at timestamptz NOT NULL DEFAULT now(),
            undone_by uuid,
            undone_at timestamptz,
            PRIMARY KEY (owner_force, merge_id),
            FOREIGN KEY (owner_force, survivor_id)
                REFERENCES records.nominal (owner_force, nominal_id) ON DELETE CASCADE,
            FOREIGN KEY (owner_force, merged_id)
                REFERENCES records.nominal (owner_force, nominal_id) ON DELETE CASCADE,
            CHECK (cardinality(copied_rows) = cardinality(source_rows)),
            CHECK (survivor_id <> merged_id),
            CHECK ((undone_by IS NULL) = (undone_at IS NULL))
        );
        CREATE UNIQUE INDEX merge_merged ON records.merge (owner_force, merged_id)
            WHERE undone_at IS NULL;
        CREATE INDEX merge_survivor ON records.merge (owner_force, survivor_id);
        COMMENT ON TABLE records.merge IS
            'Which nominal of a force stands for which duplicate; the duplicate stays as it was';
        COMMENT ON COLUMN records.merge.survivor_rows IS
            'The child rows that were the survivor''s own';
        COMMENT ON COLUMN records.merge.copied_rows IS
            'The child rows that it got from the duplicate';
        COMMENT ON COLUMN records.merge.source_rows IS
            'The duplicate''s rows that those were copied from, in the same order';
        COMMENT ON COLUMN records.merge.filled IS
            'The fields of the summary that only the duplicate knew';
    """)


def _functions() -> None:
    script(f"""
        CREATE FUNCTION ctx.may_combine() RETURNS boolean
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            RETURN session_user = '{LINKER}' AND EXISTS (
                SELECT FROM audit.event AS e
                WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                  AND e.login = session_user AND e.kind = 'combination');
        END $$;
        COMMENT ON FUNCTION ctx.may_combine IS
            'Whether this transaction of the linker has logged that it compares';

        CREATE FUNCTION audit.combine(
            p_action text, p_reason text, p_content jsonb, p_records jsonb
        ) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_event uuid;
            v_force smallint;
            v_records jsonb;
            v_forces integer := 0;
        BEGIN
            IF session_user <> '{LINKER}' THEN
                RAISE EXCEPTION 'only the linker combines' USING ERRCODE = '42501';
            END IF;
            -- One event for each force, with its own records alone: none learns of another's.
            FOR v_force, v_records IN
                SELECT (r ->> 'owner_force')::smallint, jsonb_agg(r ORDER BY r ->> 'nominal_id')
                FROM jsonb_array_elements(p_records) AS r GROUP BY 1
            LOOP
                v_event := gen_random_uuid();
                INSERT INTO audit.event (at, event_id, xid, tenant_id, login, username, roles,
                    kind, action, purpose, records)
                VALUES (now(), v_event, pg_current_xact_id(), v_force, session_user, 'linker',
                    '{{}}', 'combination', p_action, 'data_quality', v_records);
                INSERT INTO audit.content (at, event_id, reason, content)
                VALUES (now(), v_event, p_reason, p_content);
                v_forces := v_forces + 1;
            END LOOP;
            RETURN v_forces;
        END $$;
        COMMENT ON FUNCTION audit.combine IS
            'Logs that the linker compares records, for each force its own';

        CREATE FUNCTION sharing.queue_matching() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            INSERT INTO sharing.match_queue (owner_force, nominal_id)
            SELECT n.owner_force, n.nominal_id FROM new_rows AS n;
            PERFORM pg_notify('athena_matching', '');
            RETURN NULL;
        END $$;

        CREATE FUNCTION sharing.mirror_decision() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF pg_trigger_depth() > 1 THEN
                RETURN NULL;
            END IF;
            INSERT INTO sharing.link_decision AS d (owner_force, nominal_id, other_force, other_id,
                verdict, decided_by, decided_by_force, decided_at)
            VALUES (NEW.other_force, NEW.other_id, NEW.owner_force, NEW.nominal_id, NEW.verdict,
                NEW.decided_by, NEW.decided_by_force, NEW.decided_at)
            ON CONFLICT (owner_force, nominal_id, other_force, other_id) DO UPDATE
            SET verdict = excluded.verdict, decided_by = excluded.decided_by,
                decided_by_force = excluded.decided_by_force, decided_at = excluded.decided_at;
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION sharing.mirror_decision IS 'Keeps both sides of a decision alike';

        CREATE FUNCTION sharing.point_to_linked(p_owner smallint, p_nominal uuid, p_reason text)
        RETURNS TABLE (owner_force smallint, label_id smallint)
        LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        #variable_conflict use_column
        DECLARE
            v_found jsonb;
        BEGIN
            IF p_owner IS DISTINCT FROM ctx.session_tenant() THEN
                RAISE EXCEPTION 'a force asks about its own nominals' USING ERRCODE = '42501';
            END IF;
            SELECT jsonb_agg(to_jsonb(f)) INTO v_found FROM (
                SELECT DISTINCT ON (k.owner_force) k.owner_force, k.nominal_id, k.label_id
                FROM sharing.link AS l
                JOIN records.name_key AS k
                  ON k.owner_force = l.other_force AND k.nominal_id = l.other_id
                WHERE l.owner_force = p_owner AND l.nominal_id = p_nominal
                ORDER BY k.owner_force, k.nominal_id
            ) AS f;
            IF v_found IS NULL THEN
                RETURN;
            END IF;
            PERFORM audit.append(
                ctx.open_grant_set(), 'disclosure', 'links.point_to', p_reason, '{{}}',
                (SELECT jsonb_agg(jsonb_build_object('owner_force', e -> 'owner_force',
                            'nominal_id', e -> 'nominal_id', 'level', 'pointer'))
                 FROM jsonb_array_elements(v_found) AS e));
            RETURN QUERY SELECT r.owner_force, r.label_id
            FROM jsonb_to_recordset(v_found) AS r (owner_force smallint, label_id smallint);
        END $$;
        COMMENT ON FUNCTION sharing.point_to_linked IS
            'Which forces hold a linked record that policy shows as a pointer only: never which';

        CREATE FUNCTION records.keep_merged() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF OLD.owner_force = ctx.session_tenant() AND EXISTS (
                    SELECT FROM records.merge AS m WHERE m.owner_force = OLD.owner_force
                      AND m.merged_id = OLD.nominal_id AND m.undone_at IS NULL) THEN
                RAISE EXCEPTION 'a merged nominal is changed after its merge is undone'
                    USING ERRCODE = 'AT005';
            END IF;
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END $$;
        COMMENT ON FUNCTION records.keep_merged IS
            'What was copied from a duplicate would outlive it: so it stays as it was merged';
    """)


def _triggers() -> None:
    script("""
        CREATE TRIGGER queue_created AFTER INSERT ON records.nominal
            REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION sharing.queue_matching();
        CREATE TRIGGER queue_changed AFTER UPDATE ON records.nominal
            REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION sharing.queue_matching();
        CREATE TRIGGER mirror_decision AFTER INSERT OR UPDATE ON sharing.link_decision
            FOR EACH ROW EXECUTE FUNCTION sharing.mirror_decision();
        CREATE TRIGGER keep_merged BEFORE UPDATE OR DELETE ON records.nominal
            FOR EACH ROW EXECUTE FUNCTION records.keep_merged();
    """)


def _hand_over() -> None:
    hand_over(COMBINE, "athena_audit_writer")
    hand_over(MAY_COMBINE, "athena_visibility")
    hand_over("sharing.queue_matching()", MATCHING)
    hand_over("sharing.mirror_decision()", MATCHING)
    hand_over(POINT, "athena_pointers")
    hand_over("records.keep_merged()", MERGING)
    script(f"""
        DO $$ BEGIN
            IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = '{LINKER}') THEN
                ALTER ROLE {LINKER} LOGIN;
            END IF;
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO {LINKER}', current_database());
        END $$;
        GRANT USAGE ON SCHEMA audit, ctx, records, sharing, tenants TO {LINKER};
        GRANT SELECT (tenant_id, kind) ON tenants.tenant TO {LINKER};
        CREATE POLICY linker_finds_forces ON tenants.tenant FOR SELECT TO {LINKER} USING (true);
        GRANT USAGE ON SCHEMA sharing TO athena_amo;
        GRANT EXECUTE ON FUNCTION {COMBINE}, {MAY_COMBINE} TO {LINKER};
        GRANT EXECUTE ON FUNCTION {POINT} TO athena_force;
        GRANT USAGE ON SCHEMA ctx TO {MERGING};
        GRANT EXECUTE ON FUNCTION ctx.session_tenant() TO {MERGING};
    """)


def _policies() -> None:
    for table, (columns, rows) in MATCH_FIELDS.items():
        script(f"""
            CREATE POLICY comparing ON records.{table} FOR SELECT TO {LINKER}
                USING ((SELECT ctx.may_combine()){rows});
            GRANT SELECT ({columns}) ON records.{table} TO {LINKER};
        """)
    sides = (("owner_force", "nominal_id"), ("other_force", "other_id"))
    both = " AND ".join(
        f"EXISTS (SELECT FROM records.nominal AS n WHERE n.owner_force = {{0}}.{force} "
        f"AND n.nominal_id = {{0}}.{key})"
        for force, key in sides
    )
    shown = " AND ".join(
        f"('{group}' <> ALL (scopes) OR ("
        + " AND ".join(
            f"EXISTS (SELECT FROM records.{table} AS g WHERE g.owner_force = link_step.{force} "
            f"AND g.nominal_id = link_step.{key})"
            for force, key in sides
        )
        + "))"
        for group, table in GROUPS.items()
    )
    script(f"""
        CREATE POLICY queue_changed ON sharing.match_queue FOR INSERT TO {MATCHING}
            WITH CHECK (true);
        GRANT INSERT ON sharing.match_queue TO {MATCHING};
        CREATE POLICY take ON sharing.match_queue TO {LINKER}
            USING (true) WITH CHECK ((SELECT ctx.may_combine()));
        GRANT SELECT, INSERT, DELETE, UPDATE (queued_at) ON sharing.match_queue TO {LINKER};

        CREATE POLICY both_visible ON sharing.link FOR SELECT TO athena_force
            USING ({both.format("link")});
        GRANT SELECT ON sharing.link TO athena_force;
        CREATE POLICY comparing ON sharing.link TO {LINKER}
            USING ((SELECT ctx.may_combine())) WITH CHECK ((SELECT ctx.may_combine()));
        GRANT SELECT, INSERT, DELETE ON sharing.link TO {LINKER};
        CREATE POLICY pointers ON sharing.link FOR SELECT TO athena_pointers
            USING (owner_force = (SELECT ctx.session_tenant()));
        GRANT SELECT ON sharing.link TO athena_pointers;

        CREATE POLICY both_show_it ON sharing.link_step FOR SELECT TO athena_force
            USING ({both.format("link_step")} AND {shown});
        GRANT SELECT ON sharing.link_step TO athena_force;
        CREATE POLICY comparing ON sharing.link_step FOR INSERT TO {LINKER}
            WITH CHECK ((SELECT ctx.may_combine()));
        GRANT INSERT ON sharing.link_step TO {LINKER};

        CREATE POLICY both_visible ON sharing.link_decision FOR SELECT TO athena_force
            USING ({both.format("link_decision")});
        CREATE POLICY decide ON sharing.link_decision FOR INSERT TO athena_force
            WITH CHECK (owner_force = (SELECT ctx.session_tenant())
                AND (SELECT ctx.may_write()) AND decided_by = (SELECT ctx.session_member())
                AND decided_by_force = (SELECT ctx.session_tenant())
                AND {both.format("link_decision")});
        CREATE POLICY decide_again ON sharing.link_decision FOR UPDATE TO athena_force
            USING (owner_force = (SELECT ctx.session_tenant())
                AND (SELECT ctx.may_write()) AND {both.format("link_decision")})
            WITH CHECK (owner_force = (SELECT ctx.session_tenant())
                AND decided_by = (SELECT ctx.session_member())
                AND decided_by_force = (SELECT ctx.session_tenant()));
        GRANT SELECT, INSERT ON sharing.link_decision TO athena_force;
        GRANT UPDATE (verdict, decided_by, decided_by_force, decided_at)
            ON sharing.link_decision TO athena_force;
        CREATE POLICY mirror ON sharing.link_decision TO {MATCHING}
            USING (true) WITH CHECK (decided_by_force = (SELECT ctx.session_tenant()));
        GRANT SELECT, INSERT, UPDATE ON sharing.link_decision TO {MATCHING};
        CREATE POLICY comparing ON sharing.link_decision FOR SELECT TO {LINKER}
            USING ((SELECT ctx.may_combine()));
        GRANT SELECT (owner_force, nominal_id, other_force, other_id, verdict)
            ON sharing.link_decision TO {LINKER};

        CREATE POLICY set_thresholds ON sharing.link_threshold TO athena_amo
            USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT ON sharing.link_threshold TO athena_amo;
        CREATE POLICY comparing ON sharing.link_threshold FOR SELECT TO {LINKER} USING (true);
        GRANT SELECT ON sharing.link_threshold TO {LINKER};

        CREATE POLICY both_visible ON records.merge FOR SELECT TO athena_force
            USING (owner_force = (SELECT ctx.session_tenant())
                AND EXISTS (SELECT FROM records.nominal AS n
                            WHERE n.owner_force = merge.owner_force
                              AND n.nominal_id = merge.survivor_id)
                AND EXISTS (SELECT FROM records.nominal AS n
                            WHERE n.owner_force = merge.owner_force
                              AND n.nominal_id = merge.merged_id));
        CREATE POLICY merge_own ON records.merge FOR INSERT TO athena_force
            WITH CHECK (owner_force = (SELECT ctx.session_tenant())
                AND (SELECT ctx.may_write()));
        CREATE POLICY undo_own ON records.merge FOR UPDATE TO athena_force
            USING (owner_force = (SELECT ctx.session_tenant()) AND (SELECT ctx.may_write()))
            WITH CHECK (undone_by = (SELECT ctx.session_member()));
        GRANT SELECT, INSERT ON records.merge TO athena_force;
        GRANT UPDATE (undone_by, undone_at) ON records.merge TO athena_force;
        CREATE POLICY keeping ON records.merge FOR SELECT TO {MERGING} USING (true);
        GRANT SELECT (owner_force, merged_id, undone_at) ON records.merge TO {MERGING};
    """)
    script("RESET ROLE")
    script(f"GRANT EXECUTE ON FUNCTION ctx.session_tenant() TO {MATCHING}")
    script(f"GRANT USAGE ON SCHEMA ctx TO {MATCHING}")
    script("SET LOCAL ROLE athena_owner")


def _leaving() -> None:
    """Let the eraser take these tables of those who have left, and the archivist count merges."""
    for table in (*(f"sharing.{name}" for name in OF_FORCES), "records.merge"):
        script(f"""
            CREATE POLICY eraser_counts ON {table} FOR SELECT TO athena_eraser USING (true);
            CREATE POLICY eraser_erases ON {table} FOR DELETE TO athena_eraser
                USING (owner_force IN (SELECT t.tenant_id FROM tenants.tenant AS t
                                       WHERE t.status = 'offboarded'));
            GRANT SELECT, DELETE ON {table} TO athena_eraser;
        """)
    script("""
        CREATE POLICY archivist_reads ON records.merge FOR SELECT TO athena_archivist USING (true);
        GRANT SELECT ON records.merge TO athena_archivist;
    """)


def downgrade() -> None:
    """Drop links, decisions and merges; nominals stay as they are, merged or not."""
    script("""
        DROP TRIGGER queue_created ON records.nominal;
        DROP TRIGGER queue_changed ON records.nominal;
        DROP TRIGGER keep_merged ON records.nominal;
    """)
    for table in MATCH_FIELDS:
        columns, _ = MATCH_FIELDS[table]
        script(f"DROP POLICY comparing ON records.{table}")
        script(f"REVOKE SELECT ({columns}) ON records.{table} FROM {LINKER}")
    script(f"""
        DROP TABLE sharing.link_step, sharing.link, sharing.link_decision, sharing.match_queue,
            sharing.link_threshold, records.merge;
        DROP FUNCTION {POINT}, {COMBINE}, {MAY_COMBINE}, sharing.queue_matching(),
            sharing.mirror_decision(), records.keep_merged();
        REVOKE EXECUTE ON FUNCTION ctx.session_tenant() FROM {MATCHING}, {MERGING};
        REVOKE USAGE ON SCHEMA ctx FROM {MATCHING};
        REVOKE USAGE ON SCHEMA ctx, records FROM {MERGING};
        REVOKE USAGE ON SCHEMA sharing FROM {MATCHING}, athena_amo;
        DROP POLICY linker_finds_forces ON tenants.tenant;
        REVOKE SELECT (tenant_id, kind) ON tenants.tenant FROM {LINKER};
        REVOKE USAGE ON SCHEMA audit, ctx, records, sharing, tenants FROM {LINKER};
        DO $$ BEGIN
            EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM {LINKER}', current_database());
        END $$
    """)
