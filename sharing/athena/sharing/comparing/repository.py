"""The SQL of the linker: match fields only, after it has logged a combination (s.62)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import NominalId, TenantId
from athena.records.names.ranges import Ranges, bounds
from athena.records.nominals.dates import PartialDate
from athena.sharing.linking.models import TOTAL, Key
from athena.sharing.linking.outcomes import Conclusion, Outcome, Thresholds
from athena.sharing.linking.persons import Person, born_digits, make_name, make_place

LINKER = "athena_linker"
CHANNEL = "athena_matching"
"""Where the store gives notice of nominals to compare; a hint only."""

EACH_NAME, EACH_NUMBER = 20, 10
"""How many rows one range of the name index, and one number, may give."""

MOST_BY_NAME, MOST_BY_DAY = 50, 20
"""How many rows the names, and each day of birth, may give, the likeliest first.

A row is a name of a nominal, and one with two given names has several.
"""

MOST = 50
"""With how many candidates one nominal is compared.

Reading a candidate costs more than finding and scoring it, and nearly all that comparing costs.
"""

_ONE_AT_A_TIME = 4_277_004
_SCOPES = {
    "premises": ["addresses"],
    "street": ["addresses"],
    "town": ["addresses"],
    "postcode": ["addresses"],
    "telephone": ["contacts"],
    "number": ["identifiers"],
}


# The inner LIMIT is a fence: see sharing.find_by_name.
_CANDIDATES = """
    SELECT k.owner_force, k.nominal_id
    FROM unnest(CAST(:kinds AS text[]), CAST(:values AS text[])) AS t (kind, value)
    CROSS JOIN LATERAL (
        SELECT i.owner_force, i.nominal_id FROM records.identifier AS i
        WHERE i.value = t.value AND i.kind = t.kind LIMIT :each_number
    ) AS k
    UNION ALL
    SELECT k.owner_force, k.nominal_id FROM unnest(CAST(:telephones AS text[])) AS t (value)
    CROSS JOIN LATERAL (
        SELECT c.owner_force, c.nominal_id FROM records.contact AS c
        WHERE c.value = t.value LIMIT :each_number
    ) AS k
    UNION ALL
    (SELECT k.owner_force, k.nominal_id
     FROM unnest(CAST(:low AS bigint[]), CAST(:high AS bigint[])) AS r (low, high)
     CROSS JOIN LATERAL (
        SELECT n.owner_force, n.nominal_id FROM records.name_key AS n
        WHERE n.name_key >= r.low AND n.name_key <= r.high LIMIT :each_name
     ) AS k LIMIT :most)
    UNION ALL
    SELECT k.owner_force, k.nominal_id
    FROM unnest(CAST(:day_low AS bigint[]), CAST(:day_high AS bigint[])) AS r (low, high)
    CROSS JOIN LATERAL (
        SELECT f.owner_force, f.nominal_id FROM (
            SELECT n.owner_force, n.nominal_id, n.date_key,
                   CAST(n.date_key >> 23 & 8388607 AS integer)
                       = ANY (CAST(:surnames AS integer[])) AS surname,
                   CAST(n.date_key & 8388607 AS integer)
                       = ANY (CAST(:given AS integer[])) AS given
            FROM records.name_key AS n
            WHERE n.date_key >= r.low AND n.date_key <= r.high
        ) AS f WHERE f.surname OR f.given
        ORDER BY f.surname AND f.given DESC, f.surname DESC, f.date_key LIMIT :most_of_day
    ) AS k
"""

_MATCH_FIELDS = """
    n.owner_force, n.nominal_id, n.sex, n.date_of_birth, n.date_of_birth_precision,
    (SELECT jsonb_agg(jsonb_build_array(m.given_names, m.surname) ORDER BY m.row_id)
     FROM records.nominal_name AS m
     WHERE m.owner_force = n.owner_force AND m.nominal_id = n.nominal_id) AS names,
    CASE WHEN :numbers THEN
        (SELECT jsonb_agg(jsonb_build_array(i.kind, i.value) ORDER BY i.kind, i.value)
         FROM records.identifier AS i
         WHERE i.owner_force = n.owner_force AND i.nominal_id = n.nominal_id) END AS numbers,
    CASE WHEN :telephones THEN
        (SELECT jsonb_agg(c.value ORDER BY c.value) FROM records.contact AS c
         WHERE c.owner_force = n.owner_force AND c.nominal_id = n.nominal_id) END AS telephones,
    CASE WHEN :places THEN
        (SELECT jsonb_agg(jsonb_build_array(l.premises, l.street, l.town, l.postcode)
                          ORDER BY a.row_id)
         FROM records.address AS a JOIN records.location AS l
           ON l.owner_force = a.owner_force AND l.location_id = a.location_id
         WHERE a.owner_force = n.owner_force AND a.nominal_id = n.nominal_id) END AS places
"""
_NOMINALS = """
    FROM unnest(CAST(:owners AS smallint[]), CAST(:ids AS uuid[])) AS w (owner, id)
    JOIN records.nominal AS n ON n.owner_force = w.owner AND n.nominal_id = w.id
"""
_WHOLE = {"numbers": True, "telephones": True, "places": True}
_PERSONS = f"SELECT {_MATCH_FIELDS} {_NOMINALS}"
_CANDIDATES_OF = f"""
    SELECT {_MATCH_FIELDS}, d.verdict {_NOMINALS}
    LEFT JOIN sharing.link_decision AS d ON d.owner_force = :owner AND d.nominal_id = :nominal
      AND d.other_force = n.owner_force AND d.other_id = n.nominal_id
"""

_ADD_LINKS = """
    WITH made AS (
        INSERT INTO sharing.link (owner_force, nominal_id, other_force, other_id, outcome, weights)
        SELECT owner_force, nominal_id, other_force, other_id, outcome, weights
        FROM jsonb_to_recordset(CAST(:links AS jsonb)) AS r (owner_force smallint, nominal_id uuid,
            other_force smallint, other_id uuid, outcome text, weights text)
    )
    INSERT INTO sharing.link_step (owner_force, nominal_id, other_force, other_id, place, field,
        level, bits, scopes)
    SELECT owner_force, nominal_id, other_force, other_id, place, field, level, bits, scopes
    FROM jsonb_to_recordset(CAST(:steps AS jsonb)) AS r (owner_force smallint, nominal_id uuid,
        other_force smallint, other_id uuid, place smallint, field text, level text, bits real,
        scopes text[])
"""


@dataclass(frozen=True, slots=True)
class LookUps:
    """Where in the index of names to look for a person."""

    names: Ranges
    """Name keys, the likeliest first."""
    days: Ranges
    """Date keys of the days on which the person may have been born."""
    surnames: Collection[int]
    given: Collection[int]
    """The terms of which one must be borne by whoever is found by the day."""


async def wait_for_turn(session: WriteSession) -> None:
    """Wait until no other process compares: two would write the same pair at once."""
    await session.value("SELECT pg_advisory_xact_lock(:lock)", {"lock": _ONE_AT_A_TIME})


async def forces(session: ReadSession) -> list[TenantId]:
    """Return every force."""
    rows = await session.rows("SELECT tenant_id FROM tenants.tenant WHERE kind = 'force'")
    return [TenantId(row.tenant_id) for row in rows]


async def take(
    session: WriteSession, limit: int, owners: Collection[TenantId]
) -> tuple[list[Key], Thresholds]:
    """Take nominals of some forces off the queue to compare them, the longest waiting first.

    Returns them and the thresholds that hold now.
    """
    rows = await session.rows(
        "WITH taken AS (SELECT owner_force, queue_id FROM sharing.match_queue "
        "WHERE owner_force = ANY (CAST(:owners AS smallint[])) "
        "ORDER BY queued_at LIMIT :limit FOR UPDATE SKIP LOCKED), gone AS ("
        "DELETE FROM sharing.match_queue AS q USING taken AS t "
        "WHERE q.owner_force = t.owner_force AND q.queue_id = t.queue_id "
        "RETURNING q.owner_force, q.nominal_id) "
        "SELECT g.owner_force, g.nominal_id, h.suggested_from, h.linked_from "
        "FROM gone AS g LEFT JOIN (SELECT suggested_from, linked_from "
        "FROM sharing.link_threshold ORDER BY set_at DESC LIMIT 1) AS h ON true",
        {"limit": limit, "owners": list(owners)},
    )
    held = rows[0] if rows and rows[0].suggested_from is not None else None
    thresholds = Thresholds(held.suggested_from, held.linked_from) if held else Thresholds()
    return list(dict.fromkeys(_key(row) for row in rows)), thresholds


async def queue_everything(session: WriteSession) -> int:
    """Put every nominal that doesn't wait yet on the queue, logged for each force; return how many.

    Nothing of a nominal is read but its key.
    """
    await session.value(
        "SELECT audit.combine('links.run', 'Compares every record with the others', '{}', "
        "(SELECT jsonb_agg(jsonb_build_object('owner_force', t.tenant_id, 'level', 'none')) "
        "FROM tenants.tenant AS t WHERE t.kind = 'force'))"
    )
    return await session.execute(
        "INSERT INTO sharing.match_queue (owner_force, nominal_id) "
        "SELECT n.owner_force, n.nominal_id FROM records.nominal AS n "
        "WHERE NOT EXISTS (SELECT FROM sharing.match_queue AS q "
        "WHERE q.owner_force = n.owner_force AND q.nominal_id = n.nominal_id)"
    )


async def count_waiting(session: ReadSession) -> int:
    """Return how many changes wait to be compared."""
    return int(await session.value("SELECT count(*) FROM sharing.match_queue"))


async def log_combination(session: WriteSession, keys: Iterable[Key], weights: str) -> None:
    """Log that nominals are compared; each force's event names its own alone."""
    records = [
        {"owner_force": owner, "nominal_id": str(nominal), "level": "none", "groups": []}
        for owner, nominal in keys
    ]
    await session.value(
        "SELECT audit.combine('links.compare', :reason, CAST(:content AS jsonb), "
        "CAST(:records AS jsonb))",
        {
            "reason": "Compares a changed record with others that may be the same person",
            "content": json.dumps({"weights": weights}),
            "records": json.dumps(records),
        },
    )


async def candidates(session: ReadSession, key: Key, person: Person, wanted: LookUps) -> list[Key]:
    """Return who may be a person, in one look-up: by number, by name and by day of birth.

    A number in common says most; by name the likeliest ranges come first, and of those born on a
    day whoever bears the surname too. The index of dates holds all that the last one asks.
    """
    rows = await session.rows(
        _CANDIDATES,
        {
            **bounds(wanted.names),
            **{f"day_{name}": keys for name, keys in bounds(wanted.days).items()},
            "surnames": list(wanted.surnames),
            "given": list(wanted.given),
            "kinds": list(person.numbers),
            "values": list(person.numbers.values()),
            "telephones": list(person.telephones),
            "each_name": EACH_NAME,
            "each_number": EACH_NUMBER,
            "most": MOST_BY_NAME,
            "most_of_day": MOST_BY_DAY,
        },
    )
    return [near for near in dict.fromkeys(_key(row) for row in rows) if near != key][:MOST]


async def persons(session: ReadSession, keys: Collection[Key]) -> dict[Key, Person]:
    """Return the match fields of nominals; one that is gone is left out."""
    if not keys:
        return {}
    owners, nominals = zip(*keys, strict=True)
    rows = await session.rows(_PERSONS, {"owners": list(owners), "ids": list(nominals), **_WHOLE})
    return {_key(row): _person(row) for row in rows}


async def candidates_of(
    session: ReadSession, key: Key, person: Person, keys: Collection[Key]
) -> dict[Key, tuple[Person, str | None]]:
    """Return nominals as far as a person can be compared with them, each with what was decided.

    Where nothing is known of the person, nothing is read: what one side lacks weighs nothing.
    """
    if not keys:
        return {}
    owners, nominals = zip(*keys, strict=True)
    rows = await session.rows(
        _CANDIDATES_OF,
        {
            "owners": list(owners),
            "ids": list(nominals),
            "owner": key[0],
            "nominal": key[1],
            "numbers": bool(person.numbers),
            "telephones": bool(person.telephones),
            "places": bool(person.places),
        },
    )
    return {_key(row): (_person(row), row.verdict) for row in rows}


async def replace_links(
    session: WriteSession, key: Key, found: Mapping[Key, Conclusion], weights: str
) -> None:
    """Make the links of a nominal those that were found, on both sides of each."""
    await session.execute(
        "DELETE FROM sharing.link WHERE (owner_force = :owner AND nominal_id = :id) "
        "OR (other_force = :owner AND other_id = :id)",
        {"owner": key[0], "id": key[1]},
    )
    sides = [
        (one, other, conclusion)
        for near, conclusion in found.items()
        if conclusion.outcome is not Outcome.NOTHING
        for one, other in ((key, near), (near, key))
    ]
    if not sides:
        return
    links = [
        {**_pair(one, other), "outcome": item.outcome.value, "weights": weights}
        for one, other, item in sides
    ]
    steps = [{**_pair(one, other), **step} for one, other, item in sides for step in _steps(item)]
    await session.execute(_ADD_LINKS, {"links": json.dumps(links), "steps": json.dumps(steps)})


def _steps(item: Conclusion) -> list[dict[str, Any]]:
    """Return the waterfall, and its sum with every group that it tells something of."""
    rows: list[dict[str, Any]] = [
        {"field": "prior", "level": "", "bits": item.score.prior_bits, "scopes": []}
    ]
    rows += [
        {
            "field": step.field,
            "level": step.level,
            "bits": step.bits,
            "scopes": _SCOPES.get(step.field, []),
        }
        for step in item.score.steps
    ]
    every = sorted({scope for row in rows for scope in row["scopes"]})
    rows.append({"field": TOTAL, "level": "", "bits": item.score.bits, "scopes": every})
    return [{"place": place, **row} for place, row in enumerate(rows)]


def _pair(one: Key, other: Key) -> dict[str, Any]:
    return {
        "owner_force": one[0],
        "nominal_id": str(one[1]),
        "other_force": other[0],
        "other_id": str(other[1]),
    }


def _person(row: Any) -> Person:
    born: date | None = row.date_of_birth
    precision = row.date_of_birth_precision
    return Person(
        names=tuple(make_name(given, surname) for given, surname in row.names or ()),
        born=born_digits(PartialDate.of(born, precision) if born else None),
        sex=row.sex or "",
        places=tuple(
            make_place(premises, street, town, postcode or "")
            for premises, street, town, postcode in row.places or ()
        ),
        telephones=tuple(row.telephones or ()),
        numbers=dict(row.numbers or ()),
    )


def _key(row: Any) -> Key:
    return TenantId(row.owner_force), NominalId(row.nominal_id)
