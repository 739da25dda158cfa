"""Erasure: nothing of a force that has left stays, if an archive of its present state exists."""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, script

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ERASE, CLEAN = "records.erase_tenant(text, text)", "names.forget_unborne()"
CALLED = "records.archive_tables(), records.archive_digest(smallint), ctx.withdraw_grants()"

MEMBERSHIP = ("team_member", "member_role", "team", "member")
WORK = ("notification", "message", "item", "team_member", "draft", "file_chunk", "file", "data_key")
"""What a force works with, each after those that refer to it."""

EMERGENCIES = {
    "records.emergency_review": "tenant_id = v_tenant.tenant_id OR access_id IN ("
    "SELECT a.access_id FROM records.emergency_access AS a "
    "WHERE a.owner_force = v_tenant.tenant_id)",
    "records.emergency_access": "owner_force = v_tenant.tenant_id",
}
"""Which emergencies go with a force: those of its records, and what it concluded of others'."""


def upgrade() -> None:
    """Create the functions, their owner, and what it may touch."""
    create_role("athena_eraser", "erases a force that has left")
    script("SET LOCAL ROLE athena_owner")
    _erasing()
    _append_only("current_user = 'athena_eraser' AND TG_OP = 'DELETE'")
    _grants()
    script("RESET ROLE")
    _feed(" WHERE owner_force = ctx.session_tenant()")
    hand_over(ERASE, "athena_eraser")
    hand_over(CLEAN, "athena_eraser")
    script(f"""
        GRANT USAGE ON SCHEMA records TO athena_amo;  -- to call this, and to see no table
        GRANT EXECUTE ON FUNCTION {ERASE} TO athena_amo;
        GRANT EXECUTE ON FUNCTION {CALLED} TO athena_eraser;
    """)


def _erasing() -> None:
    membership = "\n".join(
        f"""
            SELECT v_before || jsonb_build_object('tenants.{table}', count(*)) INTO v_before
            FROM tenants.{table} WHERE tenant_id = v_tenant.tenant_id;
            DELETE FROM tenants.{table} WHERE tenant_id = v_tenant.tenant_id;
            SELECT v_after || jsonb_build_object('tenants.{table}', count(*)) INTO v_after
            FROM tenants.{table} WHERE tenant_id = v_tenant.tenant_id;"""
        for table in MEMBERSHIP
    )
    emergencies = "\n".join(
        f"""
            SELECT v_before || jsonb_build_object('{table}', count(*)) INTO v_before
            FROM {table} WHERE {condition};"""
        for table, condition in EMERGENCIES.items()
    ) + "\n".join(
        f"""
            DELETE FROM {table} WHERE {condition};
            SELECT v_after || jsonb_build_object('{table}', count(*)) INTO v_after
            FROM {table} WHERE {condition};"""
        for table, condition in EMERGENCIES.items()
    )
    work = ", ".join(f"'work.{table}'" for table in WORK)
    script(f"""
        CREATE FUNCTION names.forget_unborne() RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_gone integer;
        BEGIN
            -- Waits for everyone who writes names, and lets nobody until this commits: whoever
            -- comes then and relies on a name that is gone is told so by `check_names`.
            LOCK TABLE records.name_key IN SHARE ROW EXCLUSIVE MODE;
            DELETE FROM names.pair AS p
            WHERE NOT EXISTS (SELECT FROM records.name_key AS k WHERE k.name_key >> 16 = p.pair);
            DELETE FROM names.term AS t
            WHERE NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair >> 23 = t.term_id)
              AND NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair & 8388607 = t.term_id);
            GET DIAGNOSTICS v_gone = ROW_COUNT;
            PERFORM pg_notify('athena_names', 'forgotten');
            RETURN v_gone;
        END $$;
        COMMENT ON FUNCTION names.forget_unborne IS
            'Takes names away that nobody on record bears';

        CREATE FUNCTION records.erase_tenant(p_slug text, p_checksum text) RETURNS jsonb
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_tenant tenants.tenant%ROWTYPE;
            v_checksum text;
            v_table text;
            v_tables text[];
            v_count bigint;
            v_before jsonb := '{{}}';
            v_after jsonb := '{{}}';
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
                || ARRAY[{work}];{emergencies}
            FOREACH v_table IN ARRAY v_tables LOOP
                EXECUTE format('SELECT count(*) FROM %s WHERE owner_force = $1', v_table)
                INTO v_count USING v_tenant.tenant_id;
                v_before := v_before || jsonb_build_object(v_table, v_count);
            END LOOP;
            FOREACH v_table IN ARRAY v_tables LOOP
                EXECUTE format('DELETE FROM %s WHERE owner_force = $1', v_table)
                USING v_tenant.tenant_id;
                EXECUTE format('SELECT count(*) FROM %s WHERE owner_force = $1', v_table)
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
            {membership}
            PERFORM names.forget_unborne();
            PERFORM ctx.withdraw_grants();
            RETURN jsonb_build_object('checksum', v_checksum, 'before', v_before,
                                      'after', v_after, 'erased_at', now());
        END $$;
        COMMENT ON FUNCTION records.erase_tenant IS
            'Erases whatever a tenant that leaves owns, if an archive of its present state exists';
    """)


def _grants() -> None:
    """Let the eraser erase every table of those who have left, and of nobody else."""
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
                                                    'sharing'::regnamespace,
                                                    'work'::regnamespace)
                             AND c.relkind = 'r' AND a.attname = 'owner_force' LOOP
                EXECUTE format('CREATE POLICY eraser_counts ON %s FOR SELECT TO athena_eraser '
                               'USING (true)', v_table);
                EXECUTE format('CREATE POLICY eraser_erases ON %s FOR DELETE TO athena_eraser '
                               'USING (owner_force %s)', v_table, v_left);
                EXECUTE format('GRANT SELECT, DELETE ON %s TO athena_eraser', v_table);
            END LOOP;
            FOREACH v_table IN ARRAY ARRAY['tenants.member', 'tenants.member_role',
                    'tenants.team', 'tenants.team_member']::regclass[] LOOP
                EXECUTE format('CREATE POLICY eraser_erases ON %s FOR DELETE TO athena_eraser '
                               'USING (tenant_id %s)', v_table, v_left);
                EXECUTE format('CREATE POLICY eraser_counts ON %s FOR SELECT TO athena_eraser '
                               'USING (tenant_id %s)', v_table, v_left);
                EXECUTE format('GRANT SELECT, DELETE ON %s TO athena_eraser', v_table);
            END LOOP;
        END $$;
        CREATE POLICY eraser_counts ON records.emergency_review FOR SELECT TO athena_eraser
            USING (true);
        CREATE POLICY eraser_erases ON records.emergency_review FOR DELETE TO athena_eraser
            USING (EXISTS (SELECT FROM tenants.tenant AS t WHERE t.status = 'offboarded'
                           AND t.tenant_id IN (emergency_review.tenant_id,
                               (SELECT a.owner_force FROM records.emergency_access AS a
                                WHERE a.access_id = emergency_review.access_id))));
        GRANT SELECT, DELETE ON records.emergency_review TO athena_eraser;
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
        CREATE POLICY eraser_erases ON names.term FOR DELETE TO athena_eraser USING (true);
        CREATE POLICY eraser_counts ON names.term FOR SELECT TO athena_eraser USING (true);
        CREATE POLICY eraser_erases ON names.pair FOR DELETE TO athena_eraser USING (true);
        CREATE POLICY eraser_counts ON names.pair FOR SELECT TO athena_eraser USING (true);
        GRANT SELECT, DELETE ON names.term, names.pair, audit.content
            TO athena_eraser;
        GRANT SELECT ON audit.event, tenants.tenant TO athena_eraser;
        GRANT UPDATE (status) ON tenants.tenant TO athena_eraser;
        GRANT USAGE ON SCHEMA records, sharing, work, names, audit, tenants, ctx TO athena_eraser;
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
    """Take the functions back; the role stays until 0001 is taken back."""
    _append_only("false")
    _feed("")
    script(f"DROP FUNCTION {ERASE}, {CLEAN}")
    script(f"REVOKE EXECUTE ON FUNCTION {CALLED} FROM athena_eraser")
    script("REVOKE USAGE ON SCHEMA records FROM athena_amo")
    script("DROP OWNED BY athena_eraser")
