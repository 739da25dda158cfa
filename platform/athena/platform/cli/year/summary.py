"""What a year came to, read back from the store as oversight reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from athena.governance.apportionment.money import pounds
from athena.governance.votes.minute import verify
from athena.platform.cli.year.papers import (
    ADVISORY,
    BOARD,
    CHANGES,
    CUSTODY,
    FORCES,
    RELEASES,
    SUPPORT,
)
from athena.platform.cli.year.stage import Stage, Tell


@dataclass(frozen=True, slots=True)
class Summary:
    """The year's changes, releases, minutes, costs and features, as the store has them."""

    changes: dict[str, dict[str, Any]]
    """By title."""
    releases: dict[str, dict[str, Any]]
    """By title, with their histories."""
    minutes: int
    """How many votes were closed."""
    flawed: int
    """How many of their minutes don't hold."""
    costs: dict[str, int]
    """By force, in pence: what it bears of everything the year committed it to."""
    committed: int
    """What all of that costs, in pence."""
    balance: int
    """The balances of all accounts together, in pence; nought."""
    features: dict[str, dict[str, bool]]
    """By feature and force."""
    forecast: str

    @property
    def backed_out(self) -> list[str]:
        """The releases that were backed out."""
        return [
            release["reference"]
            for release in self.releases.values()
            if any(entry["document"].get("step") == "back_out" for entry in release["entries"])
        ]


async def summary(stage: Stage) -> Summary:
    """Return what the year came to."""
    changes = {
        item["title"]: item for item in await stage.read("changes") if item["title"] in CHANGES
    }
    releases = {
        item["title"]: await stage.read(f"releases/{item['reference']}")
        for item in await stage.read("releases")
        if item["title"] in RELEASES
    }
    votes = [
        vote
        for vote in await stage.read("votes")
        if vote["body"] in (ADVISORY, BOARD, CUSTODY) and vote["status"] == "closed"
    ]
    minutes = [await stage.read(f"votes/{vote['id']}/minute") for vote in votes]
    flawed = sum(not verify(item["minute"], item["digest"]).holds for item in minutes)
    costs, committed = await _costs(stage, {item["reference"] for item in changes.values()})
    balances = await stage.read("ledger/balances")
    features = {
        item["name"]: {each["force"]: each["on"] for each in item["forces"]}
        for item in await stage.read("features")
    }
    forecast = await stage.read(f"ledger/forecasts/{str(stage.year).replace('/', '-')}")
    return Summary(
        changes,
        releases,
        len(minutes),
        flawed,
        costs,
        committed,
        sum(item["pence"] for item in balances),
        features,
        forecast["sentence"],
    )


async def _costs(stage: Stage, references: set[str]) -> tuple[dict[str, int], int]:
    """Return what each force bears of the year's charges, and what those cost together."""
    costs = dict.fromkeys(FORCES, 0)
    total = 0
    for charge in await stage.read("ledger/charges"):
        if charge["change"] not in references and charge["reference"] != SUPPORT:
            continue
        whole = await stage.read(f"ledger/charges/{charge['reference']}")
        for year in whole["years"]:
            total += year["amount_pence"]
            for part in (year["committed"], year["invoiced"]):
                for force, pence in part.items():
                    costs[force] += pence
    return costs, total


def tell(found: Summary, year: str, say: Tell) -> None:
    """Tell what the year came to, and how to look further."""
    states = Counter(item["state"] for item in found.changes.values())
    kinds = Counter(item["kind"] for item in found.changes.values())
    say("\nWhat the year came to")
    say(f"  {len(found.changes)} changes: {_counted(kinds)}; {_counted(states)}.")
    for title, item in sorted(found.changes.items(), key=lambda pair: pair[1]["reference"]):
        say(f"  {item['reference']}  {item['kind']:9}  {item['state']:10}  {title}")
    say(f"  {len(found.releases)} releases; backed out: {', '.join(found.backed_out)}.")
    held = "every minute holds" if not found.flawed else f"{found.flawed} minutes DON'T hold"
    say(f"  {found.minutes} votes were closed, and {held}.")
    say("\nWhat each force bears of what was agreed, and which features it has")
    for force, pence in sorted(found.costs.items()):
        has = [name for name, forces in sorted(found.features.items()) if forces.get(force)]
        say(f"  {force:16} {pounds(pence):>14}  {', '.join(has) or 'none'}")
    shares = sum(found.costs.values())
    say(f"  {'together':16} {pounds(shares):>14}, and what was agreed: {pounds(found.committed)}")
    say(f"  {found.forecast}")
    say(f"  The balances of all accounts together: {pounds(found.balance)}.")
    backed_out = found.backed_out[0] if found.backed_out else "REL-0001"
    first = min((item["reference"] for item in found.changes.values()), default="CR-0001")
    say("\nHow to look further")
    for command in (
        f"athena governance changes show {first} --as auditor",
        f"athena governance votes minute {first} minute.json --as auditor",
        "athena governance votes verify minute.json",
        f"athena governance releases show {backed_out} --as auditor",
        "athena governance features",
        f"athena governance ledger forecast {year}",
        "athena governance oversight --as auditor",
        "athena audit tail --as auditor",
    ):
        say(f"  {command}")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
