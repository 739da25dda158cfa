"""A consultation is found by its transaction in the index, on a primary and on a standby.

Since 0024 the transaction to look for is worked out within the condition, in a way that PostgreSQL
doesn't know to be free of leaks. Such a condition is compared after the policy of the table, and
there no index helps: each look at what is visible read all consultations of the last minutes.
Worked out beforehand, by a query of its own, it is a value like any other.

Which plan is kept for a function is decided when a session first calls it, and the table may be all
but empty then. So the functions that read it are planned as if reading all of a table cost more
than anything. The one row of the policy's state is therefore asked for by its key: before
PostgreSQL 18 the price of reading that table whole would count as that of the plan, which would be
compiled for it at each call.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import script

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

OPEN_SECONDS = 10
"""How long a logged consultation may be read under on a standby, by the standby's clock."""

NAMED = "nullif(current_setting('athena.logged_xid', true), '')::xid8"
WITHIN = f"c.xid = coalesce(pg_current_xact_id_if_assigned(), {NAMED})"
BEFOREHAND = f"c.xid = (SELECT coalesce(pg_current_xact_id_if_assigned(), {NAMED}))"

READERS = (
    "ctx.open_grant_set()",
    "ctx.visible_labels(text)",
    "ctx.shown_labels(text)",
    "ctx.excepts()",
    "ctx.session_member()",
    "ctx.granted_records(text)",
    "ctx.withheld_records(text)",
)


def upgrade() -> None:
    """Have what is open looked up in the index."""
    _open(BEFOREHAND, "WHERE s.one")
    for function in READERS:
        script(f"ALTER FUNCTION {function} SET enable_seqscan = off")


def downgrade() -> None:
    """Have it looked for among all consultations of the last minutes."""
    for function in READERS:
        script(f"ALTER FUNCTION {function} RESET enable_seqscan")
    _open(WITHIN, "")


def _open(named: str, which: str) -> None:
    """Replace 0024's statement of what an open consultation is."""
    script(f"""
        SET LOCAL ROLE athena_owner;
        CREATE OR REPLACE VIEW ctx.open_consultation WITH (security_invoker = true) AS
            SELECT g.grant_set_id, g.member_id, g.excepts
            FROM ctx.consultation AS c
            JOIN ctx.grant_set AS g ON g.grant_set_id = c.grant_set_id
            WHERE {named}
              AND CASE WHEN pg_is_in_recovery()
                  THEN c.grant_set_id = nullif(current_setting('athena.logged_grants', true),
                                               '')::uuid
                       AND c.at > clock_timestamp() - interval '{OPEN_SECONDS} seconds'
                  ELSE c.xid = pg_current_xact_id_if_assigned() AND c.at = now() END
              AND c.login = session_user AND g.login = session_user
              AND g.expires_at > clock_timestamp()
              AND g.policy_revision = (SELECT s.revision FROM ctx.policy_state AS s {which});
        RESET ROLE;
    """)
