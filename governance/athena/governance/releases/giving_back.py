"""What an earlier release left its forces of the same features, and giving it back.

A release governs its features from the moment at which it begins. What forces had by then, from a
release that is through, is written down with that step; backing out gives it back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from athena.governance.flags import repository as flags
from athena.governance.flags.switching import switch
from athena.governance.releases import repository
from athena.governance.releases.machine import Step
from athena.governance.releases.models import EntryKind, StoredRing, WholeRelease
from athena.platform.kernel.database import ReadSession, WriteSession

Left = Mapping[str, Mapping[str, str]]
"""By feature and force, the release that left the force the feature."""


async def left_now(session: ReadSession, whole: WholeRelease) -> Left:
    """Return which of a release's features its forces have now, and by which release."""
    switches, found = await flags.every(session), dict[str, dict[str, str]]()
    for force in whole.document.forces:
        (tenant,) = await repository.tenants_of(session, [force])
        for feature in whole.document.features:
            known = switches.get((feature, tenant))
            if known is not None and known.on:
                found.setdefault(feature, {})[force] = known.release
    return found


async def switch_ring(
    session: WriteSession, whole: WholeRelease, ring: StoredRing, *, on: bool
) -> None:
    """Switch a release's features for a ring's forces; off gives back what was left to them."""
    features, reference = whole.document.features, whole.release.reference
    if not features:
        return
    forces = await repository.tenants_of(session, ring.forces)
    await switch(session, features, forces, on=on, release=reference)
    for (feature, release), had in () if on else _left_to(whole, ring).items():
        forces = await repository.tenants_of(session, had)
        await switch(session, [feature], forces, on=True, release=release)


def _left_to(whole: WholeRelease, ring: StoredRing) -> dict[tuple[str, str], list[str]]:
    """Return a ring's forces by the feature and the release that left it to them."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in whole.entries:
        if entry.kind is EntryKind.STEP and entry.document["step"] == Step.BEGIN.value:
            left: Left = entry.document.get("left", {})
            for feature, by_force in left.items():
                for force in ring.forces:
                    if force in by_force:
                        found[feature, by_force[force]].append(force)
    return found
