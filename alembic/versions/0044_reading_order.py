"""Read each range of a search in the order of its keys, whichever way the store chooses to read it.

A search reads the first so many rows of a range, and which these are was left to the plan: by the
index they come in the order of their keys, by a bitmap as they lie in the table. After an import,
until the table is vacuumed, it was a bitmap, which besides reads all of a range; so what was read
of a common name changed while an import ran, and changed back. The index has the order already.
Those alike are ranked as they are read (docs/adr/0014), so the page has this order too.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import script

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

PAIR = 70368744177663
"""46 bits: a pair of terms."""

SIGN = "(-9223372036854775807 - 1)::bigint"
"""The sign bit."""

RANGES = """
            p_low bigint[], p_high bigint[], p_good integer, p_enough integer, p_each integer,
            p_day_low bigint[], p_day_high bigint[], p_surnames integer[], p_given integer[],
            p_wide_low bigint[], p_wide_high bigint[], p_wide_each integer, p_total integer"""

FITS = """AND EXISTS (
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
                    )"""


def upgrade() -> None:
    """Say in which order rows are read."""
    _finding("ORDER BY n.name_key", "ORDER BY n.date_key")


def downgrade() -> None:
    """Leave the order to the plan."""
    _finding("", "")


def _finding(by_name: str, by_date: str) -> None:
    """Replace the look-ups of a search, without filters and with."""
    script("SET LOCAL ROLE athena_owner")
    filters = ", p_sex text, p_markers text[], p_today date"
    for name, more, fits in (("find_people", "", ""), ("find_people_like", filters, FITS)):
        script(f"""
            CREATE OR REPLACE FUNCTION sharing.{name}({RANGES}{more}
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
                -- The inner LIMIT is a fence: without it the planner pulls the probe up and turns
                -- the range into a join filter that isn't leakproof, and reads the whole index.
                -- Policies apply inside it, so what is cut is the least likely, never the visible.
                -- All ranges are one query, which is left when it has enough: what the policies
                -- ask is asked once, and a range is read only when it is come to.
                FOR v_row IN
                    SELECT k.name_key, k.owner_force, k.nominal_id, k.label_id, r.ord
                    FROM unnest(p_low || p_wide_low, p_high || p_wide_high)
                         WITH ORDINALITY AS r (low, high, ord)
                    CROSS JOIN LATERAL (
                        SELECT n.name_key, n.owner_force, n.nominal_id, n.label_id
                        FROM records.name_key AS n
                        WHERE n.name_key >= r.low AND n.name_key <= r.high {fits}
                        {by_name}
                        LIMIT CASE WHEN r.ord <= v_narrow THEN p_each ELSE p_wide_each END
                    ) AS k
                    LIMIT p_total
                LOOP
                    EXIT WHEN v_row.ord > p_good AND v_good >= p_enough;
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
                    -- The index of dates holds all of this: a date key is a name key, day first.
                    SELECT ((k.date_key & {PAIR}) << 16) | ((k.date_key >> 46) & 65535)
                           | (k.date_key & {SIGN}), k.owner_force, k.nominal_id, k.label_id
                    FROM unnest(p_day_low, p_day_high) AS r (low, high)
                    CROSS JOIN LATERAL (
                        SELECT n.date_key, n.owner_force, n.nominal_id, n.label_id
                        FROM records.name_key AS n
                        WHERE n.date_key >= r.low AND n.date_key <= r.high
                          AND ((n.date_key >> 23 & 8388607)::integer = ANY (p_surnames)
                               OR (n.date_key & 8388607)::integer = ANY (p_given)) {fits}
                        {by_date}
                        LIMIT p_total
                    ) AS k;
                END IF;
            END $$;
        """)
    script("RESET ROLE")
