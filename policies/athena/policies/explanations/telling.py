"""What an asker is told of a decision: which labels, which agreements, and by which grant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from athena.platform.kernel.identity import LabelId, Level
from athena.policies.decisions.documents import LabelDecision, VisibilityDocument
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.explanations.explaining import standings
from athena.policies.explanations.models import Archived, ReliedOn
from athena.policies.explanations.schemas import Grant, Standing


@dataclass(frozen=True, slots=True)
class Asked:
    """What is explained, and for whom: the labels that the asker may be told of."""

    archived: Archived
    grant: Grant | None
    labels: Collection[LabelId] | None = None
    """Only these labels; all that `tenant` may know of where there is no such list."""
    tenant: str | None = None
    """The asker's force, which hears of its own and of shown labels; None hears of all."""
    owns: bool = False
    """Whether the asker hears of every label of his own force."""
    locked: bool | None = None
    """Whether the record is locked against the member whose view it is; None is told nobody."""


def told_of(asked: Asked, document: VisibilityDocument) -> list[LabelDecision]:
    """Return the decisions of the labels that the asker may be told of."""

    def may_know(decision: LabelDecision, owner: str) -> bool:
        if asked.labels is not None:
            return decision.label in asked.labels
        if asked.tenant is None or decision.level is not Level.NONE:
            return True
        return asked.owns and owner == asked.tenant

    owners = {label["id"]: label["owner"] for label in asked.archived.question["labels"]}
    return [
        decision for decision in document.decisions if may_know(decision, owners[decision.label])
    ]


def standings_of(asked: Asked, policy: WasmPolicy) -> tuple[Standing, ...]:
    """Return the agreements with the requester; of one label's owner alone where one is asked."""
    question = asked.archived.question
    found = standings(question, policy.evaluate)
    if asked.labels is None:
        return found
    owners = {label["owner"] for label in question["labels"] if label["id"] in asked.labels}
    return tuple(standing for standing in found if standing.owner in owners)


def grant_of(relied_on: ReliedOn | None) -> Grant | None:
    """Return the grant of the newest event that relied on a decision, where there was one."""
    if relied_on is None:
        return None
    return Grant(
        grant_set_id=relied_on.grant_set_id,
        policy_revision=relied_on.policy_revision,
        at=relied_on.at,
    )
