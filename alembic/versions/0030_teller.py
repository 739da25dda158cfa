"""Let whoever ends assessing read the catalogue, which the guard of changes looks into.

Without it PostgreSQL refused the last assessment of a change once a session had ended assessing
five times: from then on it plans the guard's question on the catalogue for every step, and not only
for the steps that ask it.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import script

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

TELLER = "athena_teller"


def upgrade() -> None:
    """Add the policy and the right that the other tables of governance have."""
    script(f"""
        SET LOCAL ROLE athena_owner;
        CREATE POLICY teller ON governance.catalogue FOR SELECT TO {TELLER} USING (true);
        GRANT SELECT ON governance.catalogue TO {TELLER};
        RESET ROLE;
    """)


def downgrade() -> None:
    """Take them away."""
    script(f"""
        SET LOCAL ROLE athena_owner;
        REVOKE SELECT ON governance.catalogue FROM {TELLER};
        DROP POLICY teller ON governance.catalogue;
        RESET ROLE;
    """)
