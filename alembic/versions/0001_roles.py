"""Roles: an owner that can't log in, an owner for each definer function, least-privilege logins.

A force's own login is not made here: a new force is a call (`tenants.create_force`), never a
migration. Roles belong to the whole server, so several databases may share them.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DEFINERS = {
    "athena_audit_writer": "appends to the audit log",
    "athena_directory_reader": "tells which tenant a login is",
    "athena_grants": "stores grant sets and raises the policy revision",
    "athena_history": "keeps replaced rows and the change feed",
    "athena_labels": "interns labels",
    "athena_pointers": "answers that a record exists, and whom to contact",
    "athena_provisioner": "creates forces and their logins",
    "athena_registrar": "finds or makes the places and record headers that nominals refer to",
    "athena_visibility": "tells which labels a consultation may see",
}

LOGINS = {
    "athena_amo": "governance, tenants and agreements; no force's records",
    "athena_auditor": "the audit log",
    "athena_dictionary": "name terms and name pairs; no records",
    "athena_directory": "members and their roles, to sign in; no records",
    "athena_policy_writer": "agreements and labels in, grant sets out; no records",
}

RESERVED = {
    "athena_counter": "counts per label, for simulation and management information",
    "athena_linker": "match fields, to compare",
    "athena_outbox": "messages to deliver",
    "athena_ppss": "partner grant sets",
    "athena_sealer": "the audit log, to seal it",
}
"""Named now so that no force can take the name; they can't log in before their service exists."""

LARGE_OBJECTS = (
    "lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_open(oid, integer), "
    "lo_put(oid, bigint, bytea), lo_get(oid), lo_get(oid, bigint, integer), lo_unlink(oid), "
    "lowrite(integer, bytea), loread(integer, integer)"
)
"""Large objects stand outside row-level security, so no login may make or read one."""

SCHEMAS = ("audit", "ctx", "names", "policies", "records", "sharing", "tenants")


def upgrade() -> None:
    """Create the roles that are missing and the schemas, and take from PUBLIC what it holds."""
    for role, comment in {"athena_owner": "owns every table", **DEFINERS}.items():
        _create_role(role, "NOLOGIN", comment)
    _create_role("athena_force", "NOLOGIN", "what every force's login may do")
    for role, comment in LOGINS.items():
        _create_role(role, "LOGIN", comment)
    for role, comment in RESERVED.items():
        _create_role(role, "NOLOGIN", comment)
    script("ALTER ROLE athena_provisioner CREATEROLE")
    script("GRANT athena_force TO athena_provisioner WITH ADMIN OPTION")
    script("""
        DO $$
        DECLARE role text;
        BEGIN
            -- An administrator who isn't superuser must be able to hand objects to their owners.
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                FOR role IN SELECT rolname FROM pg_roles
                            WHERE rolname LIKE 'athena\\_%' AND NOT rolcanlogin LOOP
                    EXECUTE format('GRANT %I TO CURRENT_USER', role);
                END LOOP;
            END IF;
            EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO athena_force', current_database());
        END $$
    """)
    for login in LOGINS:
        script(f"""
            DO $$ BEGIN
                EXECUTE format('GRANT CONNECT ON DATABASE %I TO {login}', current_database());
            END $$
        """)
    script("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    script(f"REVOKE EXECUTE ON FUNCTION {LARGE_OBJECTS} FROM PUBLIC")
    for schema in SCHEMAS:
        script(f"CREATE SCHEMA {schema} AUTHORIZATION athena_owner")
    script("ALTER DEFAULT PRIVILEGES FOR ROLE athena_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")


def downgrade() -> None:
    """Drop the schemas, and the roles unless another database of this server needs them."""
    for schema in SCHEMAS:
        script(f"DROP SCHEMA {schema} CASCADE")
    script("GRANT USAGE ON SCHEMA public TO PUBLIC")
    script(f"GRANT EXECUTE ON FUNCTION {LARGE_OBJECTS} TO PUBLIC")
    script("""
        DO $$
        DECLARE role text;
        BEGIN
            EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
            ALTER DEFAULT PRIVILEGES FOR ROLE athena_owner
                GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
            FOR role IN SELECT rolname FROM pg_roles
                        WHERE rolname LIKE 'athena\\_%' AND NOT rolsuper LOOP
                EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), role);
            END LOOP;
            IF EXISTS (SELECT FROM pg_shdepend
                       WHERE refclassid = 'pg_authid'::regclass
                         AND refobjid = 'athena_owner'::regrole AND dbid <> 0
                         AND dbid <> (SELECT oid FROM pg_database
                                      WHERE datname = current_database())) THEN
                RAISE NOTICE 'the roles stay: another database of this server needs them';
                RETURN;
            END IF;
            FOR role IN SELECT rolname FROM pg_roles
                        WHERE rolname LIKE 'athena\\_%' AND NOT rolsuper LOOP
                -- Not before this point: it takes the role's rights on every database.
                EXECUTE format('DROP OWNED BY %I', role);
                EXECUTE format('DROP ROLE %I', role);
            END LOOP;
        END $$
    """)


def _create_role(role: str, login: str, comment: str) -> None:
    script(f"""
        DO $$ BEGIN
            CREATE ROLE {role} {login} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION
                NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this server made it
        END $$
    """)
    script(f"COMMENT ON ROLE {role} IS $${comment}$$")
