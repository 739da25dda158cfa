"""Governance: bodies with constitutions and seats, change requests, votes and their ballots.

Nothing here is a force's record. Whatever was said, voted or decided stays as it was: rows are
added, and only a change's place in its life, a vote's closing and an appointment's end move on. A
ballot is taken under the lock of its vote's row, so that closing is exact. A force reads what is
the consortium's, its own drafts and its own ballots.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TELLER = "athena_teller"
TAKE_BALLOT = "governance.take_ballot()"
NUMBER = "governance.number_change()"
END_ASSESSING = "governance.end_assessing(uuid, text, text)"

TABLES = (
    "body",
    "constitution",
    "appointment",
    "catalogue",
    "change",
    "change_version",
    "change_entry",
    "vote",
    "ballot",
)
KEPT = ("constitution", "change_version", "change_entry", "ballot")
"""Tables in which no row ever changes."""

OWN = "tenant_id = (SELECT ctx.session_tenant())"
TODAY = "(now() AT TIME ZONE 'Europe/London')::date"


def upgrade() -> None:
    """Create the schema, its tables and guards, and who may read and add what."""
    create_role(TELLER, "takes ballots under the lock of their vote, and ends assessing")
    script("CREATE SCHEMA IF NOT EXISTS governance AUTHORIZATION athena_owner")
    script("SET LOCAL ROLE athena_owner")
    _bodies()
    _changes()
    _votes()
    for table in TABLES:
        protect(f"governance.{table}")
    _guards()
    _guard_changes()
    _tellers_functions()
    script("RESET ROLE")
    for function in (TAKE_BALLOT, NUMBER, END_ASSESSING):
        hand_over(function, TELLER)
    script(f"GRANT EXECUTE ON FUNCTION {END_ASSESSING} TO athena_force, athena_amo")
    script(f"GRANT EXECUTE ON FUNCTION ctx.session_tenant() TO {TELLER}")
    script("SET LOCAL ROLE athena_owner")
    _reading()
    _writing()
    script("RESET ROLE")


def _bodies() -> None:
    script("""
        CREATE TABLE governance.body (
            body_id uuid PRIMARY KEY,
            slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{1,40}$'),
            name text NOT NULL CHECK (length(name) BETWEEN 3 AND 200),
            kind text NOT NULL CHECK (kind IN
                ('strategic_board', 'user_group', 'change_advisory_board', 'alliance_group')),
            module text CHECK (module IN ('case', 'custody', 'intelligence', 'investigation')),
            forces text[],
            created_at timestamptz NOT NULL DEFAULT now(),
            CHECK ((kind = 'user_group') = (module IS NOT NULL)),
            CHECK ((kind = 'alliance_group') = (forces IS NOT NULL))
        );
        COMMENT ON TABLE governance.body IS
            'A body that decides: the board, a user group, an advisory board, an alliance''s group';

        CREATE TABLE governance.constitution (
            body_id uuid NOT NULL REFERENCES governance.body,
            version integer NOT NULL CHECK (version > 0),
            document jsonb NOT NULL,
            digest bytea NOT NULL CHECK (octet_length(digest) = 32),
            stored_at timestamptz NOT NULL DEFAULT now(),
            username text NOT NULL,
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            PRIMARY KEY (body_id, version)
        );
        COMMENT ON TABLE governance.constitution IS
            'How a body decides, version by version; a vote keeps the one it was opened under';

        CREATE TABLE governance.appointment (
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            appointment_id uuid NOT NULL,
            body_id uuid NOT NULL REFERENCES governance.body,
            member_id uuid NOT NULL,
            username text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
            duty text NOT NULL CHECK (duty IN ('member', 'substitute', 'chair')),
            valid_from date NOT NULL,
            valid_to date CHECK (valid_to >= valid_from),
            ended_at timestamptz,
            appointed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant_id, appointment_id)
        );
        CREATE INDEX appointment_body ON governance.appointment (body_id, tenant_id);
        COMMENT ON TABLE governance.appointment IS
            'Who sits on a body for a tenant, as what, from which day in London to which';
    """)


def _changes() -> None:
    script("""
        CREATE TABLE governance.catalogue (
            slug text PRIMARY KEY CHECK (slug ~ '^[a-z][a-z0-9-]{1,40}$'),
            title text NOT NULL CHECK (length(title) BETWEEN 3 AND 200),
            procedure text NOT NULL CHECK (length(procedure) BETWEEN 3 AND 8000),
            largest_pence bigint NOT NULL CHECK (largest_pence >= 0),
            status text NOT NULL DEFAULT 'proposed'
                CHECK (status IN ('proposed', 'approved', 'rejected', 'retired')),
            proposed_at timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE governance.catalogue IS
            'Standard changes: what may be done without asking again, once a body approved it';

        CREATE TABLE governance.change (
            change_id uuid PRIMARY KEY,
            number integer NOT NULL UNIQUE,
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            body_id uuid REFERENCES governance.body,
            username text NOT NULL,
            kind text NOT NULL CHECK (kind IN ('emergency', 'normal', 'standard')),
            state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'assess', 'authorise',
                'authorised', 'scheduled', 'implement', 'review', 'closed', 'rejected',
                'withdrawn')),
            version integer NOT NULL DEFAULT 1 CHECK (version > 0),
            raised_at timestamptz NOT NULL DEFAULT now(),
            submitted_at timestamptz,
            assess_by timestamptz,
            CHECK (state IN ('new', 'withdrawn') OR submitted_at IS NOT NULL),
            CHECK (state <> 'assess' OR assess_by IS NOT NULL)
        );
        CREATE INDEX change_tenant ON governance.change (tenant_id);
        CREATE INDEX change_state ON governance.change (state);
        COMMENT ON TABLE governance.change IS
            'A change request and where it is in its life; a draft is its raiser''s alone';

        CREATE TABLE governance.change_version (
            change_id uuid NOT NULL REFERENCES governance.change,
            version integer NOT NULL CHECK (version > 0),
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            username text NOT NULL,
            document jsonb NOT NULL,
            digest bytea NOT NULL CHECK (octet_length(digest) = 32),
            at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (change_id, version)
        );
        COMMENT ON TABLE governance.change_version IS 'A request''s document, version by version';

        CREATE TABLE governance.change_entry (
            change_id uuid NOT NULL REFERENCES governance.change,
            number integer NOT NULL CHECK (number > 0),
            entry_id uuid NOT NULL DEFAULT gen_random_uuid(),
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            username text NOT NULL,
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            kind text NOT NULL CHECK (kind IN ('assessment', 'attachment', 'comment', 'decision',
                'opt_in', 'opt_out', 'preview', 'quote', 'step', 'vote_cancelled',
                'vote_opened')),
            version integer NOT NULL,
            document jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object'),
            PRIMARY KEY (change_id, number),
            FOREIGN KEY (change_id, version) REFERENCES governance.change_version
        );
        COMMENT ON TABLE governance.change_entry IS
            'What was added to a request, in order: assessments, quotes, steps, decisions';
    """)


def _votes() -> None:
    script("""
        CREATE TABLE governance.vote (
            vote_id uuid PRIMARY KEY,
            body_id uuid NOT NULL,
            constitution_version integer NOT NULL,
            decision text NOT NULL CHECK (decision IN ('catalogue', 'change_emergency',
                'change_normal', 'constitution', 'other', 'release')),
            subject_kind text NOT NULL CHECK (subject_kind IN
                ('catalogue', 'change', 'constitution', 'other')),
            subject_id uuid,
            subject_reference text NOT NULL CHECK (length(subject_reference) BETWEEN 1 AND 200),
            subject_version integer,
            subject_digest bytea CHECK (octet_length(subject_digest) = 32),
            question text NOT NULL CHECK (length(question) BETWEEN 3 AND 500),
            cost_pence bigint NOT NULL CHECK (cost_pence >= 0),
            seats jsonb NOT NULL CHECK (jsonb_typeof(seats) = 'array'),
            opened_at timestamptz NOT NULL DEFAULT now(),
            closes_at timestamptz NOT NULL,
            opened_by text NOT NULL,
            status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed', 'cancelled')),
            ended_at timestamptz,
            place integer,
            minute jsonb,
            minute_digest bytea CHECK (octet_length(minute_digest) = 32),
            FOREIGN KEY (body_id, constitution_version) REFERENCES governance.constitution,
            UNIQUE (body_id, place),
            CHECK (closes_at > opened_at),
            CHECK ((subject_kind = 'change')
                   = (subject_id IS NOT NULL AND subject_version IS NOT NULL
                      AND subject_digest IS NOT NULL)),
            CHECK ((status = 'open') = (ended_at IS NULL)),
            CHECK ((status = 'closed')
                   = (place IS NOT NULL AND minute IS NOT NULL AND minute_digest IS NOT NULL))
        );
        CREATE UNIQUE INDEX vote_one_open ON governance.vote (subject_kind, subject_reference)
            WHERE status = 'open';
        CREATE INDEX vote_subject ON governance.vote (subject_id);
        COMMENT ON TABLE governance.vote IS
            'A question to a body, the constitution and seats it is asked under, and its minute';

        CREATE TABLE governance.ballot (
            vote_id uuid NOT NULL REFERENCES governance.vote,
            number integer NOT NULL CHECK (number > 0),
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            member_id uuid NOT NULL,
            username text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
            duty text NOT NULL CHECK (duty IN ('member', 'substitute', 'chair')),
            choice text NOT NULL CHECK (choice IN ('for', 'against', 'abstain', 'recuse')),
            cast_at timestamptz NOT NULL,
            PRIMARY KEY (vote_id, number)
        );
        COMMENT ON TABLE governance.ballot IS
            'Every ballot in the order in which it was taken; a change of mind is another ballot';
    """)


def _guards() -> None:
    script("""
        CREATE FUNCTION governance.guard_kept() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            RAISE EXCEPTION 'what was said or decided stays' USING ERRCODE = '42501';
        END $$;

        CREATE FUNCTION governance.guard_appointment() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'an appointment ends, and stays told' USING ERRCODE = '42501';
            ELSIF TG_OP = 'UPDATE' THEN
                IF OLD.ended_at IS NOT NULL OR (to_jsonb(NEW) - 'ended_at')
                        IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at') THEN
                    RAISE EXCEPTION 'an appointment only ends, and once' USING ERRCODE = '42501';
                END IF;
                RETURN NEW;
            END IF;
            -- Two at once would each see nobody in the seat.
            PERFORM pg_advisory_xact_lock(
                hashtextextended('athena/seat/' || NEW.body_id::text, 0));
            IF NEW.ended_at IS NOT NULL OR EXISTS (
                SELECT FROM governance.appointment AS a
                WHERE a.body_id = NEW.body_id AND a.ended_at IS NULL
                  AND a.valid_from <= coalesce(NEW.valid_to, 'infinity')
                  AND NEW.valid_from <= coalesce(a.valid_to, 'infinity')
                  AND (a.duty, NEW.duty) IN (('chair', 'chair'), ('member', 'member'),
                       ('substitute', 'substitute'))
                  AND (NEW.duty = 'chair' OR a.tenant_id = NEW.tenant_id)
                  AND (NEW.duty <> 'substitute' OR a.member_id = NEW.member_id)
            ) THEN
                RAISE EXCEPTION 'the seat is taken in that time' USING ERRCODE = 'AT006';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_appointment BEFORE INSERT OR UPDATE OR DELETE
            ON governance.appointment
            FOR EACH ROW EXECUTE FUNCTION governance.guard_appointment();

        CREATE FUNCTION governance.guard_vote() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_ending text[] := ARRAY['status', 'ended_at', 'place', 'minute', 'minute_digest'];
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'a vote is never deleted' USING ERRCODE = '42501';
            ELSIF TG_OP = 'INSERT' THEN
                IF NEW.status <> 'open' THEN
                    RAISE EXCEPTION 'a vote begins open' USING ERRCODE = 'AT004';
                END IF;
                RETURN NEW;
            END IF;
            IF OLD.status <> 'open' OR NEW.status = 'open'
               OR (to_jsonb(NEW) - v_ending) IS DISTINCT FROM (to_jsonb(OLD) - v_ending) THEN
                RAISE EXCEPTION 'a vote only ends, and once' USING ERRCODE = 'AT004';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_vote BEFORE INSERT OR UPDATE OR DELETE ON governance.vote
            FOR EACH ROW EXECUTE FUNCTION governance.guard_vote();

        CREATE FUNCTION governance.guard_catalogue() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - 'status')
                    IS DISTINCT FROM (to_jsonb(OLD) - 'status') THEN
                RAISE EXCEPTION 'an entry of the catalogue stays as it was proposed'
                    USING ERRCODE = '42501';
            END IF;
            IF (OLD.status, NEW.status) NOT IN (('proposed', 'approved'),
                    ('proposed', 'rejected'), ('approved', 'retired'))
               OR (NEW.status = 'approved' AND NOT EXISTS (
                    SELECT FROM governance.vote AS v
                    WHERE v.subject_kind = 'catalogue' AND v.subject_reference = NEW.slug
                      AND v.minute #>> '{outcome,result}' = 'carried')) THEN
                RAISE EXCEPTION 'no such step in the life of an entry' USING ERRCODE = 'AT007';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_catalogue BEFORE UPDATE OR DELETE ON governance.catalogue
            FOR EACH ROW EXECUTE FUNCTION governance.guard_catalogue();
    """)
    for table in KEPT:
        script(f"""
            CREATE TRIGGER guard_kept BEFORE UPDATE OR DELETE ON governance.{table}
                FOR EACH ROW EXECUTE FUNCTION governance.guard_kept();
        """)
    script("""
        CREATE FUNCTION governance.number_entry() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock(
                hashtextextended('athena/change/' || NEW.change_id::text, 0));
            SELECT coalesce(max(e.number), 0) + 1 INTO NEW.number
            FROM governance.change_entry AS e WHERE e.change_id = NEW.change_id;
            RETURN NEW;
        END $$;
        CREATE TRIGGER number_entry BEFORE INSERT ON governance.change_entry
            FOR EACH ROW EXECUTE FUNCTION governance.number_entry();
    """)


def _guard_changes() -> None:
    script("""
        CREATE FUNCTION governance.guard_change() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_moving text[] := ARRAY['state', 'submitted_at', 'assess_by', 'version'];
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'a change request is never deleted' USING ERRCODE = '42501';
            ELSIF TG_OP = 'INSERT' THEN
                IF NEW.state <> 'new' OR NEW.version <> 1 OR NEW.submitted_at IS NOT NULL THEN
                    RAISE EXCEPTION 'a change request begins new' USING ERRCODE = 'AT007';
                END IF;
                RETURN NEW;
            END IF;
            IF (to_jsonb(NEW) - v_moving) IS DISTINCT FROM (to_jsonb(OLD) - v_moving)
               OR NEW.version NOT IN (OLD.version, OLD.version + 1)
               OR (NEW.version > OLD.version AND (OLD.state, NEW.state) <> ('new', 'new'))
               OR (OLD.submitted_at IS NOT NULL AND NEW.submitted_at IS NULL) THEN
                RAISE EXCEPTION 'a change request only moves on' USING ERRCODE = '42501';
            END IF;
            IF NOT EXISTS (SELECT FROM governance.change_version AS d
                           WHERE d.change_id = NEW.change_id AND d.version = NEW.version) THEN
                RAISE EXCEPTION 'a change request has a document' USING ERRCODE = 'AT007';
            END IF;
            IF NEW.state = OLD.state THEN
                RETURN NEW;
            END IF;
            IF (OLD.state, NEW.state) NOT IN (
                    ('authorised', 'scheduled'), ('scheduled', 'authorised'),
                    ('scheduled', 'implement'), ('implement', 'review'), ('review', 'closed'),
                    ('new', 'withdrawn'), ('authorised', 'withdrawn'), ('scheduled', 'withdrawn'))
               AND (OLD.kind, OLD.state, NEW.state) NOT IN (
                    ('standard', 'new', 'authorised'),
                    ('normal', 'new', 'assess'), ('normal', 'assess', 'new'),
                    ('normal', 'assess', 'authorise'), ('normal', 'assess', 'withdrawn'),
                    ('emergency', 'new', 'authorise'), ('emergency', 'authorised', 'implement'))
               AND (OLD.kind = 'standard' OR (OLD.state, NEW.state) NOT IN (
                    ('authorise', 'new'), ('authorise', 'authorised'), ('authorise', 'rejected'),
                    ('authorise', 'withdrawn'), ('authorised', 'authorise'),
                    ('scheduled', 'authorise')))
            THEN
                RAISE EXCEPTION 'no such step in the life of a change' USING ERRCODE = 'AT007';
            END IF;
            -- A raiser submits and withdraws; everything else is the client body's or follows.
            IF current_user NOT IN ('athena_amo', 'athena_teller')
               AND OLD.state <> 'new' AND NEW.state <> 'withdrawn' THEN
                RAISE EXCEPTION 'no step of whoever raised it' USING ERRCODE = '42501';
            END IF;
            IF (OLD.state, NEW.state) = ('authorise', 'authorised') AND 'carried' IS DISTINCT FROM (
                SELECT v.minute #>> '{outcome,result}' FROM governance.vote AS v
                WHERE v.subject_kind = 'change' AND v.subject_id = NEW.change_id
                  AND v.subject_version = NEW.version AND v.status = 'closed'
                ORDER BY v.ended_at DESC LIMIT 1
            ) THEN
                RAISE EXCEPTION 'no vote has carried' USING ERRCODE = 'AT007';
            END IF;
            IF (OLD.state, NEW.state) = ('new', 'authorised') AND NOT EXISTS (
                SELECT FROM governance.change_version AS d
                JOIN governance.catalogue AS c ON c.slug = d.document ->> 'catalogue'
                WHERE d.change_id = NEW.change_id AND d.version = NEW.version
                  AND c.status = 'approved'
                  AND (d.document ->> 'one_off_pence')::bigint
                      + (d.document ->> 'annual_pence')::bigint <= c.largest_pence
            ) THEN
                RAISE EXCEPTION 'the catalogue has no such standard change'
                    USING ERRCODE = 'AT008';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_change BEFORE INSERT OR UPDATE OR DELETE ON governance.change
            FOR EACH ROW EXECUTE FUNCTION governance.guard_change();
    """)


def _tellers_functions() -> None:
    script(f"""
        CREATE FUNCTION governance.number_change() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended('athena/change-number', 0));
            SELECT coalesce(max(c.number), 0) + 1 INTO NEW.number FROM governance.change AS c;
            RETURN NEW;
        END $$;
        COMMENT ON FUNCTION governance.number_change IS
            'Numbers a change among all there are, drafts that its raiser cannot see among them';
        CREATE TRIGGER number_change BEFORE INSERT ON governance.change
            FOR EACH ROW EXECUTE FUNCTION governance.number_change();

        CREATE FUNCTION governance.take_ballot() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_vote governance.vote%ROWTYPE;
        BEGIN
            SELECT v.* INTO v_vote FROM governance.vote AS v WHERE v.vote_id = NEW.vote_id
            FOR UPDATE;
            -- The row is as it stands now that nobody else holds it.
            IF v_vote.status IS DISTINCT FROM 'open'
               OR clock_timestamp() >= v_vote.closes_at THEN
                RAISE EXCEPTION 'the vote is not open' USING ERRCODE = 'AT004';
            END IF;
            IF NOT EXISTS (
                SELECT FROM governance.appointment AS a
                WHERE a.body_id = v_vote.body_id AND a.tenant_id = NEW.tenant_id
                  AND a.member_id = NEW.member_id AND a.username = NEW.username
                  AND a.duty = NEW.duty AND a.ended_at IS NULL
                  AND {TODAY} BETWEEN a.valid_from AND coalesce(a.valid_to, 'infinity')
            ) OR (NEW.duty <> 'chair' AND NOT EXISTS (
                SELECT FROM tenants.tenant AS t
                WHERE t.tenant_id = NEW.tenant_id AND v_vote.seats
                    @> jsonb_build_array(jsonb_build_object('tenant', t.slug))
            )) THEN
                RAISE EXCEPTION 'no seat in this vote' USING ERRCODE = 'AT005';
            END IF;
            SELECT coalesce(max(b.number), 0) + 1 INTO NEW.number
            FROM governance.ballot AS b WHERE b.vote_id = NEW.vote_id;
            NEW.cast_at := clock_timestamp();
            RETURN NEW;
        END $$;
        COMMENT ON FUNCTION governance.take_ballot IS
            'Takes a ballot under the lock of its vote, by the store''s clock, from who has a seat';
        CREATE TRIGGER take_ballot BEFORE INSERT ON governance.ballot
            FOR EACH ROW EXECUTE FUNCTION governance.take_ballot();

        CREATE FUNCTION governance.end_assessing(
            p_change uuid, p_username text, p_reason text
        ) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_change governance.change%ROWTYPE;
            v_affected text[];
            v_silent text[];
        BEGIN
            SELECT c.* INTO v_change FROM governance.change AS c WHERE c.change_id = p_change
            FOR UPDATE;
            IF v_change.state IS DISTINCT FROM 'assess' THEN
                RETURN false;
            END IF;
            SELECT ARRAY(SELECT jsonb_object_keys(d.document -> 'impacts') ORDER BY 1)
            INTO v_affected FROM governance.change_version AS d
            WHERE d.change_id = p_change AND d.version = v_change.version;
            SELECT ARRAY(
                SELECT unnest(v_affected) EXCEPT
                SELECT t.slug FROM governance.change_entry AS e
                JOIN tenants.tenant AS t USING (tenant_id)
                WHERE e.change_id = p_change AND e.kind = 'assessment'
                  AND e.version = v_change.version
                ORDER BY 1)
            INTO v_silent;
            IF cardinality(v_silent) > 0
               AND NOT (session_user = 'athena_amo' AND now() >= v_change.assess_by) THEN
                RETURN false;
            END IF;
            UPDATE governance.change SET state = 'authorise' WHERE change_id = p_change;
            INSERT INTO governance.change_entry
                (change_id, tenant_id, username, kind, version, document)
            VALUES (p_change, ctx.session_tenant(), p_username, 'step', v_change.version,
                    jsonb_build_object('step', 'end_assessing', 'from', 'assess',
                        'to', 'authorise', 'reason', p_reason, 'silent', to_jsonb(v_silent)));
            RETURN true;
        END $$;
        COMMENT ON FUNCTION governance.end_assessing IS
            'Ends assessing once every affected force has filed, or at the deadline with silence';
    """)


def _reading() -> None:
    visible = "EXISTS (SELECT FROM governance.change AS seen WHERE seen.change_id = {0}.change_id)"
    seen = f"({OWN} OR submitted_at IS NOT NULL)"
    for table in ("body", "constitution", "appointment", "catalogue", "vote"):
        script(f"""
            CREATE POLICY consortium_reads ON governance.{table} FOR SELECT
                TO athena_force, athena_amo, athena_auditor USING (true);
        """)
    script(f"""
        CREATE POLICY consortium_reads ON governance.change FOR SELECT
            TO athena_force, athena_amo USING ({seen});
        CREATE POLICY oversight_reads ON governance.change FOR SELECT
            TO athena_auditor USING (true);
        CREATE POLICY own_ballots ON governance.ballot FOR SELECT TO athena_force USING ({OWN});
        CREATE POLICY counting ON governance.ballot FOR SELECT
            TO athena_amo, athena_auditor USING (true);
    """)
    for table in ("change_version", "change_entry"):
        script(f"""
            CREATE POLICY with_their_change ON governance.{table} FOR SELECT
                TO athena_force, athena_amo, athena_auditor USING ({visible.format(table)});
        """)
    for table in ("appointment", "change", "change_version", "change_entry", "vote", "ballot"):
        script(f"""
            CREATE POLICY teller ON governance.{table} TO {TELLER}
                USING (true) WITH CHECK (true);
            GRANT SELECT ON governance.{table} TO {TELLER};
        """)
    script(f"""
        CREATE POLICY teller_reads_tenants ON tenants.tenant FOR SELECT TO {TELLER} USING (true);
        GRANT USAGE ON SCHEMA governance TO athena_force, athena_amo, athena_auditor, {TELLER};
        GRANT USAGE ON SCHEMA tenants, ctx TO {TELLER};
        GRANT SELECT ON tenants.tenant TO {TELLER};
        GRANT UPDATE (status) ON governance.vote TO {TELLER};
        GRANT UPDATE (state) ON governance.change TO {TELLER};
        GRANT INSERT (change_id, tenant_id, username, kind, version, document)
            ON governance.change_entry TO {TELLER};
    """)
    tables = ", ".join(f"governance.{table}" for table in TABLES)
    script(f"GRANT SELECT ON {tables} TO athena_force, athena_amo, athena_auditor")


def _writing() -> None:
    visible = "EXISTS (SELECT FROM governance.change AS seen WHERE seen.change_id = {0}.change_id"
    raised = f"{visible} AND seen.tenant_id = (SELECT ctx.session_tenant()))"
    script(f"""
        CREATE POLICY client_body_founds ON governance.body FOR INSERT TO athena_amo
            WITH CHECK (true);
        CREATE POLICY client_body_amends ON governance.constitution FOR INSERT TO athena_amo
            WITH CHECK (true);
        CREATE POLICY client_body_proposes ON governance.catalogue FOR INSERT TO athena_amo
            WITH CHECK (true);
        CREATE POLICY client_body_moves ON governance.catalogue FOR UPDATE TO athena_amo
            USING (true) WITH CHECK (true);
        CREATE POLICY forces_appoint ON governance.appointment FOR INSERT TO athena_force
            WITH CHECK ({OWN} AND duty <> 'chair');
        CREATE POLICY client_body_appoints_chairs ON governance.appointment FOR INSERT
            TO athena_amo WITH CHECK (duty = 'chair');
        CREATE POLICY forces_end ON governance.appointment FOR UPDATE TO athena_force
            USING ({OWN}) WITH CHECK ({OWN});
        CREATE POLICY client_body_ends_chairs ON governance.appointment FOR UPDATE
            TO athena_amo USING (duty = 'chair') WITH CHECK (duty = 'chair');
        GRANT INSERT ON governance.body, governance.constitution, governance.catalogue
            TO athena_amo;
        GRANT UPDATE (status) ON governance.catalogue TO athena_amo;
        GRANT INSERT (tenant_id, appointment_id, body_id, member_id, username, duty, valid_from,
            valid_to) ON governance.appointment TO athena_force, athena_amo;
        GRANT UPDATE (ended_at) ON governance.appointment TO athena_force, athena_amo;

        CREATE POLICY raising ON governance.change FOR INSERT TO athena_force, athena_amo
            WITH CHECK ({OWN});
        CREATE POLICY raisers_move ON governance.change FOR UPDATE TO athena_force
            USING ({OWN}) WITH CHECK ({OWN});
        CREATE POLICY client_body_moves ON governance.change FOR UPDATE TO athena_amo
            USING ({OWN} OR submitted_at IS NOT NULL)
            WITH CHECK ({OWN} OR submitted_at IS NOT NULL);
        CREATE POLICY raisers_write ON governance.change_version FOR INSERT
            TO athena_force, athena_amo
            WITH CHECK ({OWN} AND {raised.format("change_version")});
        CREATE POLICY forces_add ON governance.change_entry FOR INSERT TO athena_force
            WITH CHECK ({OWN} AND (
                (kind IN ('assessment', 'attachment', 'comment', 'opt_in', 'opt_out')
                    AND {visible.format("change_entry")}))
                OR (kind = 'step'
                    AND document ->> 'step' IN ('raise', 'amend', 'submit', 'withdraw')
                    AND {raised.format("change_entry")})));
        CREATE POLICY client_body_adds ON governance.change_entry FOR INSERT TO athena_amo
            WITH CHECK ({OWN} AND kind NOT IN ('assessment', 'opt_in', 'opt_out')
                AND {visible.format("change_entry")}));
        GRANT INSERT (change_id, tenant_id, body_id, username, kind) ON governance.change
            TO athena_force, athena_amo;
        GRANT UPDATE (state, submitted_at, assess_by, version) ON governance.change
            TO athena_force, athena_amo;
        GRANT INSERT (change_id, version, tenant_id, username, document, digest)
            ON governance.change_version TO athena_force, athena_amo;
        GRANT INSERT (change_id, tenant_id, username, kind, version, document)
            ON governance.change_entry TO athena_force, athena_amo;

        CREATE POLICY client_body_opens ON governance.vote FOR INSERT TO athena_amo
            WITH CHECK (true);
        CREATE POLICY client_body_closes ON governance.vote FOR UPDATE TO athena_amo
            USING (true) WITH CHECK (true);
        CREATE POLICY voting ON governance.ballot FOR INSERT TO athena_force, athena_amo
            WITH CHECK ({OWN});
        GRANT INSERT (vote_id, body_id, constitution_version, decision, subject_kind, subject_id,
            subject_reference, subject_version, subject_digest, question, cost_pence, seats,
            closes_at, opened_by) ON governance.vote TO athena_amo;
        GRANT UPDATE (status, ended_at, place, minute, minute_digest) ON governance.vote
            TO athena_amo;
        GRANT INSERT (vote_id, tenant_id, member_id, username, duty, choice)
            ON governance.ballot TO athena_force, athena_amo;
    """)


def downgrade() -> None:
    """Drop everything of governance; what was decided goes with it."""
    for table in reversed(TABLES):
        script(f"DROP TABLE governance.{table}")
    script(f"""
        DROP FUNCTION {TAKE_BALLOT}, {NUMBER}, {END_ASSESSING}, governance.guard_kept,
            governance.guard_appointment, governance.guard_vote, governance.guard_catalogue,
            governance.number_entry, governance.guard_change;
        DROP POLICY teller_reads_tenants ON tenants.tenant;
        REVOKE ALL ON tenants.tenant FROM {TELLER};
        REVOKE USAGE ON SCHEMA tenants, ctx FROM {TELLER};
        REVOKE EXECUTE ON FUNCTION ctx.session_tenant() FROM {TELLER};
        DO $$ BEGIN
            DROP SCHEMA governance;
        EXCEPTION WHEN dependent_objects_still_exist THEN
            REVOKE ALL ON SCHEMA governance FROM {TELLER};  -- another part of governance stays
        END $$;
    """)
