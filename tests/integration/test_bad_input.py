"""Bad input gets a problem document or a plain sentence, and nothing is searched or changed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from support.api import REASON, Platform

GOOD = {"name": "jon smyth", "purpose": "investigation", "reason": REASON}

BAD_SEARCHES: dict[str, dict[str, Any]] = {
    "unknown purpose": {"purpose": "curiosity"},
    "no purpose": {"purpose": ""},
    "empty reason": {"reason": "  "},
    "short reason": {"reason": "x"},
    "reason with a NUL": {"reason": "looking\x00for"},
    "name of 10,000 characters": {"name": "a" * 10_000},
    "name with a NUL": {"name": "jon\x00smyth"},
    "name with an escape": {"name": "jon\x1b[31m"},
    "nothing to look for": {"name": ""},
    "only punctuation": {"name": "!!!"},
    "future date of birth": {"date_of_birth": "2999-01-01"},
    "no such date": {"date_of_birth": "1980-02-30"},
    "date in words": {"date_of_birth": "yesterday"},
    "wrong check letter": {"name": None, "identifier": "2003/0123456Z"},
    "half a postcode": {"postcode": "ME1"},
    "not a telephone": {"telephone": "ring me"},
    "year of birth in the future": {"year_of_birth": 2999},
    "age over 120": {"age_from": 130},
    "limit of none": {"limit": 0},
    "unknown field": {"nickname": "smithy"},
    "name that isn't text": {"name": {"first": "jon"}},
}


async def events(platform: Platform) -> int:
    """Return how many events the log holds."""
    async with platform.runtime.database.read("athena_auditor") as session:
        count: int = await session.value("SELECT count(*) FROM audit.event")
    return count


@pytest.mark.parametrize("fields", BAD_SEARCHES.values(), ids=BAD_SEARCHES.keys())
async def test_a_bad_search_is_refused_whole(platform: Platform, fields: dict[str, Any]) -> None:
    before = await events(platform)
    answer = await platform.search("officer.kent", **{**GOOD, **fields})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:athena:problem:invalid-input"
    assert problem["detail"].endswith(".")
    assert await events(platform) == before


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"\xff\xfe{}", b'{"name": "jon\\ud800"}', b"[1]", b"null", b'"text"'],
    ids=["cut off", "empty", "not UTF-8", "lone surrogate", "a list", "null", "a string"],
)
async def test_broken_json_is_a_problem(platform: Platform, body: bytes) -> None:
    headers = await platform.headers("officer.kent") | {"Content-Type": "application/json"}
    answer = await platform.client.post("/api/v1/nominals/search", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_without_end_is_refused(platform: Platform) -> None:
    headers = await platform.headers("officer.kent") | {"Content-Type": "application/json"}
    answer = await platform.client.post(
        "/api/v1/nominals/search", content=b" " * 1_100_000, headers=headers
    )
    assert answer.status_code == 413
    assert answer.json()["status"] == 413


NOMINAL = {"names": [{"given_names": "Zebedee", "surname": "Quarrington"}], "sex": "M"}

BAD_NOMINALS: dict[str, dict[str, Any]] = {
    "no name": {"names": []},
    "name without letters": {"names": [{"surname": "123"}]},
    "two primary names": {"names": [{"surname": "A"}, {"surname": "B"}]},
    "born in the future": {"date_of_birth": "2999-01-01"},
    "born 130 years ago": {"date_of_birth": "1890-01-01"},
    "died before birth": {"date_of_birth": "1980-01-01", "date_of_death": "1970-01-01"},
    "wrong check letter": {"identifiers": [{"kind": "pnc_id", "value": "2003/0123456Z"}]},
    "SECRET": {"marking": "SECRET"},
    "conditions under handling P": {"conditions": ["S2"]},
    "bad postcode": {"addresses": [{"location": {"postcode": "NOPE"}}]},
    "NUL in an assessment": {"assessments": [{"basis": "officer", "text": "x\x00y"}]},
    "unknown marker": {"markers": [{"code": "grumpy"}]},
    "unknown field": {"shoe_size": 9},
    "51 contacts": {"contacts": [{"kind": "email", "value": f"{n}@x.example"} for n in range(51)]},
}


@pytest.mark.parametrize("fields", BAD_NOMINALS.values(), ids=BAD_NOMINALS.keys())
async def test_a_bad_nominal_is_refused_whole(platform: Platform, fields: dict[str, Any]) -> None:
    searched = await platform.search("officer.kent", name="zebedee quarrington")
    answer = await platform.client.post(
        "/api/v1/nominals",
        json={"search_id": searched.json()["search_id"], "nominal": {**NOMINAL, **fields}},
        headers=await platform.headers("officer.kent"),
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "urn:athena:problem:invalid-input"
    found = await platform.search("officer.kent", name="zebedee quarrington")
    assert not found.json()["results"]


async def test_purpose_and_reason_are_mandatory_to_read(platform: Platform) -> None:
    headers = await platform.headers("officer.kent")
    for missing in ("Athena-Purpose", "Athena-Reason"):
        sent = {name: value for name, value in headers.items() if name != missing}
        answer = await platform.client.get(f"/api/v1/nominals/{uuid4()}", headers=sent)
        assert answer.status_code == 422


async def test_an_id_that_is_none_is_a_problem(platform: Platform) -> None:
    answer = await platform.read("officer.kent", "not-an-id")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer x.y.z", "Basic eDp5", "Bearer " + "a" * 5000]
)
async def test_without_a_valid_token_nobody_gets_in(platform: Platform, authorization: str) -> None:
    answer = await platform.client.post(
        "/api/v1/nominals/search", json=GOOD, headers={"Authorization": authorization}
    )
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:athena:problem:not-signed-in"


async def test_an_unknown_path_is_a_problem(platform: Platform) -> None:
    answer = await platform.client.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["%00", "Break_Glass", "a" * 61, ""])
async def test_a_kind_of_work_that_cannot_be_is_refused(platform: Platform, kind: str) -> None:
    answer = await platform.client.get(
        f"/api/v1/worklist?kind={kind}", headers=await platform.headers("officer.kent")
    )
    assert answer.status_code == 422
    assert "kind" in answer.text
