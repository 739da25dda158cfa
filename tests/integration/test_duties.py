"""What waits in governance is in the worklist with the rest, and told once to who can do it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from athena.governance.duties import telling
from athena.governance.duties.telling import Teller
from athena.governance.votes.repository import now
from support.api import Platform
from support.governance import AMO, ASSESSMENT, Chamber, emergency, request


@pytest.fixture(scope="module", autouse=True)
def told_by_the_tests() -> Iterator[None]:
    """Let nobody but the tests tell: the platform would tell of what a test is about to do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telling, "EVERY_SECONDS", 24 * 3600.0)
        yield


@pytest.fixture(scope="module")
async def chamber(platform: Platform) -> Chamber:
    return Chamber(platform)


async def listed(chamber: Chamber, account: str, reference: str, query: str = "") -> list[str]:
    """Return the kinds of what waits for an account about a change, by the worklist's API."""
    platform = chamber.platform
    answer = await platform.client.get(
        f"/api/v1/worklist?{query}", headers=await platform.headers(account)
    )
    assert answer.status_code == 200, answer.text
    return [item["kind"] for item in answer.json() if (item["about"] or "").startswith(reference)]


async def told(chamber: Chamber, account: str) -> list[str]:
    """Return what an account was told of governance, the oldest first."""
    platform = chamber.platform
    await platform.delivered()
    answer = await platform.client.get(
        "/api/v1/notifications", headers=await platform.headers(account)
    )
    kinds = [item["kind"] for item in answer.json()]
    return [kind for kind in reversed(kinds) if kind.startswith("in_governance")]


async def test_the_worklist_has_it_until_it_is_done(chamber: Chamber) -> None:
    reference = await chamber.submitted(request())
    assert await listed(chamber, "dpo.kent", reference) == ["governance_assess"]
    assert await listed(chamber, "dpo.kent", reference, "kind=governance_vote") == []
    assert await listed(chamber, "dpo.kent", reference, "state=done") == []
    assert await listed(chamber, "officer.kent", reference) == []
    path = f"changes/{reference}/assessments"
    await chamber.done("dpo.kent", path, assessment=ASSESSMENT)
    assert await listed(chamber, "dpo.kent", reference) == []


async def test_members_and_substitutes_are_told_once_of_each_stage(chamber: Chamber) -> None:
    board = await chamber.body(["kent"])
    await chamber.appoint(board, "dpo.kent", "substitute")
    reference = await chamber.submitted(emergency())
    vote = await chamber.opened(board, reference)
    teller = Teller(chamber.platform.runtime.database, chamber.platform.runtime.gate.roles_allow)
    database = chamber.platform.runtime.database
    async with database.read("athena_amo") as session:
        moment = await now(session)
    before = await told(chamber, "board.essex")
    for at in (moment, moment, moment + timedelta(hours=49), moment + timedelta(hours=50)):
        await teller.tell(at)
    votes = [
        kind for kind in await told(chamber, "board.kent") if kind.startswith("in_governance_a_v")
    ]
    assert votes == [
        "in_governance_a_vote_waits_for_you",
        "in_governance_a_vote_is_due_within_a_day",
    ]
    assert await listed(chamber, "board.kent", reference) == ["governance_vote"]
    assert [kind for kind in await told(chamber, "board.essex") if "a_vote" in kind] == [
        kind for kind in before if "a_vote" in kind
    ]
    await chamber.cast(vote, "board.kent")
    assert await listed(chamber, "board.kent", reference) == []
    await chamber.done(AMO, f"votes/{vote}/close")


async def test_who_is_late_is_told_once_and_who_has_filed_is_not(chamber: Chamber) -> None:
    runtime = chamber.platform.runtime
    teller = Teller(runtime.database, runtime.gate.roles_allow)
    async with runtime.database.read("athena_amo") as session:
        moment = await now(session)
    late = moment + timedelta(days=30)
    await teller.tell(late)  # of what other tests left
    before = {account: await told(chamber, account) for account in ("dpo.essex", "dpo.kent")}

    async def news(account: str) -> list[str]:
        return (await told(chamber, account))[len(before[account]) :]

    reference = await chamber.submitted(request())
    path = f"changes/{reference}/assessments"
    await chamber.done("dpo.kent", path, assessment=ASSESSMENT)
    await teller.tell(moment)
    waits = "in_governance_an_impact_assessment_waits_for_you"
    assert await news("dpo.essex") == [waits]
    for _ in range(2):
        await teller.tell(late)
        assert await news("dpo.essex") == [waits, "in_governance_an_impact_assessment_is_late"]
    assert await news("dpo.kent") == []
    await chamber.done("dpo.essex", path, assessment=ASSESSMENT)
    assert await teller.tell(late + timedelta(days=1)) == 0
