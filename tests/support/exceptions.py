"""Calls that set and lift exceptions, and a nominal of each table to try them on."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx

from support.api import Platform
from support.cluster import Cluster

TABLES = (
    "nominal",
    "nominal_name",
    "name_key",
    "identifier",
    "contact",
    "address",
    "description",
    "marker",
    "assessment",
    "involvement",
)


def person(surname: str, **fields: Any) -> dict[str, Any]:
    """Return a nominal with a row in every table of its groups."""
    return {
        "names": [{"given_names": "Octavian", "surname": surname}],
        "date_of_birth": "1980-02-03",
        "identifiers": [{"kind": "probation_crn", "value": "A654321"}],
        "contacts": [{"kind": "telephone", "value": "01632 960123"}],
        "addresses": [{"location": {"street": "Low Road", "postcode": "ZZ1 1ZZ"}}],
        "descriptions": [{"attribute": "hair", "value": "grey"}],
        "markers": [{"code": "violent"}],
        "assessments": [{"basis": "intelligence", "text": "An opinion."}],
        "involvements": [
            {"record_class": "case", "record_number": f"46/{surname}/26", "role": "suspect"}
        ],
        **fields,
    }


async def call(
    platform: Platform, username: str, method: str, path: str, body: Any = None, **fields: str
) -> httpx.Response:
    """Call the API as a member; ``purpose`` may be given."""
    headers = await platform.headers(username, fields.get("purpose", "investigation"))
    return await platform.client.request(method, f"/api/v1{path}", json=body, headers=headers)


async def create(platform: Platform, username: str, surname: str, **fields: Any) -> str:
    """Create a nominal and return its id."""
    answer = await platform.create(username, person(surname, **fields))
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def found(platform: Platform, username: str, surname: str, **fields: Any) -> list[Any]:
    """Search for a nominal of `person`, and return the hits."""
    answer = await platform.search(
        username,
        given_name="Octavian",
        surname=surname,
        **fields,
    )
    assert answer.status_code == 200, answer.text
    hits: list[Any] = answer.json()["results"]
    return hits


async def rows_seen(
    platform: Platform,
    cluster: Cluster,
    username: str,
    nominal_id: str,
    tables: tuple[str, ...],
    owner: str = "%",
) -> set[str]:
    """Return the tables in which raw SQL, as the member's force, sees rows of a nominal.

    ``owner`` is the force whose rows count, where two forces have a nominal of that id.
    """
    from athena.platform.kernel.identity import Purpose
    from athena.tenants.members.service import subject_by_username

    subject = await subject_by_username(platform.runtime.database, username)
    visibility = await platform.runtime.gate.visibility(subject, Purpose.INVESTIGATION)
    connection = await cluster.login(platform.runtime.store.address.database, subject.login)
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT audit.append($1, 'consultation', 'test', 'raw SQL', '{}', '[]')",
                visibility.grant_set_id,
            )
            return {
                table
                for table in tables
                if await connection.fetchval(
                    f"SELECT count(*) FROM records.{table} AS r JOIN tenants.tenant AS t "
                    "ON t.tenant_id = r.owner_force WHERE r.nominal_id = $1 AND t.slug LIKE $2",
                    nominal_id,
                    owner,
                )
            }
    finally:
        await connection.close()


async def add_team(platform: Platform, cluster: Cluster, slug: str, *usernames: str) -> UUID:
    """Make a team of Kent's with these members, as a superuser."""
    admin = await cluster.admin(platform.runtime.store.address.database)
    team = uuid4()
    try:
        await admin.execute(
            "INSERT INTO tenants.team (tenant_id, team_id, slug, name) "
            "SELECT tenant_id, $1, $2, $2 FROM tenants.tenant WHERE slug = 'kent'",
            team,
            slug,
        )
        await admin.execute(
            "INSERT INTO tenants.team_member (tenant_id, team_id, member_id, valid_from) "
            "SELECT tenant_id, $1, member_id, current_date - 1 FROM tenants.member "
            "WHERE username = ANY ($2)",
            team,
            list(usernames),
        )
    finally:
        await admin.close()
    return team
