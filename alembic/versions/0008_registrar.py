"""The registrar: places and record headers that nominals refer to, found or made, never shown.

A force can't read a place or a header to reuse it unless policy shows one, and a unique constraint
must not tell it what it may not see. So a function answers with an id either way.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, place_key, script

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INTERNING = ("records.intern_locations(jsonb)", "records.intern_records(jsonb)")


def upgrade() -> None:
    """Create the functions, and the trigger that takes away places where nobody lives."""
    script("SET LOCAL ROLE athena_owner")
    script("""
        GRANT USAGE ON SCHEMA records, ctx TO athena_registrar;
        CREATE POLICY own_places ON records.location TO athena_registrar
            USING (owner_force = (SELECT ctx.session_tenant()))
            WITH CHECK (owner_force = (SELECT ctx.session_tenant()));
        CREATE POLICY own_headers ON records.record TO athena_registrar
            USING (owner_force = (SELECT ctx.session_tenant()))
            WITH CHECK (owner_force = (SELECT ctx.session_tenant()));
        CREATE POLICY still_lived_at ON records.address FOR SELECT TO athena_registrar
            USING (owner_force = (SELECT ctx.session_tenant()));
        GRANT SELECT, INSERT, UPDATE, DELETE ON records.location TO athena_registrar;
        GRANT SELECT, INSERT ON records.record TO athena_registrar;
        GRANT SELECT ON records.address TO athena_registrar;
    """)
    script(f"""
        CREATE FUNCTION records.intern_locations(p_places jsonb) RETURNS uuid[]
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_owner smallint := ctx.session_tenant();
            v_ids uuid[];
        BEGIN
            IF NOT ctx.may_write() THEN
                RAISE EXCEPTION 'a place is written under a logged change only'
                    USING ERRCODE = '42501';
            END IF;
            LOOP
                -- In one order everywhere, so that writers can't wait for each other in a ring.
                INSERT INTO records.location (owner_force, location_id, premises, street, town,
                    county, postcode, uprn, latitude, longitude)
                SELECT v_owner, gen_random_uuid(), p.premises, p.street, p.town, p.county,
                    p.postcode, p.uprn, p.latitude, p.longitude
                FROM jsonb_populate_recordset(NULL::records.location, p_places) AS p
                ORDER BY p.postcode, p.street, p.premises, p.town, p.county, p.uprn, p.latitude,
                    p.longitude
                ON CONFLICT (owner_force, place_key) DO NOTHING;
                -- Locked until an address refers to it: `forget_places` leaves it alone then.
                SELECT array_agg(f.location_id ORDER BY f.ord) INTO v_ids FROM (
                    SELECT l.location_id, w.ord FROM (
                        SELECT e.ord, {place_key()} AS place_key
                        FROM jsonb_array_elements(p_places) WITH ORDINALITY AS e (place, ord)
                        CROSS JOIN LATERAL jsonb_populate_record(NULL::records.location, e.place)
                    ) AS w
                    JOIN records.location AS l
                      ON l.owner_force = v_owner AND l.place_key = w.place_key
                    FOR KEY SHARE OF l
                ) AS f;
                -- Fewer only where one was just taken away: then it is made again.
                EXIT WHEN coalesce(cardinality(v_ids), 0) >= jsonb_array_length(p_places);
            END LOOP;
            RETURN coalesce(v_ids, '{{}}');
        END $$;
        COMMENT ON FUNCTION records.intern_locations IS
            'The ids of places of the calling force, in their order, made where they are new';
    """)
    script("""
        CREATE FUNCTION records.intern_records(p_headers jsonb) RETURNS uuid[]
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_owner smallint := ctx.session_tenant();
            v_ids uuid[];
        BEGIN
            IF NOT ctx.may_write() THEN
                RAISE EXCEPTION 'a record is written under a logged change only'
                    USING ERRCODE = '42501';
            END IF;
            INSERT INTO records.record (owner_force, record_id, record_class, record_number,
                label_id)
            SELECT v_owner, gen_random_uuid(), h.record_class, h.record_number, h.label_id
            FROM jsonb_populate_recordset(NULL::records.record, p_headers) AS h
            ORDER BY h.record_class, h.record_number
            ON CONFLICT (owner_force, record_class, record_number) DO NOTHING;
            SELECT array_agg(r.record_id ORDER BY h.ord) INTO v_ids
            FROM jsonb_array_elements(p_headers) WITH ORDINALITY AS h (header, ord)
            JOIN records.record AS r ON r.owner_force = v_owner
                AND r.record_class = h.header ->> 'record_class'
                AND r.record_number = h.header ->> 'record_number';
            RETURN coalesce(v_ids, '{}');
        END $$;
        COMMENT ON FUNCTION records.intern_records IS
            'The ids of record headers of the calling force, in their order, made where new';

        CREATE FUNCTION records.forget_places() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_left uuid[];
        BEGIN
            -- A place that another transaction is about to refer to is locked, and stays.
            SELECT array_agg(f.location_id) INTO v_left FROM (
                SELECT l.location_id FROM records.location AS l
                WHERE (l.owner_force, l.location_id) IN (
                    SELECT o.owner_force, o.location_id FROM old_rows AS o)
                FOR UPDATE SKIP LOCKED) AS f;
            DELETE FROM records.location AS l
            WHERE l.owner_force = ctx.session_tenant() AND l.location_id = ANY (v_left)
              AND NOT EXISTS (SELECT FROM records.address AS a
                              WHERE a.owner_force = l.owner_force
                                AND a.location_id = l.location_id);
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION records.forget_places IS
            'Takes a place away with the last address at it: erasure leaves no home behind';
        CREATE TRIGGER forget_places AFTER DELETE ON records.address
            REFERENCING OLD TABLE AS old_rows
            FOR EACH STATEMENT EXECUTE FUNCTION records.forget_places();
    """)
    script("RESET ROLE")
    for function in (*INTERNING, "records.forget_places()"):
        hand_over(function, "athena_registrar")
    script(f"GRANT EXECUTE ON FUNCTION {', '.join(INTERNING)} TO athena_force")
    script("GRANT EXECUTE ON FUNCTION ctx.session_tenant(), ctx.may_write() TO athena_registrar")


def downgrade() -> None:
    """Drop the functions; places and headers stay."""
    script("DROP TRIGGER forget_places ON records.address")
    script(f"DROP FUNCTION {', '.join(INTERNING)}, records.forget_places()")
    script("DROP POLICY own_places ON records.location")
    script("DROP POLICY own_headers ON records.record")
    script("DROP POLICY still_lived_at ON records.address")
    script("REVOKE ALL ON records.location, records.record, records.address FROM athena_registrar")
