"""Files of another system to import, what a store then holds, and a process that imports."""

from __future__ import annotations

import asyncio
import csv
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from athena.records.nominals.identifiers import make_pnc_id
from support.cluster import ROOT, Cluster

MAPPING = """
source = "Old system"
id = "ref"
date_formats = ["%d/%m/%Y", "%m/%Y", "%Y"]
[columns]
given_names = "forenames"
surname = "surname"
date_of_birth = "dob"
sex = { column = "sex", values = { "1" = "M", "2" = "F" }, otherwise = "U" }
street = "street"
town = "town"
telephone = "phone"
marking = { constant = "OFFICIAL" }
[identifiers]
pnc_id = "pnc"
[[names]]
kind = "maiden"
given_names = "forenames"
surname = "maiden"
[[markers]]
code = { column = "warnings", values = { VI = "violent", WE = "weapons" } }
separator = "/"
[[descriptions]]
attribute = { constant = "build" }
value = "build"
[[involvements]]
record_class = { constant = "investigation" }
record_number = "crime"
role = { constant = "suspect" }
"""
COLUMNS = (
    "ref", "forenames", "surname", "maiden", "dob", "sex", "street", "town", "phone", "pnc",
    "warnings", "build", "crime",
)  # fmt: skip
_FORENAMES = ("Ada", "Bertram", "Cecily", "Dafydd", "Eithne", "Farida", "Gwen", "Hamza", "Ines")
_SURNAMES = ("Abernethy", "Blackwood", "Carnaby", "Dunstable", "Ellsworth", "Fairbrother")
_STREETS = ("Mill Lane", "High Street", "Church Walk", "Station Road")
_BAD_DATES = ("31/02/1980", "12/13/1999", "01/01/2999", "yesterday")


@dataclass(frozen=True)
class OldFile:
    """A file and its mapping."""

    path: Path
    mapping: Path
    rows: int


def write_old_file(directory: Path, rows: int, seed: int) -> OldFile:
    """Write a CSV file of which some rows break rules and some are of the same people or ids."""
    draw = random.Random(seed)
    path, mapping = directory / "old.csv", directory / "old.toml"
    mapping.write_text(MAPPING)
    written: list[list[str]] = []
    for number in range(1, rows + 1):
        row = _row(draw, number)
        chance = draw.random()
        if chance < 0.04:
            row[4] = draw.choice(_BAD_DATES)
        elif chance < 0.06 and written:
            row[0] = draw.choice(written)[0]
        elif chance < 0.10 and written:  # the same person under another reference
            earlier = draw.choice(written)
            row[1:5] = earlier[1:5]
        elif chance < 0.12 and written:
            row[9] = draw.choice(written)[9]
        elif chance < 0.13:
            row[1] = row[2] = ""
        written.append(row)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(written)
    return OldFile(path, mapping, rows)


def _row(draw: random.Random, number: int) -> list[str]:
    surname = f"{draw.choice(_SURNAMES)}{''.join(draw.choices('bcdlmnrst', k=3))}"
    year = draw.randint(1935, 2004)
    dob = draw.choice(
        [f"{draw.randint(1, 28):02}/{draw.randint(1, 12):02}/{year}"] * 8
        + [f"{draw.randint(1, 12):02}/{year}", str(year)]
    )
    return [
        f"R{number:06}",
        draw.choice(_FORENAMES),
        surname,
        draw.choice(_SURNAMES) if draw.random() < 0.1 else "",
        dob,
        draw.choice("1299"),
        draw.choice(_STREETS) if draw.random() < 0.7 else "",
        "Testham" if draw.random() < 0.7 else "",
        f"01632 {draw.randint(960000, 960999)}" if draw.random() < 0.4 else "",
        make_pnc_id(2001, number).value if draw.random() < 0.3 else "",
        draw.choice(["VI", "VI/WE", "WE"]) if draw.random() < 0.1 else "",
        draw.choice(["slim", "heavy"]) if draw.random() < 0.2 else "",
        f"46/{number}/26" if draw.random() < 0.3 else "",
    ]


IMPORTER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from sqlalchemy import make_url
from support.cluster import Cluster
from athena.platform.kernel.settings import Settings
from athena.platform.runtime import running
from athena.records.imports.service import import_nominals
from athena.tenants.members.service import subject_by_username

async def work():
    store = Cluster(make_url({url!r}), Path("unused")).store({database!r})
    directory = Path({directory!r})
    async with running(store, Settings(data_dir=directory)) as runtime:
        subject = await subject_by_username(runtime.database, "records.kent")
        await import_nominals(
            runtime.gate, runtime.register, subject, directory / "old.csv",
            directory / "old.toml", directory / "rejects.csv",
            batch={batch}, of_its_own={of_its_own},
        )

asyncio.run(work())
"""


async def importer(
    cluster: Cluster, database: str, directory: Path, batch: int, of_its_own: int = 0
) -> asyncio.subprocess.Process:
    """Start a process that imports the old file of a directory into Kent.

    A process of its own reads a file of ``of_its_own`` rows or more.
    """
    code = IMPORTER.format(
        tests=str(ROOT / "tests"),
        url=cluster.admin_url.render_as_string(hide_password=False),
        database=database,
        directory=str(directory),
        batch=batch,
        of_its_own=of_its_own,
    )
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE
    )
