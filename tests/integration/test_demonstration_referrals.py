"""A demonstration's agreements and partners are enough for a referral, from first to last."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from athena.platform.cli.demonstration import found_sharing
from athena.policies.agreements.founding import partner_baseline
from athena.policies.agreements.signing import load_private_key
from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from support.api import REASON, Platform, running_platform
from support.cluster import Cluster
from support.partners import BASE, person

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

    key = load_private_key((directory / "keys" / f"{partner}.pem").read_bytes())
    asker = Asker(key=key, user="j.smith", role="adviser", agreement=reference)
    path = f"/ppss/v1/referrals/{referral['referral_id']}"
    opened = await platform.client.get(path, headers=signed_headers(asker, "GET", BASE + path))
    assert sorted(opened.json()["record"]["person"]) == fields
    path, body = f"{path}/acknowledgement", json.dumps({"status": "acknowledged"}).encode()
    headers = signed_headers(asker, "POST", BASE + path, body)
    taken = await platform.client.post(path, content=body, headers=headers)
    assert taken.json()["status"] == "acknowledged"
