"""The whole life of a release over the API: by the right people, ring by ring, and back out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.api import Platform
from support.cluster import Cluster
from support.governance import AMO, RULE, WHY, constitution
from support.releases import ENOUGH, FEATURE, Rollouts, opened_rollouts, plan, ring, window


@pytest.fixture(scope="module")
async def rollouts(platform: Platform, cluster: Cluster) -> AsyncIterator[Rollouts]:
    """Yield the API with an approved entry of the catalogue, for changes that need no vote."""
    async with opened_rollouts(platform, cluster) as opened:
        yield opened


@pytest.fixture(autouse=True)
async def ended(rollouts: Rollouts) -> AsyncIterator[None]:
    """End every release after its test, so that the next may switch the same features."""
    yield
    await rollouts.end_all()


class TestLife:
    async def test_from_its_draft_to_its_close(
        self, rollouts: Rollouts, platform: Platform
    ) -> None:
        begun = await rollouts.admin.fetchval("SELECT clock_timestamp()")
        change = await rollouts.change()
        name = await rollouts.drafted(plan(change))
        chamber = rollouts.chamber
        await rollouts.do(name, "plan")
        assert await chamber.state(change) == "authorised"
        await rollouts.confirmed(name)
        await rollouts.do(name, "approve")
        assert await chamber.state(change) == "scheduled"
        await rollouts.do(name, "begin")
        assert await chamber.state(change) == "implement"
        assert await rollouts.has("kent", "essex") == {"kent": False, "essex": False}
        await rollouts.do(name, "rings/1/notify")
        await rollouts.do(name, "rings/1/go-live")
        assert await rollouts.has("kent", "essex") == {"kent": True, "essex": False}
        await rollouts.do(name, "rings/2/notify")
        await rollouts.served("kent", ENOUGH)
        judged = await rollouts.do(name, "rings/1/judge")
        assert judged["outcome"] == "pass"
        live = await rollouts.do(name, "rings/2/go-live")
        assert live["state"] == "live"
        assert await rollouts.has("kent", "essex") == {"kent": True, "essex": True}
        reviewed = await rollouts.do(name, "review", findings="Nobody rang the desk.")
        assert reviewed["state"] == "reviewed"
        assert await chamber.state(change) == "review"
        said = (await chamber.get("auditor", f"changes/{change}")).json()["entries"]
        assert [entry["document"]["step"] for entry in said if entry["kind"] == "step"][-3:] == [
            "schedule",
            "begin",
            "finish",
        ]
        assert said[-1]["document"]["text"] == f"Review of {name}: Nobody rang the desk."
        closed = await rollouts.do(name, "close")
        assert (closed["state"], closed["can"]) == ("closed", [])
        assert await rollouts.has("kent", "essex") == {"kent": True, "essex": True}
        async with platform.runtime.database.read("athena_auditor") as session:
            acts = await session.rows(
                "SELECT e.action, e.username FROM audit.event AS e JOIN audit.content AS c "
                "USING (at, event_id) WHERE c.reason = :why AND e.action LIKE "
                "'governance.releases.%' AND e.kind <> 'refusal' AND e.at >= :begun "
                "ORDER BY e.at",
                {"why": WHY, "begun": begun},
            )
        assert [row.action.removeprefix("governance.releases.") for row in acts] == [
            "draft",
            "plan",
            *["confirm"] * 3,
            "approve",
            "begin",
            "ring_notify",
            "ring_go_live",
            "ring_notify",
            "judge",
            "ring_go_live",
            "review",
            "close",
        ]
        assert {row.username for row in acts} == {AMO}

    async def test_its_forces_are_told(self, rollouts: Rollouts, platform: Platform) -> None:
        name = await rollouts.rolling()
        await rollouts.do(name, "rings/1/go-live")
        await rollouts.do(name, "back-out")
        await platform.delivered()
        for account in ("admin.kent", "board.kent"):
            answer = await platform.client.get(
                "/api/v1/notifications", headers=await platform.headers(account)
            )
            told = {item["tells"] for item in answer.json()}
            assert {
                "A release is coming to your force.",
                "A release is live for your force.",
                "A release was backed out for your force.",
            } <= told
        notices = [e for e in (await rollouts.show(name))["entries"] if e["kind"] == "notice"]
        assert [item["document"]["forces"] for item in notices] == [
            ["kent"],
            ["essex"],
            ["kent"],
            ["kent"],
        ]

    async def test_only_the_right_people(self, rollouts: Rollouts) -> None:
        name = await rollouts.drafted()
        chamber = rollouts.chamber
        for account in ("admin.kent", "board.kent", "auditor", "amo.finance"):
            drafting = await chamber.post(account, "releases", document=plan("CR-0001"))
            assert drafting.status_code == 403, account
            await rollouts.refused(name, "plan", 403, "AMO administrator", account=account)
        assert (await chamber.get("officer.kent", f"releases/{name}")).status_code == 403
        await rollouts.do(name, "plan")
        for account in (AMO, "board.kent", "auditor"):
            await rollouts.refused(name, "objections", 403, account=account)
        await rollouts.refused(name, "objections", 403, account="admin.norfolk")
        for account in (AMO, "board.kent", "auditor", "officer.kent"):
            filed = await chamber.post(account, "releases/black-outs", title="Fair", **window())
            assert filed.status_code == 403, account


class TestBackOut:
    async def test_one_command_gives_everything_back(self, rollouts: Rollouts) -> None:
        change = await rollouts.change()
        name = await rollouts.rolling(plan(change))
        await rollouts.do(name, "rings/1/go-live")
        await rollouts.served("kent", ENOUGH)
        await rollouts.do(name, "rings/2/go-live")
        after = await rollouts.do(name, "back-out")
        assert (after["state"], {item["state"] for item in after["rings"]}) == (
            "backed_out",
            {"backed_out"},
        )
        assert await rollouts.has("kent", "essex") == {"kent": False, "essex": False}
        assert await rollouts.chamber.state(change) == "authorised"
        await rollouts.do(name, "review", findings="The queue filled up.")
        said = (await rollouts.chamber.get("auditor", f"changes/{change}")).json()
        assert said["state"] == "authorised"
        assert said["entries"][-1]["document"]["text"].endswith("The queue filled up.")
        again = await rollouts.rolling(plan(change))
        await rollouts.do(again, "rings/1/go-live")
        assert await rollouts.has("kent", "essex") == {"kent": True, "essex": False}

    async def test_a_change_that_was_moved_by_hand_stands_in_nobody_s_way(
        self, rollouts: Rollouts
    ) -> None:
        change = await rollouts.change()
        name = await rollouts.rolling(plan(change))
        await rollouts.do(name, "rings/1/go-live")
        await rollouts.chamber.done(AMO, f"changes/{change}/finish", result="backed_out")
        await rollouts.do(name, "back-out")
        assert await rollouts.chamber.state(change) == "review"
        assert (await rollouts.has("kent"))["kent"] is False

    async def test_one_ring_holds_the_release(self, rollouts: Rollouts) -> None:
        name = await rollouts.rolling()
        await rollouts.do(name, "rings/1/go-live")
        await rollouts.do(name, "rings/1/back-out")
        assert await rollouts.state_of(name) == ("held", ["backed_out", "notified"])
        assert await rollouts.has("kent", "essex") == {"kent": False, "essex": False}
        await rollouts.do(name, "resume")
        await rollouts.do(name, "rings/1/notify")
        await rollouts.do(name, "rings/1/go-live")
        assert (await rollouts.has("kent"))["kent"] is True


class TestAnother:
    """A second release of a feature whose first one is through."""

    async def by(self, rollouts: Rollouts) -> dict[str, tuple[bool, str]]:
        """Return who has the feature, and by which release that was settled."""
        answer = await rollouts.chamber.get("auditor", "features")
        (feature,) = (item for item in answer.json() if item["name"] == FEATURE)
        return {
            item["force"]: (item["on"], item["release"])
            for item in feature["forces"]
            if item["release"] is not None
        }

    async def test_it_governs_and_backing_out_gives_back_what_the_first_left(
        self, rollouts: Rollouts
    ) -> None:
        first = await rollouts.finished("kent", "essex")
        left = await rollouts.has("kent", "essex", "norfolk")
        assert left == {"kent": True, "essex": True}
        rings = [ring("kent"), ring("norfolk"), ring("essex")]
        second = await rollouts.rolling(plan(await rollouts.change(), rings=rings))
        begun = await rollouts.has("kent", "essex", "norfolk")
        assert begun == {"kent": False, "essex": False, "norfolk": False}
        await rollouts.do(second, "rings/1/go-live")
        await rollouts.served("kent", ENOUGH)
        await rollouts.do(second, "rings/2/go-live")
        assert (await self.by(rollouts))["kent"] == (True, second)
        await rollouts.do(second, "back-out")
        assert await self.by(rollouts) == {
            "kent": (True, first),
            "norfolk": (False, second),
            "essex": (True, first),
        }
        third = await rollouts.finished("kent")
        assert (await self.by(rollouts))["kent"] == (True, third)

    async def test_one_ring_too(self, rollouts: Rollouts) -> None:
        first = await rollouts.finished("kent")
        second = await rollouts.rolling()
        await rollouts.do(second, "rings/1/go-live")
        await rollouts.do(second, "rings/1/back-out")
        assert (await self.by(rollouts))["kent"] == (True, first)
        assert (await self.by(rollouts))["essex"] == (False, second)

    async def test_what_the_first_took_back_stays_off(self, rollouts: Rollouts) -> None:
        first = await rollouts.rolling()
        await rollouts.do(first, "rings/1/go-live")
        await rollouts.do(first, "back-out")
        second = await rollouts.rolling()
        await rollouts.do(second, "rings/1/go-live")
        await rollouts.do(second, "back-out")
        assert await rollouts.has("kent", "essex") == {"kent": False, "essex": False}


RING_PATHS = ("notify", "go-live", "hold", "resume", "back-out", "go-live")
PATHS = [
    *(f"rings/{number}/{path}" for number in (1, 2, 3) for path in RING_PATHS),
    *("begin", "hold", "resume", "back-out", "revise", "cancel"),
]
BEGUN = {"rolling", "held", "live", "backed_out"}


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.sampled_from(PATHS), min_size=10, max_size=20), rolled=st.integers(0, 3))
async def test_a_force_has_a_feature_exactly_if_its_ring_is_live(
    rollouts: Rollouts, steps: list[str], rolled: int
) -> None:
    """Whatever is asked of the API, what the store says and what forces have are the same."""
    forces = ("kent", "essex", "norfolk")
    document = plan(await rollouts.change(), rings=[ring(force) for force in forces])
    name = await rollouts.rolling(document)
    for force in forces:
        await rollouts.served(force, ENOUGH, alone=force == "kent")
    for path in (*(f"rings/{number}/go-live" for number in range(1, rolled + 1)), *steps):
        answer = await rollouts.chamber.post(AMO, f"releases/{name}/{path}")
        assert answer.status_code in (200, 409), answer.text
        view = await rollouts.show(name)
        assert view["state"] in BEGUN
        assert await rollouts.has(*forces) == {
            item["forces"][0]: item["state"] == "live" for item in view["rings"]
        }
    if view["state"] != "backed_out":
        await rollouts.do(name, "back-out")


class TestVotes:
    async def test_who_must_vote_decides_on_this_plan(self, rollouts: Rollouts) -> None:
        chamber = rollouts.chamber
        rules = [*constitution()["rules"], {"decision": "release", **RULE}]
        board = await chamber.body(rules=rules)
        try:
            name = await rollouts.drafted()
            await rollouts.do(name, "plan")
            await rollouts.refused(name, "approve", 409, "A test's board")

            async def voted(choice: str) -> None:
                asked = await rollouts.do(name, "ask")
                vote = asked["entries"][-2]["document"]["vote"]
                for force in ("kent", "essex", "norfolk", "suffolk", "west-mercia"):
                    await chamber.cast(vote, f"board.{force}", choice)
                await rollouts.refused(name, "approve", 409, "A test's board")
                await chamber.done(AMO, f"votes/{vote}/close")

            await voted("against")
            await rollouts.refused(name, "approve", 409, "A test's board")
            await voted("for")
            await rollouts.refused(name, "ask", 409, "no body left")
            await rollouts.do(name, "approve")
            await rollouts.do(name, "revise")
            changes = (await rollouts.show(name))["document"]["changes"]
            await rollouts.do(name, "versions", document=plan(*changes, title="Another plan"))
            await rollouts.do(name, "plan")
            await rollouts.refused(name, "approve", 409, "A test's board")
        finally:
            await chamber.done(AMO, f"bodies/{board}/constitutions", constitution=constitution())


class TestCalendar:
    async def test_rings_black_outs_and_votes(self, rollouts: Rollouts, platform: Platform) -> None:
        chamber = rollouts.chamber
        filed = await chamber.done(
            "admin.essex",
            "releases/black-outs",
            title="Clocks go back <b>",
            begins="2027-10-30T23:00:00Z",
            ends="2027-11-01T00:00:00Z",
        )
        change = await rollouts.change()
        when = {"begins": "2027-10-29T20:00:00Z", "ends": "2027-10-30T02:00:00Z"}
        name = await rollouts.drafted(plan(change, rings=[ring("essex", window=when)]))
        query = "first=2027-10-01&last=2027-10-31"
        shown = (await chamber.get("auditor", f"releases/calendar?{query}")).json()
        assert [item["kind"] for item in shown["happenings"]] == ["black_out"]
        await rollouts.do(name, "plan")
        shown = (await chamber.get("board.kent", f"releases/calendar?{query}")).json()
        assert [
            (item["kind"], item["first_day"], item["last_day"]) for item in shown["happenings"]
        ] == [
            ("ring", "2027-10-29", "2027-10-30"),
            ("black_out", "2027-10-31", "2027-10-31"),
        ]
        vote = await chamber.opened(await chamber.body(), await chamber.assessed())
        today = (await chamber.get("auditor", "releases/calendar")).json()["happenings"]
        assert "Shall it be done?" in {item["title"] for item in today if item["kind"] == "vote"}
        too_long = await chamber.get(AMO, "releases/calendar?first=2027-01-01&last=2030-01-01")
        assert too_long.status_code == 422
        page = await self.page(platform, "board.kent", query)
        assert page.status_code == 200
        assert "29 October 2027, 21:00 BST" in page.text
        assert "1 November 2027, 00:00 GMT" in page.text
        assert "Clocks go back &lt;b&gt;" in page.text
        assert (await self.page(platform, "officer.kent", query)).status_code == 403
        for account, sees in (("board.kent", True), ("auditor", True), ("officer.kent", False)):
            other = await self.page(platform, account, path="/")
            assert other.status_code == 200
            assert ('href="/governance/calendar"' in other.text) is sees, account
        await chamber.done(AMO, f"votes/{vote}/cancel")
        await chamber.done("admin.essex", f"releases/black-outs/{filed['id']}/withdraw")

    async def page(
        self, platform: Platform, account: str, query: str = "", path: str = "/governance/calendar"
    ) -> Any:
        token = (await platform.headers(account))["Authorization"].removeprefix("Bearer ")
        return await platform.client.get(
            f"{path}?{query}", headers={"Cookie": f"athena_session={token}"}
        )
