"""What roles may do, over HTTP: list the rules, allow, withdraw."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from athena.platform.kernel import audit
from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import Role, Subject, TenantKind
from athena.platform.kernel.permits import Act, Permit
from athena.platform.kernel.web import Caller, ReasonHeader, problems, stated_reason
from athena.policies.roles import repository, service
from athena.policies.roles.actions import Action
from athena.policies.roles.service import Permission


class RoleAct(Act):
    """A rule to add or to take away."""

    role: Role
    kind: TenantKind
    action: Action

    def permission(self) -> Permission:
        """Return what the rule says."""
        return Permission(self.role, self.kind, self.action)


class RuleView(BaseModel):
    """A rule: a role may do the action in this kind of tenant, or inherits what a role may."""

    role: str
    kind: str | None
    action: str


def make_router(database: Database, caller: Caller, manage: Permit) -> APIRouter:
    """Return the routes of rules; ``manage`` says who may."""
    router = APIRouter(prefix="/api/v1/roles", tags=["roles"])

    @router.get("", responses=problems())
    async def list_rules(
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> list[RuleView]:
        """Return the rules that hold."""
        stated = stated_reason(reason)
        await manage(subject, stated)
        async with database.write(subject.login) as session:
            await audit.administer(session, subject, "roles.read", stated, {})
            rules = await repository.rules(session)
        return [
            RuleView(role=rule.role, kind=rule.tenant_kind, action=rule.action) for rule in rules
        ]

    @router.post("/allow", status_code=204, responses=problems(409))
    async def allow(act: RoleAct, subject: Subject = Depends(caller)) -> Response:
        """Let a role do an action; every process knows it within a second."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.allow(session, subject, act.permission(), act.reason)
        return Response(status_code=204)

    @router.post("/withdraw", status_code=204, responses=problems(409))
    async def withdraw(act: RoleAct, subject: Subject = Depends(caller)) -> Response:
        """Take an action from a role; every process knows it within a second."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.withdraw(session, subject, act.permission(), act.reason)
        return Response(status_code=204)

    return router
