"""Tenants, members and roles; a force is created by a call."""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tenant directory, its members and the function that creates a force."""
    script("SET LOCAL ROLE athena_owner")
    script("""
        CREATE TABLE tenants.tenant (
            tenant_id smallint PRIMARY KEY CHECK (tenant_id > 0),
            slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{1,40}$'),
            kind text NOT NULL CHECK (kind IN ('force', 'client_body', 'oversight')),
            name text NOT NULL,
            home_office_code text UNIQUE CHECK (home_office_code ~ '^[0-9]{2}$'),
            login name NOT NULL,
            contact_unit text NOT NULL,
            contact_email text NOT NULL,
            contact_telephone text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            CHECK ((kind = 'force') = (home_office_code IS NOT NULL))
        );
        CREATE UNIQUE INDEX tenant_force_login ON tenants.tenant (login);
        COMMENT ON TABLE tenants.tenant IS
            'Forces, the client body and oversight: a directory without personal data';

        CREATE TABLE tenants.member (
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            member_id uuid NOT NULL,
            username text NOT NULL UNIQUE CHECK (length(username) BETWEEN 1 AND 100),
            display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 200),
            active boolean NOT NULL DEFAULT true,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant_id, member_id)
        );

        CREATE TABLE tenants.member_role (
            tenant_id smallint NOT NULL,
            member_id uuid NOT NULL,
            role text NOT NULL,
            valid_from date NOT NULL DEFAULT current_date,
            valid_to date CHECK (valid_to >= valid_from),
            PRIMARY KEY (tenant_id, member_id, role, valid_from),
            FOREIGN KEY (tenant_id, member_id) REFERENCES tenants.member ON DELETE CASCADE
        );

        ALTER TABLE tenants.tenant ENABLE ROW LEVEL SECURITY;
        ALTER TABLE tenants.tenant FORCE ROW LEVEL SECURITY;
        ALTER TABLE tenants.member ENABLE ROW LEVEL SECURITY;
        ALTER TABLE tenants.member FORCE ROW LEVEL SECURITY;
        ALTER TABLE tenants.member_role ENABLE ROW LEVEL SECURITY;
        ALTER TABLE tenants.member_role FORCE ROW LEVEL SECURITY;

        CREATE POLICY everyone_reads_the_directory ON tenants.tenant FOR SELECT
            TO athena_force, athena_amo, athena_auditor, athena_directory, athena_policy_writer
            USING (true);
        CREATE POLICY provisioner_adds_tenants ON tenants.tenant FOR INSERT
            TO athena_provisioner WITH CHECK (true);
        CREATE POLICY provisioner_reads_tenants ON tenants.tenant FOR SELECT
            TO athena_provisioner USING (true);
        CREATE POLICY own_tenant_of_a_login ON tenants.tenant FOR SELECT
            TO athena_directory_reader USING (login = session_user);
        CREATE POLICY sign_in_reads_members ON tenants.member FOR SELECT
            TO athena_directory USING (true);
        CREATE POLICY sign_in_reads_roles ON tenants.member_role FOR SELECT
            TO athena_directory USING (true);
        CREATE POLICY client_body_manages_members ON tenants.member
            TO athena_amo USING (true) WITH CHECK (true);
        CREATE POLICY client_body_manages_roles ON tenants.member_role
            TO athena_amo USING (true) WITH CHECK (true);

        GRANT USAGE ON SCHEMA tenants TO athena_force, athena_amo, athena_auditor,
            athena_directory, athena_policy_writer, athena_provisioner, athena_directory_reader;
        GRANT SELECT ON tenants.tenant TO athena_force, athena_amo, athena_auditor,
            athena_directory, athena_policy_writer, athena_directory_reader;
        GRANT SELECT, INSERT ON tenants.tenant TO athena_provisioner;
        GRANT SELECT ON tenants.member, tenants.member_role TO athena_directory;
        GRANT SELECT, INSERT, UPDATE ON tenants.member, tenants.member_role TO athena_amo;

        GRANT USAGE ON SCHEMA ctx TO athena_force, athena_amo, athena_auditor,
            athena_directory_reader, athena_policy_writer;

        CREATE FUNCTION ctx.session_tenant() RETURNS smallint
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN (SELECT tenant_id FROM tenants.tenant WHERE login = session_user);
        COMMENT ON FUNCTION ctx.session_tenant() IS
            'The tenant of the login that authenticated: SET ROLE and settings do not move it';

        CREATE FUNCTION tenants.create_force(
            p_slug text, p_name text, p_home_office_code text, p_contact_unit text,
            p_contact_email text, p_contact_telephone text, p_verifier text
        ) RETURNS smallint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_login name := 'athena_' || replace(p_slug, '-', '_');
            v_tenant smallint;
        BEGIN
            IF p_verifier NOT LIKE 'SCRAM-SHA-256$%' THEN
                RAISE EXCEPTION 'a login needs a SCRAM verifier' USING ERRCODE = '22023';
            END IF;
            PERFORM pg_advisory_xact_lock(4277002);
            INSERT INTO tenants.tenant (tenant_id, slug, kind, name, home_office_code, login,
                                        contact_unit, contact_email, contact_telephone)
            SELECT coalesce(max(tenant_id), 0) + 1, p_slug, 'force', p_name, p_home_office_code,
                   v_login, p_contact_unit, p_contact_email, p_contact_telephone
            FROM tenants.tenant
            RETURNING tenant_id INTO v_tenant;
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_login) THEN
                EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE '
                               'NOREPLICATION NOBYPASSRLS IN ROLE athena_force PASSWORD %L',
                               v_login, p_verifier);
            ELSIF NOT pg_has_role(v_login, 'athena_force', 'MEMBER') THEN
                RAISE EXCEPTION 'the login name of this force is taken' USING ERRCODE = '42710';
            ELSE  -- another database of this server has the same force
                EXECUTE format('ALTER ROLE %I PASSWORD %L', v_login, p_verifier);
            END IF;
            RETURN v_tenant;
        END $$;

        CREATE FUNCTION tenants.create_body(
            p_slug text, p_kind text, p_name text, p_login name, p_contact_unit text,
            p_contact_email text, p_contact_telephone text
        ) RETURNS smallint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_tenant smallint;
        BEGIN
            IF (p_kind, p_login) NOT IN (('client_body', 'athena_amo'),
                                         ('oversight', 'athena_auditor')) THEN
                RAISE EXCEPTION 'a body has a login of its kind' USING ERRCODE = '22023';
            END IF;
            PERFORM pg_advisory_xact_lock(4277002);
            INSERT INTO tenants.tenant (tenant_id, slug, kind, name, login,
                                        contact_unit, contact_email, contact_telephone)
            SELECT coalesce(max(tenant_id), 0) + 1, p_slug, p_kind, p_name, p_login,
                   p_contact_unit, p_contact_email, p_contact_telephone
            FROM tenants.tenant
            RETURNING tenant_id INTO v_tenant;
            RETURN v_tenant;
        END $$;
    """)
    script("RESET ROLE")
    hand_over("ctx.session_tenant()", "athena_directory_reader")
    create_force = "tenants.create_force(text, text, text, text, text, text, text)"
    create_body = "tenants.create_body(text, text, text, name, text, text, text)"
    hand_over(create_force, "athena_provisioner")
    hand_over(create_body, "athena_provisioner")
    script(f"GRANT EXECUTE ON FUNCTION {create_force}, {create_body} TO athena_amo")
    script(
        "GRANT EXECUTE ON FUNCTION ctx.session_tenant() TO athena_force, athena_amo, "
        "athena_auditor, athena_audit_writer, athena_labels, athena_pointers, athena_history"
    )


def downgrade() -> None:
    """Drop them; the forces' logins go with the roles (0001)."""
    script("DROP FUNCTION tenants.create_body, tenants.create_force, ctx.session_tenant")
    script("DROP TABLE tenants.member_role, tenants.member, tenants.tenant")
