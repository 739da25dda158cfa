"""The SQL of searching: look-ups by equality and range, each under the caller's own policies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.policies.visibility.models import Consultation
from athena.records.names.keys import Range, bounds
from athena.records.nominals.identifiers import Identifier
from athena.sharing.search.ranking import Candidate

SEARCH_HOURS = 1
"""How long a search can be paged through and a record be created on the strength of it."""

Found = tuple[TenantId, NominalId]


async def by_name(
    consultation: Consultation, ranges: Sequence[Range], each: int, total: int
) -> list[Candidate]:
    """Return rows of the name index in some ranges, the first ranges first."""
    rows = await consultation.session.rows(
        "SELECT name_key, owner_force, nominal_id, label_id FROM sharing.find_by_name("
        "CAST(:low AS bigint[]), CAST(:high AS bigint[]), :each, :total)",
        {**bounds(ranges), "each": each, "total": total},
    )
    return _candidates(rows)


async def by_day(
    consultation: Consultation,
    days: Sequence[Range],
    surname_terms: Sequence[int],
    given_terms: Sequence[int],
    each: int,
) -> list[Candidate]:
    """Return rows born on some days whose surname or given name is among the terms."""
    rows = await consultation.session.rows(
        "SELECT name_key, owner_force, nominal_id, label_id FROM sharing.find_by_day("
        "CAST(:low AS bigint[]), CAST(:high AS bigint[]), CAST(:surnames AS integer[]), "
        "CAST(:given AS integer[]), :each)",
        {
            **bounds(days),
            "surnames": list(surname_terms),
            "given": list(given_terms),
            "each": each,
        },
    )
    return _candidates(rows)


async def by_identifier(
    consultation: Consultation, identifiers: Sequence[Identifier]
) -> list[Found]:
    """Return the nominals that carry any of the identifiers and show their identifiers."""
    rows = await consultation.session.rows(
        "SELECT DISTINCT i.owner_force, i.nominal_id FROM "
        "unnest(CAST(:kinds AS text[]), CAST(:values AS text[])) AS t (kind, value) "
        "JOIN records.identifier AS i ON i.value = t.value AND i.kind = t.kind LIMIT 200",
        _identifiers(identifiers),
    )
    return _found(rows)


async def by_telephone(consultation: Consultation, telephone: str) -> list[Found]:
    """Return the nominals that have a telephone number and show their contacts."""
    rows = await consultation.session.rows(
        "SELECT DISTINCT owner_force, nominal_id FROM records.contact "
        "WHERE value = :value AND kind = 'telephone' LIMIT 200",
        {"value": telephone},
    )
    return _found(rows)


async def by_postcode(consultation: Consultation, postcode: str) -> list[Found]:
    """Return the nominals with an address at a postcode that show their addresses."""
    rows = await consultation.session.rows(
        "SELECT DISTINCT a.owner_force, a.nominal_id FROM records.location AS l "
        "JOIN records.address AS a ON a.owner_force = l.owner_force "
        "AND a.location_id = l.location_id WHERE l.postcode = :postcode LIMIT 500",
        {"postcode": postcode},
    )
    return _found(rows)


async def pointers(
    consultation: Consultation, ranges: Sequence[Range], identifiers: Sequence[Identifier]
) -> list[tuple[TenantId, LabelId]]:
    """Return which forces hold a likely record that is shown as a pointer only; it is logged."""
    rows = await consultation.session.rows(
        "SELECT owner_force, label_id FROM sharing.point_to(CAST(:low AS bigint[]), "
        "CAST(:high AS bigint[]), CAST(:kinds AS text[]), CAST(:values AS text[]), :reason)",
        {**bounds(ranges), **_identifiers(identifiers), "reason": consultation.reason},
    )
    return [(TenantId(row.owner_force), LabelId(row.label_id)) for row in rows]


async def save(
    consultation: Consultation,
    search_id: UUID,
    query: dict[str, Any],
    hits: dict[str, Any],
) -> None:
    """Keep a search and the order of its hits for its member, and drop expired ones."""
    subject = consultation.subject
    await consultation.session.rows(
        "WITH expired AS (DELETE FROM sharing.search WHERE owner_force = :owner "
        "AND expires_at < now()) "
        "INSERT INTO sharing.search (owner_force, search_id, member_id, purpose, reason, query, "
        "hits, expires_at) VALUES (:owner, :id, :member, :purpose, :reason, "
        "CAST(:query AS jsonb), CAST(:hits AS jsonb), now() + make_interval(hours => :hours)) "
        "RETURNING search_id",
        {
            "owner": subject.tenant_id,
            "id": search_id,
            "member": subject.member_id,
            "purpose": consultation.visibility.purpose.value,
            "reason": consultation.reason,
            "query": json.dumps(query),
            "hits": json.dumps(hits),
            "hours": SEARCH_HOURS,
        },
    )


async def saved(consultation: Consultation, search_id: UUID) -> Any | None:
    """Return the row of the member's own saved search, or None once it has expired."""
    return await consultation.session.one(
        "SELECT purpose, reason, query, hits, created_at FROM sharing.search "
        "WHERE owner_force = :owner AND search_id = :id AND expires_at > now()",
        {"owner": consultation.subject.tenant_id, "id": search_id},
    )


def _identifiers(identifiers: Sequence[Identifier]) -> dict[str, list[str]]:
    return {
        "kinds": [identifier.kind.value for identifier in identifiers],
        "values": [identifier.value for identifier in identifiers],
    }


def _candidates(rows: Iterable[Any]) -> list[Candidate]:
    return [
        Candidate(
            row.name_key,
            TenantId(row.owner_force),
            NominalId(row.nominal_id),
            LabelId(row.label_id),
        )
        for row in rows
    ]


def _found(rows: Iterable[Any]) -> list[Found]:
    return [(TenantId(row.owner_force), NominalId(row.nominal_id)) for row in rows]
