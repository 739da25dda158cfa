"""The SQL of the rules of roles; a change raises the policy's revision by trigger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.rows import Row
from athena.policies.roles.models import Rule

CLIENT_BODY = "athena_amo"
POLICY_WRITER = "athena_policy_writer"


async def rules(session: ReadSession) -> list[Rule]:
    """Return the rules that hold, in one order."""
    rows = await session.rows(
        "SELECT role, tenant_kind, subject FROM policies.role_rule WHERE active "
        "ORDER BY rule, role, tenant_kind, subject"
    )
    return [_rule(row) for row in rows]


async def every_rule(session: ReadSession) -> set[Rule]:
    """Return the rules that hold and those that were withdrawn."""
    rows = await session.rows("SELECT role, tenant_kind, subject FROM policies.role_rule")
    return {_rule(row) for row in rows}


async def add(session: WriteSession, new: Iterable[Rule]) -> None:
    """Add rules; those that another process added meanwhile stay as they are."""
    for rule in new:
        await session.execute(
            "INSERT INTO policies.role_rule (rule, role, tenant_kind, subject) "
            "VALUES (:rule, :role, :kind, :subject) ON CONFLICT DO NOTHING",
            _parameters(rule),
        )


async def allow(session: WriteSession, rule: Rule) -> bool:
    """Let a rule hold; return whether it didn't before."""
    touched = await session.execute(
        "INSERT INTO policies.role_rule AS r (rule, role, tenant_kind, subject) "
        "VALUES (:rule, :role, :kind, :subject) ON CONFLICT (rule, role, tenant_kind, subject) "
        "DO UPDATE SET active = true, changed_at = now() WHERE NOT r.active",
        _parameters(rule),
    )
    return touched == 1


async def withdraw(session: WriteSession, rule: Rule) -> bool:
    """Let a rule hold no more; return whether it did before."""
    touched = await session.execute(
        "UPDATE policies.role_rule SET active = false, changed_at = now() WHERE rule = :rule "
        "AND role = :role AND tenant_kind = :kind AND subject = :subject AND active",
        _parameters(rule),
    )
    return touched == 1


def _parameters(rule: Rule) -> dict[str, Any]:
    return {
        "rule": "inherit" if rule.tenant_kind is None else "allow",
        "role": rule.role,
        "kind": rule.tenant_kind or "",
        "subject": rule.action,
    }


def _rule(row: Row) -> Rule:
    return Rule(row.role, row.tenant_kind or None, row.subject)
