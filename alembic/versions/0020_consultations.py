"""What every policy asks costs less: the open consultation, the labels shown, what is withheld.

The open consultation was looked for in the log, where PostgreSQL must lock and prune every month's
table at each question. Now `audit.append` notes it beside the event, in the same transaction, and
one look-up by transaction finds it.

A record that is shown by itself, as a pointer, is opened in an emergency as any other is.

Labels shown were an array that is searched for each row; beside it stands a flag for each label.
What is withheld, a set of rows of which each statement made a hash table, is looked into only where
the grant set holds single records.
"""

from __future__ import annotations

from collections.abc import Callable

from athena.platform.kernel.migrations import (
    hand_over,
    label_is_shown,
    label_shows,
    not_kept_back,
    not_withheld,
    protect,
    record_shows,
    script,
)

revision = "0020"
down_revision = "0019"
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
EXISTENCE = ("change", "source_reference", "history", "restriction", "lock", "emergency_access")
"""What tells that a record is there at all: its scope is `existence`."""

POINTED = ("name_key", "identifier")
HEADER_OF_SINGLE = """(owner_force, record_id, label_id) IN (
    SELECT i.owner_force, i.record_id, i.label_id FROM records.involvement AS i
    WHERE (i.owner_force, i.nominal_id) IN (SELECT * FROM ctx.granted_records('involvements')))"""
WRITES = "owner_force = (SELECT ctx.session_tenant()) AND (SELECT ctx.may_write())"

FORGET = "ctx.forget_consultations()"
EXCEPTING = "ctx.mark_excepting()"
SHOWN = "ctx.shown_labels(text)"
EXCEPTS = "ctx.excepts()"
ASKED_BY = "athena_force, athena_pointers, athena_emergency"

Condition = Callable[[str], str]
"""From a scope to the condition of a policy."""

APPEND_NOTES = """
            INSERT INTO ctx.consultation (xid, at, login, grant_set_id)
            VALUES (pg_current_xact_id(), now(), session_user, p_grant_set)
            ON CONFLICT DO NOTHING;"""

FROM_TABLE = """
    CREATE OR REPLACE FUNCTION ctx.open_grant_set() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RETURN (SELECT o.grant_set_id FROM ctx.open_consultation AS o);
    END $$;

    CREATE OR REPLACE FUNCTION ctx.visible_labels(p_scope text) RETURNS smallint[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RETURN coalesce((SELECT s.labels
                         FROM ctx.open_consultation AS o
                         JOIN ctx.grant_scope AS s ON s.grant_set_id = o.grant_set_id
                         WHERE s.scope = p_scope), '{}');
    END $$;

    CREATE FUNCTION ctx.shown_labels(p_scope text) RETURNS boolean[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RETURN (SELECT s.shown
                FROM ctx.open_consultation AS o
                JOIN ctx.grant_scope AS s ON s.grant_set_id = o.grant_set_id
                WHERE s.scope = p_scope);
    END $$;
    COMMENT ON FUNCTION ctx.shown_labels IS
        'The labels this transaction may see in a scope, as a flag at each label''s place';

    CREATE FUNCTION ctx.excepts() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RETURN coalesce((SELECT o.excepts FROM ctx.open_consultation AS o), true);
    END $$;
    COMMENT ON FUNCTION ctx.excepts IS
        'Whether this transaction shows or withholds single records; true where none is open';

    CREATE OR REPLACE FUNCTION ctx.session_member() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RETURN (SELECT o.member_id FROM ctx.open_consultation AS o);
    END $$;

    CREATE OR REPLACE FUNCTION ctx.granted_records(p_scope text)
    RETURNS TABLE (owner_force smallint, nominal_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    #variable_conflict use_column
    DECLARE
        v_open uuid := (SELECT o.grant_set_id FROM ctx.open_consultation AS o);
    BEGIN
        RETURN QUERY
        SELECT r.owner_force, r.nominal_id FROM ctx.grant_record AS r
        WHERE r.grant_set_id = v_open AND p_scope = ANY (r.scopes)
        UNION ALL
        SELECT l.owner_force, l.nominal_id FROM ctx.grant_lock AS l
        WHERE l.grant_set_id = v_open AND p_scope = ANY (l.kept);
    END $$;

    CREATE OR REPLACE FUNCTION ctx.withheld_records(p_scope text)
    RETURNS TABLE (owner_force smallint, nominal_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    #variable_conflict use_column
    DECLARE
        v_open uuid := (SELECT o.grant_set_id FROM ctx.open_consultation AS o);
    BEGIN
        RETURN QUERY
        SELECT l.owner_force, l.nominal_id FROM ctx.grant_lock AS l
        WHERE l.grant_set_id = v_open AND p_scope <> ALL (l.kept)
        UNION ALL
        SELECT r.owner_force, r.nominal_id FROM ctx.grant_record AS r
        WHERE r.grant_set_id = v_open AND p_scope <> ALL (r.scopes);
    END $$;
"""

FROM_LOG = """
    CREATE OR REPLACE FUNCTION ctx.open_grant_set() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RETURN (SELECT g.grant_set_id
                FROM audit.event AS e
                JOIN ctx.grant_set AS g ON g.grant_set_id = e.grant_set_id
                WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                  AND e.login = session_user AND g.login = session_user
                  AND g.expires_at > clock_timestamp()
                  AND g.policy_revision = (SELECT s.revision FROM ctx.policy_state AS s)
                LIMIT 1);
    END $$;

    CREATE OR REPLACE FUNCTION ctx.visible_labels(p_scope text) RETURNS smallint[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        v_open uuid := ctx.open_grant_set();
    BEGIN
        RETURN coalesce((SELECT s.labels FROM ctx.grant_scope AS s
                         WHERE s.grant_set_id = v_open AND s.scope = p_scope), '{}');
    END $$;

    CREATE OR REPLACE FUNCTION ctx.session_member() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        v_open uuid := ctx.open_grant_set();
    BEGIN
        RETURN (SELECT g.member_id FROM ctx.grant_set AS g WHERE g.grant_set_id = v_open);
    END $$;

    CREATE OR REPLACE FUNCTION ctx.granted_records(p_scope text)
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

    CREATE OR REPLACE FUNCTION ctx.withheld_records(p_scope text)
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
"""


def upgrade() -> None:
    """Note each open consultation, and let the policies ask in the cheaper way."""
    script("SET LOCAL ROLE athena_owner")
    _consultations()
    _grant_sets()
    script("RESET ROLE")
    hand_over(FORGET, "athena_grants")
    hand_over(EXCEPTING, "athena_grants")
    script("GRANT USAGE ON SCHEMA ctx TO athena_audit_writer")
    script(_append(APPEND_NOTES))
    script(FROM_TABLE)
    for function in (SHOWN, EXCEPTS):
        hand_over(function, "athena_visibility")
        script(f"GRANT EXECUTE ON FUNCTION {function} TO {ASKED_BY}")
    _policies(label_is_shown, not_kept_back)
    # A record that is shown by itself is opened like one that its label shows.
    granted = f"{record_shows('pointer')} OR {record_shows('summary')}"
    _open(f"{label_is_shown('pointer')} OR {label_is_shown('summary')} OR {granted}")
    script("GRANT EXECUTE ON FUNCTION ctx.granted_records(text) TO athena_emergency")


def downgrade() -> None:
    """Look for the open consultation in the log again, and for labels in arrays."""
    _policies(label_shows, not_withheld)
    _open(f"{label_shows('pointer')} OR {label_shows('summary')}")
    script("REVOKE EXECUTE ON FUNCTION ctx.granted_records(text) FROM athena_emergency")
    script(FROM_LOG)
    script(_append(""))
    script(f"""
        DROP FUNCTION {SHOWN}, {EXCEPTS};
        DROP TRIGGER forget_consultations ON ctx.grant_set;
        DROP TRIGGER excepting ON ctx.grant_record;
        DROP TRIGGER excepting ON ctx.grant_lock;
        DROP FUNCTION {FORGET}, {EXCEPTING};
        DROP VIEW ctx.open_consultation;
        DROP TABLE ctx.consultation;
        ALTER TABLE ctx.grant_set DROP COLUMN excepts;
        ALTER TABLE ctx.grant_scope DROP COLUMN shown;
        DROP FUNCTION ctx.flags_of(smallint[]);
    """)


def _consultations() -> None:
    script("""
        CREATE TABLE ctx.consultation (
            xid xid8 PRIMARY KEY,
            at timestamptz NOT NULL,
            login name NOT NULL,
            grant_set_id uuid NOT NULL
        );
        COMMENT ON TABLE ctx.consultation IS
            'The grant set under which a transaction has logged what it looks at; kept a minute';
    """)
    protect("ctx.consultation")
    script("""
        CREATE POLICY writer_notes ON ctx.consultation FOR INSERT TO athena_audit_writer
            WITH CHECK (xid = pg_current_xact_id() AND at = now() AND login = session_user);
        CREATE POLICY own_transaction ON ctx.consultation FOR SELECT TO athena_visibility
            USING (login = session_user);
        CREATE POLICY grants_look ON ctx.consultation FOR SELECT TO athena_grants
            USING (at < now() - interval '1 minute');
        CREATE POLICY grants_lock ON ctx.consultation FOR UPDATE TO athena_grants
            USING (at < now() - interval '1 minute');
        CREATE POLICY grants_forget ON ctx.consultation FOR DELETE TO athena_grants
            USING (at < now() - interval '1 minute');
        GRANT INSERT ON ctx.consultation TO athena_audit_writer;
        GRANT SELECT ON ctx.consultation TO athena_visibility;
        GRANT SELECT, UPDATE, DELETE ON ctx.consultation TO athena_grants;

        CREATE FUNCTION ctx.forget_consultations() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            -- What another process forgets just now is skipped, so that nobody waits.
            DELETE FROM ctx.consultation WHERE xid IN (
                SELECT xid FROM ctx.consultation
                WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
                  AND at < now() - interval '1 minute'
                FOR UPDATE SKIP LOCKED);
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION ctx.forget_consultations IS
            'Removes the notes of transactions that have ended, whenever a grant set is stored';
        CREATE TRIGGER forget_consultations AFTER INSERT ON ctx.grant_set
            FOR EACH STATEMENT EXECUTE FUNCTION ctx.forget_consultations();
    """)


def _grant_sets() -> None:
    script("""
        CREATE FUNCTION ctx.flags_of(p_labels smallint[]) RETURNS boolean[]
        LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
        RETURN ARRAY(SELECT label = ANY (p_labels)
                     FROM generate_series(1, (SELECT max(l) FROM unnest(p_labels) AS l)) AS label);
        COMMENT ON FUNCTION ctx.flags_of IS 'An array of numbers as true at the place of each';
        GRANT EXECUTE ON FUNCTION ctx.flags_of(smallint[]) TO athena_grants;
        ALTER TABLE ctx.grant_scope
            ADD COLUMN shown boolean[] GENERATED ALWAYS AS (ctx.flags_of(labels)) STORED;
        ALTER TABLE ctx.grant_set ADD COLUMN excepts boolean NOT NULL DEFAULT false;
        COMMENT ON COLUMN ctx.grant_set.excepts IS 'It shows or withholds single records';
        GRANT UPDATE (excepts) ON ctx.grant_set TO athena_grants;

        CREATE FUNCTION ctx.mark_excepting() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            UPDATE ctx.grant_set SET excepts = true
            WHERE NOT excepts AND grant_set_id IN (SELECT grant_set_id FROM excepted);
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION ctx.mark_excepting IS
            'Marks a grant set that holds single records, so that others need not look for them';
        CREATE TRIGGER excepting AFTER INSERT ON ctx.grant_record
            REFERENCING NEW TABLE AS excepted
            FOR EACH STATEMENT EXECUTE FUNCTION ctx.mark_excepting();
        CREATE TRIGGER excepting AFTER INSERT ON ctx.grant_lock
            REFERENCING NEW TABLE AS excepted
            FOR EACH STATEMENT EXECUTE FUNCTION ctx.mark_excepting();

        -- The one statement of what an open consultation is. It runs with its reader's rights.
        CREATE VIEW ctx.open_consultation WITH (security_invoker = true) AS
            SELECT g.grant_set_id, g.member_id, g.excepts
            FROM ctx.consultation AS c
            JOIN ctx.grant_set AS g ON g.grant_set_id = c.grant_set_id
            WHERE c.xid = pg_current_xact_id_if_assigned() AND c.at = now()
              AND c.login = session_user AND g.login = session_user
              AND g.expires_at > clock_timestamp()
              AND g.policy_revision = (SELECT s.revision FROM ctx.policy_state AS s);
        COMMENT ON VIEW ctx.open_consultation IS
            'The logged consultation of this transaction, if its grant set still holds';
        GRANT SELECT ON ctx.open_consultation TO athena_visibility;
    """)


def _policies(shows: Condition, kept: Condition) -> None:
    """State every condition on labels and on withheld records in one of its two forms."""
    script("SET LOCAL ROLE athena_owner")
    for table, scope in SCOPES.items():
        _show(table, f"({shows(scope)} OR {record_shows(scope)})")
        script(f"ALTER POLICY not_withheld ON records.{table} USING ({kept(scope)})")
    _show("record", f"({shows('summary')} OR {HEADER_OF_SINGLE})")
    for table in POINTED:
        script(f"""
            ALTER POLICY pointers ON records.{table}
                USING ({shows("pointer")} OR {record_shows("pointer")});
            ALTER POLICY not_withheld_pointer ON records.{table} USING ({kept("pointer")});
        """)
    for table in EXISTENCE:
        script(f"ALTER POLICY not_withheld ON records.{table} USING ({kept('existence')})")
    for scope in HISTORY_SCOPES:
        script(f"""
            ALTER POLICY visible_{scope} ON records.history USING (scope = '{scope}'
                AND ({shows(scope)} OR {record_shows(scope)}) AND {kept(scope)})
        """)
    own = "owner_force = (SELECT ctx.session_tenant())"
    script(f"""
        ALTER POLICY not_withheld_emergency ON records.nominal USING ({kept("existence")});
        ALTER POLICY own_visible ON work.file USING ({own} AND {shows("summary")});
        ALTER POLICY change_own ON work.file USING ({WRITES} AND {shows("summary")});
        ALTER POLICY erase_own ON work.file USING ({WRITES} AND {shows("summary")});
    """)
    script("RESET ROLE")


def _open(openable: str) -> None:
    script(f"""
        SET LOCAL ROLE athena_owner;
        ALTER POLICY openable ON records.nominal USING ({openable});
        RESET ROLE;
    """)


def _show(table: str, visible: str) -> None:
    script(f"""
        ALTER POLICY visible ON records.{table} USING ({visible});
        ALTER POLICY change_own ON records.{table} USING ({WRITES} AND {visible});
        ALTER POLICY erase_own ON records.{table} USING ({WRITES} AND {visible});
    """)


def _append(notes: str) -> str:
    """Return the function of 0004, with or without noting which consultation is open."""
    return f"""
        CREATE OR REPLACE FUNCTION audit.append(
            p_grant_set uuid, p_kind text, p_action text, p_reason text, p_content jsonb,
            p_records jsonb, OUT event_id uuid, OUT label_epoch integer
        )
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_grant ctx.grant_set%ROWTYPE;
            v_state ctx.policy_state%ROWTYPE;
        BEGIN
            IF p_kind IN ('refusal', 'administration') THEN
                RAISE EXCEPTION 'not a kind of event on records' USING ERRCODE = '22023';
            END IF;
            IF length(btrim(coalesce(p_reason, ''))) = 0 THEN
                RAISE EXCEPTION 'an event on records needs a reason' USING ERRCODE = '22023';
            END IF;
            SELECT * INTO v_grant FROM ctx.grant_set
            WHERE grant_set_id = p_grant_set AND login = session_user
                AND expires_at > clock_timestamp();
            SELECT * INTO v_state FROM ctx.policy_state;
            IF v_grant.grant_set_id IS NULL OR v_grant.policy_revision <> v_state.revision THEN
                RAISE EXCEPTION 'the grant set is not valid, or no longer' USING ERRCODE = 'AT001';
            END IF;
            event_id := audit.write(p_kind, p_action, v_grant.member_id, v_grant.username,
                v_grant.roles, v_grant.purpose, p_grant_set, v_grant.decision_id,
                v_grant.policy_revision, p_reason, p_content, p_records);{notes}
            label_epoch := v_state.label_epoch;
        END $$;
    """
