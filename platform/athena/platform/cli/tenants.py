"""Commands of the client body: tenants, and what roles may do."""

from __future__ import annotations

from typing import Annotated

import typer

from athena.platform.cli.common import Json, Reason, out, permitted, print_json, run
from athena.platform.kernel import audit
from athena.platform.kernel.identity import Role, TenantKind
from athena.policies.roles import repository as rules
from athena.policies.roles import service as roles
from athena.policies.roles.actions import Action
from athena.policies.roles.models import Rule
from athena.policies.roles.service import Permission
from athena.tenants.directory.models import Tenant
from athena.tenants.lifecycle import service
from athena.tenants.lifecycle.schemas import ForceRequest, PartnerRequest, TenantView

tenants_app = typer.Typer(help="Forces and partner organisations.", no_args_is_help=True)
roles_app = typer.Typer(help="What each role may do.", no_args_is_help=True)

Administrator = Annotated[str, typer.Option("--as", help="An administrator of the client body.")]
Unit = Annotated[str, typer.Option(help="The unit that answers questions about its records.")]
Email = Annotated[str, typer.Option(help="The unit's email address.")]
Telephone = Annotated[str, typer.Option(help="The unit's telephone number.")]
Name = Annotated[str, typer.Option(help="Its full name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    tenants_app.command("list")(list_tenants)
    tenants_app.command("create")(create)
    tenants_app.command("create-partner")(create_partner)
    tenants_app.command("suspend")(suspend)
    tenants_app.command("reinstate")(reinstate)
    roles_app.command("list")(list_rules)
    roles_app.command("allow")(allow)
    roles_app.command("withdraw")(withdraw)
    app.add_typer(tenants_app, name="tenants")
    app.add_typer(roles_app, name="roles")


def list_tenants(
    reason: Reason, account: Administrator = "amo.admin", as_json: Json = False
) -> None:
    """List every tenant and whether it takes part."""

    async def work() -> list[Tenant]:
        async with permitted(account, Action.TENANTS_READ, reason) as deed:
            return await service.list_tenants(deed.session, deed.subject, reason)

    found = run(work())
    if as_json:
        print_json([TenantView.of(tenant).model_dump(mode="json") for tenant in found])
        return
    for tenant in found:
        out.print(f"{tenant.slug:20} {tenant.kind.value:12} {tenant.status.value:10} {tenant.name}")


def create(
    slug: Annotated[str, typer.Argument(help="Its short name, such as north-county.")],
    name: Name,
    code: Annotated[str, typer.Option(help="Its Home Office force code: two digits.")],
    unit: Unit,
    email: Email,
    telephone: Telephone,
    administrator: Annotated[str, typer.Option(help="The account of its first administrator.")],
    administrator_name: Annotated[str, typer.Option(help="That person's name.")],
    reason: Reason,
    account: Administrator = "amo.admin",
) -> None:
    """Create a force, with its login and its first administrator; nothing is restarted."""
    request = ForceRequest(
        slug=slug,
        name=name,
        home_office_code=code,
        contact_unit=unit,
        contact_email=email,
        contact_telephone=telephone,
        administrator=administrator,
        administrator_name=administrator_name,
        reason=reason,
    )

    async def work() -> None:
        async with permitted(account, Action.TENANTS_MANAGE, request.reason) as deed:
            verifier = deed.runtime.store.verifier
            await service.create_force(deed.session, deed.subject, request, verifier)

    run(work())
    out.print(f"{slug} is there. It sees and shares nothing until an agreement names it.")


def create_partner(
    slug: Annotated[str, typer.Argument(help="Its short name, such as a-shelter.")],
    name: Name,
    unit: Unit,
    email: Email,
    telephone: Telephone,
    reason: Reason,
    account: Administrator = "amo.admin",
) -> None:
    """Create a partner organisation."""
    request = PartnerRequest(
        kind="partner",
        slug=slug,
        name=name,
        contact_unit=unit,
        contact_email=email,
        contact_telephone=telephone,
        reason=reason,
    )

    async def work() -> None:
        async with permitted(account, Action.TENANTS_MANAGE, request.reason) as deed:
            await service.create_partner(deed.session, deed.subject, request)

    run(work())
    out.print(f"{slug} is there, and may ask for nothing yet.")


def suspend(slug: str, reason: Reason, account: Administrator = "amo.admin") -> None:
    """Cut a tenant off at once: its login, its grants and its sessions."""

    async def work() -> None:
        async with permitted(
            account, Action.TENANTS_MANAGE, reason, then=service.end_sessions
        ) as deed:
            await service.suspend(deed.session, deed.subject, slug, deed.reason)

    run(work())
    out.print(f"{slug} is suspended: nothing is shared by it or to it any more.")


def reinstate(slug: str, reason: Reason, account: Administrator = "amo.admin") -> None:
    """Let a suspended tenant take part again."""

    async def work() -> None:
        async with permitted(account, Action.TENANTS_MANAGE, reason) as deed:
            await service.reinstate(deed.session, deed.subject, slug, deed.reason)

    run(work())
    out.print(f"{slug} takes part again.")


def list_rules(reason: Reason, account: Administrator = "amo.admin", as_json: Json = False) -> None:
    """List the rules that say what each role may do."""

    async def work() -> list[Rule]:
        async with permitted(account, Action.ROLES_MANAGE, reason) as deed:
            await audit.administer(deed.session, deed.subject, "roles.read", reason, {})
            return await rules.rules(deed.session)

    found = run(work())
    if as_json:
        print_json([rule.document() for rule in found])
        return
    for rule in found:
        does = f"may, in a {rule.tenant_kind}," if rule.tenant_kind else "may all of"
        out.print(f"{rule.role:24} {does:28} {rule.action}")


def allow(
    role: Role,
    kind: TenantKind,
    action: Action,
    reason: Reason,
    account: Administrator = "amo.admin",
) -> None:
    """Let a role do an action in a kind of tenant; every process knows within a second."""

    async def work() -> None:
        async with permitted(account, Action.ROLES_MANAGE, reason) as deed:
            await roles.allow(deed.session, deed.subject, Permission(role, kind, action), reason)

    run(work())
    out.print(f"{role} may {action} now.")


def withdraw(
    role: Role,
    kind: TenantKind,
    action: Action,
    reason: Reason,
    account: Administrator = "amo.admin",
) -> None:
    """Take an action from a role in a kind of tenant; every process knows within a second."""

    async def work() -> None:
        async with permitted(account, Action.ROLES_MANAGE, reason) as deed:
            await roles.withdraw(deed.session, deed.subject, Permission(role, kind, action), reason)

    run(work())
    out.print(f"{role} may not {action} any more.")
