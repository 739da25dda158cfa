"""Search: the names that exist, candidate look-up, pointers, saved searches."""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, protect, script

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

POINTER_RANGES = 40
"""How many of a search's likeliest name ranges the pointer function looks into."""


def upgrade() -> None:
    """Create the dictionary of names, the look-up functions and saved searches."""
    script("SET LOCAL ROLE athena_owner")
    script("""
        CREATE TABLE names.term (
            term_id integer PRIMARY KEY CHECK (term_id BETWEEN 1 AND 8388607),
            token text NOT NULL UNIQUE CHECK (token ~ '^[a-z]{1,64}$'),
            registered_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
        );
        CREATE INDEX term_registered ON names.term (registered_xid);
        CREATE TABLE names.pair (
            pair bigint PRIMARY KEY,
            registered_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
        );
        CREATE INDEX pair_registered ON names.pair (registered_xid);
        COMMENT ON TABLE names.term IS
            'Every distinct name token under a random number; internal to the application';
        COMMENT ON TABLE names.pair IS
            'Which (surname, given name) numbers occur together, packed as surname << 23 | given';
        GRANT USAGE ON SCHEMA names TO athena_dictionary;
        GRANT SELECT, INSERT ON names.term, names.pair TO athena_dictionary;

        CREATE TABLE sharing.search (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            search_id uuid NOT NULL,
            member_id uuid NOT NULL,
            purpose text NOT NULL,
            reason text NOT NULL,
            query jsonb NOT NULL,
            hits jsonb NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL,
            PRIMARY KEY (owner_force, search_id)
        );
        COMMENT ON TABLE sharing.search IS
            'A search and the order of its hits, for paging; only its own member reads it';
        CREATE INDEX search_expiry ON sharing.search (owner_force, expires_at);
        GRANT USAGE ON SCHEMA sharing TO athena_force, athena_pointers;
        GRANT SELECT, INSERT, DELETE ON sharing.search TO athena_force;
    """)
    for table in ("names.term", "names.pair", "sharing.search"):
        protect(table)
    script("""
        CREATE POLICY dictionary ON names.term TO athena_dictionary
            USING (true) WITH CHECK (true);
        CREATE POLICY dictionary ON names.pair TO athena_dictionary
            USING (true) WITH CHECK (true);
        CREATE POLICY own_searches ON sharing.search TO athena_force
            USING (owner_force = (SELECT ctx.session_tenant())
                   AND member_id = (SELECT ctx.session_member()))
            WITH CHECK (owner_force = (SELECT ctx.session_tenant())
                        AND member_id = (SELECT ctx.session_member()));
    """)
    script(f"""
        CREATE FUNCTION sharing.find_by_name(
            p_low bigint[], p_high bigint[], p_each integer, p_total integer
        ) RETURNS TABLE (name_key bigint, owner_force smallint, nominal_id uuid,
                         label_id smallint)
        LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
        SET plan_cache_mode = force_generic_plan AS $$
        #variable_conflict use_column
        BEGIN
            -- The inner LIMIT is a fence: without it the planner pulls the probe up and turns
            -- the range into a join filter that isn't leakproof, and reads the whole index.
            RETURN QUERY
            SELECT k.name_key, k.owner_force, k.nominal_id, k.label_id
            FROM unnest(p_low, p_high) WITH ORDINALITY AS r (low, high, ord)
            CROSS JOIN LATERAL (
                SELECT n.name_key, n.owner_force, n.nominal_id, n.label_id
                FROM records.name_key AS n
                WHERE n.name_key >= r.low AND n.name_key <= r.high
                LIMIT p_each
            ) AS k
            LIMIT p_total;
        END $$;
        COMMENT ON FUNCTION sharing.find_by_name IS
            'Rows in ranges of the name index, likeliest range first, under the caller''s policies';

        CREATE FUNCTION sharing.find_by_day(
            p_low bigint[], p_high bigint[], p_surnames integer[], p_given integer[],
            p_each integer
        ) RETURNS TABLE (name_key bigint, owner_force smallint, nominal_id uuid,
                         label_id smallint)
        LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
        SET plan_cache_mode = force_generic_plan AS $$
        #variable_conflict use_column
        BEGIN
            RETURN QUERY
            SELECT k.name_key, k.owner_force, k.nominal_id, k.label_id
            FROM unnest(p_low, p_high) WITH ORDINALITY AS r (low, high, ord)
            CROSS JOIN LATERAL (
                SELECT n.name_key, n.owner_force, n.nominal_id, n.label_id
                FROM records.name_key AS n
                WHERE n.date_key >= r.low AND n.date_key <= r.high
                  AND ((n.name_key >> 39)::integer = ANY (p_surnames)
                       OR ((n.name_key >> 16) & 8388607)::integer = ANY (p_given))
                LIMIT p_each
            ) AS k;
        END $$;
        COMMENT ON FUNCTION sharing.find_by_day IS
            'Rows of the given days of birth that share a surname or a given name';

        CREATE FUNCTION sharing.point_to(
            p_low bigint[], p_high bigint[], p_identifier_kinds text[],
            p_identifier_values text[], p_reason text
        ) RETURNS TABLE (owner_force smallint, label_id smallint)
        LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        #variable_conflict use_column
        DECLARE
            v_found jsonb;
        BEGIN
            SELECT jsonb_agg(to_jsonb(f)) INTO v_found
            FROM (
                SELECT DISTINCT ON (x.owner_force) x.owner_force, x.nominal_id, x.label_id
                FROM (
                    SELECT k.owner_force, k.nominal_id, k.label_id, r.ord
                    FROM unnest(p_low[1:{POINTER_RANGES}], p_high[1:{POINTER_RANGES}])
                         WITH ORDINALITY AS r (low, high, ord)
                    CROSS JOIN LATERAL (
                        SELECT n.owner_force, n.nominal_id, n.label_id
                        FROM records.name_key AS n
                        WHERE n.name_key >= r.low AND n.name_key <= r.high
                        LIMIT 20
                    ) AS k
                    UNION ALL
                    SELECT i.owner_force, i.nominal_id, i.label_id, 0
                    FROM unnest(p_identifier_kinds[1:8], p_identifier_values[1:8])
                         AS t (kind, value)
                    JOIN records.identifier AS i ON i.value = t.value AND i.kind = t.kind
                ) AS x
                ORDER BY x.owner_force, x.ord
            ) AS f;
            IF v_found IS NULL THEN
                RETURN;
            END IF;
            PERFORM audit.append(
                ctx.open_grant_set(), 'disclosure', 'nominals.point_to', p_reason, '{{}}',
                (SELECT jsonb_agg(jsonb_build_object('owner_force', e -> 'owner_force',
                            'nominal_id', e -> 'nominal_id', 'level', 'pointer'))
                 FROM jsonb_array_elements(v_found) AS e));
            RETURN QUERY SELECT r.owner_force, r.label_id
            FROM jsonb_to_recordset(v_found) AS r (owner_force smallint, label_id smallint);
        END $$;
        COMMENT ON FUNCTION sharing.point_to IS
            'Which forces hold a likely record that policy shows as a pointer only: never which';

        CREATE POLICY pointers ON records.name_key FOR SELECT TO athena_pointers
            USING (label_id = ANY ((SELECT ctx.visible_labels('pointer'))::smallint[]));
        CREATE POLICY pointers ON records.identifier FOR SELECT TO athena_pointers
            USING (label_id = ANY ((SELECT ctx.visible_labels('pointer'))::smallint[]));
        GRANT USAGE ON SCHEMA records TO athena_pointers;
        GRANT SELECT ON records.name_key, records.identifier TO athena_pointers;
    """)
    script("RESET ROLE")
    script("GRANT EXECUTE ON FUNCTION ctx.visible_labels(text) TO athena_pointers")
    point_to = "sharing.point_to(bigint[], bigint[], text[], text[], text)"
    hand_over(point_to, "athena_pointers")
    script(
        "GRANT EXECUTE ON FUNCTION sharing.find_by_name(bigint[], bigint[], integer, integer), "
        "sharing.find_by_day(bigint[], bigint[], integer[], integer[], integer), "
        f"{point_to} TO athena_force"
    )


def downgrade() -> None:
    """Drop search; names register again when records are loaded again."""
    script("DROP POLICY pointers ON records.name_key")
    script("DROP POLICY pointers ON records.identifier")
    script("DROP FUNCTION sharing.point_to, sharing.find_by_day, sharing.find_by_name")
    script("DROP TABLE sharing.search, names.pair, names.term")
