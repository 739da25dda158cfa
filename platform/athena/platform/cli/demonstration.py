"""What a demonstration shares from its start: agreements, and two partners to refer people to."""

from __future__ import annotations

from pathlib import Path

from athena.platform.kernel.database import Database
from athena.policies.agreements.founding import (
    CLIENT_BODY,
    baseline,
    found,
    is_founded,
    partner_baseline,
    private_key,
)
from athena.policies.agreements.signing import public_pem
from athena.sharing.ppss.onboarding import service as onboarding
from athena.sharing.ppss.onboarding.schemas import (
    NewAgreement,
    NewKey,
    PartnerContact,
    Registration,
)
from athena.tenants.lifecycle import service as lifecycle
from athena.tenants.lifecycle.schemas import PartnerRequest
from athena.tenants.members.service import subject_by_username

_WHY = "The demonstration starts with it."
_PARTNERS = {
    "victim-services": ("Victim services", "ATH-ISA-16", "01632 960310"),
    "childrens-social-care": ("Children's social care", "ATH-ISA-17", "01632 960320"),
}
"""The partners by short name: the name, the agreement, and a made-up telephone number."""


async def found_sharing(database: Database, key_directory: Path) -> bool:
    """Store the agreements and partners of a demonstration, or do nothing if there are agreements.

    The private keys go to ``key_directory``, one file a tenant: a partner signs its agreement and
    its calls with the one key. Returns whether anything was stored; all of it is, or nothing.
    """
    administrator = await subject_by_username(database, "amo.admin")
    async with database.write(CLIENT_BODY) as session:
        if await is_founded(session):
            return False
        contacts = {slug: _contact(slug, telephone) for slug, (*_, telephone) in _PARTNERS.items()}
        for slug, (name, _, telephone) in _PARTNERS.items():
            request = PartnerRequest(
                kind="partner",
                slug=slug,
                name=name,
                contact_unit=contacts[slug].unit,
                contact_email=contacts[slug].email,
                contact_telephone=telephone,
                reason=_WHY,
            )
            await lifecycle.create_partner(session, administrator, request)
        await found(session, [*baseline(), *partner_baseline()], key_directory)
        for slug, (_, agreement, _) in _PARTNERS.items():
            registration = Registration(partner=slug, contacts=(contacts[slug],), reason=_WHY)
            await onboarding.register(session, administrator, registration)
            public = public_pem(private_key(key_directory, slug)).decode()
            key = NewKey(public_key=public, reason=_WHY)
            await onboarding.add_key(session, administrator, slug, key)
            terms = NewAgreement(agreement=agreement, reason=_WHY)
            await onboarding.add_agreement(session, administrator, slug, terms)
    return True


def _contact(slug: str, telephone: str) -> PartnerContact:
    return PartnerContact(
        kind="operations",
        unit="Duty desk",
        email=f"desk@{slug}.example",
        telephone=telephone,
    )
