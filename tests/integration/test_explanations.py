"""Explanations: whose decision it is, what is told to whom, and the archive that must repeat."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any
from uuid import uuid4

import httpx
import pytest

from athena.platform.kernel.errors import InvalidInputError, NotFoundError, RefusedError
from athena.platform.kernel.identity import NominalId, Purpose
from athena.policies.explanations.replay import ReplayError
from athena.policies.explanations.schemas import Explanation
from athena.policies.explanations.service import Explainer
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.cluster import Cluster
from support.records import create_nominal

ABSENT = NominalId(uuid4())


def person(**fields: Any) -> dict[str, Any]:
    """Return a nominal, with a suspect's involvement unless told."""
    return {
        "names": [{"given_names": "Peregrine", "surname": "Oakeshott"}],
        "date_of_birth": "1979-05-06",
        "involvements": [
            {"record_class": "investigation", "record_number": str(uuid4()), "role": "suspect"}
        ],
        **fields,
    }


@pytest.fixture(scope="module")
async def ids(platform: Platform) -> dict[str, NominalId]:
    """Create nominals of three forces, and one that its own officers see as a pointer."""
    made: dict[str, tuple[str, dict[str, Any]]] = {
        "hertfordshire": ("hertfordshire", {}),
        "norfolk": ("norfolk", {}),
        "kent": ("kent", {}),
        "restricted": ("kent", {"restricted": True}),
    }
    return {
        name: await create_nominal(platform, force, person(**fields))
        for name, (force, fields) in made.items()
    }


@pytest.fixture(scope="module")
def explainer(platform: Platform) -> Explainer:
    """Return what explains over the running platform."""
    return Explainer(platform.runtime.gate)


async def nominal(
    platform: Platform,
    explainer: Explainer,
    asker: str,
    nominal_id: NominalId,
    member: str | None = None,
    purpose: Purpose = Purpose.INVESTIGATION,
) -> Explanation:
    """Explain a nominal to an asker."""
    database = platform.runtime.database
    return await explainer.nominal(
        await subject_by_username(database, asker),
        nominal_id,
        purpose,
        REASON,
        await subject_by_username(database, member) if member else None,
    )


async def decide(platform: Platform, username: str, purpose: str = "investigation") -> str:
    """Search as a member and return the decision's id."""
    answer = await platform.search(username, name="peregrine oakeshott", purpose=purpose)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["decision_id"])


async def explain(
    platform: Platform, username: str, decision: str, purpose: str = "investigation"
) -> httpx.Response:
    """Ask the API to explain a decision."""
    return await platform.client.get(
        f"/api/v1/decisions/{decision}", headers=await platform.headers(username, purpose)
    )


async def test_a_member_reads_the_chain_of_his_own_decision(
    platform: Platform, ids: dict[str, NominalId]
) -> None:
    decision = await decide(platform, "officer.essex")
    answer = await explain(platform, "officer.essex", decision)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["decision_id"] == decision
    assert told["requester"]["tenant"] == "essex"
    assert "nominals.search" in told["role_rules"][0]["allows"]
    assert told["grant"]["grant_set_id"]
    by_owner = {item["label"]["owner"]: item for item in told["labels"]}
    assert by_owner["hertfordshire"]["level"] == "summary"
    assert by_owner["hertfordshire"]["agreement"]["reference"] == "ATH-ISA-03"
    assert by_owner["hertfordshire"]["clause"] == "purposes.investigation"
    assert by_owner["hertfordshire"]["decided_by"]["number"] == 15
    assert {item["kind"] for item in by_owner["hertfordshire"]["more"]} >= {"add_groups"}
    stand = {(item["owner"], item["agreement"]["reference"]): item for item in told["agreements"]}
    assert stand["norfolk", "ATH-ISA-04"]["reasons"] == ["agreement_review_overdue"]


async def test_labels_that_show_nothing_are_told_to_auditors_only(
    platform: Platform, ids: dict[str, NominalId]
) -> None:
    decision = await decide(platform, "officer.essex")
    own = (await explain(platform, "officer.essex", decision)).json()
    officers = (await explain(platform, "dpo.essex", decision)).json()
    auditors = (await explain(platform, "auditor", decision)).json()
    for told in (own, officers):
        assert told["hidden_labels"]
        assert all(item["level"] != "none" for item in told["labels"])
    assert not auditors["hidden_labels"]
    norfolk = next(item for item in auditors["labels"] if item["label"]["owner"] == "norfolk")
    assert norfolk["level"] == "none"
    assert norfolk["decided_by"]["number"] == 7
    assert "review" in {item["kind"] for item in norfolk["more"]}


@pytest.mark.parametrize("asker", ["supervisor.essex", "officer.kent", "dpo.kent"])
async def test_anothers_decision_is_as_one_that_isnt_there(platform: Platform, asker: str) -> None:
    decision = await decide(platform, "officer.essex", "custody")
    foreign = await explain(platform, asker, decision)
    absent = await explain(platform, asker, str(uuid4()))
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() == absent.json()


async def test_asking_about_a_decision_doesnt_make_it_ones_own(platform: Platform) -> None:
    """The same input gives officers of a force the same decision; only he who used it may ask."""
    decision = await decide(platform, "officer.suffolk", "custody")
    admin_asks = await explain(platform, "records.suffolk", decision, "custody")
    assert admin_asks.status_code == 404


async def test_who_may_not_see_records_is_refused(platform: Platform) -> None:
    answer = await explain(platform, "board.kent", str(uuid4()))
    assert answer.status_code == 403


async def test_every_explanation_is_in_the_log(
    platform: Platform, cluster: Cluster, ids: dict[str, NominalId]
) -> None:
    decision = await decide(platform, "officer.essex")
    await explain(platform, "officer.essex", decision)
    await explain(platform, "auditor", decision)
    await explain(platform, "auditor", str(uuid4()))
    admin = await cluster.admin(platform.runtime.store.address.database)
    logged = await admin.fetch(
        "SELECT e.username, e.kind, c.reason FROM audit.event AS e "
        "JOIN audit.content AS c USING (at, event_id) "
        "WHERE e.action = 'decisions.explain' ORDER BY e.at DESC LIMIT 3"
    )
    await admin.close()
    assert [tuple(row) for row in reversed(logged)] == [
        ("officer.essex", "consultation", REASON),
        ("auditor", "administration", REASON),
        ("auditor", "refusal", REASON),
    ]


class TestNominals:
    async def test_ones_own_view(
        self, platform: Platform, explainer: Explainer, ids: dict[str, NominalId]
    ) -> None:
        told = await nominal(platform, explainer, "officer.essex", ids["hertfordshire"])
        (label,) = told.labels
        assert (label.level.value, label.label.owner) == ("summary", "hertfordshire")
        assert [item.agreement.reference for item in told.agreements] == ["ATH-ISA-03"]
        assert told.grant is not None

    async def test_a_hidden_one_is_as_one_that_isnt_there(
        self, platform: Platform, explainer: Explainer, ids: dict[str, NominalId]
    ) -> None:
        answers = set()
        for hidden in (ids["norfolk"], ABSENT):
            with pytest.raises(NotFoundError) as refused:
                await nominal(platform, explainer, "officer.essex", hidden)
            answers.add(str(refused.value.problem()))
        with pytest.raises(NotFoundError) as refused:
            await nominal(platform, explainer, "officer.kent", ids["restricted"])
        answers.add(str(refused.value.problem()))
        assert len(answers) == 1

    async def test_an_auditor_gets_the_truth(
        self, platform: Platform, explainer: Explainer, ids: dict[str, NominalId]
    ) -> None:
        told = await nominal(platform, explainer, "auditor", ids["norfolk"], "officer.essex")
        (label,) = told.labels
        assert label.level.value == "none"
        assert [reason.code for reason in label.reasons] == ["agreement_review_overdue"]
        with pytest.raises(NotFoundError):
            await nominal(platform, explainer, "auditor", ABSENT, "officer.essex")
        with pytest.raises(InvalidInputError):
            await nominal(platform, explainer, "auditor", ids["norfolk"])

    async def test_the_owners_data_protection_officer_gets_the_truth(
        self, platform: Platform, explainer: Explainer, ids: dict[str, NominalId]
    ) -> None:
        for member, level in (("officer.kent", "pointer"), ("supervisor.kent", "full")):
            told = await nominal(platform, explainer, "dpo.kent", ids["restricted"], member)
            assert told.labels[0].level.value == level
        told = await nominal(platform, explainer, "dpo.norfolk", ids["norfolk"], "officer.essex")
        assert told.labels[0].level.value == "none"
        with pytest.raises(NotFoundError):
            await nominal(platform, explainer, "dpo.essex", ids["hertfordshire"], "officer.suffolk")
        with pytest.raises(NotFoundError):
            await nominal(platform, explainer, "dpo.essex", ids["norfolk"], "officer.essex")

    async def test_an_officer_explains_nobody_elses_view(
        self, platform: Platform, explainer: Explainer, ids: dict[str, NominalId]
    ) -> None:
        with pytest.raises(RefusedError):
            await nominal(platform, explainer, "officer.kent", ids["kent"], "supervisor.kent")

    async def test_supposing_a_members_view_grants_nothing(
        self,
        platform: Platform,
        explainer: Explainer,
        ids: dict[str, NominalId],
        cluster: Cluster,
    ) -> None:
        admin = await cluster.admin(platform.runtime.store.address.database)
        count = "SELECT count(*) FROM ctx.grant_set WHERE username = 'officer.bedfordshire'"
        before = await admin.fetchval(count)
        await nominal(platform, explainer, "auditor", ids["kent"], "officer.bedfordshire")
        assert await admin.fetchval(count) == before
        await admin.close()

    async def test_an_auditors_login_that_logged_nothing_finds_no_label(
        self, platform: Platform, ids: dict[str, NominalId], cluster: Cluster
    ) -> None:
        connection = await cluster.login(platform.runtime.store.address.database, "athena_auditor")
        ask = "SELECT label_id FROM records.label_of($1)"
        assert await connection.fetchval(ask, ids["kent"]) is None
        async with connection.transaction():
            await connection.execute(
                "SELECT audit.administer('test', NULL, 'auditor', '{auditor}', 'A test', '{}')"
            )
            assert await connection.fetchval(ask, ids["kent"]) is not None
        await connection.close()


class TestArchive:
    async def test_the_policy_that_decided_is_kept(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        decision = await decide(platform, "officer.norfolk")
        admin = await cluster.admin(platform.runtime.store.address.database)
        module = await admin.fetchval(
            "SELECT b.module FROM policies.decision AS d JOIN policies.bundle AS b "
            "ON b.revision = d.bundle_revision WHERE d.decision_id = $1",
            decision,
        )
        await admin.close()
        packaged = files("athena.policies.decisions") / "bundle" / "policy.wasm"
        assert hashlib.sha256(module).digest() == hashlib.sha256(packaged.read_bytes()).digest()

    @pytest.mark.parametrize(
        ("force", "altered"),
        [
            ("suffolk", "document = jsonb_set(document, '{decisions,0,level}', '\"none\"')"),
            ("warwickshire", "input = jsonb_set(input, '{purpose}', '\"custody\"')"),
        ],
    )
    async def test_an_altered_decision_isnt_explained(
        self,
        platform: Platform,
        cluster: Cluster,
        ids: dict[str, NominalId],
        force: str,
        altered: str,
    ) -> None:
        decision = await decide(platform, f"officer.{force}", "missing_person")
        admin = await cluster.admin(platform.runtime.store.address.database)
        changed = await admin.execute(
            f"UPDATE policies.decision SET {altered} WHERE decision_id = $1", decision
        )
        await admin.close()
        assert changed == "UPDATE 1"
        answer = await explain(platform, "auditor", decision)
        assert answer.status_code == ReplayError.status
        assert answer.json()["type"] == "urn:athena:problem:replay-differs"
