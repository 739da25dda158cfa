"""The SQL of the directory of tenants."""

from __future__ import annotations

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId, TenantKind
from athena.platform.kernel.rows import Row
from athena.tenants.directory.models import NewForce, Tenant, TenantStatus

_COLUMNS = (
    "tenant_id, slug, kind, name, login, contact_unit, contact_email, contact_telephone, status"
)


async def list_tenants(session: ReadSession) -> list[Tenant]:
    """Return every tenant, by its name."""
    rows = await session.rows(f"SELECT {_COLUMNS} FROM tenants.tenant ORDER BY name")
    return [_tenant(row) for row in rows]


async def create_force(session: WriteSession, force: NewForce, verifier: str) -> TenantId:
    """Create a force with its login, in this transaction; ``verifier`` is a SCRAM verifier."""
    number = await session.value(
        "SELECT tenants.create_force(:slug, :name, :code, :unit, :email, :telephone, :verifier)",
        {
            "slug": force.slug,
            "name": force.name,
            "code": force.home_office_code,
            "unit": force.contact_unit,
            "email": force.contact_email,
            "telephone": force.contact_telephone,
            "verifier": verifier,
        },
    )
    return TenantId(number)


async def create_body(session: WriteSession, tenant: Tenant) -> TenantId:
    """Create the client body or an oversight body; its number in ``tenant`` is ignored."""
    number = await session.value(
        "SELECT tenants.create_body(:slug, :kind, :name, :login, :unit, :email, :telephone)",
        {
            "slug": tenant.slug,
            "kind": tenant.kind.value,
            "name": tenant.name,
            "login": tenant.login,
            "unit": tenant.contact_unit,
            "email": tenant.contact_email,
            "telephone": tenant.contact_telephone,
        },
    )
    return TenantId(number)


def _tenant(row: Row) -> Tenant:
    return Tenant(
        tenant_id=TenantId(row.tenant_id),
        slug=row.slug,
        kind=TenantKind(row.kind),
        name=row.name,
        login=row.login,
        contact_unit=row.contact_unit,
        contact_email=row.contact_email,
        contact_telephone=row.contact_telephone,
        status=TenantStatus(row.status),
    )
