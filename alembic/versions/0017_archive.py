"""Archives and erasure: what a force takes with it when it leaves, and that nothing of it stays.

The archive's lines are made in one place, `records.archive_lines`: a records manager reads them
under the force's own policies, and `records.archive_digest` counts and hashes them all. So an
archive that lacks a record is noticed, and a force is erased only if an archive of its present
state exists.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, script

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ROLES = {
    "athena_archivist": "counts and hashes what a force's archive holds",
    "athena_eraser": "erases a force that has left",
}
TABLES, LINES, DIGEST = (
    "records.archive_tables()",
    "records.archive_lines(text, smallint, jsonb)",
    "records.archive_digest(smallint)",
)
RESTORE = "records.restore_history(jsonb)"
ERASE, CLEAN = "records.erase_tenant(text, text)", "names.forget_unborne()"
CHECK_NAMES = "records.check_names()"


def upgrade() -> None:
    """Create the functions, their owners, and what those may touch."""
    for role, comment in ROLES.items():
        create_role(role, comment)
    script("SET LOCAL ROLE athena_owner")
    _lines()
    _restoring()
    _erasing()
    _append_only("current_user = 'athena_eraser' AND TG_OP = 'DELETE'")
    _grants()
    script("RESET ROLE")
    _feed(" WHERE owner_force = ctx.session_tenant()")
    hand_over(DIGEST, "athena_archivist")
    hand_over(RESTORE, "athena_history")
    hand_over(ERASE, "athena_eraser")
    hand_over(CLEAN, "athena_eraser")
    hand_over(CHECK_NAMES, "athena_registrar")
    script(f"""
        GRANT EXECUTE ON FUNCTION {TABLES}
            TO athena_force, athena_archivist, athena_eraser;
        GRANT EXECUTE ON FUNCTION {LINES} TO athena_force, athena_archivist;
        GRANT EXECUTE ON FUNCTION {DIGEST} TO athena_force, athena_eraser;
        GRANT EXECUTE ON FUNCTION {RESTORE} TO athena_force;
        GRANT USAGE ON SCHEMA records TO athena_amo;  -- to call this, and to see no table
        GRANT EXECUTE ON FUNCTION {ERASE} TO athena_amo;
        GRANT EXECUTE ON FUNCTION ctx.withdraw_grants() TO athena_eraser;
        GRANT EXECUTE ON FUNCTION ctx.may_write() TO athena_history;
        GRANT EXECUTE ON FUNCTION ctx.session_tenant(), ctx.open_grant_set() TO athena_archivist;
    """)


def _lines() -> None:
    script("""
        CREATE FUNCTION records.archive_tables() RETURNS text[]
        LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_done oid[] := '{}';
            v_next oid[];
        BEGIN
            LOOP
                SELECT array_agg(c.oid ORDER BY c.relname) INTO v_next
                FROM pg_class AS c
                WHERE c.relnamespace = 'records'::regnamespace AND c.relkind = 'r'
                  AND c.relname NOT IN ('name_key', 'change') AND c.oid <> ALL (v_done)
                  AND EXISTS (SELECT FROM pg_attribute AS a
                              WHERE a.attrelid = c.oid AND a.attname = 'owner_force')
                  AND NOT EXISTS (
                      SELECT FROM pg_constraint AS f
                      JOIN pg_class AS p ON p.oid = f.confrelid
                      WHERE f.conrelid = c.oid AND f.contype = 'f' AND p.oid <> c.oid
                        AND p.relnamespace = 'records'::regnamespace
                        AND p.oid <> ALL (v_done));
                EXIT WHEN v_next IS NULL;
                v_done := v_done || v_next;
            END LOOP;
            RETURN (SELECT array_agg(c.relname::text ORDER BY d.ord)
                    FROM unnest(v_done) WITH ORDINALITY AS d (oid, ord)
                    JOIN pg_class AS c ON c.oid = d.oid);
        END $$;
        COMMENT ON FUNCTION records.archive_tables IS
            'The tables of an archive, each after those it refers to; name keys are derived from
            names, and the change feed is this store''s own';

        CREATE FUNCTION records.archive_lines(p_table text, p_owner smallint, p_labels jsonb)
        RETURNS SETOF text
        LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET "TimeZone" = 'UTC' AS $$
        DECLARE
            v_table oid := (SELECT c.oid FROM pg_class AS c
                            WHERE c.relnamespace = 'records'::regnamespace
                              AND c.relname = p_table);
            v_left_out text[];
            v_label text := '';
            v_order text;
        BEGIN
            IF p_table IS NULL OR p_table <> ALL (records.archive_tables()) THEN
                RAISE EXCEPTION 'not a table of archives' USING ERRCODE = '22023';
            END IF;
            SELECT array_agg(a.attname::text) INTO v_left_out FROM pg_attribute AS a
            WHERE a.attrelid = v_table AND (a.attgenerated <> ''
                OR a.attname IN ('owner_force', 'label_id', 'changed_xid'));
            IF 'label_id' = ANY (v_left_out) THEN
                v_label := ' || jsonb_build_object(''label'', $3 -> t.label_id::text)';
            END IF;
            SELECT string_agg(format('t.%I::text COLLATE "C"', a.attname), ', ' ORDER BY k.ord)
            INTO v_order
            FROM pg_index AS i
            CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, ord)
            JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            WHERE i.indrelid = v_table AND i.indisprimary AND a.attname <> 'owner_force';
            RETURN QUERY EXECUTE format(
                'SELECT ((to_jsonb(t) - $2)%s)::text FROM records.%I AS t '
                'WHERE t.owner_force = $1 ORDER BY %s', v_label, p_table, v_order)
            USING p_owner, v_left_out, p_labels;
        END $$;
        COMMENT ON FUNCTION records.archive_lines IS
            'A table''s rows as an archive tells them, under the caller''s own policies: labels are
            spelt out, and what means something in this store alone is left out';

        CREATE FUNCTION records.archive_digest(p_owner smallint)
        RETURNS TABLE (table_name text, row_count bigint, sha256 text)
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_labels jsonb;
            v_table text;
        BEGIN
            IF session_user <> 'athena_amo' AND NOT (p_owner = ctx.session_tenant()
                    AND ctx.open_grant_set() IS NOT NULL) THEN
                RAISE EXCEPTION 'a force has its own archive counted, in a logged consultation'
                    USING ERRCODE = '42501';
            END IF;
            SELECT coalesce(jsonb_object_agg(l.label_id::text, jsonb_build_object(
                'record_class', l.record_class, 'marking', l.marking, 'handling', l.handling,
                'conditions', l.conditions, 'categories', l.categories,
                'sensitive', l.sensitive, 'restricted', l.restricted)), '{}') INTO v_labels
            FROM ctx.label AS l WHERE l.owner_force = p_owner;
            FOREACH v_table IN ARRAY records.archive_tables() LOOP
                RETURN QUERY
                SELECT v_table, count(*), encode(sha256(convert_to(
                    coalesce(string_agg(x.line || E'\\n', '' ORDER BY x.ord), ''), 'UTF8')), 'hex')
                FROM records.archive_lines(v_table, p_owner, v_labels)
                    WITH ORDINALITY AS x (line, ord);
            END LOOP;
        END $$;
        COMMENT ON FUNCTION records.archive_digest IS
            'How many rows of each table a force has, and the SHA-256 of their lines';
    """)


def _restoring() -> None:
    script("""
        CREATE FUNCTION records.restore_history(p_rows jsonb) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF NOT ctx.may_write() THEN
                RAISE EXCEPTION 'history is restored under a logged change only'
                    USING ERRCODE = '42501';
            END IF;
            INSERT INTO records.history (owner_force, history_id, nominal_id, label_id, scope,
                table_name, row_id, image, valid_from, replaced_at, replaced_by)
            SELECT n.owner_force, h.history_id, h.nominal_id, n.label_id, h.scope, h.table_name,
                h.row_id, h.image, h.valid_from, h.replaced_at, h.replaced_by
            FROM jsonb_populate_recordset(NULL::records.history, p_rows) AS h
            JOIN records.nominal AS n ON n.owner_force = ctx.session_tenant()
                AND n.nominal_id = h.nominal_id AND n.changed_xid = pg_current_xact_id();
        END $$;

        CREATE FUNCTION records.check_names() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF EXISTS (SELECT FROM (SELECT DISTINCT k.name_key >> 16 AS pair FROM new_rows AS k)
                           AS k
                       WHERE NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair = k.pair)
                          OR (SELECT count(*) FROM names.term AS t
                              WHERE t.term_id IN ((k.pair >> 23)::integer,
                                                  (k.pair & 8388607)::integer))
                             < (SELECT count(DISTINCT e) FROM unnest(ARRAY[k.pair >> 23,
                                    k.pair & 8388607]) AS e WHERE e <> 0)) THEN
                RAISE EXCEPTION 'a name was forgotten since it was registered'
                    USING ERRCODE = 'AT004';
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER check_names AFTER INSERT ON records.name_key
            REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION records.check_names();
        CREATE POLICY registrar_checks ON names.term FOR SELECT TO athena_registrar USING (true);
        CREATE POLICY registrar_checks ON names.pair FOR SELECT TO athena_registrar USING (true);
        GRANT USAGE ON SCHEMA names TO athena_registrar;
        GRANT SELECT ON names.term, names.pair TO athena_registrar;
    """)


def _erasing() -> None:
    script("""
        CREATE FUNCTION names.forget_unborne() RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            -- Waits for everyone who writes names, and lets nobody until this commits: whoever
            -- comes then and relies on a name that is gone is told so by `check_names`.
            LOCK TABLE records.name_key IN SHARE ROW EXCLUSIVE MODE;
            DELETE FROM names.pair AS p
            WHERE NOT EXISTS (SELECT FROM records.name_key AS k WHERE k.name_key >> 16 = p.pair);
            DELETE FROM names.term AS t
            WHERE NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair >> 23 = t.term_id)
              AND NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair & 8388607 = t.term_id);
            PERFORM pg_notify('athena_names', 'forgotten');
        END $$;

        CREATE FUNCTION records.erase_tenant(p_slug text, p_checksum text) RETURNS jsonb
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_tenant tenants.tenant%ROWTYPE;
            v_checksum text;
            v_table text;
            v_tables text[];
            v_own text;
            v_count bigint;
            v_before jsonb := '{}';
            v_after jsonb := '{}';
        BEGIN
            SELECT * INTO v_tenant FROM tenants.tenant
            WHERE slug = p_slug AND status = 'suspended' AND kind IN ('force', 'partner');
            IF NOT FOUND OR EXISTS (SELECT FROM pg_stat_activity AS a
                                    WHERE v_tenant.kind = 'force' AND a.usename = v_tenant.login
                                      AND a.datname = current_database()) THEN
                RAISE EXCEPTION 'only a suspended tenant without sessions is erased'
                    USING ERRCODE = 'AT002';
            END IF;
            SELECT encode(sha256(convert_to(string_agg(d.table_name || ' ' || d.row_count || ' '
                || d.sha256 || E'\\n', '' ORDER BY d.table_name COLLATE "C"), 'UTF8')), 'hex')
            INTO v_checksum FROM records.archive_digest(v_tenant.tenant_id) AS d;
            IF v_tenant.kind = 'force' AND v_checksum IS DISTINCT FROM p_checksum THEN
                RAISE EXCEPTION 'no archive of the present state' USING ERRCODE = 'AT003';
            END IF;
            UPDATE tenants.tenant SET status = 'offboarded'
            WHERE tenant_id = v_tenant.tenant_id;

            SELECT array_agg('records.' || t.name ORDER BY t.ord DESC) INTO v_tables
            FROM unnest(records.archive_tables()) WITH ORDINALITY AS t (name, ord);
            v_tables := (SELECT array_agg(format('sharing.%I', c.relname) ORDER BY c.relname)
                         FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
                         WHERE c.relnamespace = 'sharing'::regnamespace AND c.relkind = 'r'
                           AND a.attname = 'owner_force')
                || 'records.name_key'::text || v_tables || 'records.change'::text
                || '{tenants.team_member,tenants.member_role,tenants.team,tenants.member}'::text[];
            FOREACH v_table IN ARRAY v_tables LOOP
                v_own := CASE WHEN v_table LIKE 'tenants.%' THEN 'tenant_id' ELSE 'owner_force' END;
                EXECUTE format('SELECT count(*) FROM %s WHERE %I = $1', v_table, v_own)
                INTO v_count USING v_tenant.tenant_id;
                v_before := v_before || jsonb_build_object(v_table, v_count);
            END LOOP;
            FOREACH v_table IN ARRAY v_tables LOOP
                v_own := CASE WHEN v_table LIKE 'tenants.%' THEN 'tenant_id' ELSE 'owner_force' END;
                EXECUTE format('DELETE FROM %s WHERE %I = $1', v_table, v_own)
                USING v_tenant.tenant_id;
                EXECUTE format('SELECT count(*) FROM %s WHERE %I = $1', v_table, v_own)
                INTO v_count USING v_tenant.tenant_id;
                v_after := v_after || jsonb_build_object(v_table, v_count);
            END LOOP;
            -- What other forces' members found of it and could still page through.
            DELETE FROM sharing.search AS s WHERE s.hits -> 'ranked'
                @> jsonb_build_array(jsonb_build_object('owner', v_tenant.tenant_id));

            SELECT v_before || jsonb_build_object('audit.content', count(*)) INTO v_before
            FROM audit.content AS c JOIN audit.event AS e USING (at, event_id)
            WHERE e.tenant_id = v_tenant.tenant_id;
            DELETE FROM audit.content AS c USING audit.event AS e
            WHERE e.at = c.at AND e.event_id = c.event_id AND e.tenant_id = v_tenant.tenant_id;
            SELECT v_after || jsonb_build_object('audit.content', count(*)) INTO v_after
            FROM audit.content AS c JOIN audit.event AS e USING (at, event_id)
            WHERE e.tenant_id = v_tenant.tenant_id;
            PERFORM names.forget_unborne();
            PERFORM ctx.withdraw_grants();
            RETURN jsonb_build_object('checksum', v_checksum, 'before', v_before,
                                      'after', v_after, 'erased_at', now());
        END $$;
        COMMENT ON FUNCTION records.erase_tenant IS
            'Erases whatever a tenant that leaves owns, if an archive of its present state exists';
    """)


def _grants() -> None:
    """Let the archivist read and the eraser erase every table; the eraser of who has left only."""
    script("""
        DO $$
        DECLARE
            v_table regclass;
            v_left text := 'IN (SELECT t.tenant_id FROM tenants.tenant AS t '
                           'WHERE t.status = ''offboarded'')';
        BEGIN
            FOR v_table IN SELECT c.oid::regclass FROM pg_class AS c
                           JOIN pg_attribute AS a ON a.attrelid = c.oid
                           WHERE c.relnamespace IN ('records'::regnamespace,
                                                    'sharing'::regnamespace)
                             AND c.relkind = 'r' AND a.attname = 'owner_force' LOOP
                IF v_table::text LIKE 'records.%' THEN
                    EXECUTE format('CREATE POLICY archivist_reads ON %s FOR SELECT '
                                   'TO athena_archivist USING (true)', v_table);
                    EXECUTE format('GRANT SELECT ON %s TO athena_archivist', v_table);
                END IF;
                EXECUTE format('CREATE POLICY eraser_counts ON %s FOR SELECT TO athena_eraser '
                               'USING (true)', v_table);
                EXECUTE format('CREATE POLICY eraser_erases ON %s FOR DELETE TO athena_eraser '
                               'USING (owner_force %s)', v_table, v_left);
                EXECUTE format('GRANT SELECT, DELETE ON %s TO athena_eraser', v_table);
            END LOOP;
            FOREACH v_table IN ARRAY ARRAY['tenants.member', 'tenants.member_role',
                    'tenants.team', 'tenants.team_member']::regclass[] LOOP
                EXECUTE format('CREATE POLICY eraser_erases ON %s TO athena_eraser '
                               'USING (tenant_id %s) WITH CHECK (false)',
                               v_table, v_left);
                EXECUTE format('GRANT SELECT, DELETE ON %s TO athena_eraser', v_table);
            END LOOP;
        END $$;
        CREATE POLICY eraser_takes_hits ON sharing.search FOR DELETE TO athena_eraser
            USING (true);
        CREATE POLICY eraser_finds ON audit.event FOR SELECT TO athena_eraser USING (true);
        CREATE POLICY eraser_counts ON audit.content FOR SELECT TO athena_eraser USING (true);
        CREATE POLICY eraser_erases ON audit.content FOR DELETE TO athena_eraser
            USING (EXISTS (SELECT FROM audit.event AS e JOIN tenants.tenant AS t USING (tenant_id)
                           WHERE e.at = content.at AND e.event_id = content.event_id
                             AND t.status = 'offboarded'));
        CREATE POLICY eraser_reads ON tenants.tenant FOR SELECT TO athena_eraser USING (true);
        CREATE POLICY eraser_closes ON tenants.tenant FOR UPDATE TO athena_eraser
            USING (status = 'suspended') WITH CHECK (status = 'offboarded');
        CREATE POLICY eraser_erases ON names.term TO athena_eraser
            USING (true) WITH CHECK (false);
        CREATE POLICY eraser_erases ON names.pair TO athena_eraser
            USING (true) WITH CHECK (false);
        CREATE POLICY archivist_reads_labels ON ctx.label FOR SELECT TO athena_archivist
            USING (true);
        GRANT SELECT ON ctx.label TO athena_archivist;
        GRANT SELECT, DELETE ON names.term, names.pair, audit.content
            TO athena_eraser;
        GRANT SELECT ON audit.event, tenants.tenant TO athena_eraser;
        GRANT UPDATE (status) ON tenants.tenant TO athena_eraser;
        GRANT USAGE ON SCHEMA records, ctx TO athena_archivist;
        GRANT USAGE ON SCHEMA records, sharing, names, audit, tenants, ctx TO athena_eraser;
    """)


def _feed(condition: str) -> None:
    """Replace 0005's trigger: only a force's own changes are its feed's, not its erasure."""
    script(f"""
        CREATE OR REPLACE FUNCTION records.feed_change() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                INSERT INTO records.change (owner_force, nominal_id, version, operation)
                SELECT owner_force, nominal_id, version + 1, 'erased' FROM old_rows{condition};
            ELSE
                INSERT INTO records.change (owner_force, nominal_id, version, operation)
                SELECT owner_force, nominal_id, version,
                       CASE TG_OP WHEN 'INSERT' THEN 'created' ELSE 'amended' END
                FROM new_rows;
            END IF;
            RETURN NULL;
        END $$
    """)


def _append_only(unless: str) -> None:
    """Replace 0004's trigger: the words of events may go, when the eraser takes them."""
    script(f"""
        CREATE OR REPLACE FUNCTION audit.refuse_change() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_TABLE_NAME = 'content' AND {unless} THEN
                RETURN NULL;
            END IF;
            RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = '42501';
        END $$
    """)


def downgrade() -> None:
    """Take the functions back; the roles stay until 0001 is taken back."""
    _append_only("false")
    _feed("")
    script("DROP TRIGGER check_names ON records.name_key")
    script("DROP POLICY registrar_checks ON names.term")
    script("DROP POLICY registrar_checks ON names.pair")
    script("REVOKE ALL ON names.term, names.pair FROM athena_registrar")
    script("REVOKE USAGE ON SCHEMA names FROM athena_registrar")
    functions = (ERASE, CLEAN, RESTORE, DIGEST, LINES, TABLES, CHECK_NAMES)
    script(f"DROP FUNCTION {', '.join(functions)}")
    script("REVOKE EXECUTE ON FUNCTION ctx.may_write() FROM athena_history")
    script("REVOKE USAGE ON SCHEMA records FROM athena_amo")
    script("DROP OWNED BY athena_archivist, athena_eraser")
