"""What partners are told: events in one order for each partner, webhooks, and corrections.

An event stands in the log in the transaction of what it tells, so that neither is there without the
other. Its number is given later, when it is seen committed, under a lock of the partner's own: so
no number comes late, and nobody who changes a record waits for anybody else.

A correction follows from the store itself: a trigger compares what was replaced with what was
disclosed (Data Protection Act 2018, s.48), whatever changed it. It tells which fields are wrong,
never a value: the present one is asked for again, and then decided and logged as any other.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

PPSS, OUTBOX = "athena_ppss", "athena_outbox"
DELIVERING, CORRECTING = "athena_delivering", "athena_correcting"

TABLES = ("partner_stream", "partner_webhook", "partner_event", "correction")
OF_FORCES = ("correction", "partner_event")

SECTIONS = {
    "nominal_name": "names",
    "identifier": "identifiers",
    "contact": "contacts",
    "address": "addresses",
    "description": "descriptions",
    "marker": "markers",
    "assessment": "assessments",
    "involvement": "involvements",
}
"""The tables of a nominal and the fields that are disclosed of them; the rest are columns."""

COLUMNS = ("sex", "gender", "date_of_birth", "date_of_death", "place_of_birth")

NUMBER = "sharing.number_events(smallint)"
CHANGED = "sharing.changed_fields(text, smallint, uuid, uuid, jsonb)"
CORRECT = "sharing.correct(smallint, uuid, text, text[])"
ON_HISTORY = "sharing.correct_replaced()"
ON_ERASED = "sharing.correct_erased()"
ACKNOWLEDGE = "sharing.keep_correction()"
ESCALATE = "sharing.escalate_correction(smallint, uuid, text, timestamp with time zone)"
NOTE = "audit.note_platform(smallint, text, text, text, jsonb, jsonb)"

CALLER = (
    "(SELECT c.partner_id FROM sharing.partner_call AS c "
    "WHERE c.xid = pg_current_xact_id_if_assigned())"
)


def upgrade() -> None:
    """Create the tables, what writes them, and who may read them."""
    create_role(DELIVERING, "numbers what partners are told")
    create_role(CORRECTING, "tells partners that what they were told is wrong")
    script("SET LOCAL ROLE athena_owner")
    _tables()
    for table in TABLES:
        protect(f"sharing.{table}")
    _numbering()
    _correcting()
    _acknowledging()
    _noting()
    script("RESET ROLE")
    _worklist(platform=True)
    _hand_over()
    script("SET LOCAL ROLE athena_owner")
    _policies()
    _rights_of_definers()
    _leaving()
    script("RESET ROLE")
    script(f"""
        CREATE CONSTRAINT TRIGGER correct_replaced AFTER INSERT ON records.history
            DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION {ON_HISTORY};
        CREATE TRIGGER correct_erased AFTER INSERT ON records.change
            FOR EACH ROW WHEN (NEW.operation = 'erased') EXECUTE FUNCTION {ON_ERASED};
    """)


def _tables() -> None:
    script("""
        CREATE TABLE sharing.partner_stream (
            partner_id smallint PRIMARY KEY REFERENCES sharing.partner,
            last_sequence bigint NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
            acknowledged bigint NOT NULL DEFAULT 0
                CHECK (acknowledged BETWEEN 0 AND last_sequence),
            acknowledged_at timestamptz
        );
        COMMENT ON TABLE sharing.partner_stream IS
            'How far a partner''s events are numbered, and how far it says it has read them';

        CREATE TABLE sharing.partner_webhook (
            partner_id smallint PRIMARY KEY REFERENCES sharing.partner,
            url text NOT NULL CHECK (url ~ '^https?://' AND length(url) <= 500),
            set_at timestamptz NOT NULL DEFAULT now(),
            username text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            failing_since timestamptz,
            next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
            stopped_at timestamptz,
            last_error text CHECK (length(last_error) <= 100)
        );
        COMMENT ON TABLE sharing.partner_webhook IS
            'Where a partner wants to be told; whoever holds the lock of its row delivers';

        CREATE TABLE sharing.partner_event (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            event_id uuid NOT NULL DEFAULT gen_random_uuid(),
            partner_id smallint NOT NULL REFERENCES sharing.partner,
            sequence bigint CHECK (sequence > 0),
            kind text NOT NULL CHECK (kind ~ '^[a-z][a-z_]{1,40}$'),
            body jsonb NOT NULL CHECK (jsonb_typeof(body) = 'object'
                                       AND octet_length(body::text) <= 8000),
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            state text NOT NULL DEFAULT 'pending'
                CHECK (state IN ('pending', 'delivered', 'refused')),
            attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
            refusals integer NOT NULL DEFAULT 0 CHECK (refusals >= 0),
            finished_at timestamptz,
            last_error text CHECK (length(last_error) <= 100),
            PRIMARY KEY (owner_force, event_id),
            UNIQUE (partner_id, sequence),
            CHECK ((state = 'pending') = (finished_at IS NULL))
        );
        CREATE INDEX partner_event_new ON sharing.partner_event (partner_id, created_at)
            WHERE sequence IS NULL;
        CREATE INDEX partner_event_pending ON sharing.partner_event (partner_id, sequence)
            WHERE state = 'pending';
        CREATE INDEX partner_event_refused ON sharing.partner_event (partner_id, sequence)
            WHERE state = 'refused';
        COMMENT ON TABLE sharing.partner_event IS
            'What a partner is told, with what it tells of in one transaction; it names nobody';

        CREATE TABLE sharing.correction (
            owner_force smallint NOT NULL,
            correction_id uuid NOT NULL DEFAULT gen_random_uuid(),
            disclosure_id uuid NOT NULL,
            partner_id smallint NOT NULL REFERENCES sharing.partner,
            nominal_id uuid NOT NULL,
            event_id uuid NOT NULL,
            change text NOT NULL CHECK (change IN ('rectified', 'erased')),
            fields text[] NOT NULL CHECK (cardinality(fields) > 0),
            changed_at timestamptz NOT NULL DEFAULT now(),
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            acknowledged_at timestamptz,
            acknowledged_by text CHECK (length(acknowledged_by) BETWEEN 1 AND 100),
            acknowledged_how text
                CHECK (acknowledged_how IN ('corrected', 'erased', 'not_held')),
            escalated_at timestamptz,
            item_id uuid,
            PRIMARY KEY (owner_force, correction_id),
            UNIQUE (owner_force, disclosure_id, change, changed_xid),
            FOREIGN KEY (owner_force, disclosure_id)
                REFERENCES sharing.disclosure ON DELETE CASCADE,
            CHECK (num_nonnulls(acknowledged_at, acknowledged_by, acknowledged_how) IN (0, 3)),
            CHECK ((escalated_at IS NULL) = (item_id IS NULL))
        );
        CREATE INDEX correction_partner ON sharing.correction (partner_id, changed_at);
        CREATE INDEX correction_open ON sharing.correction (changed_at)
            WHERE acknowledged_at IS NULL AND escalated_at IS NULL;
        COMMENT ON TABLE sharing.correction IS
            'That a recipient was told of a disclosed fact that is wrong or gone, and what it did';
    """)


def _numbering() -> None:
    script(f"""
        CREATE FUNCTION sharing.number_events(p_partner smallint) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_last bigint;
            v_new bigint;
        BEGIN
            IF session_user = '{PPSS}' AND p_partner IS DISTINCT FROM {CALLER} THEN
                RAISE EXCEPTION 'a call numbers its own partner''s events'
                    USING ERRCODE = '42501';
            END IF;
            IF NOT EXISTS (SELECT FROM sharing.partner AS p WHERE p.partner_id = p_partner) THEN
                RETURN 0;
            END IF;
            INSERT INTO sharing.partner_stream (partner_id) VALUES (p_partner)
            ON CONFLICT DO NOTHING;
            SELECT s.last_sequence INTO v_last FROM sharing.partner_stream AS s
            WHERE s.partner_id = p_partner FOR UPDATE;
            -- A statement of its own: it sees what was committed before the lock was had.
            UPDATE sharing.partner_event AS e SET sequence = v_last + n.place
            FROM (SELECT u.owner_force, u.event_id,
                         row_number() OVER (ORDER BY u.created_at, u.event_id) AS place
                  FROM sharing.partner_event AS u
                  WHERE u.partner_id = p_partner AND u.sequence IS NULL) AS n
            WHERE e.owner_force = n.owner_force AND e.event_id = n.event_id;
            GET DIAGNOSTICS v_new = ROW_COUNT;
            IF v_new > 0 THEN
                UPDATE sharing.partner_stream AS s SET last_sequence = v_last + v_new
                WHERE s.partner_id = p_partner;
            END IF;
            RETURN v_last + v_new;
        END $$;
        COMMENT ON FUNCTION sharing.number_events IS
            'Numbers a partner''s new events after those it has, and returns the last number';

        CREATE FUNCTION sharing.announce_events() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM pg_notify('athena_outbox', '');
            RETURN NULL;
        END $$;
        CREATE TRIGGER announce_events AFTER INSERT ON sharing.partner_event
            FOR EACH STATEMENT EXECUTE FUNCTION sharing.announce_events();

        CREATE FUNCTION sharing.acknowledge_on() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            NEW.acknowledged := greatest(NEW.acknowledged, OLD.acknowledged);
            NEW.acknowledged_at := now();
            RETURN NEW;
        END $$;
        COMMENT ON FUNCTION sharing.acknowledge_on IS 'What was read stays read';
        CREATE TRIGGER acknowledge_on BEFORE UPDATE OF acknowledged ON sharing.partner_stream
            FOR EACH ROW EXECUTE FUNCTION sharing.acknowledge_on();
    """)


def _correcting() -> None:
    sections = " ".join(f"WHEN '{table}' THEN '{name}'" for table, name in SECTIONS.items())
    columns = ", ".join(f"'{column}'" for column in COLUMNS)
    known = ", ".join(f"'{name}'" for name in (*SECTIONS.values(), *COLUMNS))
    script(f"""
        CREATE FUNCTION sharing.changed_fields(
            p_table text, p_owner smallint, p_nominal uuid, p_row uuid, p_image jsonb
        ) RETURNS text[]
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_now jsonb;
            v_section text := CASE p_table {sections} END;
            v_key text := CASE p_table WHEN 'nominal' THEN 'nominal_id' ELSE 'row_id' END;
        BEGIN
            IF v_section IS NULL AND p_table <> 'nominal' THEN
                RETURN ARRAY['*'];  -- a table of a later release: whatever was disclosed may be it
            END IF;
            EXECUTE format('SELECT to_jsonb(t) FROM records.%I AS t WHERE t.owner_force = $1 '
                           'AND t.nominal_id = $2 AND t.%I = $3', p_table, v_key)
            INTO v_now USING p_owner, p_nominal, p_row;
            IF p_table = 'address' AND v_now IS NOT NULL THEN
                SELECT v_now || jsonb_build_object('location', to_jsonb(l)
                    - '{{owner_force,location_id,place_key,changed_at,changed_xid}}'::text[])
                INTO v_now FROM records.location AS l
                WHERE l.owner_force = p_owner
                  AND l.location_id = (v_now ->> 'location_id')::uuid;
            END IF;
            IF v_section IS NOT NULL THEN
                IF v_now - '{{owner_force,nominal_id,label_id,row_id}}'::text[]
                        - '{{changed_xid,changed_at,location_id}}'::text[]
                        = p_image - '{{changed_at,location_id}}'::text[] THEN
                    RETURN '{{}}';  -- written anew, and the same
                END IF;
                RETURN ARRAY[v_section];
            END IF;
            RETURN ARRAY(SELECT c FROM unnest(ARRAY[{columns}]) AS c
                         WHERE p_image -> c IS DISTINCT FROM v_now -> c
                            OR (c = 'date_of_birth' AND p_image -> 'date_of_birth_precision'
                                IS DISTINCT FROM v_now -> 'date_of_birth_precision'));
        END $$;
        COMMENT ON FUNCTION sharing.changed_fields IS
            'The disclosable fields in which a replaced row differs from what stands now';

        CREATE FUNCTION sharing.correct(
            p_owner smallint, p_nominal uuid, p_change text, p_fields text[]
        ) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_given record;
            v_wrong text[];
            v_correction sharing.correction%ROWTYPE;
            v_force text;
        BEGIN
            SELECT t.slug INTO v_force FROM tenants.tenant AS t WHERE t.tenant_id = p_owner;
            FOR v_given IN
                SELECT d.disclosure_id, d.partner_id, d.check_id, d.fields
                FROM sharing.disclosure AS d
                WHERE d.owner_force = p_owner AND d.nominal_id = p_nominal
                ORDER BY d.partner_id, d.at, d.disclosure_id
            LOOP
                -- A field that this release doesn't know counts as touched by every change.
                v_wrong := ARRAY(
                    SELECT f FROM unnest(v_given.fields) AS f,
                        regexp_replace(f, '^/?([a-z_]+).*$', '\\1') AS s (section)
                    WHERE p_fields && ARRAY['*', s.section] OR s.section NOT IN ({known})
                    ORDER BY f);
                CONTINUE WHEN cardinality(v_wrong) = 0;
                SELECT * INTO v_correction FROM sharing.correction AS c
                WHERE c.owner_force = p_owner AND c.disclosure_id = v_given.disclosure_id
                  AND c.change = p_change AND c.changed_xid = pg_current_xact_id();
                IF FOUND THEN
                    v_wrong := ARRAY(SELECT DISTINCT f
                                     FROM unnest(v_correction.fields || v_wrong) AS f ORDER BY f);
                    UPDATE sharing.correction AS c SET fields = v_wrong
                    WHERE c.owner_force = p_owner
                      AND c.correction_id = v_correction.correction_id;
                    UPDATE sharing.partner_event AS e
                    SET body = e.body || jsonb_build_object('fields', to_jsonb(v_wrong))
                    WHERE e.owner_force = p_owner AND e.event_id = v_correction.event_id;
                    CONTINUE;
                END IF;
                v_correction.correction_id := gen_random_uuid();
                v_correction.event_id := gen_random_uuid();
                INSERT INTO sharing.partner_event (owner_force, event_id, partner_id, kind, body)
                VALUES (p_owner, v_correction.event_id, v_given.partner_id, 'correction',
                    jsonb_build_object('correction_id', v_correction.correction_id,
                        'disclosure_id', v_given.disclosure_id, 'check_id', v_given.check_id,
                        'owner_force', v_force, 'change', p_change, 'fields', to_jsonb(v_wrong),
                        'changed_at', to_char(now() AT TIME ZONE 'UTC',
                                              'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
                INSERT INTO sharing.correction (owner_force, correction_id, disclosure_id,
                    partner_id, nominal_id, event_id, change, fields)
                VALUES (p_owner, v_correction.correction_id, v_given.disclosure_id,
                    v_given.partner_id, p_nominal, v_correction.event_id, p_change, v_wrong);
                PERFORM audit.note_platform(p_owner, 'disclosure', 'corrections.told',
                    'A recipient is told that what was disclosed to it was ' || p_change
                    || ' (DPA 2018, s.48)',
                    jsonb_build_object('partner', v_given.partner_id, 'disclosure',
                        v_given.disclosure_id, 'correction', v_correction.correction_id),
                    jsonb_build_array(jsonb_build_object('owner_force', p_owner,
                        'nominal_id', p_nominal)));
            END LOOP;
        END $$;
        COMMENT ON FUNCTION sharing.correct IS
            'Tells every recipient of a disclosed fact that it was changed or erased';

        CREATE FUNCTION sharing.correct_replaced() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_fields text[];
        BEGIN
            IF NOT EXISTS (SELECT FROM sharing.disclosure AS d
                           WHERE d.owner_force = NEW.owner_force
                             AND d.nominal_id = NEW.nominal_id)
               OR NOT EXISTS (SELECT FROM records.nominal AS n
                              WHERE n.owner_force = NEW.owner_force
                                AND n.nominal_id = NEW.nominal_id) THEN
                RETURN NULL;
            END IF;
            v_fields := sharing.changed_fields(NEW.table_name, NEW.owner_force, NEW.nominal_id,
                                               NEW.row_id, NEW.image);
            IF cardinality(v_fields) > 0 THEN
                PERFORM sharing.correct(NEW.owner_force, NEW.nominal_id, 'rectified', v_fields);
            END IF;
            RETURN NULL;
        END $$;
        COMMENT ON FUNCTION sharing.correct_replaced IS
            'At the commit, when all that was written anew stands: is a disclosed fact another?';

        CREATE FUNCTION sharing.correct_erased() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM sharing.correct(NEW.owner_force, NEW.nominal_id, 'erased', ARRAY['*']);
            RETURN NULL;
        END $$;
    """)


def _acknowledging() -> None:
    script(f"""
        CREATE FUNCTION sharing.keep_correction() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF session_user <> '{PPSS}' THEN
                RETURN NEW;
            END IF;
            IF OLD.acknowledged_at IS NOT NULL OR NEW.acknowledged_how IS NULL
               OR NEW.acknowledged_by IS NULL THEN
                RAISE EXCEPTION 'a correction is acknowledged once' USING ERRCODE = 'AT015';
            END IF;
            NEW.acknowledged_at := now();
            PERFORM audit.note_platform(OLD.owner_force, 'alteration', 'corrections.acknowledged',
                'A recipient says what it did about a correction',
                jsonb_build_object('partner', OLD.partner_id, 'by', NEW.acknowledged_by, 'how',
                    NEW.acknowledged_how, 'correction', OLD.correction_id),
                jsonb_build_array(jsonb_build_object('owner_force', OLD.owner_force,
                    'nominal_id', OLD.nominal_id)));
            RETURN NEW;
        END $$;
        CREATE TRIGGER keep_correction BEFORE UPDATE OF acknowledged_how ON sharing.correction
            FOR EACH ROW EXECUTE FUNCTION sharing.keep_correction();

        CREATE FUNCTION sharing.escalate_correction(
            p_owner smallint, p_correction uuid, p_clock text, p_due timestamptz
        ) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_correction sharing.correction%ROWTYPE;
            v_item uuid := gen_random_uuid();
        BEGIN
            SELECT * INTO v_correction FROM sharing.correction AS c
            WHERE c.owner_force = p_owner AND c.correction_id = p_correction
              AND c.acknowledged_at IS NULL AND c.escalated_at IS NULL
            FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                RETURN false;
            END IF;
            INSERT INTO work.item (owner_force, item_id, kind, record_class, record_owner,
                record_id, assignee_role, clock, due_at)
            VALUES (p_owner, v_item, 'correction_overdue', 'nominal', p_owner,
                v_correction.nominal_id, 'data_protection_officer', p_clock, p_due);
            UPDATE sharing.correction AS c SET escalated_at = now(), item_id = v_item
            WHERE c.owner_force = p_owner AND c.correction_id = p_correction;
            RETURN true;
        END $$;
        COMMENT ON FUNCTION sharing.escalate_correction IS
            'Puts a correction that nobody acknowledges on its force''s worklist, once';
    """)


def _noting() -> None:
    script("""
        CREATE FUNCTION audit.note_platform(
            p_tenant smallint, p_kind text, p_action text, p_reason text, p_content jsonb,
            p_records jsonb
        ) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_event uuid := gen_random_uuid();
        BEGIN
            INSERT INTO audit.event (at, event_id, xid, tenant_id, login, username, roles, kind,
                action, purpose, records)
            VALUES (now(), v_event, pg_current_xact_id(), p_tenant, session_user, 'platform',
                '{}', p_kind, p_action, 'data_quality', p_records);
            INSERT INTO audit.content (at, event_id, reason, content)
            VALUES (now(), v_event, p_reason, p_content);
            RETURN v_event;
        END $$;
        COMMENT ON FUNCTION audit.note_platform IS
            'Logs what the platform does of itself with a force''s record; for its functions alone'
    """)


def _worklist(*, platform: bool) -> None:
    """Replace 0011's triggers: the dispatcher may open an item, through its function alone."""
    opener = "coalesce(v_member, CASE WHEN session_user = 'athena_outbox' THEN '{0}'::uuid END)"
    opened_by = opener.format("00000000-0000-0000-0000-000000000000") if platform else "v_member"
    tenant = (
        "CASE WHEN session_user = 'athena_outbox' THEN NEW.owner_force "
        "ELSE ctx.session_tenant() END"
        if platform
        else "ctx.session_tenant()"
    )
    by_platform = """
            IF session_user = 'athena_outbox' THEN
                PERFORM audit.note_platform(NEW.owner_force, 'alteration',
                    'worklist.' || NEW.state, 'An item of the worklist: ' || NEW.kind,
                    v_content, '[]');
            ELSE"""
    script(f"""
        CREATE OR REPLACE FUNCTION work.keep_item() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_member uuid := ctx.session_member();
        BEGIN
            IF TG_OP = 'INSERT' THEN
                NEW.opened_at := now();
                NEW.opened_by := {opened_by};
                NEW.opened_by_tenant := {tenant};
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

        CREATE OR REPLACE FUNCTION work.log_item() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_content jsonb := jsonb_build_object('item', NEW.item_id,
                'owner_force', NEW.owner_force, 'kind', NEW.kind,
                'record_class', NEW.record_class, 'record_owner', NEW.record_owner,
                'record_id', NEW.record_id, 'version', NEW.version, 'outcome', NEW.outcome);
        BEGIN
            -- Without an open grant set this fails, and the change with it.{
        by_platform if platform else ""
    }
                PERFORM audit.append(
                    ctx.open_grant_set(), 'alteration', 'worklist.' || NEW.state,
                    'An item of the worklist: ' || NEW.kind, v_content, '[]');{
        '''
            END IF;'''
        if platform
        else ""
    }
            IF TG_OP = 'INSERT' THEN
                INSERT INTO work.message (owner_force, kind, record_class, record_owner, record_id,
                    item_id, recipient_role, recipient_team, recipient_member)
                VALUES (NEW.owner_force, NEW.kind, NEW.record_class, NEW.record_owner,
                    NEW.record_id, NEW.item_id, NEW.assignee_role, NEW.assignee_team,
                    NEW.assignee_member);
            END IF;
            RETURN NULL;
        END $$;
    """)


def _hand_over() -> None:
    hand_over(NUMBER, DELIVERING)
    for function in (CHANGED, CORRECT, ON_HISTORY, ON_ERASED, ACKNOWLEDGE, ESCALATE):
        hand_over(function, CORRECTING)
    hand_over(NOTE, "athena_audit_writer")
    script(f"""
        GRANT EXECUTE ON FUNCTION {NUMBER} TO {PPSS}, {OUTBOX};
        GRANT EXECUTE ON FUNCTION {ESCALATE} TO {OUTBOX};
        GRANT EXECUTE ON FUNCTION {NOTE} TO {CORRECTING}, athena_worklist;
        GRANT EXECUTE ON FUNCTION ctx.session_tenant(), ctx.session_member() TO {CORRECTING};
        GRANT USAGE ON SCHEMA audit, ctx, records, sharing, tenants, work TO {CORRECTING};
        GRANT USAGE ON SCHEMA sharing TO {OUTBOX}, athena_amo;
    """)


def _policies() -> None:
    own = f"partner_id = {CALLER}"
    audit_scope = (
        "owner_force = (SELECT ctx.session_tenant()) "
        "AND owner_force = ANY ((SELECT ctx.visible_labels('audit'))::smallint[])"
    )
    for table in ("partner_stream", "partner_webhook", "partner_event"):
        script(f"""
            CREATE POLICY own_events ON sharing.{table} FOR SELECT TO {PPSS} USING ({own});
            CREATE POLICY client_body_watches ON sharing.{table} FOR SELECT
                TO athena_amo USING (true);
            CREATE POLICY oversight_reads ON sharing.{table} FOR SELECT
                TO athena_auditor USING (true);
            CREATE POLICY delivering ON sharing.{table} FOR SELECT TO {OUTBOX} USING (true);
            GRANT SELECT ON sharing.{table} TO {PPSS}, athena_amo, athena_auditor, {OUTBOX};
        """)
    script(f"""
        CREATE POLICY acknowledge_own ON sharing.partner_stream FOR UPDATE TO {PPSS}
            USING ({own}) WITH CHECK ({own});
        GRANT UPDATE (acknowledged) ON sharing.partner_stream TO {PPSS};

        CREATE POLICY client_body_sets ON sharing.partner_webhook
            TO athena_amo USING (true) WITH CHECK (true);
        GRANT INSERT (partner_id, url, username, reason),
            UPDATE (url, set_at, username, reason, failing_since, next_attempt_at, stopped_at,
                    last_error), DELETE ON sharing.partner_webhook TO athena_amo;
        CREATE POLICY delivering_notes ON sharing.partner_webhook FOR UPDATE TO {OUTBOX}
            USING (true) WITH CHECK (true);
        GRANT UPDATE (failing_since, next_attempt_at, stopped_at, last_error)
            ON sharing.partner_webhook TO {OUTBOX};

        CREATE POLICY client_body_replays ON sharing.partner_event FOR UPDATE TO athena_amo
            USING (state = 'refused') WITH CHECK (state = 'pending');
        GRANT UPDATE (state, attempts, refusals, finished_at, last_error)
            ON sharing.partner_event TO athena_amo, {OUTBOX};
        CREATE POLICY delivering_notes ON sharing.partner_event FOR UPDATE TO {OUTBOX}
            USING (state = 'pending') WITH CHECK (true);

        -- Whether a partner still is one, and what is suspended isn't called.
        CREATE POLICY delivering_finds_partners ON sharing.partner FOR SELECT
            TO {OUTBOX} USING (true);
        GRANT SELECT (partner_id) ON sharing.partner TO {OUTBOX};
        CREATE POLICY delivering_finds_tenants ON tenants.tenant FOR SELECT
            TO {OUTBOX} USING (kind = 'partner');
        GRANT SELECT (tenant_id, kind, status) ON tenants.tenant TO {OUTBOX};

        CREATE POLICY own_corrections ON sharing.correction FOR SELECT TO {PPSS} USING ({own});
        CREATE POLICY acknowledge_own ON sharing.correction FOR UPDATE TO {PPSS}
            USING ({own}) WITH CHECK ({own});
        CREATE POLICY officers_of_data_protection_read ON sharing.correction FOR SELECT
            TO athena_force USING ({audit_scope});
        CREATE POLICY oversight_reads ON sharing.correction FOR SELECT
            TO athena_auditor USING (true);
        CREATE POLICY delivering ON sharing.correction FOR SELECT TO {OUTBOX} USING (true);
        GRANT SELECT ON sharing.correction TO {PPSS}, athena_force, athena_auditor;
        GRANT UPDATE (acknowledged_by, acknowledged_how) ON sharing.correction TO {PPSS};
        GRANT SELECT (owner_force, correction_id, changed_at, acknowledged_at, escalated_at)
            ON sharing.correction TO {OUTBOX};
    """)


def _rights_of_definers() -> None:
    own = "owner_force = (SELECT ctx.session_tenant())"
    script(f"""
        CREATE POLICY numbering ON sharing.partner_event TO {DELIVERING}
            USING (true) WITH CHECK (true);
        CREATE POLICY numbering ON sharing.partner_stream TO {DELIVERING}
            USING (true) WITH CHECK (true);
        CREATE POLICY numbering ON sharing.partner FOR SELECT TO {DELIVERING} USING (true);
        CREATE POLICY numbering ON sharing.partner_call FOR SELECT TO {DELIVERING}
            USING (xid = pg_current_xact_id_if_assigned());
        GRANT SELECT (owner_force, event_id, partner_id, sequence, created_at), UPDATE (sequence)
            ON sharing.partner_event TO {DELIVERING};
        GRANT SELECT, INSERT (partner_id), UPDATE (last_sequence)
            ON sharing.partner_stream TO {DELIVERING};
        GRANT SELECT (partner_id) ON sharing.partner TO {DELIVERING};
        GRANT SELECT ON sharing.partner_call TO {DELIVERING};

        CREATE POLICY correcting ON sharing.disclosure FOR SELECT TO {CORRECTING} USING ({own});
        GRANT SELECT ON sharing.disclosure TO {CORRECTING};
        CREATE POLICY correcting ON sharing.partner_event TO {CORRECTING}
            USING ({own} AND sequence IS NULL) WITH CHECK ({own});
        GRANT SELECT (owner_force, event_id, body, sequence), UPDATE (body),
            INSERT (owner_force, event_id, partner_id, kind, body)
            ON sharing.partner_event TO {CORRECTING};
        CREATE POLICY correcting ON sharing.correction TO {CORRECTING}
            USING ({own} OR session_user = '{OUTBOX}')
            WITH CHECK ({own} OR session_user = '{OUTBOX}');
        GRANT SELECT, UPDATE (fields, escalated_at, item_id),
            INSERT (owner_force, correction_id, disclosure_id, partner_id, nominal_id, event_id,
                change, fields) ON sharing.correction TO {CORRECTING};
        CREATE POLICY escalate ON work.item FOR INSERT TO {CORRECTING}
            WITH CHECK (session_user = '{OUTBOX}' AND kind = 'correction_overdue');
        GRANT INSERT (owner_force, item_id, kind, record_class, record_owner, record_id,
            assignee_role, clock, due_at) ON work.item TO {CORRECTING};
        CREATE POLICY tell_of_platform ON work.message FOR INSERT TO athena_worklist
            WITH CHECK (session_user = '{OUTBOX}');
        CREATE POLICY correcting_names_forces ON tenants.tenant FOR SELECT
            TO {CORRECTING} USING (true);
        GRANT SELECT (tenant_id, slug) ON tenants.tenant TO {CORRECTING};
    """)
    for table in ("nominal", "location", *SECTIONS):
        script(f"""
            CREATE POLICY correcting ON records.{table} FOR SELECT TO {CORRECTING} USING ({own});
            GRANT SELECT ON records.{table} TO {CORRECTING};
        """)


def _leaving() -> None:
    for table in OF_FORCES:
        script(f"""
            CREATE POLICY eraser_counts ON sharing.{table} FOR SELECT TO athena_eraser USING (true);
            CREATE POLICY eraser_erases ON sharing.{table} FOR DELETE TO athena_eraser
                USING (owner_force IN (SELECT t.tenant_id FROM tenants.tenant AS t
                                       WHERE t.status = 'offboarded'));
            GRANT SELECT, DELETE ON sharing.{table} TO athena_eraser;
        """)


def downgrade() -> None:
    """Drop what partners are told; what was disclosed stays in the ledger."""
    script("DROP TRIGGER correct_replaced ON records.history")
    script("DROP TRIGGER correct_erased ON records.change")
    _worklist(platform=False)
    for table in ("nominal", "location", *SECTIONS):
        script(f"""
            DROP POLICY correcting ON records.{table};
            REVOKE SELECT ON records.{table} FROM {CORRECTING};
        """)
    script(f"""
        DROP POLICY correcting_names_forces ON tenants.tenant;
        DROP POLICY delivering_finds_tenants ON tenants.tenant;
        DROP POLICY delivering_finds_partners ON sharing.partner;
        DROP POLICY numbering ON sharing.partner;
        DROP POLICY numbering ON sharing.partner_call;
        DROP POLICY correcting ON sharing.disclosure;
        DROP POLICY escalate ON work.item;
        DROP POLICY tell_of_platform ON work.message;
        REVOKE SELECT (tenant_id, slug) ON tenants.tenant FROM {CORRECTING};
        REVOKE SELECT (tenant_id, kind, status) ON tenants.tenant FROM {OUTBOX};
        REVOKE SELECT (partner_id) ON sharing.partner FROM {OUTBOX}, {DELIVERING};
        REVOKE SELECT ON sharing.partner_call FROM {DELIVERING};
        REVOKE SELECT ON sharing.disclosure FROM {CORRECTING};
        REVOKE INSERT (owner_force, item_id, kind, record_class, record_owner, record_id,
            assignee_role, clock, due_at) ON work.item FROM {CORRECTING};
        DROP TABLE sharing.correction, sharing.partner_event, sharing.partner_webhook,
            sharing.partner_stream;
        DROP FUNCTION {NUMBER}, {ON_HISTORY}, {ON_ERASED}, {ACKNOWLEDGE}, {ESCALATE}, {CORRECT},
            {CHANGED}, {NOTE}, sharing.announce_events(), sharing.acknowledge_on();
        REVOKE EXECUTE ON FUNCTION ctx.session_tenant(), ctx.session_member() FROM {CORRECTING};
        REVOKE USAGE ON SCHEMA audit, ctx, records, sharing, tenants, work FROM {CORRECTING};
        REVOKE USAGE ON SCHEMA sharing FROM {OUTBOX}, {DELIVERING};
    """)
