"""The walls: forced on the owner of what decides, and asked at a tenth of the cost.

Row-level security is forced on the owner of labels, grant sets and the policy's state too. Nothing
runs as the owner, and foreign keys are checked past FORCE: it changes nothing today, and keeps a
function that came to run as the owner from reading what decides.

The functions that every policy asks become PL/pgSQL, which keeps its plans for a session. As SQL
functions they were planned at every call before PostgreSQL 18, over every month of the log, and to
estimate the planner itself asked for the open consultation nine times more.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import script

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("ctx.grant_scope", "ctx.grant_set", "ctx.label", "ctx.policy_state")

PLPGSQL = """
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

    CREATE OR REPLACE FUNCTION ctx.may_write() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        v_open uuid := ctx.open_grant_set();
    BEGIN
        RETURN EXISTS (SELECT FROM audit.event AS e
                       WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                         AND e.login = session_user
                         AND e.kind IN ('collection', 'alteration', 'erasure')
                         AND e.grant_set_id = v_open);
    END $$;

    CREATE OR REPLACE FUNCTION ctx.session_member() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        v_open uuid := ctx.open_grant_set();
    BEGIN
        RETURN (SELECT g.member_id FROM ctx.grant_set AS g WHERE g.grant_set_id = v_open);
    END $$;
"""

SQL = """
    CREATE OR REPLACE FUNCTION ctx.open_grant_set() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT g.grant_set_id
            FROM audit.event AS e
            JOIN ctx.grant_set AS g ON g.grant_set_id = e.grant_set_id
            WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
              AND e.login = session_user AND g.login = session_user
              AND g.expires_at > clock_timestamp()
              AND g.policy_revision = (SELECT s.revision FROM ctx.policy_state AS s)
            LIMIT 1);

    CREATE OR REPLACE FUNCTION ctx.visible_labels(p_scope text) RETURNS smallint[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN coalesce((SELECT s.labels FROM ctx.grant_scope AS s
                     WHERE s.grant_set_id = ctx.open_grant_set() AND s.scope = p_scope), '{}');

    CREATE OR REPLACE FUNCTION ctx.may_write() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN EXISTS (SELECT FROM audit.event AS e
                   WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                     AND e.login = session_user
                     AND e.kind IN ('collection', 'alteration', 'erasure')
                     AND e.grant_set_id = ctx.open_grant_set());

    CREATE OR REPLACE FUNCTION ctx.session_member() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT g.member_id FROM ctx.grant_set AS g
            WHERE g.grant_set_id = ctx.open_grant_set());
"""


def upgrade() -> None:
    """Force it on the owner, and let the functions keep their plans."""
    for table in TABLES:
        script(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    script(PLPGSQL)


def downgrade() -> None:
    """Leave the owner out again, and plan at every call."""
    script(SQL)
    for table in TABLES:
        script(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
