"""Opting in is posted at once, and what members have to do in governance is told to them.

A force's login posts nothing but this: that its own force joins a charge which a vote on a change
bound, after it opted in to that change. What the charge costs stays as it is, and the shares are
those that the platform worked out; the function checks everything that the store can know of them.
"""

from __future__ import annotations

from athena.platform.kernel.migrations import create_role, hand_over, protect, script

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

JOINER = "athena_joiner"
OUTBOX = "athena_outbox"
JOIN = "governance.join_charge(uuid, uuid, date, jsonb, text, text)"
READS = (
    "charge",
    "charge_member",
    "change",
    "change_entry",
    "journal",
    "journal_entry",
    "withdrawal",
)
WRITES = {
    "charge_member": "charge_id, tenant_id, joined_on, last_day, username, reason",
    "journal": "journal_id, number, day, kind, charge_id, charge_year, narrative, username, reason",
    "journal_entry": "journal_id, line, account, tenant_id, pence",
}
BINDING = "('authorised', 'scheduled', 'implement', 'review', 'closed')"
NOTICES = "^in_governance_[a-z_]+$"
ERASE = "records.erase_tenant(text, text)"
ERASED = "ARRAY['work.notification'", "ARRAY['work.duty_notice', 'work.notification'"
"""What the eraser begins with among what a force works with, before and now."""


def upgrade() -> None:
    """Create the function by which a force joins, and the table of who was told of what."""
    create_role(JOINER, "lets a force join a charge of a change that it opted in to")
    script("SET LOCAL ROLE athena_owner")
    _join()
    _access()
    _notices()
    script("RESET ROLE")
    hand_over(JOIN, JOINER)
    script(f"GRANT EXECUTE ON FUNCTION {JOIN} TO athena_force")
    script(f"GRANT EXECUTE ON FUNCTION ctx.session_tenant() TO {JOINER}")
    _erase(*ERASED)


def _join() -> None:
    script(f"""
        CREATE FUNCTION governance.join_charge(
            p_change uuid, p_charge uuid, p_joined_on date, p_shares jsonb, p_username text,
            p_reason text
        ) RETURNS integer[]
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            v_tenant smallint := ctx.session_tenant();
            v_today date := (now() AT TIME ZONE 'Europe/London')::date;
            v_charge governance.charge%ROWTYPE;
            v_decision jsonb;
            v_last_day date;
            v_year record;
            v_targets jsonb;
            v_members smallint[];
            v_journal uuid;
            v_number integer;
            v_accounts text[];
            v_tenants smallint[];
            v_pence bigint[];
            v_posted integer[] := ARRAY[]::integer[];
        BEGIN
            -- The lock of whoever posts: the numbers and positions below are the last ones.
            PERFORM pg_advisory_xact_lock(hashtextextended('athena/governance/journal', 0));
            SELECT c.* INTO v_charge FROM governance.charge AS c WHERE c.charge_id = p_charge;
            SELECT e.document INTO v_decision FROM governance.change_entry AS e
            JOIN governance.change AS c USING (change_id)
            WHERE e.change_id = p_change AND e.kind = 'decision' AND c.state IN {BINDING}
            ORDER BY e.number DESC LIMIT 1;
            IF v_decision ->> 'result' IS DISTINCT FROM 'carried' OR (
                    v_decision ->> 'charge' IS DISTINCT FROM v_charge.reference
                    AND v_decision ->> 'annual_charge' IS DISTINCT FROM v_charge.reference)
               OR v_charge.reference IS NULL THEN
                RAISE EXCEPTION 'no vote on this change bound the charge' USING ERRCODE = 'AT011';
            END IF;
            IF 'opt_in' IS DISTINCT FROM (
                SELECT e.kind FROM governance.change_entry AS e
                WHERE e.change_id = p_change AND e.tenant_id = v_tenant
                  AND e.kind IN ('opt_in', 'opt_out')
                ORDER BY e.number DESC LIMIT 1
            ) THEN
                RAISE EXCEPTION 'the force has not opted in' USING ERRCODE = 'AT011';
            END IF;
            -- From today, or from the first day of an annual cost: nobody chooses a later one.
            IF p_joined_on IS DISTINCT FROM (
                CASE v_charge.kind WHEN 'one_off' THEN v_today
                    ELSE greatest(v_today, make_date(v_charge.first_year, 4, 1)) END
            ) OR EXISTS (
                SELECT FROM governance.charge_member AS m
                WHERE m.charge_id = p_charge AND m.tenant_id = v_tenant
            ) THEN
                RAISE EXCEPTION 'a force joins once, from today' USING ERRCODE = 'AT011';
            END IF;
            SELECT w.last_day INTO v_last_day FROM governance.withdrawal AS w
            WHERE w.tenant_id = v_tenant AND v_charge.kind = 'annual';
            INSERT INTO governance.charge_member
                (charge_id, tenant_id, joined_on, last_day, username, reason)
            VALUES (p_charge, v_tenant, p_joined_on, v_last_day, p_username, p_reason);
            v_members := ARRAY(SELECT DISTINCT m.tenant_id FROM governance.charge_member AS m
                               WHERE m.charge_id = p_charge);

            FOR v_year IN
                SELECT j.charge_year, sum(e.pence) AS cost,
                       coalesce(sum(e.pence) FILTER (WHERE e.account = 'owed'), 0) AS invoiced
                FROM governance.journal AS j JOIN governance.journal_entry AS e USING (journal_id)
                WHERE j.charge_id = p_charge AND e.tenant_id IS NOT NULL
                GROUP BY j.charge_year ORDER BY j.charge_year
            LOOP
                v_targets := p_shares -> v_year.charge_year::text;
                IF v_targets IS NULL OR EXISTS (
                    SELECT FROM jsonb_each_text(v_targets) AS t (tenant, pence)
                    WHERE t.tenant::smallint <> ALL (v_members) OR t.pence::bigint < 0
                ) OR v_year.cost <> (
                    SELECT coalesce(sum(t.pence::bigint), 0)
                    FROM jsonb_each_text(v_targets) AS t (tenant, pence)
                ) THEN
                    RAISE EXCEPTION 'the shares are not those of what the charge costs'
                        USING ERRCODE = 'AT011';
                END IF;
                CONTINUE WHEN v_year.cost = 0;
                -- As `ledger.posting.commit`: what was invoiced is shared anew like the whole, and
                -- pennies go to the largest remainders, equal ones by the number of the force.
                WITH target AS (
                    SELECT m.tenant_id, coalesce((v_targets ->> m.tenant_id::text)::bigint, 0)
                               AS target
                    FROM unnest(v_members) AS m (tenant_id)
                ), held AS (
                    SELECT e.tenant_id,
                           coalesce(sum(e.pence) FILTER (WHERE e.account = 'owed'), 0) AS owed,
                           coalesce(sum(e.pence) FILTER (WHERE e.account = 'committed'), 0)
                               AS committed
                    FROM governance.journal AS j
                    JOIN governance.journal_entry AS e USING (journal_id)
                    WHERE j.charge_id = p_charge AND j.charge_year = v_year.charge_year
                      AND e.tenant_id IS NOT NULL
                    GROUP BY e.tenant_id
                ), floored AS (
                    SELECT t.tenant_id, t.target, div(v_year.invoiced * t.target, v_year.cost)
                               AS down,
                           row_number() OVER (
                               ORDER BY mod(v_year.invoiced * t.target, v_year.cost) DESC,
                                        t.tenant_id) AS place
                    FROM target AS t
                ), borne AS (
                    SELECT f.tenant_id, f.target, f.down + CASE
                               WHEN f.place <= v_year.invoiced - sum(f.down) OVER () THEN 1 ELSE 0
                               END AS owed
                    FROM floored AS f
                ), entry AS (
                    SELECT 'owed' AS account, b.tenant_id, b.owed - coalesce(h.owed, 0) AS pence
                    FROM borne AS b LEFT JOIN held AS h USING (tenant_id)
                    UNION ALL
                    SELECT 'committed', b.tenant_id,
                           b.target - b.owed - coalesce(h.committed, 0)
                    FROM borne AS b LEFT JOIN held AS h USING (tenant_id)
                )
                SELECT array_agg(e.account ORDER BY e.tenant_id, e.account),
                       array_agg(e.tenant_id ORDER BY e.tenant_id, e.account),
                       array_agg(e.pence::bigint ORDER BY e.tenant_id, e.account)
                INTO v_accounts, v_tenants, v_pence FROM entry AS e WHERE e.pence <> 0;
                CONTINUE WHEN v_accounts IS NULL;
                v_journal := gen_random_uuid();
                SELECT coalesce(max(j.number), 0) + 1 INTO v_number FROM governance.journal AS j;
                INSERT INTO governance.journal (journal_id, number, day, kind, charge_id,
                    charge_year, narrative, username, reason)
                SELECT v_journal, v_number, v_today, 'joining', p_charge, v_year.charge_year,
                       format('%s %s/%s: %s takes part', v_charge.reference, v_year.charge_year,
                           lpad(((v_year.charge_year + 1) % 100)::text, 2, '0'), t.name),
                       p_username, p_reason
                FROM tenants.tenant AS t WHERE t.tenant_id = v_tenant;
                INSERT INTO governance.journal_entry (journal_id, line, account, tenant_id, pence)
                SELECT v_journal, e.line, e.account, e.tenant_id, e.pence
                FROM unnest(v_accounts, v_tenants, v_pence)
                    WITH ORDINALITY AS e (account, tenant_id, pence, line);
                v_posted := v_posted || v_number;
            END LOOP;
            -- Now, as this function's owner: the force's login doesn't see the others' entries.
            SET CONSTRAINTS governance.must_balance IMMEDIATE;
            SET CONSTRAINTS governance.must_balance DEFERRED;
            RETURN v_posted;
        END $$;
        COMMENT ON FUNCTION governance.join_charge IS
            'Lets the force that opted in bear its share of a charge, and credits the others';
    """)


def _access() -> None:
    for table in READS:
        script(f"""
            CREATE POLICY joiner_reads ON governance.{table} FOR SELECT TO {JOINER} USING (true);
            GRANT SELECT ON governance.{table} TO {JOINER};
        """)
    for table, columns in WRITES.items():
        own = "tenant_id = (SELECT ctx.session_tenant())" if table == "charge_member" else "true"
        script(f"""
            CREATE POLICY joiner_adds ON governance.{table} FOR INSERT TO {JOINER}
                WITH CHECK ({own});
            GRANT INSERT ({columns}) ON governance.{table} TO {JOINER};
        """)
    script(f"""
        CREATE POLICY joiner_names_forces ON tenants.tenant FOR SELECT TO {JOINER} USING (true);
        GRANT USAGE ON SCHEMA governance, tenants, ctx TO {JOINER};
        GRANT SELECT (tenant_id, name) ON tenants.tenant TO {JOINER};
    """)


def _notices() -> None:
    script("""
        CREATE TABLE work.duty_notice (
            owner_force smallint NOT NULL REFERENCES tenants.tenant,
            duty uuid NOT NULL,
            member_id uuid NOT NULL,
            stage text NOT NULL CHECK (stage IN ('waits', 'soon', 'late')),
            told_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (owner_force, duty, member_id, stage)
        );
        COMMENT ON TABLE work.duty_notice IS
            'Who was told of what waits in governance, so that each is told once of each stage';
    """)
    protect("work.duty_notice")
    script(f"""
        CREATE POLICY outbox_notes ON work.duty_notice TO {OUTBOX} USING (true) WITH CHECK (true);
        GRANT SELECT, DELETE ON work.duty_notice TO {OUTBOX};
        GRANT INSERT (owner_force, duty, member_id, stage) ON work.duty_notice TO {OUTBOX};

        -- These sentences and no other, to a member, about no record.
        CREATE POLICY duties_are_told ON work.message FOR INSERT TO {OUTBOX}
            WITH CHECK (kind ~ '{NOTICES}' AND recipient_member IS NOT NULL
                AND record_id IS NULL AND item_id IS NULL);
        GRANT INSERT (owner_force, kind, recipient_member) ON work.message TO {OUTBOX};

        CREATE POLICY eraser_counts ON work.duty_notice FOR SELECT TO athena_eraser USING (true);
        CREATE POLICY eraser_erases ON work.duty_notice FOR DELETE TO athena_eraser
            USING (owner_force IN (SELECT t.tenant_id FROM tenants.tenant AS t
                                   WHERE t.status = 'offboarded'));
        GRANT SELECT, DELETE ON work.duty_notice TO athena_eraser;
    """)


def _erase(known: str, wanted: str) -> None:
    """Put what the eraser erases in the place of what it erased."""
    script(f"""
        GRANT CREATE ON SCHEMA records TO athena_eraser;
        DO $do$
        DECLARE
            v_whole text := pg_get_functiondef('{ERASE}'::regprocedure);
        BEGIN
            IF position($sql${known}$sql$ IN v_whole) = 0 THEN
                RAISE EXCEPTION 'the eraser is not as this migration knows it';
            END IF;
            SET LOCAL ROLE athena_eraser;
            EXECUTE replace(v_whole, $sql${known}$sql$, $sql${wanted}$sql$);
            RESET ROLE;
        END $do$;
        REVOKE CREATE ON SCHEMA records FROM athena_eraser;
    """)


def downgrade() -> None:
    """Take both away again; the role stays for other databases of the server, with nothing here."""
    _erase(*reversed(ERASED))
    script(f"DROP FUNCTION {JOIN}")
    script(f"REVOKE ALL ON FUNCTION ctx.session_tenant() FROM {JOINER}")
    script("SET LOCAL ROLE athena_owner")
    for table in READS:
        script(f"DROP POLICY joiner_reads ON governance.{table}")
        script(f"REVOKE ALL ON governance.{table} FROM {JOINER}")
    for table, columns in WRITES.items():
        script(f"DROP POLICY joiner_adds ON governance.{table}")
        script(f"REVOKE INSERT ({columns}) ON governance.{table} FROM {JOINER}")
    script(f"""
        DROP POLICY joiner_names_forces ON tenants.tenant;
        REVOKE SELECT (tenant_id, name) ON tenants.tenant FROM {JOINER};
        REVOKE USAGE ON SCHEMA governance, tenants, ctx FROM {JOINER};
        DROP TABLE work.duty_notice;
        DROP POLICY duties_are_told ON work.message;
        REVOKE INSERT (owner_force, kind, recipient_member) ON work.message FROM {OUTBOX};
        RESET ROLE;
    """)
