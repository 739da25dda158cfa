"""The SQL of searching: look-ups by equality and range, each under the caller's own policies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from athena.platform.kernel.audit import Writes
from athena.platform.kernel.clock import today
from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.policies.visibility.models import Consultation
from athena.records.names.ranges import Ranges, bounds
from athena.records.nominals.identifiers import Identifier
from athena.sharing.search.places import Place
from athena.sharing.search.plan import SearchPlan
from athena.sharing.search.query import NO_FILTERS, Filters
from athena.sharing.search.ranking import Candidate, to_read_whole

SEARCH_HOURS = 1
"""How long a search can be paged through and a record be created on the strength of it."""

ENOUGH = 20
"""How many good hits make it needless to look among the less likely."""

ENOUGH_BORN_SO = 5
"""The same where a whole date of birth was typed, which few others share or nearly share."""

_EACH_NARROW, _EACH_WIDE, _TOTAL = 30, 60, 160
"""The most rows of a narrow and of a wide range, and of all of either."""

_NAMES_OF_ONE = 100
"""The most rows of the name index that are read of one nominal."""

Found = tuple[TenantId, NominalId]


_RANGES = """
    CAST(:low AS bigint[]), CAST(:high AS bigint[]), :good, :enough, :each,
    CAST(:day_low AS bigint[]), CAST(:day_high AS bigint[]), CAST(:surnames AS integer[]),
    CAST(:given AS integer[]), CAST(:wide_low AS bigint[]), CAST(:wide_high AS bigint[]),
    :wide_each, :total
"""
_COLUMNS = """
    array_agg(f.name_key) AS name_keys, array_agg(f.owner_force) AS owners,
    array_agg(f.nominal_id) AS nominals, array_agg(f.label_id) AS labels
"""
"""One row of columns comes over faster than hundreds of rows."""

_FIND = f"""
    SELECT {_COLUMNS} FROM sharing.find_people({_RANGES}) AS f
"""
_FIND_LIKE = f"""
    SELECT {_COLUMNS} FROM sharing.find_people_like({_RANGES},
    CAST(:sex AS text), CAST(:markers AS text[]), :today) AS f
"""


async def by_name(
    consultation: Consultation, plan: SearchPlan, filters: Filters = NO_FILTERS
) -> list[Candidate]:
    """Return rows of the name index that a plan looks for, in one call.

    The wide ranges are read only where the good ones among the narrow show too few people. Whom
    the filters exclude is left out before anything is cut off.
    """
    values = {
        **bounds(plan.narrow),
        "good": plan.good,
        "enough": ENOUGH if len(plan.days) == 0 else ENOUGH_BORN_SO,
        "each": _EACH_NARROW,
        "day_low": plan.days[:, 0].tolist(),
        "day_high": plan.days[:, 1].tolist(),
        "surnames": list(plan.surname_terms),
        "given": list(plan.given_terms),
        "wide_low": plan.wide[:, 0].tolist(),
        "wide_high": plan.wide[:, 1].tolist(),
        "wide_each": _EACH_WIDE,
        "total": _TOTAL,
    }
    if filters != NO_FILTERS:
        values |= _filters(filters)
    sql = _FIND if filters == NO_FILTERS else _FIND_LIKE
    (found,) = await consultation.session.rows(sql, values)
    if found.name_keys is None:
        return []
    columns = (found.name_keys, found.owners, found.nominals, found.labels)
    rows = list(map(Candidate._make, zip(*columns, strict=True)))
    nominals = to_read_whole(plan, rows)
    return rows + await _other_names(consultation, nominals) if nominals else rows


async def _other_names(consultation: Consultation, nominals: Sequence[Found]) -> list[Candidate]:
    """Return all rows of the name index of some nominals: a second given name counts by them."""
    (names,) = await consultation.session.rows(
        f"SELECT {_COLUMNS} FROM unnest(CAST(:owners AS smallint[]), CAST(:ids AS uuid[])) "
        "AS t (owner, id) CROSS JOIN LATERAL (SELECT k.* FROM records.name_key AS k "
        "WHERE k.owner_force = t.owner AND k.nominal_id = t.id LIMIT :most) AS f",
        {
            "owners": [owner for owner, _ in nominals],
            "ids": [nominal_id for _, nominal_id in nominals],
            "most": _NAMES_OF_ONE,
        },
    )
    if names.name_keys is None:
        return []
    columns = (names.name_keys, names.owners, names.nominals, names.labels)
    return list(map(Candidate._make, zip(*columns, strict=True)))


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


async def by_place(consultation: Consultation, place: Place) -> list[Found]:
    """Return the nominals with an address in a street that show their addresses."""
    narrowed = [
        f" AND l.{column} = ANY (CAST(:{column} AS text[]))"
        for column, forms in (("town", place.towns()), ("premises", place.numbers()))
        if forms
    ]
    rows = await consultation.session.rows(
        "SELECT DISTINCT a.owner_force, a.nominal_id FROM records.location AS l "
        "JOIN records.address AS a ON a.owner_force = l.owner_force "
        "AND a.location_id = l.location_id "
        "WHERE l.street <> '' AND l.street = ANY (CAST(:street AS text[]))"
        f"{''.join(narrowed)} LIMIT 500",
        {"street": place.streets(), "town": place.towns(), "premises": place.numbers()},
    )
    return _found(rows)


async def fitting(
    consultation: Consultation, keys: Sequence[Found], filters: Filters
) -> set[Found]:
    """Return which of some nominals the filters let through, as `by_name` applies them."""
    rows = await consultation.session.rows(
        "SELECT n.owner_force, n.nominal_id "
        "FROM unnest(CAST(:owners AS smallint[]), CAST(:ids AS uuid[])) AS t (owner, id) "
        "JOIN records.nominal AS n ON n.owner_force = t.owner AND n.nominal_id = t.id "
        "WHERE (CAST(:sex AS text) IS NULL OR n.sex IS NULL OR n.sex IN (:sex, 'U')) "
        "AND (cardinality(CAST(:markers AS text[])) = 0 OR EXISTS ("
        "SELECT FROM records.marker AS m WHERE m.owner_force = n.owner_force "
        "AND m.nominal_id = n.nominal_id AND m.code = ANY (CAST(:markers AS text[])) "
        "AND coalesce(m.valid_from <= :today, true) AND coalesce(m.valid_to >= :today, true)))",
        {
            "owners": [owner for owner, _ in keys],
            "ids": [nominal_id for _, nominal_id in keys],
            **_filters(filters),
        },
    )
    return set(_found(rows))


async def pointers(
    consultation: Consultation, ranges: Ranges, identifiers: Sequence[Identifier]
) -> list[tuple[TenantId, LabelId]]:
    """Return which forces hold a likely record that is shown as a pointer only; it is logged."""
    rows = await consultation.session.rows(
        "SELECT owner_force, label_id FROM sharing.point_to(CAST(:low AS bigint[]), "
        "CAST(:high AS bigint[]), CAST(:kinds AS text[]), CAST(:values AS text[]), :reason)",
        {**bounds(ranges), **_identifiers(identifiers), "reason": consultation.reason},
    )
    return [(TenantId(row.owner_force), LabelId(row.label_id)) for row in rows]


_KEEP = """
    expired AS (DELETE FROM sharing.search WHERE owner_force = :owner AND expires_at < now()),
    kept AS (
        INSERT INTO sharing.search (owner_force, search_id, member_id, purpose, reason, query, hits,
            expires_at)
        VALUES (:owner, :id, :member, :purpose, :stated, CAST(:query AS jsonb),
            CAST(:hits AS jsonb), now() + make_interval(hours => :hours))
    )
"""


def keeping(
    consultation: Consultation,
    search_id: UUID,
    query: dict[str, Any],
    hits: dict[str, Any],
) -> Writes:
    """Return what keeps a search and the order of its hits for its member, and drops old ones."""
    subject = consultation.subject
    return Writes(
        _KEEP,
        {
            "owner": subject.tenant_id,
            "id": search_id,
            "member": subject.member_id,
            "purpose": consultation.visibility.purpose.value,
            "stated": consultation.reason,
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


def _filters(filters: Filters) -> dict[str, Any]:
    return {"sex": filters.sex, "markers": list(filters.markers), "today": today()}


def _identifiers(identifiers: Sequence[Identifier]) -> dict[str, list[str]]:
    return {
        "kinds": [identifier.kind.value for identifier in identifiers],
        "values": [identifier.value for identifier in identifiers],
    }


def _found(rows: Iterable[Any]) -> list[Found]:
    return [(TenantId(row.owner_force), NominalId(row.nominal_id)) for row in rows]
