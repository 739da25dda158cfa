"""Signed agreements: signatories' keys, their signatures, and the steps of an agreement's life.

A version is immutable and only its status moves, along steps that the database knows. Whether a
signature is a signature is arithmetic that the database can't do: the platform does it at every
decision. The database keeps who may have signed what, with which key, and when.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ENTER = "policies.enter_into_force(uuid, integer, text)"
ADMINISTER = "audit.administer(text, uuid, text, text[], text, jsonb)"
MISSING = "policies.missing_parties(uuid, integer, jsonb)"

IS_PARTY = """document -> 'parties' @> jsonb_build_array(jsonb_build_object('tenant',
    (SELECT t.slug FROM tenants.tenant AS t WHERE t.login = session_user)))"""

COUNTS = """(s.signed_at AT TIME ZONE 'Europe/London')::date
            BETWEEN k.valid_from AND coalesce(k.valid_to, 'infinity')
        AND (k.revoked_from IS NULL OR s.signed_at < k.revoked_from)"""
"""When a signature counts: its key was valid on that day in London, and not yet revoked."""


def upgrade() -> None:
    """Create keys, signatures and events; agreements from before signatures are set aside."""
    create_role("athena_agreements", "brings a wholly signed agreement into force")
    script("SET LOCAL ROLE athena_owner")
    # Until now only a demonstration could hold agreements, and none had a signature: its founding
    # stores them again, signed. Whatever was granted under them goes.
    script("""
        TRUNCATE policies.agreement;
        UPDATE ctx.policy_state SET revision = revision + 1;
        DELETE FROM ctx.grant_set;
    """)
    _create_tables()
    _create_guards()
    _create_access()
    script("RESET ROLE")
    # What counts as signed is policy: a change of it ends every grant, as a step does.
    for table in ("signature", "signatory_key"):
        script(f"""
            CREATE TRIGGER agreement_changed AFTER INSERT OR UPDATE OR DELETE ON policies.{table}
                FOR EACH STATEMENT EXECUTE FUNCTION policies.agreement_changed()
        """)
    hand_over(ENTER, "athena_agreements")
    script(f"GRANT EXECUTE ON FUNCTION {ENTER} TO athena_force, athena_amo")
    script(f"GRANT EXECUTE ON FUNCTION {MISSING} TO athena_amo, athena_agreements")
    script("GRANT EXECUTE ON FUNCTION ctx.session_tenant() TO athena_agreements")
    script(f"GRANT EXECUTE ON FUNCTION {ADMINISTER} TO athena_force")


def _create_tables() -> None:
    script("""
        ALTER TABLE policies.agreement
            ADD COLUMN digest bytea NOT NULL CHECK (octet_length(digest) = 32),
            ADD CONSTRAINT document_is_of_this_version CHECK (
                (document ->> 'id', document ->> 'version', document ->> 'reference',
                 document ->> 'title')
                IS NOT DISTINCT FROM (agreement_id::text, version::text, reference, title)),
            ADD CONSTRAINT document_is_what_is_signed CHECK (
                NOT document ?| ARRAY['status', 'signatories', 'suspended_reason']);
        COMMENT ON COLUMN policies.agreement.digest IS
            'SHA-256 of the document in canonical form (RFC 8785), which is what parties sign';
        CREATE UNIQUE INDEX agreement_one_open_version ON policies.agreement (agreement_id)
            WHERE status IN ('draft', 'out_for_signature');

        CREATE TABLE policies.signatory_key (
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            key_id text NOT NULL UNIQUE CHECK (key_id = encode(sha256(public_key), 'hex')),
            public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
            office text NOT NULL CHECK (length(office) BETWEEN 1 AND 200),
            valid_from date NOT NULL,
            valid_to date CHECK (valid_to >= valid_from),
            revoked_from timestamptz,
            revoked_reason text CHECK (length(revoked_reason) BETWEEN 3 AND 500),
            registered_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant_id, key_id),
            CHECK ((revoked_from IS NULL) = (revoked_reason IS NULL))
        );
        COMMENT ON TABLE policies.signatory_key IS
            'Ed25519 public keys of the offices that sign for a tenant; no private key comes here';

        CREATE TABLE policies.signature (
            agreement_id uuid NOT NULL,
            version integer NOT NULL,
            tenant_id smallint NOT NULL,
            key_id text NOT NULL,
            signature bytea NOT NULL CHECK (octet_length(signature) = 64),
            signed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (agreement_id, version, tenant_id, key_id),
            FOREIGN KEY (agreement_id, version) REFERENCES policies.agreement,
            FOREIGN KEY (tenant_id, key_id) REFERENCES policies.signatory_key
        );
        COMMENT ON TABLE policies.signature IS
            'Detached signatures over canonical documents, with the moment each was accepted';

        CREATE TABLE policies.agreement_event (
            agreement_id uuid NOT NULL,
            version integer NOT NULL,
            event_id uuid NOT NULL DEFAULT gen_random_uuid(),
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            username text NOT NULL,
            act text NOT NULL CHECK (act IN ('proposed', 'sent_out', 'signed', 'entered_into_force',
                'suspended', 'reinstated', 'terminated', 'withdrawn', 'superseded')),
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 2000),
            PRIMARY KEY (agreement_id, version, event_id),
            FOREIGN KEY (agreement_id, version) REFERENCES policies.agreement
        );
        COMMENT ON TABLE policies.agreement_event IS
            'Each step of an agreement: who took it, when and why; append-only';
    """)
    for table in ("signatory_key", "signature", "agreement_event"):
        protect(f"policies.{table}")


def _create_guards() -> None:
    script(f"""
        CREATE FUNCTION policies.missing_parties(
            p_id uuid, p_version integer, p_document jsonb
        ) RETURNS text[]
        LANGUAGE sql STABLE SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
            SELECT ARRAY(SELECT DISTINCT party ->> 'tenant'
                FROM jsonb_array_elements(p_document -> 'parties') AS party
                EXCEPT
                SELECT t.slug
                FROM policies.signature AS s
                JOIN policies.signatory_key AS k USING (tenant_id, key_id)
                JOIN tenants.tenant AS t USING (tenant_id)
                WHERE s.agreement_id = p_id AND s.version = p_version AND {COUNTS}
                ORDER BY 1)
        $$;
        COMMENT ON FUNCTION policies.missing_parties IS
            'The parties of a version without a signature by a key that was valid when it signed';

        CREATE FUNCTION policies.guard_agreement() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'an agreement is never deleted' USING ERRCODE = '42501';
            ELSIF TG_OP = 'INSERT' THEN
                IF NEW.status <> 'draft' THEN
                    RAISE EXCEPTION 'a version begins as a draft' USING ERRCODE = 'AT002';
                END IF;
                RETURN NEW;
            END IF;
            IF (to_jsonb(NEW) - 'status') IS DISTINCT FROM (to_jsonb(OLD) - 'status') THEN
                RAISE EXCEPTION 'a version of an agreement is immutable' USING ERRCODE = '42501';
            END IF;
            IF (OLD.status, NEW.status) NOT IN (
                ('draft', 'out_for_signature'), ('draft', 'terminated'),
                ('out_for_signature', 'in_force'), ('out_for_signature', 'terminated'),
                ('in_force', 'suspended'), ('in_force', 'expired'), ('in_force', 'terminated'),
                ('in_force', 'superseded'),
                ('suspended', 'in_force'), ('suspended', 'expired'), ('suspended', 'terminated'),
                ('suspended', 'superseded')
            ) THEN
                RAISE EXCEPTION 'no such step in the life of an agreement'
                    USING ERRCODE = 'AT002';
            END IF;
            IF NEW.status = 'in_force' AND cardinality(policies.missing_parties(
                    NEW.agreement_id, NEW.version, NEW.document)) > 0 THEN
                RAISE EXCEPTION 'not every party has signed' USING ERRCODE = 'AT003';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_agreement BEFORE INSERT OR UPDATE OR DELETE ON policies.agreement
            FOR EACH ROW EXECUTE FUNCTION policies.guard_agreement();

        CREATE FUNCTION policies.guard_signature() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                RAISE EXCEPTION 'a signature stays as it was given' USING ERRCODE = '42501';
            END IF;
            IF NOT EXISTS (
                SELECT FROM policies.agreement AS a
                JOIN tenants.tenant AS t ON t.tenant_id = NEW.tenant_id
                WHERE a.agreement_id = NEW.agreement_id AND a.version = NEW.version
                  AND a.status IN ('out_for_signature', 'in_force', 'suspended')
                  AND a.document -> 'parties'
                      @> jsonb_build_array(jsonb_build_object('tenant', t.slug))
            ) THEN
                RAISE EXCEPTION 'only a party signs, and only what was sent out'
                    USING ERRCODE = 'AT002';
            END IF;
            IF NEW.signed_at > now() OR NOT EXISTS (
                SELECT FROM (SELECT NEW.signed_at) AS s
                JOIN policies.signatory_key AS k
                  ON k.tenant_id = NEW.tenant_id AND k.key_id = NEW.key_id
                WHERE {COUNTS}
            ) THEN
                RAISE EXCEPTION 'the key is not valid at that moment' USING ERRCODE = 'AT003';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_signature BEFORE INSERT OR UPDATE OR DELETE ON policies.signature
            FOR EACH ROW EXECUTE FUNCTION policies.guard_signature();

        CREATE FUNCTION policies.guard_key() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR OLD.revoked_from IS NOT NULL
               OR (to_jsonb(NEW) - 'revoked_from' - 'revoked_reason')
                   IS DISTINCT FROM (to_jsonb(OLD) - 'revoked_from' - 'revoked_reason') THEN
                RAISE EXCEPTION 'a key can only be revoked, and once' USING ERRCODE = '42501';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER guard_key BEFORE UPDATE OR DELETE ON policies.signatory_key
            FOR EACH ROW EXECUTE FUNCTION policies.guard_key();

        CREATE FUNCTION policies.guard_event() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            RAISE EXCEPTION 'what happened to an agreement stays told' USING ERRCODE = '42501';
        END $$;
        CREATE TRIGGER guard_event BEFORE UPDATE OR DELETE ON policies.agreement_event
            FOR EACH ROW EXECUTE FUNCTION policies.guard_event();

        CREATE FUNCTION policies.enter_into_force(
            p_id uuid, p_version integer, p_username text
        ) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_agreement policies.agreement%ROWTYPE;
            v_today date := (now() AT TIME ZONE 'Europe/London')::date;
        BEGIN
            SELECT a.* INTO v_agreement FROM policies.agreement AS a
            WHERE a.agreement_id = p_id AND a.version = p_version
              AND (session_user = 'athena_amo' OR {IS_PARTY})
            FOR UPDATE;
            IF v_agreement.status IS DISTINCT FROM 'out_for_signature' THEN
                RETURN false;
            END IF;
            UPDATE policies.agreement SET status = 'in_force'
            WHERE agreement_id = p_id AND version = p_version;
            INSERT INTO policies.agreement_event
                (agreement_id, version, tenant_id, username, act, reason)
            VALUES (p_id, p_version, ctx.session_tenant(), p_username, 'entered_into_force',
                    'Every party has signed.');
            -- An earlier version stays until this one begins; decisions go by the day.
            IF (v_agreement.document ->> 'valid_from')::date <= v_today THEN
                WITH earlier AS (
                    UPDATE policies.agreement SET status = 'superseded'
                    WHERE agreement_id = p_id AND version < p_version
                      AND status IN ('in_force', 'suspended')
                    RETURNING version
                )
                INSERT INTO policies.agreement_event
                    (agreement_id, version, tenant_id, username, act, reason)
                SELECT p_id, version, ctx.session_tenant(), p_username, 'superseded',
                       format('Version %s is in force.', p_version)
                FROM earlier;
            END IF;
            RETURN true;
        END $$;
        COMMENT ON FUNCTION policies.enter_into_force IS
            'Brings a version into force once every party has signed; its earlier ones end';
    """)


def _create_access() -> None:
    seen = "EXISTS (SELECT FROM policies.{0} AS seen WHERE {1})"
    of_agreement = seen.format(
        "agreement",
        "seen.agreement_id = {0}.agreement_id AND seen.version = {0}.version",
    )
    of_key = seen.format("signature", "seen.key_id = signatory_key.key_id")
    own = "tenant_id = (SELECT ctx.session_tenant())"
    script(f"""
        CREATE POLICY parties_read_agreements ON policies.agreement FOR SELECT TO athena_force
            USING ({IS_PARTY});
        CREATE POLICY oversight_reads_agreements ON policies.agreement FOR SELECT
            TO athena_auditor USING (true);
        CREATE POLICY entering_into_force ON policies.agreement TO athena_agreements
            USING (true) WITH CHECK (true);

        CREATE POLICY everyone_who_decides_reads ON policies.signatory_key FOR SELECT
            TO athena_policy_writer, athena_auditor, athena_agreements USING (true);
        CREATE POLICY client_body_keeps_keys ON policies.signatory_key TO athena_amo
            USING (true) WITH CHECK (true);
        CREATE POLICY parties_read_keys ON policies.signatory_key FOR SELECT TO athena_force
            USING ({own} OR {of_key});

        CREATE POLICY everyone_who_decides_reads ON policies.signature FOR SELECT
            TO athena_policy_writer, athena_auditor, athena_agreements USING (true);
        CREATE POLICY client_body_forwards_signatures ON policies.signature TO athena_amo
            USING (true) WITH CHECK (true);
        CREATE POLICY parties_read_signatures ON policies.signature FOR SELECT TO athena_force
            USING ({of_agreement.format("signature")});
        CREATE POLICY parties_sign ON policies.signature FOR INSERT TO athena_force
            WITH CHECK ({own} AND {of_agreement.format("signature")});

        CREATE POLICY oversight_reads_events ON policies.agreement_event FOR SELECT
            TO athena_auditor USING (true);
        CREATE POLICY client_body_tells_events ON policies.agreement_event TO athena_amo
            USING (true) WITH CHECK ({own});
        CREATE POLICY entering_tells_events ON policies.agreement_event FOR INSERT
            TO athena_agreements WITH CHECK ({own});
        CREATE POLICY parties_read_events ON policies.agreement_event FOR SELECT TO athena_force
            USING ({of_agreement.format("agreement_event")});
        CREATE POLICY parties_tell_that_they_signed ON policies.agreement_event FOR INSERT
            TO athena_force WITH CHECK (
                {own} AND act = 'signed' AND {of_agreement.format("agreement_event")});
        CREATE POLICY deciding_reads_events ON policies.agreement_event FOR SELECT
            TO athena_policy_writer USING (true);
        CREATE POLICY entering_reads_tenants ON tenants.tenant FOR SELECT
            TO athena_agreements USING (true);

        GRANT USAGE ON SCHEMA policies TO athena_force, athena_auditor, athena_agreements;
        GRANT USAGE ON SCHEMA tenants, ctx TO athena_agreements;
        GRANT SELECT ON tenants.tenant TO athena_agreements;
        GRANT SELECT ON policies.agreement TO athena_force, athena_auditor;
        GRANT SELECT, UPDATE ON policies.agreement TO athena_agreements;
        REVOKE UPDATE ON policies.agreement FROM athena_amo;
        GRANT UPDATE (status) ON policies.agreement TO athena_amo;
        GRANT SELECT ON policies.signatory_key, policies.signature, policies.agreement_event
            TO athena_policy_writer, athena_auditor, athena_amo, athena_force, athena_agreements;
        GRANT INSERT ON policies.signatory_key, policies.signature, policies.agreement_event
            TO athena_amo;
        GRANT UPDATE (revoked_from, revoked_reason) ON policies.signatory_key TO athena_amo;
        -- Not the moment: that of a force's own signature is the store's clock.
        GRANT INSERT (agreement_id, version, tenant_id, key_id, signature) ON policies.signature
            TO athena_force;
        GRANT INSERT (agreement_id, version, tenant_id, username, act, reason)
            ON policies.agreement_event TO athena_force, athena_agreements;
    """)


def downgrade() -> None:
    """Drop keys, signatures and events; no agreement counts without them, so those go too."""
    script(f"REVOKE EXECUTE ON FUNCTION {ADMINISTER} FROM athena_force")
    script("TRUNCATE policies.agreement CASCADE")
    script("DROP POLICY parties_read_agreements ON policies.agreement")
    script("DROP POLICY oversight_reads_agreements ON policies.agreement")
    script("DROP POLICY entering_into_force ON policies.agreement")
    script("DROP POLICY entering_reads_tenants ON tenants.tenant")
    script("DROP TABLE policies.agreement_event, policies.signature, policies.signatory_key")
    script("DROP TRIGGER guard_agreement ON policies.agreement")
    script(f"DROP FUNCTION {ENTER}, policies.guard_agreement, {MISSING}")
    script("DROP FUNCTION policies.guard_signature, policies.guard_key, policies.guard_event")
    script("""
        DROP INDEX policies.agreement_one_open_version;
        ALTER TABLE policies.agreement DROP CONSTRAINT document_is_what_is_signed,
            DROP CONSTRAINT document_is_of_this_version, DROP COLUMN digest;
        GRANT UPDATE ON policies.agreement TO athena_amo;
        REVOKE ALL ON policies.agreement FROM athena_force, athena_auditor, athena_agreements;
        REVOKE USAGE ON SCHEMA policies FROM athena_force, athena_auditor, athena_agreements;
        REVOKE ALL ON tenants.tenant FROM athena_agreements;
        REVOKE USAGE ON SCHEMA tenants, ctx FROM athena_agreements;
        REVOKE EXECUTE ON FUNCTION ctx.session_tenant() FROM athena_agreements;
        SET LOCAL ROLE athena_owner;
        UPDATE ctx.policy_state SET revision = revision + 1;
        DELETE FROM ctx.grant_set;
        RESET ROLE;
    """)
