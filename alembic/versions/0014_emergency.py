"""Restrictions to named members, locks against a member, and records opened in an emergency."""

from __future__ import annotations

from athena.platform.kernel.migrations import (
    create_role,
    hand_over,
    label_shows,
    not_withheld,
    protect,
    script,
)

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ROLES = {
    "athena_exceptions": "tells which single records matter to a member, and keeps them restricted",
    "athena_emergency": "opens one record in an emergency",
}

EXCEPTIONS = ("restriction", "lock", "emergency_access")
OWN = "owner_force = (SELECT ctx.session_tenant())"
WRITES = f"{OWN} AND (SELECT ctx.may_write())"
LONGEST_EMERGENCY = 4 * 3600

BREAK_GLASS = "records.break_glass(uuid, smallint, uuid, text, text, integer)"
EXCEPTIONS_OF = "ctx.exceptions_of(smallint, uuid, uuid[], text)"
CHANGED = "records.exception_changed()"
KEEP_RESTRICTED = "records.keep_restricted()"
CALLED = (
    "ctx.open_grant_set(), ctx.session_member(), ctx.session_tenant(), ctx.visible_labels(text), "
    "ctx.withheld_records(text), audit.append(uuid, text, text, text, jsonb, jsonb)"
)
DECIDING = ("ctx.label", "ctx.policy_state", "records.nominal")


def upgrade() -> None:
    """Create the tables, the functions over them and their policies."""
    for role, comment in ROLES.items():
        create_role(role, comment)
    script(f"GRANT USAGE ON SCHEMA ctx TO {', '.join(ROLES)}")
    script(f"GRANT EXECUTE ON FUNCTION {CALLED} TO athena_emergency")
    script("SET LOCAL ROLE athena_owner")
    _tables()
    _changes()
    _deciding()
    _emergency()
    for table in EXCEPTIONS:
        script(f"""
            CREATE POLICY not_withheld ON records.{table} AS RESTRICTIVE TO athena_force
                USING ({not_withheld("existence")})
        """)
    script("RESET ROLE")
    hand_over(CHANGED, "athena_grants")
    hand_over(KEEP_RESTRICTED, "athena_exceptions")
    hand_over(EXCEPTIONS_OF, "athena_exceptions")
    hand_over(BREAK_GLASS, "athena_emergency")
    script(f"GRANT EXECUTE ON FUNCTION {EXCEPTIONS_OF} TO athena_policy_writer")
    script(f"GRANT EXECUTE ON FUNCTION {BREAK_GLASS} TO athena_force")


def _tables() -> None:
    """What owners set, what is opened in an emergency, and what each force concludes of it."""
    script("""
        CREATE TABLE records.restriction (
            owner_force smallint NOT NULL,
            restriction_id uuid NOT NULL,
            nominal_id uuid NOT NULL,
            member_id uuid,
            team_id uuid,
            named text NOT NULL CHECK (length(named) BETWEEN 1 AND 100),
            set_by uuid NOT NULL,
            set_by_name text NOT NULL CHECK (length(set_by_name) BETWEEN 1 AND 100),
            reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
            since timestamptz NOT NULL DEFAULT now(),
            until timestamptz CHECK (until >= since),
            PRIMARY KEY (owner_force, restriction_id),
            FOREIGN KEY (owner_force, nominal_id)
                REFERENCES records.nominal (owner_force, nominal_id) ON DELETE CASCADE,
            CHECK ((member_id IS NULL) <> (team_id IS NULL))
        );
        COMMENT ON TABLE records.restriction IS
            'A member or a team that a restricted record is for; whoever isn''t named is shut out';
        CREATE INDEX restriction_nominal ON records.restriction (owner_force, nominal_id);
        CREATE INDEX restriction_member ON records.restriction (member_id);
        CREATE INDEX restriction_team ON records.restriction (team_id);
        CREATE TABLE records.lock (
            owner_force smallint NOT NULL,
            lock_id uuid NOT NULL,
            nominal_id uuid NOT NULL,
            member_id uuid NOT NULL,
            named text NOT NULL CHECK (length(named) BETWEEN 1 AND 100),
            set_by uuid NOT NULL,
            set_by_name text NOT NULL CHECK (length(set_by_name) BETWEEN 1 AND 100),
            reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
            since timestamptz NOT NULL DEFAULT now(),
            until timestamptz CHECK (until >= since),
            PRIMARY KEY (owner_force, lock_id),
            FOREIGN KEY (owner_force, nominal_id)
                REFERENCES records.nominal (owner_force, nominal_id) ON DELETE CASCADE
        );
        COMMENT ON TABLE records.lock IS
            'A record that a member, of any force, must not see: a conflict of interest';
        CREATE INDEX lock_nominal ON records.lock (owner_force, nominal_id);
        CREATE INDEX lock_member ON records.lock (member_id);

        CREATE TABLE records.emergency_access (
            access_id uuid PRIMARY KEY,
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            nominal_id uuid NOT NULL,
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            member_id uuid NOT NULL,
            username text NOT NULL,
            purpose text NOT NULL,
            reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
            emergency text NOT NULL CHECK (length(emergency) BETWEEN 1 AND 500),
            opened_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL
        );
        COMMENT ON TABLE records.emergency_access IS
            'A record opened in an emergency; it outlives the record itself, which may be erased';
        CREATE INDEX emergency_access_member ON records.emergency_access (member_id, expires_at);
        CREATE INDEX emergency_access_owner ON records.emergency_access (owner_force, opened_at);
        CREATE INDEX emergency_access_tenant ON records.emergency_access (tenant_id, opened_at);
        CREATE TABLE records.emergency_review (
            access_id uuid NOT NULL REFERENCES records.emergency_access,
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            reviewed_by uuid NOT NULL,
            reviewed_by_name text NOT NULL CHECK (length(reviewed_by_name) BETWEEN 1 AND 100),
            outcome text NOT NULL CHECK (outcome IN ('justified', 'not_justified', 'escalated')),
            note text NOT NULL CHECK (length(note) <= 500),
            reviewed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (access_id, tenant_id)
        );
        COMMENT ON TABLE records.emergency_review IS
            'What a force concluded: owner and requester each review for themselves';
    """)
    for table in (*EXCEPTIONS, "emergency_review"):
        protect(f"records.{table}")
    for table in ("restriction", "lock"):
        himself = " AND member_id <> (SELECT ctx.session_member())" if table == "lock" else ""
        script(f"""
            CREATE POLICY own_{table}s ON records.{table} FOR SELECT TO athena_force
                USING ({OWN} AND (SELECT ctx.open_grant_set()) IS NOT NULL);
            CREATE POLICY add_own ON records.{table} FOR INSERT TO athena_force
                WITH CHECK ({WRITES} AND set_by = (SELECT ctx.session_member()));
            CREATE POLICY end_own ON records.{table} FOR UPDATE TO athena_force
                USING ({WRITES}{himself}) WITH CHECK ({WRITES});
            GRANT SELECT, INSERT, UPDATE (until) ON records.{table} TO athena_force;
        """)


def _changes() -> None:
    """A change of an exception ends the grant sets concerned; a restricted record stays so."""
    script("""
        CREATE FUNCTION records.exception_changed() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_old jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
            v_new jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
        BEGIN
            -- Against except_records' FOR SHARE, as in agreement_changed: no grant of the old
            -- exceptions can be stored after this commits, and those that are there go with it.
            UPDATE ctx.policy_state SET exception_epoch = exception_epoch + 1;
            IF TG_TABLE_NAME = 'nominal' THEN  -- its label moved: what it shows is decided anew
                DELETE FROM ctx.grant_set WHERE grant_set_id IN (
                    SELECT r.grant_set_id FROM ctx.grant_record AS r
                    WHERE r.owner_force = NEW.owner_force AND r.nominal_id = NEW.nominal_id
                    UNION ALL SELECT l.grant_set_id FROM ctx.grant_lock AS l
                    WHERE l.owner_force = NEW.owner_force AND l.nominal_id = NEW.nominal_id);
                RETURN NULL;
            END IF;
            DELETE FROM ctx.grant_set
            WHERE member_id IN ((v_old ->> 'member_id')::uuid, (v_new ->> 'member_id')::uuid)
               OR (TG_TABLE_NAME = 'restriction'
                   AND (tenant_id = (coalesce(v_new, v_old) ->> 'owner_force')::smallint
                        OR coalesce(v_new, v_old) ->> 'team_id' IS NOT NULL));
            PERFORM pg_notify('athena_policy', '');
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION records.exception_changed IS
            'Ends the grant sets of the members whom an exception concerns, when it commits';

        CREATE FUNCTION records.keep_restricted() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF EXISTS (SELECT FROM records.restriction AS r
                       WHERE r.owner_force = NEW.owner_force AND r.nominal_id = NEW.nominal_id
                         AND (r.until IS NULL OR r.until > now()))
                AND NOT EXISTS (SELECT FROM ctx.label AS l
                                WHERE l.label_id = NEW.label_id AND l.restricted) THEN
                RAISE EXCEPTION 'a record that is restricted to named members stays restricted'
                    USING ERRCODE = '42501';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER keep_restricted BEFORE UPDATE OF label_id ON records.nominal
            FOR EACH ROW WHEN (OLD.label_id <> NEW.label_id)
            EXECUTE FUNCTION records.keep_restricted();
    """)
    for table in EXCEPTIONS:
        script(f"""
            CREATE CONSTRAINT TRIGGER exception_changed
                AFTER INSERT OR UPDATE OR DELETE ON records.{table}
                DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION records.exception_changed()
        """)
    script("""
        CREATE CONSTRAINT TRIGGER relabelled AFTER UPDATE ON records.nominal
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.label_id <> NEW.label_id)
            EXECUTE FUNCTION records.exception_changed()
    """)


def _deciding() -> None:
    """What the gate asks before it decides, answered in one snapshot."""
    script("""
        CREATE FUNCTION ctx.exceptions_of(
            p_tenant smallint, p_member uuid, p_teams uuid[], p_purpose text
        ) RETURNS jsonb
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        BEGIN ATOMIC
            WITH restriction AS (
                SELECT r.owner_force, r.nominal_id, min(r.until) AS until, max(r.since) AS since,
                       coalesce(bool_or(r.member_id = p_member OR r.team_id = ANY (p_teams)),
                                false) AS named
                FROM records.restriction AS r
                WHERE (r.until IS NULL OR r.until > now())
                  AND (r.owner_force = p_tenant OR r.member_id = p_member
                       OR r.team_id = ANY (p_teams))
                GROUP BY r.owner_force, r.nominal_id
            ), emergency AS (
                SELECT e.owner_force, e.nominal_id, max(e.expires_at) AS until
                FROM records.emergency_access AS e
                WHERE e.tenant_id = p_tenant AND e.member_id = p_member
                  AND e.purpose = p_purpose AND e.expires_at > now()
                GROUP BY e.owner_force, e.nominal_id
            ), single AS (
                SELECT owner_force, nominal_id, r.named IS NOT NULL AS listed,
                       coalesce(r.named, false) AS named, e.until IS NOT NULL AS emergency,
                       least(r.until, e.until) AS until, r.since
                FROM restriction AS r FULL JOIN emergency AS e USING (owner_force, nominal_id)
            ), locked AS (
                SELECT l.owner_force, l.nominal_id, min(l.until) AS until FROM records.lock AS l
                WHERE l.member_id = p_member AND (l.until IS NULL OR l.until > now())
                GROUP BY l.owner_force, l.nominal_id
            )
            SELECT jsonb_build_object(
                'epoch', (SELECT s.exception_epoch FROM ctx.policy_state AS s),
                'until', (SELECT min(u.until) FROM (SELECT until FROM single
                          UNION ALL SELECT until FROM locked) AS u),
                'locked', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'owner_force', l.owner_force, 'nominal_id', l.nominal_id)), '[]')
                    FROM locked AS l),
                'singles', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'owner_force', s.owner_force, 'nominal_id', s.nominal_id,
                        'label_id', n.label_id, 'listed', s.listed, 'named', s.named,
                        'emergency', s.emergency)
                        ORDER BY s.emergency DESC, s.since DESC, s.nominal_id), '[]')
                    FROM single AS s JOIN records.nominal AS n USING (owner_force, nominal_id)));
        END;
        COMMENT ON FUNCTION ctx.exceptions_of IS
            'The single records that matter when deciding what a member may see for a purpose';
        GRANT USAGE ON SCHEMA records TO athena_exceptions;
        GRANT SELECT ON records.restriction, records.lock, records.emergency_access
            TO athena_exceptions;
        GRANT SELECT (owner_force, nominal_id, label_id) ON records.nominal TO athena_exceptions;
        GRANT SELECT ON ctx.label, ctx.policy_state TO athena_exceptions;
    """)
    for table in (*DECIDING, *(f"records.{table}" for table in EXCEPTIONS)):
        script(f"""
            CREATE POLICY deciding_exceptions ON {table} FOR SELECT
                TO athena_exceptions USING (true)
        """)


def _emergency() -> None:
    """The one way to open a record in an emergency: it finds, logs and grants, or does nothing."""
    script(f"""
        CREATE POLICY concerned_forces ON records.emergency_access FOR SELECT TO athena_force
            USING ((owner_force = (SELECT ctx.session_tenant())
                    OR tenant_id = (SELECT ctx.session_tenant()))
                   AND (SELECT ctx.open_grant_set()) IS NOT NULL
                   AND opened_at < now());  -- its id is told once it is committed, not before
        CREATE POLICY opened ON records.emergency_access FOR INSERT TO athena_emergency
            WITH CHECK (tenant_id = (SELECT ctx.session_tenant())
                        AND member_id = (SELECT ctx.session_member()));
        CREATE POLICY concerned_forces ON records.emergency_review FOR SELECT TO athena_force
            USING (EXISTS (SELECT FROM records.emergency_access AS a
                           WHERE a.access_id = emergency_review.access_id));
        CREATE POLICY review_own ON records.emergency_review FOR INSERT TO athena_force
            WITH CHECK (tenant_id = (SELECT ctx.session_tenant()) AND (SELECT ctx.may_write())
                AND reviewed_by = (SELECT ctx.session_member())
                AND EXISTS (SELECT FROM records.emergency_access AS a
                            WHERE a.access_id = emergency_review.access_id
                              AND a.member_id <> emergency_review.reviewed_by));
        GRANT SELECT ON records.emergency_access TO athena_force;
        GRANT SELECT, INSERT ON records.emergency_review TO athena_force;

        GRANT USAGE ON SCHEMA audit, sharing, records TO athena_emergency;
        GRANT INSERT ON records.emergency_access TO athena_emergency;
        GRANT SELECT (owner_force, nominal_id, label_id) ON records.nominal TO athena_emergency;
        GRANT SELECT ON ctx.label, ctx.grant_set, sharing.search, audit.event TO athena_emergency;
        CREATE POLICY emergency_labels ON ctx.label FOR SELECT TO athena_emergency USING (true);
        CREATE POLICY emergency_grant ON ctx.grant_set FOR SELECT TO athena_emergency
            USING (login = session_user);
        CREATE POLICY emergency_search ON sharing.search FOR SELECT TO athena_emergency
            USING (owner_force = (SELECT ctx.session_tenant())
                   AND member_id = (SELECT ctx.session_member()) AND expires_at > now());
        CREATE POLICY emergency_pointers ON audit.event FOR SELECT TO athena_emergency
            USING (login = session_user AND action = 'nominals.point_to');
        CREATE POLICY openable ON records.nominal FOR SELECT TO athena_emergency
            USING ({label_shows("pointer")} OR {label_shows("summary")});
        CREATE POLICY not_withheld_emergency ON records.nominal AS RESTRICTIVE FOR SELECT
            TO athena_emergency USING ({not_withheld("existence")});

        CREATE FUNCTION records.break_glass(
            p_search uuid, p_owner smallint, p_nominal uuid, p_reason text, p_emergency text,
            p_seconds integer, OUT access_id uuid, OUT label_id smallint
        )
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        #variable_conflict use_column
        DECLARE
            v_grant ctx.grant_set%ROWTYPE;
            v_nominal uuid := p_nominal;
            v_label ctx.label%ROWTYPE;
        BEGIN
            SELECT * INTO v_grant FROM ctx.grant_set WHERE grant_set_id = ctx.open_grant_set();
            IF v_grant.grant_set_id IS NULL THEN
                RETURN;
            END IF;
            IF p_search IS NOT NULL THEN
                -- The record that the search pointed to stands in the log of its transaction.
                SELECT (r.record ->> 'nominal_id')::uuid INTO v_nominal
                FROM sharing.search AS s
                JOIN audit.event AS e ON e.at = s.created_at AND e.member_id = s.member_id
                CROSS JOIN jsonb_array_elements(e.records) AS r (record)
                WHERE s.search_id = p_search
                  AND (r.record ->> 'owner_force')::smallint = p_owner
                LIMIT 1;
            END IF;
            SELECT l.* INTO v_label FROM records.nominal AS n
            JOIN ctx.label AS l ON l.label_id = n.label_id
            WHERE n.owner_force = p_owner AND n.nominal_id = v_nominal;
            IF v_label.label_id IS NULL THEN
                RETURN;
            END IF;
            IF v_label.sealed THEN
                RAISE EXCEPTION 'a sealed record is never opened in an emergency'
                    USING ERRCODE = 'AT002';
            END IF;
            access_id := gen_random_uuid();
            label_id := v_label.label_id;
            INSERT INTO records.emergency_access (access_id, owner_force, nominal_id, tenant_id,
                member_id, username, purpose, reason, emergency, expires_at)
            VALUES (access_id, p_owner, v_nominal, v_grant.tenant_id, v_grant.member_id,
                v_grant.username, v_grant.purpose, p_reason, p_emergency,
                now() + make_interval(secs => least(p_seconds, {LONGEST_EMERGENCY})));
            PERFORM audit.append(v_grant.grant_set_id, 'disclosure', 'nominals.break_glass',
                p_reason, jsonb_build_object('emergency', p_emergency, 'access', access_id),
                jsonb_build_array(jsonb_build_object('owner_force', p_owner,
                    'nominal_id', v_nominal, 'level', 'full')));
        END $$;
        COMMENT ON FUNCTION records.break_glass IS
            'Opens the record that a search pointed to, or one shown as a summary, for one member';
    """)


def downgrade() -> None:
    """Drop them; each record is its label's again. The roles go with the others (0001)."""
    script("DROP TRIGGER keep_restricted ON records.nominal")
    script("DROP TRIGGER relabelled ON records.nominal")
    script(f"DROP FUNCTION {KEEP_RESTRICTED}, {EXCEPTIONS_OF}, {BREAK_GLASS}")
    script("DROP TABLE records.restriction, records.lock, records.emergency_review")
    script("DROP TABLE records.emergency_access")
    script(f"DROP FUNCTION {CHANGED}")
    for table in DECIDING:
        script(f"DROP POLICY deciding_exceptions ON {table}")
    script("""
        DROP POLICY emergency_labels ON ctx.label;
        DROP POLICY emergency_grant ON ctx.grant_set;
        DROP POLICY emergency_search ON sharing.search;
        DROP POLICY emergency_pointers ON audit.event;
        DROP POLICY openable ON records.nominal;
        DROP POLICY not_withheld_emergency ON records.nominal;
        REVOKE ALL ON ctx.label, ctx.policy_state, records.nominal FROM athena_exceptions;
        REVOKE ALL ON ctx.label, ctx.grant_set, sharing.search, audit.event, records.nominal
            FROM athena_emergency;
    """)
    script(f"REVOKE ALL ON FUNCTION {CALLED} FROM athena_emergency")
