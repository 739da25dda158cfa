"""The directory as the rest of the platform reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.identity import TenantId
from athena.tenants.directory import repository
from athena.tenants.directory.models import Tenant

DIRECTORY_LOGIN = "athena_directory"


class Directory:
    """Every tenant, by number and by slug; one for a process, renewed when a tenant changes."""

    def __init__(self, tenants: Iterable[Tenant]) -> None:
        self.renew(tenants)

    def renew(self, tenants: Iterable[Tenant]) -> None:
        """Take these tenants for those held so far; whoever holds the directory sees them."""
        self._by_slug = {tenant.slug: tenant for tenant in tenants}
        self._by_id = {tenant.tenant_id: tenant for tenant in self._by_slug.values()}

    def by_slug(self, slug: str) -> Tenant:
        """Return the tenant of a slug; NotFoundError when there is none."""
        try:
            return self._by_slug[slug]
        except KeyError:
            known = ", ".join(sorted(self._by_slug)) or "none yet"
            raise NotFoundError(f"There is no such tenant; the tenants are: {known}.") from None

    def by_id(self, tenant_id: TenantId) -> Tenant:
        """Return the tenant of a number; KeyError when there is none."""
        return self._by_id[tenant_id]

    def __contains__(self, key: object) -> bool:
        return key in self._by_slug or key in self._by_id

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self._by_slug.values())


async def renew_directory(directory: Directory, database: Database) -> None:
    """Read the directory of tenants again."""
    async with database.read(DIRECTORY_LOGIN) as session:
        directory.renew(await repository.list_tenants(session))


async def load_directory(database: Database) -> Directory:
    """Read the directory of tenants."""
    async with database.read(DIRECTORY_LOGIN) as session:
        return Directory(await repository.list_tenants(session))
