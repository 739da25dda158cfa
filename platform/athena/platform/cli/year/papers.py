"""The year's papers: constitutions, change requests, plans of releases. All of it is made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from athena.platform.kernel.features import BREAK_GLASS, LINK_SUGGESTIONS
from athena.tenants.consortium import FORCE_SLUGS

AMO = "amo.admin"
FINANCE = "amo.finance"
FORCES = tuple(sorted(FORCE_SLUGS))
EVIDENCE = "https://evidence.example/made-up"

BOARD = "year-board"
ADVISORY = "year-advisory-board"
CUSTODY = "year-custody-group"
PRINTER = "year-desk-printer"
FORMULA = "year-blend"
SUPPORT = "YEAR-SUPPORT"

LINKS = "Suggest links between forces' records"
PHOTOGRAPHS = "Custody photographs beside the record"
PRINTER_SUFFOLK = "A printer at Ipswich custody desk"
DICTATION = "Replace every keyboard by dictation"
COLOURS = "Colours of the screens by shift"
VOICE_NOTES = "Voice notes in custody records"
CLOCKS = "Custody clocks stand still"
BREAK_GLASS_FORM = "A clearer form for opening a record in an emergency"
VETTING = "Show the vetting level of whoever asks"
OLD_FORMAT = "Retire the old format of imports"
PRINTER_ESSEX = "A printer at Basildon custody desk"
UPGRADE = "Next year's upgrade of the search"

SPRING = "The made-up year's first release: link suggestions"
AUTUMN = "The made-up year's second release: emergency access"
WINTER = "The made-up year's third release: emergency access again"

CHANGES = (
    LINKS,
    PHOTOGRAPHS,
    PRINTER_SUFFOLK,
    DICTATION,
    COLOURS,
    VOICE_NOTES,
    CLOCKS,
    BREAK_GLASS_FORM,
    VETTING,
    OLD_FORMAT,
    PRINTER_ESSEX,
    UPGRADE,
)
RELEASES = (SPRING, AUTUMN, WINTER)

POPULATION = {
    "bedfordshire": 700_000,
    "cambridgeshire": 900_000,
    "essex": 1_900_000,
    "hertfordshire": 1_200_000,
    "kent": 1_900_000,
    "norfolk": 900_000,
    "suffolk": 800_000,
    "warwickshire": 600_000,
    "west-mercia": 1_300_000,
}
"""Invented, in round numbers: what the shares are worked out by."""

SHARING: dict[str, Any] = {
    "kind": "blend",
    "parts": [
        {"weight": "60", "formula": {"kind": "measure", "measure": "population"}},
        {"weight": "40", "formula": {"kind": "equal"}},
    ],
}

HALF: dict[str, Any] = {"quorum": {"portion": {"parts": 1, "of": 2}}, "majority": "simple"}
TWO_THIRDS: dict[str, Any] = {
    "quorum": {"portion": {"parts": 2, "of": 3}},
    "majority": "qualified",
    "portion": {"parts": 2, "of": 3},
}


def constitution(*rules: Mapping[str, Any], shares_before_vote: bool = True) -> dict[str, Any]:
    """Return a constitution: one vote a force, the chair breaks ties, closed once all voted."""
    return {
        "weighting": "one_each",
        "substitutes": True,
        "recusal": {"by": "seat", "leaves_quorum": True},
        "abstaining_is_taking_part": True,
        "casting_vote": "chair",
        "early_close": "all_voted",
        "deadline_hours": 72,
        "quote_tolerance_percent": 10,
        "shares_before_vote": shares_before_vote,
        "optional_changes": "participants",
        "rules": list(rules),
    }


BODIES: tuple[dict[str, Any], ...] = (
    {
        "slug": BOARD,
        "name": "Strategic board of the made-up year",
        "kind": "strategic_board",
        "constitution": constitution(
            {"decision": "change_normal", **HALF},
            {"decision": "change_normal", "from_pence": 50_000_000, **TWO_THIRDS},
            {"decision": "catalogue", **HALF},
        ),
    },
    {
        "slug": ADVISORY,
        "name": "Change advisory board of the made-up year",
        "kind": "change_advisory_board",
        "constitution": constitution(
            {"decision": "change_emergency", "quorum": {"seats": 2}, "majority": "simple"},
            {"decision": "release", **HALF},
            shares_before_vote=False,
        ),
    },
    {
        "slug": CUSTODY,
        "name": "Custody user group of the made-up year",
        "kind": "user_group",
        "module": "custody",
        "constitution": constitution({"decision": "other", **HALF}),
    },
)


def request(title: str, affected: Sequence[str], pounds: float, **more: Any) -> dict[str, Any]:
    """Return a normal change request that affects some forces and costs so much once."""
    now = datetime.now(UTC)
    return {
        "kind": "normal",
        "title": title,
        "description": f"{title}. Made up, to show how a request is decided on.",
        "expected_outcome": "Fewer calls to the service desk.",
        "implementation_plan": "Tried in training first, then force by force.",
        "irreversible_data": False,
        "way_back": {"kind": "back_out", "plan": "Switch it off again."},
        "worst_case": "An hour's delay at the desk until it is switched off.",
        "window": {
            "begins": (now + timedelta(days=30)).isoformat(),
            "ends": (now + timedelta(days=60)).isoformat(),
        },
        "modules": ["custody"],
        "impacts": dict.fromkeys(affected, "An hour of training for each shift."),
        "dpia_needed": False,
        "one_off_pence": round(pounds * 100),
        **more,
    }


def assessment(*, conditions: str | None = None) -> dict[str, Any]:
    """Return a force's assessment, which supports the change."""
    return {
        "operational": "An hour for each shift.",
        "technical": "Nothing on our side.",
        "data_protection": "Nothing is processed that isn't today.",
        "training": "An hour, online.",
        "position": "supports_with_conditions" if conditions else "supports",
        "conditions": conditions,
    }


def window(days: float = -0.05, length: float = 30) -> dict[str, str]:
    """Return a window that begins so many days from now: some minutes ago, for the next month."""
    begins = datetime.now(UTC) + timedelta(days=days)
    return {
        "begins": begins.isoformat(),
        "ends": (begins + timedelta(days=length)).isoformat(),
    }


def plan(
    title: str,
    changes: Sequence[str],
    feature: str,
    first: Sequence[str],
    times: Sequence[Mapping[str, str]],
    way_back: str = "back_out",
) -> dict[str, Any]:
    """Return the plan of a release of two rings: some forces first, and then all the others."""
    others = [force for force in FORCES if force not in first]
    rings = [("Those who go ahead", first), ("Everyone else", others)]
    return {
        "title": title,
        "description": "Made up, to show how a release reaches the forces.",
        "changes": sorted(changes),
        "features": [feature],
        "rings": [
            {"name": name, "forces": list(forces), "window": dict(time)}
            for (name, forces), time in zip(rings, times, strict=True)
        ],
        "checklist": [
            {"item": "trained", "text": "Officers tried it in training", "environment": "training"},
            {
                "item": "rehearsed",
                "text": "Rolled out and backed out in pre-live",
                "environment": "pre_live",
            },
            {
                "item": "desk-staffed",
                "text": "The service desk is staffed that night",
                "environment": "live",
                "ring": 1,
            },
        ],
        "health": {
            "minimum_requests": MINIMUM_REQUESTS,
            "errors_per_thousand": 50,
            "p95_milliseconds": 10_000,
        },
        "way_back": {"kind": way_back, "plan": "Switch it off; what was recorded by it stays."},
    }


MINIMUM_REQUESTS = 20
"""So few because nobody uses the store of a made-up year but the year itself."""

FEATURES = {SPRING: LINK_SUGGESTIONS, AUTUMN: BREAK_GLASS, WINTER: BREAK_GLASS}
AHEAD = {SPRING: ("essex", "kent"), AUTUMN: ("norfolk",), WINTER: ("norfolk",)}
"""The forces of each release's first ring."""
