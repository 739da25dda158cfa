"""Records: nominals and what hangs on them, each table one level or field group.

Every row carries its nominal's current label: the foreign key (owner, nominal, label) cascades,
so that a child can't keep a label its nominal lost. Replaced rows go to `records.history` by
trigger, and every change of a nominal to the change feed, with its transaction id.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, place_key, protect, script

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CHILD_COLUMNS = """
            owner_force smallint NOT NULL,
            nominal_id uuid NOT NULL,
            row_id uuid NOT NULL,
            label_id smallint NOT NULL,
            changed_at timestamptz NOT NULL DEFAULT now(),
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (owner_force, nominal_id, row_id),
            FOREIGN KEY (owner_force, nominal_id, label_id)
                REFERENCES records.nominal (owner_force, nominal_id, label_id)
                ON UPDATE CASCADE ON DELETE CASCADE"""

CHILDREN = {
    "nominal_name": (
        "summary",
        """
            kind text NOT NULL,
            given_names text NOT NULL CHECK (length(given_names) <= 200),
            surname text NOT NULL CHECK (length(surname) <= 200),
            CHECK (given_names <> '' OR surname <> '')""",
    ),
    "identifier": (
        "identifiers",
        """
            kind text NOT NULL,
            value text NOT NULL CHECK (length(value) BETWEEN 1 AND 64)""",
    ),
    "contact": (
        "contacts",
        """
            kind text NOT NULL,
            value text NOT NULL CHECK (length(value) BETWEEN 1 AND 320)""",
    ),
    "address": (
        "addresses",
        """
            kind text NOT NULL,
            location_id uuid NOT NULL,
            valid_from date,
            valid_to date CHECK (valid_to >= valid_from),
            FOREIGN KEY (owner_force, location_id)
                REFERENCES records.location (owner_force, location_id)""",
    ),
    "description": (
        "descriptions",
        """
            attribute text NOT NULL,
            value text NOT NULL CHECK (length(value) BETWEEN 1 AND 1000)""",
    ),
    "marker": (
        "markers",
        """
            code text NOT NULL,
            note text NOT NULL DEFAULT '' CHECK (length(note) <= 1000),
            valid_from date,
            valid_to date CHECK (valid_to >= valid_from)""",
    ),
    "assessment": (
        "assessments",
        """
            basis text NOT NULL,
            text text NOT NULL CHECK (length(text) BETWEEN 1 AND 10000)""",
    ),
    "involvement": (
        "involvements",
        """
            record_id uuid NOT NULL,
            role text NOT NULL CHECK (role IN ('suspect', 'convicted', 'victim', 'witness',
                                               'other')),
            vulnerability_factors text[] NOT NULL DEFAULT '{}',
            FOREIGN KEY (owner_force, record_id)
                REFERENCES records.record (owner_force, record_id)""",
    ),
}
"""Each child table's scope (the level or group that shows it) and its own columns."""

SCOPES = {table: scope for table, (scope, _) in CHILDREN.items()}

INDEXES = """
    CREATE INDEX identifier_value ON records.identifier (value, kind);
    CREATE INDEX contact_value ON records.contact (value);
    CREATE INDEX location_postcode ON records.location (postcode) WHERE postcode IS NOT NULL;
    CREATE INDEX address_location ON records.address (owner_force, location_id);
    CREATE INDEX involvement_record ON records.involvement (owner_force, record_id);
    CREATE INDEX change_order ON records.change (changed_xid);
    CREATE INDEX history_nominal ON records.history (owner_force, nominal_id, replaced_at);
    CREATE INDEX name_key_by_name ON records.name_key (name_key)
        INCLUDE (label_id, owner_force, nominal_id);
    CREATE INDEX name_key_by_date ON records.name_key (date_key)
        INCLUDE (label_id, owner_force, nominal_id);
"""


def upgrade() -> None:
    """Create the tables of records, their policies, history and change feed."""
    script("SET LOCAL ROLE athena_owner")
    script(f"""
        CREATE TABLE records.nominal (
            owner_force smallint NOT NULL,
            nominal_id uuid NOT NULL,
            label_id smallint NOT NULL,
            version integer NOT NULL DEFAULT 1 CHECK (version > 0),
            sex text,
            gender text,
            date_of_birth date,
            date_of_birth_precision text
                CHECK (date_of_birth_precision IN ('day', 'month', 'year')),
            date_of_death date,
            place_of_birth text CHECK (length(place_of_birth) <= 200),
            created_at timestamptz NOT NULL DEFAULT now(),
            changed_at timestamptz NOT NULL DEFAULT now(),
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (owner_force, nominal_id),
            UNIQUE (owner_force, nominal_id, label_id),
            FOREIGN KEY (owner_force, label_id) REFERENCES ctx.label (owner_force, label_id),
            CHECK ((date_of_birth IS NULL) = (date_of_birth_precision IS NULL)),
            CHECK (date_of_death >= date_of_birth)
        );
        COMMENT ON TABLE records.nominal IS 'A person known to a force: the summary level';

        CREATE TABLE records.location (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            location_id uuid NOT NULL,
            premises text NOT NULL DEFAULT '' CHECK (length(premises) <= 200),
            street text NOT NULL DEFAULT '' CHECK (length(street) <= 200),
            town text NOT NULL DEFAULT '' CHECK (length(town) <= 200),
            county text NOT NULL DEFAULT '' CHECK (length(county) <= 200),
            postcode text,
            uprn bigint CHECK (uprn BETWEEN 1 AND 999999999999),
            latitude double precision CHECK (latitude BETWEEN -90 AND 90),
            longitude double precision CHECK (longitude BETWEEN -180 AND 180),
            place_key bytea NOT NULL GENERATED ALWAYS AS ({place_key()}) STORED,
            changed_at timestamptz NOT NULL DEFAULT now(),
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (owner_force, location_id),
            UNIQUE (owner_force, place_key)
        );
        COMMENT ON TABLE records.location IS
            'A place, once for a force: seen only through an address (or, later, an event) at it';

        CREATE TABLE records.record (
            owner_force smallint NOT NULL,
            record_id uuid NOT NULL,
            record_class text NOT NULL CHECK (record_class IN ('investigation', 'intelligence',
                                                               'custody', 'case')),
            record_number text NOT NULL CHECK (length(record_number) BETWEEN 1 AND 64),
            label_id smallint NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            changed_at timestamptz NOT NULL DEFAULT now(),
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (owner_force, record_id),
            UNIQUE (owner_force, record_class, record_number),
            FOREIGN KEY (owner_force, label_id) REFERENCES ctx.label (owner_force, label_id)
        );
        COMMENT ON TABLE records.record IS
            'The header of an investigation, intelligence report, custody record or case file';
    """)
    for table, (_, columns) in CHILDREN.items():
        script(f"CREATE TABLE records.{table} ({columns},{CHILD_COLUMNS}\n)")
    script(f"""
        CREATE TABLE records.name_key (
            name_key bigint NOT NULL,
            date_key bigint NOT NULL,{CHILD_COLUMNS},
            FOREIGN KEY (owner_force, nominal_id, name_row_id)
                REFERENCES records.nominal_name (owner_force, nominal_id, row_id)
                ON DELETE CASCADE,
            name_row_id uuid NOT NULL
        );
        COMMENT ON TABLE records.name_key IS
            'The match level: each name of a nominal as packed term numbers and date of birth';

        CREATE TABLE records.history (
            owner_force smallint NOT NULL,
            history_id uuid NOT NULL DEFAULT gen_random_uuid(),
            nominal_id uuid NOT NULL,
            label_id smallint NOT NULL,
            scope text NOT NULL,
            table_name text NOT NULL,
            row_id uuid NOT NULL,
            image jsonb NOT NULL,
            valid_from timestamptz NOT NULL,
            replaced_at timestamptz NOT NULL DEFAULT now(),
            replaced_by uuid,
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (owner_force, history_id),
            FOREIGN KEY (owner_force, nominal_id, label_id)
                REFERENCES records.nominal (owner_force, nominal_id, label_id)
                ON UPDATE CASCADE ON DELETE CASCADE
        );
        COMMENT ON TABLE records.history IS
            'Rows as they were before a change; never more visible than the nominal is today';

        CREATE TABLE records.change (
            owner_force smallint NOT NULL,
            change_id uuid NOT NULL DEFAULT gen_random_uuid(),
            nominal_id uuid NOT NULL,
            version integer NOT NULL,
            operation text NOT NULL CHECK (operation IN ('created', 'amended', 'erased')),
            changed_at timestamptz NOT NULL DEFAULT now(),
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (owner_force, change_id)
        );
        COMMENT ON TABLE records.change IS
            'The change feed: gap-free for a reader that stops at pg_snapshot_xmin';
    """)
    script(INDEXES)
    _policies()
    _triggers()
    script("RESET ROLE")
    for function in ("records.keep_history()", "records.feed_change()"):
        hand_over(function, "athena_history")


def _policies() -> None:
    """One read policy for each scope; writes only of one's own force, logged in the transaction."""
    script("GRANT USAGE ON SCHEMA records TO athena_force, athena_history")
    scopes = {**SCOPES, "nominal": "summary", "record": "summary", "name_key": "match"}
    for table, scope in scopes.items():
        protect(f"records.{table}")
        visible = f"label_id = ANY ((SELECT ctx.visible_labels('{scope}'))::smallint[])"
        own = "owner_force = (SELECT ctx.session_tenant()) AND (SELECT ctx.may_write())"
        script(f"""
            CREATE POLICY visible ON records.{table} FOR SELECT TO athena_force
                USING ({visible});
            CREATE POLICY add_own ON records.{table} FOR INSERT TO athena_force
                WITH CHECK ({own});
            CREATE POLICY change_own ON records.{table} FOR UPDATE TO athena_force
                USING ({own} AND {visible}) WITH CHECK ({own});
            CREATE POLICY erase_own ON records.{table} FOR DELETE TO athena_force
                USING ({own} AND {visible});
            GRANT SELECT, INSERT, UPDATE, DELETE ON records.{table} TO athena_force;
        """)
    protect("records.location")
    script("""
        CREATE POLICY visible ON records.location FOR SELECT TO athena_force
            USING (EXISTS (SELECT FROM records.address AS a
                           WHERE a.owner_force = location.owner_force
                             AND a.location_id = location.location_id));
        CREATE POLICY add_own ON records.location FOR INSERT TO athena_force
            WITH CHECK (owner_force = (SELECT ctx.session_tenant())
                        AND (SELECT ctx.may_write()));
        GRANT SELECT, INSERT ON records.location TO athena_force;
    """)
    protect("records.history")
    for scope in sorted({"summary", *SCOPES.values()}):
        script(f"""
            CREATE POLICY visible_{scope} ON records.history FOR SELECT TO athena_force
                USING (scope = '{scope}'
                       AND label_id = ANY ((SELECT ctx.visible_labels('{scope}'))::smallint[]))
        """)
    protect("records.change")
    script("""
        CREATE POLICY own_changes ON records.change FOR SELECT TO athena_force
            USING (owner_force = (SELECT ctx.session_tenant())
                   AND (SELECT ctx.open_grant_set()) IS NOT NULL);
        GRANT SELECT ON records.history, records.change TO athena_force;
        CREATE POLICY keep ON records.history FOR INSERT TO athena_history
            WITH CHECK (owner_force = (SELECT ctx.session_tenant()));
        CREATE POLICY feed ON records.change FOR INSERT TO athena_history
            WITH CHECK (owner_force = (SELECT ctx.session_tenant()));
        CREATE POLICY still_there ON records.nominal FOR SELECT TO athena_history
            USING (owner_force = (SELECT ctx.session_tenant()));
        CREATE POLICY lived_there ON records.location FOR SELECT TO athena_history
            USING (owner_force = (SELECT ctx.session_tenant()));
        GRANT INSERT ON records.history, records.change TO athena_history;
        GRANT SELECT ON records.nominal, records.location TO athena_history;
    """)


def _triggers() -> None:
    script("""
        CREATE FUNCTION records.keep_history() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_old jsonb := to_jsonb(OLD);
            v_row uuid;
            v_label smallint;
        BEGIN
            IF TG_OP = 'UPDATE' AND v_old - '{label_id,changed_at,changed_xid}'::text[]
                    = to_jsonb(NEW) - '{label_id,changed_at,changed_xid}'::text[] THEN
                RETURN NULL;  -- only the label moved, and history's labels move with it
            END IF;
            SELECT label_id INTO v_label FROM records.nominal
            WHERE owner_force = OLD.owner_force AND nominal_id = OLD.nominal_id;
            IF NOT FOUND THEN
                RETURN NULL;  -- the nominal is being erased, and its history with it
            END IF;
            v_row := coalesce(v_old ->> 'row_id', v_old ->> 'nominal_id')::uuid;
            IF TG_TABLE_NAME = 'address' THEN  -- the place may go when nobody lives there
                SELECT v_old - 'location_id' || jsonb_build_object('location', to_jsonb(l)
                        - '{owner_force,location_id,place_key,changed_at,changed_xid}'::text[])
                INTO v_old FROM records.location AS l
                WHERE l.owner_force = OLD.owner_force AND l.location_id = OLD.location_id;
            END IF;
            INSERT INTO records.history (owner_force, nominal_id, label_id, scope, table_name,
                row_id, image, valid_from, replaced_by)
            VALUES (OLD.owner_force, OLD.nominal_id, v_label, TG_ARGV[0], TG_TABLE_NAME, v_row,
                v_old - '{owner_force,nominal_id,label_id,row_id,changed_xid}'::text[],
                OLD.changed_at, ctx.session_member());
            RETURN NULL;
        END $$;

        CREATE FUNCTION records.feed_change() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                INSERT INTO records.change (owner_force, nominal_id, version, operation)
                SELECT owner_force, nominal_id, version + 1, 'erased' FROM old_rows;
            ELSE
                INSERT INTO records.change (owner_force, nominal_id, version, operation)
                SELECT owner_force, nominal_id, version,
                       CASE TG_OP WHEN 'INSERT' THEN 'created' ELSE 'amended' END
                FROM new_rows;
            END IF;
            RETURN NULL;
        END $$;
    """)
    for table, scope in {**SCOPES, "nominal": "summary"}.items():
        script(f"""
            CREATE TRIGGER keep_history AFTER UPDATE OR DELETE ON records.{table}
                FOR EACH ROW EXECUTE FUNCTION records.keep_history('{scope}')
        """)
    for event, rows in {
        "INSERT": "NEW TABLE AS new_rows",
        "UPDATE": "NEW TABLE AS new_rows",
        "DELETE": "OLD TABLE AS old_rows",
    }.items():
        script(f"""
            CREATE TRIGGER feed_change_{event.lower()} AFTER {event} ON records.nominal
                REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION records.feed_change()
        """)


def downgrade() -> None:
    """Drop every record: there is no way back for the data, so export first."""
    script("DROP POLICY visible ON records.location")
    tables = ["name_key", *CHILDREN, "history", "change", "record", "location", "nominal"]
    for table in tables:
        script(f"DROP TABLE records.{table}")
    script("DROP FUNCTION records.keep_history, records.feed_change")
