"""Search by address, and with filters: an index of places, and a look-up that filters as it reads.

Places are compared for equality alone, which is leakproof, so the index serves searches under
row-level security. It is built without holding up whoever writes.

`sharing.find_people_like` is `sharing.find_people` (0022) for those only who aren't recorded as
another sex and carry one of some warnings on a day. It filters before anything is cut off: of a
thousand John Smiths the one with a warning is found, whichever place he stands at.
"""

from __future__ import annotations

from alembic import op

from athena.platform.kernel.migrations import script

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

FIND = (
    "sharing.find_people_like(bigint[], bigint[], integer, integer, integer, bigint[], bigint[], "
    "integer[], integer[], bigint[], bigint[], integer, integer, text, text[], date)"
)

FITS = """
    EXISTS (
        SELECT FROM records.nominal AS p
        WHERE p.owner_force = n.owner_force AND p.nominal_id = n.nominal_id
          AND (p_sex IS NULL OR p.sex IS NULL OR p.sex IN (p_sex, 'U'))
    ) AND (
        cardinality(p_markers) = 0 OR EXISTS (
            SELECT FROM records.marker AS m
            WHERE m.owner_force = n.owner_force AND m.nominal_id = n.nominal_id
              AND m.code = ANY (p_markers)
              AND coalesce(m.valid_from <= p_today, true)
              AND coalesce(m.valid_to >= p_today, true)
        )
    )
"""


def upgrade() -> None:
    """Create the look-up, and index the streets of places."""
    script("SET LOCAL ROLE athena_owner")
    script(f"""
        CREATE OR REPLACE FUNCTION sharing.find_people_like(
            p_low bigint[], p_high bigint[], p_good integer, p_enough integer, p_each integer,
            p_day_low bigint[], p_day_high bigint[], p_surnames integer[], p_given integer[],
            p_wide_low bigint[], p_wide_high bigint[], p_wide_each integer, p_total integer,
            p_sex text, p_markers text[], p_today date
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
            FOR v_row IN
                SELECT k.name_key, k.owner_force, k.nominal_id, k.label_id, r.ord
                FROM unnest(p_low || p_wide_low, p_high || p_wide_high)
                     WITH ORDINALITY AS r (low, high, ord)
                CROSS JOIN LATERAL (
                    SELECT n.name_key, n.owner_force, n.nominal_id, n.label_id
                    FROM records.name_key AS n
                    WHERE n.name_key >= r.low AND n.name_key <= r.high AND {FITS}
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
                      AND {FITS}
                    LIMIT p_total
                ) AS k;
            END IF;
        END $$;
        COMMENT ON FUNCTION sharing.find_people_like IS
            'Rows of the name index for one search with filters, under the caller''s policies';
    """)
    script("RESET ROLE")
    script(f"REVOKE EXECUTE ON FUNCTION {FIND} FROM PUBLIC")
    script(f"GRANT EXECUTE ON FUNCTION {FIND} TO athena_force")
    with op.get_context().autocommit_block():
        # What a broken-off attempt left behind is not valid and not used.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS records.location_street")
        op.execute(
            "CREATE INDEX CONCURRENTLY location_street "
            "ON records.location (street, town, premises) WHERE street <> ''"
        )


def downgrade() -> None:
    """Drop both."""
    script(f"DROP FUNCTION IF EXISTS {FIND}")
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS records.location_street")
