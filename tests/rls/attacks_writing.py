"""What Kent's login tries to write, to become, or to find out from errors."""

from __future__ import annotations

from rls.attacks import (
    NO_RLS,
    Attack,
    copies_in,
    reads,
    reveals_existence,
    reveals_number,
    writes,
)

_NEW_NOMINAL = (
    "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
    "VALUES ({essex}, '{new}', {open_label})"
)
_OPEN = "WHERE owner_force = {essex} AND nominal_id = '{open}'"

WRITING = [
    Attack(
        "creates a nominal of another force",
        "a row's owner must be the login's own force",
        writes(_NEW_NOMINAL),
        "ALTER POLICY add_own ON records.nominal WITH CHECK (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "writes under a consultation that only reads",
        "writing needs an event that says so",
        writes(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "VALUES ({kent}, '{new}', {kent_label})",
            kind="consultation",
        ),
        "ALTER POLICY add_own ON records.nominal "
        "WITH CHECK (owner_force = (SELECT ctx.session_tenant()))",
    ),
    Attack(
        "writes without any event",
        "writing needs an event that says so",
        writes(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "VALUES ({kent}, '{new}', {kent_label})",
            kind=None,
        ),
        "ALTER POLICY add_own ON records.nominal "
        "WITH CHECK (owner_force = (SELECT ctx.session_tenant()))",
    ),
    Attack(
        "changes another force's nominal that it sees",
        "changes are for the owner's login",
        writes(f"UPDATE records.nominal SET sex = 'F' {_OPEN}"),
        "ALTER POLICY change_own ON records.nominal USING (true) WITH CHECK (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY still_there ON records.nominal USING (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "erases another force's nominal that it sees",
        "erasure is for the owner's login",
        writes(f"DELETE FROM records.nominal {_OPEN}", kind="erasure"),
        "ALTER POLICY erase_own ON records.nominal USING (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "hangs a row on another force's nominal",
        "a row's owner must be the login's own force",
        writes(
            "INSERT INTO records.contact (owner_force, nominal_id, row_id, label_id, kind, value) "
            "VALUES ({essex}, '{open}', '{new}', {open_label}, 'email', 'x')"
        ),
        "ALTER POLICY add_own ON records.contact WITH CHECK (true)",
    ),
    Attack(
        "gives its nominal to another force",
        "a row's owner must stay the login's own force",
        writes(
            "UPDATE records.nominal SET owner_force = {essex}, label_id = {open_label} "
            "WHERE owner_force = {kent} AND nominal_id = '{own}'"
        ),
        "ALTER POLICY change_own ON records.nominal WITH CHECK (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true); "
        "DROP TRIGGER keep_history ON records.nominal; "
        + "; ".join(
            f"ALTER TABLE records.{table} DROP CONSTRAINT {constraint}"
            for table, constraint in (
                ("address", "address_owner_force_location_id_fkey"),
                ("involvement", "involvement_owner_force_record_id_fkey"),
                ("source_reference", "source_reference_owner_force_nominal_id_fkey"),
                ("name_key", "name_key_owner_force_nominal_id_name_row_id_fkey"),
            )
        ),
    ),
    Attack(
        "labels its nominal with another force's label",
        "a label belongs to its owner",
        writes(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "VALUES ({kent}, '{new}', {open_label})"
        ),
        "ALTER TABLE records.nominal DROP CONSTRAINT nominal_owner_force_label_id_fkey",
    ),
    Attack(
        "gives a child another label than its nominal's",
        "a child carries its nominal's label",
        writes(
            "INSERT INTO records.contact (owner_force, nominal_id, row_id, label_id, kind, value) "
            "VALUES ({kent}, '{own}', '{new}', {open_label}, 'email', 'x')"
        ),
        "ALTER TABLE records.contact DROP CONSTRAINT contact_owner_force_nominal_id_label_id_fkey",
    ),
    Attack(
        "overwrites through ON CONFLICT",
        "changes are for the owner's login",
        writes(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "VALUES ({essex}, '{open}', {open_label}) "
            "ON CONFLICT (owner_force, nominal_id) DO UPDATE SET sex = 'F'"
        ),
        "ALTER POLICY add_own ON records.nominal WITH CHECK (true); "
        "ALTER POLICY change_own ON records.nominal USING (true) WITH CHECK (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY still_there ON records.nominal USING (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "copies rows into another force",
        "COPY is refused where policies stand",
        copies_in,
        f"{NO_RLS.format('records.nominal')}; "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "learns from an error that a nominal exists",
        "the owner check comes before any foreign key",
        reveals_existence,
        NO_RLS.format("records.contact"),
    ),
    Attack(
        "learns from an error that a record number exists",
        "numbers are unique within a force only",
        reveals_number,
        "ALTER TABLE records.record ADD CONSTRAINT oracle UNIQUE (record_number)",
    ),
    Attack(
        "locks another force's row",
        "locking needs the right to change",
        reads(f"SELECT 1 FROM records.nominal {_OPEN} FOR UPDATE"),
        "ALTER POLICY change_own ON records.nominal USING (true)",
    ),
    Attack(
        "forges history",
        "only the trigger's owner writes history",
        writes(
            "INSERT INTO records.history (owner_force, nominal_id, label_id, scope, table_name, "
            "row_id, image, valid_from) VALUES ({kent}, '{own}', {kent_label}, 'summary', "
            "'nominal', '{own}', '{{}}', now())"
        ),
        f"GRANT INSERT ON records.history TO athena_force; {NO_RLS.format('records.history')}",
    ),
    Attack(
        "grants itself a grant set",
        "only the policy writer stores grant sets",
        reads(
            "SELECT ctx.store_grant_set('athena_kent', {kent}::smallint, '{new}', 'x', '{{}}', "
            "'investigation', '{new}', (SELECT revision FROM ctx.policy_versions()), 0, 900, "
            "'{{\"summary\": [1, 2, 3, 4]}}')"
        ),
        "GRANT EXECUTE ON FUNCTION ctx.store_grant_set, ctx.policy_versions TO athena_force",
    ),
    Attack(
        "widens its own grant set",
        "force logins can't write grant sets",
        writes(
            "UPDATE ctx.grant_scope SET labels = labels || {closed_label}::smallint "
            "WHERE grant_set_id = '{kent_grant}'"
        ),
        "GRANT SELECT, UPDATE ON ctx.grant_scope TO athena_force; "
        f"{NO_RLS.format('ctx.grant_scope')}",
    ),
    Attack(
        "stores an agreement",
        "only the client body keeps agreements",
        writes(
            "INSERT INTO policies.agreement (agreement_id, version, reference, title, status, "
            "document) VALUES ('{new}', 1, 'x', 'x', 'in_force', '{{}}')"
        ),
        "GRANT USAGE ON SCHEMA policies TO athena_force; "
        "GRANT INSERT ON policies.agreement TO athena_force; "
        f"{NO_RLS.format('policies.agreement')}",
    ),
    Attack(
        "writes an event itself",
        "no login may insert into the log",
        writes(
            "INSERT INTO audit.event (at, event_id, xid, tenant_id, login, username, roles, kind, "
            "action, grant_set_id) VALUES (now(), '{new}', pg_current_xact_id(), {kent}, "
            "session_user, 'x', '{{}}', 'consultation', 'x', '{kent_grant}')",
            kind=None,
        ),
        f"GRANT INSERT ON audit.event TO athena_force; {NO_RLS.format('audit.event')}",
    ),
    Attack(
        "deletes its traces",
        "the log is append-only",
        writes("DELETE FROM audit.event WHERE login = session_user"),
        "GRANT DELETE ON audit.event TO athena_force; "
        f"{NO_RLS.format('audit.event')}; DROP TRIGGER append_only ON audit.event",
    ),
    Attack(
        "rewrites its reason",
        "the log is append-only",
        writes("UPDATE audit.content SET reason = 'a better one'"),
        "GRANT UPDATE ON audit.content TO athena_force; "
        f"{NO_RLS.format('audit.content')}; DROP TRIGGER append_only ON audit.content",
    ),
    Attack(
        "creates a force",
        "only the client body creates forces",
        reads(
            "SELECT tenants.create_force('x-' || substr(md5('{new}'), 1, 8), 'X', '99', 'u', 'e', "
            "'t', 'not a verifier')"
        ),
        "GRANT EXECUTE ON FUNCTION tenants.create_force TO athena_force; "
        "CREATE OR REPLACE FUNCTION tenants.create_force(p_slug text, p_name text, "
        "p_home_office_code text, p_contact_unit text, p_contact_email text, "
        "p_contact_telephone text, p_verifier text) RETURNS smallint LANGUAGE sql "
        "AS 'SELECT 1::smallint'",
    ),
    Attack(
        "creates a table",
        "no login may create anything",
        reads("SELECT 1 FROM pg_namespace WHERE has_schema_privilege(oid, 'CREATE')"),
        "GRANT CREATE ON SCHEMA records TO athena_force",
    ),
    Attack(
        "becomes another role",
        "a force's login is a member of nothing but athena_force",
        reads(
            "SELECT 1 FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER') "
            "AND rolname NOT IN (session_user, 'athena_force')",
            consulting=False,
        ),
        "",
    ),
]
