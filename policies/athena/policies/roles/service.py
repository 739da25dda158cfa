"""May a member do this? Answered from a table that Casbin's enforcer fills at load.

The rules live in the store, and start as the package's. Asking the enforcer costs tens of
milliseconds with a full policy; a look-up costs under a microsecond and gives the same answer,
which a test proves for every combination.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable
from dataclasses import InitVar, dataclass
from functools import lru_cache
from importlib.resources import files

import casbin
from casbin.persist.adapters import StringAdapter

from athena.platform.kernel import audit
from athena.platform.kernel.database import Database, WriteSession
from athena.platform.kernel.errors import ConflictError, InvalidInputError, RefusedError
from athena.platform.kernel.identity import Role, Subject, TenantKind
from athena.policies.roles import repository
from athena.policies.roles.actions import Action
from athena.policies.roles.models import Rule

_PROOF = object()
_HOMES = (
    ("links.", TenantKind.FORCE),
    ("nominals.", TenantKind.FORCE),
    ("records.", TenantKind.FORCE),
    (Action.GOVERNANCE_ANSWER, TenantKind.FORCE),
    (Action.GOVERNANCE_FINANCE, TenantKind.CLIENT_BODY),
    (Action.GOVERNANCE_MANAGE, TenantKind.CLIENT_BODY),
    (Action.COSTS_MANAGE, TenantKind.CLIENT_BODY),
    (Action.LEDGER_POST, TenantKind.CLIENT_BODY),
    (Action.LINKING_THRESHOLDS, TenantKind.CLIENT_BODY),
    (Action.PARTNERS_MANAGE, TenantKind.CLIENT_BODY),
    (Action.PERSON_CHECKS_MAKE, TenantKind.PARTNER),
    (Action.ROLES_MANAGE, TenantKind.CLIENT_BODY),
    (Action.TENANTS_MANAGE, TenantKind.CLIENT_BODY),
)
"""Actions that no rule can allow elsewhere: who manages forces reads no record, and vice versa."""


@dataclass(frozen=True, slots=True)
class Permission:
    """That a role may do an action in a kind of tenant."""

    role: Role
    kind: TenantKind
    action: Action

    @property
    def rule(self) -> Rule:
        """The rule that says so."""
        return Rule(self.role.value, self.kind.value, self.action.value)


@dataclass(frozen=True, slots=True)
class Authorised:
    """Proof that a member's roles allow an action; only `RoleTable.authorise` makes one.

    The token isn't kept in the value, so that no copy with another action can be made from it.
    """

    subject: Subject
    action: Action
    proof: InitVar[object]

    def __post_init__(self, proof: object) -> None:
        """Refuse a value that nothing decided."""
        if proof is not _PROOF:
            raise TypeError("only RoleTable.authorise makes an Authorised")


class RoleTable:
    """Which (role, kind of tenant, action) is allowed; an immutable look-up."""

    def __init__(self, allowed: Iterable[tuple[Role, TenantKind, Action]]) -> None:
        self._allowed = frozenset(allowed)

    @classmethod
    def load(cls) -> RoleTable:
        """Compile the policy that is part of the package."""
        return cls.compile(packaged_rules())

    @classmethod
    def compile(cls, rules: Iterable[Rule]) -> RoleTable:
        """Ask Casbin's enforcer once about all that the rules name; no rule allows nothing."""
        return _compiled(tuple(rules))

    def allows(self, roles: Iterable[Role], kind: TenantKind, action: Action) -> bool:
        """Whether any of the roles allows the action in a tenant of this kind."""
        return any((role, kind, action) in self._allowed for role in roles)

    def authorise(self, subject: Subject, action: Action) -> Authorised:
        """Return the proof that the subject may do this, or raise RefusedError."""
        if not self.allows(subject.roles, subject.tenant_kind, action):
            raise RefusedError(
                f"Your role doesn't include '{action}'; ask your force's administrator.",
                action=action.value,
            )
        return Authorised(subject, action, _PROOF)


@lru_cache(maxsize=8)
def _compiled(rules: tuple[Rule, ...]) -> RoleTable:
    """Compile rules; a table never changes, so the last ones are kept.

    The model compares kind and action for equality and allows nothing without a rule, so an
    action that no rule names in a kind of tenant needn't be asked about.
    """
    named = {(rule.tenant_kind, rule.action) for rule in rules}
    if not named:
        return RoleTable([])
    enforcer = make_enforcer(rules)
    return RoleTable(
        (role, kind, action)
        for kind in TenantKind
        for action in Action
        if (kind.value, action.value) in named
        for role in Role
        if enforcer.enforce(role.value, kind.value, action.value)
    )


def make_enforcer(rules: Iterable[Rule] | None = None) -> casbin.Enforcer:
    """Return Casbin's enforcer over the packaged model and some rules, or the packaged ones."""
    logging.getLogger("casbin").setLevel(logging.WARNING)  # it prints its whole policy at load
    model = casbin.Model()
    model.load_model_from_text(_packaged("model.conf"))
    lines = [rule.line() for rule in (packaged_rules() if rules is None else rules)]
    return casbin.Enforcer(model, StringAdapter("\n".join(lines)))


def packaged_rules() -> list[Rule]:
    """Return the rules that a new store starts with."""
    return [
        Rule.parse([cell.strip() for cell in line])
        for line in csv.reader(_packaged("policy.csv").splitlines())
        if line
    ]


async def seed_rules(database: Database) -> bool:
    """Store those packaged rules that the store never had; return whether there were any.

    A rule that an administrator withdrew stays in the store as withdrawn, so it doesn't come back.
    """
    async with database.write(repository.CLIENT_BODY) as session:
        known = await repository.every_rule(session)
        new = [rule for rule in packaged_rules() if rule not in known]
        if new:
            await repository.add(session, new)
    return bool(new)


async def allow(session: WriteSession, subject: Subject, rule: Permission, reason: str) -> None:
    """Let a role do an action from this commit on, in every process."""
    home = next((kind for prefix, kind in _HOMES if rule.action.startswith(prefix)), rule.kind)
    if rule.kind is not home:
        raise InvalidInputError(f"'{rule.action}' can be allowed in a {home.value} only.")
    await audit.administer(session, subject, "roles.allow", reason, rule.rule.document())
    if not await repository.allow(session, rule.rule):
        raise ConflictError("The role may do this already; `athena roles list` shows the rules.")


async def withdraw(session: WriteSession, subject: Subject, rule: Permission, reason: str) -> None:
    """Take an action from a role from this commit on, in every process."""
    if rule.action is Action.ROLES_MANAGE:
        raise ConflictError("Somebody must be able to change roles; this rule stays.")
    await audit.administer(session, subject, "roles.withdraw", reason, rule.rule.document())
    if not await repository.withdraw(session, rule.rule):
        raise ConflictError(
            "There is no such rule of its own; what a role inherits is withdrawn from the role "
            "that it inherits from. `athena roles list` shows the rules."
        )


async def rules_in_force(database: Database) -> list[Rule]:
    """Return the rules that hold now."""
    async with database.read(repository.POLICY_WRITER) as session:
        return await repository.rules(session)


def _packaged(name: str) -> str:
    return (files("athena.policies.roles") / name).read_text(encoding="utf-8")
