"""The whole life of a change over the API, in the right order; what it costs, who takes part."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from support.api import Platform
from support.cluster import Cluster
from support.governance import AMO, ASSESSMENT, FINANCE, WINDOW, Chamber, emergency, request
from support.intruder import alter


@pytest.fixture(scope="module")
def chamber(platform: Platform) -> Chamber:
    return Chamber(platform)


@pytest.fixture(scope="module")
async def board(chamber: Chamber) -> str:
    return await chamber.body()


class TestNormal:
    async def test_its_whole_life(self, chamber: Chamber, board: str) -> None:
        reference = await chamber.raised(request())
        path = f"changes/{reference}"
        assert await chamber.state(reference) == "new"
        await chamber.done("board.kent", f"{path}/submit")
        assert await chamber.state(reference) == "assess"
        await chamber.done("dpo.kent", f"{path}/assessments", assessment=ASSESSMENT)
        view = (
            (await chamber.get("officer.kent", path)).status_code,
            (await chamber.get("board.essex", path)).json(),
        )
        assert view[0] == 403
        assert view[1]["waiting_for"] == ["essex"]
        await chamber.done("board.essex", f"{path}/assessments", assessment=ASSESSMENT)
        assert await chamber.state(reference) == "authorise"
        await chamber.carried(board, reference)
        assert await chamber.state(reference) == "authorised"
        for step, body, state in (
            ("schedule", {"window": WINDOW}, "scheduled"),
            ("unschedule", {}, "authorised"),
            ("schedule", {"window": WINDOW}, "scheduled"),
            ("begin", {}, "implement"),
            ("finish", {"result": "implemented"}, "review"),
            ("close", {"review": "It went as planned."}, "closed"),
        ):
            after = await chamber.done(AMO, f"{path}/{step}", **body)
            assert after["state"] == state
        steps = [entry["document"]["step"] for entry in after["entries"] if entry["kind"] == "step"]
        assert steps == [
            "raise",
            "submit",
            "end_assessing",
            "authorise",
            "schedule",
            "unschedule",
            "schedule",
            "begin",
            "finish",
            "close",
        ]
        assert all(entry["username"] for entry in after["entries"])
        assert after["can"] == []

    async def test_silence_at_the_deadline_is_recorded(
        self, chamber: Chamber, platform: Platform, cluster: Cluster
    ) -> None:
        reference = await chamber.submitted(request())
        path = f"changes/{reference}"
        await chamber.done("dpo.kent", f"{path}/assessments", assessment=ASSESSMENT)
        early = await chamber.post(AMO, f"{path}/end-assessing")
        assert early.status_code == 409
        assert "essex" in early.json()["detail"]
        await alter(
            platform,
            cluster,
            "UPDATE governance.change SET assess_by = now() - interval '1 second' "
            f"WHERE number = {int(reference[3:])}",
        )
        ended = await chamber.done(AMO, f"{path}/end-assessing")
        assert ended["state"] == "authorise"
        assert ended["entries"][-1]["document"]["silent"] == ["essex"]

    async def test_a_no_ends_it_and_no_quorum_leaves_it(self, chamber: Chamber, board: str) -> None:
        reference = await chamber.assessed()
        vote = await chamber.opened(board, reference)
        await chamber.cast(vote, "board.kent")
        closed = await chamber.done(AMO, f"votes/{vote}/close")
        assert closed["result"] == "no_quorum"
        assert await chamber.state(reference) == "authorise"
        again = await chamber.opened(board, reference)
        for force in ("kent", "essex", "norfolk", "suffolk", "west-mercia"):
            await chamber.cast(again, f"board.{force}", "against")
        assert (await chamber.done(AMO, f"votes/{again}/close"))["result"] == "not_carried"
        assert await chamber.state(reference) == "rejected"

    async def test_sent_back_amended_and_assessed_again(self, chamber: Chamber) -> None:
        reference = await chamber.submitted(request())
        path = f"changes/{reference}"
        await chamber.done("dpo.kent", f"{path}/assessments", assessment=ASSESSMENT)
        await chamber.done(AMO, f"{path}/send-back")
        same = await chamber.post("board.kent", f"{path}/versions", document=request())
        assert same.status_code == 422
        other = await chamber.post("board.kent", f"{path}/versions", document=emergency())
        assert other.status_code == 422
        amended = await chamber.done(
            "board.kent", f"{path}/versions", document=request(worst_case="Two hours.")
        )
        assert (amended["version"], amended["document"]["worst_case"]) == (2, "Two hours.")
        submitted = await chamber.done("admin.kent", f"{path}/submit")
        assert submitted["waiting_for"] == ["essex", "kent"]
        assert submitted["assessments"] == {}

    async def test_the_last_two_assess_at_once_and_assessing_ends_once(
        self, chamber: Chamber
    ) -> None:
        reference = await chamber.submitted(request())
        path = f"changes/{reference}"
        await asyncio.gather(
            *(
                chamber.done(f"dpo.{force}", f"{path}/assessments", assessment=ASSESSMENT)
                for force in ("essex", "kent")
            )
        )
        view = (await chamber.get("auditor", path)).json()
        assert view["state"] == "authorise"
        steps = [item["document"].get("step") for item in view["entries"]]
        assert steps.count("end_assessing") == 1
        assert [item["number"] for item in view["entries"]] == list(range(1, 6))

    async def test_one_of_two_contrary_steps_is_taken(self, chamber: Chamber) -> None:
        reference = await chamber.submitted(request())
        answers = await asyncio.gather(
            chamber.post("board.kent", f"changes/{reference}/withdraw"),
            chamber.post(AMO, f"changes/{reference}/send-back"),
            chamber.post("admin.kent", f"changes/{reference}/withdraw"),
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses in ([200, 409, 409], [200, 200, 409])  # also after it was sent back
        assert await chamber.state(reference) == "withdrawn"


class TestStandard:
    async def test_its_whole_life(self, chamber: Chamber, board: str) -> None:
        entry = f"new-printer-{uuid4().hex[:8]}"
        await chamber.done(
            AMO,
            "catalogue",
            slug=entry,
            title="A printer at a custody desk",
            procedure="Install, test, tell the desk.",
            largest_pence=50_000,
        )
        document = request(kind="standard", catalogue=entry, one_off_pence=50_000)
        early = await chamber.raised(document)
        refused = await chamber.post("board.kent", f"changes/{early}/submit")
        assert refused.status_code == 409, refused.text
        await chamber.carried(board, entry, "catalogue")
        assert (await chamber.done("board.kent", f"changes/{early}/submit"))["state"] == (
            "authorised"
        )
        dear = await chamber.raised(document | {"one_off_pence": 50_001})
        assert (await chamber.post("board.kent", f"changes/{dear}/submit")).status_code == 409
        path = f"changes/{early}"
        assert (await chamber.post(AMO, f"{path}/begin")).status_code == 409
        await chamber.done(AMO, f"{path}/schedule", window=WINDOW)
        await chamber.done(AMO, f"{path}/begin")
        await chamber.done(AMO, f"{path}/finish", result="backed_out")
        assert (await chamber.done(AMO, f"{path}/close", review="Paper jam."))["state"] == "closed"
        await chamber.done(AMO, f"catalogue/{entry}/retire")
        late = await chamber.raised(document)
        assert (await chamber.post("board.kent", f"changes/{late}/submit")).status_code == 409


class TestEmergency:
    async def test_its_whole_life(self, chamber: Chamber, board: str) -> None:
        reference = await chamber.submitted(emergency())
        path = f"changes/{reference}"
        assert await chamber.state(reference) == "authorise"
        assert (await chamber.post(AMO, f"{path}/begin")).status_code == 409
        await chamber.carried(board, reference)
        await chamber.done(AMO, f"{path}/begin")
        await chamber.done(AMO, f"{path}/finish", result="implemented")
        assert await chamber.state(reference) == "review"
        closed = await chamber.done(AMO, f"{path}/close", review="The clock's battery was flat.")
        assert closed["state"] == "closed"


class TestMoney:
    async def test_a_quote_beyond_tolerance_reopens_the_vote(
        self, chamber: Chamber, board: str
    ) -> None:
        reference = await chamber.assessed()
        path = f"changes/{reference}"

        async def quoted(pence: int) -> str:
            quote = {"supplier_reference": f"Q-{pence}", "one_off_pence": pence}
            return str((await chamber.done(FINANCE, f"{path}/quotes", quote=quote))["state"])

        assert await quoted(1_000_000) == "authorise"
        await chamber.carried(board, reference)
        assert await quoted(1_100_000) == "authorised"
        await chamber.done(AMO, f"{path}/schedule", window=WINDOW)
        assert await quoted(1_100_001) == "authorise"
        again = await chamber.opened(board, reference)
        quote = {"supplier_reference": "Q-1", "one_off_pence": 1}
        refused = await chamber.post(FINANCE, f"{path}/quotes", quote=quote)
        assert refused.status_code == 409
        await chamber.done(AMO, f"votes/{again}/cancel")
        await chamber.carried(board, reference)
        assert await quoted(989_999) == "authorise"
        view = (await chamber.get("auditor", path)).json()
        assert [item["cost_pence"] for item in view["decisions"]] == [1_000_000, 1_100_001]
        assert view["quote"]["one_off_pence"] == 989_999


class TestTakingPart:
    async def test_forces_opt_in_to_an_enhancement(self, chamber: Chamber, board: str) -> None:
        reference = await chamber.submitted(request(optional=True))
        path = f"changes/{reference}"
        for force in ("kent", "norfolk", "essex"):
            await chamber.done(f"board.{force}", f"{path}/opt-in")
        assert (await chamber.post("board.kent", f"{path}/opt-in")).status_code == 409
        assert (await chamber.post("dpo.suffolk", f"{path}/opt-in")).status_code == 403
        view = await chamber.done("board.norfolk", f"{path}/opt-out")
        assert sorted(view["participants"]) == ["essex", "kent"]
        for force in ("kent", "essex"):
            await chamber.done(f"dpo.{force}", f"{path}/assessments", assessment=ASSESSMENT)
        wrong = {"formula": "equal", "shares_pence": {"kent": 1_600_000, "norfolk": 1_600_000}}
        assert (await chamber.post(FINANCE, f"{path}/previews", preview=wrong)).status_code == 422
        shares = {"formula": "equal", "shares_pence": {"kent": 1_600_000, "essex": 1_600_000}}
        await chamber.done(FINANCE, f"{path}/previews", preview=shares)
        await chamber.carried(board, reference)
        assert (await chamber.post("board.kent", f"{path}/opt-out")).status_code == 409
        late = await chamber.post("board.suffolk", f"{path}/opt-in")
        assert (late.status_code, late.json()["detail"][:36]) == (
            422,
            "No sum was stated for Suffolk, so it",
        )
        view = (await chamber.get("board.kent", path)).json()
        assert sorted(view["participants"]) == ["essex", "kent"]
        decision = next(item for item in view["entries"] if item["kind"] == "decision")
        assert decision["document"]["preview"]["shares_pence"] == shares["shares_pence"]

    async def test_nobody_opts_in_to_what_is_for_all(self, chamber: Chamber) -> None:
        reference = await chamber.submitted(request())
        refused = await chamber.post("board.kent", f"changes/{reference}/opt-in")
        assert refused.status_code == 403
        assert "optional enhancement" in refused.json()["detail"]

    async def test_discussion_and_attachments(self, chamber: Chamber) -> None:
        reference = await chamber.submitted(request())
        path = f"changes/{reference}"
        await chamber.done("supervisor.norfolk", f"{path}/comments", comment={"text": "Why now?"})
        plan = {"name": "plan.pdf", "sha256": "a" * 64, "size": 12}
        view = await chamber.done("board.kent", f"{path}/attachments", attachment=plan)
        assert view["attachments"] == [plan]
        twice = await chamber.post("board.kent", f"{path}/attachments", attachment=plan)
        assert twice.status_code == 409
        refused = await chamber.post("auditor", f"{path}/comments", comment={"text": "Hm."})
        assert refused.status_code == 403
