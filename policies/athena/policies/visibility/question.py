"""What the policy is asked and what its answer means: pure functions that the gate composes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from athena.platform.kernel.clock import LONDON, today
from athena.platform.kernel.identity import Clearance, LabelId, Purpose, Role, Subject
from athena.policies.agreements.service import StandingAgreements
from athena.policies.decisions.documents import LabelDecision, VisibilityDocument
from athena.policies.decisions.point import Question, canonical_text
from athena.policies.visibility.exceptions import Case, Exceptions, label_fields, questions
from athena.policies.visibility.models import Label, LabelView, RecordKey

GrantKey = tuple[UUID, frozenset[Role], frozenset[UUID], Clearance, UUID | None, Purpose]
"""What a decision depends on, of whoever asks."""


@dataclass(frozen=True, slots=True)
class PolicyState:
    """Everything that decides, as of one revision of the policy and one count of labels."""

    revision: int
    label_epoch: int
    labels: Mapping[LabelId, Label]
    agreements: StandingAgreements
    active: Sequence[str]
    """The tenants that aren't suspended."""

    def ask(self, asked: Mapping[str, Any]) -> Question:
        """Return the question of an input that was made of this state.

        The agreements' text is long and the same in many questions, so it is made once a day.
        """
        day = date.fromisoformat(asked["today"])
        whole = asked["agreements"] is self.agreements.on(day)
        text = self.agreements.text_on(day) if whole else canonical_text(asked["agreements"])
        return Question.of(asked, text)


@dataclass(frozen=True, slots=True)
class Supposed:
    """What the policy would decide for a member; nothing is granted by it."""

    question: Question
    document: VisibilityDocument
    numbers: Mapping[RecordKey, LabelId]
    """The records that are decided by themselves, by their numbers in the question.

    Locked ones too, as they would be without the lock.
    """
    locked: frozenset[RecordKey]
    """The records that are locked against the member."""


def seconds_of_today() -> int:
    """Return how long it is still today in London: agreements begin and end with the day."""
    now = datetime.now(LONDON)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), LONDON)
    return max(1, int((midnight - now).total_seconds()))


def expiry(seconds: int, exceptions: Exceptions) -> datetime:
    """Return when a grant set ends: after its time, or with the first exception in it."""
    whole = datetime.now(UTC) + timedelta(seconds=seconds)
    return min(whole, exceptions.until) if exceptions.until else whole


def grant_key(subject: Subject, purpose: Purpose) -> GrantKey:
    """Return what tells a member's decisions for a purpose from all others."""
    return (
        subject.member_id,
        subject.roles,
        subject.teams,
        subject.clearance,
        subject.agreement,
        purpose,
    )


def decision_input(
    subject: Subject, purpose: Purpose, state: PolicyState, cases: Sequence[Case]
) -> dict[str, Any]:
    """Return what the policy is asked for a member, a purpose and cases of single records."""
    day = today()
    agreements = state.agreements.on(day)
    if subject.agreement is not None:
        only = str(subject.agreement)
        agreements = [agreement for agreement in agreements if agreement["id"] == only]
    return {
        "requester": {
            "tenant": subject.tenant,
            "kind": subject.tenant_kind.value,
            "roles": sorted(role.value for role in subject.roles),
            "clearance": subject.clearance.value,
        },
        "active": list(state.active),
        "purpose": purpose.value,
        "purposes": [known.value for known in Purpose],
        "today": day.isoformat(),
        "agreements": agreements,
        "labels": [
            *(label_fields(label) for label in state.labels.values()),
            *questions(cases, state.labels),
        ],
    }


def views_of(
    document: VisibilityDocument, state: PolicyState, cases: Sequence[Case]
) -> tuple[dict[LabelId, LabelView], dict[Case, LabelView]]:
    """Return what each label shows, and what each case of a single record does."""
    decisions = iter(document.decisions)
    labels = {
        label_id: view_of(decision, label)
        for (label_id, label), decision in zip(state.labels.items(), decisions, strict=False)
    }
    by_case = {
        case: view_of(decision, state.labels[case.label_id])
        for case, decision in zip(cases, decisions, strict=True)
    }
    return labels, by_case


def view_of(decision: LabelDecision, label: Label) -> LabelView:
    """Return what a label shows by a decision."""
    return LabelView(
        label=label,
        level=decision.level,
        groups=frozenset(decision.groups),
        agreement_id=decision.agreement,
        clause=decision.clause,
        reasons=tuple(decision.reasons),
        obligations=tuple(decision.obligations),
    )
