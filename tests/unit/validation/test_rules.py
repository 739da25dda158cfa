"""Rules as data: what they find, all at once, in documents of any shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.errors import ConfigurationError, InvalidInputError
from athena.platform.kernel.validation.models import Severity
from athena.platform.kernel.validation.service import (
    read_rules,
    refuse_blocked,
    rules_for,
    validate,
)

NOMINAL = rules_for("nominal")
WHOLE: dict[str, Any] = {
    "names": [{"given_names": "Wilhelmina", "surname": "Haverstock"}],
    "date_of_birth": "1966-06",
    "gender": "female",
    "addresses": [{"kind": "home", "location": {"postcode": "ZZ1 1ZZ"}}],
    "involvements": [{"role": "suspect"}],
}
EVERY = {
    "given_name_missing": "/names",
    "surname_missing": "/names",
    "birth_or_age_missing": "/date_of_birth",
    "gender_missing": "/gender",
    "no_way_to_reach": "/addresses",
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
FIELDS = ["names", "date_of_birth", "age", "gender", "addresses", "contacts", "involvements"]


def codes(document: dict[str, Any]) -> set[str]:
    return {finding.code for finding in validate(NOMINAL, document)}


class TestNominals:
    def test_a_whole_suspect_has_no_finding(self) -> None:
        assert validate(NOMINAL, WHOLE) == []

    @pytest.mark.parametrize("role", ["suspect", "victim"])
    def test_every_finding_comes_at_once_what_blocks_first(self, role: str) -> None:
        findings = validate(NOMINAL, {"involvements": [{"role": "other"}, {"role": role}]})
        assert {finding.code: finding.pointer for finding in findings} == EVERY
        severities = [finding.severity for finding in findings]
        assert severities == [Severity.BLOCK] * 4 + [Severity.WARN]

    @pytest.mark.parametrize("role", ["witness", "other", "convicted"])
    def test_nobody_else_needs_them(self, role: str) -> None:
        assert validate(NOMINAL, {"involvements": [{"role": role}]}) == []
        assert validate(NOMINAL, {}) == []

    @pytest.mark.parametrize(
        ("without", "code"),
        [
            ("names", "surname_missing"),
            ("date_of_birth", "birth_or_age_missing"),
            ("gender", "gender_missing"),
            ("addresses", "no_way_to_reach"),
        ],
    )
    def test_each_part_that_is_missing_is_found(self, without: str, code: str) -> None:
        document = {key: value for key, value in WHOLE.items() if key != without}
        assert code in codes(document)
        assert code in codes({**document, without: None})
        assert code in codes({**document, without: []})

    def test_blanks_say_nothing(self) -> None:
        names = [{"given_names": " ", "surname": "\t"}]
        assert codes({**WHOLE, "names": names}) == {"given_name_missing", "surname_missing"}
        address = [{"kind": "home", "location": {"street": "", "postcode": None}}]
        assert codes({**WHOLE, "addresses": address}) == {"no_way_to_reach"}

    def test_any_name_that_has_it_will_do(self) -> None:
        names = [{"surname": "Haverstock"}, {"given_names": "Mina"}]
        assert codes({**WHOLE, "names": names}) == set()

    @pytest.mark.parametrize("age", [0, 42, "about 40"])
    def test_an_age_stands_for_a_date_of_birth(self, age: object) -> None:
        document = {**WHOLE, "age": age}
        del document["date_of_birth"]
        assert codes(document) == set()

    @pytest.mark.parametrize(
        ("contact", "found"),
        [
            ({"kind": "telephone", "value": "01632 960000"}, set()),
            ({"kind": "email", "value": "a@example.com"}, set()),
            ({"kind": "pigeon", "value": "grey"}, {"no_way_to_reach"}),
            ({"kind": ["email"], "value": "a@example.com"}, {"no_way_to_reach"}),
            ({"kind": "email"}, {"no_way_to_reach"}),
        ],
    )
    def test_a_telephone_or_an_email_reaches_a_person(
        self, contact: dict[str, Any], found: set[str]
    ) -> None:
        assert codes({**WHOLE, "addresses": [], "contacts": [contact]}) == found

    @given(st.dictionaries(st.sampled_from(FIELDS), JSON))
    def test_no_half_written_document_is_an_error(self, document: dict[str, Any]) -> None:
        for finding in validate(NOMINAL, {**document, "involvements": [{"role": "victim"}]}):
            assert finding.pointer == EVERY[finding.code]
        validate(NOMINAL, document)

    @given(st.sets(st.sampled_from(sorted(set(WHOLE) - {"involvements"}))))
    def test_filling_in_never_adds_a_finding(self, without: set[str]) -> None:
        partial = {key: value for key, value in WHOLE.items() if key not in without}
        assert codes(WHOLE) <= codes(partial) <= set(EVERY)
        for key in without:
            assert codes({**partial, key: WHOLE[key]}) <= codes(partial)

    def test_what_nests_without_end_is_refused(self) -> None:
        deep: Any = []
        for _ in range(100_000):
            deep = [deep]
        with pytest.raises(InvalidInputError, match="deeply"):
            validate(NOMINAL, {**WHOLE, "gender": deep})


class TestBlocking:
    def test_every_block_is_told_and_no_warning(self) -> None:
        with pytest.raises(InvalidInputError) as refused:
            refuse_blocked(validate(NOMINAL, {"involvements": [{"role": "victim"}]}))
        told = {error["code"] for error in refused.value.extra["errors"]}
        assert told == set(EVERY) - {"no_way_to_reach"}

    def test_a_warning_stops_nothing(self) -> None:
        refuse_blocked(validate(NOMINAL, {**WHOLE, "addresses": []}))


RULE = """
record_type = "thing"
[[rules]]
code = "colour_unknown"
field = "parts[].colour"
severity = "warn"
message = "Give a colour from the list."
"""


class TestChecks:
    @pytest.mark.parametrize(
        ("check", "good", "bad"),
        [
            ('check = "one_of"\nvalues = ["red"]', "red", "blue"),
            ('check = "pattern"\npattern = "[a-z]+"', "blue", "BLUE"),
            ('check = "longest"\nlongest = 3', "red", "blue"),
        ],
    )
    def test_each_value_that_breaks_it_is_found_where_it_stands(
        self, check: str, good: str, bad: str
    ) -> None:
        rules = read_rules(RULE + check).rules
        document = {"parts": [{"colour": good}, {"colour": bad}, {}, {"colour": bad}]}
        found = validate(rules, document)
        assert [each.pointer for each in found] == ["/parts/1/colour", "/parts/3/colour"]
        assert all(bad not in each.message for each in found)

    @pytest.mark.parametrize(
        "text",
        [
            "record_type",
            'record_type = "x"',
            RULE,
            RULE + 'check = "present"\nunknown = 1',
            RULE + 'check = "one_of"',
            RULE + 'check = "any_present"',
            RULE + 'check = "pattern"\npattern = "("',
            RULE + 'check = "present"\nvalues = ["x"]',
            RULE.replace("parts[]", "Parts[") + 'check = "present"',
            RULE + 'check = "present"\n' + RULE.split("\n", 2)[2] + 'check = "present"',
        ],
    )
    def test_a_wrong_rule_file_is_refused_whole(self, text: str) -> None:
        with pytest.raises(ConfigurationError, match="rule file"):
            read_rules(text)


@pytest.mark.parametrize("record_type", ["unheard_of", "../nominal", "", "Nominal"])
def test_a_type_without_a_file_has_no_rules(record_type: str) -> None:
    assert rules_for(record_type) == ()
