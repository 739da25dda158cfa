"""The SQL of tenants' lives: calls of the store's own functions, as the client body."""

from __future__ import annotations

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId
from athena.tenants.lifecycle.schemas import PartnerRequest


async def create_partner(session: WriteSession, partner: PartnerRequest) -> TenantId:
    """Create a partner organisation; it has no login of its own."""
    number = await session.value(
        "SELECT tenants.create_partner(:slug, :name, :unit, :email, :telephone)",
        {
            "slug": partner.slug,
            "name": partner.name,
            "unit": partner.contact_unit,
            "email": partner.contact_email,
            "telephone": partner.contact_telephone,
        },
    )
    return TenantId(number)


async def suspend(session: WriteSession, slug: str) -> None:
    """Shut a tenant's login, take every grant away and end its sessions."""
    await session.value("SELECT tenants.suspend(:slug)", {"slug": slug})


async def reinstate(session: WriteSession, slug: str) -> None:
    """Let a suspended tenant take part again."""
    await session.value("SELECT tenants.reinstate(:slug)", {"slug": slug})


async def end_sessions(session: ReadSession) -> int:
    """End the sessions that suspended forces still have; return how many there were."""
    ended: int = await session.value("SELECT tenants.end_sessions()")
    return ended
