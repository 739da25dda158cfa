"""What a feature is, and what a force's switch says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from athena.platform.kernel.features import BREAK_GLASS, LINK_SUGGESTIONS
from athena.platform.kernel.identity import TenantId


@dataclass(frozen=True, slots=True)
class Feature:
    """Something of the platform that a release switches, force by force."""

    name: str
    title: str
    what: str
    default: bool = True
    """What holds for a force before any release governs the feature there."""


@dataclass(frozen=True, slots=True)
class Switch:
    """What the newest release said of a feature and a force."""

    on: bool
    release: str
    since: datetime


Key = tuple[str, TenantId]
"""A feature and a force."""

Switches = Mapping[Key, Switch]

FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature(
            BREAK_GLASS,
            "Break-glass",
            "Opens one record in an emergency; off, none is opened, and what is open runs on.",
        ),
        Feature(
            LINK_SUGGESTIONS,
            "Link suggestions",
            "Suggests which nominals may be one person; off, nothing is compared for the force, "
            "and decisions stay.",
        ),
    )
}
"""Every feature that a release may switch, by its name."""
