"""Files of every format become the same nominals; what is wrong with a row is told without it."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.errors import InvalidInputError
from athena.records.imports.ahead import items
from athena.records.imports.drafting import Drafter, DraftError
from athena.records.imports.mapping import FileMapping, load_mapping
from athena.records.imports.reading import RawRow, check_file, read_rows
from athena.records.nominals.dates import Precision
from athena.records.nominals.schemas import NominalDraft

EVERYTHING = """
source = "Everything"
id = "ref"
date_formats = ["%d.%m.%Y", "%m.%Y", "%Y"]
[columns]
given_names = "given"
surname = "family"
date_of_birth = "born"
date_of_death = { column = "died", formats = ["%Y-%m-%d"] }
sex = { column = "sex", values = { W = "F" }, otherwise = "U" }
gender = "gender"
place_of_birth = "birthplace"
street = "street"
postcode = "postcode"
telephone = "phone"
email = "mail"
marking = { constant = "OFFICIAL-SENSITIVE" }
handling = "handling"
conditions = "conditions"
restricted = "restricted"
[identifiers]
probation_crn = "crn"
[[more_identifiers]]
kind = "custody_number"
value = "custody"
separator = ";"
[[names]]
kind = "nickname"
given_names = "nick"
[[addresses]]
kind = "previous"
town = "old_town"
valid_to = "moved"
[[contacts]]
kind = "telephone"
value = "phones"
separator = ","
[[markers]]
code = { column = "warnings", values = { V = "violent", E = "escaper" } }
separator = "+"
[[descriptions]]
attribute = { constant = "build" }
value = { column = "build", values = { S = "slim" } }
[[assessments]]
basis = { constant = "officer" }
text = "notes"
[[involvements]]
record_class = { column = "class", values = { C = "custody" } }
record_number = "custody"
role = { constant = "suspect" }
vulnerability_factors = "factors"
"""
ROW = {
    "ref": "1", "given": "Zoë Anne", "family": "O'Malley-Łukasz", "born": "03.1980",
    "died": "2020-05-06", "sex": "W", "gender": "woman", "birthplace": "Ghent",
    "street": 'The "Old" Mill, Yard', "postcode": "zz99 3wz", "phone": "01632 960123",
    "mail": "A@B.example", "handling": "C", "conditions": "A1;S1", "restricted": "yes",
    "crn": "x123456", "custody": "46/1/26", "nick": "Zed", "old_town": "Oldham",
    "moved": "01.02.1999", "phones": "01632960001, 01632960002", "warnings": "V+E",
    "build": "S", "notes": "Keeps bees.", "class": "C", "factors": "age;isolation",
}  # fmt: skip


def write(directory: Path, ending: str, rows: list[dict[str, str]]) -> Path:
    """Write rows in a format."""
    path = directory / f"rows.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    elif ending == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def mapping_of(directory: Path, text: str) -> FileMapping:
    """Read a mapping file of this text."""
    path = directory / "mapping.toml"
    path.write_text(text)
    return load_mapping(path)


def drafts(path: Path, mapping: FileMapping) -> list[NominalDraft]:
    """Return the nominals of a file."""
    drafter = Drafter(mapping)
    return [drafter.draft(row) for row in read_rows(check_file(path, mapping), mapping)]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_field_arrives_from_every_format(ending: str, tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, EVERYTHING)
    path = write(tmp_path, ending, [ROW, {**ROW, "ref": "2", "born": "1980", "nick": ""}])
    first, second = drafts(path, mapping)
    assert first == NominalDraft.model_validate(
        {
            "names": [
                {"given_names": "Zoë Anne", "surname": "O'Malley-Łukasz"},
                {"kind": "nickname", "given_names": "Zed"},
            ],
            "sex": "F",
            "gender": "woman",
            "date_of_birth": "1980-03",
            "date_of_death": "2020-05-06",
            "place_of_birth": "Ghent",
            "identifiers": [
                {"kind": "probation_crn", "value": "X123456"},
                {"kind": "custody_number", "value": "46/1/26"},
            ],
            "contacts": [
                {"kind": "telephone", "value": "01632 960123"},
                {"kind": "email", "value": "a@b.example"},
                {"kind": "telephone", "value": "01632960001"},
                {"kind": "telephone", "value": "01632960002"},
            ],
            "addresses": [
                {"location": {"street": 'The "Old" Mill, Yard', "postcode": "ZZ99 3WZ"}},
                {"kind": "previous", "location": {"town": "Oldham"}, "valid_to": "1999-02-01"},
            ],
            "markers": [{"code": "violent"}, {"code": "escaper"}],
            "descriptions": [{"attribute": "build", "value": "slim"}],
            "assessments": [{"basis": "officer", "text": "Keeps bees."}],
            "involvements": [
                {
                    "record_class": "custody",
                    "record_number": "46/1/26",
                    "role": "suspect",
                    "vulnerability_factors": ["age", "isolation"],
                }
            ],
            "marking": "OFFICIAL-SENSITIVE",
            "handling": "C",
            "conditions": ["A1", "S1"],
            "restricted": True,
        }
    )
    assert second.date_of_birth is not None
    assert second.date_of_birth.precision is Precision.YEAR
    assert len(second.names) == 1


BROKEN = {
    "born": "31.02.1980",
    "died": "1070-01-01",
    "postcode": "nowhere",
    "phone": "12",
    "handling": "Q",
    "restricted": "perhaps",
    "crn": "77821",
    "moved": "1999",
    "warnings": "V+Q",
    "class": "X",
}


@given(st.sets(st.sampled_from(sorted(BROKEN)), min_size=1))
def test_every_broken_field_is_told_and_never_quoted(broken: set[str]) -> None:
    mapping = FileMapping.model_validate(tomllib.loads(EVERYTHING))
    row = {**ROW, **{name: BROKEN[name] for name in broken}}
    with pytest.raises(DraftError) as refused:
        Drafter(mapping).draft(RawRow(2, [row[name] for name in mapping.columns_used()]))
    told = refused.value.problems
    parts = {"handling", "died"}  # rules of the whole nominal are asked when its parts are right
    assert len(told) >= max(1, len(broken - parts))
    for problem in told:
        for value in ("31.02.1980", "nowhere", "77821", "perhaps", "O'Malley"):
            assert value not in problem.reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("source = 'x'\nid = 'a'\n[columns]\nsurname = { constant = 'x', column = 'y' }", "either"),
        ("source = 'x'\nid = 'a'\n[columns]\nshoe_size = 'b'", "shoe_size"),
        ("source = 'x'\nid = 'a'\n[columns]\n[[contacts]]\nkind = 'pigeon'\nvalue = 'b'", "kind"),
        ("source = 'x'\nid = 'a'\ndelimiter = ';;'\n[columns]", "delimiter"),
        ("source = ", "TOML"),
    ],
)
def test_a_bad_mapping_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as refused:
        mapping_of(tmp_path, text)
    assert words in refused.value.detail
    assert refused.value.detail.endswith(".")


SMALL = 'source = "x"\nid = "ref"\n[columns]\nsurname = "name.family"\n'


def test_json_lines_lead_into_objects_and_bad_lines_are_told(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, SMALL)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"ref": 1, "name": {"family": "Ash"}}\n\n[1]\n{"ref"\n{"ref": 4}\n')
    rows = list(read_rows(check_file(path, mapping), mapping))
    assert [(row.line, list(row.cells), bool(row.problem)) for row in rows] == [
        (1, ["1", "Ash"], False),
        (3, [], True),
        (4, [], True),
        (5, ["4", ""], False),
    ]


@pytest.mark.parametrize("content", [b"PAR1 no PAR1", b"", b"ref,name\n1,Ash\n"])
def test_what_is_no_parquet_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="nothing was loaded"):
        check_file(path, mapping_of(tmp_path, SMALL))


def test_a_parquet_file_without_a_column_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "parquet", [{"ref": "1"}])
    with pytest.raises(InvalidInputError, match=r"no column name\.family"):
        check_file(path, mapping_of(tmp_path, SMALL))


def test_a_csv_row_of_another_width_or_with_a_huge_cell_is_told(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, 'source = "x"\nid = "ref"\n[columns]\nsurname = "name"\n')
    path = tmp_path / "rows.csv"
    path.write_text(f"ref,name\n1,Ash\n2\n3,{'x' * 10_001}\n4,Elm\n")
    rows = list(read_rows(check_file(path, mapping), mapping))
    assert [bool(row.problem) for row in rows] == [False, True, True, False]


@pytest.mark.parametrize("skip", range(6))
def test_rows_that_are_skipped_keep_their_numbers(skip: int, tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, 'source = "x"\nid = "ref"\n[columns]\nsurname = "name"\n')
    path = tmp_path / "rows.csv"
    path.write_text("ref,name\n1,Ash\n2\n\n3,Elm\n4,\n5,Oak\n")
    file = check_file(path, mapping)
    every = list(items(file, mapping))
    assert [(each.row_number, each.draft is None) for each in every] == [
        (1, False), (2, True), (3, False), (4, True), (5, False),
    ]  # fmt: skip
    assert list(items(file, mapping, skip)) == every[skip:]
