"""What people meet where a feature isn't live: a plain refusal, and nothing lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from athena.governance.flags import repository
from athena.governance.flags.switching import switch
from athena.platform.kernel.errors import StoreUnavailableError
from athena.platform.kernel.features import BREAK_GLASS, LINK_SUGGESTIONS
from athena.platform.kernel.identity import TenantId
from support.api import Platform
from support.exceptions import call, create
from support.records import create_nominal

SUPERVISOR = "supervisor.kent"
NOT_LIVE = "urn:athena:problem:feature-not-live"
S2 = {"handling": "C", "conditions": ["S2"]}


async def switched(platform: Platform, feature: str, *, on: bool, force: str = "kent") -> None:
    """Switch a feature for a force, and have it in force in this process."""
    number = platform.runtime.searcher.directory.by_slug(force).tenant_id
    async with platform.runtime.database.write("athena_amo") as session:
        await switch(session, [feature], [number], on=on, release="R-3")
    await platform.runtime.switchboard.refresh()


@asynccontextmanager
async def without(platform: Platform, feature: str) -> AsyncIterator[None]:
    """Take a feature from Kent while the block runs."""
    await switched(platform, feature, on=False)
    try:
        yield
    finally:
        await switched(platform, feature, on=True)


async def pointed(platform: Platform, surname: str) -> dict[str, Any]:
    answer = await platform.search(SUPERVISOR, given_name="Octavian", surname=surname)
    (hit,) = [hit for hit in answer.json()["results"] if hit["disclosure"] == "pointer"]
    return {
        "search_id": answer.json()["search_id"],
        "owner_force": hit["owner_force"],
        "emergency": "A child is at risk tonight",
    }


async def test_no_record_is_opened_and_what_was_opened_runs_on(platform: Platform) -> None:
    opened_before = await create(platform, "officer.essex", "Abernathy", **S2)
    await create(platform, "officer.essex", "Blackwood", **S2)
    first = await call(
        platform, SUPERVISOR, "POST", "/nominals/break-glass", await pointed(platform, "Abernathy")
    )
    assert first.status_code == 201, first.text
    async with without(platform, BREAK_GLASS):
        request = await pointed(platform, "Blackwood")
        refused = await call(platform, SUPERVISOR, "POST", "/nominals/break-glass", request)
        assert (refused.status_code, refused.json()["type"]) == (403, NOT_LIVE)
        assert "telephone the unit" in refused.json()["detail"]
        shown = (await platform.read(SUPERVISOR, opened_before)).json()
        assert "emergency_access" in shown["reasons"]
        listed = await call(platform, SUPERVISOR, "GET", "/emergencies")
        assert [item["nominal_id"] for item in listed.json()] == [opened_before]
    async with platform.runtime.database.read("athena_auditor") as session:
        logged = await session.value(
            "SELECT count(*) FROM audit.event WHERE kind = 'refusal' "
            "AND action = 'nominals.break_glass' AND username = :who",
            {"who": SUPERVISOR},
        )
    assert logged == 1
    again = await call(platform, SUPERVISOR, "POST", "/nominals/break-glass", request)
    assert again.status_code == 201, again.text


def somebody(surname: str, born: str) -> dict[str, Any]:
    return {
        "names": [{"given_names": "Zebulon", "surname": surname}],
        "date_of_birth": born,
        "sex": "M",
        "contacts": [{"kind": "telephone", "value": "07700 900461"}],
        "addresses": [{"location": {"premises": "4", "street": "Elm Road", "postcode": "ZZ1 1ZZ"}}],
        "involvements": [
            {"record_class": "investigation", "record_number": f"{surname}/1", "role": "suspect"}
        ],
    }


async def compare(platform: Platform) -> None:
    await platform.runtime.searcher.names.refresh()
    await platform.runtime.linker.compare_due()


async def links(platform: Platform, nominal: Any) -> dict[str, Any]:
    answer = await call(platform, "records.kent", "GET", f"/nominals/{nominal}/links")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_nothing_is_suggested_until_it_is_live_and_then_nothing_is_missing(
    platform: Platform,
) -> None:
    essex = await create_nominal(platform, "essex", somebody("Quillfeather", "1980-12-03"))
    await compare(platform)
    async with without(platform, LINK_SUGGESTIONS):
        kent = await create_nominal(platform, "kent", somebody("Quilfeather", "1980-03-12"))
        await compare(platform)
        found = await links(platform, kent)
        assert (found["links"], found["suggestions_live"]) == ([], False)
        for method, path in (("GET", "/links"), ("POST", "/links/worklist")):
            refused = await call(platform, "records.kent", method, path)
            assert (refused.status_code, refused.json()["type"]) == (403, NOT_LIVE)
        elsewhere = await call(platform, "records.essex", "GET", "/links")
        assert elsewhere.status_code == 200
        assert str(kent) not in elsewhere.text
    await compare(platform)  # what waited meanwhile
    found = await links(platform, kent)
    assert [item["id"] for item in found["links"]] == [str(essex)]
    body = {"nominal_id": str(kent), "other_id": str(essex), "verdict": "same"}
    decided = await call(platform, "records.kent", "POST", "/links/decisions", body)
    assert decided.status_code == 200, decided.text
    async with without(platform, LINK_SUGGESTIONS):
        kept = await links(platform, kent)
        assert [item["decision"] for item in kept["links"]] == ["same"]
        assert kept["person"] == [str(kent), str(essex)]


async def test_a_force_sees_its_own_and_the_others_see_all(platform: Platform) -> None:
    async with without(platform, BREAK_GLASS):
        for username, forces in (("supervisor.kent", 1), ("amo.admin", 9), ("auditor", 9)):
            answer = await call(platform, username, "GET", "/governance/features")
            assert answer.status_code == 200, answer.text
            glass = next(item for item in answer.json() if item["name"] == BREAK_GLASS)
            assert len(glass["forces"]) == forces
            held = next(item for item in glass["forces"] if item["force"] == "kent")
            assert (held["on"], held["release"]) == (False, "R-3")
            assert held["since"]
    whole = await call(platform, "amo.admin", "GET", "/governance/features")
    (essex,) = [f for f in whole.json()[0]["forces"] if f["force"] == "essex"]
    assert essex == {"force": "essex", "on": True, "release": None, "since": None}


async def test_a_store_that_is_away_leaves_what_was_known(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = platform.runtime
    kent = runtime.searcher.directory.by_slug("kent").tenant_id
    async with without(platform, BREAK_GLASS):

        async def away(_: object) -> None:
            raise StoreUnavailableError("away")

        with monkeypatch.context() as patch:
            patch.setattr(repository, "every", away)
            with pytest.raises(StoreUnavailableError):
                await runtime.switchboard.refresh()
            assert not runtime.features.on(BREAK_GLASS, kent)
            assert runtime.features.on(BREAK_GLASS, TenantId(kent + 1))
    assert runtime.features.on(BREAK_GLASS, kent)
