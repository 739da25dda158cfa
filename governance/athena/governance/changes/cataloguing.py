"""What is done with the catalogue of standard changes; a body's vote approves an entry."""

from __future__ import annotations

from athena.governance.acting import Office
from athena.governance.changes import repository
from athena.governance.changes.catalogue import CatalogueEntry, CatalogueStatus, NewEntry
from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.identity import Subject
from athena.policies.roles.actions import Action


async def every(office: Office, subject: Subject) -> list[CatalogueEntry]:
    """Return every entry, whatever its status."""
    async with office.reading(subject, "catalogue.list") as reading:
        return await repository.catalogue(reading.session)


async def propose(office: Office, subject: Subject, new: NewEntry) -> CatalogueEntry:
    """Propose an entry; it authorises nothing before a body has approved it."""
    async with office.acting(
        subject, Action.GOVERNANCE_MANAGE, "catalogue.propose", new.reason, {"entry": new.slug}
    ) as acting:
        entry = CatalogueEntry(
            slug=new.slug,
            title=new.title,
            procedure=new.procedure,
            largest_pence=new.largest_pence,
            status=CatalogueStatus.PROPOSED,
        )
        await repository.propose_entry(acting.session, entry)
        return entry


async def retire(office: Office, subject: Subject, slug: str, reason: str) -> None:
    """Retire an approved entry: it authorises no more changes from now on."""
    async with office.acting(
        subject, Action.GOVERNANCE_MANAGE, "catalogue.retire", reason, {"entry": slug}
    ) as acting:
        if not await repository.move_entry(
            acting.session, slug, CatalogueStatus.APPROVED, CatalogueStatus.RETIRED
        ):
            raise NotFoundError("There is no such approved entry of the catalogue.")
