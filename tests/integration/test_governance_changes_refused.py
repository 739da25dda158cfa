"""A change is moved on by the right people, and by what makes sense, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from athena.platform.kernel.clock import today
from support.api import Platform
from support.governance import AMO, ASSESSMENT, FINANCE, WINDOW, Chamber, constitution, request


@pytest.fixture(scope="module")
def chamber(platform: Platform) -> Chamber:
    return Chamber(platform)


async def logged(platform: Platform, action: str, reason: str) -> list[tuple[str, str]]:
    """Return the kind and the member of each event of an action that was done for a reason."""
    async with platform.runtime.database.read("athena_auditor") as session:
        rows = await session.rows(
            "SELECT e.kind, e.username FROM audit.event AS e JOIN audit.content AS c "
            "USING (at, event_id) WHERE e.action = :action AND c.reason = :reason ORDER BY e.at",
            {"action": action, "reason": reason},
        )
    return [(row.kind, row.username) for row in rows]


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


class TestBadInput:
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
