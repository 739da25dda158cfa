"""Search at scale: one look-up for a whole search, and a count of the dictionary's cleanings.

`sharing.find_people` does in one call what took up to three: the ranges bounded by the date, the
days of birth worth reading whole, and, only where too few good rows came, the wide ranges.

`names.cleaning` counts how often names that nobody bears were taken away. The files that
processes keep of the dictionary carry the count they were built at, so that none of them outlives
a cleaning that its process didn't hear of.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, protect, script

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

FIND = (
    "sharing.find_people(bigint[], bigint[], integer, integer, integer, bigint[], bigint[], "
    "integer[], integer[], bigint[], bigint[], integer, integer)"
)
CLEAN = "names.forget_unborne()"


def upgrade() -> None:
    """Create the look-up and the count."""
    script("SET LOCAL ROLE athena_owner")
    script("""
        CREATE FUNCTION sharing.find_people(
            p_low bigint[], p_high bigint[], p_good integer, p_enough integer, p_each integer,
            p_day_low bigint[], p_day_high bigint[], p_surnames integer[], p_given integer[],
            p_wide_low bigint[], p_wide_high bigint[], p_wide_each integer, p_total integer
        ) RETURNS TABLE (name_key bigint, owner_force smallint, nominal_id uuid,
                         label_id smallint)
        LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
        SET plan_cache_mode = force_generic_plan AS $$
        #variable_conflict use_column
        DECLARE
            v_narrow CONSTANT integer := coalesce(cardinality(p_low), 0);
            v_good integer := 0;
            v_row record;
        BEGIN
            -- The inner LIMIT is a fence: without it the planner pulls the probe up and turns the
            -- range into a join filter that isn't leakproof, and reads the whole index. Policies
            -- apply inside it, so what is cut is the least likely, never the visible.
            -- Narrow and wide ranges are one query, which is left when it has enough: what the
            -- policies ask is asked once, and a wide range is read only when it is come to.
            FOR v_row IN
                SELECT k.name_key, k.owner_force, k.nominal_id, k.label_id, r.ord
                FROM unnest(p_low || p_wide_low, p_high || p_wide_high)
                     WITH ORDINALITY AS r (low, high, ord)
                CROSS JOIN LATERAL (
                    SELECT n.name_key, n.owner_force, n.nominal_id, n.label_id
                    FROM records.name_key AS n
                    WHERE n.name_key >= r.low AND n.name_key <= r.high
                    LIMIT CASE WHEN r.ord <= v_narrow THEN p_each ELSE p_wide_each END
                ) AS k
                LIMIT p_total
            LOOP
                EXIT WHEN v_row.ord > v_narrow AND v_good >= p_enough;
                IF v_row.ord <= p_good THEN
                    v_good := v_good + 1;
                END IF;
                name_key := v_row.name_key;
                owner_force := v_row.owner_force;
                nominal_id := v_row.nominal_id;
                label_id := v_row.label_id;
                RETURN NEXT;
            END LOOP;
            IF cardinality(p_day_low) > 0 THEN
                RETURN QUERY
                -- The index of dates holds all of this: a date key is a name key, the day first.
                SELECT (k.date_key & 70368744177663) << 16 | k.date_key >> 46,
                       k.owner_force, k.nominal_id, k.label_id
                FROM unnest(p_day_low, p_day_high) AS r (low, high)
                CROSS JOIN LATERAL (
                    SELECT n.date_key, n.owner_force, n.nominal_id, n.label_id
                    FROM records.name_key AS n
                    WHERE n.date_key >= r.low AND n.date_key <= r.high
                      AND ((n.date_key >> 23 & 8388607)::integer = ANY (p_surnames)
                           OR (n.date_key & 8388607)::integer = ANY (p_given))
                    LIMIT p_total
                ) AS k;
            END IF;
        END $$;
        COMMENT ON FUNCTION sharing.find_people IS
            'Rows of the name index for one search, under the caller''s policies';

        CREATE TABLE names.cleaning (
            single boolean PRIMARY KEY DEFAULT true CHECK (single),
            cleanings bigint NOT NULL DEFAULT 0
        );
        COMMENT ON TABLE names.cleaning IS
            'How often names that nobody bears were taken from the dictionary';
        INSERT INTO names.cleaning DEFAULT VALUES;
        GRANT SELECT ON names.cleaning TO athena_dictionary;
        GRANT SELECT, UPDATE (cleanings) ON names.cleaning TO athena_eraser;
        CREATE POLICY dictionary ON names.cleaning FOR SELECT TO athena_dictionary USING (true);
        CREATE POLICY eraser_counts ON names.cleaning FOR SELECT TO athena_eraser USING (true);
        CREATE POLICY eraser_marks ON names.cleaning FOR UPDATE TO athena_eraser
            USING (true) WITH CHECK (true);
    """)
    protect("names.cleaning")
    script("RESET ROLE")
    script(f"REVOKE EXECUTE ON FUNCTION {FIND} FROM PUBLIC")
    script(f"GRANT EXECUTE ON FUNCTION {FIND} TO athena_force")
    _forget("UPDATE names.cleaning SET cleanings = cleanings + 1;")


def _forget(mark: str) -> None:
    """Replace 0019's function: it counts that it ran."""
    script(f"""
        CREATE OR REPLACE FUNCTION names.forget_unborne() RETURNS integer
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
            {mark}
            PERFORM pg_notify('athena_names', 'forgotten');
            RETURN v_gone;
        END $$
    """)
    hand_over(CLEAN, "athena_eraser")


def downgrade() -> None:
    """Look names up in three calls again, and forget the count."""
    _forget("")
    script(f"DROP FUNCTION {FIND}")
    script("DROP TABLE names.cleaning")
