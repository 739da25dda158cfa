"""Back record conversion: runs of imports, what became of every row, and rows that wait.

A run's row is its checkpoint: it moves in the transaction that loads the rows it counts, so a
process that is killed loses nothing and doubles nothing. What a row says of a person stands in
`import_held` alone, under its nominal's label, and goes with the decision.

A batch travels by COPY into tables that only its own session sees, and goes from there into the
tables of records as every other write does: under their policies, triggers and keys.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import (
    create_role,
    hand_over,
    label_shows,
    place_key,
    protect,
    script,
)

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLES = ("import_run", "import_row", "import_held")

OWN = "owner_force = (SELECT ctx.session_tenant())"
IMPORTS = f"{OWN} AND owner_force = ANY ((SELECT ctx.visible_labels('imports'))::smallint[])"
WRITES = f"{OWN} AND (SELECT ctx.may_write())"

STAGER = "athena_stager"
STAGE = "records.stage_import()"
PLACES = (
    "records.intern_places(uuid[], text[], text[], text[], text[], text[], bigint[], "
    "double precision[], double precision[])"
)
HEADERS = "records.intern_headers(uuid[], text[], text[], smallint[])"

STAGED = {
    "import_nominal": """row_id uuid, label_no integer, row_number bigint, source_id text,
        day integer, sex text, gender text, date_of_birth date, date_of_birth_precision text,
        date_of_death date, place_of_birth text""",
    "import_name": "row_id uuid, kind text, given_names text, surname text",
    "import_key": "row_id uuid, name_row_id uuid, surname_no integer, given_no integer",
    "import_identifier": "row_id uuid, kind text, value text",
    "import_contact": "row_id uuid, kind text, value text",
    "import_address": """row_id uuid, kind text, place_no integer, valid_from date,
        valid_to date""",
    "import_description": "row_id uuid, attribute text, value text",
    "import_marker": "row_id uuid, code text, note text, valid_from date, valid_to date",
    "import_assessment": "row_id uuid, basis text, text text",
    "import_involvement": """row_id uuid, header_no integer, role text,
        vulnerability_factors text[]""",
    "import_place": """row_id uuid, premises text, street text, town text, county text,
        postcode text, uprn bigint, latitude double precision, longitude double precision""",
    "import_header": "row_id uuid, record_class text, record_number text",
}
"""The tables that a batch travels through; each row is numbered within its batch by ``n``."""

SCOPES = (
    "summary",
    "addresses",
    "assessments",
    "contacts",
    "descriptions",
    "identifiers",
    "involvements",
    "markers",
)
"""A row that waits is a whole nominal: who sees it must be shown every level and group."""


def upgrade() -> None:
    """Create the tables, their policies, and what leaving needs of them."""
    script("SET LOCAL ROLE athena_owner")
    script("""
        ALTER TABLE records.source_reference
            ADD COLUMN run_id uuid,
            ADD COLUMN row_number bigint;
        COMMENT ON COLUMN records.source_reference.run_id IS
            'The import that loaded it; nothing where a person noted the reference';

        CREATE TABLE records.import_run (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            run_id uuid NOT NULL,
            source text NOT NULL CHECK (length(source) BETWEEN 1 AND 100),
            file_name text NOT NULL CHECK (length(file_name) BETWEEN 1 AND 255),
            file_sha256 text NOT NULL CHECK (file_sha256 ~ '^[0-9a-f]{64}$'),
            mapping_sha256 text NOT NULL CHECK (mapping_sha256 ~ '^[0-9a-f]{64}$'),
            rows_read bigint NOT NULL DEFAULT 0 CHECK (rows_read >= 0),
            state text NOT NULL DEFAULT 'running'
                CHECK (state IN ('running', 'finished', 'abandoned')),
            started_at timestamptz NOT NULL DEFAULT now(),
            changed_at timestamptz NOT NULL DEFAULT now(),
            loaded bigint,
            PRIMARY KEY (owner_force, run_id),
            CHECK ((loaded IS NOT NULL) = (state = 'finished'))
        );
        CREATE UNIQUE INDEX import_run_unfinished
            ON records.import_run (owner_force, source) WHERE state = 'running';
        COMMENT ON TABLE records.import_run IS
            'A file that is being imported, or was: rows_read is where it goes on';
        COMMENT ON COLUMN records.import_run.loaded IS
            'How many rows were in the store at the end, counted there';

        CREATE TABLE records.import_row (
            owner_force smallint NOT NULL,
            run_id uuid NOT NULL,
            row_number bigint NOT NULL CHECK (row_number > 0),
            line bigint NOT NULL CHECK (line > 0),
            outcome text NOT NULL CHECK (outcome IN ('rejected', 'known', 'held', 'loaded',
                                                     'same', 'dropped')),
            source_id text NOT NULL DEFAULT '' CHECK (length(source_id) <= 200),
            field text NOT NULL DEFAULT '' CHECK (length(field) <= 200),
            reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
            decided_at timestamptz,
            PRIMARY KEY (owner_force, run_id, row_number),
            FOREIGN KEY (owner_force, run_id)
                REFERENCES records.import_run (owner_force, run_id) ON DELETE CASCADE,
            CHECK ((decided_at IS NOT NULL) = (outcome IN ('loaded', 'same', 'dropped')))
        );
        CREATE INDEX import_row_source ON records.import_row (owner_force, run_id, source_id);
        COMMENT ON TABLE records.import_row IS
            'What became of a row that was not loaded at once; nothing that names a person';

        CREATE TABLE records.import_held (
            owner_force smallint NOT NULL,
            run_id uuid NOT NULL,
            row_number bigint NOT NULL,
            label_id smallint NOT NULL,
            matches uuid[] NOT NULL,
            draft jsonb NOT NULL,
            PRIMARY KEY (owner_force, run_id, row_number),
            FOREIGN KEY (owner_force, run_id, row_number)
                REFERENCES records.import_row (owner_force, run_id, row_number)
                ON DELETE CASCADE,
            FOREIGN KEY (owner_force, label_id) REFERENCES ctx.label (owner_force, label_id)
        );
        COMMENT ON TABLE records.import_held IS
            'A row that waits for a decision, and the nominals that it may be';
    """)
    for table in TABLES:
        protect(f"records.{table}")
    _policies()
    script("RESET ROLE")
    _staging()
    _interning()
    _checking_names()


def _policies() -> None:
    whole = " AND ".join(label_shows(scope) for scope in SCOPES)
    script(f"""
        CREATE POLICY own_runs ON records.import_run FOR SELECT TO athena_force
            USING ({IMPORTS});
        CREATE POLICY own_rows ON records.import_row FOR SELECT TO athena_force
            USING ({IMPORTS});
        CREATE POLICY own_held ON records.import_held FOR SELECT TO athena_force
            USING ({IMPORTS} AND {whole});
        CREATE POLICY go_on ON records.import_run FOR UPDATE TO athena_force
            USING ({IMPORTS} AND (SELECT ctx.may_write()) AND state = 'running')
            WITH CHECK ({WRITES});
        CREATE POLICY decide ON records.import_row FOR UPDATE TO athena_force
            USING ({IMPORTS} AND (SELECT ctx.may_write()) AND outcome = 'held')
            WITH CHECK ({WRITES});
        CREATE POLICY decided ON records.import_held FOR DELETE TO athena_force
            USING ({IMPORTS} AND (SELECT ctx.may_write()) AND {whole});
        GRANT SELECT, INSERT ON records.import_run, records.import_row, records.import_held
            TO athena_force;
        GRANT UPDATE (rows_read, state, changed_at, loaded) ON records.import_run TO athena_force;
        GRANT UPDATE (outcome, decided_at) ON records.import_row TO athena_force;
        GRANT DELETE ON records.import_held TO athena_force;
    """)
    for table in TABLES:
        script(f"""
            CREATE POLICY add_own ON records.{table} FOR INSERT TO athena_force
                WITH CHECK ({WRITES});
            CREATE POLICY archivist_reads ON records.{table} FOR SELECT TO athena_archivist
                USING (true);
            CREATE POLICY eraser_counts ON records.{table} FOR SELECT TO athena_eraser
                USING (true);
            CREATE POLICY eraser_erases ON records.{table} FOR DELETE TO athena_eraser
                USING (owner_force IN (SELECT t.tenant_id FROM tenants.tenant AS t
                                       WHERE t.status = 'offboarded'));
            GRANT SELECT ON records.{table} TO athena_archivist, athena_eraser;
            GRANT DELETE ON records.{table} TO athena_eraser;
        """)


def _staging() -> None:
    """Let a force's login have the tables of a batch made, and no other temporary table."""
    create_role(STAGER, "Owns what a batch of an import travels through; never logs in")
    tables = "\n".join(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS pg_temp.{name} (n integer, {columns}) "
        "ON COMMIT DELETE ROWS;"
        for name, columns in STAGED.items()
    )
    granted = ", ".join(f"pg_temp.{name}" for name in STAGED)
    script(f"""
        DO $$ BEGIN
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO {STAGER}', current_database());
        END $$;
        CREATE FUNCTION records.stage_import() RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        SET client_min_messages = warning AS $$
        BEGIN
            {tables}
            GRANT SELECT, INSERT, DELETE ON {granted} TO athena_force;
        END $$;
        COMMENT ON FUNCTION records.stage_import IS
            'Makes the tables of a batch for this session; they are empty after each transaction';
    """)
    hand_over(STAGE, STAGER)
    script(f"GRANT EXECUTE ON FUNCTION {STAGE} TO athena_force")


def _interning() -> None:
    """The registrar's answers for whole batches: a place's key is computed once."""
    script(f"""
        CREATE FUNCTION records.intern_places(
            p_ids uuid[], p_premises text[], p_street text[], p_town text[], p_county text[],
            p_postcode text[], p_uprn bigint[], p_latitude double precision[],
            p_longitude double precision[]
        ) RETURNS uuid[]
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
                WITH wanted AS MATERIALIZED (
                    SELECT w.*, {place_key()} AS place_key
                    FROM unnest(p_ids, p_premises, p_street, p_town, p_county, p_postcode, p_uprn,
                        p_latitude, p_longitude) WITH ORDINALITY AS w (location_id, premises,
                        street, town, county, postcode, uprn, latitude, longitude, ord)
                ), known AS MATERIALIZED (
                    -- Locked until an address refers to it: `forget_places` leaves it alone then.
                    SELECT w.ord, l.location_id FROM wanted AS w
                    JOIN records.location AS l
                      ON l.owner_force = v_owner AND l.place_key = w.place_key
                    FOR KEY SHARE OF l
                ), made AS (
                    -- In one order everywhere, so that writers can't wait in a ring.
                    INSERT INTO records.location (owner_force, location_id, premises, street,
                        town, county, postcode, uprn, latitude, longitude)
                    SELECT v_owner, w.location_id, w.premises, w.street, w.town, w.county,
                        w.postcode, w.uprn, w.latitude, w.longitude
                    FROM wanted AS w
                    WHERE w.ord NOT IN (SELECT k.ord FROM known AS k)
                    ORDER BY w.place_key
                    ON CONFLICT (owner_force, place_key) DO NOTHING
                    RETURNING place_key, location_id
                )
                SELECT array_agg(coalesce(k.location_id, m.location_id) ORDER BY w.ord)
                    FILTER (WHERE coalesce(k.location_id, m.location_id) IS NOT NULL)
                INTO v_ids
                FROM wanted AS w LEFT JOIN known AS k USING (ord)
                LEFT JOIN made AS m USING (place_key);
                -- Fewer where another has made one just now, or taken one away: look again.
                EXIT WHEN coalesce(cardinality(v_ids), 0) >= cardinality(p_ids);
            END LOOP;
            RETURN coalesce(v_ids, '{{}}');
        END $$;
        COMMENT ON FUNCTION records.intern_places IS
            'As intern_locations, for a batch: new places take the ids given for them';

        CREATE FUNCTION records.intern_headers(
            p_ids uuid[], p_classes text[], p_numbers text[], p_labels smallint[]
        ) RETURNS uuid[]
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
            SELECT v_owner, h.record_id, h.record_class, h.record_number, h.label_id
            FROM unnest(p_ids, p_classes, p_numbers, p_labels)
                AS h (record_id, record_class, record_number, label_id)
            ORDER BY h.record_class, h.record_number
            ON CONFLICT (owner_force, record_class, record_number) DO NOTHING;
            SELECT array_agg(r.record_id ORDER BY h.ord) INTO v_ids
            FROM unnest(p_classes, p_numbers) WITH ORDINALITY
                AS h (record_class, record_number, ord)
            JOIN records.record AS r ON r.owner_force = v_owner
                AND r.record_class = h.record_class AND r.record_number = h.record_number;
            RETURN coalesce(v_ids, '{{}}');
        END $$;
        COMMENT ON FUNCTION records.intern_headers IS
            'As intern_records, for a batch: new headers take the ids given for them';
    """)
    for function in (PLACES, HEADERS):
        hand_over(function, "athena_registrar")
    script(f"GRANT EXECUTE ON FUNCTION {PLACES}, {HEADERS} TO athena_force")


CHECK_ONCE = """
            IF EXISTS (SELECT FROM (SELECT DISTINCT k.name_key >> 16 AS pair FROM new_rows AS k)
                           AS k
                       WHERE NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair = k.pair))
                OR EXISTS (SELECT FROM (
                               SELECT (k.name_key >> 39)::integer AS term FROM new_rows AS k
                               UNION
                               SELECT ((k.name_key >> 16) & 8388607)::integer FROM new_rows AS k)
                               AS t
                           WHERE t.term <> 0 AND NOT EXISTS (
                               SELECT FROM names.term AS n WHERE n.term_id = t.term)) THEN"""

CHECK_EACH = """
            IF EXISTS (SELECT FROM (SELECT DISTINCT k.name_key >> 16 AS pair FROM new_rows AS k)
                           AS k
                       WHERE NOT EXISTS (SELECT FROM names.pair AS p WHERE p.pair = k.pair)
                          OR (SELECT count(*) FROM names.term AS t
                              WHERE t.term_id IN ((k.pair >> 23)::integer,
                                                  (k.pair & 8388607)::integer))
                             < (SELECT count(DISTINCT e) FROM unnest(ARRAY[k.pair >> 23,
                                    k.pair & 8388607]) AS e WHERE e <> 0)) THEN"""


def _checking_names(condition: str = CHECK_ONCE) -> None:
    """Look each name of a statement up once, not once for each pair that it stands in."""
    script(f"""
        CREATE OR REPLACE FUNCTION records.check_names() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN{condition}
                RAISE EXCEPTION 'a name was forgotten since it was registered'
                    USING ERRCODE = 'AT004';
            END IF;
            RETURN NULL;
        END $$;
    """)


def downgrade() -> None:
    """Drop the runs; what they loaded stays, and so does the role: it may be another database's."""
    _checking_names(CHECK_EACH)
    script(f"DROP FUNCTION {STAGE}, {PLACES}, {HEADERS}")
    script(f"""
        DO $$ BEGIN
            EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM {STAGER}', current_database());
        END $$;
    """)
    script("DROP TABLE records.import_held, records.import_row, records.import_run")
    script("ALTER TABLE records.source_reference DROP COLUMN run_id, DROP COLUMN row_number")
