"""The SQL of merges."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from athena.platform.kernel.identity import NominalId
from athena.policies.visibility.models import Alteration, Consultation
from athena.records.merging.models import Merge


async def add(
    alteration: Alteration, merge_id: UUID, survivor: NominalId, merged: NominalId, merge: Merge
) -> None:
    """Keep that a nominal stands for its duplicate from now on."""
    await alteration.session.execute(
        "INSERT INTO records.merge (owner_force, merge_id, survivor_id, merged_id, survivor_rows, "
        "copied_rows, source_rows, filled, merged_by) VALUES (:owner, :id, :survivor, :merged, "
        "CAST(:own AS uuid[]), CAST(:copied AS uuid[]), CAST(:source AS uuid[]), "
        "CAST(:filled AS text[]), :member)",
        {
            "owner": alteration.subject.tenant_id,
            "id": merge_id,
            "survivor": survivor,
            "merged": merged,
            "own": sorted(merge.own),
            "copied": list(merge.copied),
            "source": list(merge.copied.values()),
            "filled": list(merge.filled),
            "member": alteration.subject.member_id,
        },
    )


async def find(consultation: Consultation, merge_id: UUID) -> Any | None:
    """Return a merge of the own force whose nominals are both visible, or None."""
    return await consultation.session.one(
        "SELECT merge_id, survivor_id, merged_id, survivor_rows, copied_rows, source_rows, "
        "filled, undone_at FROM records.merge WHERE owner_force = :owner AND merge_id = :id",
        {"owner": consultation.subject.tenant_id, "id": merge_id},
    )


async def standing(consultation: Consultation, nominal_id: NominalId) -> list[Any]:
    """Return the merges that hold now in which a nominal takes part, the newest first."""
    return list(
        await consultation.session.rows(
            "SELECT merge_id, survivor_id, merged_id, merged_at FROM records.merge "
            "WHERE owner_force = :owner AND undone_at IS NULL "
            "AND (survivor_id = :id OR merged_id = :id) ORDER BY merged_at DESC, merge_id",
            {"owner": consultation.subject.tenant_id, "id": nominal_id},
        )
    )


async def survivor_of(consultation: Consultation, nominal_id: NominalId) -> NominalId | None:
    """Return the nominal that stands for an own duplicate now, or None.

    The store's policy shows a merge to its own force alone, where both nominals are visible.
    """
    row = await consultation.session.one(
        "SELECT survivor_id FROM records.merge WHERE owner_force = :owner "
        "AND merged_id = :id AND undone_at IS NULL",
        {"owner": consultation.subject.tenant_id, "id": nominal_id},
    )
    return NominalId(row.survivor_id) if row else None


async def survivors_of(
    consultation: Consultation, nominals: Collection[NominalId]
) -> dict[NominalId, NominalId]:
    """Return which of some own nominals are merged duplicates, each with what stands for it."""
    rows = await consultation.session.rows(
        "SELECT merged_id, survivor_id FROM records.merge WHERE owner_force = :owner "
        "AND merged_id = ANY (CAST(:ids AS uuid[])) AND undone_at IS NULL",
        {"owner": consultation.subject.tenant_id, "ids": list(nominals)},
    )
    return {NominalId(row.merged_id): NominalId(row.survivor_id) for row in rows}


async def undo(alteration: Alteration, merge_id: UUID) -> bool:
    """Note that a merge is undone; False if somebody has undone it already."""
    touched = await alteration.session.execute(
        "UPDATE records.merge SET undone_at = now(), undone_by = :member "
        "WHERE owner_force = :owner AND merge_id = :id AND undone_at IS NULL",
        {
            "owner": alteration.subject.tenant_id,
            "id": merge_id,
            "member": alteration.subject.member_id,
        },
    )
    return touched == 1
