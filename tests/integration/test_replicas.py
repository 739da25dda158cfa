"""Searches read on a hot standby: what is found, what is logged, and what a broken one changes."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from athena.platform.kernel import replicas
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import DecisionUnavailableError
from athena.platform.kernel.identity import Purpose, Subject
from athena.platform.kernel.replicas import Replicas
from athena.policies.roles.actions import Action
from athena.policies.visibility import standbys
from athena.policies.visibility.models import Consultation
from athena.sharing.search.query import Asked, PersonQuery, understand
from athena.sharing.search.service import Found, Searcher
from athena.tenants.members.service import subject_by_username
from support.agreements import Desk
from support.api import REASON, Platform, running_platform
from support.exceptions import call, create
from support.standby import HotStandby
from support.waiting import until

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


@pytest.fixture(scope="module")
async def replicated(
    standby: HotStandby, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Replicated]:
    """Yield the platform over a store with a standby, in use."""
    name = await standby.primary.create(await standby.primary.consortium_template())
    store = standby.primary.store(name)
    place = standby.address(name)
    store = replace(store, replicas=(store.address, place))
    directory: Path = tmp_path_factory.mktemp("data")
    async with running_platform(store, directory) as platform:
        yield Replicated(
            platform,
            standby,
            f"{place.host}:{place.port}",
            f"{store.address.host}:{store.address.port}",
        )


@pytest.fixture(autouse=True)
async def in_use(replicated: Replicated) -> None:
    """Begin each test with a standby that serves."""
    await replicated.becomes("in_use")


async def test_what_was_just_recorded_is_found_on_the_standby(replicated: Replicated) -> None:
    for given in ("Cressida", "Lucasta", "Wilhelmina"):
        nominal = await replicated.create("officer.kent", given, "Attenborough")
        before = len(await replicated.events("officer.kent"))
        assert (await replicated.found("officer.kent", f"{given} Attenborough"))[0] == nominal
        asked, seen = (await replicated.events("officer.kent"))[before:]
        assert asked.content["query"] == {"name": f"{given} Attenborough"}
        assert seen.content == {"standby": replicated.here, "consultation": asked.id}
        assert nominal in {record["nominal_id"] for record in seen.records}


async def test_the_standby_shows_what_the_primary_shows(replicated: Replicated) -> None:
    labels: dict[str, dict[str, Any]] = {
        "open": {},
        "restricted": {"restricted": True},
        "conditional": {"handling": "C", "conditions": ["S2"]},
    }
    made = {
        label: await another(replicated, "officer.essex", "Castellano", fields)
        for label, fields in labels.items()
    }
    gate, searcher = replicated.platform.runtime.gate, replicated.searcher
    seen = {}
    for username in ("officer.essex", "officer.kent", "officer.norfolk"):
        member = await subject(replicated, username)
        query, entry = asking("Ignatius Castellano")
        async with gate.consult(
            member, Action.NOMINALS_SEARCH, Purpose.INVESTIGATION, entry
        ) as consultation:
            at_primary = (await searcher.search(consultation, query, {})).results
        on_standby = await replicated.platform.search(username, name="Ignatius Castellano")
        last = (await replicated.events(username))[-1]
        assert last.content["standby"] == replicated.here
        assert on_standby.json()["results"] == [hit.model_dump(mode="json") for hit in at_primary]
        seen[username] = {str(hit.id) for hit in at_primary}
    assert seen["officer.essex"] >= {made["open"], made["conditional"]}
    assert made["open"] in seen["officer.kent"]
    assert not any(made["restricted"] in ids for ids in seen.values())


async def another(
    replicated: Replicated, username: str, surname: str, fields: dict[str, Any]
) -> str:
    """Record one more person of the same name as others, and return the id."""
    found = await replicated.found(username, f"Ignatius {surname}")
    nominal = {"names": [{"given_names": "Ignatius", "surname": surname}], **fields}
    created = await replicated.platform.create(username, nominal, acknowledged_matches=found)
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


async def subject(replicated: Replicated, username: str) -> Subject:
    """Return a member."""
    return await subject_by_username(replicated.platform.runtime.database, username)


async def test_a_single_record_is_pointed_to_and_then_shown(replicated: Replicated) -> None:
    """The pointer, which writes, comes from the primary; what it opens is read on the standby."""
    platform, supervisor = replicated.platform, "supervisor.kent"
    nominal = await create(platform, "officer.essex", "Ellingham", handling="C", conditions=["S2"])
    answer = await platform.search(supervisor, given_name="Octavian", surname="Ellingham")
    (hit,) = answer.json()["results"]
    assert (hit["disclosure"], hit["id"]) == ("pointer", None)
    opening = {
        "search_id": answer.json()["search_id"],
        "owner_force": hit["owner_force"],
        "emergency": "A child is at risk tonight",
    }
    opened = await call(platform, supervisor, "POST", "/nominals/break-glass", opening)
    assert opened.status_code == 201, opened.text
    assert await replicated.found(supervisor, "Octavian Ellingham") == [nominal]
    assert (await replicated.events(supervisor))[-1].content["standby"] == replicated.here


def asking(name: str) -> tuple[PersonQuery, Entry]:
    """Return a question and what is logged of it."""
    query = understand(Asked(name=name))
    return query, Entry(EventKind.CONSULTATION, "nominals.search", REASON, {"query": name})


async def test_a_standby_that_stands_still_is_left_alone_until_it_goes_on(
    replicated: Replicated,
) -> None:
    nominal = await replicated.create("officer.kent", "Octavian", "Abernathy")
    await replicated.standby.replays(False)
    try:
        before = len(await replicated.events("officer.kent"))
        late = await replicated.create("officer.kent", "Quillon", "Dunwoody")
        assert await replicated.found("officer.kent", "Octavian Abernathy") == [nominal]
        assert await replicated.found("officer.kent", "Quillon Dunwoody") == [late]
        events = (await replicated.events("officer.kent"))[before:]
        assert not any("standby" in event.content for event in events)
        # The first search waited in vain; its second event says that it is the same search.
        again = [event for event in events if "again_after" in event.content]
        assert [event.content["again_after"] for event in again] == [events[0].id]
        await replicated.becomes("behind")
    finally:
        await replicated.standby.replays(True)
    await replicated.becomes("in_use")
    assert await replicated.found("officer.kent", "Quillon Dunwoody") == [late]
    assert (await replicated.events("officer.kent"))[-1].content["standby"] == replicated.here
    assert (await replicated.reads())["behind"] >= 1


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

        async def answer(_: Consultation, found: Found) -> None:
            self.told.append([str(record.id) for _, record in found.page])

        await standbys.consult(
            gate,
            self.replicated.replicas,
            await subject(self.replicated, "officer.kent"),
            Action.NOMINALS_SEARCH,
            Purpose.FIREARMS_LICENSING,
            entry,
            standbys.Looking(find, searcher.seen, answer),
        )


@pytest.fixture
async def overtaken(replicated: Replicated) -> AsyncIterator[Callable[[bool], Overtaken]]:
    """Yield what makes such a search, of a nominal of Essex that its agreement alone shows."""
    reference = await Desk(replicated.platform).in_force()
    nominal = await another(
        replicated, "officer.essex", "Underhill", {"markers": [{"code": "violent"}]}
    )
    yield lambda still: Overtaken(replicated, nominal, reference, still)
    await replicated.standby.replays(True)


async def test_what_is_revoked_after_the_reading_is_not_told(
    replicated: Replicated, overtaken: Callable[[bool], Overtaken]
) -> None:
    search = overtaken(True)
    before = len(await replicated.events("officer.kent"))
    with pytest.raises(DecisionUnavailableError, match="changed while you were looking"):
        await search.run()
    (read,) = search.read
    assert search.nominal in read
    assert search.told == []
    asked, refused = (await replicated.events("officer.kent"))[before:]
    assert (asked.kind, refused.kind) == ("consultation", "refusal")
    assert refused.content == {
        "problem": "decision-unavailable",
        "standby": replicated.here,
        "consultation": asked.id,
    }


async def test_where_the_standby_hears_of_it_the_primary_decides_anew(
    replicated: Replicated, overtaken: Callable[[bool], Overtaken]
) -> None:
    search = overtaken(False)
    await search.run()
    first, second = search.read
    assert search.nominal in first
    assert search.nominal not in second
    assert search.told == [second]
    assert replicated.replicas.states[replicated.here] == "in_use"


async def test_a_killed_standby_costs_no_answer(replicated: Replicated) -> None:
    nominal = await replicated.create("officer.kent", "Bartleby", "Gallagher")
    assert await replicated.found("officer.kent", "Bartleby Gallagher") == [nominal]
    replicated.standby.stop()
    try:
        for _ in range(3):
            assert await replicated.found("officer.kent", "Bartleby Gallagher") == [nominal]
        assert "standby" not in (await replicated.events("officer.kent"))[-1].content
        await replicated.becomes("unreachable")
    finally:
        replicated.standby.start()
    await replicated.becomes("in_use")
    assert await replicated.found("officer.kent", "Bartleby Gallagher") == [nominal]
    assert (await replicated.events("officer.kent"))[-1].content["standby"] == replicated.here


async def test_a_standby_that_hangs_costs_no_answer(
    replicated: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "READ_SECONDS", 0.3)
    nominal = await replicated.create("officer.kent", "Percival", "Hutchinson")
    admin = await replicated.standby.admin("postgres")
    try:
        serving = await admin.fetch(
            "SELECT pid FROM pg_stat_activity WHERE usename = 'athena_kent'"
        )
        assert serving
        for row in serving:
            os.kill(row["pid"], signal.SIGSTOP)
        try:
            assert await replicated.found("officer.kent", "Percival Hutchinson") == [nominal]
        finally:
            for row in serving:
                os.kill(row["pid"], signal.SIGCONT)
    finally:
        await admin.close()
    assert (await replicated.reads())["slow"] == 1
    assert "again_after" in (await replicated.events("officer.kent"))[-2].content


async def test_a_primary_is_no_standby(replicated: Replicated) -> None:
    assert replicated.replicas.states[replicated.primary] == "not_a_standby_of_this_store"
