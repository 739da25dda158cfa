"""What must hold of every decision, whatever the agreements and labels are."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from athena.platform.kernel.identity import Clearance, FieldGroup, Level, Purpose, Role
from athena.policies.decisions.documents import LabelDecision
from athena.policies.decisions.engine import WasmPolicy

FORCES = ["essex", "kent", "norfolk"]
CATEGORIES = ["suspect", "convicted", "victim", "witness", "other"]
CLASSES = ["nominal", "custody"]
DAYS = ["2026-11-23", "2026-11-24", "2026-11-25"]
TODAY = DAYS[1]

UNHURRIED = settings(deadline=None)  # how long it takes is no property of a decision

TERMS = st.one_of(
    st.sampled_from(["pointer", "summary"]).map(lambda level: {"level": level, "groups": []}),
    st.lists(st.sampled_from(list(FieldGroup)), min_size=1, unique=True).map(
        lambda groups: {"level": "full", "groups": [group.value for group in groups]}
    ),
)


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, unique=True)


@st.composite
def agreements(draw: st.DrawFn) -> dict[str, Any]:
    number = draw(st.integers(1, 99))
    owners, recipients = draw(some(FORCES)), draw(some(FORCES))
    signed = [*owners, *recipients] if draw(st.integers(0, 4)) else owners
    return {
        "id": f"3c1f0000-0000-4000-8000-0000000000{number:02}",
        "reference": f"ATH-ISA-{number:02}",
        "status": draw(st.sampled_from(["in_force", "in_force", "in_force", "suspended", "draft"])),
        "parties": [
            *({"tenant": tenant, "role": "owner"} for tenant in owners),
            *({"tenant": tenant, "role": "recipient"} for tenant in recipients),
        ],
        "signatories": [{"tenant": tenant, "signed_on": DAYS[0]} for tenant in signed],
        "purposes": draw(
            st.dictionaries(st.sampled_from(["investigation", "custody"]), TERMS, min_size=1)
        ),
        "record_classes": draw(some(CLASSES)),
        "subject_categories": draw(some(CATEGORIES)),
        "marking_ceiling": draw(st.sampled_from(["OFFICIAL", "OFFICIAL-SENSITIVE"])),
        "handling_ceiling": draw(st.sampled_from("PC")),
        "sensitive_processing": draw(st.booleans()),
        "restricted_level": draw(st.sampled_from(["none", "pointer"])),
        "onward_sharing": draw(st.booleans()),
        "valid_from": draw(st.sampled_from(DAYS[:2] * 4 + DAYS[2:])),
        "valid_to": draw(st.sampled_from(DAYS[1:] * 4 + DAYS[:1])),
        "review_due": draw(st.sampled_from(DAYS[1:] * 4 + DAYS[:1])),
        "dpia_expires": draw(st.sampled_from(DAYS[1:] * 4 + DAYS[:1])),
    }


LABELS = st.fixed_dictionaries(
    {
        "owner": st.sampled_from(FORCES),
        "record_class": st.sampled_from(CLASSES),
        "marking": st.sampled_from(["OFFICIAL", "OFFICIAL", "OFFICIAL-SENSITIVE"]),
        "handling": st.sampled_from("PPC"),
        "conditions": st.lists(st.sampled_from(["A1", "A2", "A3", "S1", "S2"]), max_size=1),
        "categories": st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True),
        "sensitive": st.booleans(),
        "restricted": st.booleans(),
        "sealed": st.booleans(),
    }
)
SINGLE = st.fixed_dictionaries(
    {"listed": st.booleans(), "named": st.booleans(), "emergency": st.booleans()}
)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    roles = draw(st.lists(st.sampled_from(list(Role)), max_size=2, unique=True))
    labels = draw(st.lists(LABELS, min_size=1, max_size=5))
    return {
        "requester": {
            "tenant": draw(st.sampled_from(FORCES)),
            "kind": "force",
            "roles": ["officer", *roles] if draw(st.integers(0, 4)) else list(roles),
            "clearance": draw(st.sampled_from(list(Clearance))),
        },
        "active": list(FORCES),
        "purpose": draw(
            st.sampled_from(["investigation", "investigation", "custody", "data_quality"])
        ),
        "purposes": list(Purpose),
        "today": TODAY,
        "agreements": draw(st.lists(agreements(), max_size=4, unique_by=lambda item: item["id"])),
        "labels": [{"id": number, **label} for number, label in enumerate(labels)],
    }


def amount(decision: LabelDecision) -> tuple[int, int]:
    """Return how much a decision shows, for comparison."""
    return decision.level.rank, len(decision.groups)


@UNHURRIED
@given(asked=questions())
def test_what_crosses_is_what_its_agreement_says(policy: WasmPolicy, asked: dict[str, Any]) -> None:
    by_id = {agreement["id"]: agreement for agreement in asked["agreements"]}
    for label, decision in zip(asked["labels"], policy.evaluate(asked).decisions, strict=True):
        if decision.level is Level.NONE or label["owner"] == asked["requester"]["tenant"]:
            assert not decision.agreement
            continue
        agreement = by_id[decision.agreement]
        terms = agreement["purposes"][asked["purpose"]]
        assert decision.level.rank <= Level(terms["level"]).rank
        assert set(decision.groups) <= set(terms["groups"])
        assert {"tenant": label["owner"], "role": "owner"} in agreement["parties"]
        recipient = {"tenant": asked["requester"]["tenant"], "role": "recipient"}
        assert recipient in agreement["parties"]
        assert agreement["status"] == "in_force"
        assert agreement["valid_from"] <= TODAY <= agreement["valid_to"]
        assert set(label["categories"] or ["other"]) <= set(agreement["subject_categories"])
        if label["restricted"]:
            assert decision.level is Level.POINTER


@UNHURRIED
@given(asked=questions())
def test_more_agreements_never_show_less(policy: WasmPolicy, asked: dict[str, Any]) -> None:
    fewer = policy.evaluate({**asked, "agreements": asked["agreements"][1:]}).decisions
    for before, after in zip(fewer, policy.evaluate(asked).decisions, strict=True):
        assert amount(before) <= amount(after)


@UNHURRIED
@given(asked=questions())
def test_the_order_of_agreements_is_nothing(policy: WasmPolicy, asked: dict[str, Any]) -> None:
    turned = {**asked, "agreements": asked["agreements"][::-1]}
    assert policy.evaluate(turned) == policy.evaluate(asked)


@UNHURRIED
@given(asked=questions())
def test_labels_are_decided_apart(policy: WasmPolicy, asked: dict[str, Any]) -> None:
    alone = [
        policy.evaluate({**asked, "labels": [label]}).decisions[0] for label in asked["labels"]
    ]
    assert policy.evaluate(asked).decisions == tuple(alone)


@UNHURRIED
@given(asked=questions(), field=st.sampled_from(["restricted", "sensitive"]))
def test_a_stricter_label_never_shows_more(
    policy: WasmPolicy, asked: dict[str, Any], field: str
) -> None:
    open_labels = [{**label, field: False} for label in asked["labels"]]
    strict_labels = [{**label, field: True} for label in asked["labels"]]
    looser = policy.evaluate({**asked, "labels": open_labels}).decisions
    stricter = policy.evaluate({**asked, "labels": strict_labels}).decisions
    for loose, strict in zip(looser, stricter, strict=True):
        assert amount(strict) <= amount(loose)


@UNHURRIED
@given(asked=questions())
def test_own_records_need_no_agreement(policy: WasmPolicy, asked: dict[str, Any]) -> None:
    own = [label for label in asked["labels"] if label["owner"] == asked["requester"]["tenant"]]
    with_agreements = policy.evaluate({**asked, "labels": own})
    assert policy.evaluate({**asked, "labels": own, "agreements": []}) == with_agreements


@UNHURRIED
@given(asked=questions(), single=SINGLE)
def test_an_emergency_opens_what_is_shown_in_part_and_never_what_is_sealed(
    policy: WasmPolicy, asked: dict[str, Any], single: dict[str, bool]
) -> None:
    usual_labels = [{**label, **single, "emergency": False} for label in asked["labels"]]
    opened_labels = [{**label, "emergency": True} for label in usual_labels]
    usual = policy.evaluate({**asked, "labels": usual_labels}).decisions
    opened = policy.evaluate({**asked, "labels": opened_labels}).decisions
    may = bool({"supervisor", "emergency_access"} & set(asked["requester"]["roles"]))
    for label, before, after in zip(asked["labels"], usual, opened, strict=True):
        partly = before.level in (Level.POINTER, Level.SUMMARY)
        if partly and may and not label["sealed"]:
            assert amount(after) == (Level.FULL.rank, len(FieldGroup))
            assert (after.agreement, after.clause) == (before.agreement, before.clause)
        else:
            assert after == before


@UNHURRIED
@given(asked=questions())
def test_a_list_of_names_narrows_for_whoever_isnt_on_it(
    policy: WasmPolicy, asked: dict[str, Any]
) -> None:
    listed = [{**label, "listed": True, "named": False} for label in asked["labels"]]
    narrower = policy.evaluate({**asked, "labels": listed}).decisions
    for usual, narrow in zip(policy.evaluate(asked).decisions, narrower, strict=True):
        assert amount(narrow) <= amount(usual)


@UNHURRIED
@given(asked=questions())
def test_a_name_opens_what_an_unrestricted_label_would_and_no_more(
    policy: WasmPolicy, asked: dict[str, Any]
) -> None:
    named = [{**label, "listed": True, "named": True} for label in asked["labels"]]
    unrestricted = [{**label, "restricted": False} for label in asked["labels"]]
    by_name = policy.evaluate({**asked, "labels": named}).decisions
    by_label = policy.evaluate({**asked, "labels": unrestricted}).decisions
    assert [amount(one) for one in by_name] == [amount(one) for one in by_label]
