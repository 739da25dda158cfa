"""Reading on a hot standby: a consultation that was logged before, and has been replayed there.

A standby takes no event, so a transaction there names one of the primary's by its transaction and
its grant set. It counts for a few seconds. On the primary nothing changes: a name opens nothing.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import script

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

OPEN_SECONDS = 10
"""How long a logged consultation may be read under on a standby, by the standby's clock."""

HERE = "c.xid = pg_current_xact_id_if_assigned() AND c.at = now()"

# On a standby no transaction has a number, so the named one is looked for; whoever knows the grant
# set could have logged a consultation under it, and did: the row came from the log's own function.
HERE_OR_REPLAYED = f"""
    c.xid = coalesce(pg_current_xact_id_if_assigned(),
                     nullif(current_setting('athena.logged_xid', true), '')::xid8)
    AND CASE WHEN pg_is_in_recovery()
        THEN c.grant_set_id = nullif(current_setting('athena.logged_grants', true), '')::uuid
             AND c.at > clock_timestamp() - interval '{OPEN_SECONDS} seconds'
        ELSE {HERE} END"""


def upgrade() -> None:
    """Let a standby show what a replayed consultation shows."""
    _open(HERE_OR_REPLAYED)


def downgrade() -> None:
    """Let a consultation count in its own transaction only, so that a standby shows nothing."""
    _open(HERE)


def _open(counts: str) -> None:
    """Replace 0020's statement of what an open consultation is."""
    script(f"""
        SET LOCAL ROLE athena_owner;
        CREATE OR REPLACE VIEW ctx.open_consultation WITH (security_invoker = true) AS
            SELECT g.grant_set_id, g.member_id, g.excepts
            FROM ctx.consultation AS c
            JOIN ctx.grant_set AS g ON g.grant_set_id = c.grant_set_id
            WHERE {counts}
              AND c.login = session_user AND g.login = session_user
              AND g.expires_at > clock_timestamp()
              AND g.policy_revision = (SELECT s.revision FROM ctx.policy_state AS s);
        RESET ROLE;
    """)
