"""The pictures of the hand-written table, through the API and through raw SQL: the same rows."""

from __future__ import annotations

from typing import Any

import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import FieldGroup, Purpose
from athena.policies.roles.actions import Action
from athena.records.nominals import service as nominals
from athena.records.nominals.models import ROW_TABLES
from athena.records.nominals.schemas import NominalDraft
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.cluster import Cluster
from support.expectations import LABELS, Cell, read_table

CELLS = read_table()


SURNAMES = dict(
    zip(
        LABELS,
        [
            "Abernathy",
            "Blackwood",
            "Castellano",
            "Dunwoody",
            "Ellingham",
            "Fitzgerald",
            "Gallagher",
            "Hutchinson",
        ],
        strict=True,
    )
)
"""A surname for each label, none like another: a look-alike would show up as a pointer."""


GIVEN = dict(
    zip(
        FORCE_SLUGS,
        [
            "Octavian",
            "Zebulon",
            "Ignatius",
            "Bartleby",
            "Quillon",
            "Fyodor",
            "Lazarus",
            "Hyacinth",
            "Percival",
        ],
        strict=True,
    )
)


def everything(owner: str, label: str) -> dict[str, Any]:
    """Return a nominal with a row in every group, under a label."""
    fields = dict(LABELS[label])
    roles = fields.pop("roles", ["suspect"])
    return {
        "names": [{"given_names": GIVEN[owner], "surname": SURNAMES[label]}],
        "sex": "M",
        "date_of_birth": "1980-02-03",
        "identifiers": [{"kind": "probation_crn", "value": "X123456"}],
        "contacts": [{"kind": "telephone", "value": "07700 900123"}],
        "addresses": [{"location": {"street": "Elm Road", "postcode": "ZZ1 1ZZ"}}],
        "descriptions": [{"attribute": "hair", "value": "brown"}],
        "markers": [{"code": "violent"}],
        "assessments": [{"basis": "officer", "text": "Synthetic opinion."}],
        "involvements": [
            {"record_class": "investigation", "record_number": f"{label}/{role}", "role": role}
            for role in roles
        ],
        **fields,
    }


@pytest.fixture(scope="module")
async def ids(platform: Platform) -> dict[tuple[str, str], str]:
    """Create one nominal of every force under every label."""
    runtime = platform.runtime
    created: dict[tuple[str, str], str] = {}
    for force in FORCE_SLUGS:
        subject = await subject_by_username(runtime.database, f"records.{force}")
        for label in LABELS:
            draft = NominalDraft.model_validate(everything(force, label))
            await nominals.prepare(runtime.database, runtime.register, subject, draft)
            entry = Entry(EventKind.COLLECTION, "nominals.create", REASON)
            async with runtime.gate.alter(
                subject, Action.NOMINALS_CREATE, Purpose.DATA_QUALITY, entry
            ) as alteration:
                created[force, label] = str(
                    await nominals.create(alteration, runtime.register, draft)
                )
    await runtime.searcher.names.refresh()
    return created


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_the_api_shows_the_picture(
    cell: Cell, platform: Platform, ids: dict[tuple[str, str], str]
) -> None:
    nominal_id = ids[cell.owner, cell.label]
    answer = await platform.read(f"officer.{cell.requester}", nominal_id, cell.purpose)
    if cell.level in ("none", "pointer"):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:athena:problem:not-found"
    else:
        shown = answer.json()
        assert shown["disclosure"] == cell.level
        present = {group for group in FieldGroup if shown["nominal"][group] is not None}
        assert present == cell.groups
        assert all(shown["nominal"][group] for group in present)
        assert set(shown["withheld"]) == set(FieldGroup) - cell.groups


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_raw_sql_as_the_forces_login_sees_the_same(
    cell: Cell, platform: Platform, ids: dict[tuple[str, str], str], cluster: Cluster
) -> None:
    subject = await subject_by_username(platform.runtime.database, f"officer.{cell.requester}")
    visibility = await platform.runtime.gate.visibility(subject, Purpose(cell.purpose))
    connection = await cluster.login(platform.runtime.store.address.database, subject.login)
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT audit.append($1, 'consultation', 'test', 'raw SQL', '{}', '[]')",
                visibility.grant_set_id,
            )
            tables = {"nominal": None, **{table.name: table.group for table in ROW_TABLES}}
            seen = {
                table
                for table in tables
                if await connection.fetchval(
                    f"SELECT count(*) FROM records.{table} WHERE nominal_id = $1",
                    ids[cell.owner, cell.label],
                )
            }
    finally:
        await connection.close()
    expected = {table.name for table in ROW_TABLES if table.group in cell.groups}
    if cell.level in ("summary", "full"):
        expected |= {"nominal", "nominal_name"}
    assert seen == expected


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_search_shows_the_picture(
    cell: Cell, platform: Platform, ids: dict[tuple[str, str], str]
) -> None:
    answer = await platform.search(
        f"officer.{cell.requester}",
        given_name=GIVEN[cell.owner],
        surname=SURNAMES[cell.label],
        date_of_birth="1980-02-03",
        purpose=cell.purpose,
    )
    hits = answer.json()["results"]
    found = [hit for hit in hits if hit["id"] == ids[cell.owner, cell.label]]
    pointed = [
        hit for hit in hits if hit["disclosure"] == "pointer" and hit["owner_force"] == cell.owner
    ]
    if cell.level in ("summary", "full"):
        assert [hit["disclosure"] for hit in found] == [cell.level]
        assert hits[0]["id"] == found[0]["id"]
    else:
        assert not found
        assert (cell.level == "pointer") == bool(pointed)
    for hit in pointed:
        assert hit["id"] is None
        assert hit["nominal"] is None
        assert hit["score"] is None
        assert hit["contact"]["unit"]
