"""Tell a name's first pair from its further ones, and stop looking once there is enough.

The keys of further pairs (a middle name, a part of a surname) carry the sign bit from now on, so
whoever bears a name first is read before those who bear it besides. Keys that stand already keep
counting as first ones until their nominal's names are written again; nothing is rewritten here.
What cut a key into its parts by shifts alone masks them now.

Who was found by the day of birth alone came back under a wrong name key, because PostgreSQL reads
``a << 16 | b >> 46`` from the left; they so ranked as if no name met. That is mended here.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, script

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

PAIR = 70368744177663
"""46 bits: a pair of terms."""

KEY = 9223372036854775807
"""All bits but the sign."""

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

FURTHER_BELOW_GOOD = "v_row.ord > p_good"
WIDE_ONLY = "v_row.ord > v_narrow"

OF_DATE = f"((k.date_key & {PAIR}) << 16) | ((k.date_key >> 46) & 65535)"
"""The name key of a date key, without its sign. Operators of bits bind alike: each has brackets."""

SIGN = f"(k.date_key & (-{KEY} - 1)::bigint)"


def upgrade() -> None:
    """Read keys with and without the sign, and leave the search when it has enough."""
    _finding(FURTHER_BELOW_GOOD, f"{OF_DATE} | {SIGN}")
    _checking(f"k.name_key >> 16 & {PAIR}", "k.name_key >> 39 & 8388607")
    _forgetting(f"k.name_key >> 16 & {PAIR}")


def downgrade() -> None:
    """Take the sign away from keys, so that they are found as before."""
    script(f"""
        CREATE POLICY taking_signs ON records.name_key TO athena_owner
            USING (true) WITH CHECK (true);
        SET LOCAL ROLE athena_owner;
        SET LOCAL row_security = on;
        UPDATE records.name_key SET name_key = name_key & {KEY}, date_key = date_key & {KEY}
        WHERE name_key < 0;
        RESET ROLE;
        DROP POLICY taking_signs ON records.name_key;
    """)
    _forgetting("k.name_key >> 16")
    _checking("k.name_key >> 16", "k.name_key >> 39")
    _finding(WIDE_ONLY, OF_DATE)


def _finding(enough: str, key_of_date: str) -> None:
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
                        LIMIT CASE WHEN r.ord <= v_narrow THEN p_each ELSE p_wide_each END
                    ) AS k
                    LIMIT p_total
                LOOP
                    EXIT WHEN {enough} AND v_good >= p_enough;
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
                    SELECT {key_of_date}, k.owner_force, k.nominal_id, k.label_id
                    FROM unnest(p_day_low, p_day_high) AS r (low, high)
                    CROSS JOIN LATERAL (
                        SELECT n.date_key, n.owner_force, n.nominal_id, n.label_id
                        FROM records.name_key AS n
                        WHERE n.date_key >= r.low AND n.date_key <= r.high
                          AND ((n.date_key >> 23 & 8388607)::integer = ANY (p_surnames)
                               OR (n.date_key & 8388607)::integer = ANY (p_given)) {fits}
                        LIMIT p_total
                    ) AS k;
                END IF;
            END $$;
        """)
    script("RESET ROLE")


def _checking(pair: str, surname: str) -> None:
    """Replace the check that a name wasn't forgotten since it was registered."""
    script(f"""
        CREATE OR REPLACE FUNCTION records.check_names() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF EXISTS (SELECT FROM (SELECT DISTINCT {pair} AS pair FROM new_rows AS k) AS k
                       WHERE NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair = k.pair))
                OR EXISTS (SELECT FROM (
                               SELECT ({surname})::integer AS term FROM new_rows AS k
                               UNION
                               SELECT (k.name_key >> 16 & 8388607)::integer FROM new_rows AS k)
                               AS t
                           WHERE t.term <> 0 AND NOT EXISTS (
                               SELECT FROM names.term AS n WHERE n.term_id = t.term)) THEN
                RAISE EXCEPTION 'a name was forgotten since it was registered'
                    USING ERRCODE = 'AT004';
            END IF;
            RETURN NULL;
        END $$;
    """)


def _forgetting(pair: str) -> None:
    """Replace what takes away names that nobody bears."""
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
            WHERE NOT EXISTS (SELECT FROM records.name_key AS k WHERE {pair} = p.pair);
            DELETE FROM names.term AS t
            WHERE NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair >> 23 = t.term_id)
              AND NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair & 8388607 = t.term_id);
            GET DIAGNOSTICS v_gone = ROW_COUNT;
            UPDATE names.cleaning SET cleanings = cleanings + 1;
            PERFORM pg_notify('athena_names', 'forgotten');
            RETURN v_gone;
        END $$
    """)
    hand_over("names.forget_unborne()", "athena_eraser")
