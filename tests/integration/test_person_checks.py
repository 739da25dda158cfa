"""Person checks: what a partner is told, what it isn't, and what the ledger says of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import httpx
import pytest
import rfc8785

from support.api import Platform, running_platform
from support.cluster import Cluster
from support.partners import Partners, agreement, person
from support.statements import heard

REFERENCE = "ATH-ISA-7001"
SILENT = "ATH-ISA-7002"
"""An agreement that doesn't even point to a restricted record."""
HIDDEN_BORN = "1991-05-06"
UUIDS = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_traced: ContextVar[list[str] | None] = ContextVar("_traced", default=None)
SUMMARY = {"names", "sex", "gender", "date_of_birth", "date_of_death", "place_of_birth"}


@pytest.fixture(scope="module")
async def platform(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    with cluster.locked():
        name = await cluster.create(consortium)
    directory: Path = tmp_path_factory.mktemp("partners")
    async with running_platform(cluster.store(name), directory) as running:
        yield running
    await cluster.drop(name)


@pytest.fixture(scope="module")
async def partners(platform: Platform) -> Partners:
    made = Partners(platform)
    await made.onboard("a-shelter")
    silent = agreement(SILENT, "a-shelter", restricted_level="none")
    await made.agree("a-shelter", agreement(REFERENCE, "a-shelter"), silent)
    people = [
        person("Okonkwo", "Adaeze", "1984-03-12"),
        person("Hidden", "Harriet", HIDDEN_BORN, marking="OFFICIAL-SENSITIVE"),
        person("Withheld", "Wendy", HIDDEN_BORN, restricted=True),
        person("Pointer", "Petra", "1979-08-09", handling="C", conditions=["S2"]),
        person("Twin", "Tessa", "2001-02-03"),
        person("Twin", "Tessa", "2001-02-03", sex="M"),
    ]
    elsewhere = person("Elsewhere", "Ella", HIDDEN_BORN)
    for member, nominal in [
        *(("records.essex", nominal) for nominal in people),
        ("records.kent", elsewhere),
    ]:
        created = await platform.create(member, nominal)
        if created.status_code == 409:
            matches = created.json()["likely_matches"]
            created = await platform.create(member, nominal, acknowledged_matches=matches)
        assert created.status_code == 201, created.text
    await platform.runtime.searcher.names.refresh()
    return made


async def check(partners: Partners, **fields: Any) -> dict[str, Any]:
    answer = await partners.check(partners.asker("a-shelter", REFERENCE), **fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.content == rfc8785.dumps(found)
    return found


async def test_a_match_tells_what_the_agreement_allows(partners: Partners) -> None:
    told = await check(
        partners, family_name="Okonkwo", given_names="Adaeze", date_of_birth="1984-03-12"
    )
    assert told["result"] == "match"
    (record,) = told["records"]
    assert set(record["person"]) <= SUMMARY | {"addresses", "markers"}
    assert {"markers", "addresses"} <= record["person"].keys()
    assert record["source_force"] == "essex"
    assert "no_onward_sharing" in {item["code"] for item in record["obligations"]}
    assert record["reliability"]["subject_categories"] == []
    summary = await check(
        partners,
        family_name="Okonkwo",
        given_names="Adaeze",
        date_of_birth="1984-03-12",
        purpose="missing_person",
    )
    assert set(summary["records"][0]["person"]) <= SUMMARY


async def test_a_name_without_a_date_is_possible_and_reveals_nothing(partners: Partners) -> None:
    told = await check(partners, family_name="Okonkwo", given_names="Adaeze", date_of_birth=None)
    assert (told["result"], told["records"]) == ("possible", [])
    assert told["ask_for"] == ["date_of_birth", "sex", "all_given_names"]


async def test_two_of_one_name_and_day_are_possible_until_something_tells_them_apart(
    partners: Partners,
) -> None:
    twin = {"family_name": "Twin", "given_names": "Tessa", "date_of_birth": "2001-02-03"}
    told = await check(partners, **twin)
    assert (told["result"], told["records"]) == ("possible", [])


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the SQL that is run for the caller, not what the platform does besides."""
    run: list[str] = []
    mine = _traced.set(run)

    def note(_: str, statement: str) -> None:
        if _traced.get() is run:
            run.append(statement)

    try:
        with heard(note):
            yield run
    finally:
        _traced.reset(mine)


def seen_from_outside(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return all that a partner gets back, but for what is new with every answer: ids and dates."""
    headers = [
        (name, UUIDS.sub(b"-", value.encode()).decode())
        for name, value in answer.headers.multi_items()
        if name != "date"
    ]
    return answer.status_code, headers, UUIDS.sub(b"-", answer.content)


NOT_KNOWN = {
    "known to nobody": {"family_name": "Nobody", "given_names": "Known"},
    "a surname that nobody has": {"family_name": "Zzyzx", "given_names": "Harriet"},
    "names that others have": {"family_name": "Hidden", "given_names": "Ella"},
}
NOT_TOLD = {
    "marked too high": {"family_name": "Hidden", "given_names": "Harriet"},
    "a pointer, by another date": {"family_name": "Pointer", "given_names": "Petra"},
    "of a force outside the agreement": {"family_name": "Elsewhere", "given_names": "Ella"},
}
RESTRICTED = {"family_name": "Withheld", "given_names": "Wendy"}


@pytest.mark.parametrize("reference", [REFERENCE, SILENT])
async def test_nothing_known_and_nothing_allowed_are_the_same_bytes_by_the_same_statements(
    partners: Partners, reference: str
) -> None:
    """Existence can't be probed, neither by an answer nor by the work that goes into it."""
    asker = partners.asker("a-shelter", reference)
    await partners.check(asker)  # what the agreement allows is worked out once, and kept
    seen, ran = {}, {}
    restricted = {"restricted": RESTRICTED} if reference == SILENT else {}
    for name, asked in (NOT_KNOWN | NOT_TOLD | restricted).items():
        with statements() as run:
            answer = await partners.check(asker, **{"date_of_birth": HIDDEN_BORN, **asked})
        assert answer.json()["result"] == "no_match", name
        seen[name], ran[name] = seen_from_outside(answer), run
    first = next(iter(NOT_KNOWN))
    for looked in ("sharing.find_people", "sharing.point_to"):
        assert any(looked in statement for statement in ran[first]), looked
    for name in seen:
        assert seen[name] == seen[first], name
        assert ran[name] == ran[first], name
    pointed = {"family_name": "Pointer", "given_names": "Petra", "date_of_birth": "1979-08-09"}
    with statements() as run:
        told = await partners.check(asker, **pointed)
    assert seen_from_outside(told) != seen[first]
    assert run != ran[first]


async def test_a_pointer_names_the_force_and_whom_to_contact_alone(partners: Partners) -> None:
    petra = {"family_name": "Pointer", "given_names": "Petra"}
    told = await check(partners, **petra, date_of_birth="1979-08-09")
    (record,) = told["records"]
    assert (told["result"], record["level"]) == ("match", "pointer")
    assert set(record) == {
        "contact",
        "disclosure_id",
        "level",
        "obligations",
        "retention",
        "source_force",
    }
    for other in ("1979-08-10", None):
        told = await check(partners, **petra, date_of_birth=other)
        assert (told["result"], told["records"]) == ("no_match", [])


async def test_the_ledger_says_what_was_sent(partners: Partners, platform: Platform) -> None:
    asked = {"family_name": "Okonkwo", "given_names": "Adaeze", "date_of_birth": "1984-03-12"}
    told = await check(partners, **asked)
    (record,) = told["records"]
    asker = partners.asker("a-shelter", REFERENCE)
    ledgers = [(await partners.get(asker, "/ppss/v1/disclosures")).json()]
    for account in ("dpo.essex", "auditor"):
        answer = await platform.client.get(
            "/api/v1/disclosures", headers=await platform.headers(account)
        )
        assert answer.status_code == 200, answer.text
        ledgers.append(answer.json())
    for ledger in ledgers:
        line = ledger["lines"][0]
        assert line["disclosure_id"] == record["disclosure_id"]
        assert line["digest"] == hashlib.sha256(rfc8785.dumps(record)).hexdigest()
        assert line["fields"] == sorted(record["person"])
        assert (line["asked_by"], line["asked_role"]) == ("j.smith", "social worker")
    for account in ("officer.essex", "dpo.kent", "amo.admin"):
        answer = await platform.client.get(
            "/api/v1/disclosures", headers=await platform.headers(account)
        )
        assert answer.status_code == 403 or answer.json()["lines"] == []


async def test_the_same_key_has_the_same_answer_and_no_other_body(partners: Partners) -> None:
    asker = partners.asker("a-shelter", REFERENCE)
    asked = {"family_name": "Okonkwo", "given_names": "Adaeze", "date_of_birth": "1984-03-12"}
    first = await partners.check(asker, "once", **asked)
    again = await partners.check(asker, "once", **asked)
    assert (again.status_code, again.content) == (200, first.content)
    other = await partners.check(asker, "once", **{**asked, "given_names": "Ada"})
    assert other.status_code == 422
    assert other.json()["type"] == "urn:athena:problem:idempotency-key-reused"
    somebody = partners.asker("a-shelter", REFERENCE, user="k.jones")
    assert (await partners.check(somebody, "once", **asked)).status_code == 422


async def test_with_a_nominal_goes_what_was_told_of_it_and_the_ledger_stays(
    partners: Partners, platform: Platform
) -> None:
    nominal = person("Leaving", "Lena", "1966-06-06")
    created = await platform.create("officer.essex", nominal)
    assert created.status_code == 201, created.text
    await platform.runtime.searcher.names.refresh()
    asker = partners.asker("a-shelter", REFERENCE)
    asked = {"family_name": "Leaving", "given_names": "Lena", "date_of_birth": "1966-06-06"}
    told = (await partners.check(asker, "leaving", **asked)).json()
    assert told["result"] == "match"
    nominal_id = created.json()["id"]
    erased = await platform.client.request(
        "DELETE",
        f"/api/v1/nominals/{nominal_id}?version=1",
        headers=await platform.headers("records.essex"),
    )
    assert erased.status_code == 204, erased.text
    again = await partners.check(asker, "leaving", **asked)
    assert again.json()["type"] == "urn:athena:problem:answer-gone"
    ledger = (await partners.get(asker, "/ppss/v1/disclosures")).json()["lines"]
    (line,) = [
        line for line in ledger if line["disclosure_id"] == told["records"][0]["disclosure_id"]
    ]
    assert line["payload_kept"] is False


async def test_with_a_forces_lines_go_the_answers_that_told_of_its_records(
    partners: Partners, platform: Platform, cluster: Cluster
) -> None:
    asker = partners.asker("a-shelter", REFERENCE)
    asked = {"family_name": "Okonkwo", "given_names": "Adaeze", "date_of_birth": "1984-03-12"}
    assert (await partners.check(asker, "of a force", **asked)).status_code == 400
    told = (await partners.check(asker, "of-a-force", **asked)).json()
    (record,) = told["records"]
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        gone = await admin.execute(
            "DELETE FROM sharing.disclosure WHERE disclosure_id = $1", record["disclosure_id"]
        )
    finally:
        await admin.close()
    assert gone == "DELETE 1"
    again = await partners.check(asker, "of-a-force", **asked)
    assert again.json()["type"] == "urn:athena:problem:answer-gone"
