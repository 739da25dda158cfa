"""What may be reached though it isn't one's own force's: each login, relation and verbs, and why.

`test_catalogue.py` fails where something else succeeds, and where something here no longer does.
"""

from __future__ import annotations

from dataclasses import dataclass

from rls import permitted_partners

FORCES = "every force"


@dataclass(frozen=True)
class Permitted:
    """Verbs that a login may use on a relation, on rows of any force, and why."""

    login: str
    relation: str
    verbs: str
    why: str


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
"""Tables of the accounts that every force reads."""

PERMITTED = [
    Permitted(
        FORCES,
        "tenants.tenant",
        "SELECT, COPY TO",
        "the directory says whom to ask, without personal data",
    ),
    Permitted("athena_amo", "tenants.tenant", "SELECT, COPY TO", "the directory"),
    Permitted("athena_auditor", "tenants.tenant", "SELECT, COPY TO", "the directory"),
    Permitted("athena_directory", "tenants.tenant", "SELECT, COPY TO", "the directory"),
    Permitted("athena_policy_writer", "tenants.tenant", "SELECT, COPY TO", "the directory"),
    Permitted(
        "athena_amo",
        "tenants.member",
        "SELECT, COPY TO, INSERT, UPDATE",
        "the client body keeps every force's accounts; none is ever deleted",
    ),
    Permitted(
        "athena_amo",
        "tenants.member_role",
        "SELECT, COPY TO, INSERT, UPDATE",
        "the client body keeps every force's accounts; a role ends by its date",
    ),
    Permitted(
        "athena_directory",
        "tenants.member",
        "SELECT, COPY TO",
        "signing in looks up an account before its force is known",
    ),
    Permitted(
        "athena_directory",
        "tenants.member_role",
        "SELECT, COPY TO",
        "signing in looks up an account before its force is known",
    ),
    Permitted(
        "athena_amo",
        "policies.agreement",
        "SELECT, COPY TO, INSERT, UPDATE",
        "the client body keeps the agreements; only a status may change, and by its steps",
    ),
    Permitted(
        "athena_policy_writer",
        "policies.agreement",
        "SELECT, COPY TO",
        "deciding reads every agreement",
    ),
    Permitted(
        "athena_policy_writer",
        "policies.decision",
        "SELECT, COPY TO, INSERT",
        "deciding archives its decisions, which name no person",
    ),
    Permitted("athena_policy_writer", "ctx.label", "SELECT, COPY TO", "deciding reads every label"),
    Permitted(
        "athena_auditor",
        "audit.event",
        "SELECT, COPY TO",
        "independent audit reads every force's log",
    ),
    Permitted(
        "athena_auditor",
        "audit.content",
        "SELECT, COPY TO",
        "independent audit reads every force's log",
    ),
    Permitted(
        "athena_dictionary",
        "names.term",
        "SELECT, COPY TO, INSERT",
        "the dictionary of names belongs to no force and holds no person",
    ),
    Permitted(
        "athena_dictionary",
        "names.pair",
        "SELECT, COPY TO, INSERT",
        "the dictionary of names belongs to no force and holds no person",
    ),
    Permitted(
        "athena_dictionary",
        "names.cleaning",
        "SELECT, COPY TO",
        "a count that says when files of the dictionary are too old",
    ),
    *(
        Permitted("athena_amo", f"tenants.{table}", "SELECT, COPY TO, INSERT, UPDATE", why)
        for table, why in {
            "team": "the client body keeps every force's teams; none is deleted",
            "team_member": "the client body keeps every force's teams; membership ends by its date",
        }.items()
    ),
    *(
        Permitted("athena_directory", f"tenants.{table}", "SELECT, COPY TO", "signing in reads it")
        for table in ("team", "team_member")
    ),
    *(
        Permitted(login, f"policies.{table}", "SELECT, COPY TO", why)
        for table in ("signature", "signatory_key", "agreement_event")
        for login, why in {
            "athena_auditor": "oversight reads every agreement and who signed it",
            "athena_policy_writer": "deciding verifies every signature",
        }.items()
    ),
    *(
        Permitted("athena_amo", f"policies.{table}", "SELECT, COPY TO, INSERT", why)
        for table, why in {
            "signature": "the client body forwards signatures; it can't make one without the key",
            "signatory_key": "the client body registers keys; only a revocation changes one",
        }.items()
    ),
    Permitted(
        "athena_amo",
        "policies.signatory_key",
        "UPDATE",
        "the client body revokes keys: by column, and by a trigger once",
    ),
    Permitted(
        "athena_amo",
        "policies.agreement_event",
        "SELECT, COPY TO",
        "the client body reads each step, and tells its own only",
    ),
    Permitted("athena_auditor", "policies.agreement", "SELECT, COPY TO", "oversight reads them"),
    *(
        Permitted(login, "policies.agreement", "SELECT, COPY TO", "a party reads its agreements")
        for login in ("athena_essex", "athena_kent", "athena_norfolk")
    ),
    *(
        Permitted(
            "athena_norfolk", f"policies.{table}", "SELECT, COPY TO", "Essex's party reads it"
        )
        for table in ("signature", "signatory_key")
    ),
    *(
        Permitted(login, "records.emergency_access", "SELECT, COPY TO", "its member opened it")
        for login in ("athena_kent", "athena_norfolk")
    ),
    Permitted(
        "athena_norfolk",
        "records.emergency_review",
        "SELECT, COPY TO",
        "what the owner concluded of an access by its member",
    ),
    *(
        Permitted("athena_outbox", table, "SELECT, COPY TO", "delivering finds who is meant")
        for table in ("tenants.member_role", "work.message", "work.team_member")
    ),
    Permitted(
        "athena_outbox",
        "tenants.member",
        "SELECT",
        "delivering finds who is meant: by column, the force, the id and whether it is active",
    ),
    Permitted(
        "athena_outbox",
        "work.notification",
        "INSERT",
        "delivering puts a message before a member of any force; it can't read what's there",
    ),
    Permitted(
        "athena_outbox",
        "work.duty_notice",
        "SELECT, COPY TO, INSERT, DELETE",
        "who was told of what waits in governance: ids and stages, no more",
    ),
    Permitted(
        "athena_outbox",
        "work.message",
        "UPDATE",
        "delivering notes attempts and delivery, by column: never what a message says",
    ),
    Permitted(
        "athena_amo",
        "policies.role_rule",
        "SELECT, COPY TO, INSERT, UPDATE",
        "the client body keeps the roles; a rule is switched off, never deleted",
    ),
    Permitted("athena_policy_writer", "policies.role_rule", "SELECT, COPY TO", "deciding"),
    Permitted(
        "athena_linker",
        "sharing.match_queue",
        "SELECT, COPY TO, DELETE",
        "comparing takes what waits, of every force; it holds ids alone",
    ),
    Permitted(
        "athena_linker",
        "tenants.tenant",
        "SELECT",
        "which forces there are: by column, the number and the kind; the directory",
    ),
    Permitted("athena_linker", "sharing.link_threshold", "SELECT, COPY TO", "it names no person"),
    Permitted(
        "athena_amo",
        "sharing.link_threshold",
        "SELECT, COPY TO, INSERT",
        "the client body sets the thresholds; none is ever deleted",
    ),
    *(
        Permitted(
            login,
            f"governance.{table}",
            "SELECT, COPY TO",
            "what everyone agreed to, or oversight: no force's records",
        )
        for login in (FORCES, "athena_auditor")
        for table in EVERYONES
    ),
    *(
        Permitted("athena_auditor", f"governance.{table}", "SELECT, COPY TO", "oversight")
        for table in ("journal", "journal_entry")
    ),
    *(
        Permitted(
            "athena_amo",
            f"governance.{table}",
            "SELECT, COPY TO, INSERT",
            "the client body keeps the accounts; it adds, and changes nothing",
        )
        for table in (*EVERYONES, "journal", "journal_entry")
    ),
    Permitted(
        "athena_amo",
        "governance.charge_member",
        "UPDATE",
        "the client body tells the last day of a participation: by column, and once",
    ),
    *(
        Permitted(
            login,
            f"governance.{table}",
            "SELECT, COPY TO",
            "the consortium's releases and its calendar are everyone's to read",
        )
        for login in (FORCES, "athena_amo", "athena_auditor")
        for table in ("black_out", "release", "release_entry", "release_plan", "release_ring")
    ),
    *(
        Permitted("athena_amo", f"governance.{table}", verbs, why)
        for table, verbs, why in (
            ("release", "INSERT, UPDATE", "the client body drafts releases and moves them on"),
            ("release_plan", "INSERT", "the client body plans; no plan ever changes"),
            ("release_ring", "INSERT, UPDATE", "the client body plans rings and moves them on"),
        )
    ),
    Permitted(
        "athena_policy_writer",
        "policies.bundle",
        "SELECT, COPY TO, INSERT",
        "deciding keeps the compiled policy; it holds no person",
    ),
    *(
        Permitted(login, f"governance.{table}", "SELECT, COPY TO", why)
        for table, why in {
            "appointment": "who sits on the consortium's bodies is the consortium's",
            "body": "the consortium's bodies",
            "catalogue": "the consortium's standard changes",
            "constitution": "how the consortium's bodies decide",
            "vote": "what the consortium votes on, and its minutes",
        }.items()
        for login in (FORCES, "athena_amo", "athena_auditor")
    ),
    *(
        Permitted("athena_amo", f"governance.{table}", verbs, why)
        for table, verbs, why in (
            ("body", "INSERT", "the client body founds bodies"),
            ("catalogue", "INSERT, UPDATE", "the client body proposes; it moves a status alone"),
            ("constitution", "INSERT", "the client body stores constitutions; none ever changes"),
            ("vote", "INSERT, UPDATE", "the client body opens votes and ends each, once"),
            ("ballot", "SELECT, COPY TO", "the client body counts, and casts none for a force"),
        )
    ),
    *(
        Permitted("athena_auditor", f"governance.{table}", "SELECT, COPY TO", "oversight reads it")
        for table in ("ballot", "change", "change_entry", "change_version")
    ),
    *(
        Permitted("athena_essex", f"governance.{table}", "SELECT, COPY TO", "Kent submitted it")
        for table in ("change", "change_entry", "change_version")
    ),
    *(
        Permitted(login, f"governance.{table}", verbs, why)
        for login, table, verbs, why in (
            ("athena_amo", "feature_switch", "SELECT, COPY TO, INSERT, UPDATE", "it switches"),
            ("athena_amo", "request_count", "SELECT, COPY TO", "the health gate sums them"),
            ("athena_auditor", "feature_switch", "SELECT, COPY TO", "oversight reads it"),
            ("athena_auditor", "request_count", "SELECT, COPY TO", "oversight reads it"),
            ("athena_monitor", "feature_switch", "SELECT, COPY TO", "processes ask who has what"),
            (
                "athena_monitor",
                "request_count",
                "SELECT, COPY TO, INSERT, UPDATE",
                "processes count the requests of every force; only what is old is deleted",
            ),
        )
    ),
    *(
        Permitted(login, f"sharing.{table}", "SELECT, COPY TO", why)
        for login, why in {
            "athena_amo": "the client body watches deliveries; events name nobody",
            "athena_auditor": "oversight",
            "athena_outbox": "delivering reads what is due; events name nobody",
        }.items()
        for table in ("partner_event", "partner_stream", "partner_webhook")
    ),
    Permitted(
        "athena_amo",
        "sharing.partner_webhook",
        "INSERT, UPDATE, DELETE",
        "the client body sets where partners are told",
    ),
    Permitted(
        "athena_amo",
        "sharing.partner_event",
        "UPDATE",
        "the client body replays dead letters: by column, never what an event says",
    ),
    *(
        Permitted(
            "athena_outbox",
            f"sharing.{table}",
            "UPDATE",
            "delivering notes attempts, by column: never what an event says, nor where it goes",
        )
        for table in ("partner_event", "partner_webhook")
    ),
    Permitted(
        "athena_outbox",
        "sharing.referral",
        "SELECT",
        "delivering finds what is overdue: by column, which referral, and its state",
    ),
    Permitted(
        "athena_outbox",
        "sharing.correction",
        "SELECT",
        "delivering finds what is overdue: by column, ids and times alone",
    ),
    Permitted("athena_outbox", "sharing.partner", "SELECT", "which are partners: by column"),
    Permitted("athena_auditor", "sharing.correction", "SELECT, COPY TO", "oversight"),
    *(
        Permitted(login, f"sharing.{table}", verbs, why)
        for login, table, verbs, why in permitted_partners.PARTNERS
    ),
    Permitted("athena_ppss", "tenants.tenant", "SELECT, COPY TO", "the directory"),
]

NOBODYS = {
    **permitted_partners.NOBODYS,
    "sharing.partner_stream": "true",
    "sharing.partner_webhook": "true",
    "governance.body": "true",
    "governance.catalogue": "true",
    "governance.constitution": "true",
    "governance.release": "true",
    "governance.release_plan": "true",
    "governance.release_ring": "true",
    "governance.vote": "true",
    "audit.content": "(at, event_id) IN (SELECT at, event_id FROM audit.event "
    "WHERE tenant_id = {force})",
    "ctx.grant_scope": "grant_set_id IN (SELECT grant_set_id FROM ctx.grant_set "
    "WHERE tenant_id = {force})",
    "ctx.consultation": "grant_set_id IN (SELECT grant_set_id FROM ctx.grant_set "
    "WHERE tenant_id = {force})",
    "ctx.policy_state": "true",
    "names.cleaning": "true",
    "governance.basis_set": "true",
    "governance.budget": "true",
    "governance.charge": "true",
    "governance.charge_quote": "true",
    "governance.cost_formula": "true",
    "governance.journal": "journal_id IN (SELECT journal_id FROM governance.journal_entry "
    "WHERE tenant_id = {force})",
    "names.pair": "true",
    "names.term": "true",
    "policies.agreement": "true",
    "policies.bundle": "true",
    "policies.decision": "true",
    "policies.role_rule": "true",
    "public.alembic_version": "true",
    "sharing.link_threshold": "true",
}
"""For each relation without a column of a force, which rows are a force's: all where it's nobody's.

A relation that has no such column and isn't here fails the build.
"""

SUPPORTING = {"ctx.grant_scope", "ctx.grant_set", "ctx.policy_state", "tenants.tenant"}
"""What consultations stand on: no row is taken out of these before they are attacked."""
