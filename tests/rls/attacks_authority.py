"""What Kent's login tries to write where authority comes from: grants, agreements, the log."""

from __future__ import annotations

from rls.attacks import NO_RLS, Attack, reads, writes

AUTHORITY = [
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
        "GRANT EXECUTE ON FUNCTION ctx.flags_of(smallint[]) TO athena_force; "
        f"{NO_RLS.format('ctx.grant_scope')}",
    ),
    Attack(
        "makes itself a grant set by hand",
        "force logins can't write grant sets",
        writes(
            "INSERT INTO ctx.grant_set (grant_set_id, login, tenant_id, member_id, username, "
            "roles, purpose, decision_id, policy_revision, label_epoch, expires_at) VALUES "
            "('{new}', 'athena_kent', {kent}, '{new}', 'x', '{{}}', 'x', '{new}', 1, 0, "
            "now() + interval '1 day')",
            kind=None,
        ),
        f"GRANT INSERT ON ctx.grant_set TO athena_force; {NO_RLS.format('ctx.grant_set')}",
    ),
    Attack(
        "adds a scope to its own grant set",
        "force logins can't write grant sets",
        writes(
            "INSERT INTO ctx.grant_scope VALUES ('{kent_grant}', 'audit', "
            "ARRAY[{closed_label}]::smallint[])",
            kind=None,
        ),
        "GRANT INSERT ON ctx.grant_scope TO athena_force; "
        "GRANT EXECUTE ON FUNCTION ctx.flags_of(smallint[]) TO athena_force; "
        f"{NO_RLS.format('ctx.grant_scope')}",
    ),
    Attack(
        "stores an agreement",
        "only the client body keeps agreements",
        writes(
            "INSERT INTO policies.agreement (agreement_id, version, reference, title, status, "
            "document, digest) VALUES ('{new}', 1, 'x', 'x', 'draft', jsonb_build_object('id', "
            "'{new}', 'version', 1, 'reference', 'x', 'title', 'x'), sha256(''))"
        ),
        "GRANT INSERT ON policies.agreement TO athena_force; "
        f"{NO_RLS.format('policies.agreement')}",
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
        "writes an event into a partition",
        "no login is granted a partition",
        writes(
            "INSERT INTO audit.event_{month} (at, event_id, xid, tenant_id, login, username, "
            "roles, kind, action, grant_set_id) VALUES (now(), '{new}', pg_current_xact_id(), "
            "{kent}, session_user, 'x', '{{}}', 'consultation', 'x', '{kent_grant}')",
            kind=None,
        ),
        "DO $$ DECLARE part regclass; BEGIN FOR part IN SELECT inhrelid FROM pg_inherits "
        "WHERE inhparent = 'audit.event'::regclass LOOP "
        "EXECUTE format('GRANT INSERT ON %s TO athena_force', part); "
        "EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', part); END LOOP; END $$",
    ),
    Attack(
        "rewrites an event",
        "the log is append-only",
        writes("UPDATE audit.event SET purpose = 'another'"),
        f"GRANT UPDATE ON audit.event TO athena_force; {NO_RLS.format('audit.event')}; "
        "DROP TRIGGER append_only ON audit.event",
    ),
    Attack(
        "rewrites its reason",
        "the log is append-only",
        writes("UPDATE audit.content SET reason = 'a better one'"),
        "GRANT UPDATE ON audit.content TO athena_force; "
        f"{NO_RLS.format('audit.content')}; DROP TRIGGER append_only ON audit.content",
    ),
    Attack(
        "deletes its traces",
        "the log is append-only",
        writes("DELETE FROM audit.event WHERE login = session_user"),
        "GRANT DELETE ON audit.event TO athena_force; "
        f"{NO_RLS.format('audit.event')}; DROP TRIGGER append_only ON audit.event",
    ),
]
