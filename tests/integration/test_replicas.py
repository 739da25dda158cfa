"""Searches read on a hot standby: what is found, what is logged, and what a broken one changes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from athena.platform.kernel import replicas
from athena.platform.kernel.audit import Writes
from athena.platform.kernel.errors import DecisionUnavailableError
from athena.platform.kernel.identity import Purpose
from athena.platform.kernel.replicas import Replicas
from athena.policies.roles.actions import Action
from athena.policies.visibility import standbys
from athena.policies.visibility.models import Consultation
from athena.sharing.search.service import Found
from support.agreements import Desk
from support.api import running_platform
from support.exceptions import call, create
from support.replicated import NOTHING, Overtaken, Replicated, asking
from support.standby import HotStandby
from support.waiting import until


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
    with pytest.MonkeyPatch.context() as patch:
        # A busy machine is no fault of the standby's, and it is tried when a test says so.
        for limit, seconds in (("WAIT", 20.0), ("READ", 30.0), ("TRY", 3600.0)):
            patch.setattr(replicas, f"{limit}_SECONDS", seconds)
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
        label: await replicated.another("officer.essex", "Castellano", fields)
        for label, fields in labels.items()
    }
    gate, searcher = replicated.platform.runtime.gate, replicated.searcher
    seen = {}
    for username in ("officer.essex", "officer.kent", "officer.norfolk"):
        member = await replicated.subject(username)
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


async def test_a_standby_that_stands_still_is_left_alone_until_it_goes_on(
    replicated: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "WAIT_SECONDS", 0.2)
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
        monkeypatch.undo()
    await replicated.becomes("in_use")
    assert await replicated.found("officer.kent", "Quillon Dunwoody") == [late]
    assert (await replicated.events("officer.kent"))[-1].content["standby"] == replicated.here
    assert (await replicated.reads())["behind"] >= 1


@pytest.fixture
async def overtaken(replicated: Replicated) -> AsyncIterator[Callable[[bool], Overtaken]]:
    """Yield what makes such a search, of a nominal of Essex that its agreement alone shows."""
    reference = await Desk(replicated.platform).in_force()
    nominal = await replicated.another(
        "officer.essex", "Underhill", {"markers": [{"code": "violent"}]}
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


async def test_a_killed_standby_costs_no_answer_and_comes_back_by_itself(
    replicated: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    monkeypatch.setattr(replicas, "TRY_SECONDS", 0.05)
    watching = asyncio.create_task(replicated.replicas.watch())
    try:

        async def is_in_use() -> bool:
            return replicated.replicas.states[replicated.here] == "in_use"

        await until(is_in_use)
    finally:
        watching.cancel()
    assert await replicated.found("officer.kent", "Bartleby Gallagher") == [nominal]
    assert (await replicated.events("officer.kent"))[-1].content["standby"] == replicated.here


async def test_another_standby_is_read_where_one_has_gone(
    replicated: Replicated, tmp_path: Path
) -> None:
    """Two ways lead to the one standby, and one of them goes away after it was tried."""
    store = replicated.platform.runtime.store
    place = replicated.standby.address(store.address.database)
    way = tmp_path / "way"
    way.symlink_to(place.host)
    both = replace(store, replicas=(place, replace(place, host=str(way))))
    two = Replicas(replicated.platform.runtime.database, both.standbys())
    await two.test()
    assert set(two.states.values()) == {"in_use"}
    way.unlink()
    officer = await replicated.subject("officer.suffolk")
    query, entry = asking("Nobody Known")

    async def find(consultation: Consultation) -> Found:
        return await replicated.searcher.find(consultation, query, 20)

    async def answer(_: Consultation, found: Found) -> tuple[Found, Writes]:
        return found, NOTHING

    looking = standbys.Looking(find, replicated.searcher.seen, answer)
    gate, action = replicated.platform.runtime.gate, Action.NOMINALS_SEARCH
    for _ in both.replicas:  # each is first once
        await standbys.consult(gate, two, officer, action, Purpose.INVESTIGATION, entry, looking)
        last = (await replicated.events("officer.suffolk"))[-1]
        assert last.content["standby"] == replicated.here
    await two.close()
    assert two.states == {replicated.here: "in_use", f"{way}:{place.port}": "unreachable"}


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


@pytest.mark.parametrize(
    ("said", "instead", "state"),
    [
        ("clock_timestamp()", "clock_timestamp() + interval '5 seconds'", "clock_differs"),
        ("clock_timestamp()", "clock_timestamp() - interval '1 hour'", "clock_differs"),
        ("current_database()", "'postgres'", "not_a_standby_of_this_store"),
        ("pg_current_wal_lsn()", "pg_lsn 'FFFF/0'", "behind"),
    ],
)
async def test_a_standby_is_held_against_its_primary(
    replicated: Replicated, monkeypatch: pytest.MonkeyPatch, said: str, instead: str, state: str
) -> None:
    """The primary says something else of itself, and the standby isn't used."""
    monkeypatch.setattr(replicas, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(replicas, "PRIMARY", replicas.PRIMARY.replace(said, instead))
    await replicated.becomes(state)
    monkeypatch.undo()


async def test_a_primary_is_no_standby(replicated: Replicated) -> None:
    assert replicated.replicas.states[replicated.primary] == "not_a_standby_of_this_store"
