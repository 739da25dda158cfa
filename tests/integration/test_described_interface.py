"""The interfaces answer whatever their descriptions allow, as described and without a fault.

Schemathesis draws the calls from the OpenAPI documents; `make prove-interface` draws 5,000.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from athena.tenants.members.service import subject_by_username
from support.api import Platform, running_platform
from support.cluster import Cluster
from support.described import Findings, Known, Prober
from support.governance import AMO, FINANCE, Chamber, request
from support.partners import CONTACT, Partners, agreement, person
from support.releases import opened_rollouts

CASES = int(os.environ.get("ATHENA_INTERFACE_CASES", "600"))
PARTNERS_SHARE = 5
"""One call in so many is a partner's: its interface is smaller, and more is at stake."""
SEED = 20_261_126
ACCOUNTS = (
    "officer.essex",
    "supervisor.essex",
    "records.essex",
    "admin.essex",
    "board.essex",
    "dpo.essex",
    "signatory.essex",
    AMO,
    FINANCE,
    "auditor",
)
FITS = {
    "/members": "admin.essex",
    "/nominals/{nominal_id}/": "supervisor.essex",
    "/nominals": "officer.essex",
    "/merges": "records.essex",
    "/worklist": "records.essex",
    "/links": "records.essex",
    "/imports": "records.essex",
    "/appointments": "admin.essex",
    "/assessments": "dpo.essex",
    "/ballots": "board.essex",
    "/changes": "board.essex",
    "/ledger": FINANCE,
    "/costs": FINANCE,
    "/decisions": "auditor",
    "/signatures": "signatory.essex",
    "/agreements/{name}": "signatory.essex",
    "/api/v1/": AMO,
}
"""Who has most to do with paths that have this in them; the first that fits."""
REFERENCE = "ATH-ISA-7401"


@dataclass
class World:
    """A platform with something of most kinds in it."""

    platform: Platform
    partners: Partners
    known: Known

    async def as_member(self, call: httpx.Request, account: str) -> httpx.Response:
        """Send a call as a member, with the headers as they were drawn otherwise."""
        bearer = (await self.platform.headers(account))["Authorization"]
        call.headers["Authorization"] = bearer
        return await self.platform.client.send(call)

    async def as_partner(self, call: httpx.Request, account: str) -> httpx.Response:
        """Send a call signed by a partner, as it was drawn, or as it was drawn but for its body."""
        if account == "unsigned":
            return await self.platform.client.send(call)
        asker: Asker = self.partners.asker("a-shelter", REFERENCE)
        while True:
            headers = signed_headers(
                asker, call.method, str(call.url), call.content, idempotency_key=uuid4().hex
            )
            call.headers.update(headers)
            answer = await self.platform.client.send(call)
            if not answer.text.startswith('{"type":"urn:athena:problem:under-review"'):
                return answer
            await self._lift_reviews()

    async def _lift_reviews(self) -> None:
        """Let calls go on that a pattern stopped: so many as are drawn here look like one."""
        headers = await self.platform.headers(AMO)
        found = await self.platform.client.get("/api/v1/partners/reviews", headers=headers)
        for review in found.json():
            if review["lifted_at"] is None:
                await self.partners.act(f"partners/reviews/{review['review_id']}/lift", {})


@pytest.fixture(scope="module")
async def world(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    with cluster.locked():
        name = await cluster.create(consortium)
    directory: Path = tmp_path_factory.mktemp("described")
    async with running_platform(cluster.store(name), directory) as platform:
        yield await prepare(platform, cluster)
    await cluster.drop(name)


async def prepare(platform: Platform, cluster: Cluster) -> World:
    partners = Partners(platform)
    for slug in ("a-shelter", "b-clinic"):
        await partners.onboard(slug)
    await partners.agree(
        "a-shelter", agreement(REFERENCE, "a-shelter"), hourly_cap=100_000, daily_cap=100_000
    )
    await partners.agree("b-clinic", agreement("ATH-ISA-7402", "b-clinic"))
    nominals = []
    for surname, given in (("Okonkwo", "Adaeze"), ("Careful", "Carla"), ("Marked", "Mark")):
        made = await platform.create("records.essex", person(surname, given, "1984-03-12"))
        assert made.status_code == 201, made.text
        nominals.append(made.json()["id"])
    await platform.runtime.searcher.names.refresh()
    searches = [
        (await platform.search(account, name="adaeze okonkwo")).json()["search_id"]
        for account in ("officer.essex", "records.essex")
    ]
    known: dict[str, Any] = {
        "nominal_id": nominals,
        "search_id": searches,
        "member_id": [
            (await subject_by_username(platform.runtime.database, f"officer.{force}")).member_id
            for force in ("norfolk", "suffolk")
        ],
        "slug": ["b-clinic"],
        "partner": ["b-clinic"],
        "reference": ["ATH-ISA-7402", "ATH-ISA-01"],
        "agreement": ["ATH-ISA-7402"],
        "purpose": ["investigation", "safeguarding"],
        "financial_year": ["2026-27"],
        "case_reference": ["CASE-1"],
        "reason": ["A test of what is described"],
        "Athena-Purpose": ["investigation", "safeguarding"],
        "Athena-Reason": ["A test of what is described"],
        "version": [1, 2],
        "force": ["essex", "kent"],
        "number": [1, 2],
        "year": ["2026-27"],
        "username": ["officer.essex", "board.essex"],
        "name": ["Adaeze Okonkwo"],
        "family_name": ["Okonkwo"],
        "given_names": ["Adaeze"],
    }
    known["member_id"] = [str(one) for one in known["member_id"]]
    known["kept_id"] = known["dropped_id"] = nominals
    known["update"] = nominals
    async with opened_rollouts(platform, cluster) as rollouts:
        chamber: Chamber = rollouts.chamber
        changes = [
            await chamber.raised(request(), "board.essex"),
            await chamber.submitted(request(), "board.essex"),
            await chamber.assessed(request()),
        ]
        body = await chamber.body()
        votes = [await chamber.opened(body, changes[-1])]
        releases = [await rollouts.rolling(), await rollouts.drafted()]
    _name(known, platform, "/governance/changes/", "name", changes)
    _name(known, platform, "/governance/releases/", "name", releases)
    _name(known, platform, "/agreements/", "name", ["ATH-ISA-01", "ATH-ISA-03"])
    _name(known, platform, "/governance/bodies/", "slug", [body])
    _name(known, platform, "/governance/votes/", "vote", votes)
    return World(platform, partners, known)


def _name(
    known: dict[str, Any], platform: Platform, under: str, name: str, values: list[str]
) -> None:
    for path in platform.app.openapi()["paths"]:
        if path.startswith("/api/v1" + under):
            known[f"{path} {name}"] = values


async def test_partners_are_answered_as_is_described(world: World) -> None:
    document = (await world.platform.client.get("/ppss/v1/openapi.json")).json()
    accounts = ["signed"] * 5 + ["unsigned"]
    prober = Prober(document, "/ppss/v1", accounts, world.known, {})
    told = await asyncio.to_thread(
        prober.run, CASES // PARTNERS_SHARE, SEED, world.as_partner, asyncio.get_running_loop()
    )
    judge(told, CASES // PARTNERS_SHARE, prober)


async def test_members_are_answered_as_is_described(world: World) -> None:
    document = (await world.platform.client.get("/openapi.json")).json()
    prober = Prober(document, "", ACCOUNTS, world.known, FITS)
    cases = CASES - CASES // PARTNERS_SHARE
    told = await asyncio.to_thread(
        prober.run, cases, SEED, world.as_member, asyncio.get_running_loop()
    )
    judge(told, cases, prober)


async def test_a_place_to_go_on_from_is_a_number(world: World) -> None:
    headers = await world.platform.headers("officer.essex")
    for after in ("%00", "1%00", "-1", "one", "9" * 19):
        answer = await world.platform.client.get(
            f"/api/v1/nominals/changes?after={after}", headers=headers
        )
        assert answer.status_code == 422, answer.text
    answer = await world.platform.client.get("/api/v1/nominals/changes?after=1", headers=headers)
    assert answer.status_code in (200, 403), answer.text


async def test_hours_of_a_zone_are_refused_in_words(world: World) -> None:
    fields = {"partner": "b-clinic", "contacts": [CONTACT], "reason": "A test of hours"}
    for hours in ({"opens": "08:00Z"}, {"closes": "17:00+01:00"}):
        answer = await world.platform.client.post(
            "/api/v1/partners",
            json={**fields, **hours},
            headers=await world.platform.headers(AMO),
        )
        assert answer.status_code == 422, answer.text
        assert "London" in answer.text


def judge(told: Findings, cases: int, prober: Prober) -> None:
    """Hold the findings to: enough calls, many that did something, and nothing wrong."""
    print(  # noqa: T201 - for who runs it with -s
        f"{told.sent} calls of {len(prober.operations)} operations, "
        f"{len(told.succeeded)} of them succeeded; {dict(sorted(told.statuses.items()))}"
    )
    assert told.sent >= cases
    assert 200 in told.statuses
    assert not told.wrong, "\n".join(f"{what}\n  {how}" for what, how in told.wrong.items())
