"""What is done with events: a partner reads its feed, the client body keeps the webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel import audit
from athena.platform.kernel.database import Database, ReadSession, WriteSession
from athena.platform.kernel.errors import InvalidInputError, NotFoundError
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import sqlstate
from athena.sharing.ppss.deliveries import repository
from athena.sharing.ppss.deliveries.models import Feed, PartnerId
from athena.sharing.ppss.deliveries.reach import Reach
from athena.sharing.ppss.deliveries.schemas import DeliveriesView
from athena.sharing.ppss.onboarding.repository import tenant
from athena.sharing.ppss.signatures.models import PPSS, Caller
from athena.sharing.ppss.signatures.repository import run_for

MOST_DEAD_LETTERS = 500
_UNKNOWN = "23503"


@dataclass(frozen=True, slots=True)
class PartnerFeed:
    """The events of the partner that calls, whatever has become of its agreements meanwhile.

    Who may no longer ask must still learn that what it holds is wrong.
    """

    database: Database

    async def read(self, caller: Caller, after: int, most: int) -> Feed:
        """Return the partner's events after a number, in their order, up to ``most``."""
        partner = PartnerId(caller.partner.partner_id)
        async with self.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            await repository.number(session, partner)
            return await repository.feed(session, partner, after, most)

    async def acknowledge(self, caller: Caller, sequence: int) -> int:
        """Note up to where the partner has read; what was read stays read.

        InvalidInputError for a number that no event has yet.
        """
        partner = PartnerId(caller.partner.partner_id)
        async with self.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            await repository.number(session, partner)
            read = await repository.acknowledge(session, partner, sequence)
        if read < 0:
            raise InvalidInputError("No event has this number yet.", field="/sequence")
        return read


async def show(session: ReadSession, subject: Subject, slug: str, reason: str) -> DeliveriesView:
    """Return how a partner's events go out, its dead letters with it."""
    partner = await _partner(session, slug)
    await audit.administer(session, subject, "partners.deliveries", reason, {"partner": slug})
    return DeliveriesView.of(
        slug,
        await repository.webhook(session, partner),
        await repository.stream(session, partner),
        await repository.refused(session, partner, MOST_DEAD_LETTERS),
    )


async def set_webhook(
    session: WriteSession, subject: Subject, slug: str, url: str, reach: Reach, reason: str
) -> None:
    """Set where a partner is told; InvalidInputError for where webhooks may not lead."""
    reach.check(url)
    partner = await _partner(session, slug)
    content = {"partner": slug, "url": url}
    await audit.administer(session, subject, "partners.set_webhook", reason, content)
    try:
        await repository.set_webhook(session, partner, url, subject.username, reason)
    except PostgresError as error:
        if sqlstate(error) != _UNKNOWN:
            raise
        raise NotFoundError("The partner isn't registered; register it first.") from None


async def remove_webhook(session: WriteSession, subject: Subject, slug: str, reason: str) -> None:
    """Take a partner's webhook away; its feed stays."""
    partner = await _partner(session, slug)
    await audit.administer(session, subject, "partners.remove_webhook", reason, {"partner": slug})
    if not await repository.remove_webhook(session, partner):
        raise NotFoundError("The partner has no webhook.")


async def restart_webhook(session: WriteSession, subject: Subject, slug: str, reason: str) -> None:
    """Let a partner's webhook be tried again at once, in the order of its events."""
    partner = await _partner(session, slug)
    await audit.administer(session, subject, "partners.restart_webhook", reason, {"partner": slug})
    if not await repository.restart(session, partner):
        raise NotFoundError("The partner has no webhook.")


async def replay(
    session: WriteSession, subject: Subject, slug: str, event_id: UUID | None, reason: str
) -> int:
    """Have dead letters sent again under their ids and numbers; return how many."""
    partner = await _partner(session, slug)
    content = {"partner": slug, "event": str(event_id) if event_id else "all"}
    await audit.administer(session, subject, "partners.replay", reason, content)
    count = await repository.replay(session, partner, event_id)
    if event_id is not None and not count:
        raise NotFoundError("The partner has no such dead letter.")
    return count


async def _partner(session: ReadSession, slug: str) -> PartnerId:
    found = await tenant(session, slug)
    if found is None:
        raise NotFoundError("There is no such partner organisation.")
    return PartnerId(found)
