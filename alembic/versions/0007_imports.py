"""Imports: which record of another system a nominal came from, so that nothing is loaded twice."""

from __future__ import annotations

from athena.platform.kernel.migrations import protect, script

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of source references."""
    script("SET LOCAL ROLE athena_owner")
    script("""
        CREATE TABLE records.source_reference (
            owner_force smallint NOT NULL,
            source text NOT NULL CHECK (length(source) BETWEEN 1 AND 100),
            source_id text NOT NULL CHECK (length(source_id) BETWEEN 1 AND 200),
            nominal_id uuid NOT NULL,
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (owner_force, source, source_id),
            FOREIGN KEY (owner_force, nominal_id)
                REFERENCES records.nominal (owner_force, nominal_id) ON DELETE CASCADE
        );
        CREATE INDEX source_reference_nominal
            ON records.source_reference (owner_force, nominal_id);
        COMMENT ON TABLE records.source_reference IS
            'The record of another system that a nominal was imported from';
    """)
    protect("records.source_reference")
    script("""
        CREATE POLICY own_references ON records.source_reference FOR SELECT TO athena_force
            USING (owner_force = (SELECT ctx.session_tenant())
                   AND (SELECT ctx.open_grant_set()) IS NOT NULL);
        CREATE POLICY add_own ON records.source_reference FOR INSERT TO athena_force
            WITH CHECK (owner_force = (SELECT ctx.session_tenant())
                        AND (SELECT ctx.may_write()));
        GRANT SELECT, INSERT ON records.source_reference TO athena_force;
    """)
    script("RESET ROLE")


def downgrade() -> None:
    """Drop the references; imported nominals stay."""
    script("DROP TABLE records.source_reference")
