"""The whole life of a change over the API: by the right people, in the right order, or not."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from athena.platform.kernel.clock import today
from support.api import Platform
from support.cluster import Cluster
from support.governance import (
    AMO,
    ASSESSMENT,
    FINANCE,
    WINDOW,
    Chamber,
    constitution,
    emergency,
    request,
)


@pytest.fixture(scope="module")
def chamber(platform: Platform) -> Chamber:
    return Chamber(platform)


@pytest.fixture(scope="module")
async def board(chamber: Chamber) -> str:
    return await chamber.body()


async def alter(platform: Platform, cluster: Cluster, statement: str) -> None:
    """Change the store past its guards, as only the passing of time would."""
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        async with admin.transaction():
            await admin.execute("SET LOCAL session_replication_role = replica")
            await admin.execute(statement)
    finally:
        await admin.close()


async def logged(platform: Platform, action: str, reason: str) -> list[tuple[str, str]]:
    """Return the kind and the member of each event of an action that was done for a reason."""
    async with platform.runtime.database.read("athena_auditor") as session:
        rows = await session.rows(
            "SELECT e.kind, e.username FROM audit.event AS e JOIN audit.content AS c "
            "USING (at, event_id) WHERE e.action = :action AND c.reason = :reason ORDER BY e.at",
            {"action": action, "reason": reason},
        )
    return [(row.kind, row.username) for row in rows]


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


class TestRightPeople:
    @pytest.mark.parametrize(
        ("account", "status", "who"),
        [
            ("board.essex", 403, "whoever raised it"),
            (AMO, 403, "whoever raised it"),
            ("auditor", 403, "whoever raised it"),
            ("officer.kent", 403, "governance.read"),
        ],
    )
    async def test_others_neither_amend_nor_withdraw(
        self, chamber: Chamber, account: str, status: int, who: str
    ) -> None:
        reference = await chamber.submitted(request())
        refused = await chamber.post(account, f"changes/{reference}/withdraw")
        assert refused.status_code == status
        assert who in refused.json()["detail"]
        assert await chamber.state(reference) == "assess"

    async def test_a_draft_is_its_raisers_and_oversights_alone(self, chamber: Chamber) -> None:
        reference = await chamber.raised(request())
        for account, status in {
            "board.kent": 200,
            "supervisor.kent": 200,
            "auditor": 200,
            "board.essex": 404,
            AMO: 404,
            FINANCE: 404,
        }.items():
            found = await chamber.get(account, f"changes/{reference}")
            assert found.status_code == status, account
            listed = [item["reference"] for item in (await chamber.get(account, "changes")).json()]
            assert (reference in listed) == (status == 200)
        unseen = await chamber.post(
            "board.essex", f"changes/{reference}/comments", comment={"text": "Is it there?"}
        )
        assert unseen.status_code == 404

    async def test_only_affected_forces_assess(self, chamber: Chamber) -> None:
        reference = await chamber.submitted(request())
        refused = await chamber.post(
            "dpo.norfolk", f"changes/{reference}/assessments", assessment=ASSESSMENT
        )
        assert refused.status_code == 403
        assert "a force that it affects" in refused.json()["detail"]
        assert refused.json()["legal"] == ["comment"]

    async def test_nobody_authorises_by_hand(self, chamber: Chamber) -> None:
        reference = await chamber.assessed()
        bodies: dict[str, dict[str, Any]] = {
            "schedule": {"window": WINDOW},
            "begin": {},
            "finish": {"result": "implemented"},
            "close": {"review": "Done."},
        }
        for step, body in bodies.items():
            refused = await chamber.post(AMO, f"changes/{reference}/{step}", **body)
            assert refused.status_code == 409
            problem = refused.json()
            assert "'authorise'" in problem["detail"]
            assert problem["legal"] == [
                "attach", "comment", "open_vote", "preview", "quote", "send_back",
            ]  # fmt: skip

    async def test_the_client_body_raises_too_and_as_raiser_alone_withdraws(
        self, chamber: Chamber
    ) -> None:
        reference = await chamber.submitted(request(), AMO)
        refused = await chamber.post("board.kent", f"changes/{reference}/withdraw")
        assert refused.status_code == 403
        withdrawn = await chamber.done(AMO, f"changes/{reference}/withdraw")
        assert (withdrawn["state"], withdrawn["raised_by"]) == ("withdrawn", "amo")
        after = await chamber.post(AMO, f"changes/{reference}/send-back")
        assert after.status_code == 409
        assert "nothing that you can do" in after.json()["detail"]

    async def test_a_draft_that_was_withdrawn_stays_its_raisers(self, chamber: Chamber) -> None:
        reference = await chamber.raised(request())
        await chamber.done("board.kent", f"changes/{reference}/withdraw")
        assert (await chamber.get("board.essex", f"changes/{reference}")).status_code == 404
        assert await chamber.state(reference) == "withdrawn"

    async def test_a_user_group_raises_through_who_sits_on_it(self, chamber: Chamber) -> None:
        group = f"custody-{uuid4().hex[:8]}"

        await chamber.done(
            AMO, "bodies", slug=group, name="Custody user group", kind="user_group",
            module="custody", constitution=constitution(),
        )  # fmt: skip
        refused = await chamber.post("board.kent", "changes", document=request(), body=group)
        assert refused.status_code == 403
        await chamber.appoint(group, "board.kent")
        raised = await chamber.done("board.kent", "changes", document=request(), body=group)
        assert raised["body"] == group

    async def test_every_act_is_logged_with_who_and_why(
        self, chamber: Chamber, platform: Platform
    ) -> None:
        reference = await chamber.raised(request())
        why = f"For reason {uuid4().hex}"
        refused = await chamber.post("board.kent", f"changes/{reference}/end-assessing", reason=why)
        assert refused.status_code == 409
        await chamber.done("board.kent", f"changes/{reference}/submit", reason=why)
        assert await logged(platform, "governance.changes.end_assessing", why) == [
            ("refusal", "board.kent")
        ]
        assert await logged(platform, "governance.changes.submit", why) == [
            ("administration", "board.kent")
        ]


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

    @pytest.mark.parametrize(
        ("account", "path", "body"),
        [
            (FINANCE, "quotes", {"quote": {"supplier_reference": "Q-1", "one_off_pence": -1}}),
            (FINANCE, "quotes", {"quote": {"supplier_reference": "Q-1", "one_off_pence": 0.5}}),
            (FINANCE, "previews", {"preview": {"formula": "equal", "shares_pence": {"kent": 1}}}),
            ("dpo.kent", "assessments", {"assessment": ASSESSMENT | {"position": "shrugs"}}),
            ("board.kent", "comments", {"comment": {"text": ""}}),
            ("board.kent", "attachments",
             {"attachment": {"name": "plan.pdf", "sha256": "0", "size": 1}}),
            (AMO, "withdraw", {"reason": "x"}),
            (AMO, "send-back", {"unknown": 1}),
        ],
    )  # fmt: skip
    async def test_bad_input_is_a_clear_problem_and_changes_nothing(
        self, chamber: Chamber, account: str, path: str, body: dict[str, Any]
    ) -> None:
        reference = await chamber.submitted(request())
        before = (await chamber.get("auditor", f"changes/{reference}")).json()
        refused = await chamber.post(account, f"changes/{reference}/{path}", **body)
        assert refused.status_code == 422, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        assert (await chamber.get("auditor", f"changes/{reference}")).json() == before

    @pytest.mark.parametrize(
        "changes",
        [
            {"one_off_pence": -1},
            {"impacts": {}},
            {"impacts": {"atlantis": "It would sink"}},
            {"irreversible_data": True},
            {"kind": "emergency"},
            {"catalogue": "new-printer"},
            {"window": {"begins": WINDOW["ends"], "ends": WINDOW["begins"]}},
            {"unknown": 1},
            {"title": "x\x00y"},
        ],
        ids=str,
    )
    async def test_what_is_no_request_is_not_stored(
        self, chamber: Chamber, changes: dict[str, Any]
    ) -> None:
        before = (await chamber.get("auditor", "changes")).json()
        refused = await chamber.post("board.kent", "changes", document=request(**changes))
        assert refused.status_code == 422, refused.text
        assert (await chamber.get("auditor", "changes")).json() == before

    async def test_what_is_missing_keeps_it_from_being_submitted(self, chamber: Chamber) -> None:
        reference = await chamber.raised(request(dpia_reference=None, window=None))
        refused = await chamber.post("board.kent", f"changes/{reference}/submit")
        assert refused.status_code == 409
        assert "impact assessment" in refused.json()["detail"]
        assert "window" in refused.json()["detail"]
        soon = (today() - timedelta(days=2)).isoformat() + "T00:00:00Z"
        past = await chamber.post(
            "board.kent", f"changes/{await chamber.raised(request())}/submit", assess_by=soon
        )
        assert past.status_code == 422


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
