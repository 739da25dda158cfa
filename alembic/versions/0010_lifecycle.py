"""Tenants' lives and members' too: suspended, reinstated; joined, moved, left; and rules of roles.

A suspended force is cut off by its login, its grants and its sessions, all in one transaction. A
force's login may manage its own members, only where it logs in the same transaction that it does.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, protect, script

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MEMBERSHIP = ("tenants.member", "tenants.member_role", "tenants.team", "tenants.team_member")

PROVISIONING = ("tenants.suspend(text)", "tenants.reinstate(text)")
CREATE_PARTNER = "tenants.create_partner(text, text, text, text, text)"
END_SESSIONS = "tenants.end_sessions()"


def upgrade() -> None:
    """Create the functions of tenants' lives, the rights of administrators, the rules of roles."""
    script("SET LOCAL ROLE athena_owner")
    _tenants()
    _lifecycle()
    _members()
    _rules()
    script("RESET ROLE")
    script("""
        CREATE TRIGGER rule_changed AFTER INSERT OR UPDATE OR DELETE ON policies.role_rule
            FOR EACH STATEMENT EXECUTE FUNCTION policies.agreement_changed()
    """)
    hand_over("ctx.tenant_added()", "athena_labels")
    hand_over("ctx.first_label(smallint)", "athena_labels")
    hand_over("ctx.withdraw_grants()", "athena_grants")
    hand_over("tenants.membership_changed()", "athena_grants")
    hand_over("ctx.may_administer()", "athena_visibility")
    for function in (*PROVISIONING, CREATE_PARTNER, END_SESSIONS):
        hand_over(function, "athena_provisioner")
    script("GRANT USAGE ON SCHEMA ctx TO athena_provisioner")
    script(
        "GRANT EXECUTE ON FUNCTION ctx.first_label, ctx.tenant_added, ctx.withdraw_grants "
        "TO athena_provisioner"
    )
    script("GRANT EXECUTE ON FUNCTION ctx.may_administer() TO athena_force")
    script(
        "GRANT EXECUTE ON FUNCTION audit.administer(text, uuid, text, text[], text, jsonb) "
        "TO athena_force"
    )
    script(f"GRANT EXECUTE ON FUNCTION {', '.join((*PROVISIONING, CREATE_PARTNER))} TO athena_amo")
    script(f"GRANT EXECUTE ON FUNCTION {END_SESSIONS} TO athena_amo, athena_directory")
    script("GRANT pg_signal_backend TO athena_provisioner")
    _session_tenant(" AND kind <> 'partner'")
    _create_force(
        exists=" AND v_login <> 'athena_force'", alter="LOGIN ", after="ctx.first_label(v_tenant)"
    )


def _tenants() -> None:
    script("""
        ALTER TABLE tenants.tenant DROP CONSTRAINT tenant_kind_check;
        ALTER TABLE tenants.tenant ADD CONSTRAINT tenant_kind_check
            CHECK (kind IN ('force', 'client_body', 'oversight', 'partner'));
        -- Partner organisations share one login: only what is granted to each tells them apart.
        DROP INDEX tenants.tenant_force_login;
        CREATE UNIQUE INDEX tenant_force_login ON tenants.tenant (login) WHERE kind <> 'partner';
        CREATE POLICY provisioner_changes_status ON tenants.tenant FOR UPDATE
            TO athena_provisioner USING (kind IN ('force', 'partner')) WITH CHECK (true);
        GRANT UPDATE (status) ON tenants.tenant TO athena_provisioner;

        CREATE FUNCTION tenants.create_partner(
            p_slug text, p_name text, p_contact_unit text, p_contact_email text,
            p_contact_telephone text
        ) RETURNS smallint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_tenant smallint;
        BEGIN
            PERFORM pg_advisory_xact_lock(4277002);
            INSERT INTO tenants.tenant (tenant_id, slug, kind, name, login,
                                        contact_unit, contact_email, contact_telephone)
            SELECT coalesce(max(tenant_id), 0) + 1, p_slug, 'partner', p_name, 'athena_ppss',
                   p_contact_unit, p_contact_email, p_contact_telephone
            FROM tenants.tenant
            RETURNING tenant_id INTO v_tenant;
            PERFORM ctx.tenant_added();
            RETURN v_tenant;
        END $$;
    """)


def _lifecycle() -> None:
    script("""
        CREATE FUNCTION ctx.tenant_added() RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            -- The risen epoch makes every process read tenants and labels again before it opens
            -- anything; a risen revision would break off what is running, for a tenant that
            -- nothing running can concern.
            UPDATE ctx.policy_state SET label_epoch = label_epoch + 1;
            PERFORM pg_notify('athena_policy', '');
        END $$;

        CREATE FUNCTION ctx.first_label(p_owner smallint) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM ctx.tenant_added();  -- its row lock makes interning one at a time
            INSERT INTO ctx.label
            SELECT coalesce(max(label_id), 0) + 1, p_owner, 'nominal', 'OFFICIAL', 'P', '{}', '{}',
                   false, false
            FROM ctx.label;
        END $$;
        COMMENT ON FUNCTION ctx.first_label IS
            'Gives a new force the label that most records carry';

        CREATE FUNCTION ctx.withdraw_grants() RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            -- As when an agreement changes: what a suspended force shared stands in every other
            -- force's grants, so all of them go.
            UPDATE ctx.policy_state SET revision = revision + 1;
            DELETE FROM ctx.grant_set;
            PERFORM pg_notify('athena_policy', '');
        END $$;

        CREATE FUNCTION tenants.end_sessions() RETURNS integer
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT count(pg_terminate_backend(a.pid))::integer
            FROM pg_stat_activity AS a JOIN tenants.tenant AS t ON t.login = a.usename
            WHERE t.kind = 'force' AND t.status <> 'active'
              AND a.datname = current_database() AND a.pid <> pg_backend_pid()
        $$;
        COMMENT ON FUNCTION tenants.end_sessions IS
            'Ends what sessions suspended forces'' logins still have; every process asks often';

        CREATE FUNCTION tenants.suspend(p_slug text) RETURNS smallint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_tenant tenants.tenant%ROWTYPE;
        BEGIN
            UPDATE tenants.tenant SET status = 'suspended'
            WHERE slug = p_slug AND status = 'active' AND kind IN ('force', 'partner')
            RETURNING * INTO v_tenant;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'only an active force or partner is suspended'
                    USING ERRCODE = 'AT002';
            END IF;
            IF v_tenant.kind = 'force' THEN
                EXECUTE format('ALTER ROLE %I NOLOGIN', v_tenant.login);
            END IF;
            PERFORM ctx.withdraw_grants();
            PERFORM tenants.end_sessions();
            RETURN v_tenant.tenant_id;
        END $$;

        CREATE FUNCTION tenants.reinstate(p_slug text) RETURNS smallint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_tenant tenants.tenant%ROWTYPE;
        BEGIN
            UPDATE tenants.tenant SET status = 'active'
            WHERE slug = p_slug AND status = 'suspended' RETURNING * INTO v_tenant;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'only a suspended tenant is reinstated' USING ERRCODE = 'AT002';
            END IF;
            IF v_tenant.kind = 'force' THEN
                EXECUTE format('ALTER ROLE %I LOGIN', v_tenant.login);
            END IF;
            PERFORM ctx.withdraw_grants();
            RETURN v_tenant.tenant_id;
        END $$;
    """)


def _members() -> None:
    script("""
        ALTER TABLE tenants.member ADD COLUMN left_at timestamptz,
            ADD CHECK (active OR left_at IS NOT NULL);
        ALTER TABLE tenants.member_role ADD COLUMN ended_at timestamptz;
        ALTER TABLE tenants.team_member ADD COLUMN ended_at timestamptz;
        COMMENT ON COLUMN tenants.member_role.ended_at IS
            'When the role was taken away before its last day; the row stays as history';
        CREATE INDEX grant_set_member ON ctx.grant_set (member_id);

        CREATE FUNCTION ctx.may_administer() RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN EXISTS (SELECT FROM audit.event AS e
                       WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                         AND e.login = session_user AND e.kind = 'administration'
                         AND e.action LIKE 'members.%');
        COMMENT ON FUNCTION ctx.may_administer IS
            'Whether this transaction has logged that it administers members';

        CREATE FUNCTION tenants.membership_changed() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            DELETE FROM ctx.grant_set
            WHERE tenant_id = coalesce(NEW.tenant_id, OLD.tenant_id)
              AND member_id = coalesce(NEW.member_id, OLD.member_id);
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION tenants.membership_changed IS
            'Whoever changes a member, the member''s grants go in the same transaction';
    """)
    for table in ("member", "member_role", "team_member"):
        script(f"""
            CREATE TRIGGER membership_changed AFTER INSERT OR UPDATE OR DELETE ON tenants.{table}
                FOR EACH ROW EXECUTE FUNCTION tenants.membership_changed()
        """)
    own = "tenant_id = (SELECT ctx.session_tenant()) AND (SELECT ctx.may_administer())"
    # A name that ends in the force's own can't collide with another force's, so that no error
    # tells which accounts others have.
    named = (
        "username LIKE '_%.' || (SELECT t.slug FROM tenants.tenant AS t "
        "WHERE t.tenant_id = (SELECT ctx.session_tenant()))"
    )
    for table in MEMBERSHIP:
        check = f"{own} AND {named}" if table == "tenants.member" else own
        script(f"""
            CREATE POLICY administrators_see_own ON {table} FOR SELECT TO athena_force
                USING ({own});
            CREATE POLICY administrators_add_own ON {table} FOR INSERT TO athena_force
                WITH CHECK ({check});
            CREATE POLICY administrators_change_own ON {table} FOR UPDATE TO athena_force
                USING ({own}) WITH CHECK ({check});
            GRANT SELECT, INSERT, UPDATE ON {table} TO athena_force;
        """)


def _rules() -> None:
    script("""
        CREATE TABLE policies.role_rule (
            rule text NOT NULL CHECK (rule IN ('allow', 'inherit')),
            role text NOT NULL,
            tenant_kind text NOT NULL,
            subject text NOT NULL,
            active boolean NOT NULL DEFAULT true,
            changed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (rule, role, tenant_kind, subject),
            CHECK ((rule = 'inherit') = (tenant_kind = ''))
        );
        COMMENT ON TABLE policies.role_rule IS
            'What roles may do (an action) or inherit (a role); withdrawn rules stay, switched off';
    """)
    protect("policies.role_rule")
    script("""
        CREATE POLICY deciding_reads_rules ON policies.role_rule FOR SELECT
            TO athena_policy_writer USING (true);
        CREATE POLICY client_body_keeps_rules ON policies.role_rule TO athena_amo
            USING (true) WITH CHECK (true);
        GRANT SELECT ON policies.role_rule TO athena_policy_writer;
        GRANT SELECT, INSERT, UPDATE ON policies.role_rule TO athena_amo;
    """)


def _session_tenant(condition: str) -> None:
    script(f"""
        CREATE OR REPLACE FUNCTION ctx.session_tenant() RETURNS smallint
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN (SELECT tenant_id FROM tenants.tenant WHERE login = session_user{condition})
    """)


def _create_force(exists: str, alter: str, after: str) -> None:
    """Replace the function of 0002: it gives a label too, and refuses the name of the group."""
    script(f"""
        CREATE OR REPLACE FUNCTION tenants.create_force(
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
            ELSIF NOT (pg_has_role(v_login, 'athena_force', 'MEMBER'){exists}) THEN
                RAISE EXCEPTION 'the login name of this force is taken' USING ERRCODE = '42710';
            ELSE  -- another database of this server has the same force
                EXECUTE format('ALTER ROLE %I {alter}PASSWORD %L', v_login, p_verifier);
            END IF;
            {f"PERFORM {after};" if after else ""}
            RETURN v_tenant;
        END $$
    """)


def downgrade() -> None:
    """Take them back; a suspended force's login stays shut, and a partner must be gone before."""
    _create_force(exists="", alter="", after="")
    _session_tenant("")
    script("DROP TABLE policies.role_rule")
    for table in MEMBERSHIP:
        script(f"DROP POLICY administrators_see_own ON {table}")
        script(f"DROP POLICY administrators_add_own ON {table}")
        script(f"DROP POLICY administrators_change_own ON {table}")
        script(f"REVOKE ALL ON {table} FROM athena_force")
    for table in ("member", "member_role", "team_member"):
        script(f"DROP TRIGGER membership_changed ON tenants.{table}")
    script("DROP FUNCTION tenants.membership_changed, ctx.may_administer")
    script("DROP INDEX ctx.grant_set_member")
    script("ALTER TABLE tenants.team_member DROP COLUMN ended_at")
    script("ALTER TABLE tenants.member_role DROP COLUMN ended_at")
    script("ALTER TABLE tenants.member DROP COLUMN left_at")
    script(
        "REVOKE EXECUTE ON FUNCTION audit.administer(text, uuid, text, text[], text, jsonb) "
        "FROM athena_force"
    )
    functions = ", ".join((*PROVISIONING, CREATE_PARTNER, END_SESSIONS))
    script(f"DROP FUNCTION {functions}, ctx.first_label, ctx.tenant_added, ctx.withdraw_grants")
    script("DROP POLICY provisioner_changes_status ON tenants.tenant")
    script("REVOKE UPDATE (status) ON tenants.tenant FROM athena_provisioner")
    script("""
        DROP INDEX tenants.tenant_force_login;
        CREATE UNIQUE INDEX tenant_force_login ON tenants.tenant (login);
        ALTER TABLE tenants.tenant DROP CONSTRAINT tenant_kind_check;
        ALTER TABLE tenants.tenant ADD CONSTRAINT tenant_kind_check
            CHECK (kind IN ('force', 'client_body', 'oversight'));
    """)
