"""What the directory holds of a tenant."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from athena.platform.kernel.identity import TenantId, TenantKind


class TenantStatus(enum.StrEnum):
    """Whether a tenant takes part: nothing is shared by or to one that doesn't."""

    ACTIVE = "active"
    OFFBOARDED = "offboarded"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A body that takes part, and the unit of it that answers questions about its records."""

    tenant_id: TenantId
    slug: str
    kind: TenantKind
    name: str
    login: str
    contact_unit: str
    contact_email: str
    contact_telephone: str
    status: TenantStatus = TenantStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class NewForce:
    """What creating a force takes; the Home Office force code has two digits."""

    slug: str
    name: str
    home_office_code: str
    contact_unit: str
    contact_email: str
    contact_telephone: str

    @property
    def login(self) -> str:
        """The database login that the force's sessions authenticate as."""
        return force_login(self.slug)


def force_login(slug: str) -> str:
    """Return the database login of a force's slug."""
    return "athena_" + slug.replace("-", "_")
