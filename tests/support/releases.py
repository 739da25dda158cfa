"""Releases as their users call them, for tests: plans, rings, and what forces have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from athena.governance.health.models import BUCKETS
from support.api import Platform
from support.cluster import Cluster
from support.governance import AMO, Chamber, request

FEATURE = "link-suggestions"
ITEMS = ("trained", "rehearsed", "desk-staffed")
STANDARD = "switch-a-feature"
ENOUGH = 1_000_000
"""So many requests that those of the tests themselves, which the platform counts, are nothing."""


def window(hours: float = -1, length: float = 6) -> dict[str, str]:
    """Return a window that begins so many hours from now."""
    begins = datetime.now(UTC) + timedelta(hours=hours)
    return {
        "begins": begins.isoformat(),
        "ends": (begins + timedelta(hours=length)).isoformat(),
    }


def ring(*forces: str, **changes: Any) -> dict[str, Any]:
    """Return a ring of some forces, whose time is now."""
    return {"name": f"Ring of {forces[0]}", "forces": list(forces), "window": window()} | changes


def plan(*changes: str, **more: Any) -> dict[str, Any]:
    """Return a release's plan: Kent and then Essex, with an item for each environment."""
    return {
        "title": "Link suggestions",
        "description": "Suggestions of links, force by force.",
        "changes": list(changes),
        "features": [FEATURE],
        "rings": [ring("kent"), ring("essex")],
        "checklist": [
            {"item": "trained", "text": "Officers are trained", "environment": "training"},
            {"item": "rehearsed", "text": "Rehearsed with copies", "environment": "pre_live"},
            {
                "item": "desk-staffed",
                "text": "The service desk is staffed",
                "environment": "live",
                "ring": 1,
            },
        ],
        "health": {
            "minimum_requests": ENOUGH,
            "errors_per_thousand": 10,
            "p95_milliseconds": 500,
        },
        "way_back": {"kind": "back_out", "plan": "Switch it off; nothing is stored by it."},
    } | more


@dataclass
class Rollouts:
    """Releases over the API, and what the store says that forces have."""

    chamber: Chamber
    admin: asyncpg.Connection

    async def change(self, **changes: Any) -> str:
        """Return a change that is authorised: a standard one, or by a vote where it differs."""
        if not changes:
            document = request(kind="standard", catalogue=STANDARD, one_off_pence=0)
            return await self.chamber.submitted(document)
        reference = await self.chamber.assessed(request(**changes))
        await self.chamber.carried(await self.chamber.body(), reference)
        return reference

    async def catalogue(self) -> None:
        """Let the entry of the catalogue that `change` follows be approved, once."""
        await self.chamber.done(
            AMO,
            "catalogue",
            slug=STANDARD,
            title="Switch a feature",
            procedure="By a release.",
        )
        await self.chamber.carried(await self.chamber.body(), STANDARD, "catalogue")

    async def drafted(self, document: dict[str, Any] | None = None) -> str:
        """Draft a release and return its reference."""
        document = document or plan(await self.change())
        return str((await self.chamber.done(AMO, "releases", document=document))["reference"])

    async def do(self, name: str, path: str, account: str = AMO, **body: Any) -> Any:
        """Take a step of a release that must succeed."""
        return await self.chamber.done(account, f"releases/{name}/{path}", **body)

    async def confirmed(self, name: str, *items: str) -> None:
        """Confirm items of the checklist as a go."""
        for item in items or ITEMS:
            await self.do(name, "confirmations", item=item, link="https://evidence.example/1")

    async def approved(self, document: dict[str, Any] | None = None) -> str:
        """Bring a release to be approved, with every item confirmed."""
        name = await self.drafted(document)
        await self.do(name, "plan")
        await self.confirmed(name)
        await self.do(name, "approve")
        return name

    async def rolling(self, document: dict[str, Any] | None = None) -> str:
        """Bring a release to be rolled out, with every ring told."""
        name = await self.approved(document)
        after = await self.do(name, "begin")
        for item in after["rings"]:
            await self.do(name, f"rings/{item['number']}/notify")
        return name

    async def finished(self, *forces: str) -> str:
        """Bring a release of one ring to be live, reviewed and closed."""
        document = plan(await self.change(), rings=[ring(*forces)])
        name = await self.rolling(document)
        await self.do(name, "rings/1/go-live")
        await self.do(name, "review", findings="Nobody rang the desk.")
        await self.do(name, "close")
        return name

    async def show(self, name: str, account: str = "auditor") -> Any:
        """Return a release as an account sees it."""
        found = await self.chamber.get(account, f"releases/{name}")
        assert found.status_code == 200, found.text
        return found.json()

    async def has(self, *forces: str, feature: str = FEATURE) -> dict[str, bool]:
        """Return which forces have a feature, of those that a release governs."""
        rows = await self.admin.fetch(
            "SELECT t.slug, s.is_on FROM governance.feature_switch AS s "
            "JOIN tenants.tenant AS t USING (tenant_id) WHERE s.feature = $1 "
            "AND t.slug = ANY($2)",
            feature,
            list(forces),
        )
        return {row["slug"]: row["is_on"] for row in rows}

    async def served(
        self, force: str, requests: int, errors: int = 0, *, alone: bool = True
    ) -> None:
        """Count requests of a force in the minute to come, all of them fast, and no others."""
        if alone:
            await self.admin.execute("DELETE FROM governance.request_count")
        buckets = [requests, *[0] * (BUCKETS - 1)]
        await self.admin.execute(
            "INSERT INTO governance.request_count (tenant_id, process, began_at, requests, "
            "errors, buckets) SELECT tenant_id, gen_random_uuid(), now() + interval '1 minute', "
            "$2, $3, $4 FROM tenants.tenant WHERE slug = $1",
            force,
            requests,
            errors,
            buckets,
        )

    async def state_of(self, name: str) -> tuple[str, list[str]]:
        """Return where a release is, and its rings."""
        view = await self.show(name)
        return view["state"], [item["state"] for item in view["rings"]]

    async def refused(
        self, name: str, path: str, status: int, *told: str, account: str = AMO, **body: Any
    ) -> None:
        """Take a step that is refused, says why, and changes neither release nor features."""
        before = await self.show(name), await self.has("kent", "essex")
        answer = await self.chamber.post(account, f"releases/{name}/{path}", **body)
        assert answer.status_code == status, answer.text
        for words in told:
            assert words in answer.json()["detail"]
        assert (await self.show(name), await self.has("kent", "essex")) == before

    async def end_all(self) -> None:
        """End every release, so that others may switch the same features, which nobody has."""
        for release in (await self.chamber.get(AMO, "releases")).json():
            if release["state"] in ("rolling", "held", "live"):
                await self.do(release["reference"], "back-out")
            elif release["state"] in ("planned", "approved"):
                await self.do(release["reference"], "cancel")
        await self.admin.execute("DELETE FROM governance.feature_switch")


@asynccontextmanager
async def opened_rollouts(platform: Platform, cluster: Cluster) -> AsyncIterator[Rollouts]:
    """Yield the API with an approved entry of the catalogue, for changes that need no vote."""
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        opened = Rollouts(Chamber(platform), admin)
        await opened.catalogue()
        yield opened
    finally:
        await admin.close()
