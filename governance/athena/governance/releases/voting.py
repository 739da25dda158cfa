"""Which bodies must carry a release's plan, and whether they have."""

from __future__ import annotations

from typing import Literal

from athena.governance.bodies import repository as bodies
from athena.governance.bodies.constitution import DecisionClass
from athena.governance.bodies.models import Body
from athena.governance.releases.bundling import changes_of
from athena.governance.releases.desk import Open
from athena.governance.releases.gates import deciding
from athena.governance.releases.models import WholeRelease
from athena.governance.votes import repository as votes
from athena.governance.votes.models import VoteStatus
from athena.governance.votes.outcome import Result

Answer = Literal["carried", "not_carried", "open", "not_asked"]


def matter(whole: WholeRelease, body: Body) -> str:
    """Return what a body votes on: this plan, by its digest, and no other."""
    return f"{whole.release.reference}:{body.slug}:{whole.digest.hex()}"


async def cost_pence(opened: Open) -> int:
    """Return what the changes of a release cost together, by which a rule may depend."""
    return sum(item.cost_pence() for item in await changes_of(opened.acting, opened.whole))


async def must_decide(opened: Open) -> list[Body]:
    """Return the bodies that the release concerns and whose constitutions rule on releases."""
    session = opened.acting.session
    cost = await cost_pence(opened)
    modules = {
        module
        for item in await changes_of(opened.acting, opened.whole)
        for module in item.document.modules
    }
    concerned = deciding(await bodies.bodies(session), modules, opened.whole.document.forces)
    found = []
    for body in concerned:
        law = (await bodies.constitutions(session, body.body_id))[-1].constitution
        if law.rule_for(DecisionClass.RELEASE, cost) is not None:
            found.append(body)
    return found


async def answer(opened: Open, body: Body) -> Answer:
    """Return what a body has said of the plan as it is now: the newest vote counts."""
    asked = matter(opened.whole, body)
    cost = await cost_pence(opened)
    for vote in await votes.votes(opened.acting.session):
        if (
            vote.matter.kind != "other"
            or vote.matter.reference != asked
            or vote.matter.decision is not DecisionClass.RELEASE
            or vote.matter.cost_pence != cost
            or vote.body_id != body.body_id
            or vote.status is VoteStatus.CANCELLED
        ):
            continue
        if vote.status is VoteStatus.OPEN:
            return "open"
        result = (vote.minute or {}).get("outcome", {}).get("result")
        return "carried" if result == Result.CARRIED.value else "not_carried"
    return "not_asked"
