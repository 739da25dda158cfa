"""A batch's lines: every row under the table's columns, every id random and of one lead."""

from __future__ import annotations

import csv
import pickle
from io import StringIO
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.errors import InvalidInputError
from athena.records.imports.drafting import SourcedDraft
from athena.records.imports.models import Batch
from athena.records.imports.staging import FIELD, NOTHING, QUOTE, TABLES, stage_drafts
from athena.records.nominals.schemas import NominalDraft
from athena.records.nominals.values import clean_text
from athena.records.synthetic.people import generate


def lines_of(batch: Batch) -> dict[str, list[list[str]]]:
    """Return the fields of every line of a batch, by table."""
    return {
        name: [
            *csv.reader(
                StringIO(lines.decode(), newline=""), delimiter=FIELD, quotechar=QUOTE, strict=True
            )
        ]
        for name, lines in batch.tables.items()
    }


def test_every_part_of_a_nominal_becomes_a_line() -> None:
    people = [person.draft for person in generate(300, 3, ("kent",))]
    batch = stage_drafts([SourcedDraft(f"P{n}", draft) for n, draft in enumerate(people)])
    lines = lines_of(batch)
    assert lines.keys() <= set(TABLES)
    for section, table in {
        "names": "import_name",
        "identifiers": "import_identifier",
        "contacts": "import_contact",
        "addresses": "import_address",
        "markers": "import_marker",
        "descriptions": "import_description",
        "assessments": "import_assessment",
        "involvements": "import_involvement",
    }.items():
        assert len(lines[table]) == sum(len(getattr(draft, section)) for draft in people), table
    for name, rows in lines.items():
        assert len({len(row) for row in rows}) == 1, name
    assert [row[4] for row in lines["import_nominal"]] == [f"P{n}" for n in range(300)]
    assert pickle.loads(pickle.dumps(batch)) == batch


def test_ids_are_random_uuids_of_one_lead() -> None:
    people = [person.draft for person in generate(400, 4, ("kent",))]
    lines = lines_of(stage_drafts([SourcedDraft(str(n), each) for n, each in enumerate(people)]))
    ids = [UUID(row[1]) for rows in lines.values() for row in rows]
    assert len(set(ids)) == len(ids) > 4_000
    assert {each.version for each in ids} == {4}
    assert len({each.bytes[:2] for each in ids}) == 1
    assert len({each.bytes[2:4] for each in ids}) > len(ids) * 0.9


@pytest.mark.parametrize("mark", [FIELD, QUOTE, NOTHING])
def test_what_parts_fields_is_in_no_text(mark: str) -> None:
    with pytest.raises(InvalidInputError):
        clean_text(f"a{mark}b", "", 200, multiline=True)


@given(st.text(max_size=60), st.text(min_size=1, max_size=200))
def test_texts_arrive_as_they_are(given_names: str, opinion: str) -> None:
    try:
        draft = NominalDraft.model_validate(
            {
                "names": [{"given_names": given_names, "surname": "Quill"}],
                "assessments": [{"basis": "officer", "text": opinion}],
            }
        )
    except ValueError:
        return  # the rules of nominals refuse it
    except InvalidInputError:
        return
    lines = lines_of(stage_drafts([SourcedDraft("1", draft)]))
    assert lines["import_name"][0][3:] == [draft.names[0].given_names, "Quill"]
    assert lines["import_assessment"][0][3] == draft.assessments[0].text
