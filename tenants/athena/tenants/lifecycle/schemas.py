"""What the acts on tenants take and what they answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from athena.platform.kernel.permits import Act, line_of_text
from athena.tenants.directory.models import NewForce, Tenant, TenantStatus

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$", examples=["north-county"])]
Line = Annotated[str, line_of_text(200)]


class ContactPoint(Act):
    """The unit that answers questions about a tenant's records."""

    slug: Slug
    name: Line
    contact_unit: Line
    contact_email: Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,250}$")]
    contact_telephone: Annotated[str, Field(pattern=r"^\+?[0-9 ]{3,20}$")]


class ForceRequest(ContactPoint):
    """A force to create, and its first administrator, who adds everyone else."""

    kind: Literal["force"] = "force"
    home_office_code: Annotated[str, Field(pattern=r"^[0-9]{2}$", examples=["46"])]
    administrator: Annotated[str, Field(max_length=100, examples=["admin.north-county"])]
    administrator_name: Line

    def force(self) -> NewForce:
        """Return what the directory keeps of it."""
        return NewForce(
            slug=self.slug,
            name=self.name,
            home_office_code=self.home_office_code,
            contact_unit=self.contact_unit,
            contact_email=self.contact_email,
            contact_telephone=self.contact_telephone,
        )


class PartnerRequest(ContactPoint):
    """A partner organisation to create; what it may ask for is agreed later."""

    kind: Literal["partner"]


class TenantView(BaseModel):
    """A tenant as the directory tells it."""

    slug: str
    kind: str
    name: str
    status: TenantStatus
    contact_unit: str
    contact_email: str
    contact_telephone: str

    @classmethod
    def of(cls, tenant: Tenant) -> TenantView:
        """Return the view of a tenant."""
        return cls(
            slug=tenant.slug,
            kind=tenant.kind.value,
            name=tenant.name,
            status=tenant.status,
            contact_unit=tenant.contact_unit,
            contact_email=tenant.contact_email,
            contact_telephone=tenant.contact_telephone,
        )
