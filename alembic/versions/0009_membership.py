"""Membership: teams, clearance, and tenants that take part or are suspended."""

from __future__ import annotations

from athena.platform.kernel.migrations import protect, script

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add teams and their members, a member's clearance and a tenant's status."""
    script("SET LOCAL ROLE athena_owner")
    script("""
        ALTER TABLE tenants.tenant ADD COLUMN status text NOT NULL DEFAULT 'active'
            CHECK (status IN ('active', 'suspended', 'offboarded'));
        ALTER TABLE tenants.member ADD COLUMN clearance text NOT NULL DEFAULT 'OFFICIAL'
            CHECK (clearance IN ('OFFICIAL', 'OFFICIAL-SENSITIVE'));

        CREATE TABLE tenants.team (
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            team_id uuid NOT NULL,
            slug text NOT NULL CHECK (slug ~ '^[a-z][a-z0-9-]{1,40}$'),
            name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant_id, team_id),
            UNIQUE (tenant_id, slug)
        );
        COMMENT ON TABLE tenants.team IS 'A group of members that records can be restricted to';
        CREATE TABLE tenants.team_member (
            tenant_id smallint NOT NULL,
            team_id uuid NOT NULL,
            member_id uuid NOT NULL,
            valid_from date NOT NULL,
            valid_to date CHECK (valid_to >= valid_from),
            PRIMARY KEY (tenant_id, team_id, member_id, valid_from),
            FOREIGN KEY (tenant_id, team_id) REFERENCES tenants.team ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, member_id) REFERENCES tenants.member ON DELETE CASCADE
        );
        CREATE INDEX team_member_member ON tenants.team_member (tenant_id, member_id);
    """)
    for table in ("tenants.team", "tenants.team_member"):
        protect(table)
        script(f"""
            CREATE POLICY sign_in_reads ON {table} FOR SELECT TO athena_directory USING (true);
            CREATE POLICY client_body_manages ON {table} TO athena_amo
                USING (true) WITH CHECK (true);
            GRANT SELECT ON {table} TO athena_directory;
            GRANT SELECT, INSERT, UPDATE ON {table} TO athena_amo;
        """)
    script("RESET ROLE")


def downgrade() -> None:
    """Drop teams, clearance and status; a suspended tenant takes part again."""
    script("DROP TABLE tenants.team_member, tenants.team")
    script("ALTER TABLE tenants.member DROP COLUMN clearance")
    script("ALTER TABLE tenants.tenant DROP COLUMN status")
