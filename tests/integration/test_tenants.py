"""A tenth force comes while others work, and goes: nothing is shared by or to it then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.identity import Purpose
from athena.platform.kernel.settings import Settings
from athena.platform.runtime import Runtime, running
from athena.policies.roles.actions import Action
from athena.records.nominals.models import ROW_TABLES
from athena.tenants.directory.models import force_login
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.cluster import Cluster
from support.tenth import agree, create_force, force_request, get, post
from support.waiting import until_stored


def person(given_names: str, surname: str) -> dict[str, Any]:
    """Return a nominal to create."""
    return {"names": [{"given_names": given_names, "surname": surname}]}


async def admin_of(platform: Platform, cluster: Cluster) -> asyncpg.Connection:
    """Return a superuser's connection to the platform's database."""
    return await cluster.admin(platform.runtime.store.address.database)


async def owners(platform: Platform, username: str, name: str) -> set[str]:
    """Return which forces a member's search shows anything of."""
    answer = await platform.search(username, name=name)
    assert answer.status_code == 200, answer.text
    return {hit["owner_force"] for hit in answer.json()["results"]}


@pytest.fixture
async def another_process(platform: Platform, tmp_path: Path) -> AsyncIterator[Runtime]:
    """Yield a second runtime over the same store, as another process has one."""
    async with running(platform.runtime.store, Settings(data_dir=tmp_path)) as runtime:
        yield runtime


async def can_read(runtime: Runtime, subject: Any) -> bool:
    """Tell whether a member who was resolved before may open a consultation that shows anything."""
    entry = Entry(EventKind.CONSULTATION, "nominals.read", REASON)
    try:
        async with runtime.gate.consult(
            subject, Action.NOMINALS_READ, Purpose.INVESTIGATION, entry
        ) as consultation:
            rows = await consultation.session.rows("SELECT 1 FROM records.nominal")
            return bool(rows)
    except AthenaError:
        return False


class TestCreating:
    async def test_searches_go_on_while_a_force_is_created(self, platform: Platform) -> None:
        created = asyncio.Event()

        async def keep_searching(username: str) -> int:
            count = 0
            while not created.is_set() or count < 3:
                answer = await platform.search(username, name="jonathan smyth")
                assert answer.status_code == 200, answer.text
                count += 1
            return count

        async def create() -> None:
            await create_force(platform, "t-amid", "71")
            created.set()

        forces = ("kent", "essex", "norfolk")
        counts = await asyncio.gather(*(keep_searching(f"officer.{f}") for f in forces), create())
        assert all(count for count in counts[:-1] if count is not None)

    async def test_it_shares_nothing_until_an_agreement_is_in_force(
        self, platform: Platform, another_process: Runtime
    ) -> None:
        await create_force(platform, "t-new", "72")
        own = person("Thaddeus", "Quillfeather")
        kents = person("Thaddeus", "Quillfether")
        assert (await platform.create("officer.t-new", own)).status_code == 201
        assert (await platform.create("officer.kent", kents)).status_code == 201
        name = "thaddeus quillfeather"
        assert await owners(platform, "officer.t-new", name) == {"t-new"}
        assert await owners(platform, "officer.kent", name) == {"kent"}
        await agree(platform, "t-new", "kent")
        assert await owners(platform, "officer.kent", name) == {"kent", "t-new"}
        assert await owners(platform, "officer.t-new", name) == {"t-new"}
        officer = await subject_by_username(another_process.database, "officer.t-new")
        assert await can_read(another_process, officer)

    async def test_it_is_logged_with_who_and_why(self, platform: Platform) -> None:
        body = force_request("t-logged", "73", reason="The council of chiefs decided it")
        assert (await post(platform, "amo.admin", "tenants", **body)).status_code == 201
        async with platform.runtime.database.read("athena_auditor") as session:
            row = await session.one(
                "SELECT e.username, e.kind, c.reason FROM audit.event AS e "
                "JOIN audit.content AS c USING (at, event_id) "
                "WHERE e.action = 'tenants.create' AND c.content ->> 'tenant' = 't-logged'"
            )
        assert row is not None
        assert tuple(row) == ("amo.admin", "administration", "The council of chiefs decided it")

    async def test_partners_share_a_login_and_may_ask_nothing(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        for slug in ("t-shelter", "t-refuge"):
            body = force_request(slug)
            partner = {
                key: body[key]
                for key in ("slug", "name", "contact_unit", "contact_email", "contact_telephone")
            }
            answer = await post(platform, "amo.admin", "tenants", kind="partner", **partner)
            assert answer.status_code == 201, answer.text
        listed = {item["slug"]: item for item in await get(platform, "amo.admin", "tenants")}
        assert listed["t-shelter"]["kind"] == listed["t-refuge"]["kind"] == "partner"
        assert listed["kent"]["status"] == "active"
        for act in ("suspend", "offboard"):
            answer = await post(platform, "amo.admin", f"tenants/t-refuge/{act}")
            assert answer.status_code == 200, answer.text
        listed = {item["slug"]: item for item in await get(platform, "amo.admin", "tenants")}
        assert listed["t-refuge"]["status"] == "offboarded"
        assert listed["t-shelter"]["status"] == "active"


BAD_FORCES: dict[str, dict[str, Any]] = {
    "no reason": {"reason": "  "},
    "a short name with capitals": {"slug": "North"},
    "a short name that is a statement": {"slug": "a'; DROP ROLE kent"},
    "a name of two lines": {"name": "North\nCounty"},
    "an empty name": {"name": " "},
    "a code of letters": {"home_office_code": "AB"},
    "no address": {"contact_email": "nowhere"},
    "no telephone": {"contact_telephone": "ring us"},
    "another force's administrator": {"administrator": "admin.kent"},
    "an unknown kind": {"kind": "ministry"},
    "an unknown field": {"colour": "blue"},
}


class TestRefusing:
    @pytest.mark.parametrize("changes", BAD_FORCES.values(), ids=BAD_FORCES.keys())
    async def test_bad_input_creates_nothing(
        self, platform: Platform, changes: dict[str, Any]
    ) -> None:
        before = await get(platform, "amo.admin", "tenants")
        body = force_request("t-bad", "79", **changes)
        answer = await post(platform, "amo.admin", "tenants", **body)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"].endswith(".")
        assert await get(platform, "amo.admin", "tenants") == before

    @pytest.mark.parametrize("slug", ["kent", "force", "amo", "owner", "ppss", "directory"])
    async def test_a_name_that_is_taken_is_a_conflict(self, platform: Platform, slug: str) -> None:
        body = force_request(slug, "78")
        answer = await post(platform, "amo.admin", "tenants", **body)
        assert answer.status_code == 409, answer.text

    @pytest.mark.parametrize("username", ["officer.kent", "admin.kent", "amo.finance", "auditor"])
    async def test_only_the_client_bodys_administrators_may(
        self, platform: Platform, username: str
    ) -> None:
        for path, body in {
            "tenants": force_request("t-refused"),
            "tenants/kent/suspend": {},
            "tenants/kent/reinstate": {},
        }.items():
            answer = await post(platform, username, path, **body)
            assert answer.status_code == 403, answer.text
        async with platform.runtime.database.read("athena_auditor") as session:
            refusals = await session.value(
                "SELECT count(*) FROM audit.event WHERE kind = 'refusal' "
                "AND action = 'tenants.manage' AND username = :username",
                {"username": username},
            )
        assert refusals == 3

    @pytest.mark.parametrize("slug", ["amo", "oversight"])
    async def test_the_bodies_cant_be_suspended(self, platform: Platform, slug: str) -> None:
        assert (await post(platform, "amo.admin", f"tenants/{slug}/suspend")).status_code == 409

    async def test_an_unknown_tenant_is_not_found(self, platform: Platform) -> None:
        assert (await post(platform, "amo.admin", "tenants/atlantis/suspend")).status_code == 404

    async def test_the_client_bodys_login_reads_no_record(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        admin = await admin_of(platform, cluster)
        readable = await admin.fetch(
            "SELECT c.oid::regclass FROM pg_class AS c WHERE c.relkind = 'r' "
            "AND c.relnamespace = 'records'::regnamespace "
            "AND has_any_column_privilege('athena_amo', c.oid, 'SELECT')"
        )
        await admin.close()
        assert len(ROW_TABLES) > 5
        assert readable == []


class TestSuspending:
    async def test_it_is_cut_off_everywhere_at_once(
        self, platform: Platform, another_process: Runtime, cluster: Cluster
    ) -> None:
        slug = "t-cut"
        await create_force(platform, slug, "74")
        await agree(platform, slug, "kent")
        await agree(platform, "kent", slug)
        created = await platform.create(f"officer.{slug}", person("Ottoline", "Marchbanks"))
        assert created.status_code == 201
        nominal = created.json()["id"]
        officer = await subject_by_username(another_process.database, f"officer.{slug}")
        assert await can_read(another_process, officer)
        assert (await platform.read("officer.kent", nominal)).status_code == 200
        session = await cluster.login(platform.runtime.store.address.database, force_login(slug))
        await session.execute("BEGIN")

        answer = await post(platform, "amo.admin", f"tenants/{slug}/suspend")
        assert answer.status_code == 200, answer.text

        assert not await can_read(another_process, officer)
        assert (await platform.read("officer.kent", nominal)).status_code == 404
        assert await owners(platform, "officer.kent", "ottoline marchbanks") == set()
        searched = await platform.client.post(
            "/api/v1/nominals/search",
            json={"name": "x y", "purpose": "investigation", "reason": REASON},
            headers={"Authorization": f"Bearer {platform.tokens.issue(officer.member_id)}"},
        )
        assert searched.status_code == 401
        admin = await admin_of(platform, cluster)
        await until_stored(
            admin,
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = $1 "
            "AND datname = current_database()",
            force_login(slug),
        )
        await admin.close()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await session.execute("SELECT 1")
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await cluster.login(platform.runtime.store.address.database, force_login(slug))
        assert (await post(platform, "amo.admin", f"tenants/{slug}/suspend")).status_code == 409

        answer = await post(platform, "amo.admin", f"tenants/{slug}/reinstate")
        assert answer.status_code == 200, answer.text
        assert (await platform.read("officer.kent", nominal)).status_code == 200
        assert await can_read(another_process, officer)

    async def test_a_session_that_began_meanwhile_is_ended_too(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        """The store is told by hand, so that only what every process does again and again acts."""
        slug = "t-late"
        await create_force(platform, slug, "75")
        session = await cluster.login(platform.runtime.store.address.database, force_login(slug))
        admin = await admin_of(platform, cluster)
        await admin.execute("UPDATE tenants.tenant SET status = 'suspended' WHERE slug = $1", slug)
        await until_stored(
            admin,
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $1",
            session.get_server_pid(),
        )
        await admin.close()
        session.terminate()
