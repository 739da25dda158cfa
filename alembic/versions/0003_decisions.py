"""Agreements, archived decisions, labels and grant sets: what policy says, in the database."""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables that hold decisions and the functions that store them."""
    script("SET LOCAL ROLE athena_owner")
    script("""
        CREATE TABLE policies.agreement (
            agreement_id uuid NOT NULL,
            version integer NOT NULL CHECK (version > 0),
            reference text NOT NULL,
            title text NOT NULL,
            status text NOT NULL CHECK (status IN ('draft', 'out_for_signature', 'in_force',
                'suspended', 'expired', 'terminated', 'superseded')),
            document jsonb NOT NULL,
            stored_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (agreement_id, version),
            UNIQUE (reference, version)
        );
        ALTER TABLE policies.agreement ENABLE ROW LEVEL SECURITY;
        ALTER TABLE policies.agreement FORCE ROW LEVEL SECURITY;
        CREATE POLICY deciding_reads_agreements ON policies.agreement FOR SELECT
            TO athena_policy_writer USING (true);
        CREATE POLICY client_body_keeps_agreements ON policies.agreement
            TO athena_amo USING (true) WITH CHECK (true);
        GRANT USAGE ON SCHEMA policies TO athena_policy_writer, athena_amo;
        GRANT SELECT ON policies.agreement TO athena_policy_writer;
        GRANT SELECT, INSERT, UPDATE ON policies.agreement TO athena_amo;

        CREATE TABLE policies.decision (
            decision_id uuid PRIMARY KEY,
            input_digest bytea NOT NULL,
            bundle_revision text NOT NULL,
            input jsonb NOT NULL,
            document jsonb NOT NULL,
            decided_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (input_digest, bundle_revision)
        );
        COMMENT ON TABLE policies.decision IS
            'Each distinct input and its answer, kept so that a decision can be repeated';
        ALTER TABLE policies.decision ENABLE ROW LEVEL SECURITY;
        ALTER TABLE policies.decision FORCE ROW LEVEL SECURITY;
        CREATE POLICY deciding_archives ON policies.decision
            TO athena_policy_writer USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT ON policies.decision TO athena_policy_writer;

        CREATE TABLE ctx.policy_state (
            one boolean PRIMARY KEY DEFAULT true CHECK (one),
            revision bigint NOT NULL DEFAULT 1,
            label_epoch integer NOT NULL DEFAULT 0
        );
        INSERT INTO ctx.policy_state DEFAULT VALUES;

        CREATE TABLE ctx.label (
            label_id smallint PRIMARY KEY,
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            record_class text NOT NULL,
            marking text NOT NULL CHECK (marking IN ('OFFICIAL', 'OFFICIAL-SENSITIVE')),
            handling text NOT NULL CHECK (handling IN ('P', 'C')),
            conditions text[] NOT NULL,
            categories text[] NOT NULL,
            sensitive boolean NOT NULL,
            restricted boolean NOT NULL,
            UNIQUE (owner_force, label_id),
            UNIQUE (owner_force, record_class, marking, handling, conditions, categories,
                    sensitive, restricted)
        );
        COMMENT ON TABLE ctx.label IS
            'Who owns a row and how it may be handled: every row of a record carries one';

        CREATE TABLE ctx.grant_set (
            grant_set_id uuid PRIMARY KEY,
            login name NOT NULL,
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            member_id uuid NOT NULL,
            username text NOT NULL,
            roles text[] NOT NULL,
            purpose text NOT NULL,
            decision_id uuid NOT NULL,
            policy_revision bigint NOT NULL,
            label_epoch integer NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL CHECK (expires_at > created_at)
        );
        CREATE INDEX grant_set_expiry ON ctx.grant_set (expires_at);

        CREATE TABLE ctx.grant_scope (
            grant_set_id uuid NOT NULL REFERENCES ctx.grant_set ON DELETE CASCADE,
            scope text NOT NULL,
            labels smallint[] NOT NULL,
            PRIMARY KEY (grant_set_id, scope)
        );
        COMMENT ON TABLE ctx.grant_scope IS
            'For each level or field group, the labels a grant set may see, commonest first';

        -- No login is granted anything here: only definer functions reach these tables.
        ALTER TABLE ctx.policy_state ENABLE ROW LEVEL SECURITY;
        ALTER TABLE ctx.label ENABLE ROW LEVEL SECURITY;
        ALTER TABLE ctx.grant_set ENABLE ROW LEVEL SECURITY;
        ALTER TABLE ctx.grant_scope ENABLE ROW LEVEL SECURITY;

        CREATE POLICY grants_state ON ctx.policy_state TO athena_grants
            USING (true) WITH CHECK (true);
        CREATE POLICY labels_state ON ctx.policy_state TO athena_labels
            USING (true) WITH CHECK (true);
        CREATE POLICY visibility_state ON ctx.policy_state FOR SELECT
            TO athena_visibility, athena_audit_writer, athena_pointers USING (true);
        CREATE POLICY labels_intern ON ctx.label TO athena_labels USING (true) WITH CHECK (true);
        CREATE POLICY deciding_reads_labels ON ctx.label FOR SELECT
            TO athena_policy_writer USING (true);
        CREATE POLICY grants_store ON ctx.grant_set TO athena_grants
            USING (true) WITH CHECK (true);
        CREATE POLICY own_grant_sets ON ctx.grant_set FOR SELECT
            TO athena_visibility, athena_audit_writer, athena_pointers
            USING (login = session_user);
        CREATE POLICY grants_store_scopes ON ctx.grant_scope TO athena_grants
            USING (true) WITH CHECK (true);
        CREATE POLICY visibility_reads_scopes ON ctx.grant_scope FOR SELECT
            TO athena_visibility, athena_pointers USING (true);

        GRANT USAGE ON SCHEMA ctx TO athena_grants, athena_labels, athena_visibility,
            athena_audit_writer, athena_pointers, athena_history;
        GRANT SELECT, UPDATE ON ctx.policy_state TO athena_grants, athena_labels;
        GRANT SELECT ON ctx.policy_state TO athena_visibility, athena_audit_writer,
            athena_pointers;
        GRANT SELECT, INSERT ON ctx.label TO athena_labels;
        GRANT SELECT ON ctx.label TO athena_policy_writer;
        GRANT SELECT, INSERT, DELETE ON ctx.grant_set TO athena_grants;
        GRANT SELECT, INSERT, DELETE ON ctx.grant_scope TO athena_grants;
        GRANT SELECT ON ctx.grant_set TO athena_visibility, athena_audit_writer, athena_pointers;
        GRANT SELECT ON ctx.grant_scope TO athena_visibility, athena_pointers;

        CREATE FUNCTION ctx.policy_versions(OUT revision bigint, OUT label_epoch integer)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        BEGIN ATOMIC
            SELECT s.revision, s.label_epoch FROM ctx.policy_state AS s;
        END;

        CREATE FUNCTION ctx.intern_label(
            p_record_class text, p_marking text, p_handling text, p_conditions text[],
            p_categories text[], p_sensitive boolean, p_restricted boolean
        ) RETURNS smallint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_owner smallint := ctx.session_tenant();
            v_conditions text[] := ARRAY(SELECT DISTINCT c FROM unnest(p_conditions) AS c
                                         ORDER BY c);
            v_categories text[] := ARRAY(SELECT DISTINCT c FROM unnest(p_categories) AS c
                                         ORDER BY c);
            v_label smallint;
        BEGIN
            SELECT label_id INTO v_label FROM ctx.label
            WHERE owner_force = v_owner AND record_class = p_record_class
              AND marking = p_marking AND handling = p_handling
              AND conditions = v_conditions AND categories = v_categories
              AND sensitive = p_sensitive AND restricted = p_restricted;
            IF v_label IS NOT NULL THEN
                RETURN v_label;
            END IF;
            -- The epoch's row lock makes interning one at a time; the look-up is then repeated.
            UPDATE ctx.policy_state SET label_epoch = label_epoch + 1;
            SELECT label_id INTO v_label FROM ctx.label
            WHERE owner_force = v_owner AND record_class = p_record_class
              AND marking = p_marking AND handling = p_handling
              AND conditions = v_conditions AND categories = v_categories
              AND sensitive = p_sensitive AND restricted = p_restricted;
            IF v_label IS NULL THEN
                INSERT INTO ctx.label
                SELECT coalesce(max(label_id), 0) + 1, v_owner, p_record_class, p_marking,
                       p_handling, v_conditions, v_categories, p_sensitive, p_restricted
                FROM ctx.label
                RETURNING label_id INTO v_label;
                PERFORM pg_notify('athena_policy', '');
            END IF;
            RETURN v_label;
        END $$;
        COMMENT ON FUNCTION ctx.intern_label IS
            'The number of a label of the calling force, made when it is new';

        CREATE FUNCTION ctx.store_grant_set(
            p_login name, p_tenant smallint, p_member uuid, p_username text, p_roles text[],
            p_purpose text, p_decision uuid, p_revision bigint, p_label_epoch integer,
            p_seconds integer, p_scopes jsonb
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_revision bigint;
            v_grant_set uuid := gen_random_uuid();
        BEGIN
            SELECT revision INTO v_revision FROM ctx.policy_state FOR SHARE;
            IF v_revision IS DISTINCT FROM p_revision THEN
                RAISE EXCEPTION 'the policy changed while it was being decided'
                    USING ERRCODE = 'AT001';
            END IF;
            DELETE FROM ctx.grant_set WHERE expires_at < now() - interval '1 hour';
            INSERT INTO ctx.grant_set (grant_set_id, login, tenant_id, member_id, username, roles,
                purpose, decision_id, policy_revision, label_epoch, expires_at)
            VALUES (v_grant_set, p_login, p_tenant, p_member, p_username, p_roles, p_purpose,
                    p_decision, p_revision, p_label_epoch,
                    now() + make_interval(secs => least(p_seconds, 900)));
            INSERT INTO ctx.grant_scope (grant_set_id, scope, labels)
            SELECT v_grant_set, key, ARRAY(SELECT e::smallint
                                           FROM jsonb_array_elements_text(value) AS e)
            FROM jsonb_each(p_scopes);
            RETURN v_grant_set;
        END $$;

        CREATE FUNCTION policies.agreement_changed() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            -- Takes FOR UPDATE against store_grant_set's FOR SHARE: no grant of the old policy
            -- can be stored after this commits, and those that are there go with it.
            UPDATE ctx.policy_state SET revision = revision + 1;
            DELETE FROM ctx.grant_set;
            PERFORM pg_notify('athena_policy', '');
            RETURN NULL;
        END $$;
        CREATE TRIGGER agreement_changed
            AFTER INSERT OR UPDATE OR DELETE ON policies.agreement
            FOR EACH STATEMENT EXECUTE FUNCTION policies.agreement_changed();
    """)
    script("RESET ROLE")
    versions = "ctx.policy_versions()"
    intern = "ctx.intern_label(text, text, text, text[], text[], boolean, boolean)"
    store = (
        "ctx.store_grant_set(name, smallint, uuid, text, text[], text, uuid, bigint, "
        "integer, integer, jsonb)"
    )
    hand_over(versions, "athena_visibility")
    hand_over(intern, "athena_labels")
    hand_over(store, "athena_grants")
    hand_over("policies.agreement_changed()", "athena_grants")
    script(f"GRANT EXECUTE ON FUNCTION {versions} TO athena_policy_writer")
    script(f"GRANT EXECUTE ON FUNCTION {intern} TO athena_force")
    script(f"GRANT EXECUTE ON FUNCTION {store} TO athena_policy_writer")


def downgrade() -> None:
    """Drop what policy says; agreements go with it."""
    script("DROP TABLE policies.agreement, policies.decision")
    script("DROP FUNCTION policies.agreement_changed, ctx.store_grant_set")
    script("DROP FUNCTION ctx.intern_label, ctx.policy_versions")
    script("DROP TABLE ctx.grant_scope, ctx.grant_set, ctx.label, ctx.policy_state")
