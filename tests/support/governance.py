"""Governance as its users call it, for tests: bodies, requests and votes over the API."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from athena.tenants.consortium import FORCE_SLUGS
from support.api import Platform

WHY = "A test of governance"
AMO = "amo.admin"
FINANCE = "amo.finance"
WINDOW = {"begins": "2027-01-10T20:00:00Z", "ends": "2027-01-11T02:00:00Z"}

RULE: dict[str, Any] = {
    "quorum": {"portion": {"parts": 1, "of": 2}},
    "majority": "simple",
}


def constitution(**changes: Any) -> dict[str, Any]:
    """Return a constitution: half is a quorum, a simple majority carries, closed at will."""
    classes = ("catalogue", "change_emergency", "change_normal")
    return {
        "weighting": "one_each",
        "substitutes": True,
        "abstaining_is_taking_part": True,
        "casting_vote": "chair",
        "early_close": "at_will",
        "deadline_hours": 72,
        "quote_tolerance_percent": 10,
        "shares_before_vote": False,
        "optional_changes": "all_seats",
        "rules": [{"decision": decision, **RULE} for decision in classes],
    } | changes


def request(**changes: Any) -> dict[str, Any]:
    """Return a change request's document: Kent and Essex are affected."""
    return {
        "kind": "normal",
        "title": "Show custody photographs beside the record",
        "description": "Officers ask for them in every user group.",
        "expected_outcome": "Fewer mistaken identities at the custody desk.",
        "implementation_plan": "Switched on force by force in January.",
        "irreversible_data": False,
        "way_back": {"kind": "back_out", "plan": "Switch it off again."},
        "worst_case": "Custody pages load slowly for an hour.",
        "window": WINDOW,
        "modules": ["custody"],
        "impacts": {
            "essex": "Custody sergeants need an hour of training",
            "kent": "Custody sergeants need an hour of training",
        },
        "dpia_needed": True,
        "dpia_reference": "DPIA-2026-014",
        "one_off_pence": 3_200_000,
    } | changes


def emergency(**changes: Any) -> dict[str, Any]:
    """Return an emergency request."""
    urgent = {"kind": "emergency", "emergency_reason": "Custody clocks stand still since noon."}
    return request(**urgent, **changes)


ASSESSMENT = {
    "operational": "An hour for each shift.",
    "technical": "Nothing on our side.",
    "data_protection": "Covered by the assessment named.",
    "training": "One hour, online.",
    "position": "supports",
}


@dataclass
class Chamber:
    """The API of governance, as any account."""

    platform: Platform

    async def get(self, account: str, path: str) -> httpx.Response:
        """Read something."""
        return await self.platform.client.get(
            f"/api/v1/governance/{path}", headers=await self.platform.headers(account)
        )

    async def post(self, account: str, path: str, **body: Any) -> httpx.Response:
        """Do something."""
        return await self.platform.client.post(
            f"/api/v1/governance/{path}",
            json={"reason": WHY, **body},
            headers=await self.platform.headers(account),
        )

    async def done(self, account: str, path: str, **body: Any) -> Any:
        """Do something that must succeed, and return what came back."""
        answer = await self.post(account, path, **body)
        assert answer.status_code in (200, 201, 204), answer.text
        return answer.json() if answer.content else None

    async def body(
        self, forces: Iterable[str] = FORCE_SLUGS, chair: str | None = None, **changes: Any
    ) -> str:
        """Found a body on which each force's board member sits; return its short name."""
        slug = f"board-{uuid4().hex[:12]}"
        await self.done(
            AMO,
            "bodies",
            slug=slug,
            name="A test's board",
            kind="change_advisory_board",
            constitution=constitution(**changes),
        )
        for force in forces:
            await self.appoint(slug, f"board.{force}")
        if chair is not None:
            await self.done(AMO, f"bodies/{slug}/appointments", username=chair, duty="chair")
        return slug

    async def appoint(self, slug: str, username: str, duty: str = "member") -> str:
        """Let a force appoint its member to a body; return the appointment's id."""
        force = username.rpartition(".")[2]
        added = await self.done(
            f"admin.{force}", f"bodies/{slug}/appointments", username=username, duty=duty
        )
        return str(added["id"])

    async def raised(self, document: dict[str, Any], account: str = "board.kent") -> str:
        """Raise a request and return its reference."""
        return str((await self.done(account, "changes", document=document))["reference"])

    async def submitted(self, document: dict[str, Any], account: str = "board.kent") -> str:
        """Raise a request, hand it in, and return its reference."""
        reference = await self.raised(document, account)
        await self.done(account, f"changes/{reference}/submit")
        return reference

    async def assessed(self, document: dict[str, Any] | None = None) -> str:
        """Bring a normal request to be authorised; return its reference."""
        document = document or request()
        reference = await self.submitted(document)
        for force in document["impacts"]:
            await self.done(
                f"dpo.{force}", f"changes/{reference}/assessments", assessment=ASSESSMENT
            )
        return reference

    async def opened(self, body: str, reference: str, kind: str = "change") -> str:
        """Open a vote and return its id."""
        vote = await self.done(
            AMO, "votes", body=body, kind=kind, reference=reference, question="Shall it be done?"
        )
        return str(vote["id"])

    async def cast(self, vote: str, account: str, choice: str = "for", **more: Any) -> Any:
        """Cast a ballot that must be taken."""
        return await self.done(account, f"votes/{vote}/ballots", choice=choice, **more)

    async def carried(self, body: str, reference: str, kind: str = "change") -> str:
        """Carry a vote by every force, and return its id."""
        vote = await self.opened(body, reference, kind)
        for force in FORCE_SLUGS:
            await self.cast(vote, f"board.{force}")
        closed = await self.done(AMO, f"votes/{vote}/close")
        assert closed["result"] == "carried", closed["sentence"]
        return vote

    async def state(self, reference: str, account: str = "auditor") -> str:
        """Return where a change is in its life."""
        found = await self.get(account, f"changes/{reference}")
        assert found.status_code == 200, found.text
        return str(found.json()["state"])
