"""Single records explained: to whom one is restricted, against whom it is locked, who opened it.

Each case is written by hand and asked in a real store. ``helps`` is what the explanation says would
show more, with the level then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

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
    locked: bool = False


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
        ended = await exempt("lifted", manager, "restrictions", member="officer2.kent")
        path = f"/nominals/{made['lifted']}/restrictions/{ended}"
        assert (await call(platform, manager, "DELETE", path)).status_code == 204
        for name in ("opened", "over"):
            found = await platform.search(
                "supervisor.kent", given_name="Octavian", surname=f"Explain{name}"
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


async def test_whom_a_lock_keeps_out_hears_of_no_record(
    platform: Platform, ids: dict[str, str]
) -> None:
    """Nor does anybody of his own force, whose data protection officer sees the record himself."""
    for asker, record, member in (
        ("officer.kent", "locked", ""),
        ("officer.essex", "abroad", ""),
        ("dpo.essex", "abroad", "officer.essex"),
    ):
        with pytest.raises(NotFoundError):
            await explained(platform, asker, ids[record], member)
    told = await explained(platform, "dpo.bedfordshire", ids["abroad"], "officer.essex")
    assert told.locked


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
