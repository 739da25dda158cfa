"""Simulations: what they tell, whom they refuse, and that they change nothing but the log."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from athena.platform.kernel.errors import InvalidInputError, RefusedError
from athena.platform.kernel.identity import Role
from athena.policies.agreements.document import Agreement
from athena.policies.simulations.drafts import read_draft
from athena.policies.simulations.service import asking, simulate
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.cluster import Cluster
from support.drafts import draft, load_nominals, new_agreement, simulated


@pytest.fixture(scope="module")
async def loaded(platform: Platform) -> Platform:
    """Return the platform with nominals of three forces under every label."""
    await load_nominals(platform)
    return platform


async def test_a_simulation_changes_nothing_but_the_log(loaded: Platform, cluster: Cluster) -> None:
    tables = (
        "records.nominal",
        "policies.agreement",
        "policies.decision",
        "ctx.grant_set",
        "ctx.policy_state",
        "ctx.label",
    )
    admin = await cluster.admin(loaded.runtime.store.address.database)
    digest = " || ".join(
        f"(SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {table} AS t)"
        for table in tables
    )
    before = await admin.fetchval(f"SELECT {digest}")
    await simulated(loaded, new_agreement("ATH-ISA-92"))
    assert await admin.fetchval(f"SELECT {digest}") == before
    logged = await admin.fetchrow(
        "SELECT e.username, e.kind, c.content FROM audit.event AS e "
        "JOIN audit.content AS c USING (at, event_id) "
        "WHERE e.action = 'policies.simulate' ORDER BY e.at DESC LIMIT 1"
    )
    await admin.close()
    assert (logged["username"], logged["kind"]) == ("amo.admin", "administration")
    assert json.loads(logged["content"])["agreements"] == ["ATH-ISA-92 version 1"]


async def test_a_new_agreement_is_seen_by_its_recipient_alone(loaded: Platform) -> None:
    report = await simulated(loaded, new_agreement("ATH-ISA-93"))
    assert {change.requester for change in report.changes} <= {"kent"}
    assert {change.label.owner for change in report.changes} <= {"hertfordshire"}
    (named,) = report.agreements
    assert named.replaces is None
    assert named.assumed == ("signed by hertfordshire, kent", "put in force")


async def test_totals_count_each_nominal_once(loaded: Platform) -> None:
    report = await simulated(loaded, new_agreement("ATH-ISA-94"))
    changed = {
        (change.requester, change.purpose, change.label.id): change.label.nominals
        for change in report.changes
    }
    assert sum(line.nominals for line in report.totals) == sum(changed.values())


async def test_past_consultations_are_decided_again(loaded: Platform) -> None:
    """Of what was just asked, exactly Kent's custody searches come out otherwise."""
    for force, purpose, times in (("kent", "custody", 2), ("kent", "safeguarding", 1)):
        for _ in range(times):
            answer = await loaded.search(f"officer.{force}", name="jo bloggs", purpose=purpose)
            assert answer.status_code == 200
    report = await simulated(loaded, new_agreement("ATH-ISA-95"), last=3)
    told = report.consultations
    assert (told.examined, told.decisions) == (3, 2)
    assert (told.different, told.different_decisions) == (2, 1)


@pytest.mark.parametrize("account", ["officer.kent", "dpo.kent", "amo.finance"])
async def test_who_may_not_simulate_is_refused(loaded: Platform, account: str) -> None:
    asker = await subject_by_username(loaded.runtime.database, account)
    asked = asking([new_agreement("ATH-ISA-96")])
    with pytest.raises(RefusedError):
        await simulate(loaded.runtime.gate, asker, asked, REASON)


@pytest.mark.parametrize(
    "drafts",
    [
        (draft("ATH-ISA-03", 1),),
        (new_agreement("ATH-ISA-03"),),
        (draft("ATH-ISA-03", 9), draft("ATH-ISA-03", 10)),
        (
            draft(
                "ATH-ISA-03",
                9,
                parties=[
                    {"tenant": "hertfordshire", "role": "owner"},
                    {"tenant": "atlantis", "role": "recipient"},
                ],
            ),
        ),
    ],
    ids=["stored already", "reference taken", "given twice", "unknown party"],
)
async def test_what_could_never_be_stored_is_refused(
    loaded: Platform, drafts: tuple[Agreement, ...]
) -> None:
    with pytest.raises(InvalidInputError):
        await simulated(loaded, *drafts)


def test_a_draft_must_be_an_agreement(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    for content in (b"{}", b"\xff", b"[", b'{"id": "x"}'):
        path.write_bytes(content)
        with pytest.raises(InvalidInputError) as refused:
            read_draft(path)
        assert refused.value.detail.endswith(".")
    with pytest.raises(InvalidInputError):
        read_draft(tmp_path / "missing.json")


def test_a_day_may_be_given_and_roles_chosen() -> None:
    asked = asking([new_agreement("ATH-ISA-97")], on=date(2030, 1, 1), roles=[Role.SUPERVISOR])
    assert asked.on == date(2030, 1, 1)
    assert {profile.role for profile in asked.profiles} == {Role.SUPERVISOR}
    with pytest.raises(InvalidInputError):
        asking([], roles=[Role.BOARD_MEMBER])


class TestApi:
    async def simulate(
        self, loaded: Platform, account: str, **asked: Any
    ) -> tuple[int, dict[str, Any]]:
        """Ask the API to simulate agreements."""
        documents = [item.model_dump(mode="json") for item in asked.pop("drafts")]
        answer = await loaded.client.post(
            "/api/v1/agreements/simulations",
            json={"agreements": documents, "reason": REASON, **asked},
            headers=await loaded.headers(account),
        )
        return answer.status_code, answer.json()

    @pytest.mark.parametrize("account", ["amo.admin", "auditor"])
    async def test_it_reports_what_the_command_line_does(
        self, loaded: Platform, account: str
    ) -> None:
        drafted = new_agreement("ATH-ISA-98")
        status, told = await self.simulate(loaded, account, drafts=[drafted])
        expected = await simulated(loaded, drafted)
        assert (status, told) == (200, expected.model_dump(mode="json"))
        assert told["totals"]

    async def test_who_may_not_is_refused_and_the_refusal_logged(
        self, loaded: Platform, cluster: Cluster
    ) -> None:
        status, _ = await self.simulate(loaded, "board.kent", drafts=[new_agreement("ATH-ISA-98")])
        admin = await cluster.admin(loaded.runtime.store.address.database)
        logged = await admin.fetchval(
            "SELECT kind FROM audit.event WHERE username = 'board.kent' "
            "AND action = 'policies.simulate' ORDER BY at DESC LIMIT 1"
        )
        await admin.close()
        assert (status, logged) == (403, "refusal")

    @pytest.mark.parametrize(
        "asked",
        [
            {"drafts": []},
            {"last": -1},
            {"last": 10_001},
            {"roles": ["board_member"]},
            {"roles": []},
            {"reason": "x"},
            {"on": "yesterday"},
            {"bundle": "policy"},
            {"drafts": [draft("ATH-ISA-03", 1)]},
        ],
        ids=[
            "no agreement",
            "fewer than none",
            "too many",
            "a role that sees no records",
            "no role",
            "no reason",
            "no day",
            "a policy",
            "stored already",
        ],
    )
    async def test_what_cant_be_simulated_is_told(
        self, loaded: Platform, asked: dict[str, Any]
    ) -> None:
        asked = {"drafts": [new_agreement("ATH-ISA-98")], **asked}
        status, told = await self.simulate(loaded, "amo.admin", **asked)
        assert status == 422
        assert told["detail"].endswith(".")


async def test_the_counter_counts_and_sees_nothing_else(loaded: Platform, cluster: Cluster) -> None:
    connection = await cluster.login(loaded.runtime.store.address.database, "athena_counter")
    counted = await connection.fetch("SELECT * FROM records.count_by_label()")
    tables = await connection.fetch(
        "SELECT c.oid::regclass::text FROM pg_class AS c "
        "JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') "
        "AND c.relkind IN ('r', 'p', 'v') AND has_any_column_privilege(c.oid, 'SELECT')"
    )
    await connection.close()
    assert sum(row["nominals"] for row in counted) == 36
    assert tables == []
