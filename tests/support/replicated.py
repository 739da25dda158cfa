"""A platform whose searches are read on a hot standby, and what tests ask of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from athena.platform.kernel.audit import Entry, EventKind, Writes
from athena.platform.kernel.identity import Purpose, Subject
from athena.platform.kernel.replicas import Replicas
from athena.policies.roles.actions import Action
from athena.policies.visibility import standbys
from athena.policies.visibility.models import Consultation
from athena.sharing.search.query import Asked, PersonQuery, understand
from athena.sharing.search.service import Found, Searcher
from athena.tenants.members.service import subject_by_username
from support.agreements import Desk
from support.api import REASON, Platform
from support.standby import HotStandby
from support.waiting import until

NOTHING = Writes("nothing AS (SELECT 1)", {})
"""What an answer writes that keeps nothing."""

EVENTS = """
    SELECT e.event_id::text AS id, e.kind, e.records, c.content
    FROM audit.event AS e JOIN audit.content AS c USING (at, event_id)
    WHERE e.action = 'nominals.search' AND e.username = :username ORDER BY e.at
"""


@dataclass
class Replicated:
    """The platform over a primary and two places that are said to be standbys; one is."""

    platform: Platform
    standby: HotStandby
    here: str
    """The standby's name."""
    primary: str
    """The name of the primary, which is named among the standbys by mistake."""

    @property
    def replicas(self) -> Replicas:
        """The standbys as the platform knows them."""
        return self.searcher.replicas

    @property
    def searcher(self) -> Searcher:
        """What searches there."""
        return self.platform.runtime.searcher

    async def becomes(self, state: str) -> None:
        """Try the standby until it is found in a state, and see that readiness tells it."""

        async def told() -> bool:
            await self.replicas.test()
            return self.replicas.states[self.here] == state

        await until(told)
        ready = await self.platform.client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["standbys"][self.here] == state

    async def found(self, username: str, name: str) -> list[str]:
        """Search as a member and return the ids found, best first."""
        answer = await self.platform.search(username, name=name)
        assert answer.status_code == 200, answer.text
        return [hit["id"] for hit in answer.json()["results"] if hit["id"] is not None]

    async def events(self, username: str) -> list[Any]:
        """Return a member's events of searches, the oldest first."""
        async with self.platform.runtime.database.read("athena_auditor") as session:
            return list(await session.rows(EVENTS, {"username": username}))

    async def create(self, username: str, given: str, surname: str) -> str:
        """Record a nominal and return its id."""
        nominal = {"names": [{"given_names": given, "surname": surname}]}
        created = await self.platform.create(username, nominal)
        assert created.status_code == 201, created.text
        return str(created.json()["id"])

    async def reads(self) -> dict[str, float]:
        """Return how many readings of the standby ended in which way."""
        page = (await self.platform.client.get("/metrics")).text
        start = "athena_replica_reads_total{outcome="
        lines = [line for line in page.splitlines() if line.startswith(start) and self.here in line]
        return {line.split('"')[1]: float(line.split()[-1]) for line in lines}

    async def another(self, username: str, surname: str, fields: dict[str, Any]) -> str:
        """Record one more person of the same name as others, and return the id."""
        found = await self.found(username, f"Ignatius {surname}")
        nominal = {"names": [{"given_names": "Ignatius", "surname": surname}], **fields}
        created = await self.platform.create(username, nominal, acknowledged_matches=found)
        assert created.status_code == 201, created.text
        return str(created.json()["id"])

    async def subject(self, username: str) -> Subject:
        """Return a member."""
        return await subject_by_username(self.platform.runtime.database, username)


def asking(name: str) -> tuple[PersonQuery, Entry]:
    """Return a question and what is logged of it."""
    query = understand(Asked(name=name))
    return query, Entry(EventKind.CONSULTATION, "nominals.search", REASON, {"query": name})


@dataclass
class Overtaken:
    """A search by Kent, on a standby, of what an agreement shows until it is suspended midway."""

    replicated: Replicated
    nominal: str
    reference: str
    still: bool
    """Whether the standby stands still, so that it doesn't hear of the suspension."""
    read: list[list[str]] = field(default_factory=list)
    told: list[list[str]] = field(default_factory=list)

    async def run(self) -> None:
        """Search, and suspend the agreement as soon as something has been read."""
        gate, searcher = self.replicated.platform.runtime.gate, self.replicated.searcher
        query, entry = asking("Ignatius Underhill")

        async def find(consultation: Consultation) -> Found:
            found = await searcher.find(consultation, query, 20)
            self.read.append([str(record.id) for _, record in found.page])
            if len(self.read) == 1:
                if self.still:
                    await self.replicated.standby.replays(False)
                desk = Desk(self.replicated.platform)
                assert (await desk.act(self.reference, "suspend")).status_code == 200
                if not self.still:
                    await self.replicated.standby.catch_up()
            return found

        async def answer(_: Consultation, found: Found) -> tuple[None, Writes]:
            self.told.append([str(record.id) for _, record in found.page])
            return None, NOTHING

        await standbys.consult(
            gate,
            self.replicated.replicas,
            await self.replicated.subject("officer.kent"),
            Action.NOMINALS_SEARCH,
            Purpose.FIREARMS_LICENSING,
            entry,
            standbys.Looking(find, searcher.seen, answer),
        )
