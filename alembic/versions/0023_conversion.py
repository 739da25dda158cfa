"""Back record conversion: runs of imports, what became of every row, and rows that wait.

A run's row is its checkpoint: it moves in the transaction that loads the rows it counts, so a
process that is killed loses nothing and doubles nothing. What a row says of a person stands in
`import_held` alone, under its nominal's label, and goes with the decision.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import label_shows, protect, script

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = ("import_run", "import_row", "import_held")

OWN = "owner_force = (SELECT ctx.session_tenant())"
IMPORTS = f"{OWN} AND owner_force = ANY ((SELECT ctx.visible_labels('imports'))::smallint[])"
WRITES = f"{OWN} AND (SELECT ctx.may_write())"

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


def downgrade() -> None:
    """Drop the runs; what they loaded stays."""
    script("DROP TABLE records.import_held, records.import_row, records.import_run")
    script("ALTER TABLE records.source_reference DROP COLUMN run_id, DROP COLUMN row_number")
