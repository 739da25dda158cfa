"""A file of another system for the import benchmark: made-up nominals, flattened into columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from athena.records.nominals.schemas import NominalDraft
from athena.records.synthetic.people import SyntheticNominal

MAPPING = """
source = "{source}"
id = "ref"
[columns]
given_names = "given_names"
surname = "surname"
date_of_birth = "date_of_birth"
date_of_death = "date_of_death"
sex = "sex"
place_of_birth = "place_of_birth"
premises = "premises"
street = "street"
town = "town"
county = "county"
postcode = "postcode"
telephone = "telephone"
email = "email"
marking = "marking"
handling = "handling"
conditions = "conditions"
sensitive = "sensitive"
restricted = "restricted"
sealed = "sealed"
[identifiers]
pnc_id = "pnc_id"
cro_number = "cro_number"
[[names]]
given_names = "other_given_names"
surname = "other_surname"
[[markers]]
code = "warning"
[[descriptions]]
attribute = {{ constant = "build" }}
value = "build"
[[assessments]]
basis = {{ constant = "officer" }}
text = "assessment"
[[involvements]]
record_class = "record_class"
record_number = "record_number"
role = "role"
vulnerability_factors = "vulnerability"
[[involvements]]
record_class = "record_class_2"
record_number = "record_number_2"
role = "role_2"
vulnerability_factors = "vulnerability_2"
"""
COLUMNS = (
    "ref", "given_names", "surname", "date_of_birth", "date_of_death", "sex", "place_of_birth",
    "premises", "street", "town", "county", "postcode", "telephone", "email", "marking",
    "handling", "conditions", "sensitive", "restricted", "sealed", "pnc_id", "cro_number",
    "other_given_names", "other_surname", "warning", "build", "assessment", "record_class",
    "record_number", "role", "vulnerability", "record_class_2", "record_number_2", "role_2",
    "vulnerability_2",
)  # fmt: skip


def write_file(path: Path, people: Iterable[SyntheticNominal]) -> int:
    """Write nominals as rows of a CSV file, numbered from 1; return how many there are."""
    number = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number, person in enumerate(people, start=1):
            row = _row(person.draft)
            writer.writerow([f"P{number}", *(row.get(column, "") for column in COLUMNS[1:])])
    return number


def _row(draft: NominalDraft) -> dict[str, object]:
    name = draft.names[0]
    row: dict[str, object] = {
        "given_names": name.given_names,
        "surname": name.surname,
        "date_of_birth": draft.date_of_birth or "",
        "date_of_death": draft.date_of_death or "",
        "sex": draft.sex,
        "place_of_birth": draft.place_of_birth or "",
        "marking": draft.marking,
        "handling": draft.handling,
        "conditions": ";".join(draft.conditions),
        "sensitive": "yes" if draft.sensitive else "",
        "restricted": "yes" if draft.restricted else "",
        "sealed": "yes" if draft.sealed else "",
    }
    row |= {number.kind.value: number.value for number in draft.identifiers}
    row |= {contact.kind.value: contact.value for contact in draft.contacts}
    if draft.addresses:
        place = draft.addresses[0].location.model_dump()
        row |= {part: place[part] or "" for part in ("premises", "street", "town", "county")}
        row["postcode"] = place["postcode"] or ""
    for other in draft.names[1:2]:
        row |= {"other_given_names": other.given_names, "other_surname": other.surname}
    for marker in draft.markers[:1]:
        row["warning"] = marker.code
    for description in draft.descriptions:
        row[description.attribute.value] = description.value
    for assessment in draft.assessments[:1]:
        row["assessment"] = assessment.text
    for ending, involvement in zip(("", "_2"), draft.involvements, strict=False):
        row[f"record_class{ending}"] = involvement.record_class
        row[f"record_number{ending}"] = involvement.record_number
        row[f"role{ending}"] = involvement.role
        row[f"vulnerability{ending}"] = ";".join(involvement.vulnerability_factors)
    return row
