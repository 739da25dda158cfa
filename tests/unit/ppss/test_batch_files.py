"""Files of questions: read as they are meant, or refused with the line that is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from athena.platform.cli.ppss_batches import read
from athena.platform.kernel.errors import InvalidInputError

HEADER = "reference,family_name,given_names,date_of_birth,case_reference\n"
GOOD = "r1,Morgan,Alex,1990-04-12,CASE-1\n"
WORDS = st.text("abcXYZ ,\"'é-", min_size=1, max_size=12).map(str.strip).filter(bool)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(people=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_both_kinds_of_file_say_the_same(tmp_path: Path, people: list[tuple[str, str]]) -> None:
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as opened:
        opened.write(HEADER)
        csv.writer(opened).writerows(
            (f"r{place}", *names, "", "CASE-1") for place, names in enumerate(people)
        )
    asked = [
        {
            "reference": f"r{place}",
            "person": {"family_name": family, "given_names": given},
            "case_reference": "CASE-1",
        }
        for place, (family, given) in enumerate(people)
    ]
    lines = "".join(f"{json.dumps(item)}\n" for item in asked)
    (tmp_path / "a.jsonl").write_text(lines)
    assert read(tmp_path / "a.csv") == read(tmp_path / "a.jsonl") == asked


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", GOOD, "neither a .csv nor a .jsonl"),
        ("a.csv", GOOD, "The columns of"),
        ("a.csv", HEADER, "has 0 questions"),
        ("a.csv", HEADER + GOOD * 10_001, "has 10,001 questions"),
        ("a.csv", HEADER + GOOD + "r2,Morgan\n", "Line 3"),
        ("a.csv", HEADER + GOOD.strip() + ",more\n", "Line 2"),
        ("a.csv", HEADER + GOOD.replace("1990-04-12", "12/04/1990"), "person.date_of_birth"),
        ("a.csv", HEADER + '"r1,Morgan', "isn't CSV"),
        ("a.jsonl", '{"reference": "r1"}\n', "Line 1"),
        ("a.jsonl", "{\n", "Line 1 of .* isn't JSON"),
        ("a.jsonl", "[]\n", "Line 1"),
    ],
)
def test_what_is_wrong_is_said_without_who_is_named(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInputError, match=told) as raised:
        read(tmp_path / name)
    assert "Morgan" not in str(raised.value)
