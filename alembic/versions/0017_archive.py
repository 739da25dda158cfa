"""Archives: what a force takes with it when it leaves, or brings back.

The archive's lines are made in one place, `records.archive_lines`: a records manager reads them
under the force's own policies, and `records.archive_digest` counts and hashes them all. So an
archive that lacks a record is noticed.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, script

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES, LINES, DIGEST = (
    "records.archive_tables()",
    "records.archive_lines(text, smallint, jsonb)",
    "records.archive_digest(smallint)",
)
RESTORE = "records.restore_history(jsonb)"
RESTORE_EXCEPTIONS = "records.restore_exceptions(text, jsonb)"
CHECK_NAMES = "records.check_names()"


def upgrade() -> None:
    """Create the functions, their owners, and what those may touch."""
    create_role("athena_archivist", "counts and hashes what a force's archive holds")
    script("SET LOCAL ROLE athena_owner")
    _lines()
    _restoring()
    _checking_names()
    _grants()
    script("RESET ROLE")
    hand_over(DIGEST, "athena_archivist")
    hand_over(RESTORE, "athena_history")
    hand_over(RESTORE_EXCEPTIONS, "athena_exceptions")
    hand_over(CHECK_NAMES, "athena_registrar")
    script(f"""
        GRANT EXECUTE ON FUNCTION {TABLES}, {LINES} TO athena_force, athena_archivist;
        GRANT EXECUTE ON FUNCTION {DIGEST}, {RESTORE}, {RESTORE_EXCEPTIONS} TO athena_force;
        GRANT EXECUTE ON FUNCTION ctx.may_write() TO athena_history, athena_exceptions;
        GRANT EXECUTE ON FUNCTION ctx.session_tenant() TO athena_exceptions;
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
                  AND c.relname NOT IN ('name_key', 'change', 'emergency_access')
                  AND c.oid <> ALL (v_done)
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
            names, and the change feed and the list of emergencies are this store''s own';

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
                'sensitive', l.sensitive, 'restricted', l.restricted, 'sealed', l.sealed)), '{}')
            INTO v_labels
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

        CREATE FUNCTION records.restore_exceptions(p_table text, p_rows jsonb) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF NOT ctx.may_write() THEN
                RAISE EXCEPTION 'exceptions are restored under a logged change only'
                    USING ERRCODE = '42501';
            END IF;
            IF p_table = 'restriction' THEN
                IF EXISTS (SELECT FROM jsonb_populate_recordset(NULL::records.restriction, p_rows)
                               AS r
                           JOIN records.nominal AS n ON n.owner_force = ctx.session_tenant()
                               AND n.nominal_id = r.nominal_id
                           JOIN ctx.label AS l ON l.label_id = n.label_id
                           WHERE NOT l.restricted AND (r.until IS NULL OR r.until > now())) THEN
                    RAISE EXCEPTION 'a record that is restricted to named members is restricted'
                        USING ERRCODE = '23514';
                END IF;
                INSERT INTO records.restriction (owner_force, restriction_id, nominal_id,
                    member_id, team_id, named, set_by, set_by_name, reason, since, until)
                SELECT n.owner_force, r.restriction_id, r.nominal_id, r.member_id, r.team_id,
                    r.named, r.set_by, r.set_by_name, r.reason, r.since, r.until
                FROM jsonb_populate_recordset(NULL::records.restriction, p_rows) AS r
                JOIN records.nominal AS n ON n.owner_force = ctx.session_tenant()
                    AND n.nominal_id = r.nominal_id AND n.changed_xid = pg_current_xact_id();
            ELSIF p_table = 'lock' THEN
                INSERT INTO records.lock (owner_force, lock_id, nominal_id, member_id, named,
                    set_by, set_by_name, reason, since, until)
                SELECT n.owner_force, r.lock_id, r.nominal_id, r.member_id, r.named,
                    r.set_by, r.set_by_name, r.reason, r.since, r.until
                FROM jsonb_populate_recordset(NULL::records.lock, p_rows) AS r
                JOIN records.nominal AS n ON n.owner_force = ctx.session_tenant()
                    AND n.nominal_id = r.nominal_id AND n.changed_xid = pg_current_xact_id();
            ELSE
                RAISE EXCEPTION 'not a table of exceptions' USING ERRCODE = '22023';
            END IF;
        END $$;
        COMMENT ON FUNCTION records.restore_exceptions IS
            'Gives nominals that this transaction restores their restrictions and locks back';
        GRANT SELECT (changed_xid) ON records.nominal TO athena_exceptions;
        GRANT INSERT ON records.restriction, records.lock TO athena_exceptions;
        CREATE POLICY restore_own ON records.restriction FOR INSERT TO athena_exceptions
            WITH CHECK (owner_force = (SELECT ctx.session_tenant()));
        CREATE POLICY restore_own ON records.lock FOR INSERT TO athena_exceptions
            WITH CHECK (owner_force = (SELECT ctx.session_tenant()));
    """)


def _checking_names() -> None:
    script("""
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


def _grants() -> None:
    """Let the archivist read what archives hold."""
    script("""
        DO $$
        DECLARE
            v_table text;
        BEGIN
            FOREACH v_table IN ARRAY records.archive_tables() LOOP
                EXECUTE format('CREATE POLICY archivist_reads ON records.%I FOR SELECT '
                               'TO athena_archivist USING (true)', v_table);
                EXECUTE format('GRANT SELECT ON records.%I TO athena_archivist', v_table);
            END LOOP;
        END $$;
        CREATE POLICY archivist_reads_labels ON ctx.label FOR SELECT TO athena_archivist
            USING (true);
        GRANT SELECT ON ctx.label TO athena_archivist;
        GRANT USAGE ON SCHEMA records, ctx TO athena_archivist;
    """)


def downgrade() -> None:
    """Take the functions back; the role stays until 0001 is taken back."""
    script("DROP TRIGGER check_names ON records.name_key")
    script("DROP POLICY registrar_checks ON names.term")
    script("DROP POLICY registrar_checks ON names.pair")
    script("REVOKE ALL ON names.term, names.pair FROM athena_registrar")
    script("REVOKE USAGE ON SCHEMA names FROM athena_registrar")
    script("""
        DROP POLICY restore_own ON records.restriction;
        DROP POLICY restore_own ON records.lock;
        REVOKE INSERT ON records.restriction, records.lock FROM athena_exceptions;
        REVOKE SELECT (changed_xid) ON records.nominal FROM athena_exceptions;
        REVOKE EXECUTE ON FUNCTION ctx.session_tenant(), ctx.may_write() FROM athena_exceptions;
    """)
    functions = (RESTORE, RESTORE_EXCEPTIONS, DIGEST, LINES, TABLES, CHECK_NAMES)
    script(f"DROP FUNCTION {', '.join(functions)}")
    script("REVOKE EXECUTE ON FUNCTION ctx.may_write() FROM athena_history")
    script("DROP OWNED BY athena_archivist")
