"""Grant sets hold single records beside labels, and labels can be sealed.

`grant_record` shows a record whose label doesn't, `grant_lock` withholds one whose label does.
Where a record stands in neither, its label decides as before.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import (
    hand_over,
    label_shows,
    not_withheld,
    protect,
    record_shows,
    script,
)

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SCOPES = {
    "nominal": "summary",
    "nominal_name": "summary",
    "name_key": "match",
    "identifier": "identifiers",
    "contact": "contacts",
    "address": "addresses",
    "description": "descriptions",
    "marker": "markers",
    "assessment": "assessments",
    "involvement": "involvements",
}
"""The tables of a nominal and the scope that shows each."""

HISTORY_SCOPES = sorted({*SCOPES.values()} - {"match"})
EXISTENCE = ("change", "source_reference", "history")
"""What tells that a record is there at all: its scope is `existence`."""

POINTED = ("name_key", "identifier")
HEADER_OF_SINGLE = """(owner_force, record_id, label_id) IN (
    SELECT i.owner_force, i.record_id, i.label_id FROM records.involvement AS i
    WHERE (i.owner_force, i.nominal_id) IN (SELECT * FROM ctx.granted_records('involvements')))"""
"""A record's header shows with a nominal that is shown by itself, where it has the same label."""

WRITES = "owner_force = (SELECT ctx.session_tenant()) AND (SELECT ctx.may_write())"
MOST_RECORDS = 50

OLD_COMBINATION = "label_owner_force_record_class_marking_handling_conditions__key"
COMBINATION = (
    "owner_force, record_class, marking, handling, conditions, categories, sensitive, restricted"
)
OLD_INTERN = "ctx.intern_label(text, text, text, text[], text[], boolean, boolean)"
INTERN = "ctx.intern_label(text, text, text, text[], text[], boolean, boolean, boolean)"
GRANTED = "ctx.granted_records(text)"
WITHHELD = "ctx.withheld_records(text)"
EXCEPT = "ctx.except_records(uuid, bigint, timestamptz, jsonb, jsonb)"


def upgrade() -> None:
    """Let labels be sealed, grant sets hold records, and policies ask for both."""
    script("SET LOCAL ROLE athena_owner")
    script(f"""
        ALTER TABLE ctx.label ADD COLUMN sealed boolean NOT NULL DEFAULT false;
        ALTER TABLE ctx.label DROP CONSTRAINT {OLD_COMBINATION},
            ADD CONSTRAINT label_combination UNIQUE ({COMBINATION}, sealed);
        COMMENT ON COLUMN ctx.label.sealed IS 'Never opened in an emergency';
        DROP FUNCTION {OLD_INTERN};
    """)
    script(_intern_label(sealed=True))
    _grant_sets()
    script("RESET ROLE")
    hand_over(INTERN, "athena_labels")
    hand_over(GRANTED, "athena_visibility")
    hand_over(WITHHELD, "athena_visibility")
    hand_over(EXCEPT, "athena_grants")
    script(f"""
        GRANT EXECUTE ON FUNCTION {INTERN} TO athena_force;
        GRANT EXECUTE ON FUNCTION {GRANTED}, {WITHHELD} TO athena_force, athena_pointers;
        GRANT EXECUTE ON FUNCTION {EXCEPT} TO athena_policy_writer;
    """)
    script("SET LOCAL ROLE athena_owner")
    _policies()
    script("RESET ROLE")


def _grant_sets() -> None:
    """Single records beside a grant set's labels, and what reads them for the policies."""
    script("""
        ALTER TABLE ctx.policy_state ADD COLUMN exception_epoch bigint NOT NULL DEFAULT 0;
        CREATE TABLE ctx.grant_record (
            grant_set_id uuid NOT NULL REFERENCES ctx.grant_set ON DELETE CASCADE,
            owner_force smallint NOT NULL,
            nominal_id uuid NOT NULL,
            scopes text[] NOT NULL,
            PRIMARY KEY (grant_set_id, owner_force, nominal_id)
        );
        COMMENT ON TABLE ctx.grant_record IS
            'A record that a grant set shows in these scopes, whatever its label';
        CREATE TABLE ctx.grant_lock (
            grant_set_id uuid NOT NULL REFERENCES ctx.grant_set ON DELETE CASCADE,
            owner_force smallint NOT NULL,
            nominal_id uuid NOT NULL,
            kept text[] NOT NULL,
            PRIMARY KEY (grant_set_id, owner_force, nominal_id)
        );
        CREATE INDEX grant_record_nominal ON ctx.grant_record (owner_force, nominal_id);
        CREATE INDEX grant_lock_nominal ON ctx.grant_lock (owner_force, nominal_id);
        COMMENT ON TABLE ctx.grant_lock IS
            'A record that a grant set withholds in every scope but those kept, whatever its label';
    """)
    for table in ("ctx.grant_record", "ctx.grant_lock"):
        protect(table)
        script(f"""
            CREATE POLICY grants_store ON {table} TO athena_grants USING (true) WITH CHECK (true);
            CREATE POLICY visibility_reads ON {table} FOR SELECT TO athena_visibility USING (true);
            GRANT SELECT, INSERT, DELETE ON {table} TO athena_grants;
            GRANT SELECT ON {table} TO athena_visibility;
        """)
    script(f"""
        GRANT UPDATE (expires_at) ON ctx.grant_set TO athena_grants;
        CREATE FUNCTION ctx.granted_records(p_scope text)
        RETURNS TABLE (owner_force smallint, nominal_id uuid)
        LANGUAGE sql STABLE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
        BEGIN ATOMIC
            WITH open AS MATERIALIZED (SELECT ctx.open_grant_set() AS grant_set_id)
            SELECT r.owner_force, r.nominal_id
            FROM open JOIN ctx.grant_record AS r USING (grant_set_id)
            WHERE p_scope = ANY (r.scopes)
            UNION ALL
            SELECT l.owner_force, l.nominal_id
            FROM open JOIN ctx.grant_lock AS l USING (grant_set_id)
            WHERE p_scope = ANY (l.kept);
        END;
        COMMENT ON FUNCTION ctx.granted_records IS
            'The single records this transaction may see in a scope, beside its labels';

        CREATE FUNCTION ctx.withheld_records(p_scope text)
        RETURNS TABLE (owner_force smallint, nominal_id uuid)
        LANGUAGE sql STABLE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
        BEGIN ATOMIC
            WITH open AS MATERIALIZED (SELECT ctx.open_grant_set() AS grant_set_id)
            SELECT l.owner_force, l.nominal_id
            FROM open JOIN ctx.grant_lock AS l USING (grant_set_id)
            WHERE p_scope <> ALL (l.kept)
            UNION ALL
            SELECT r.owner_force, r.nominal_id
            FROM open JOIN ctx.grant_record AS r USING (grant_set_id)
            WHERE p_scope <> ALL (r.scopes);
        END;
        COMMENT ON FUNCTION ctx.withheld_records IS
            'The single records this transaction may not see in a scope, whatever their label';

        CREATE FUNCTION ctx.except_records(
            p_grant_set uuid, p_epoch bigint, p_until timestamptz, p_records jsonb, p_locks jsonb
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_epoch bigint;
        BEGIN
            SELECT exception_epoch INTO v_epoch FROM ctx.policy_state FOR SHARE;
            IF v_epoch IS DISTINCT FROM p_epoch OR p_until <= clock_timestamp() THEN
                RAISE EXCEPTION 'an exception changed while it was being decided'
                    USING ERRCODE = 'AT001';
            END IF;
            IF jsonb_array_length(p_records) > {MOST_RECORDS} THEN
                RAISE EXCEPTION 'a grant set holds at most {MOST_RECORDS} single records'
                    USING ERRCODE = '22023';
            END IF;
            UPDATE ctx.grant_set SET expires_at = least(expires_at, p_until)
            WHERE grant_set_id = p_grant_set AND p_until < expires_at;
            INSERT INTO ctx.grant_record
            SELECT p_grant_set, r.owner_force, r.nominal_id, r.scopes
            FROM jsonb_to_recordset(p_records)
                AS r (owner_force smallint, nominal_id uuid, scopes text[]);
            INSERT INTO ctx.grant_lock
            SELECT p_grant_set, r.owner_force, r.nominal_id, r.kept
            FROM jsonb_to_recordset(p_locks)
                AS r (owner_force smallint, nominal_id uuid, kept text[]);
            RETURN p_grant_set;
        END $$;
        COMMENT ON FUNCTION ctx.except_records IS
            'Adds single records to a grant set just stored, if none has changed meanwhile';
    """)


def _policies() -> None:
    """Every table of a nominal asks for labels and records; what is withheld wins over both."""
    for table, scope in SCOPES.items():
        _show(table, f"({label_shows(scope)} OR {record_shows(scope)})")
        script(f"""
            CREATE POLICY not_withheld ON records.{table} AS RESTRICTIVE TO athena_force
                USING ({not_withheld(scope)}) WITH CHECK (true)
        """)
    _show("record", f"({label_shows('summary')} OR {HEADER_OF_SINGLE})")
    for table in POINTED:
        script(f"""
            ALTER POLICY pointers ON records.{table}
                USING ({label_shows("pointer")} OR {record_shows("pointer")});
            CREATE POLICY not_withheld_pointer ON records.{table} AS RESTRICTIVE FOR SELECT
                TO athena_pointers USING ({not_withheld("pointer")});
        """)
    for table in EXISTENCE:
        script(f"""
            CREATE POLICY not_withheld ON records.{table} AS RESTRICTIVE TO athena_force
                USING ({not_withheld("existence")}) WITH CHECK (true)
        """)
    for scope in HISTORY_SCOPES:
        script(f"""
            ALTER POLICY visible_{scope} ON records.history USING (scope = '{scope}'
                AND ({label_shows(scope)} OR {record_shows(scope)}) AND {not_withheld(scope)})
        """)


def _show(table: str, visible: str) -> None:
    script(f"""
        ALTER POLICY visible ON records.{table} USING ({visible});
        ALTER POLICY change_own ON records.{table} USING ({WRITES} AND {visible});
        ALTER POLICY erase_own ON records.{table} USING ({WRITES} AND {visible});
    """)


def _intern_label(*, sealed: bool) -> str:
    """Return the function of 0003, with or without the part that may be sealed."""
    parameter = ", p_sealed boolean DEFAULT false" if sealed else ""
    condition = " AND sealed = p_sealed" if sealed else ""
    value = ", p_sealed" if sealed else ""
    look_up = f"""
            SELECT label_id INTO v_label FROM ctx.label
            WHERE owner_force = v_owner AND record_class = p_record_class
              AND marking = p_marking AND handling = p_handling
              AND conditions = v_conditions AND categories = v_categories
              AND sensitive = p_sensitive AND restricted = p_restricted{condition};"""
    return f"""
        CREATE FUNCTION ctx.intern_label(
            p_record_class text, p_marking text, p_handling text, p_conditions text[],
            p_categories text[], p_sensitive boolean, p_restricted boolean{parameter}
        ) RETURNS smallint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_owner smallint := ctx.session_tenant();
            v_conditions text[] := ARRAY(SELECT DISTINCT c FROM unnest(p_conditions) AS c
                                         ORDER BY c);
            v_categories text[] := ARRAY(SELECT DISTINCT c FROM unnest(p_categories) AS c
                                         ORDER BY c);
            v_label smallint;
        BEGIN{look_up}
            IF v_label IS NOT NULL THEN
                RETURN v_label;
            END IF;
            -- The epoch's row lock makes interning one at a time; the look-up is then repeated.
            UPDATE ctx.policy_state SET label_epoch = label_epoch + 1;{look_up}
            IF v_label IS NULL THEN
                INSERT INTO ctx.label
                SELECT coalesce(max(label_id), 0) + 1, v_owner, p_record_class, p_marking,
                       p_handling, v_conditions, v_categories, p_sensitive, p_restricted{value}
                FROM ctx.label
                RETURNING label_id INTO v_label;
                PERFORM pg_notify('athena_policy', '');
            END IF;
            RETURN v_label;
        END $$;
        COMMENT ON FUNCTION ctx.intern_label IS
            'The number of a label of the calling force, made when it is new';
    """


def downgrade() -> None:
    """Give every record back to its label; what was sealed carries the label without the seal."""
    for table, scope in SCOPES.items():
        script(f"DROP POLICY not_withheld ON records.{table}")
        _show(table, label_shows(scope))
    _show("record", label_shows("summary"))
    for table in POINTED:
        script(f"""
            DROP POLICY not_withheld_pointer ON records.{table};
            ALTER POLICY pointers ON records.{table} USING ({label_shows("pointer")});
        """)
    for table in EXISTENCE:
        script(f"DROP POLICY not_withheld ON records.{table}")
    for scope in HISTORY_SCOPES:
        script(f"""
            ALTER POLICY visible_{scope} ON records.history
                USING (scope = '{scope}' AND {label_shows(scope)})
        """)
    script(f"""
        DROP FUNCTION {GRANTED}, {WITHHELD}, {EXCEPT}, {INTERN};
        DROP TABLE ctx.grant_record, ctx.grant_lock;
        ALTER TABLE ctx.policy_state DROP COLUMN exception_epoch;
        REVOKE UPDATE (expires_at) ON ctx.grant_set FROM athena_grants;
    """)
    script("SET LOCAL ROLE athena_owner")
    _unseal()
    script(_intern_label(sealed=False))
    script("RESET ROLE")
    hand_over(OLD_INTERN, "athena_labels")
    script(f"GRANT EXECUTE ON FUNCTION {OLD_INTERN} TO athena_force")


def _unseal() -> None:
    """Move records from each sealed label to its twin without the seal, where there is one."""
    same = " AND ".join(f"s.{column} = t.{column}" for column in COMBINATION.split(", "))
    tables = ("nominal", "record")
    for table in tables:
        script(f"""
            ALTER TABLE records.{table} NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER;
            UPDATE records.{table} AS r SET label_id = t.label_id
            FROM ctx.label AS s JOIN ctx.label AS t ON s.sealed AND NOT t.sealed AND {same}
            WHERE r.owner_force = s.owner_force AND r.label_id = s.label_id;
            ALTER TABLE records.{table} FORCE ROW LEVEL SECURITY, ENABLE TRIGGER USER;
        """)
    script(f"""
        DELETE FROM ctx.label AS s USING ctx.label AS t WHERE s.sealed AND NOT t.sealed AND {same};
        DELETE FROM ctx.grant_set;
        ALTER TABLE ctx.label DROP CONSTRAINT label_combination, DROP COLUMN sealed,
            ADD CONSTRAINT {OLD_COMBINATION} UNIQUE ({COMBINATION});
    """)
