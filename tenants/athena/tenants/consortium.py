"""The consortium a new store starts with: nine forces, the client body, demo members.

Force names and codes are public; units, addresses and members are made up. Telephone numbers
come from the range that Ofcom keeps free for drama (01632 960000 to 960999).
"""

from __future__ import annotations

from collections.abc import Callable

from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import Role, TenantId, TenantKind
from athena.tenants.directory import repository as directory
from athena.tenants.directory.models import NewForce, Tenant
from athena.tenants.members import repository as members

_CODES = {  # Home Office force codes: general knowledge of the field, kept as data
    "west-mercia": ("West Mercia", "22"),
    "warwickshire": ("Warwickshire", "23"),
    "cambridgeshire": ("Cambridgeshire", "35"),
    "norfolk": ("Norfolk", "36"),
    "suffolk": ("Suffolk", "37"),
    "bedfordshire": ("Bedfordshire", "40"),
    "hertfordshire": ("Hertfordshire", "41"),
    "essex": ("Essex", "42"),
    "kent": ("Kent", "46"),
}

FORCE_SLUGS = tuple(_CODES)

_FORCE_ACCOUNTS = {
    "officer": (Role.OFFICER, "Officer"),
    "supervisor": (Role.SUPERVISOR, "Supervisor"),
    "records": (Role.RECORDS_MANAGER, "Records manager"),
    "dpo": (Role.DATA_PROTECTION_OFFICER, "Data protection officer"),
    "admin": (Role.FORCE_ADMINISTRATOR, "Force administrator"),
    "board": (Role.BOARD_MEMBER, "Board member"),
    "signatory": (Role.SIGNATORY, "Signatory"),
}

AMO = Tenant(
    tenant_id=TenantId(0),
    slug="amo",
    kind=TenantKind.CLIENT_BODY,
    name="Athena Management Organisation",
    login="athena_amo",
    contact_unit="Service desk",
    contact_email="service.desk@amo.example",
    contact_telephone="01632 960000",
)
OVERSIGHT = Tenant(
    tenant_id=TenantId(0),
    slug="oversight",
    kind=TenantKind.OVERSIGHT,
    name="Independent audit",
    login="athena_auditor",
    contact_unit="Audit",
    contact_email="audit@oversight.example",
    contact_telephone="01632 960001",
)


def new_force(slug: str, number: int) -> NewForce:
    """Return what creating one of the nine forces takes; ``number`` picks its telephone."""
    name, code = _CODES[slug]
    return NewForce(
        slug=slug,
        name=name,
        home_office_code=code,
        contact_unit=f"{name} Police records enquiry unit",
        contact_email=f"records.enquiries@{slug}.police.example",
        contact_telephone=f"01632 9601{number:02}",
    )


async def found_consortium(database: Database, verifier: Callable[[str], str]) -> bool:
    """Create the nine forces, both bodies and the demo's members, or do nothing if they exist.

    ``verifier`` gives the SCRAM verifier of a login. Returns whether anything was created.
    """
    async with database.write(AMO.login) as session:
        if await directory.list_tenants(session):
            return False
        amo = await directory.create_body(session, AMO)
        oversight = await directory.create_body(session, OVERSIGHT)
        add = members.add_member
        await add(session, amo, "amo.admin", "AMO administrator", [Role.AMO_ADMINISTRATOR])
        await add(session, amo, "amo.finance", "AMO finance", [Role.AMO_FINANCE])
        await add(session, oversight, "auditor", "Auditor", [Role.AUDITOR])
        for number, slug in enumerate(FORCE_SLUGS, start=1):
            force = new_force(slug, number)
            tenant_id = await directory.create_force(session, force, verifier(force.login))
            for account, (role, title) in _FORCE_ACCOUNTS.items():
                await add(session, tenant_id, f"{account}.{slug}", f"{title}, {force.name}", [role])
    return True
