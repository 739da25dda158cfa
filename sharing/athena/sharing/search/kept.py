"""What is kept of a search to page through it: its hits in their order, and why each was found.

Many hits are found for the same reason, so each reason is kept once and hits name it by its place.
That a hit names its nominal as ``owner`` and ``id`` is relied upon where records are erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.sharing.search.explaining import FieldMatch
from athena.sharing.search.ranking import Ranked

Pointers = Sequence[tuple[TenantId, LabelId]]
"""The owner and the label of records that may be pointed to only."""


def kept(ranked: Sequence[Ranked], pointers: Pointers) -> dict[str, Any]:
    """Return hits and pointers as a document."""
    reasons: dict[tuple[FieldMatch, ...], int] = {}
    hits = [
        {
            "owner": item.owner_force,
            "id": str(item.nominal_id),
            "score": item.score,
            "reason": reasons.setdefault(item.explanation, len(reasons)),
        }
        for item in ranked
    ]
    return {"ranked": hits, "reasons": list(reasons), "pointers": list(pointers)}


def is_kept(document: Mapping[str, Any]) -> bool:
    """Whether a document was kept in this way, not by an earlier release."""
    return "reasons" in document


def restored(document: Mapping[str, Any], first: int, most: int) -> list[Ranked]:
    """Return some of the hits that a document keeps, from the ``first`` on, counted from 0."""
    reasons = document["reasons"]
    return [
        Ranked(
            TenantId(hit["owner"]),
            NominalId(UUID(hit["id"])),
            hit["score"],
            tuple(FieldMatch(*match) for match in reasons[hit["reason"]]),
        )
        for hit in document["ranked"][first : first + most]
    ]


def restored_pointers(document: Mapping[str, Any]) -> Pointers:
    """Return the pointers that a document keeps."""
    return [(TenantId(owner), LabelId(label)) for owner, label in document["pointers"]]
