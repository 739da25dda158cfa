"""Single records explained: to whom one is restricted, against whom it is locked, who opened it.

Each case is written by hand and asked in a real store. ``helps`` is what the explanation says would
show more, with the level then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.identity import NominalId, Purpose
from athena.policies.explanations.schemas import Explanation
from athena.policies.explanations.service import Explainer
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.cluster import Cluster
from support.exceptions import add_team, call, create

S2 = {"handling": "C", "conditions": ["S2"]}
TEAM = "the-inquiry"


RECORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "locked": ("kent", {}),
    "abroad": ("bedfordshire", {}),
    "hidden": ("norfolk", {}),
    "named": ("kent", {}),
    "crewed": ("kent", {}),
    "lifted": ("kent", {}),
    "both": ("kent", {}),
    "kept": ("kent", {}),
    "opened": ("essex", S2),
    "over": ("essex", S2),
    "sealed": ("essex", {**S2, "sealed": True}),
}
"""The force that has each record, and what is special about it from the start."""


@dataclass(frozen=True)
class Case:
    """Who asks about whose view of a record, and the truth."""

    name: str
    record: str
    asker: str
    member: str
    level: str
    reasons: str
    rule: int | None
    helps: str = ""
    locked: bool | None = False
    """None where the asker isn't told."""


CASES = [
    Case("locked against you, as an auditor hears", "locked", "auditor", "officer.kent",
         "none", "locked", None, "lift_lock full", locked=True),
    Case("locked against you, as its owner's data protection officer hears", "locked",
         "dpo.kent", "officer.kent", "none", "locked", None, "lift_lock full", locked=True),
    Case("locked against another", "locked", "officer2.kent", "", "full", "own_force", 5),
    Case("locked against another, as an auditor hears", "locked", "auditor", "supervisor.kent",
         "full", "own_force", 5),
    Case("locked against a member of another force", "abroad", "auditor", "officer.essex",
         "none", "locked", None, "lift_lock full", locked=True),
    Case("locked against one whom no rule shows it either", "hidden", "auditor", "officer.essex",
         "none", "locked", None, "", locked=True),
    Case("locked against a member of another force, as that force's officer hears it", "abroad",
         "dpo.essex", "officer.essex", "full", "agreement_allows", 15, "add_groups full",
         locked=None),
    Case("not locked, as another force's officer hears it", "abroad", "dpo.essex",
         "supervisor.essex", "full", "agreement_allows", 15, "add_groups full", locked=None),
    Case("named and locked: the lock wins, and lifting it gives what the name gives",
         "both", "auditor", "officer.kent", "none", "locked", None, "lift_lock full",
         locked=True),
    Case("restricted to others, as its owner's data protection officer hears", "named", "dpo.kent",
         "officer2.kent", "pointer", "restricted_to_others", 17, "name_member full"),
    Case("restricted to him, as its owner's data protection officer hears", "named", "dpo.kent",
         "officer.kent", "full", "named_in_restriction own_force", 17),
    Case("restricted to you", "named", "officer.kent", "",
         "full", "named_in_restriction own_force", 17),
    Case("restricted to others of one's force", "named", "auditor", "officer2.kent",
         "pointer", "restricted_to_others", 17, "name_member full"),
    Case("restricted to others, and yet no supervisor is let in", "named", "auditor",
         "supervisor.kent", "pointer", "restricted_to_others", 17, "name_member full"),
    Case("restricted to a team that you are in", "crewed", "officer.kent", "",
         "full", "named_in_restriction own_force", 17),
    Case("restricted to a team that you aren't in", "crewed", "auditor", "officer2.kent",
         "pointer", "restricted_to_others", 17, "name_member full"),
    Case("restricted to a team that you left yesterday", "crewed", "auditor", "records.kent",
         "pointer", "restricted_to_others", 17, "name_member full"),
    Case("a name that is lifted counts no more", "lifted", "auditor", "officer2.kent",
         "pointer", "restricted_to_others", 17, "name_member full"),
    Case("opened in an emergency", "opened", "supervisor.kent", "",
         "full", "agreement_allows consult_originator_first emergency_access", 19),
    Case("opened in an emergency by somebody else", "opened", "auditor", "officer.kent",
         "pointer", "agreement_allows consult_originator_first", 14, "consult_originator full"),
    Case("opened in an emergency that is over", "over", "auditor", "supervisor.kent",
         "pointer", "agreement_allows consult_originator_first", 14, "consult_originator full"),
    Case("opened in an emergency by another force's supervisor", "opened", "auditor",
         "supervisor.norfolk", "pointer", "agreement_allows consult_originator_first", 14,
         "consult_originator full"),
    Case("sealed, which lets no emergency in and hides nothing more", "sealed", "auditor",
         "supervisor.kent", "pointer", "agreement_allows consult_originator_first", 14,
         "consult_originator full"),
]  # fmt: skip


@pytest.fixture(scope="module")
async def ids(platform: Platform, cluster: Cluster) -> dict[str, str]:
    """Create the records, and set on each what its name says."""
    admin = await cluster.admin(platform.runtime.store.address.database)
    manager = "records.kent"
    try:
        await admin.execute(
            "INSERT INTO tenants.member (tenant_id, member_id, username, display_name, clearance) "
            "SELECT tenant_id, gen_random_uuid(), 'officer2.kent', 'A second officer', clearance "
            "FROM tenants.member WHERE username = 'officer.kent'"
        )
        await admin.execute(
            "INSERT INTO tenants.member_role (tenant_id, member_id, role, valid_from) "
            "SELECT tenant_id, member_id, 'officer', current_date - 1 FROM tenants.member "
            "WHERE username = 'officer2.kent'"
        )
        await add_team(platform, cluster, TEAM, "officer.kent", manager)
        await admin.execute(
            "UPDATE tenants.team_member SET valid_to = current_date - 1 WHERE member_id = "
            "(SELECT member_id FROM tenants.member WHERE username = $1)",
            manager,
        )
        made = {
            name: await create(platform, f"officer.{force}", f"Explain{name}", **fields)
            for name, (force, fields) in RECORDS.items()
        }

        async def exempt(name: str, by: str, kind: str, **body: str) -> str:
            answer = await call(platform, by, "POST", f"/nominals/{made[name]}/{kind}", body)
            assert answer.status_code == 201, answer.text
            which: str = answer.json()["id"]
            return which

        await exempt("locked", manager, "locks", member="officer.kent")
        await exempt("abroad", "records.bedfordshire", "locks", member="officer.essex")
        await exempt("hidden", "records.norfolk", "locks", member="officer.essex")
        await exempt("named", manager, "restrictions", member="officer.kent")
        await exempt("crewed", manager, "restrictions", team=TEAM)
        await exempt("lifted", manager, "restrictions", member=manager)
        await exempt("both", manager, "restrictions", member="officer.kent")
        await exempt("both", manager, "locks", member="officer.kent")
        await exempt("kept", manager, "restrictions", member="officer.kent")
        await exempt("kept", manager, "locks", member="dpo.kent")
        ended = await exempt("lifted", manager, "restrictions", member="officer2.kent")
        path = f"/nominals/{made['lifted']}/restrictions/{ended}"
        assert (await call(platform, manager, "DELETE", path)).status_code == 204
        for name in ("opened", "over"):
            found = await platform.search(
                "supervisor.kent",
                given_name="Octavian",
                surname=f"Explain{name}",
            )
            body = {
                "search_id": found.json()["search_id"],
                "owner_force": "essex",
                "emergency": "A child is at risk tonight",
            }
            answer = await call(platform, "supervisor.kent", "POST", "/nominals/break-glass", body)
            assert answer.json()["nominal_id"] == made[name], answer.text
        await admin.execute(
            "UPDATE records.emergency_access SET expires_at = now() - interval '1 second' "
            "WHERE nominal_id = $1",
            UUID(made["over"]),
        )
        platform.runtime.gate.forget()
        return made
    finally:
        await admin.close()


async def explained(
    platform: Platform, asker: str, nominal_id: str, member: str = ""
) -> Explanation:
    """Explain a nominal as somebody, for the purpose of an investigation."""
    database = platform.runtime.database
    return await Explainer(platform.runtime.gate).nominal(
        await subject_by_username(database, asker),
        NominalId(UUID(nominal_id)),
        Purpose.INVESTIGATION,
        REASON,
        await subject_by_username(database, member) if member else None,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_true_reason_is_given(
    case: Case, platform: Platform, ids: dict[str, str]
) -> None:
    told = await explained(platform, case.asker, ids[case.record], case.member)
    (label,) = told.labels
    assert told.locked is case.locked
    assert label.level.value == case.level
    assert " ".join(reason.code for reason in label.reasons) == case.reasons
    assert (label.decided_by.number if label.decided_by else None) == case.rule
    helpful = {f"{wider.kind} {wider.level}" for wider in label.more}
    if case.helps:
        assert case.helps in helpful
    else:
        assert not helpful


@pytest.mark.parametrize(
    ("asker", "record", "member"),
    [
        ("officer.kent", "locked", ""),
        ("officer.essex", "abroad", ""),
        ("officer.kent", "both", ""),
        ("dpo.kent", "kept", ""),
        ("dpo.kent", "kept", "officer.kent"),
        ("dpo.kent", "named", ""),
        ("dpo.norfolk", "named", "officer2.kent"),
    ],
)
async def test_a_record_that_isnt_there_for_the_asker_is_as_absent_as_one_that_never_was(
    platform: Platform, ids: dict[str, str], asker: str, record: str, member: str
) -> None:
    answers = []
    for nominal_id in (ids[record], str(uuid4())):
        with pytest.raises(NotFoundError) as refused:
            await explained(platform, asker, nominal_id, member)
        answers.append(refused.value.problem())
    assert answers[0] == answers[1]


async def test_another_forces_officer_cant_tell_a_lock_from_none(
    platform: Platform, ids: dict[str, str]
) -> None:
    """Of a colleague who is locked out and of one who isn't he hears the same, but for the role."""
    told = [
        await explained(platform, "dpo.essex", ids["abroad"], f"{account}.essex")
        for account in ("officer", "supervisor")
    ]
    assert told[0].labels == told[1].labels
    assert told[0].locked is told[1].locked is None
    assert (await explained(platform, "dpo.bedfordshire", ids["abroad"], "officer.essex")).locked


async def test_an_explanation_of_anothers_view_is_logged_with_what_was_seen(
    platform: Platform, ids: dict[str, str], cluster: Cluster
) -> None:
    await explained(platform, "dpo.kent", ids["named"], "officer2.kent")
    admin = await cluster.admin(platform.runtime.store.address.database)
    records = await admin.fetchval(
        "SELECT records FROM audit.event WHERE username = 'dpo.kent' "
        "AND action = 'decisions.explain' AND kind = 'disclosure' ORDER BY at DESC LIMIT 1"
    )
    await admin.close()
    (seen,) = json.loads(records)
    assert (seen["nominal_id"], seen["level"]) == (ids["named"], "pointer")


async def test_the_api_explains_a_nominal(platform: Platform, ids: dict[str, str]) -> None:
    async def ask(username: str, **body: str) -> tuple[int, dict[str, object]]:
        answer = await call(platform, username, "POST", "/decisions/explanations", body)
        return answer.status_code, answer.json()

    status, told = await ask("auditor", nominal_id=ids["locked"], member="officer.kent")
    assert (status, told["locked"]) == (200, True)
    status, told = await ask("officer.kent", nominal_id=ids["named"])
    assert (status, told["locked"]) == (200, False)
    assert (await ask("officer.kent", nominal_id=ids["locked"]))[0] == 404
    assert (await ask("officer.kent", nominal_id=ids["named"], member="officer2.kent"))[0] == 403
    assert (await ask("auditor", nominal_id=ids["named"]))[0] == 422
    assert (await ask("auditor", nominal_id=ids["named"], member="nobody.kent"))[0] == 404
    assert (await ask("auditor", nominal_id="x"))[0] == 422
    # who may explain nobody else's view can't find out which names there are
    for member in ("supervisor.kent", "nobody.kent"):
        assert (await ask("officer.kent", nominal_id=ids["named"], member=member))[0] == 403
    own = await ask("officer.kent", nominal_id=ids["named"], member="officer.kent")
    assert (own[0], own[1]["locked"]) == (200, False)
