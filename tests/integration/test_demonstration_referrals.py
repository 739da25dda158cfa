"""A demonstration's agreements and partners are enough for a referral, from first to last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from athena.platform.cli.demonstration import found_sharing
from athena.policies.agreements.founding import partner_baseline
from support.api import REASON, Platform, running_platform
from support.cluster import Cluster
from support.partners import BASE, person
from support.reference_client import bridged, reference_client

REFERRED = {
    "victim-services": (
        "ATH-ISA-16",
        "victim_support",
        "victim",
        "1988-02-03",
        ["contacts", "names"],
    ),
    "childrens-social-care": (
        "ATH-ISA-17",
        "child_concern",
        "other",
        "2017-05-06",
        ["addresses", "date_of_birth", "names"],
    ),
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demonstration")


@pytest.fixture(scope="module")
async def platform(cluster: Cluster, consortium: str, directory: Path) -> AsyncIterator[Platform]:
    with cluster.locked():
        name = await cluster.create(consortium)
    store = cluster.store(name)
    database = store.database()
    assert await found_sharing(database, directory / "keys")
    assert not await found_sharing(database, directory / "keys")
    await database.close()
    async with running_platform(store, directory) as running:
        yield running
    await cluster.drop(name)


class Client:
    """The reference client's command line, as a partner runs it."""

    def __init__(self, platform: Platform, key: Path, agreement: str) -> None:
        self.platform = platform
        self.options = ["--url", BASE, "--key", str(key), "--agreement", agreement]
        self.options += ["--user", "j.smith", "--role", "adviser"]
        self.module = reference_client()

    async def run(self, *words: str) -> Any:
        with bridged(self.platform.client) as http, pytest.MonkeyPatch.context() as patched:
            own = self.module.PartnerClient
            patched.setattr(self.module, "PartnerClient", partial(own, http=http))
            patched.setattr("sys.argv", ["partner_client.py", *self.options, *words])
            given = self.module.parse()
            return await asyncio.to_thread(self.module.ask, given)


def test_each_partner_agreement_names_its_referrals() -> None:
    named = {item.reference: set(item.document.referrals) for item in partner_baseline()}
    assert named == {reference: {kind} for reference, kind, *_ in REFERRED.values()}


@pytest.mark.parametrize("partner", REFERRED)
async def test_a_person_is_referred_and_taken_on(
    platform: Platform, directory: Path, partner: str
) -> None:
    reference, kind, role, born, fields = REFERRED[partner]
    part = {"record_class": "case", "record_number": "42/1/26", "role": role}
    nominal = person(f"Referred{kind[0]}", "Vera", born, involvements=[part])
    created = await platform.create("officer.kent", nominal)
    assert created.status_code == 201, created.text
    sent = await platform.client.post(
        "/api/v1/referrals",
        json={
            "nominal_id": created.json()["id"],
            "partner": partner,
            "agreement": reference,
            "kind": kind,
            "reason": REASON,
        },
        headers=await platform.headers("officer.kent"),
    )
    assert sent.status_code == 200, sent.text
    referral: dict[str, Any] = sent.json()
    assert referral["fields"] == fields

    client = Client(platform, directory / "keys" / f"{partner}.pem", reference)
    waiting = await client.run("referrals")
    assert [item["referral_id"] for item in waiting] == [referral["referral_id"]]
    opened = await client.run("referrals", referral["referral_id"])
    assert sorted(opened["record"]["person"]) == fields
    asked = await client.run(
        "answer-referral", referral["referral_id"], "more_asked", "--ask-for", "sex"
    )
    assert (asked["status"], asked["asked_for"]) == ("more_asked", ["sex"])
    taken = await client.run("answer-referral", referral["referral_id"], "acknowledged")
    assert taken["status"] == "acknowledged"
    assert await client.run("referrals") == []
