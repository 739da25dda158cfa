"""The worklist: who sees an item, who may do what with it, and that all of it is in the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.clocks.service import hours_later
from athena.platform.kernel.desk import OpenChange
from athena.platform.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import Role, Subject, TenantId
from athena.platform.kernel.worklist import service
from athena.platform.kernel.worklist.models import (
    Assignee,
    Item,
    ItemKind,
    ItemState,
    RecordReference,
)
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster

SUPERVISORS = Assignee(role=Role.SUPERVISOR)


@asynccontextmanager
async def at_desk(platform: Platform, username: str) -> AsyncIterator[OpenChange]:
    """Open a member's logged work."""
    subject = await who(platform, username)
    entry = Entry(EventKind.CONSULTATION, "worklist.test", "A test of the worklist")
    async with platform.runtime.desk(subject, "worklist.work", entry) as work:
        yield work


async def who(platform: Platform, username: str) -> Subject:
    return await subject_by_username(platform.runtime.database, username)


async def open_one(
    platform: Platform,
    username: str = "officer.kent",
    kind: ItemKind = ItemKind.RECORD_QUALITY,
    assignee: Assignee = SUPERVISORS,
    hours: int = 24,
) -> UUID:
    """Open an item about some record."""
    async with at_desk(platform, username) as work:
        record = RecordReference("nominal", work.subject.tenant_id, uuid4())
        due = hours_later(datetime.now(UTC), hours)
        return await service.open_item(work, kind, assignee, due, record)


async def seen_by(platform: Platform, username: str, item_id: UUID) -> bool:
    """Whether a member's list has an item, through the API."""
    answer = await platform.client.get(
        "/api/v1/worklist?limit=200", headers=await platform.headers(username)
    )
    assert answer.status_code == 200, answer.text
    return str(item_id) in {item["id"] for item in answer.json()}


async def events(cluster: Cluster, platform: Platform, item_id: UUID) -> list[dict[str, Any]]:
    """Return the events about an item, the oldest first, with the words of each."""
    admin: asyncpg.Connection = await cluster.admin(platform.runtime.store.address.database)
    try:
        rows = await admin.fetch(
            "SELECT e.action, e.kind, e.username, e.xid, c.reason FROM audit.event AS e "
            "JOIN audit.content AS c ON c.at = e.at AND c.event_id = e.event_id "
            "WHERE c.content ->> 'item' = $1 ORDER BY e.at, e.kind DESC",
            str(item_id),
        )
    finally:
        await admin.close()
    return [dict(row) for row in rows]


class TestSeeing:
    async def test_a_roles_item_is_seen_by_the_role_and_by_its_opener(
        self, platform: Platform
    ) -> None:
        item = await open_one(platform)
        assert await seen_by(platform, "supervisor.kent", item)
        assert await seen_by(platform, "officer.kent", item)
        for other in ("dpo.kent", "records.kent", "supervisor.essex", "officer.essex"):
            assert not await seen_by(platform, other, item)

    async def test_a_members_item_is_theirs(self, platform: Platform) -> None:
        member = (await who(platform, "records.kent")).member_id
        item = await open_one(platform, assignee=Assignee(member=member))
        assert await seen_by(platform, "records.kent", item)
        assert not await seen_by(platform, "supervisor.kent", item)

    async def test_a_teams_item_is_seen_by_whoever_is_in_the_team(self, platform: Platform) -> None:
        item = await open_one(platform, assignee=Assignee(team="burglary"))
        member = (await who(platform, "dpo.kent")).member_id
        assert not await seen_by(platform, "dpo.kent", item)
        async with at_desk(platform, "admin.kent") as work:
            await service.join_team(work, "burglary", member)
            await service.join_team(work, "burglary", member)
        assert await seen_by(platform, "dpo.kent", item)
        async with at_desk(platform, "admin.kent") as work:
            await service.leave_team(work, "burglary", member)
        assert not await seen_by(platform, "dpo.kent", item)

    async def test_the_most_urgent_comes_first(self, platform: Platform) -> None:
        later = await open_one(platform, "officer.norfolk", hours=48)
        sooner = await open_one(platform, "officer.norfolk", hours=2)
        async with at_desk(platform, "supervisor.norfolk") as work:
            found = [item.item_id for item in await service.list_items(work)]
        assert found.index(sooner) < found.index(later)

    async def test_whoever_has_no_worklist_is_refused(self, platform: Platform) -> None:
        answer = await platform.client.get(
            "/api/v1/worklist", headers=await platform.headers("auditor")
        )
        assert answer.status_code == 403


class TestWorking:
    async def test_an_item_goes_from_open_to_claimed_to_done(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        item = await open_one(platform)
        headers = await platform.headers("supervisor.kent")
        url = f"/api/v1/worklist/{item}"
        claimed = await platform.client.post(f"{url}/claim", json={"version": 1}, headers=headers)
        assert (claimed.status_code, claimed.json()["state"]) == (200, "claimed")
        back = await platform.client.post(f"{url}/release", json={"version": 2}, headers=headers)
        assert (back.status_code, back.json()["state"]) == (200, "open")
        body = {"version": 3, "outcome": "put_right", "reason": "The date was mistyped"}
        done = await platform.client.post(f"{url}/close", json=body, headers=headers)
        assert done.status_code == 200, done.text
        assert (done.json()["state"], done.json()["outcome"]) == ("done", "put_right")
        assert done.json()["closed_by"] == str((await who(platform, "supervisor.kent")).member_id)
        assert not await seen_by(platform, "supervisor.kent", item)
        logged = [(each["action"], each["kind"]) for each in await events(cluster, platform, item)]
        assert logged == [
            ("worklist.open", "alteration"),
            ("worklist.claim", "consultation"),
            ("worklist.claimed", "alteration"),
            ("worklist.release", "consultation"),
            ("worklist.open", "alteration"),
            ("worklist.close", "consultation"),
            ("worklist.done", "alteration"),
        ]
        reasons = {each["reason"] for each in await events(cluster, platform, item)}
        assert "The date was mistyped" in reasons

    async def test_of_two_who_claim_at_once_one_gets_it(self, platform: Platform) -> None:
        item = await open_one(platform, assignee=Assignee(team="twins"))
        async with at_desk(platform, "admin.kent") as work:
            for username in ("dpo.kent", "records.kent"):
                await service.join_team(work, "twins", (await who(platform, username)).member_id)

        async def claim(username: str) -> Item:
            async with at_desk(platform, username) as work:
                return await service.claim(work, item)

        results = await asyncio.gather(
            claim("dpo.kent"), claim("records.kent"), return_exceptions=True
        )
        assert sorted(type(result).__name__ for result in results) == ["ConflictError", "Item"]

    async def test_a_colleague_cant_close_what_is_claimed(self, platform: Platform) -> None:
        item = await open_one(platform, assignee=Assignee(team="pair"))
        async with at_desk(platform, "admin.kent") as work:
            for username in ("dpo.kent", "records.kent"):
                await service.join_team(work, "pair", (await who(platform, username)).member_id)
        async with at_desk(platform, "dpo.kent") as work:
            await service.claim(work, item)
        with pytest.raises(ConflictError, match="given back"):
            async with at_desk(platform, "records.kent") as work:
                await service.close(work, item, "put_right")
        async with at_desk(platform, "records.kent") as work:
            assert (await service.release(work, item)).state is ItemState.OPEN
            assert (await service.close(work, item, "put_right")).state is ItemState.DONE

    async def test_an_older_version_is_a_conflict(self, platform: Platform) -> None:
        item = await open_one(platform)
        async with at_desk(platform, "supervisor.kent") as work:
            await service.claim(work, item, 1)
        with pytest.raises(ConflictError, match="changed"):
            async with at_desk(platform, "supervisor.kent") as work:
                await service.close(work, item, "put_right", 1)

    async def test_an_outcome_that_the_kind_doesnt_know_is_refused(
        self, platform: Platform
    ) -> None:
        item = await open_one(platform)
        with pytest.raises(InvalidInputError, match="put_right, nothing_wrong"):
            async with at_desk(platform, "supervisor.kent") as work:
                await service.close(work, item, "forgotten")

    async def test_what_is_closed_stays_closed(self, platform: Platform) -> None:
        item = await open_one(platform)
        async with at_desk(platform, "supervisor.kent") as work:
            assert (await service.cancel(work, item)).state is ItemState.CANCELLED
        for step in (service.claim, service.release, service.cancel):
            with pytest.raises(ConflictError):
                async with at_desk(platform, "supervisor.kent") as work:
                    await step(work, item)

    async def test_the_opener_watches_and_doesnt_work_on_it(self, platform: Platform) -> None:
        item = await open_one(platform)
        with pytest.raises(RefusedError, match="theirs"):
            async with at_desk(platform, "officer.kent") as work:
                await service.claim(work, item)

    async def test_a_stranger_learns_nothing(self, platform: Platform) -> None:
        item = await open_one(platform)
        for target in (item, uuid4()):
            answer = await platform.client.get(
                f"/api/v1/worklist/{target}", headers=await platform.headers("officer.essex")
            )
            assert answer.status_code == 404


class TestFourEyes:
    async def test_whoever_opened_it_cant_decide_on_it(self, platform: Platform) -> None:
        item = await open_one(platform, "supervisor.kent", ItemKind.BREAK_GLASS_REVIEW)
        for attempt in (service.claim, partial(service.close, outcome="justified")):
            with pytest.raises(RefusedError, match="somebody else"):
                async with at_desk(platform, "supervisor.kent") as work:
                    await attempt(work, item)

    async def test_it_cant_be_cancelled(self, platform: Platform) -> None:
        item = await open_one(platform, kind=ItemKind.BREAK_GLASS_REVIEW)
        with pytest.raises(RefusedError, match="cancelled"):
            async with at_desk(platform, "supervisor.kent") as work:
                await service.cancel(work, item)
        async with at_desk(platform, "supervisor.kent") as work:
            assert (await service.close(work, item, "justified")).state is ItemState.DONE


class TestTellingAnotherForce:
    async def test_the_owner_gets_an_item_in_the_same_transaction(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        essex = (await who(platform, "officer.essex")).tenant_id
        record = RecordReference("nominal", essex, uuid4())
        due = hours_later(datetime.now(UTC), 72)
        notice, role = ItemKind.BREAK_GLASS_NOTICE, Role.DATA_PROTECTION_OFFICER
        async with at_desk(platform, "officer.kent") as work:
            item = await service.tell_owner(work, notice, record, role, due)
        assert await seen_by(platform, "dpo.essex", item)
        for other in ("supervisor.essex", "officer.kent", "dpo.kent"):
            assert not await seen_by(platform, other, item)
        async with at_desk(platform, "dpo.essex") as work:
            shown = await service.show(work, item)
            assert shown.record == record
            assert (await service.close(work, item, "noted")).state is ItemState.DONE
        first, *_ = await events(cluster, platform, item)
        assert (first["action"], first["username"]) == ("worklist.open", "officer.kent")

    async def test_what_rolls_back_tells_nobody(self, platform: Platform) -> None:
        essex = (await who(platform, "officer.essex")).tenant_id
        record = RecordReference("nominal", essex, uuid4())
        due = hours_later(datetime.now(UTC), 72)
        notice, made = ItemKind.BREAK_GLASS_NOTICE, []

        async def tell_and_fail() -> None:
            async with at_desk(platform, "officer.kent") as work:
                made.append(await service.tell_owner(work, notice, record, Role.SUPERVISOR, due))
                raise NotFoundError("Something else failed.")

        with pytest.raises(NotFoundError):
            await tell_and_fail()
        assert not await seen_by(platform, "supervisor.essex", made[0])

    @pytest.mark.parametrize(
        ("kind", "owner"),
        [(ItemKind.RECORD_QUALITY, "essex"), (ItemKind.BREAK_GLASS_NOTICE, "kent")],
    )
    async def test_no_other_kind_crosses_and_none_to_oneself(
        self, platform: Platform, kind: ItemKind, owner: str
    ) -> None:
        force: TenantId = (await who(platform, f"officer.{owner}")).tenant_id
        record = RecordReference("nominal", force, uuid4())
        due = hours_later(datetime.now(UTC), 72)
        with pytest.raises(InvalidInputError):
            async with at_desk(platform, "officer.kent") as work:
                await service.tell_owner(work, kind, record, Role.SUPERVISOR, due)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("claim", {}),
        ("claim", {"version": 0}),
        ("close", {"version": 1, "outcome": "put_right", "reason": "x"}),
        ("close", {"version": 1, "outcome": "put_right"}),
        ("close", {"version": 1, "outcome": "put_right", "reason": "good", "more": 1}),
    ],
)
async def test_bad_input_is_a_problem(platform: Platform, path: str, body: dict[str, Any]) -> None:
    item = await open_one(platform)
    answer = await platform.client.post(
        f"/api/v1/worklist/{item}/{path}",
        json=body,
        headers=await platform.headers("supervisor.kent"),
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
