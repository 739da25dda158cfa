"""The audit log (Data Protection Act 2018, s.62) and visibility that hangs on it.

Events are partitioned by month; what names people (the reason, the query) stands in a table of
its own beside them, so that it can be erased while the log stays whole. Only `audit.append` and
`audit.refuse` write, and `ctx.visible_labels` shows nothing to a transaction without an event.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import hand_over, script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the log, its writers and the visibility functions."""
    script("SET LOCAL ROLE athena_owner")
    script("""
        CREATE TABLE audit.event (
            at timestamptz NOT NULL,
            event_id uuid NOT NULL,
            xid xid8 NOT NULL,
            tenant_id smallint NOT NULL,
            login name NOT NULL,
            member_id uuid,
            username text NOT NULL,
            roles text[] NOT NULL,
            kind text NOT NULL CHECK (kind IN ('collection', 'alteration', 'consultation',
                'disclosure', 'combination', 'erasure', 'administration', 'refusal')),
            action text NOT NULL,
            purpose text,
            grant_set_id uuid,
            decision_id uuid,
            policy_revision bigint,
            records jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(records) = 'array'),
            PRIMARY KEY (at, event_id)
        ) PARTITION BY RANGE (at);
        COMMENT ON TABLE audit.event IS
            'Who did what, when, for what purpose, to which records (DPA 2018 s.62); append-only';

        CREATE TABLE audit.content (
            at timestamptz NOT NULL,
            event_id uuid NOT NULL,
            reason text NOT NULL,
            content jsonb NOT NULL,
            PRIMARY KEY (at, event_id)
        ) PARTITION BY RANGE (at);
        COMMENT ON TABLE audit.content IS
            'The words of an event that may name people, apart from it so that they can be erased';

        ALTER TABLE audit.event ENABLE ROW LEVEL SECURITY;
        ALTER TABLE audit.event FORCE ROW LEVEL SECURITY;
        ALTER TABLE audit.content ENABLE ROW LEVEL SECURITY;
        ALTER TABLE audit.content FORCE ROW LEVEL SECURITY;

        CREATE FUNCTION audit.ensure_partitions(p_from date, p_months integer) RETURNS void
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_table text;
            v_start date;
            v_name text;
        BEGIN
            FOREACH v_table IN ARRAY ARRAY['event', 'content'] LOOP
                FOR i IN 0 .. p_months - 1 LOOP
                    v_start := date_trunc('month', p_from) + make_interval(months => i);
                    v_name := v_table || to_char(v_start, '_YYYY_MM');
                    CONTINUE WHEN to_regclass('audit.' || v_name) IS NOT NULL;
                    EXECUTE format(
                        'CREATE TABLE audit.%I PARTITION OF audit.%I FOR VALUES FROM (%L) TO (%L)',
                        v_name, v_table, v_start::timestamp AT TIME ZONE 'UTC',
                        (v_start + interval '1 month') AT TIME ZONE 'UTC');
                    EXECUTE format('ALTER TABLE audit.%I ENABLE ROW LEVEL SECURITY', v_name);
                    EXECUTE format('ALTER TABLE audit.%I FORCE ROW LEVEL SECURITY', v_name);
                END LOOP;
            END LOOP;
        END $$;
        COMMENT ON FUNCTION audit.ensure_partitions IS
            'Makes the months that are missing; `athena migrate` calls it at every start';
        CREATE TABLE audit.event_other PARTITION OF audit.event DEFAULT;
        CREATE TABLE audit.content_other PARTITION OF audit.content DEFAULT;
        ALTER TABLE audit.event_other ENABLE ROW LEVEL SECURITY;
        ALTER TABLE audit.event_other FORCE ROW LEVEL SECURITY;
        ALTER TABLE audit.content_other ENABLE ROW LEVEL SECURITY;
        ALTER TABLE audit.content_other FORCE ROW LEVEL SECURITY;

        CREATE FUNCTION audit.refuse_change() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = '42501';
        END $$;
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.event
            FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.content
            FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

        GRANT USAGE ON SCHEMA audit TO athena_force, athena_amo, athena_auditor,
            athena_visibility, athena_pointers, athena_audit_writer, athena_history;
        CREATE POLICY writer_appends_events ON audit.event FOR INSERT
            TO athena_audit_writer WITH CHECK (login = session_user);
        CREATE POLICY writer_appends_content ON audit.content FOR INSERT
            TO athena_audit_writer WITH CHECK (true);
        CREATE POLICY this_transaction ON audit.event FOR SELECT
            TO athena_visibility, athena_pointers, athena_history
            USING (at = now() AND xid = pg_current_xact_id_if_assigned()
                   AND login = session_user);
        CREATE POLICY auditor_reads_events ON audit.event FOR SELECT
            TO athena_auditor USING (true);
        CREATE POLICY auditor_reads_content ON audit.content FOR SELECT
            TO athena_auditor USING (true);
        GRANT INSERT ON audit.event, audit.content TO athena_audit_writer;
        GRANT SELECT ON audit.event TO athena_visibility, athena_pointers, athena_history;
        GRANT SELECT ON audit.event, audit.content TO athena_auditor;

        CREATE FUNCTION audit.write(
            p_kind text, p_action text, p_member uuid, p_username text, p_roles text[],
            p_purpose text, p_grant_set uuid, p_decision uuid, p_revision bigint,
            p_reason text, p_content jsonb, p_records jsonb
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_event uuid := gen_random_uuid();
        BEGIN
            INSERT INTO audit.event (at, event_id, xid, tenant_id, login, member_id, username,
                roles, kind, action, purpose, grant_set_id, decision_id, policy_revision, records)
            VALUES (now(), v_event, pg_current_xact_id(), ctx.session_tenant(), session_user,
                p_member, p_username, p_roles, p_kind, p_action, p_purpose, p_grant_set,
                p_decision, p_revision, coalesce(p_records, '[]'));
            INSERT INTO audit.content (at, event_id, reason, content)
            VALUES (now(), v_event, p_reason, coalesce(p_content, '{}'));
            RETURN v_event;
        END $$;

        CREATE FUNCTION audit.append(
            p_grant_set uuid, p_kind text, p_action text, p_reason text, p_content jsonb,
            p_records jsonb, OUT event_id uuid, OUT label_epoch integer
        )
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_grant ctx.grant_set%ROWTYPE;
            v_state ctx.policy_state%ROWTYPE;
        BEGIN
            IF p_kind IN ('refusal', 'administration') THEN
                RAISE EXCEPTION 'not a kind of event on records' USING ERRCODE = '22023';
            END IF;
            IF length(btrim(coalesce(p_reason, ''))) = 0 THEN
                RAISE EXCEPTION 'an event on records needs a reason' USING ERRCODE = '22023';
            END IF;
            SELECT * INTO v_grant FROM ctx.grant_set
            WHERE grant_set_id = p_grant_set AND login = session_user
                AND expires_at > clock_timestamp();
            SELECT * INTO v_state FROM ctx.policy_state;
            IF v_grant.grant_set_id IS NULL OR v_grant.policy_revision <> v_state.revision THEN
                RAISE EXCEPTION 'the grant set is not valid, or no longer' USING ERRCODE = 'AT001';
            END IF;
            event_id := audit.write(p_kind, p_action, v_grant.member_id, v_grant.username,
                v_grant.roles, v_grant.purpose, p_grant_set, v_grant.decision_id,
                v_grant.policy_revision, p_reason, p_content, p_records);
            label_epoch := v_state.label_epoch;
        END $$;
        COMMENT ON FUNCTION audit.append IS
            'Appends an event under a grant set; the member, purpose and decision come from it';

        CREATE FUNCTION audit.refuse(
            p_action text, p_member uuid, p_username text, p_roles text[], p_purpose text,
            p_reason text, p_content jsonb, p_records jsonb
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            RETURN audit.write('refusal', p_action, p_member, p_username, p_roles, p_purpose,
                NULL, NULL, NULL, coalesce(p_reason, ''), p_content, p_records);
        END $$;

        CREATE FUNCTION audit.administer(
            p_action text, p_member uuid, p_username text, p_roles text[], p_reason text,
            p_content jsonb
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            RETURN audit.write('administration', p_action, p_member, p_username, p_roles, NULL,
                NULL, NULL, NULL, coalesce(p_reason, ''), p_content, '[]');
        END $$;

        -- The open consultation: the grant set of an event of this login in this transaction.
        CREATE FUNCTION ctx.open_grant_set() RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN (SELECT g.grant_set_id
                FROM audit.event AS e
                JOIN ctx.grant_set AS g ON g.grant_set_id = e.grant_set_id
                WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                  AND e.login = session_user AND g.login = session_user
                  AND g.expires_at > clock_timestamp()
                  AND g.policy_revision = (SELECT s.revision FROM ctx.policy_state AS s)
                LIMIT 1);

        CREATE FUNCTION ctx.visible_labels(p_scope text) RETURNS smallint[]
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN coalesce((SELECT s.labels FROM ctx.grant_scope AS s
                         WHERE s.grant_set_id = ctx.open_grant_set() AND s.scope = p_scope),
                        '{}');
        COMMENT ON FUNCTION ctx.visible_labels IS
            'The labels this transaction may see in a scope; none without a logged consultation';

        CREATE FUNCTION ctx.may_write() RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN EXISTS (SELECT FROM audit.event AS e
                       WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                         AND e.login = session_user
                         AND e.kind IN ('collection', 'alteration', 'erasure')
                         AND e.grant_set_id = ctx.open_grant_set());
        COMMENT ON FUNCTION ctx.may_write IS
            'Whether this transaction has logged that it changes records';

        CREATE FUNCTION ctx.session_member() RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN (SELECT g.member_id FROM ctx.grant_set AS g
                WHERE g.grant_set_id = ctx.open_grant_set());

        CREATE POLICY officers_of_data_protection_read_own_events ON audit.event FOR SELECT
            TO athena_force
            USING (tenant_id = (SELECT ctx.session_tenant())
                   AND tenant_id = ANY ((SELECT ctx.visible_labels('audit'))::smallint[]));
        CREATE POLICY officers_of_data_protection_read_own_content ON audit.content FOR SELECT
            TO athena_force
            USING (EXISTS (SELECT FROM audit.event AS e
                           WHERE e.at = content.at AND e.event_id = content.event_id));
        GRANT SELECT ON audit.event, audit.content TO athena_force;
    """)
    script("RESET ROLE")
    append = "audit.append(uuid, text, text, text, jsonb, jsonb)"
    refuse = "audit.refuse(text, uuid, text, text[], text, text, jsonb, jsonb)"
    administer = "audit.administer(text, uuid, text, text[], text, jsonb)"
    for function in (append, refuse, administer):
        hand_over(function, "athena_audit_writer")
    script(
        "GRANT EXECUTE ON FUNCTION audit.write(text, text, uuid, text, text[], text, uuid, uuid, "
        "bigint, text, jsonb, jsonb) TO athena_audit_writer"
    )
    script(f"GRANT EXECUTE ON FUNCTION {append} TO athena_force, athena_pointers")
    script(f"GRANT EXECUTE ON FUNCTION {refuse} TO athena_force, athena_amo, athena_auditor")
    script(f"GRANT EXECUTE ON FUNCTION {administer} TO athena_amo, athena_auditor")
    visibility = (
        "ctx.open_grant_set()",
        "ctx.visible_labels(text)",
        "ctx.may_write()",
        "ctx.session_member()",
    )
    for function in visibility:
        hand_over(function, "athena_visibility")
        script(f"GRANT EXECUTE ON FUNCTION {function} TO athena_force")
    script(
        "GRANT EXECUTE ON FUNCTION ctx.open_grant_set(), ctx.session_member() "
        "TO athena_pointers, athena_history"
    )


def downgrade() -> None:
    """Drop the log and everything that hangs on it."""
    script("DROP FUNCTION ctx.session_member, ctx.may_write, ctx.visible_labels CASCADE")
    script("DROP FUNCTION ctx.open_grant_set CASCADE")
    script("DROP TABLE audit.event, audit.content")
    script("DROP FUNCTION audit.administer, audit.refuse, audit.append, audit.write")
    script("DROP FUNCTION audit.refuse_change, audit.ensure_partitions")
