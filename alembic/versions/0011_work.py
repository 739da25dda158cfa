"""Work: a worklist whose every change is logged, notifications, and the outbox behind them.

What happens to an item is logged by the store itself: a trigger appends the event under the open
grant set, so that no change of an item can be stored without its event. Opening an item puts a
message to its assignee into the outbox, in the same transaction. Nothing here holds words about a
person: an item says which record it is about, never what the record says.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WORKLIST = "athena_worklist"
OUTBOX = "athena_outbox"

TELL_OWNER = "work.tell_owner(smallint, text, text, uuid, text, text, timestamp with time zone)"

REFERENCE = """
            record_class text CHECK (record_class ~ '^[a-z_]{1,40}$'),
            record_owner smallint,
            record_id uuid,
            CHECK (num_nonnulls(record_class, record_owner, record_id) IN (0, 3))"""
"""Which record a row is about; never what the record says."""


def upgrade() -> None:
    """Create the tables, their policies, and the functions that log and tell."""
    create_role(WORKLIST, "logs what happens to items of the worklist and tells other forces")
    script("CREATE SCHEMA work AUTHORIZATION athena_owner")
    script("SET LOCAL ROLE athena_owner")
    script(f"""
        CREATE TABLE work.team_member (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            team text NOT NULL CHECK (team ~ '^[a-z][a-z0-9_-]{{1,40}}$'),
            member_id uuid NOT NULL,
            PRIMARY KEY (owner_force, team, member_id)
        );
        COMMENT ON TABLE work.team_member IS 'Who works for which team of a force';

        CREATE TABLE work.item (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            item_id uuid NOT NULL DEFAULT gen_random_uuid(),
            kind text NOT NULL CHECK (kind ~ '^[a-z][a-z_]{{1,60}}$'),{REFERENCE},
            assignee_role text,
            assignee_team text,
            assignee_member uuid,
            clock text NOT NULL CHECK (length(clock) BETWEEN 1 AND 60),
            opened_at timestamptz NOT NULL DEFAULT now(),
            due_at timestamptz NOT NULL,
            opened_by uuid NOT NULL,
            opened_by_tenant smallint NOT NULL,
            four_eyes boolean NOT NULL DEFAULT false,
            state text NOT NULL DEFAULT 'open'
                CHECK (state IN ('open', 'claimed', 'done', 'cancelled')),
            claimed_by uuid,
            claimed_at timestamptz,
            closed_by uuid,
            closed_at timestamptz,
            outcome text CHECK (outcome ~ '^[a-z][a-z_]{{1,60}}$'),
            version integer NOT NULL DEFAULT 1 CHECK (version > 0),
            PRIMARY KEY (owner_force, item_id),
            CHECK (num_nonnulls(assignee_role, assignee_team, assignee_member) = 1),
            CHECK ((state = 'open') = (claimed_by IS NULL AND closed_by IS NULL)),
            CHECK ((state IN ('done', 'cancelled')) = (closed_by IS NOT NULL)),
            CHECK ((state = 'done') = (outcome IS NOT NULL)),
            CONSTRAINT four_eyes CHECK (NOT four_eyes OR (state <> 'cancelled'
                AND claimed_by IS DISTINCT FROM opened_by
                AND closed_by IS DISTINCT FROM opened_by))
        );
        CREATE INDEX item_due ON work.item (owner_force, state, due_at);
        COMMENT ON TABLE work.item IS
            'Something that somebody must do by a time, about a record that it only names';
        COMMENT ON COLUMN work.item.four_eyes IS
            'Whoever opened the item can neither claim nor close nor cancel it';

        CREATE TABLE work.message (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            message_id uuid NOT NULL DEFAULT gen_random_uuid(),
            channel text NOT NULL DEFAULT 'platform' CHECK (channel ~ '^[a-z][a-z_]{{1,40}}$'),
            kind text NOT NULL CHECK (kind ~ '^[a-z][a-z_]{{1,60}}$'),{REFERENCE},
            item_id uuid,
            recipient_role text,
            recipient_team text,
            recipient_member uuid,
            created_at timestamptz NOT NULL DEFAULT now(),
            state text NOT NULL DEFAULT 'pending'
                CHECK (state IN ('pending', 'delivered', 'parked')),
            attempts integer NOT NULL DEFAULT 0,
            next_attempt_at timestamptz NOT NULL DEFAULT now(),
            finished_at timestamptz,
            last_error text CHECK (length(last_error) <= 100),
            PRIMARY KEY (owner_force, message_id),
            CHECK (num_nonnulls(recipient_role, recipient_team, recipient_member) = 1),
            CHECK ((state = 'pending') = (finished_at IS NULL))
        );
        CREATE INDEX message_due ON work.message (next_attempt_at) WHERE state = 'pending';
        CREATE INDEX message_delivered ON work.message (finished_at) WHERE state = 'delivered';
        COMMENT ON TABLE work.message IS
            'The outbox: written in the transaction that has something to tell, delivered after it';

        CREATE TABLE work.notification (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            notification_id uuid NOT NULL DEFAULT gen_random_uuid(),
            message_id uuid NOT NULL,
            member_id uuid NOT NULL,
            kind text NOT NULL,{REFERENCE},
            item_id uuid,
            created_at timestamptz NOT NULL,
            read_at timestamptz,
            PRIMARY KEY (owner_force, notification_id),
            UNIQUE (owner_force, message_id, member_id)
        );
        CREATE INDEX notification_of_member
            ON work.notification (owner_force, member_id, created_at);
        COMMENT ON TABLE work.notification IS
            'What a member is told; delivered twice it is still there once';
    """)
    for table in ("team_member", "item", "message", "notification"):
        protect(f"work.{table}")
    _session_roles()
    _triggers()
    _tell_owner()
    script("RESET ROLE")
    _hand_over()
    _policies()


def _session_roles() -> None:
    script("""
        CREATE FUNCTION ctx.session_roles() RETURNS text[]
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN coalesce((SELECT g.roles FROM ctx.grant_set AS g
                         WHERE g.grant_set_id = ctx.open_grant_set()), '{}');
        COMMENT ON FUNCTION ctx.session_roles IS
            'The roles of the member who consults; none without a logged consultation';
    """)


def _triggers() -> None:
    script("""
        CREATE FUNCTION work.keep_item() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_member uuid := ctx.session_member();
        BEGIN
            IF TG_OP = 'INSERT' THEN
                NEW.opened_at := now();
                NEW.opened_by := v_member;
                NEW.opened_by_tenant := ctx.session_tenant();
                RETURN NEW;
            END IF;
            IF OLD.state IN ('done', 'cancelled') OR NEW.state = OLD.state THEN
                RAISE EXCEPTION 'an item goes from open to claimed to closed'
                    USING ERRCODE = 'AT002';
            END IF;
            IF OLD.state = 'claimed' AND NEW.state <> 'open' AND OLD.claimed_by <> v_member THEN
                RAISE EXCEPTION 'another member has claimed the item' USING ERRCODE = 'AT002';
            END IF;
            NEW.version := OLD.version + 1;
            IF NEW.state = 'open' THEN
                NEW.claimed_by := NULL;
                NEW.claimed_at := NULL;
            ELSIF NEW.state = 'claimed' THEN
                NEW.claimed_by := v_member;
                NEW.claimed_at := now();
            ELSE
                NEW.closed_by := v_member;
                NEW.closed_at := now();
            END IF;
            RETURN NEW;
        END $$;
        COMMENT ON FUNCTION work.keep_item IS
            'Sets who and when by the open consultation, whatever the statement says';
        CREATE TRIGGER keep_item BEFORE INSERT OR UPDATE ON work.item
            FOR EACH ROW EXECUTE FUNCTION work.keep_item();

        CREATE FUNCTION work.log_item() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            -- Without an open grant set this fails, and the change with it.
            PERFORM audit.append(
                ctx.open_grant_set(), 'alteration', 'worklist.' || NEW.state,
                'An item of the worklist: ' || NEW.kind,
                jsonb_build_object('item', NEW.item_id, 'owner_force', NEW.owner_force,
                    'kind', NEW.kind, 'record_class', NEW.record_class,
                    'record_owner', NEW.record_owner, 'record_id', NEW.record_id,
                    'version', NEW.version, 'outcome', NEW.outcome),
                '[]');
            IF TG_OP = 'INSERT' THEN
                INSERT INTO work.message (owner_force, kind, record_class, record_owner, record_id,
                    item_id, recipient_role, recipient_team, recipient_member)
                VALUES (NEW.owner_force, NEW.kind, NEW.record_class, NEW.record_owner,
                    NEW.record_id, NEW.item_id, NEW.assignee_role, NEW.assignee_team,
                    NEW.assignee_member);
            END IF;
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION work.log_item IS
            'Logs each change of an item with it, and tells its assignee of a new one';
        CREATE TRIGGER log_item AFTER INSERT OR UPDATE ON work.item
            FOR EACH ROW EXECUTE FUNCTION work.log_item();

        CREATE FUNCTION work.log_team() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_row work.team_member := coalesce(NEW, OLD);
        BEGIN
            IF TG_OP = 'DELETE' AND v_row.owner_force IS DISTINCT FROM ctx.session_tenant() THEN
                RETURN NULL;  -- a force that has left is erased, and its erasure logged as one
            END IF;
            PERFORM audit.append(
                ctx.open_grant_set(), 'alteration', 'worklist.team',
                CASE TG_OP WHEN 'INSERT' THEN 'A member joined a team'
                           ELSE 'A member left a team' END,
                jsonb_build_object('team', v_row.team, 'member', v_row.member_id), '[]');
            RETURN NULL;
        END $$;
        CREATE TRIGGER log_team AFTER INSERT OR DELETE ON work.team_member
            FOR EACH ROW EXECUTE FUNCTION work.log_team();

        CREATE FUNCTION work.announce() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM pg_notify('athena_outbox', '');
            RETURN NULL;
        END $$;
        CREATE TRIGGER announce AFTER INSERT ON work.message
            FOR EACH STATEMENT EXECUTE FUNCTION work.announce();
    """)


def _tell_owner() -> None:
    script("""
        CREATE FUNCTION work.tell_owner(
            p_owner smallint, p_kind text, p_record_class text, p_record_id uuid, p_role text,
            p_clock text, p_due timestamptz
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_item uuid := gen_random_uuid();
        BEGIN
            IF p_kind NOT IN ('break_glass_notice', 'break_glass_review') THEN
                RAISE EXCEPTION 'another force is told of its own list of kinds only'
                    USING ERRCODE = '22023';
            END IF;
            IF p_role NOT IN ('data_protection_officer', 'records_manager', 'supervisor') THEN
                RAISE EXCEPTION 'another force is told through its own list of roles only'
                    USING ERRCODE = '22023';
            END IF;
            IF NOT EXISTS (SELECT FROM tenants.tenant AS t
                           WHERE t.tenant_id = p_owner AND t.kind = 'force')
                    OR p_owner = ctx.session_tenant() THEN
                RAISE EXCEPTION 'not another force' USING ERRCODE = '22023';
            END IF;
            INSERT INTO work.item (owner_force, item_id, kind, record_class, record_owner,
                record_id, assignee_role, clock, due_at, four_eyes)
            VALUES (p_owner, v_item, p_kind, p_record_class, p_owner, p_record_id, p_role,
                p_clock, p_due, true);
            RETURN v_item;
        END $$;
        COMMENT ON FUNCTION work.tell_owner IS
            'Opens an item for the force that owns a record, of a closed list of kinds; logged';
    """)


def _hand_over() -> None:
    hand_over("ctx.session_roles()", "athena_visibility")
    for function in ("work.log_item()", "work.log_team()", TELL_OWNER):
        hand_over(function, WORKLIST)
    script(f"""
        GRANT EXECUTE ON FUNCTION ctx.session_roles() TO athena_force;
        GRANT EXECUTE ON FUNCTION {TELL_OWNER} TO athena_force;
        GRANT EXECUTE ON FUNCTION ctx.open_grant_set(), ctx.session_member(),
            ctx.session_tenant(), audit.append(uuid, text, text, text, jsonb, jsonb)
            TO {WORKLIST};
        GRANT USAGE ON SCHEMA ctx, audit, tenants TO {WORKLIST};
        GRANT SELECT (tenant_id, kind) ON tenants.tenant TO {WORKLIST};
        CREATE POLICY worklist_finds_forces ON tenants.tenant FOR SELECT
            TO {WORKLIST} USING (true);
        GRANT INSERT ON work.item, work.message TO {WORKLIST};
        CREATE POLICY tell ON work.item FOR INSERT TO {WORKLIST}
            WITH CHECK (opened_by = (SELECT ctx.session_member()));
        CREATE POLICY tell ON work.message FOR INSERT TO {WORKLIST}
            WITH CHECK ((SELECT ctx.open_grant_set()) IS NOT NULL);
    """)


def _policies() -> None:
    own = (
        "owner_force = (SELECT ctx.session_tenant()) AND (SELECT ctx.open_grant_set()) IS NOT NULL"
    )
    mine = """(assignee_member = (SELECT ctx.session_member())
                    OR claimed_by = (SELECT ctx.session_member())
                    OR assignee_role = ANY ((SELECT ctx.session_roles())::text[])
                    OR EXISTS (SELECT FROM work.team_member AS t
                               WHERE t.owner_force = item.owner_force
                                 AND t.team = item.assignee_team
                                 AND t.member_id = (SELECT ctx.session_member())))"""
    script(f"""
        GRANT USAGE ON SCHEMA work TO athena_force, {OUTBOX};

        CREATE POLICY own_teams ON work.team_member TO athena_force
            USING ({own}) WITH CHECK ({own});
        GRANT SELECT, INSERT, DELETE ON work.team_member TO athena_force;

        -- By column: who opened, claimed or closed an item, and when, is the trigger's to say.
        CREATE POLICY mine ON work.item FOR SELECT TO athena_force
            USING ({own} AND ({mine} OR opened_by = (SELECT ctx.session_member())));
        CREATE POLICY open_own ON work.item FOR INSERT TO athena_force
            WITH CHECK ({own} AND opened_by = (SELECT ctx.session_member()));
        CREATE POLICY work_on_mine ON work.item FOR UPDATE TO athena_force
            USING ({own} AND {mine}) WITH CHECK ({own} AND {mine});
        GRANT SELECT ON work.item TO athena_force;
        GRANT INSERT (owner_force, item_id, kind, record_class, record_owner, record_id,
            assignee_role, assignee_team, assignee_member, clock, due_at, four_eyes)
            ON work.item TO athena_force;
        GRANT UPDATE (state, outcome) ON work.item TO athena_force;

        CREATE POLICY send_own ON work.message FOR INSERT TO athena_force WITH CHECK ({own});
        GRANT INSERT (owner_force, message_id, channel, kind, record_class, record_owner,
            record_id, item_id, recipient_role, recipient_team, recipient_member)
            ON work.message TO athena_force;

        CREATE POLICY my_notifications ON work.notification TO athena_force
            USING ({own} AND member_id = (SELECT ctx.session_member()))
            WITH CHECK ({own} AND member_id = (SELECT ctx.session_member()));
        GRANT SELECT ON work.notification TO athena_force;
        GRANT UPDATE (read_at) ON work.notification TO athena_force;
    """)
    _outbox()


def _outbox() -> None:
    """Let the dispatcher log in, take messages, find who is meant, and write to their lists."""
    script(f"""
        DO $$ BEGIN
            IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = '{OUTBOX}') THEN
                ALTER ROLE {OUTBOX} LOGIN;
            END IF;
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO {OUTBOX}', current_database());
        END $$;

        CREATE POLICY deliver ON work.message FOR SELECT TO {OUTBOX} USING (true);
        CREATE POLICY note ON work.message FOR UPDATE TO {OUTBOX}
            USING (state = 'pending') WITH CHECK (true);
        CREATE POLICY forget_delivered ON work.message FOR DELETE TO {OUTBOX}
            USING (state = 'delivered');
        GRANT SELECT, DELETE ON work.message TO {OUTBOX};
        GRANT UPDATE (state, attempts, next_attempt_at, finished_at, last_error)
            ON work.message TO {OUTBOX};

        CREATE POLICY list ON work.notification FOR INSERT TO {OUTBOX} WITH CHECK (true);
        GRANT INSERT (owner_force, message_id, member_id, kind, record_class, record_owner,
            record_id, item_id, created_at) ON work.notification TO {OUTBOX};

        -- Who is meant by a role or a team; no names.
        CREATE POLICY outbox_finds_members ON tenants.member FOR SELECT TO {OUTBOX} USING (true);
        CREATE POLICY outbox_finds_roles ON tenants.member_role FOR SELECT TO {OUTBOX}
            USING (true);
        CREATE POLICY outbox_finds_teams ON work.team_member FOR SELECT TO {OUTBOX} USING (true);
        GRANT USAGE ON SCHEMA tenants TO {OUTBOX};
        GRANT SELECT (tenant_id, member_id, active) ON tenants.member TO {OUTBOX};
        GRANT SELECT ON tenants.member_role, work.team_member TO {OUTBOX};
    """)


def downgrade() -> None:
    """Drop the worklist; the roles stay for other databases of the server, with nothing here."""
    script(f"""
        DROP POLICY outbox_finds_members ON tenants.member;
        DROP POLICY outbox_finds_roles ON tenants.member_role;
        DROP POLICY worklist_finds_forces ON tenants.tenant;
        DROP TABLE work.notification, work.message, work.item, work.team_member;
        DROP FUNCTION {TELL_OWNER};
        DROP FUNCTION work.log_item, work.log_team, work.keep_item, work.announce;
        DROP FUNCTION ctx.session_roles;
        DROP SCHEMA work;
        REVOKE ALL ON tenants.member, tenants.member_role FROM {OUTBOX};
        REVOKE ALL (tenant_id, member_id, active) ON tenants.member FROM {OUTBOX};
        REVOKE ALL ON tenants.tenant FROM {WORKLIST};
        REVOKE ALL (tenant_id, kind) ON tenants.tenant FROM {WORKLIST};
        REVOKE ALL ON SCHEMA tenants FROM {OUTBOX}, {WORKLIST};
        REVOKE ALL ON SCHEMA ctx, audit FROM {WORKLIST};
        REVOKE EXECUTE ON FUNCTION ctx.open_grant_set(), ctx.session_member(),
            ctx.session_tenant(), audit.append(uuid, text, text, text, jsonb, jsonb)
            FROM {WORKLIST};
        DO $$ BEGIN
            EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM {OUTBOX}', current_database());
        END $$
    """)
