"""What stands in the way of a release is said, and what is refused changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.api import Platform
from support.cluster import Cluster
from support.governance import AMO, WHY
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


class TestRefused:
    async def test_no_way_back_and_no_health_budget(self, rollouts: Rollouts) -> None:
        document = plan(await rollouts.change(), way_back=None, health=None, checklist=[])
        name = await rollouts.drafted(document)
        await rollouts.refused(
            name, "plan", 409, "backing out", "health budget", "training", "pre-live"
        )
        amended = await rollouts.do(name, "versions", document=plan(*document["changes"]))
        assert amended["version"] == 2
        await rollouts.do(name, "plan")

    async def test_data_that_cannot_be_undone_is_recovered_forward(
        self, rollouts: Rollouts
    ) -> None:
        recovery = {"kind": "forward_recovery", "plan": "Convert again from the kept copies."}
        change = await rollouts.change(irreversible_data=True, way_back=recovery)
        name = await rollouts.drafted(plan(change))
        await rollouts.refused(name, "plan", 409, change, "forward recovery")
        await rollouts.do(name, "versions", document=plan(change, way_back=recovery))
        await rollouts.do(name, "plan")

    @pytest.mark.parametrize(
        ("changed", "told"),
        [
            ({"features": ["time-travel"]}, "time-travel"),
            ({"changes": ["CR-9999"]}, "CR-9999"),
            ({"rings": [ring("atlantis")]}, "atlantis"),
            ({"rings": [ring("kent"), ring("kent")]}, "kent"),
            ({"rings": [ring("kent"), ring("essex", window=window(-9))]}, "ahead"),
            ({"rings": []}, "rings"),
            ({"surprise": True}, "surprise"),
        ],
    )
    async def test_a_plan_that_is_wrong(
        self, rollouts: Rollouts, changed: dict[str, Any], told: str
    ) -> None:
        before = (await rollouts.chamber.get(AMO, "releases")).json()
        document = plan("CR-0001") | changed
        answer = await rollouts.chamber.post(AMO, "releases", document=document)
        assert answer.status_code == 422
        assert told in answer.text
        assert (await rollouts.chamber.get(AMO, "releases")).json() == before

    async def test_black_outs(self, rollouts: Rollouts) -> None:
        """Neither planned into one, nor told, nor live in one; and out of it once withdrawn."""
        chamber = rollouts.chamber

        async def black_out(**when: str) -> str:
            filed = await chamber.done(
                "admin.kent", "releases/black-outs", title="Notting Hill carnival", **when
            )
            return str(filed["id"])

        async def withdrawn(black_out_id: str) -> None:
            await chamber.done("admin.kent", f"releases/black-outs/{black_out_id}/withdraw")

        filed = await black_out(**window(3, 1))
        name = await rollouts.drafted()
        await rollouts.refused(name, "plan", 409, "Ring 1", "kent", "Notting Hill carnival")
        await withdrawn(filed)
        await rollouts.do(name, "plan")
        filed = await black_out(**window(3, 1))
        await rollouts.refused(name, "approve", 409, "Notting Hill carnival")
        await withdrawn(filed)
        await rollouts.confirmed(name)
        await rollouts.do(name, "approve")
        await rollouts.do(name, "begin")
        filed = await black_out(**window(3, 1))
        await rollouts.refused(name, "rings/1/notify", 409, "Notting Hill carnival")
        moved = window(3.5, 1)
        await rollouts.refused(name, "rings/1/reschedule", 409, "Notting Hill", window=moved)
        await rollouts.do(name, "rings/1/reschedule", window=window(-1, 2))
        await rollouts.do(name, "rings/1/notify")
        other = await chamber.post("admin.essex", f"releases/black-outs/{filed}/withdraw")
        assert other.status_code == 404
        now = await black_out(**window(-1, 2))
        await rollouts.refused(name, "rings/1/go-live", 409, "kent has a black-out now")
        await withdrawn(now)
        await rollouts.do(name, "rings/1/go-live")
        another = await black_out(**window(-1, 2))
        await rollouts.do(name, "back-out")
        assert (await rollouts.has("kent"))["kent"] is False
        for item in (filed, another):
            await withdrawn(item)

    async def test_an_open_checklist_and_a_no_go(self, rollouts: Rollouts) -> None:
        name = await rollouts.drafted()
        await rollouts.do(name, "plan")
        await rollouts.do(name, "approve")
        await rollouts.do(name, "begin")
        await rollouts.do(name, "rings/1/notify")
        go_live = "rings/1/go-live"
        await rollouts.refused(name, go_live, 409, "trained", "rehearsed", "desk-staffed")
        await rollouts.refused(name, "confirmations", 422, "evidence", item="trained")
        await rollouts.refused(name, "confirmations", 404, item="x", link="https://e.example")
        await rollouts.confirmed(name)
        await rollouts.do(name, "confirmations", item="rehearsed", answer="no_go")
        await rollouts.refused(name, go_live, 409, "'rehearsed' (pre-live)")
        await rollouts.do(name, "confirmations", item="rehearsed", sha256="a" * 64)
        await rollouts.do(name, "objections", "admin.kent")
        await rollouts.refused(name, go_live, 409, f"kent objects: {WHY}")
        looked = await rollouts.chamber.get("board.kent", f"releases/{name}/rings/1")
        assert looked.json()["hindrances"] == [f"kent objects: {WHY}"]
        await rollouts.do(name, "objections/withdraw", "admin.kent")
        await rollouts.refused(name, "objections/withdraw", 409, account="admin.kent")
        await rollouts.do(name, go_live)

    async def test_rings_out_of_order_and_too_little_data(self, rollouts: Rollouts) -> None:
        name = await rollouts.rolling()
        second = "rings/2/go-live"
        await rollouts.refused(name, second, 409, "not live yet: ring 1")
        await rollouts.do(name, "rings/1/go-live")
        await rollouts.served("norfolk", 5 * ENOUGH)
        await rollouts.refused(name, second, 409, "health gate", "too few")
        judged = await rollouts.do(name, "rings/1/judge")
        assert judged["outcome"] == "too_little"
        assert (await rollouts.state_of(name))[0] == "rolling"
        await rollouts.served("kent", ENOUGH, errors=ENOUGH // 50)
        await rollouts.refused(name, second, 409, "health gate")
        judged = await rollouts.do(name, "rings/1/judge")
        assert judged["outcome"] == "hold"
        assert await rollouts.state_of(name) == ("held", ["live", "notified"])
        await rollouts.refused(name, second, 409, "held")
        await rollouts.do(name, "resume")
        await rollouts.served("kent", ENOUGH)
        assert (await rollouts.do(name, second))["state"] == "live"

    async def test_before_its_time_and_after_it(self, rollouts: Rollouts) -> None:
        document = plan(await rollouts.change(), rings=[ring("kent", window=window(2))])
        name = await rollouts.rolling(document)
        await rollouts.refused(name, "rings/1/go-live", 409, "begins at")
        await rollouts.do(name, "rings/1/reschedule", window=window(-2, 1))
        await rollouts.do(name, "rings/1/notify")
        await rollouts.refused(name, "rings/1/go-live", 409, "ended at")

    async def test_a_change_that_is_not_authorised(self, rollouts: Rollouts) -> None:
        change = await rollouts.change()
        name = await rollouts.drafted(plan(change))
        await rollouts.do(name, "plan")
        await rollouts.chamber.done("board.kent", f"changes/{change}/withdraw")
        await rollouts.refused(name, "approve", 409, change, "withdrawn")

    async def test_another_of_the_same_feature_until_the_first_is_reviewed(
        self, rollouts: Rollouts
    ) -> None:
        first = await rollouts.rolling(plan(await rollouts.change(), rings=[ring("kent")]))
        second = await rollouts.drafted()
        apart = plan(await rollouts.change(), rings=[ring("norfolk")])
        await rollouts.approved(apart)
        await rollouts.do(second, "plan")
        for step in ("hold", "resume", "rings/1/go-live"):
            await rollouts.do(first, step)
            await rollouts.refused(second, "approve", 409, first, FEATURE)
        answer = await rollouts.chamber.post(AMO, f"releases/{second}/approve")
        assert answer.json()["release"] == first
        await rollouts.do(first, "review", findings="Nobody rang the desk.")
        await rollouts.do(second, "approve")

    async def test_two_releases_of_a_feature_for_the_same_force(self, rollouts: Rollouts) -> None:
        first = await rollouts.approved()
        second = await rollouts.drafted()
        await rollouts.do(second, "plan")
        await rollouts.refused(second, "approve", 409, first, FEATURE)
        await rollouts.do(first, "revise")
        await rollouts.do(second, "approve")
