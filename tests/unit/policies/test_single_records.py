"""Which single records a grant set holds, beside what their labels show."""

from __future__ import annotations

from uuid import UUID

from athena.platform.kernel.identity import FieldGroup, LabelId, Level, NominalId, TenantId
from athena.policies.visibility.exceptions import (
    FIRST_NUMBER,
    MOST_RECORDS,
    Case,
    Exceptions,
    grant,
    questions,
)
from athena.policies.visibility.models import Label, LabelView, RecordKey

ALL = frozenset(FieldGroup)
LABEL = Label(
    label_id=LabelId(7),
    owner_force=TenantId(2),
    owner="essex",
    record_class="nominal",
    marking="OFFICIAL",
    handling="P",
    conditions=(),
    categories=("suspect",),
    sensitive=False,
    restricted=True,
    sealed=False,
)
NAMED = Case(LABEL.label_id, listed=True, named=True, emergency=False)
OTHERS = Case(LABEL.label_id, listed=True, named=False, emergency=False)


def view(level: Level) -> LabelView:
    groups = ALL if level is Level.FULL else frozenset[FieldGroup]()
    return LabelView(LABEL, level, groups, "", "own_force", ("own_force",), ())


def key(number: int) -> RecordKey:
    return TenantId(2), NominalId(UUID(int=number))


def exceptions(*singles: tuple[RecordKey, Case], locked: tuple[RecordKey, ...] = ()) -> Exceptions:
    return Exceptions(1, None, locked, singles)


LABELS = {LABEL.label_id: LABEL}
POINTER = {LABEL.label_id: view(Level.POINTER)}
FULL = {LABEL.label_id: view(Level.FULL)}


def test_a_case_is_asked_once_whatever_the_records_and_under_no_labels_number() -> None:
    found = exceptions((key(1), OTHERS), (key(2), NAMED), (key(3), NAMED))
    cases = found.cases(LABELS)
    assert cases == [OTHERS, NAMED]
    asked = questions(cases, LABELS)
    assert [question["id"] for question in asked] == [FIRST_NUMBER, FIRST_NUMBER + 1]
    assert not any(str(UUID(int=number)) in str(asked) for number in (1, 2, 3))


def test_a_case_of_a_label_that_isnt_known_is_not_asked() -> None:
    assert exceptions((key(1), NAMED)).cases({}) == []


def test_what_shows_more_is_granted_and_what_shows_less_is_withheld() -> None:
    lifted = grant(exceptions((key(1), NAMED)), POINTER, {NAMED: view(Level.FULL)})
    (row,) = lifted.records
    assert "existence" in row["scopes"]
    assert "pointer" not in row["scopes"]
    assert lifted.locks == []
    narrowed = grant(exceptions((key(1), OTHERS)), FULL, {OTHERS: view(Level.POINTER)})
    assert narrowed.records == []
    assert [row["kept"] for row in narrowed.locks] == [["pointer", "existence"]]
    assert narrowed.views[key(1)].level is Level.POINTER


def test_what_shows_the_same_is_left_to_its_label() -> None:
    same = grant(exceptions((key(1), OTHERS)), POINTER, {OTHERS: view(Level.POINTER)})
    assert (same.records, same.locks) == ([], [])


def test_a_lock_wins() -> None:
    found = exceptions((key(1), NAMED), locked=(key(1),))
    granted = grant(found, POINTER, {NAMED: view(Level.FULL)})
    assert granted.records == []
    assert granted.views == {}
    assert [row["kept"] for row in granted.locks] == [[]]


def test_at_most_fifty_are_granted_and_the_rest_is_left_to_its_label() -> None:
    found = exceptions(*((key(number), NAMED) for number in range(60)))
    granted = grant(found, POINTER, {NAMED: view(Level.FULL)})
    assert len(granted.records) == len(granted.views) == MOST_RECORDS
    assert key(0) in granted.views
    assert key(59) not in granted.views
