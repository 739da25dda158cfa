"""Every row of the import benchmark's file is the nominal that it was made of."""

from __future__ import annotations

from pathlib import Path

from athena.platform.benchmarks.import_file import MAPPING, write_file
from athena.records.imports.drafting import Drafter
from athena.records.imports.mapping import load_mapping
from athena.records.imports.reading import check_file, read_rows
from athena.records.nominals.models import label_parts
from athena.records.synthetic.people import generate


def test_every_row_becomes_the_nominal_that_it_was_made_of(tmp_path: Path) -> None:
    people = list(generate(300, 7, ("kent",)))
    path, mapping_path = tmp_path / "people.csv", tmp_path / "mapping.toml"
    mapping_path.write_text(MAPPING.format(source="bench"))
    assert write_file(path, people) == 300
    mapping = load_mapping(mapping_path)
    drafter = Drafter(mapping)
    rows = list(read_rows(check_file(path, mapping), mapping))
    assert [drafter.source_id(row) for row in rows] == [f"P{n}" for n in range(1, 301)]
    for person, row in zip(people, rows, strict=True):
        draft = drafter.draft(row)
        assert draft.names[0] == person.draft.names[0]
        assert draft.date_of_birth == person.draft.date_of_birth
        assert draft.involvements == person.draft.involvements
        assert draft.contacts == person.draft.contacts
        assert label_parts(draft) == label_parts(person.draft)
