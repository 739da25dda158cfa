"""The consortium's accounts: formulas, bases, budgets, charges, journals, notices of withdrawal.

Nothing here is a force's record. What everyone agreed to (a formula, a basis, a charge) every force
reads; of journals a force reads the entries of its own accounts. The client body keeps them all and
can change none: rows are added, a set of bases is frozen once, a participation ends once. A journal
that doesn't balance can't be committed.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

MEASURING = "athena_measuring"
COUNT_USE = "audit.count_use(timestamptz, timestamptz)"

EVERYONES = (
    "cost_formula",
    "basis_set",
    "basis_value",
    "budget",
    "charge",
    "charge_quote",
    "charge_member",
    "withdrawal",
)
"""What every force reads: who shares which cost, and by which figures."""

TABLES = (*EVERYONES, "journal", "journal_entry")
WHO = """
            stored_at timestamptz NOT NULL DEFAULT now(),
            username text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500)"""
YEAR = "smallint NOT NULL CHECK ({0} BETWEEN 2000 AND 2199)"
PENCE = "bigint NOT NULL CHECK (pence BETWEEN 0 AND 100000000000000)"


def upgrade() -> None:
    """Create the tables, their guards and policies, and the function that counts use."""
    script("CREATE SCHEMA IF NOT EXISTS governance AUTHORIZATION athena_owner")
    create_role(MEASURING, "counts consultations by force, to share costs by usage")
    script("SET LOCAL ROLE athena_owner")
    _costs()
    _ledger()
    for table in TABLES:
        protect(f"governance.{table}")
    _guards()
    _access()
    _usage()
    script("RESET ROLE")
    hand_over(COUNT_USE, MEASURING)
    script(f"GRANT EXECUTE ON FUNCTION {COUNT_USE} TO athena_amo")


def _costs() -> None:
    script(f"""
        CREATE TABLE governance.cost_formula (
            reference text NOT NULL CHECK (reference ~ '^[a-z][a-z0-9-]{{1,60}}$'),
            version integer NOT NULL CHECK (version > 0),
            title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
            document jsonb NOT NULL,
            digest bytea NOT NULL CHECK (octet_length(digest) = 32),{WHO},
            PRIMARY KEY (reference, version)
        );
        COMMENT ON TABLE governance.cost_formula IS
            'How a cost is shared, as data; a version never changes';

        CREATE TABLE governance.basis_set (
            basis_set_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            financial_year {YEAR.format("financial_year")},
            measure text NOT NULL CHECK (measure IN
                ('headcount', 'net_revenue_expenditure', 'population', 'usage')),
            version integer NOT NULL CHECK (version > 0),
            source text NOT NULL CHECK (length(source) BETWEEN 3 AND 500),
            source_checksum text CHECK (source_checksum ~ '^[0-9a-f]{{64}}$'),
            digest bytea NOT NULL CHECK (octet_length(digest) = 32),
            frozen_at timestamptz,
            frozen_by text CHECK (length(frozen_by) BETWEEN 1 AND 100),
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(),{WHO},
            UNIQUE (financial_year, measure, version),
            CHECK ((frozen_at IS NULL) = (frozen_by IS NULL))
        );
        CREATE UNIQUE INDEX basis_set_one_frozen
            ON governance.basis_set (financial_year, measure) WHERE frozen_at IS NOT NULL;
        COMMENT ON TABLE governance.basis_set IS
            'What forces are measured by in a financial year, from which source; frozen once';
        COMMENT ON COLUMN governance.basis_set.source_checksum IS
            'SHA-256 of the file that the figures were read from, where there was one';

        CREATE TABLE governance.basis_value (
            basis_set_id uuid NOT NULL REFERENCES governance.basis_set,
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            value bigint NOT NULL CHECK (value BETWEEN 0 AND 100000000000000),
            PRIMARY KEY (basis_set_id, tenant_id)
        );
        COMMENT ON COLUMN governance.basis_value.value IS
            'Pence for net revenue expenditure, else a count';

        CREATE TABLE governance.budget (
            financial_year {YEAR.format("financial_year")},
            version integer NOT NULL CHECK (version > 0),
            pence {PENCE},{WHO},
            PRIMARY KEY (financial_year, version)
        );
        COMMENT ON TABLE governance.budget IS
            'What the board means to spend in a financial year; the newest version counts';
    """)


def _ledger() -> None:
    script(f"""
        CREATE TABLE governance.charge (
            charge_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            reference text NOT NULL UNIQUE CHECK (reference ~ '^[A-Z][A-Z0-9-]{{1,39}}$'),
            title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
            kind text NOT NULL CHECK (kind IN ('annual', 'one_off')),
            formula_reference text NOT NULL,
            formula_version integer NOT NULL,
            first_year {YEAR.format("first_year")},
            last_year {YEAR.format("last_year")},
            basis_year smallint CHECK (basis_year BETWEEN 2000 AND 2199),
            change_reference text CHECK (length(change_reference) BETWEEN 1 AND 100),{WHO},
            FOREIGN KEY (formula_reference, formula_version) REFERENCES governance.cost_formula,
            CHECK (first_year <= last_year),
            CHECK (kind = 'annual' OR first_year = last_year)
        );
        COMMENT ON TABLE governance.charge IS 'A cost that forces agreed to share by a formula';

        CREATE TABLE governance.charge_quote (
            charge_id uuid NOT NULL REFERENCES governance.charge,
            version integer NOT NULL CHECK (version > 0),
            from_year {YEAR.format("from_year")},
            pence {PENCE},{WHO},
            PRIMARY KEY (charge_id, version)
        );
        COMMENT ON TABLE governance.charge_quote IS
            'What a charge costs in each year from one on; a later version goes before an earlier';

        CREATE TABLE governance.charge_member (
            charge_id uuid NOT NULL REFERENCES governance.charge,
            tenant_id smallint NOT NULL REFERENCES tenants.tenant,
            joined_on date NOT NULL,
            last_day date CHECK (last_day >= joined_on),{WHO},
            PRIMARY KEY (charge_id, tenant_id, joined_on)
        );
        CREATE UNIQUE INDEX charge_member_once
            ON governance.charge_member (charge_id, tenant_id) WHERE last_day IS NULL;
        COMMENT ON TABLE governance.charge_member IS
            'Who takes part in a charge, from a day to a day; the end is told once';

        CREATE TABLE governance.journal (
            journal_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            number integer NOT NULL UNIQUE CHECK (number > 0),
            day date NOT NULL,
            kind text NOT NULL CHECK (kind IN ('commitment', 'credit', 'invoice', 'joining',
                'leaving', 'payment', 'receipt', 'refund', 'requote')),
            charge_id uuid REFERENCES governance.charge,
            charge_year smallint CHECK (charge_year BETWEEN 2000 AND 2199),
            document text NOT NULL DEFAULT '' CHECK (length(document) <= 100),
            narrative text NOT NULL CHECK (length(narrative) BETWEEN 1 AND 500),
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(),{WHO},
            CHECK ((charge_id IS NULL) = (charge_year IS NULL))
        );
        CREATE INDEX journal_charge ON governance.journal (charge_id, charge_year);
        CREATE INDEX journal_day ON governance.journal (day);
        COMMENT ON TABLE governance.journal IS
            'What was posted together, on which day and why; numbered without a gap';
        COMMENT ON COLUMN governance.journal.document IS
            'The number of the supplier''s invoice, of a payment, and so on';

        CREATE TABLE governance.journal_entry (
            journal_id uuid NOT NULL REFERENCES governance.journal,
            line smallint NOT NULL CHECK (line > 0),
            account text NOT NULL CHECK (account IN ('cash', 'commitments', 'committed',
                'contributions', 'costs', 'owed', 'supplier')),
            tenant_id smallint REFERENCES tenants.tenant,
            pence bigint NOT NULL CHECK (pence <> 0
                AND pence BETWEEN -100000000000000 AND 100000000000000),
            PRIMARY KEY (journal_id, line),
            CHECK ((account IN ('committed', 'owed')) = (tenant_id IS NOT NULL))
        );
        CREATE INDEX journal_entry_force ON governance.journal_entry (tenant_id, account);
        COMMENT ON TABLE governance.journal_entry IS
            'A debit (positive) or credit (negative); those of a journal add up to nought';

        CREATE TABLE governance.withdrawal (
            tenant_id smallint PRIMARY KEY REFERENCES tenants.tenant,
            notice_on date NOT NULL,
            last_day date NOT NULL CHECK (last_day > notice_on),{WHO}
        );
        COMMENT ON TABLE governance.withdrawal IS
            'Notice that a force gave, and the last day on which it takes part';
    """)


def _guards() -> None:
    script("""
        CREATE FUNCTION governance.keep_accounts() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            RAISE EXCEPTION 'what the accounts hold stays as it is' USING ERRCODE = '42501';
        END $$;

        CREATE FUNCTION governance.freeze_once() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                IF NEW.frozen_at IS NOT NULL OR EXISTS (
                    SELECT FROM governance.basis_set AS s
                    WHERE s.financial_year = NEW.financial_year AND s.measure = NEW.measure
                      AND s.frozen_at IS NOT NULL) THEN
                    RAISE EXCEPTION 'the bases of this year are frozen' USING ERRCODE = 'AT011';
                END IF;
                RETURN NEW;
            END IF;
            IF TG_OP = 'DELETE' OR OLD.frozen_at IS NOT NULL OR NEW.frozen_at IS NULL
               OR (to_jsonb(NEW) - 'frozen_at' - 'frozen_by')
                   IS DISTINCT FROM (to_jsonb(OLD) - 'frozen_at' - 'frozen_by') THEN
                RAISE EXCEPTION 'bases are frozen once, and else stay' USING ERRCODE = '42501';
            END IF;
            NEW.frozen_at := now();
            RETURN NEW;
        END $$;

        CREATE FUNCTION governance.end_once() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR OLD.last_day IS NOT NULL
               OR (to_jsonb(NEW) - 'last_day') IS DISTINCT FROM (to_jsonb(OLD) - 'last_day') THEN
                RAISE EXCEPTION 'a participation ends once, and else stays' USING ERRCODE = '42501';
            END IF;
            RETURN NEW;
        END $$;

        CREATE FUNCTION governance.enter_whole() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_now boolean;
        BEGIN
            IF TG_TABLE_NAME = 'basis_value' THEN
                SELECT s.xid = pg_current_xact_id() INTO v_now FROM governance.basis_set AS s
                WHERE s.basis_set_id = NEW.basis_set_id AND s.frozen_at IS NULL;
            ELSE
                SELECT j.xid = pg_current_xact_id() INTO v_now FROM governance.journal AS j
                WHERE j.journal_id = NEW.journal_id;
            END IF;
            IF v_now IS NOT TRUE THEN
                RAISE EXCEPTION 'this was entered whole; nothing is added'
                    USING ERRCODE = 'AT011';
            END IF;
            RETURN NEW;
        END $$;

        CREATE FUNCTION governance.must_balance() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_entries bigint;
            v_sum numeric;
        BEGIN
            SELECT count(*), sum(e.pence) INTO v_entries, v_sum FROM governance.journal_entry AS e
            WHERE e.journal_id = NEW.journal_id;
            IF v_entries < 2 OR v_sum <> 0 THEN
                RAISE EXCEPTION 'a journal balances' USING ERRCODE = 'AT012';
            END IF;
            RETURN NULL;
        END $$;

        CREATE FUNCTION governance.number_on() RETURNS trigger
        LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF NEW.number <> 1 + (SELECT coalesce(max(j.number), 0) FROM governance.journal AS j)
            THEN
                RAISE EXCEPTION 'journals are numbered without a gap' USING ERRCODE = 'AT011';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER number_on BEFORE INSERT ON governance.journal
            FOR EACH ROW EXECUTE FUNCTION governance.number_on();

        CREATE TRIGGER freeze_once BEFORE INSERT OR UPDATE OR DELETE ON governance.basis_set
            FOR EACH ROW EXECUTE FUNCTION governance.freeze_once();
        CREATE TRIGGER end_once BEFORE UPDATE OR DELETE ON governance.charge_member
            FOR EACH ROW EXECUTE FUNCTION governance.end_once();
        -- On both: whoever has the first fire early can't add to the journal after it.
        CREATE CONSTRAINT TRIGGER must_balance AFTER INSERT ON governance.journal
            DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION governance.must_balance();
        CREATE CONSTRAINT TRIGGER must_balance AFTER INSERT ON governance.journal_entry
            DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION governance.must_balance();
    """)
    for table in ("basis_value", "journal_entry"):
        script(f"""
            CREATE TRIGGER enter_whole BEFORE INSERT ON governance.{table}
                FOR EACH ROW EXECUTE FUNCTION governance.enter_whole()
        """)
    for table in TABLES:
        if table not in ("basis_set", "charge_member"):
            script(f"""
                CREATE TRIGGER keep_accounts BEFORE UPDATE OR DELETE ON governance.{table}
                    FOR EACH ROW EXECUTE FUNCTION governance.keep_accounts()
            """)
        script(f"""
            CREATE TRIGGER never_emptied BEFORE TRUNCATE ON governance.{table}
                FOR EACH STATEMENT EXECUTE FUNCTION governance.keep_accounts()
        """)


def _access() -> None:
    own = "tenant_id = (SELECT ctx.session_tenant())"
    script("GRANT USAGE ON SCHEMA governance TO athena_amo, athena_auditor, athena_force")
    for table in TABLES:
        name = f"governance.{table}"
        script(f"""
            CREATE POLICY client_body_keeps_accounts ON {name}
                TO athena_amo USING (true) WITH CHECK (true);
            CREATE POLICY oversight_reads_accounts ON {name} FOR SELECT
                TO athena_auditor USING (true);
            GRANT SELECT ON {name} TO athena_amo, athena_auditor, athena_force;
        """)
    for table in EVERYONES:
        script(f"""
            CREATE POLICY forces_read_what_all_agreed ON governance.{table} FOR SELECT
                TO athena_force USING (true)
        """)
    script(f"""
        CREATE POLICY forces_read_own_entries ON governance.journal_entry FOR SELECT
            TO athena_force USING ({own});
        CREATE POLICY forces_read_own_journals ON governance.journal FOR SELECT
            TO athena_force USING (EXISTS (
                SELECT FROM governance.journal_entry AS seen
                WHERE seen.journal_id = journal.journal_id));

        -- By column: the time and the transaction are the store's own.
        GRANT INSERT (reference, version, title, document, digest, username, reason)
            ON governance.cost_formula TO athena_amo;
        GRANT INSERT (basis_set_id, financial_year, measure, version, source, source_checksum,
            digest, username, reason) ON governance.basis_set TO athena_amo;
        GRANT UPDATE (frozen_at, frozen_by) ON governance.basis_set TO athena_amo;
        GRANT INSERT ON governance.basis_value, governance.journal_entry TO athena_amo;
        GRANT INSERT (financial_year, version, pence, username, reason)
            ON governance.budget TO athena_amo;
        GRANT INSERT (charge_id, reference, title, kind, formula_reference,
            formula_version, first_year, last_year, basis_year, change_reference, username,
            reason) ON governance.charge TO athena_amo;
        GRANT INSERT (charge_id, version, from_year, pence, username, reason)
            ON governance.charge_quote TO athena_amo;
        GRANT INSERT (charge_id, tenant_id, joined_on, last_day, username, reason)
            ON governance.charge_member TO athena_amo;
        GRANT UPDATE (last_day) ON governance.charge_member TO athena_amo;
        GRANT INSERT (journal_id, number, day, kind, charge_id, charge_year, document, narrative,
            username, reason) ON governance.journal TO athena_amo;
        GRANT INSERT (tenant_id, notice_on, last_day, username, reason)
            ON governance.withdrawal TO athena_amo;
    """)


def _usage() -> None:
    script(f"""
        GRANT USAGE ON SCHEMA audit TO {MEASURING};
        CREATE POLICY measuring ON audit.event FOR SELECT TO {MEASURING}
            USING (session_user = 'athena_amo');
        GRANT SELECT (at, xid, login, tenant_id, kind) ON audit.event TO {MEASURING};

        CREATE FUNCTION audit.count_use(p_from timestamptz, p_to timestamptz)
        RETURNS TABLE (tenant_id smallint, uses bigint)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT f.tenant_id, count(*) FROM (
                -- A consultation is a transaction: what it showed is an event of its own.
                SELECT DISTINCT e.tenant_id, e.at, e.xid FROM audit.event AS e
                WHERE e.kind = 'consultation' AND e.at >= p_from AND e.at < p_to
            ) AS f
            -- Nobody counts without having told the log so, in this transaction.
            WHERE EXISTS (SELECT FROM audit.event AS e
                          WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned()
                            AND e.login = session_user AND e.kind = 'administration')
            GROUP BY f.tenant_id
        $$;
        COMMENT ON FUNCTION audit.count_use IS
            'How many consultations each force made in a period: never whose, or of whom';
    """)


def downgrade() -> None:
    """Drop the accounts; the schema goes with its last table, the role stays with the server."""
    script(f"DROP FUNCTION {COUNT_USE}")
    script("DROP POLICY measuring ON audit.event")
    script(f"REVOKE ALL ON audit.event FROM {MEASURING}")
    script(f"REVOKE USAGE ON SCHEMA audit FROM {MEASURING}")
    script(f"DROP TABLE {', '.join(f'governance.{table}' for table in reversed(TABLES))}")
    script("""
        DROP FUNCTION governance.keep_accounts, governance.freeze_once, governance.end_once,
            governance.enter_whole, governance.must_balance, governance.number_on;
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'governance'::regnamespace)
            THEN
                DROP SCHEMA governance;
            END IF;
        END $$;
    """)
