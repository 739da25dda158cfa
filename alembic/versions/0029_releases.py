"""Releases: plans, rings, entries, and the forces' black-outs.

Nothing here is a force's record: every force and oversight reads it all. The client body plans and
rolls out; a force files its own black-outs and objects for itself. A release and its rings only
move on as their life allows, and no ring goes live past the ring ahead of it or in a black-out. A
change whose release was backed out goes back to be released again.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import protect, script

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

TABLES = ("release", "release_plan", "release_ring", "release_entry", "black_out")
OWN = "tenant_id = (SELECT ctx.session_tenant())"
NOTICES = (
    "('a_release_is_coming_to_your_force', 'a_release_is_live_for_your_force', "
    "'a_release_was_backed_out_for_your_force')"
)
LIFE_OF_CHANGES = (
    (
        "('implement', 'review'), ('review', 'closed')",
        "('implement', 'review'), ('implement', 'authorised'), ('review', 'closed')",
    ),
    # In one expression with the pair of states, the catalogue had to be readable for whoever
    # moves a change, as soon as the session had a generic plan for it.
    (
        "IF (OLD.state, NEW.state) = ('new', 'authorised') AND NOT EXISTS (",
        "IF (OLD.state, NEW.state) <> ('new', 'authorised') THEN RETURN NEW; END IF;\n"
        "            IF NOT EXISTS (",
    ),
)
"""What the guard of changes said, and what it says now."""


def upgrade() -> None:
    """Create the tables, their guards and policies, and let a change be returned."""
    script("SET LOCAL ROLE athena_owner")
    _releases()
    _black_outs()
    for table in TABLES:
        protect(f"governance.{table}")
    _guard_releases()
    _guard_rings()
    _guard_what_is_kept()
    _access()
    for known, wanted in LIFE_OF_CHANGES:
        _alter_life_of_changes(known, wanted)
    script("RESET ROLE")


def _releases() -> None:
    script("""
        CREATE TABLE governance.release (
            release_id uuid PRIMARY KEY,
            number integer NOT NULL UNIQUE,
            username text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
            state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'planned', 'approved',
                'rolling', 'held', 'live', 'reviewed', 'closed', 'backed_out', 'cancelled')),
            version integer NOT NULL DEFAULT 1 CHECK (version > 0),
            created_at timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE governance.release IS
            'Authorised changes that go to the forces together, and where that is';

        CREATE TABLE governance.release_plan (
            release_id uuid NOT NULL REFERENCES governance.release,
            version integer NOT NULL CHECK (version > 0),
            username text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
            document jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object'),
            digest bytea NOT NULL CHECK (octet_length(digest) = 32),
            at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (release_id, version)
        );
        COMMENT ON TABLE governance.release_plan IS 'The plan of a release, version by version';

        CREATE TABLE governance.release_ring (
            release_id uuid NOT NULL,
            version integer NOT NULL,
            number integer NOT NULL CHECK (number > 0),
            name text NOT NULL CHECK (length(name) BETWEEN 3 AND 200),
            forces text[] NOT NULL CHECK (cardinality(forces) > 0),
            begins_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            state text NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'notified', 'live', 'held', 'backed_out')),
            notified_at timestamptz,
            live_at timestamptz,
            PRIMARY KEY (release_id, version, number),
            FOREIGN KEY (release_id, version) REFERENCES governance.release_plan,
            CHECK (ends_at > begins_at),
            CHECK (state <> 'live' OR live_at IS NOT NULL)
        );
        COMMENT ON TABLE governance.release_ring IS
            'Forces that get a release together: they have its features while the ring is live';

        CREATE TABLE governance.release_entry (
            release_id uuid NOT NULL,
            number integer NOT NULL CHECK (number > 0),
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            username text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            kind text NOT NULL CHECK (kind IN ('confirmation', 'notice', 'objection',
                'objection_withdrawn', 'step', 'verdict', 'vote_opened')),
            version integer NOT NULL,
            document jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object'),
            PRIMARY KEY (release_id, number),
            FOREIGN KEY (release_id, version) REFERENCES governance.release_plan
        );
        COMMENT ON TABLE governance.release_entry IS
            'What was added to a release, in order: steps, confirmations, objections, verdicts';
    """)


def _black_outs() -> None:
    script("""
        CREATE TABLE governance.black_out (
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            black_out_id uuid NOT NULL,
            title text NOT NULL CHECK (length(title) BETWEEN 3 AND 200),
            begins_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            username text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
            filed_at timestamptz NOT NULL DEFAULT now(),
            withdrawn_at timestamptz,
            PRIMARY KEY (tenant_id, black_out_id),
            CHECK (ends_at > begins_at)
        );
        CREATE INDEX black_out_when ON governance.black_out (ends_at, begins_at)
            WHERE withdrawn_at IS NULL;
        COMMENT ON TABLE governance.black_out IS
            'A time in which nothing goes live for a force, filed by the force';
    """)


def _guard_releases() -> None:
    script("""
        CREATE FUNCTION governance.guard_release() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_moving text[] := ARRAY['state', 'version'];
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'a release is never deleted' USING ERRCODE = '42501';
            ELSIF TG_OP = 'INSERT' THEN
                IF NEW.state <> 'draft' OR NEW.version <> 1 THEN
                    RAISE EXCEPTION 'a release begins as a draft' USING ERRCODE = 'AT007';
                END IF;
                PERFORM pg_advisory_xact_lock(hashtextextended('athena/release-number', 0));
                SELECT coalesce(max(r.number), 0) + 1 INTO NEW.number
                FROM governance.release AS r;
                RETURN NEW;
            END IF;
            IF (to_jsonb(NEW) - v_moving) IS DISTINCT FROM (to_jsonb(OLD) - v_moving)
               OR NEW.version NOT IN (OLD.version, OLD.version + 1)
               OR (NEW.version > OLD.version AND (OLD.state, NEW.state) <> ('draft', 'draft')) THEN
                RAISE EXCEPTION 'a release only moves on' USING ERRCODE = '42501';
            END IF;
            IF NOT EXISTS (SELECT FROM governance.release_plan AS p
                           WHERE p.release_id = NEW.release_id AND p.version = NEW.version) THEN
                RAISE EXCEPTION 'a release has a plan' USING ERRCODE = 'AT007';
            END IF;
            IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
                ('draft', 'planned'), ('planned', 'draft'), ('approved', 'draft'),
                ('planned', 'approved'), ('approved', 'rolling'), ('rolling', 'held'),
                ('live', 'held'), ('held', 'rolling'), ('rolling', 'live'),
                ('rolling', 'backed_out'), ('held', 'backed_out'), ('live', 'backed_out'),
                ('live', 'reviewed'), ('backed_out', 'reviewed'), ('reviewed', 'closed'),
                ('draft', 'cancelled'), ('planned', 'cancelled'), ('approved', 'cancelled')) THEN
                RAISE EXCEPTION 'no such step in the life of a release' USING ERRCODE = 'AT007';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_release BEFORE INSERT OR UPDATE OR DELETE ON governance.release
            FOR EACH ROW EXECUTE FUNCTION governance.guard_release();
    """)


def _guard_rings() -> None:
    script("""
        CREATE FUNCTION governance.guard_release_ring() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_moving text[] := ARRAY['state', 'begins_at', 'ends_at', 'notified_at', 'live_at'];
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'a ring stays told' USING ERRCODE = '42501';
            ELSIF TG_OP = 'INSERT' THEN
                IF NEW.state <> 'waiting' OR EXISTS (
                    SELECT FROM governance.release AS r WHERE r.release_id = NEW.release_id
                    AND r.state <> 'draft') THEN
                    RAISE EXCEPTION 'a ring begins waiting, in a draft' USING ERRCODE = 'AT007';
                END IF;
                RETURN NEW;
            END IF;
            IF (to_jsonb(NEW) - v_moving) IS DISTINCT FROM (to_jsonb(OLD) - v_moving)
               OR ((NEW.begins_at, NEW.ends_at) IS DISTINCT FROM (OLD.begins_at, OLD.ends_at)
                   AND NEW.state <> 'waiting') THEN
                RAISE EXCEPTION 'a ring only moves on' USING ERRCODE = '42501';
            END IF;
            IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
                ('waiting', 'notified'), ('backed_out', 'notified'), ('notified', 'live'),
                ('waiting', 'held'), ('notified', 'held'), ('held', 'waiting'),
                ('notified', 'waiting'), ('backed_out', 'waiting'), ('live', 'backed_out')) THEN
                RAISE EXCEPTION 'no such step in the life of a ring' USING ERRCODE = 'AT007';
            END IF;
            IF NEW.state = 'live' AND OLD.state <> 'live' THEN
                -- No black-out is filed while this is looked at.
                PERFORM pg_advisory_xact_lock(hashtextextended('athena/release-calendar', 0));
                IF NOT EXISTS (
                    SELECT FROM governance.release AS r WHERE r.release_id = NEW.release_id
                    AND r.version = NEW.version AND r.state = 'rolling'
                ) OR EXISTS (
                    SELECT FROM governance.release_ring AS g
                    WHERE g.release_id = NEW.release_id AND g.version = NEW.version
                      AND g.number < NEW.number AND g.state <> 'live'
                ) OR EXISTS (
                    SELECT FROM governance.black_out AS b JOIN tenants.tenant AS t USING (tenant_id)
                    WHERE b.withdrawn_at IS NULL AND t.slug = ANY (NEW.forces)
                      AND now() >= b.begins_at AND now() < b.ends_at
                ) THEN
                    RAISE EXCEPTION 'the ring cannot go live now' USING ERRCODE = 'AT007';
                END IF;
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_release_ring BEFORE INSERT OR UPDATE OR DELETE
            ON governance.release_ring
            FOR EACH ROW EXECUTE FUNCTION governance.guard_release_ring();
    """)


def _guard_what_is_kept() -> None:
    for table in ("release_plan", "release_entry"):
        script(f"""
            CREATE TRIGGER guard_kept BEFORE UPDATE OR DELETE ON governance.{table}
                FOR EACH ROW EXECUTE FUNCTION governance.guard_kept();
        """)
    script("""
        CREATE FUNCTION governance.number_release_entry() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock(
                hashtextextended('athena/release/' || NEW.release_id::text, 0));
            SELECT coalesce(max(e.number), 0) + 1 INTO NEW.number
            FROM governance.release_entry AS e WHERE e.release_id = NEW.release_id;
            RETURN NEW;
        END $$;
        CREATE TRIGGER number_release_entry BEFORE INSERT ON governance.release_entry
            FOR EACH ROW EXECUTE FUNCTION governance.number_release_entry();

        CREATE FUNCTION governance.guard_black_out() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'a black-out is withdrawn, and stays told' USING ERRCODE = '42501';
            ELSIF TG_OP = 'UPDATE' THEN
                IF OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL
                   OR (to_jsonb(NEW) - 'withdrawn_at')
                      IS DISTINCT FROM (to_jsonb(OLD) - 'withdrawn_at') THEN
                    RAISE EXCEPTION 'a black-out is only withdrawn, and once'
                        USING ERRCODE = '42501';
                END IF;
                RETURN NEW;
            END IF;
            PERFORM pg_advisory_xact_lock(hashtextextended('athena/release-calendar', 0));
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_black_out BEFORE INSERT OR UPDATE OR DELETE ON governance.black_out
            FOR EACH ROW EXECUTE FUNCTION governance.guard_black_out();
    """)


def _access() -> None:
    for table in TABLES:
        script(f"""
            CREATE POLICY consortium_reads ON governance.{table} FOR SELECT
                TO athena_force, athena_amo, athena_auditor USING (true);
            GRANT SELECT ON governance.{table} TO athena_force, athena_amo, athena_auditor;
        """)
    script(f"""
        CREATE POLICY client_body_drafts ON governance.release FOR INSERT TO athena_amo
            WITH CHECK (true);
        CREATE POLICY client_body_moves ON governance.release FOR UPDATE TO athena_amo
            USING (true) WITH CHECK (true);
        CREATE POLICY client_body_plans ON governance.release_plan FOR INSERT TO athena_amo
            WITH CHECK (true);
        CREATE POLICY client_body_plans ON governance.release_ring FOR INSERT TO athena_amo
            WITH CHECK (true);
        CREATE POLICY client_body_moves ON governance.release_ring FOR UPDATE TO athena_amo
            USING (true) WITH CHECK (true);
        CREATE POLICY own_body_adds ON governance.release_entry FOR INSERT TO athena_amo
            WITH CHECK ({OWN} AND kind NOT IN ('objection', 'objection_withdrawn'));
        CREATE POLICY forces_object ON governance.release_entry FOR INSERT TO athena_force
            WITH CHECK ({OWN} AND kind IN ('objection', 'objection_withdrawn'));
        CREATE POLICY forces_file ON governance.black_out FOR INSERT TO athena_force
            WITH CHECK ({OWN});
        CREATE POLICY forces_withdraw ON governance.black_out FOR UPDATE TO athena_force
            USING ({OWN}) WITH CHECK ({OWN});
        GRANT INSERT (release_id, username), UPDATE (state, version) ON governance.release
            TO athena_amo;
        GRANT INSERT (release_id, version, username, document, digest)
            ON governance.release_plan TO athena_amo;
        GRANT INSERT (release_id, version, number, name, forces, begins_at, ends_at),
            UPDATE (state, begins_at, ends_at, notified_at, live_at)
            ON governance.release_ring TO athena_amo;
        GRANT INSERT (release_id, tenant_id, username, kind, version, document)
            ON governance.release_entry TO athena_amo, athena_force;
        GRANT INSERT (tenant_id, black_out_id, title, begins_at, ends_at, username),
            UPDATE (withdrawn_at) ON governance.black_out TO athena_force;

        -- Notices to forces: these sentences and no other, to roles, about no record.
        CREATE POLICY releases_are_told ON work.message FOR INSERT TO athena_amo
            WITH CHECK (kind IN {NOTICES} AND recipient_role IS NOT NULL
                AND record_id IS NULL AND item_id IS NULL);
        GRANT USAGE ON SCHEMA work TO athena_amo;
        GRANT INSERT (owner_force, kind, recipient_role) ON work.message TO athena_amo;
    """)


def _alter_life_of_changes(known: str, wanted: str) -> None:
    """Put something into the guard of changes in the place of something else."""
    script(f"""
        DO $do$
        DECLARE
            v_guard text := pg_get_functiondef('governance.guard_change()'::regprocedure);
        BEGIN
            IF position($sql${known}$sql$ IN v_guard) = 0 THEN
                RAISE EXCEPTION 'the guard of changes is not as this migration knows it';
            END IF;
            EXECUTE replace(v_guard, $sql${known}$sql$, $sql${wanted}$sql$);
        END $do$;
    """)


def downgrade() -> None:
    """Drop everything of releases; a change that was returned stays authorised."""
    script("SET LOCAL ROLE athena_owner")
    for known, wanted in LIFE_OF_CHANGES:
        _alter_life_of_changes(wanted, known)
    script("RESET ROLE")
    script("""
        DROP POLICY releases_are_told ON work.message;
        REVOKE ALL (owner_force, kind, recipient_role) ON work.message FROM athena_amo;
        REVOKE USAGE ON SCHEMA work FROM athena_amo;
    """)
    for table in ("black_out", "release_entry", "release_ring", "release_plan", "release"):
        script(f"DROP TABLE governance.{table}")
    script("""
        DROP FUNCTION governance.guard_release, governance.guard_release_ring,
            governance.number_release_entry, governance.guard_black_out;
    """)
