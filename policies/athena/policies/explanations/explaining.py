"""Turning a question and the policy's answer into the chain of reasons that people read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from athena.platform.kernel.identity import FieldGroup, Level
from athena.policies.decisions.documents import LabelDecision, VisibilityDocument
from athena.policies.explanations.changes import ChangeKind, Question, changes, offers_to
from athena.policies.explanations.rules import RULES, deciding_rule, rule_of
from athena.policies.explanations.schemas import (
    AgreementNamed,
    Because,
    LabelExplained,
    LabelShown,
    Rule,
    Standing,
    Wider,
)

Evaluate = Callable[[Question], VisibilityDocument]
"""Asks the policy that made the decision."""

LOCKED = "locked"
LOCKED_SENTENCE = "The owner has locked the record against the member; no rule shows it then."
"""Not a reason of the policy: a lock isn't asked about, because it always wins."""

_PLAIN: Mapping[str, Any] = {
    "id": 1,
    "marking": "OFFICIAL",
    "handling": "P",
    "conditions": [],
    "sensitive": False,
    "restricted": False,
    "sealed": False,
}


def explain_labels(
    question: Question, decisions: Sequence[LabelDecision], evaluate: Evaluate
) -> tuple[LabelExplained, ...]:
    """Return why each label of a question shows what the decisions say, and what would show more.

    The decisions are those of the question's labels, in their order.
    """
    wider = _wider(question, decisions, evaluate)
    return tuple(
        _label_explained(question, label, decision, tuple(found))
        for label, decision, found in zip(question["labels"], decisions, wider, strict=True)
    )


def locked_against(found: LabelExplained) -> LabelExplained:
    """Return how a record is explained that is locked against the requester.

    Nothing of it shows. Lifting the lock is the one thing that helps, and gives what the rules
    give; where they give nothing, it doesn't help by itself.
    """
    lifted = Wider(
        kind=ChangeKind.LIFT_LOCK,
        change="The owner lifts the lock of the record against the member.",
        agreement="",
        value="",
        level=found.level,
        gained=found.groups,
    )
    return found.model_copy(
        update={
            "level": Level.NONE,
            "groups": (),
            "withheld": tuple(FieldGroup),
            "scopes": (),
            "agreement": None,
            "clause": "",
            "decided_by": None,
            "reasons": (Because(code=LOCKED, sentence=LOCKED_SENTENCE, rule=None),),
            "obligations": (),
            "more": (lifted,) if found.level is not Level.NONE else (),
        }
    )


def standings(question: Question, evaluate: Evaluate) -> tuple[Standing, ...]:
    """Return every agreement by which a force shares with the requester, and how it stands.

    Each is put to the policy alone, with a plain record that it covers: so nothing is told of the
    labels that are really there.
    """
    found = []
    tenant = question["requester"]["tenant"]
    for agreement in question["agreements"]:
        for owner in offers_to(agreement, tenant):
            if owner == tenant:
                continue  # nobody needs an agreement with himself
            plain = {
                **_PLAIN,
                "owner": owner,
                "record_class": next(iter(agreement.get("record_classes", [])), ""),
                "categories": list(agreement.get("subject_categories", []))[:1],
            }
            asked = {**question, "agreements": [agreement], "labels": [plain]}
            (decision,) = evaluate(asked).decisions
            found.append(
                Standing(
                    owner=owner,
                    agreement=_named(agreement),
                    level=decision.level,
                    groups=decision.groups,
                    reasons=tuple(reason.value for reason in decision.reasons),
                )
            )
    return tuple(sorted(found, key=lambda item: (item.owner, item.agreement.reference)))


def shows_more(after: LabelDecision, before: LabelDecision) -> bool:
    """Whether a decision shows strictly more than another, and nothing less."""
    if after.level is not before.level:
        return after.level.rank > before.level.rank
    return {*after.groups} > {*before.groups}


def scopes_of(level: Level, groups: Sequence[FieldGroup]) -> tuple[str, ...]:
    """Return the scopes of a grant set that a level and its groups put a label into."""
    if level is Level.NONE:
        return ()
    if level is Level.POINTER:
        return ("pointer",)
    return ("match", "summary", *(group.value for group in groups))


def _wider(
    question: Question, decisions: Sequence[LabelDecision], evaluate: Evaluate
) -> list[list[Wider]]:
    wider: list[list[Wider]] = [[] for _ in decisions]
    if not any(_could_show_more(decision) for decision in decisions):
        return wider
    for change in changes(question):
        answer = evaluate(change.question).decisions
        for found, before, after in zip(wider, decisions, answer, strict=True):
            if shows_more(after, before):
                found.append(
                    Wider(
                        kind=change.kind,
                        change=change.says,
                        agreement=change.agreement,
                        value=change.value,
                        level=after.level,
                        gained=tuple(group for group in after.groups if group not in before.groups),
                    )
                )
    return wider


def _could_show_more(decision: LabelDecision) -> bool:
    return decision.level is not Level.FULL or bool(decision.withheld)


def _label_explained(
    question: Question,
    label: Mapping[str, Any],
    decision: LabelDecision,
    more: tuple[Wider, ...],
) -> LabelExplained:
    number = deciding_rule(decision)
    return LabelExplained(
        label=LabelShown.model_validate(label),
        level=decision.level,
        groups=decision.groups,
        withheld=decision.withheld,
        scopes=scopes_of(decision.level, decision.groups),
        agreement=_agreement(question, decision.agreement),
        clause=decision.clause,
        decided_by=Rule(number=number, title=RULES[number]),
        reasons=tuple(
            Because(code=reason.value, sentence=reason.sentence, rule=rule_of(reason))
            for reason in decision.reasons
        ),
        obligations=tuple(obligation.value for obligation in decision.obligations),
        more=more,
    )


def _agreement(question: Question, agreement_id: str) -> AgreementNamed | None:
    found = [item for item in question["agreements"] if item.get("id") == agreement_id]
    return _named(found[0]) if found else None


def _named(agreement: Mapping[str, Any]) -> AgreementNamed:
    return AgreementNamed(
        id=str(agreement.get("id", "")),
        reference=str(agreement.get("reference", "")),
        version=agreement.get("version"),
        title=str(agreement.get("title", "")),
    )
