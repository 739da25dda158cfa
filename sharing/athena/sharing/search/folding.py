"""Merged duplicates among the hits of a search: each under the nominal that stands for it.

Which merges there are is asked anew for each page, under the member's own policies: a merge shows
where both nominals are visible. Where one isn't, the other stands alone and tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from athena.platform.kernel.identity import NominalId
from athena.sharing.search.ranking import Ranked
from athena.sharing.search.schemas import Hit

Survivors = Mapping[NominalId, NominalId]
"""Visible duplicates, each with the nominal that stands for it."""


def gathered(ranked: Sequence[Ranked], survivors: Survivors) -> list[Ranked]:
    """Return hits in their order, but each duplicate right behind what stands for it.

    Both then stand where the better of them stood, so that a page seldom parts them.
    """
    if not survivors:
        return list(ranked)
    found = {item.nominal_id for item in ranked}
    groups: dict[NominalId, list[Ranked]] = {}
    for item in ranked:
        survivor = survivors.get(item.nominal_id)
        head = survivor if survivor in found and survivor is not None else item.nominal_id
        groups.setdefault(head, []).append(item)
    return [
        item
        for head, group in groups.items()
        for item in sorted(group, key=lambda item: item.nominal_id != head)
    ]


def folded(hits: Sequence[Hit], survivors: Survivors) -> list[Hit]:
    """Return the hits of a page with duplicates marked, and under their nominal if it is there."""
    if not survivors:
        return list(hits)
    marks: dict[UUID | None, UUID] = dict(survivors.items())
    marked = [
        hit.model_copy(update={"merged_into": marks[hit.id]}) if hit.id in marks else hit
        for hit in hits
    ]
    there = {hit.id for hit in hits if hit.id is not None}
    under: dict[UUID, list[Hit]] = {}
    for hit in marked:
        if hit.merged_into in there and hit.merged_into is not None:
            under.setdefault(hit.merged_into, []).append(hit)
    return [
        hit.model_copy(update={"duplicates": under[hit.id]}) if hit.id in under else hit
        for hit in marked
        if hit.merged_into not in there
    ]
