"""What may be reached though it isn't one's own force's: each login, relation and verbs, and why.

`test_catalogue.py` fails where something else succeeds, and where something here no longer does.
"""

from __future__ import annotations

from dataclasses import dataclass

FORCES = "every force"


@dataclass(frozen=True)
class Permitted:
    """Verbs that a login may use on a relation, on rows of any force, and why."""

    login: str
    relation: str
    verbs: str
    why: str


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
        "the client body keeps the agreements; none is ever deleted",
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
]

NOBODYS = {
    "audit.content": "(at, event_id) IN (SELECT at, event_id FROM audit.event "
    "WHERE tenant_id = {force})",
    "ctx.grant_scope": "grant_set_id IN (SELECT grant_set_id FROM ctx.grant_set "
    "WHERE tenant_id = {force})",
    "ctx.policy_state": "true",
    "names.pair": "true",
    "names.term": "true",
    "policies.agreement": "true",
    "policies.decision": "true",
    "public.alembic_version": "true",
}
"""For each relation without a column of a force, which rows are a force's: all where it's nobody's.

A relation that has no such column and isn't here fails the build.
"""

SUPPORTING = {"ctx.grant_scope", "ctx.grant_set", "ctx.policy_state", "tenants.tenant"}
"""What consultations stand on: no row is taken out of these before they are attacked."""
