"""What pgrls finds in the store and is meant to be so: each finding by its place, and why.

docs/threat-model.md answers the same rules for readers.
"""

from __future__ import annotations

from rls import findings_deliveries, findings_partners

OPEN_POLICIES = {
    "audit.*.auditor_reads_*": "independent audit reads every force's log",
    "audit.content.writer_appends_content": "the log's own function, beside the event it appends",
    "ctx.*.grants_*": "a definer function's owner, which no login is",
    "ctx.label.labels_intern": "a definer function's owner, which no login is",
    "ctx.policy_state.labels_state": "a definer function's owner, which no login is",
    "ctx.policy_state.visibility_state": "a definer function's owner, which no login is",
    "ctx.grant_scope.visibility_reads_scopes": "a definer function's owner, which no login is",
    "ctx.label.deciding_reads_labels": "deciding reads every label",
    "names.cleaning.eraser_marks": "the owner of the function that cleans, which no login is",
    "names.*.dictionary": "the dictionary of names is no force's and holds no person",
    "policies.*.client_body_*": "the client body keeps the agreements",
    "policies.*.deciding_*": "deciding reads every agreement and archives its decisions",
    "tenants.*.client_body_*": "the client body keeps every force's accounts",
    "tenants.*.sign_in_*": "signing in looks up an account before its force is known",
    "tenants.tenant.everyone_reads_the_directory": "whom to ask; no personal data",
    "*.archivist_reads*": "the owner of the function that hashes archives, which no login is",
    "*.deciding_exceptions": "the owner of the function that tells exceptions, which no login is",
    "*.eraser_*": "the owner of the function that erases who has left, which no login is",
    "*.*.counting": "the owner of the functions that count, for the counter's session alone",
    "*.*.measuring": "the owner of the function that counts use, for the client body's session",
    "*.*.explaining": "the owner of the functions that explain, which no login is",
    "ctx.*.visibility_reads": "a definer function's owner, which no login is",
    "ctx.label.emergency_labels": "a definer function's owner, which no login is",
    "names.*.registrar_checks": "a definer function's owner, which no login is",
    "policies.*.everyone_who_decides_reads": "deciding and oversight verify every signature",
    "policies.*.oversight_reads_*": "oversight reads every agreement",
    "policies.agreement.entering_into_force": "a definer function's owner, which no login is",
    "tenants.*.outbox_finds_*": "delivering finds who is meant, without names",
    "tenants.tenant.entering_reads_tenants": "a definer function's owner; the directory",
    "tenants.tenant.worklist_finds_forces": "a definer function's owner; the directory",
    "tenants.tenant.provisioner_*": "the owner of the function that creates forces",
}
"""Policies that show or take every row: none is for a force's login but the directory's.

`test_catalogue.py` proves for each login what they let it do.
"""


LINKING = {
    "*.comparing": "the linker compares every force's match fields, after it has logged it",
    "records.link_verdict.keeping": "a definer function's owner, which no login is",
    "records.merge.keeping": "a definer function's owner, which no login is",
    "sharing.link_decision.mirror": "a definer function's owner, which no login is",
    "sharing.link_threshold.comparing": "the thresholds name no person",
    "sharing.link_threshold.set_thresholds": "the client body sets them; they name no person",
    "sharing.match_queue.queue_changed": "a definer function's owner, which no login is",
    "tenants.tenant.linker_finds_forces": "whose records are compared; the directory",
    "tenants.tenant.matching_names_forces": "a definer function's owner; the directory",
    "sharing.match_queue.take": "the linker takes what waits; it holds ids alone",
}
"""The same of linking, with the rules that meet each."""

_OF_LINKING = {
    "SEC005": {
        "records.link_verdict.keeping",
        "sharing.link_decision.mirror",
        "sharing.link_threshold.comparing",
    },
    "SEC008": {
        "*.comparing",
        "sharing.match_queue.queue_changed",
    },
    "SEC028": {
        "*.comparing",
        "records.link_verdict.keeping",
        "records.merge.keeping",
        "sharing.link_decision.mirror",
        "sharing.link_threshold.comparing",
        "sharing.match_queue.take",
        "tenants.tenant.linker_finds_forces",
        "tenants.tenant.matching_names_forces",
    },
    "SEC038": {
        "*.comparing",
        "sharing.match_queue.queue_changed",
    },
}
"""Which of them a rule doesn't meet."""


GOVERNANCE = {
    "governance.*.client_body_*": "the client body founds, proposes, opens and closes",
    "governance.*.client_body_keeps_accounts": "the client body keeps the consortium's accounts",
    "governance.*.forces_read_what_all_agreed": "every force sees what costs were shared by",
    "governance.*.oversight_reads_accounts": "oversight reads everything of governance",
    "governance.*.consortium_reads": "the consortium's own matters; no record, no draft",
    "governance.*.joiner_*": "a definer function's owner, which no login is; it checks",
    "tenants.tenant.joiner_names_forces": "a definer function's owner; the directory",
    "governance.*.teller": "a definer function's owner, which no login is",
    "governance.ballot.counting": "the client body counts, and oversight counts again",
    "governance.change.oversight_reads": "oversight reads everything of governance",
    "governance.feature_switch.monitor_reads_switches": "processes ask who has what",
    "governance.feature_switch.oversight_reads_switches": "the client body and oversight read",
    "governance.request_count.consortium_counts": "the health gate sums them; they name nobody",
    "governance.request_count.monitor_*": "processes count the requests of every force",
    "tenants.tenant.teller_reads_tenants": "a definer function's owner; the directory",
}
"""The same of governance, with the rules that meet each."""

_OF_GOVERNANCE = {
    "SEC005": {"governance.ballot.counting"},
    "SEC008": set[str](),
    "SEC028": {
        "governance.*.consortium_reads",
        "governance.*.forces_read_what_all_agreed",
        "governance.*.oversight_reads_accounts",
        "governance.ballot.counting",
        "governance.change.oversight_reads",
        "governance.feature_switch.monitor_reads_switches",
        "governance.feature_switch.oversight_reads_switches",
        "governance.request_count.consortium_counts",
        "governance.*.joiner_reads",
        "tenants.tenant.joiner_names_forces",
        "tenants.tenant.teller_reads_tenants",
    },
    "SEC038": {"governance.*.client_body_*"},
}
"""Which of them a rule doesn't meet."""


def _met(rule: str) -> dict[str, str]:
    """Return the open policies that a rule meets: those that read, those that write, or both."""
    only_read = {"audit.*.auditor_reads_*", "ctx.label.deciding_reads_labels"}
    only_read |= {"ctx.policy_state.visibility_state", "ctx.grant_scope.visibility_reads_scopes"}
    only_read |= {"tenants.*.sign_in_*", "tenants.tenant.everyone_reads_the_directory"}
    only_read |= {
        "*.archivist_reads*",
        "*.deciding_exceptions",
        "*.eraser_*",
        "*.*.counting",
        "*.*.measuring",
        "*.*.explaining",
        "ctx.*.visibility_reads",
        "ctx.label.emergency_labels",
        "names.*.registrar_checks",
        "policies.*.everyone_who_decides_reads",
        "policies.*.oversight_reads_*",
        "tenants.*.outbox_finds_*",
        "tenants.tenant.entering_reads_tenants",
        "tenants.tenant.worklist_finds_forces",
    }
    only_write = {"audit.content.writer_appends_content"}
    unmet = {"SEC005": set(), "SEC028": only_read}.get(rule, only_write)
    if rule in ("SEC008", "SEC038"):
        unmet = {
            *unmet,
            "*.*.counting",
            "*.*.measuring",
            *(["names.cleaning.eraser_marks"] if rule == "SEC038" else []),
        }  # asks for the session, so it isn't simply true
    met = {place: why for place, why in OPEN_POLICIES.items() if place not in unmet}
    met |= findings_partners.met(rule)
    met |= findings_deliveries.met(rule)
    met |= {place: why for place, why in LINKING.items() if place not in _OF_LINKING[rule]}
    return met | {
        place: why for place, why in GOVERNANCE.items() if place not in _OF_GOVERNANCE[rule]
    }


ANSWERED: dict[str, dict[str, str]] = {
    "PERF003": {"*": "policies filter what an index by name, value or key has found (adr/0008)"},
    "SEC001": {"public.alembic_version": "Alembic's own; no login may use the schema public"},
    "SEC005": _met("SEC005"),
    "SEC007": {"*": "each command and role has one policy; history has one for each scope"},
    "SEC008": _met("SEC008"),
    "SEC009": {
        "audit.*_20??_??": "a month of the log is reached through its parent only",
        "audit.*_other": "a month of the log is reached through its parent only",
    },
    "SEC013": {"*": "trigger functions are among those of SEC014, or do nothing but refuse"},
    "SEC014": {"*": "each runs as an owner of its own, under policies (tests/architecture)"},
    "SEC018": {"*": "each force connects as a role of its own (adr/0001)"},
    "SEC020": {
        **findings_deliveries.NOTES,
        "records.*.not_withheld": "restrictive: it only narrows what the permissive ones allow",
        "tenants.tenant.provisioner_changes_status": "the owner of functions that change a status",
    },
    "SEC028": _met("SEC028"),
    "SEC035": {
        **findings_deliveries.UNIQUE,
        "governance.change (*": "the store numbers changes itself, drafts too; nobody chooses one",
        "policies.signatory_key (*": "a key's id is its own hash, so none is taken by chance",
        "tenants.member (*": "a username ends with its force's own name (0010)",
    },
    "SEC038": _met("SEC038"),
    "SEC047": {
        "* (*_owner_force_*": "the owner is part of the key, and checked before it",
        "sharing.link_decision (link_decision_other_*": "the policy asks first whether both show",
        "*tenants.*": "the tenant is part of the key, and checked before it; the directory is open",
        "records.emergency_review*": "a policy asks for the access first, under its own policies",
    },
    "VIEW002": {"ctx.open_consultation": "only the functions that policies ask may read it"},
}
"""By rule, a pattern of the places where it is answered, and the answer."""
