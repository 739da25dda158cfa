"""A tenth force for a test, under a name of its own: logins belong to the whole server."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from athena.platform.kernel.identity import Purpose
from athena.policies.agreements.document import Agreement
from athena.policies.agreements.founding import CLIENT_BODY, baseline, found
from support.agreements import new_reference
from support.api import REASON, Platform
from support.waiting import until


def force_request(slug: str, code: str = "77", /, **changes: Any) -> dict[str, Any]:
    """Return the body that creates a force."""
    return {
        "kind": "force",
        "slug": slug,
        "name": f"The force {slug}",
        "home_office_code": code,
        "contact_unit": "Records enquiry unit",
        "contact_email": f"records@{slug}.police.example",
        "contact_telephone": "01632 960199",
        "administrator": f"admin.{slug}",
        "administrator_name": "Administrator",
        "reason": REASON,
        **changes,
    }


async def post(platform: Platform, account: str, path: str, /, **body: Any) -> httpx.Response:
    """Send a body as a member."""
    headers = await platform.headers(account)
    body.setdefault("reason", REASON)
    return await platform.client.post(f"/api/v1/{path}", json=body, headers=headers)


async def get(platform: Platform, username: str, path: str) -> Any:
    """Return what a member is shown."""
    answer = await platform.client.get(f"/api/v1/{path}", headers=await platform.headers(username))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def create_force(platform: Platform, slug: str, code: str = "77") -> None:
    """Create a force with an administrator, an officer and a records manager."""
    created = await post(platform, "amo.admin", "tenants", **force_request(slug, code))
    assert created.status_code == 201, created.text
    for account, role in {"officer": "officer", "records": "records_manager"}.items():
        await add_member(platform, f"admin.{slug}", f"{account}.{slug}", role)


async def suspend(platform: Platform, slug: str) -> None:
    """Suspend a tenant and wait until its last session has ended: before, none is off-boarded."""
    answer = await post(platform, "amo.admin", f"tenants/{slug}/suspend")
    assert answer.status_code == 200, answer.text

    async def has_no_session() -> bool:
        async with platform.runtime.database.read("athena_amo") as session:
            left: bool = await session.value(
                "SELECT EXISTS (SELECT FROM pg_stat_activity AS a JOIN tenants.tenant AS t "
                "ON t.login = a.usename WHERE t.slug = :slug AND t.kind = 'force' "
                "AND a.datname = current_database())",
                {"slug": slug},
            )
        return not left

    await until(has_no_session)


async def until_known(platform: Platform, slug: str) -> None:
    """Wait until the running platform's directory has a new force."""

    async def known() -> bool:
        return slug in platform.runtime.searcher.directory

    await until(known)


async def add_member(platform: Platform, administrator: str, username: str, *roles: str) -> str:
    """Let a member join and return its id."""
    answer = await post(
        platform,
        administrator,
        "members",
        username=username,
        display_name=f"Member {username}",
        roles=list(roles),
        clearance="OFFICIAL-SENSITIVE",
    )
    assert answer.status_code == 201, answer.text
    member_id: str = answer.json()["id"]
    return member_id


async def agree(platform: Platform, owner: str, recipient: str, **changes: Any) -> None:
    """Put an agreement in force under which one force shares everything with another, or less."""
    document = next(item for item in baseline() if item.reference == "ATH-ISA-15")
    agreement = Agreement.model_validate(
        {
            **document.model_dump(mode="json"),
            "id": str(uuid4()),
            "reference": new_reference(),
            "parties": [
                {"tenant": owner, "role": "owner"},
                {"tenant": recipient, "role": "recipient"},
            ],
            "signatories": [
                {"tenant": tenant, "office": "Chief Constable", "signed_on": "2026-03-16"}
                for tenant in (owner, recipient)
            ],
            **changes,
        }
    )
    assert Purpose.INVESTIGATION in agreement.purposes
    async with platform.runtime.database.write(CLIENT_BODY) as session:
        await found(session, [agreement])
