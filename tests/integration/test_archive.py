"""A force takes its records out and leaves nothing behind; brought back, they are the same."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import ConflictError, InvalidInputError, RefusedError
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.records.archive import service
from athena.records.archive.certificate import Signer, check_certificate
from athena.records.archive.files import MANIFEST, read_archive, write_archive
from athena.records.archive.models import Archive, TableDigest, checksum_of
from athena.records.imports import repository as imports
from athena.records.imports.service import import_nominals
from athena.tenants.directory.models import force_login
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.cluster import Cluster
from support.tenth import add_member, agree, create_force, post, suspend
from support.told_partners import disclose_and_correct, register_partner

MARK = "Zorblax"
"""Part of everything personal that the force on its way out records, so that it can be found."""

EMPTY = {
    "records.restriction",
    "records.lock",
    "records.emergency_access",
    "records.emergency_review",
    "records.merge",
    "records.link_verdict",
    "sharing.disclosure",
    "sharing.disclosure_payload",
    "sharing.link",
    "sharing.link_decision",
    "sharing.link_step",
    "sharing.referral",
}
"""Tables that `populate` leaves empty."""


def person(number: int, mark: str) -> dict[str, Any]:
    """Return a nominal with a row in every table, each marked."""
    return {
        "names": [{"given_names": f"{mark}a", "surname": f"{mark}son{'x' * number}"}],
        "sex": "F",
        "date_of_birth": "1980-02",
        "place_of_birth": f"{mark}ville",
        "identifiers": [{"kind": "probation_crn", "value": "X123456"}],
        "contacts": [{"kind": "email", "value": f"{mark.lower()}{number}@example.com"}],
        "addresses": [{"location": {"street": f"{mark} Road", "postcode": "ZZ1 1ZZ"}}],
        "descriptions": [{"attribute": "hair", "value": f"{mark} brown"}],
        "markers": [{"code": "violent", "note": f"{mark} note"}],
        "assessments": [{"basis": "officer", "text": f"{mark} opinion é ü \\n ’."}],
        "involvements": [
            {"record_class": "investigation", "record_number": f"{mark}/{number}", "role": "victim"}
        ],
        "marking": "OFFICIAL-SENSITIVE" if number % 2 else "OFFICIAL",
    }


async def populate(platform: Platform, slug: str, count: int = 3, mark: str = MARK) -> None:
    """Give a force nominals with history and the numbers of another system."""
    runtime = platform.runtime
    manager = await subject_by_username(runtime.database, f"records.{slug}")
    for number in range(1, count + 1):
        made = await platform.create(f"officer.{slug}", person(number, mark))
        assert made.status_code in (201, 409), made.text
        if made.status_code == 409:
            matches = made.json()["likely_matches"]
            made = await platform.create(
                f"officer.{slug}", person(number, mark), acknowledged_matches=matches
            )
            assert made.status_code == 201, made.text
        amended = person(number, mark)
        amended["place_of_birth"] = f"New {mark}ville"
        amended["names"] = [{"given_names": f"{mark}b", "surname": f"{mark}gone{'y' * number}"}]
        amended["addresses"] = [{"location": {"street": f"{mark} Street", "town": mark}}]
        answer = await platform.client.put(
            f"/api/v1/nominals/{made.json()['id']}",
            json={"version": 1, "nominal": amended},
            headers=await platform.headers(f"officer.{slug}"),
        )
        assert answer.status_code == 200, answer.text
        entry = Entry(EventKind.COLLECTION, "nominals.import", REASON)
        async with runtime.gate.alter(
            manager, Action.NOMINALS_IMPORT, Purpose.DATA_QUALITY, entry
        ) as alteration:
            reference = (f"{mark}-{number}", NominalId(UUID(made.json()["id"])))
            await imports.add(alteration, f"{mark}'s system", [reference])
    await import_rows(platform, manager, mark)


async def import_rows(platform: Platform, manager: Subject, mark: str) -> None:
    """Import a file of two rows, of which one is rejected and one waits for a decision."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        (directory / "mapping.toml").write_text(
            f'source = "{mark} files"\nid = "id"\n[columns]\nsurname = "name"\n'
            '[identifiers]\nprobation_crn = "crn"\n'
        )
        (directory / f"{mark}.csv").write_text(
            f"id,name,crn\n{mark}-x,,\n{mark}-y,{mark}other,X123456\n"
        )
        report = await import_nominals(
            platform.runtime.gate,
            platform.runtime.register,
            manager,
            directory / f"{mark}.csv",
            directory / "mapping.toml",
            directory / "rejects.csv",
        )
    assert (report.rejected, report.waiting, report.reconciles) == (1, 1, True)


async def export(platform: Platform, username: str) -> Archive:
    """Export as a member."""
    subject = await subject_by_username(platform.runtime.database, username)
    return await service.export(platform.runtime.gate, subject, REASON)


async def restore(platform: Platform, username: str, archive: Archive) -> int:
    """Import as a member."""
    runtime = platform.runtime
    subject = await subject_by_username(runtime.database, username)
    return await service.restore(runtime.gate, runtime.register, subject, archive, REASON)


async def rows_with(admin: asyncpg.Connection, mark: str) -> dict[str, int]:
    """Return in which tables of the whole store any row holds a text, and how often."""
    tables = await admin.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class AS c JOIN pg_namespace AS n "
        "ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' "
        "AND n.nspname <> 'information_schema'"
    )
    assert len(tables) > 30
    found = {}
    for (table,) in tables:
        count = await admin.fetchval(
            f"SELECT count(*) FROM {table} AS t WHERE position(lower($1) IN lower(t::text)) > 0",
            mark,
        )
        if count:
            found[table] = count
    return found


class TestExporting:
    async def test_it_holds_ones_own_records_and_nobody_elses(self, platform: Platform) -> None:
        await create_force(platform, "t-whole", "61")
        await populate(platform, "t-whole")
        others = {"names": [{"given_names": "Philippa", "surname": "Throgmorton"}]}
        assert (await platform.create("officer.kent", others)).status_code == 201
        archive = await export(platform, "records.t-whole")
        assert archive.manifest.tables["nominal"].rows == 3
        assert archive.manifest.tables["history"].rows >= 9
        assert len(archive.manifest.tables) >= 13
        everything = json.dumps(list(archive.lines.values()))
        assert MARK in everything
        assert "Throgmorton" not in everything
        assert "owner_force" not in everything
        async with platform.runtime.database.read("athena_auditor") as session:
            logged = await session.value(
                "SELECT count(*) FROM audit.event AS e JOIN audit.content AS c "
                "USING (at, event_id) WHERE e.kind = 'disclosure' AND e.action = "
                "'records.exported' AND c.content ->> 'checksum' = :checksum",
                {"checksum": archive.manifest.checksum},
            )
        assert logged == 1

    async def test_it_is_refused_to_who_may_not_see_everything(self, platform: Platform) -> None:
        await create_force(platform, "t-partly", "62")
        await populate(platform, "t-partly", 1)
        answer = await post(
            platform,
            "admin.t-partly",
            "members",
            username="low.t-partly",
            display_name="Low",
            roles=["records_manager"],
            clearance="OFFICIAL",
        )
        assert answer.status_code == 201
        with pytest.raises(RefusedError):
            await export(platform, "low.t-partly")
        for username in ("officer.t-partly", "admin.t-partly"):
            with pytest.raises(RefusedError):
                await export(platform, username)


class TestImporting:
    async def test_an_empty_force_gets_the_same_and_exports_the_same(
        self, platform: Platform, tmp_path: Path
    ) -> None:
        await create_force(platform, "t-from", "63")
        await create_force(platform, "t-into", "64")
        await populate(platform, "t-from")
        archive = await export(platform, "records.t-from")
        write_archive(tmp_path / "a.tar.gz", archive)
        read = read_archive(tmp_path / "a.tar.gz")
        assert read == archive
        assert await restore(platform, "records.t-into", read) > 30
        again = await export(platform, "records.t-into")
        assert again.manifest.checksum == archive.manifest.checksum
        assert again.lines == archive.lines
        await platform.runtime.searcher.names.refresh()
        found = await platform.search("officer.t-into", name=f"{MARK}b {MARK}gonex")
        assert {hit["owner_force"] for hit in found.json()["results"]} == {"t-into"}
        with pytest.raises(ConflictError):
            await restore(platform, "records.t-into", read)

    async def test_who_may_not_import_imports_nothing(self, platform: Platform) -> None:
        archive = await export(platform, "records.suffolk")
        with pytest.raises(RefusedError):
            await restore(platform, "officer.suffolk", archive)


def resealed(archive: Archive, table: str, change: Callable[[str], str]) -> Archive:
    """Return an archive whose first line of a table is changed, with checksums that fit."""
    first, *rest = archive.lines[table]
    lines = {**archive.lines, table: [change(first), *rest]}
    tables = {name: TableDigest.of(found) for name, found in lines.items()}
    manifest = archive.manifest.model_copy(
        update={"tables": tables, "checksum": checksum_of(tables)}
    )
    return Archive(manifest=manifest, lines=lines)


FORGERIES: dict[str, tuple[str, Callable[[str], str]]] = {
    "not JSON": ("nominal", lambda line: line[:-1]),
    "not an object": ("nominal", lambda line: "[]"),
    "another field": ("contact", lambda line: line[:-1] + ', "owner_force": 1}'),
    "a field too few": ("marker", lambda line: line.replace('"note"', '"mote"')),
    "an unknown sex": ("nominal", lambda line: line.replace('"F"', '"Q"')),
    "an unknown kind": ("identifier", lambda line: line.replace("probation_crn", "shoe_size")),
    "an unknown marking": ("nominal", lambda line: line.replace("OFFICIAL", "SECRET")),
    "a nominal that isn't there": (
        "contact",
        lambda line: json.dumps({**json.loads(line), "nominal_id": "0" * 32}),
    ),
    "no such date": ("nominal", lambda line: line.replace("1980-02-01", "1980-02-31")),
    "an id that is none": (
        "nominal",
        lambda line: json.dumps({**json.loads(line), "nominal_id": "x"}),
    ),
    "a NUL": ("assessment", lambda line: line.replace("opinion", "\\u0000")),
    "another form of the same": ("nominal", lambda line: line.replace(": ", ":")),
}


@pytest.fixture(scope="module")
async def archive(platform: Platform) -> Archive:
    """Return an archive to damage."""
    await create_force(platform, "t-forged", "65")
    await populate(platform, "t-forged", 1)
    return await export(platform, "records.t-forged")


class TestRefusing:
    @pytest.mark.parametrize(("table", "change"), FORGERIES.values(), ids=FORGERIES.keys())
    async def test_a_forged_line_loads_nothing(
        self, platform: Platform, archive: Archive, table: str, change: Callable[[str], str]
    ) -> None:
        forged = resealed(archive, table, change)
        assert forged.lines[table] != archive.lines[table]
        with pytest.raises(InvalidInputError):
            await restore(platform, "records.norfolk", forged)
        after = await export(platform, "records.norfolk")
        assert {table.rows for table in after.manifest.tables.values()} == {0}

    @pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "no manifest", "link"])
    async def test_a_damaged_file_is_refused_in_a_sentence(
        self, archive: Archive, damage: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.tar.gz"
        write_archive(path, archive)
        data = path.read_bytes()
        if damage == "cut":
            path.write_bytes(data[: len(data) // 2])
        elif damage == "flipped":
            path.write_bytes(data[:200] + bytes([data[200] ^ 255]) + data[201:])
        elif damage == "empty":
            path.write_bytes(b"")
        elif damage == "text":
            path.write_text("not an archive")
        else:
            with tarfile.open(path, "w:gz") as tar:
                entry = tarfile.TarInfo(MANIFEST if damage == "link" else "../../nominal.jsonl")
                if damage == "link":
                    entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(entry, io.BytesIO())
        with pytest.raises(InvalidInputError) as refused:
            read_archive(path)
        assert refused.value.detail.endswith(".")

    def test_a_missing_file_is_a_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError):
            read_archive(tmp_path / "missing.tar.gz")


class TestLeaving:
    async def test_nothing_of_it_stays(self, platform: Platform, cluster: Cluster) -> None:
        slug, mark = "t-gone", "Quibnax"
        await create_force(platform, slug, "66")
        admin_account = f"admin.{slug}"
        member = await add_member(platform, admin_account, f"quibnax.{slug}", "officer")
        await post(platform, admin_account, "members/teams", slug="harbour", name=f"{mark} team")
        joined = await post(platform, admin_account, f"members/{member}/teams/join", team="harbour")
        assert joined.status_code == 204
        await agree(platform, slug, "kent")
        await populate(platform, slug, mark=mark)
        stays = {"names": [{"given_names": "Ermintrude", "surname": "Fotheringay"}]}
        assert (await platform.create("officer.kent", stays)).status_code == 201
        seen = await platform.search("officer.kent", identifier="X123456")
        assert slug in {hit["owner_force"] for hit in seen.json()["results"]}
        archive = await export(platform, f"records.{slug}")
        body = {"checksum": archive.manifest.checksum}

        async def offboard(**fields: Any) -> Any:
            return await post(platform, "amo.admin", f"tenants/{slug}/offboard", **body | fields)

        assert (await offboard()).status_code == 409, "it isn't suspended"
        await suspend(platform, slug)
        assert (await offboard(checksum="0" * 64)).status_code == 409
        assert (await offboard(checksum=None)).status_code == 409
        assert (await offboard(checksum="all of it")).status_code == 422
        refused = await post(platform, "admin.kent", f"tenants/{slug}/offboard", **body)
        assert refused.status_code == 403

        admin = await cluster.admin(platform.runtime.store.address.database)
        try:
            number = await admin.fetchval(
                "SELECT tenant_id FROM tenants.tenant WHERE slug = $1", slug
            )
            others = "SELECT count(*) FROM records.nominal WHERE owner_force <> $1"
            before = await admin.fetchval(others, number)
            found = (
                "SELECT count(*) FROM sharing.search WHERE hits -> 'ranked' "
                "@> jsonb_build_array(jsonb_build_object('owner', $1::smallint))"
            )
            assert await admin.fetchval(found, number)
            assert len(await rows_with(admin, mark)) >= 12
            events = await admin.fetchval(
                "SELECT count(*) FROM audit.event WHERE tenant_id = $1", number
            )
            partner = await register_partner(admin, "told-of-those-gone")
            await disclose_and_correct(admin, partner, slug)
            done = await offboard()
            assert done.status_code == 200, done.text
            tables = done.json()["statement"]["tables"]
            assert tables["records.nominal"] == {"before": 3, "after": 0}
            assert {table["after"] for table in tables.values()} == {0}
            filled = {name for name, table in tables.items() if table["before"]}
            assert {name for name in tables if not name.startswith("work.")} - filled <= EMPTY
            assert await admin.fetchval(others, number) == before
            assert events == await admin.fetchval(
                "SELECT count(*) FROM audit.event WHERE tenant_id = $1", number
            )
            assert await rows_with(admin, mark) == {}
            left = await rows_with(admin, f".{slug}")
            assert {table.split("_")[0] for table in left} <= {"audit.event"}, "the log stays"
            assert not await admin.fetchval(found, number)
            assert await admin.fetchval(
                "SELECT count(*) = 2 FROM names.term WHERE token IN ('ermintrude', 'fotheringay')"
            )
            login = await admin.fetchval(
                "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", force_login(slug)
            )
            assert login is False
        finally:
            await admin.close()

        store = platform.runtime.store
        signer = Signer(store.master_secret, store.master_secret_version)
        statement = check_certificate(done.text, signer.public_key)
        assert statement.archive_checksum == archive.manifest.checksum
        with pytest.raises(InvalidInputError):
            check_certificate(done.text.replace('"after":0', '"after":1'), signer.public_key)
        with pytest.raises(InvalidInputError):
            check_certificate(done.text, Signer(b"another secret" * 3, 1).public_key)
        assert (await post(platform, "amo.admin", f"tenants/{slug}/reinstate")).status_code == 409
        again = await platform.search("officer.kent", identifier="X123456")
        assert again.json()["results"] == []
        made = await platform.create(
            "officer.kent", {"names": [{"given_names": "Wystan", "surname": "Fortescue"}]}
        )
        assert made.status_code == 201, "whoever writes names next, writes them as before"
