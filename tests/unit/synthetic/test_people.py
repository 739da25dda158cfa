"""The made-up consortium is reproducible, varied, nobody's, and valid by the rules of real data."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import combinations, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.records.nominals.dates import Precision
from athena.records.nominals.identifiers import IdentifierKind, parse_identifier
from athena.records.nominals.schemas import NominalDraft
from athena.records.nominals.values import (
    ContactKind,
    DescriptionAttribute,
    NameKind,
    RecordClass,
    SubjectCategory,
)
from athena.records.synthetic.people import SyntheticNominal, generate
from athena.tenants.consortium import FORCE_SLUGS, new_force

COUNT = 20_000
SEEDS = st.integers(0, 2**32)

DRAMA = re.compile(
    r"\+44(7700900\d{3}|1632960\d{3}|2079460\d{3}|1214960\d{3}|2920180\d{3}|3069990\d{3})"
)
"""Of Ofcom's numbers for drama use, those that the generator draws from, in E.164."""

NATIONAL = (
    IdentifierKind.PNC_ID,
    IdentifierKind.CRO_NUMBER,
    IdentifierKind.PROBATION_CRN,
    IdentifierKind.PRISON_NOMIS_NUMBER,
)


@pytest.fixture(scope="module")
def consortium() -> list[SyntheticNominal]:
    """Return the demonstration's twenty thousand."""
    return list(generate(COUNT, 1, FORCE_SLUGS))


def digest(nominals: Iterable[SyntheticNominal]) -> str:
    """Return a digest of everything in some nominals."""
    whole = hashlib.sha256()
    for item in nominals:
        whole.update(f"{item.force} {item.person} {item.draft.model_dump_json()}".encode())
    return whole.hexdigest()


def label(item: SyntheticNominal) -> tuple[object, ...]:
    """Return what the store interns as the label of a nominal."""
    draft = item.draft
    return (
        item.force,
        draft.marking,
        draft.handling,
        draft.conditions,
        draft.categories,
        draft.sensitive,
        draft.restricted,
        draft.sealed,
    )


def by_person(nominals: Iterable[SyntheticNominal]) -> list[list[SyntheticNominal]]:
    """Return the records of each person."""
    found: defaultdict[int, list[SyntheticNominal]] = defaultdict(list)
    for item in nominals:
        found[item.person].append(item)
    return list(found.values())


class TestReproducible:
    @settings(max_examples=20, deadline=None)
    @given(SEEDS, st.lists(st.sampled_from(FORCE_SLUGS), min_size=1, unique=True))
    def test_the_same_arguments_make_the_same_people(self, seed: int, forces: list[str]) -> None:
        assert digest(generate(40, seed, forces)) == digest(generate(40, seed, forces))

    @settings(max_examples=20, deadline=None)
    @given(SEEDS)
    def test_a_smaller_consortium_begins_a_larger_one(self, seed: int) -> None:
        larger = generate(60, seed, FORCE_SLUGS)
        assert digest(generate(30, seed, FORCE_SLUGS)) == digest(islice(larger, 30))

    def test_another_seed_makes_other_people(self) -> None:
        assert digest(generate(40, 1, FORCE_SLUGS)) != digest(generate(40, 2, FORCE_SLUGS))

    def test_the_order_of_hashes_plays_no_part(self) -> None:
        program = (
            "from athena.records.synthetic.people import generate\n"
            "from athena.tenants.consortium import FORCE_SLUGS\n"
            "for item in generate(300, 7, FORCE_SLUGS):\n"
            "    print(item.force, item.person, ascii(item.draft.model_dump_json()))\n"
        )
        outputs = {
            subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "PYTHONHASHSEED": seed},
                check=True,
                capture_output=True,
            ).stdout
            for seed in ("0", "1", "4711")
        }
        assert len(outputs) == 1
        assert outputs.pop().count(b"\n") == 300


class TestValid:
    @settings(max_examples=20, deadline=None)
    @given(SEEDS)
    def test_what_is_generated_is_read_back_as_it_is(self, seed: int) -> None:
        for item in generate(30, seed, FORCE_SLUGS):
            assert NominalDraft.model_validate_json(item.draft.model_dump_json()) == item.draft

    def test_identifiers_carry_their_check_letter_and_the_force_code(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        kinds = set()
        for item in consortium:
            code = new_force(item.force, 0).home_office_code
            for number in item.draft.identifiers:
                kinds.add(number.kind)
                assert parse_identifier(number.kind, number.value).value == number.value
                if number.kind is IdentifierKind.ARREST_SUMMONS_NUMBER:
                    assert number.value[2:4] == code
                elif number.kind is IdentifierKind.CUSTODY_NUMBER:
                    assert number.value.startswith(f"{code}/")
        assert kinds == {
            *NATIONAL,
            IdentifierKind.ARREST_SUMMONS_NUMBER,
            IdentifierKind.CUSTODY_NUMBER,
        }

    def test_a_national_number_is_one_person_and_follows_them(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        holders: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        for records in by_person(consortium):
            held = [
                {(n.kind, n.value) for n in item.draft.identifiers if n.kind in NATIONAL}
                for item in records
            ]
            assert all(numbers == held[0] for numbers in held)
            for number in held[0]:
                holders[number].add(records[0].person)
        assert len(holders) > 5_000
        assert all(len(people) == 1 for people in holders.values())

    def test_nothing_happens_before_birth(self, consortium: list[SyntheticNominal]) -> None:
        seen = 0
        for item in consortium:
            born = item.draft.date_of_birth
            if born is None:
                continue
            for address in item.draft.addresses:
                if address.valid_from is not None and address.valid_to is not None:
                    seen += 1
                    # A second force may have the day and month swapped, or be a year out.
                    assert born.year - 1 <= address.valid_from.year
                    assert address.valid_from <= address.valid_to < date(2026, 1, 1)
            for number in item.draft.identifiers:
                if number.kind is IdentifierKind.PNC_ID:
                    seen += 1
                    assert born.year + 9 <= int(number.value[:4]) <= 2025
        assert seen > 5_000


class TestNobodys:
    def test_telephones_are_for_drama_and_emails_go_nowhere(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        values = defaultdict(list)
        for item in consortium:
            for contact in item.draft.contacts:
                values[contact.kind].append(contact.value)
        assert len(values[ContactKind.TELEPHONE]) > 5_000
        assert all(DRAMA.fullmatch(value) for value in values[ContactKind.TELEPHONE])
        assert len(values[ContactKind.EMAIL]) > 1_000
        assert all(
            re.fullmatch(r"synthetic\.person\.\d+@mail\.example", value)
            for value in values[ContactKind.EMAIL]
        )

    def test_places_are_invented(self, consortium: list[SyntheticNominal]) -> None:
        places = [a.location for item in consortium for a in item.draft.addresses]
        assert len(places) > 10_000
        for place in places:
            assert place.county.endswith("(synthetic)")
            assert place.postcode is not None
            # ZZ is never allocated, but the health service uses ZZ99 for no fixed address.
            assert re.fullmatch(r"ZZ(?!99)\d{1,2} \d[A-Z]{2}", place.postcode)
            assert place.uprn is place.latitude is place.longitude is None

    def test_no_number_that_a_living_person_may_hold(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        kinds = {number.kind for item in consortium for number in item.draft.identifiers}
        assert not kinds & {
            IdentifierKind.NATIONAL_INSURANCE_NUMBER,
            IdentifierKind.DRIVING_LICENCE_NUMBER,
        }

    def test_every_text_says_that_it_is_synthetic(self, consortium: list[SyntheticNominal]) -> None:
        texts = [a.text for item in consortium for a in item.draft.assessments]
        texts += [m.note for item in consortium for m in item.draft.markers]
        assert len(texts) > 1_000
        assert all(text.startswith("Synthetic") for text in texts)


class TestVaried:
    def test_no_name_is_everybodys(self, consortium: list[SyntheticNominal]) -> None:
        for part in ("surname", "given_names"):
            counted = Counter(getattr(item.draft.names[0], part) for item in consortium)
            assert counted.most_common(1)[0][1] < 0.03 * COUNT
            assert len(counted) > 3_000

    def test_forces_differ_in_their_names(self, consortium: list[SyntheticNominal]) -> None:
        shares = {
            force: Counter(i.draft.names[0].surname for i in consortium if i.force == force)
            for force in FORCE_SLUGS
        }
        top = {force: frozenset(dict(names.most_common(30))) for force, names in shares.items()}
        assert all(top[one] != top[other] for one, other in combinations(FORCE_SLUGS, 2))

    def test_names_have_every_shape(self, consortium: list[SyntheticNominal]) -> None:
        surnames = [item.draft.names[0].surname for item in consortium]
        for shape, share in (
            (r"\w-\w", 0.02),
            (r"['\u2019]", 0.0025),
            (r"[\u00c0-\u024f]", 0.02),  # letters with accents
        ):
            assert sum(bool(re.search(shape, name)) for name in surnames) > share * COUNT
        kinds = Counter(name.kind for item in consortium for name in item.draft.names)
        assert set(kinds) == set(NameKind)
        assert kinds[NameKind.PRIMARY] == COUNT
        assert min(kinds.values()) > 0.005 * COUNT

    def test_dates_of_birth_are_sometimes_partial_or_absent(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        born = [item.draft.date_of_birth for item in consortium]
        precisions = Counter(day.precision if day else None for day in born)
        assert set(precisions) == {*Precision, None}
        assert precisions[Precision.DAY] > 0.85 * COUNT

    def test_families_share_an_address_twins_a_birthday_and_some_a_name(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        households: defaultdict[object, dict[int, NominalDraft]] = defaultdict(dict)
        for item in consortium:
            for address in item.draft.addresses[:1]:
                households[address.location].setdefault(item.person, item.draft)
        twins = namesakes = 0
        for members in households.values():
            for one, other in combinations(members.values(), 2):
                if one.date_of_birth is None or other.date_of_birth is None:
                    continue
                same_day = one.date_of_birth == other.date_of_birth
                same_name = one.names[0] == other.names[0]
                twins += same_day and not same_name
                namesakes += same_name and not same_day
        assert sum(len(members) > 1 for members in households.values()) > 500
        assert twins > 50
        assert namesakes > 50

    def test_every_role_record_class_and_description_occurs(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        involvements = [i for item in consortium for i in item.draft.involvements]
        assert {i.role for i in involvements} == set(SubjectCategory)
        assert {i.record_class for i in involvements} == set(RecordClass)
        assert len({i.record_number for i in involvements}) == len(involvements)
        described = {d.attribute for item in consortium for d in item.draft.descriptions}
        assert described == set(DescriptionAttribute)

    def test_ethnicity_is_recorded_only_as_sensitive_processing(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        sensitive = 0
        for item in consortium:
            attributes = {d.attribute for d in item.draft.descriptions}
            recorded = DescriptionAttribute.ETHNICITY_SELF_DEFINED in attributes
            assert recorded == item.draft.sensitive
            sensitive += recorded
        assert 0 < sensitive < 0.05 * COUNT


class TestLabels:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_labels_are_many_but_in_the_hundreds(
        self, consortium: list[SyntheticNominal], seed: int
    ) -> None:
        people: Sequence[SyntheticNominal] = (
            consortium if seed == 1 else list(generate(COUNT, seed, FORCE_SLUGS))
        )
        labels = Counter(map(label, people))
        assert 60 <= len(labels) < 250
        for force in FORCE_SLUGS:
            own = Counter({key: n for key, n in labels.items() if key[0] == force})
            first, second = (count for _, count in own.most_common(2))
            assert first > 0.25 * own.total()
            assert first > 1.5 * second

    def test_every_force_has_restricted_sensitive_and_conditioned_records(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        for name in ("restricted", "sealed", "sensitive", "conditions"):
            forces = {item.force for item in consortium if getattr(item.draft, name)}
            assert forces == set(FORCE_SLUGS)


class TestKnownElsewhere:
    def test_about_one_in_eight_is_and_no_force_records_somebody_twice(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        people = by_person(consortium)
        assert 0.10 < (COUNT - len(people)) / COUNT < 0.15
        for records in people:
            forces = [item.force for item in records]
            assert len(forces) == len(set(forces))

    def test_they_are_often_written_otherwise_but_never_as_somebody_else(
        self, consortium: list[SyntheticNominal]
    ) -> None:
        pairs = [
            (first.draft, other.draft)
            for first, *others in by_person(consortium)
            for other in others
        ]
        otherwise = sum(first.names[0] != other.names[0] for first, other in pairs)
        assert 0.4 < otherwise / len(pairs) < 0.8
        for first, other in pairs:
            if first.date_of_birth and other.date_of_birth:
                assert abs(first.date_of_birth.year - other.date_of_birth.year) <= 1
