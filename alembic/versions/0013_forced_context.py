"""Row-level security on the owner of labels, grant sets and the policy's state too.

Nothing runs as the owner, and foreign keys are checked past FORCE: it changes nothing today, and
keeps a function that came to run as the owner from reading what decides.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import script

revision = "0013"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = ("ctx.grant_scope", "ctx.grant_set", "ctx.label", "ctx.policy_state")


def upgrade() -> None:
    """Force it on the owner."""
    for table in TABLES:
        script(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """Leave the owner out again."""
    for table in TABLES:
        script(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
