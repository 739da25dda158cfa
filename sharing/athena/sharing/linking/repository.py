"""The SQL of links for members: the store's policies show a pair where both sides are visible."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.policies.visibility.models import Alteration, Consultation
from athena.sharing.linking.models import Key, Seen, SeenStep, Verdict

_PAIRS = """
    SELECT coalesce(l.owner_force, d.owner_force) AS owner_force,
           coalesce(l.nominal_id, d.nominal_id) AS nominal_id,
           coalesce(l.other_force, d.other_force) AS other_force,
           coalesce(l.other_id, d.other_id) AS other_id,
           l.outcome, l.weights, l.made_at, d.verdict
    FROM (SELECT * FROM sharing.link WHERE {0}) AS l
    FULL JOIN (SELECT * FROM sharing.link_decision WHERE {0}) AS d
      USING (owner_force, nominal_id, other_force, other_id)
"""


async def pairs_of(consultation: Consultation, keys: Collection[Key]) -> list[Seen]:
    """Return the visible pairs of some nominals, from their side."""
    owners, nominals = zip(*keys, strict=True)
    own = (
        "(owner_force, nominal_id) IN (SELECT * FROM "
        "unnest(CAST(:owners AS smallint[]), CAST(:ids AS uuid[])))"
    )
    rows = await consultation.session.rows(
        _PAIRS.format(own), {"owners": list(owners), "ids": list(nominals)}
    )
    return [_seen(row) for row in rows]


async def waiting(consultation: Consultation, limit: int, offset: int = 0) -> list[Seen]:
    """Return the own force's suggestions that nobody decided, the oldest first.

    A pair of two of one's own nominals comes once.
    """
    rows = await consultation.session.rows(
        "SELECT l.owner_force, l.nominal_id, l.other_force, l.other_id, l.outcome, l.weights, "
        "l.made_at, CAST(NULL AS text) AS verdict FROM sharing.link AS l "
        "WHERE l.owner_force = :owner AND l.outcome = 'suggested' "
        "AND (l.other_force <> l.owner_force OR l.nominal_id < l.other_id) "
        "AND NOT EXISTS (SELECT FROM sharing.link_decision AS d "
        "WHERE d.owner_force = l.owner_force AND d.nominal_id = l.nominal_id "
        "AND d.other_force = l.other_force AND d.other_id = l.other_id) "
        "ORDER BY l.made_at, l.nominal_id, l.other_id LIMIT :limit OFFSET :offset",
        {"owner": consultation.subject.tenant_id, "limit": limit, "offset": offset},
    )
    return [_seen(row) for row in rows]


async def refused_pairs(consultation: Consultation, limit: int, offset: int = 0) -> list[Seen]:
    """Return the own force's pairs that were decided not to be one person."""
    rows = await consultation.session.rows(
        "SELECT owner_force, nominal_id, other_force, other_id, CAST(NULL AS text) AS outcome, "
        "CAST(NULL AS text) AS weights, decided_at AS made_at, verdict "
        "FROM sharing.link_decision WHERE owner_force = :owner AND verdict = 'not_same' "
        "AND (other_force <> owner_force OR nominal_id < other_id) "
        "ORDER BY decided_at DESC, nominal_id, other_id LIMIT :limit OFFSET :offset",
        {"owner": consultation.subject.tenant_id, "limit": limit, "offset": offset},
    )
    return [_seen(row) for row in rows]


async def steps(consultation: Consultation, pairs: Sequence[Seen]) -> dict[Key, list[SeenStep]]:
    """Return the visible steps of one nominal's pairs, by the other nominal."""
    found: dict[Key, list[SeenStep]] = {}
    if not pairs:
        return found
    rows = await consultation.session.rows(
        "SELECT other_force, other_id, field, level, bits FROM sharing.link_step "
        "WHERE owner_force = :owner AND nominal_id = :id AND (other_force, other_id) IN "
        "(SELECT * FROM unnest(CAST(:owners AS smallint[]), CAST(:ids AS uuid[]))) "
        "ORDER BY other_force, other_id, place",
        {
            "owner": pairs[0].key[0],
            "id": pairs[0].key[1],
            "owners": [pair.other[0] for pair in pairs],
            "ids": [pair.other[1] for pair in pairs],
        },
    )
    for row in rows:
        other = (TenantId(row.other_force), NominalId(row.other_id))
        found.setdefault(other, []).append(SeenStep(row.field, row.level, float(row.bits)))
    return found


async def decide(alteration: Alteration, key: Key, other: Key, verdict: Verdict) -> None:
    """Keep what the member decides of a pair; the store keeps the other side alike."""
    await alteration.session.execute(
        "INSERT INTO sharing.link_decision (owner_force, nominal_id, other_force, other_id, "
        "verdict, decided_by, decided_by_force) VALUES (:owner, :id, :other_force, :other_id, "
        ":verdict, :member, :owner) "
        "ON CONFLICT (owner_force, nominal_id, other_force, other_id) DO UPDATE "
        "SET verdict = excluded.verdict, decided_by = excluded.decided_by, "
        "decided_by_force = excluded.decided_by_force, decided_at = excluded.decided_at",
        {
            "owner": key[0],
            "id": key[1],
            "other_force": other[0],
            "other_id": other[1],
            "verdict": verdict.value,
            "member": alteration.subject.member_id,
        },
    )


async def pointers(consultation: Consultation, key: Key) -> list[tuple[TenantId, LabelId]]:
    """Return which forces hold a linked record that is shown as a pointer only; it is logged."""
    rows = await consultation.session.rows(
        "SELECT owner_force, label_id FROM sharing.point_to_linked("
        "CAST(:owner AS smallint), :id, :reason)",
        {"owner": key[0], "id": key[1], "reason": consultation.reason},
    )
    return [(TenantId(row.owner_force), LabelId(row.label_id)) for row in rows]


async def set_thresholds(
    session: WriteSession, suggested_from: float, linked_from: float | None, who: str, reason: str
) -> None:
    """Set from which probability pairs are suggested and linked, as the client body's login."""
    await session.execute(
        "INSERT INTO sharing.link_threshold (suggested_from, linked_from, set_by, reason) "
        "VALUES (:suggested, :linked, :who, :reason)",
        {"suggested": suggested_from, "linked": linked_from, "who": who, "reason": reason},
    )


async def thresholds(session: ReadSession) -> Any:
    """Return the thresholds that hold now, with who set them and why."""
    return await session.one(
        "SELECT suggested_from, linked_from, set_at, set_by, reason FROM sharing.link_threshold "
        "ORDER BY set_at DESC LIMIT 1"
    )


def _seen(row: Any) -> Seen:
    return Seen(
        key=(TenantId(row.owner_force), NominalId(row.nominal_id)),
        other=(TenantId(row.other_force), NominalId(row.other_id)),
        outcome=row.outcome,
        weights=row.weights,
        made_at=row.made_at,
        verdict=Verdict(row.verdict) if row.verdict else None,
    )
