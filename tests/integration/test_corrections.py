"""Corrections: whoever was told a fact that changes or goes is told so, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.identity import NominalId, Purpose
from athena.policies.roles.actions import Action
from athena.records.nominals import service as nominals
from athena.records.nominals.schemas import NominalDraft
from athena.sharing.ppss.corrections.escalating import escalate_overdue
from athena.sharing.ppss.corrections.models import due
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.cluster import Cluster
from support.records import create_nominal
from support.told_partners import disclose, register_partner

PERSON: dict[str, Any] = {
    "names": [{"given_names": "Wrongly", "surname": "Recorded"}],
    "sex": "F",
    "date_of_birth": "1990-05-17",
    "contacts": [{"kind": "telephone", "value": "07700 900123"}],
    "addresses": [
        {"location": {"street": "1 Elm Road", "postcode": "ZZ1 1ZZ"}},
        {"location": {"street": "2 Elm Road", "postcode": "ZZ1 1ZZ"}},
    ],
}
_numbers = iter(range(1000))


class Told:
    """The platform with a partner, and what the store says it is told."""

    def __init__(self, platform: Platform, admin: asyncpg.Connection, partner: int) -> None:
        self.platform = platform
        self.admin = admin
        self.partner = partner

    async def person(self) -> NominalId:
        return await create_nominal(self.platform, "kent", PERSON)

    async def given(self, nominal: NominalId, *fields: str) -> str:
        return str(await disclose(self.admin, self.partner, "kent", nominal, fields))

    async def amend(self, nominal: NominalId, *, fails: bool = False, **changed: Any) -> None:
        runtime = self.platform.runtime
        subject = await subject_by_username(runtime.database, "records.kent")
        draft = NominalDraft.model_validate({**PERSON, **changed})
        await nominals.prepare(runtime.database, runtime.register, subject, draft)
        entry = Entry(EventKind.ALTERATION, "nominals.amend", REASON)
        async with runtime.gate.alter(
            subject, Action.NOMINALS_AMEND, Purpose.DATA_QUALITY, entry
        ) as alteration:
            version = await self.version(nominal)
            await nominals.amend(alteration, runtime.register, nominal, version, draft)
            if fails:
                raise NotFoundError("Something else failed.")

    async def erase(self, nominal: NominalId) -> None:
        runtime = self.platform.runtime
        subject = await subject_by_username(runtime.database, "records.kent")
        entry = Entry(EventKind.ERASURE, "nominals.erase", REASON)
        async with runtime.gate.alter(
            subject, Action.NOMINALS_ERASE, Purpose.DATA_QUALITY, entry
        ) as alteration:
            await nominals.erase(alteration, nominal, await self.version(nominal))

    async def version(self, nominal: NominalId) -> int:
        query = "SELECT version FROM records.nominal WHERE nominal_id = $1"
        found: int = await self.admin.fetchval(query, nominal)
        return found

    async def corrections(self, nominal: NominalId) -> list[tuple[str, str, list[str]]]:
        rows = await self.admin.fetch(
            "SELECT disclosure_id::text, change, fields FROM sharing.correction "
            "WHERE nominal_id = $1 ORDER BY changed_at, disclosure_id",
            nominal,
        )
        return [tuple(row) for row in rows]


@pytest.fixture
async def told(platform: Platform, cluster: Cluster) -> AsyncIterator[Told]:
    admin = await cluster.admin(platform.runtime.database.address.database)
    try:
        partner = await register_partner(admin, f"partner-{next(_numbers)}")
        yield Told(platform, admin, partner)
    finally:
        await admin.close()


async def test_what_was_disclosed_and_changed_is_corrected(told: Told) -> None:
    nominal = await told.person()
    born = await told.given(nominal, "names", "date_of_birth")
    await told.given(nominal, "names", "addresses")
    await told.amend(nominal, date_of_birth="1990-05-18")
    assert await told.corrections(nominal) == [(born, "rectified", ["date_of_birth"])]
    event = await told.admin.fetchrow(
        "SELECT e.kind, e.body::text AS body, e.state FROM sharing.partner_event AS e "
        "JOIN sharing.correction AS c USING (owner_force, event_id) WHERE c.nominal_id = $1",
        nominal,
    )
    assert (event["kind"], event["state"]) == ("correction", "pending")
    body = json.loads(event["body"])
    assert (body["disclosure_id"], body["fields"]) == (born, ["date_of_birth"])
    told_of = {"correction_id", "disclosure_id", "check_id", "owner_force", "change", "fields"}
    assert set(body) == told_of | {"changed_at"}, "no record by its id, no value, old or new"
    assert str(nominal) not in event["body"]
    logged = await told.admin.fetchval(
        "SELECT count(*) FROM audit.event WHERE action = 'corrections.told' "
        "AND records @> jsonb_build_array(jsonb_build_object('nominal_id', $1::text))",
        str(nominal),
    )
    assert logged == 1


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"names": [{"given_names": "Rightly", "surname": "Recorded"}]}, ["names"]),
        ({"sex": "M"}, ["sex"]),
        ({"date_of_birth": "1990-05"}, ["date_of_birth"]),
        ({"contacts": []}, ["contacts"]),
        ({"addresses": PERSON["addresses"][:1]}, ["addresses"]),
        ({"sex": "M", "contacts": []}, ["contacts", "sex"]),
    ],
)
async def test_each_field_is_told_by_its_name(
    told: Told, changed: dict[str, Any], wrong: list[str]
) -> None:
    nominal = await told.person()
    every = ("names", "sex", "date_of_birth", "contacts", "addresses", "markers")
    given = await told.given(nominal, *every)
    await told.amend(nominal, **changed)
    assert await told.corrections(nominal) == [(given, "rectified", wrong)]


async def test_what_is_only_added_or_written_anew_corrects_nothing(told: Told) -> None:
    nominal = await told.person()
    await told.given(nominal, "names", "contacts", "addresses")
    more = [*PERSON["contacts"], {"kind": "email", "value": "w@example.org"}]
    await told.amend(nominal, contacts=more)
    assert await told.corrections(nominal) == []
    await told.amend(nominal, contacts=more, date_of_birth="1990-05-19")
    assert await told.corrections(nominal) == [], "names are written anew with the day of birth"


async def test_erased_is_told_of_everything_and_the_ledger_stays(told: Told) -> None:
    nominal = await told.person()
    given = await told.given(nominal, "names", "contacts")
    await told.amend(nominal, contacts=[])
    await told.erase(nominal)
    assert sorted(await told.corrections(nominal)) == [
        (given, "erased", ["contacts", "names"]),
        (given, "rectified", ["contacts"]),
    ]


async def test_a_field_that_this_release_does_not_know_is_corrected_to_be_safe(told: Told) -> None:
    nominal = await told.person()
    given = await told.given(nominal, "names", "shoe_size")
    await told.amend(nominal, sex="M")
    assert await told.corrections(nominal) == [(given, "rectified", ["shoe_size"])]


async def test_a_change_that_fails_tells_nobody(told: Told) -> None:
    nominal = await told.person()
    await told.given(nominal, "names", "sex")
    with pytest.raises(NotFoundError):
        await told.amend(nominal, fails=True, sex="M")
    assert await told.corrections(nominal) == []


async def test_overdue_lands_on_the_worklist_once(told: Told) -> None:
    nominal = await told.person()
    await told.given(nominal, "sex")
    await told.amend(nominal, sex="M")
    database = told.platform.runtime.database
    changed = await told.admin.fetchval(
        "SELECT changed_at FROM sharing.correction WHERE nominal_id = $1", nominal
    )
    late = due(changed).at
    items = "SELECT * FROM work.item WHERE record_id = $1"
    await escalate_overdue(database, late - timedelta(seconds=1))
    assert await told.admin.fetch(items, nominal) == []
    await escalate_overdue(database, late)
    await escalate_overdue(database, late + timedelta(days=1))
    (item,) = await told.admin.fetch(items, nominal)
    assert (item["kind"], item["state"], item["due_at"]) == ("correction_overdue", "open", late)
    assert item["assignee_role"] == "data_protection_officer"
    logged = await told.admin.fetchval(
        "SELECT count(*) FROM audit.event AS e JOIN audit.content AS c USING (at, event_id) "
        "WHERE e.action = 'worklist.open' AND c.content ->> 'item' = $1",
        str(item["item_id"]),
    )
    assert logged == 1
    headers = await told.platform.headers("dpo.kent")
    listed = await told.platform.client.get("/api/v1/worklist", headers=headers)
    assert str(item["item_id"]) in {found["id"] for found in listed.json()}
    closing = {"outcome": "told_otherwise", "reason": REASON, "version": 1}
    closed = await told.platform.client.post(
        f"/api/v1/worklist/{item['item_id']}/close", json=closing, headers=headers
    )
    assert closed.status_code == 200, closed.text


def test_two_working_days_run_from_the_day_after() -> None:
    friday = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    assert due(friday).at == datetime(2026, 12, 2, 0, 0, tzinfo=UTC)
