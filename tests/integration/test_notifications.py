"""The outbox: told with the change or not at all, delivered at least once, parked when hopeless."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.clocks.service import hours_later
from athena.platform.kernel.database import Database, WriteSession
from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.identity import Role
from athena.platform.kernel.notifications import repository, service
from athena.platform.kernel.notifications.dispatcher import Dispatcher, OwnList
from athena.platform.kernel.notifications.models import (
    MOST_ATTEMPTS,
    DeliveryError,
    Message,
    delay_after,
)
from athena.platform.kernel.store import Store
from athena.platform.kernel.worklist import service as worklist
from athena.platform.kernel.worklist.models import Assignee, ItemKind
from athena.policies.agreements.founding import seed_baseline
from athena.policies.decisions.embedded import EmbeddedPoint
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.roles.service import RoleTable, seed_rules
from athena.policies.visibility.desk import make_desk
from athena.policies.visibility.service import Gate
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster
from support.waiting import until

LISTING = Entry(EventKind.CONSULTATION, "notifications.test", "A test of notifications")


class Recorder:
    """A channel to the outside that remembers what it was given, and fails as it is told."""

    def __init__(self, failures: Sequence[Exception] = ()) -> None:
        self.failures = list(failures)
        self.given: list[UUID] = []

    async def deliver(self, session: WriteSession, message: Message) -> None:
        self.given.append(message.message_id)
        if self.failures:
            raise self.failures.pop(0)


class Post:
    """A store of the test's own without a running dispatcher, and ways to look at its outbox."""

    def __init__(self, database: Database, admin: asyncpg.Connection) -> None:
        self.database = database
        self.admin = admin
        self.desk = make_desk(Gate(database, EmbeddedPoint(WasmPolicy.load()), RoleTable.load()))

    async def tell(self, recipient: Assignee, channel: str = "platform") -> None:
        subject = await subject_by_username(self.database, "officer.kent")
        async with self.desk(subject, "worklist.work", LISTING) as work:
            await service.notify(work, "something_happened", recipient, channel=channel)

    async def messages(self) -> list[dict[str, Any]]:
        rows = await self.admin.fetch("SELECT * FROM work.message ORDER BY created_at")
        return [dict(row) for row in rows]

    async def make_due(self) -> None:
        await self.admin.execute("UPDATE work.message SET next_attempt_at = now()")

    async def told(self, username: str) -> int:
        subject = await subject_by_username(self.database, username)
        async with self.desk(subject, "notifications.read", LISTING) as work:
            return len(await service.list_notifications(work))


@pytest.fixture
async def post(fresh_store: Store, cluster: Cluster) -> AsyncIterator[Post]:
    database = fresh_store.database()
    await seed_baseline(database)
    await seed_rules(database)
    admin = await cluster.admin(fresh_store.address.database)
    try:
        yield Post(database, admin)
    finally:
        await admin.close()
        await database.close()


SUPERVISORS = Assignee(role=Role.SUPERVISOR)


async def test_a_message_reaches_whoever_it_is_meant_for(post: Post) -> None:
    await post.tell(SUPERVISORS)
    assert await post.told("supervisor.kent") == 0
    assert await Dispatcher(post.database).deliver_due() == 1
    assert await post.told("supervisor.kent") == 1
    for other in ("officer.kent", "dpo.kent", "supervisor.essex"):
        assert await post.told(other) == 0
    (message,) = await post.messages()
    assert (message["state"], message["attempts"]) == ("delivered", 1)


async def test_a_message_of_a_transaction_that_fails_is_never_sent(post: Post) -> None:
    subject = await subject_by_username(post.database, "officer.kent")

    async def tell_and_fail() -> None:
        async with post.desk(subject, "worklist.work", LISTING) as work:
            await service.notify(work, "something_happened", SUPERVISORS)
            raise NotFoundError("Something else failed.")

    with pytest.raises(NotFoundError):
        await tell_and_fail()
    assert await post.messages() == []


async def test_opening_an_item_tells_its_assignee(post: Post) -> None:
    subject = await subject_by_username(post.database, "officer.kent")
    due = hours_later(datetime.now(UTC), 1)
    async with post.desk(subject, "worklist.work", LISTING) as work:
        item = await worklist.open_item(work, ItemKind.RECORD_QUALITY, SUPERVISORS, due)
    await Dispatcher(post.database).deliver_due()
    supervisor = await subject_by_username(post.database, "supervisor.kent")
    async with post.desk(supervisor, "notifications.read", LISTING) as work:
        (told,) = await service.list_notifications(work)
    assert (told.item_id, told.kind) == (item, "record_quality")


async def test_delivered_twice_it_stands_on_the_list_once(post: Post) -> None:
    await post.tell(SUPERVISORS)
    async with post.database.write(repository.OUTBOX_LOGIN) as session:
        message = await repository.take_next(session)
        assert message is not None
        await OwnList().deliver(session, message)
        await OwnList().deliver(session, message)
    assert await Dispatcher(post.database).deliver_due() == 1  # as after a death before the note
    assert await post.told("supervisor.kent") == 1


async def test_what_fails_is_tried_again_later(post: Post) -> None:
    await post.tell(SUPERVISORS, "recorder")
    channel = Recorder([DeliveryError("busy"), ConnectionError("with words about a person")])
    dispatcher = Dispatcher(post.database, {"recorder": channel})
    assert await dispatcher.deliver_due() == 1
    (message,) = await post.messages()
    assert (message["state"], message["attempts"], message["last_error"]) == ("pending", 1, "busy")
    assert message["next_attempt_at"] > datetime.now(UTC)
    assert await dispatcher.deliver_due() == 0
    await post.make_due()
    assert await dispatcher.deliver_due() == 1
    (message,) = await post.messages()
    assert message["last_error"] == "ConnectionError"
    await post.make_due()
    await dispatcher.deliver_due()
    (message,) = await post.messages()
    assert (message["state"], message["attempts"]) == ("delivered", 3)
    assert channel.given == [message["message_id"]] * 3


@pytest.mark.parametrize(
    ("channel", "failures", "attempts", "code"),
    [
        ("recorder", [DeliveryError("refused", for_good=True)], 1, "refused"),
        ("recorder", [DeliveryError("busy")] * MOST_ATTEMPTS, MOST_ATTEMPTS, "busy"),
        ("pigeon", [], 1, "no_such_channel"),
    ],
)
async def test_what_fails_for_good_is_parked(
    post: Post, channel: str, failures: list[Exception], attempts: int, code: str
) -> None:
    await post.tell(SUPERVISORS, channel)
    dispatcher = Dispatcher(post.database, {"recorder": Recorder(failures)})
    for _ in range(attempts):
        await post.make_due()
        assert await dispatcher.deliver_due() == 1
    await post.make_due()
    assert await dispatcher.deliver_due() == 0
    (message,) = await post.messages()
    assert (message["state"], message["attempts"], message["last_error"]) == (
        "parked",
        attempts,
        code,
    )


async def test_a_poisonous_message_doesnt_hold_up_the_others(post: Post) -> None:
    await post.tell(Assignee(member=uuid4()))
    await post.tell(SUPERVISORS)
    assert await Dispatcher(post.database).deliver_due() == 2
    assert await post.told("supervisor.kent") == 1
    assert {message["last_error"] for message in await post.messages()} == {"no_recipient", None}


async def test_two_dispatchers_never_deliver_the_same_message_at_once(post: Post) -> None:
    for _ in range(6):
        await post.tell(SUPERVISORS, "recorder")
    channel = Recorder()
    dispatchers = [Dispatcher(post.database, {"recorder": channel}) for _ in range(2)]
    counts = await asyncio.gather(*(each.deliver_due() for each in dispatchers))
    assert sum(counts) == 6
    assert len(set(channel.given)) == len(channel.given) == 6


async def test_one_that_dies_midway_leaves_the_message_as_it_was(post: Post) -> None:
    class Dying:
        async def deliver(self, session: WriteSession, message: Message) -> None:
            raise asyncio.CancelledError

    await post.tell(SUPERVISORS, "recorder")
    with pytest.raises(asyncio.CancelledError):
        await Dispatcher(post.database, {"recorder": Dying()}).deliver_due()
    (message,) = await post.messages()
    assert (message["state"], message["attempts"]) == ("pending", 0)
    channel = Recorder()
    await Dispatcher(post.database, {"recorder": channel}).deliver_due()
    assert channel.given == [message["message_id"]]


async def test_what_was_delivered_long_ago_is_forgotten(post: Post) -> None:
    for channel in ("platform", "pigeon", "platform"):
        await post.tell(SUPERVISORS, channel)
    await Dispatcher(post.database).deliver_due()
    await post.admin.execute(
        "UPDATE work.message SET finished_at = now() - interval '31 days' "
        "WHERE message_id <> (SELECT max(message_id::text)::uuid FROM work.message "
        "WHERE state = 'delivered')"
    )
    async with post.database.write(repository.OUTBOX_LOGIN) as session:
        assert await repository.forget_delivered(session) == 1
    assert sorted(each["state"] for each in await post.messages()) == ["delivered", "parked"]


@given(st.integers(1, 200))
def test_each_failure_waits_longer_up_to_a_bound(attempts: int) -> None:
    assert delay_after(attempts) <= delay_after(attempts + 1) <= timedelta(hours=2)
    assert delay_after(attempts) >= timedelta(seconds=15)


async def test_the_running_server_delivers_by_itself(platform: Platform) -> None:
    subject = await subject_by_username(platform.runtime.database, "officer.suffolk")
    async with platform.runtime.desk(subject, "worklist.work", LISTING) as work:
        await service.notify(work, "something_happened", SUPERVISORS)
    headers = await platform.headers("supervisor.suffolk")

    async def unread() -> list[dict[str, Any]]:
        answer = await platform.client.get("/api/v1/notifications?unread=true", headers=headers)
        found: list[dict[str, Any]] = answer.json()
        return found

    async def is_told() -> bool:
        return bool(await unread())

    await until(is_told)
    (told,) = await unread()
    assert told["tells"] == "Something happened."
    url = f"/api/v1/notifications/{told['id']}/read"
    stranger = await platform.headers("supervisor.norfolk")
    assert (await platform.client.post(url, headers=stranger)).status_code == 404
    assert (await platform.client.post(url, headers=headers)).status_code == 204
    assert await unread() == []
    (read,) = (await platform.client.get("/api/v1/notifications", headers=headers)).json()
    assert read["read_at"] is not None
