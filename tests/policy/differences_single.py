"""Differences found between the oracle and the policy about single records and seals.

They are kept as those of differences.py: rules 17 to 19 of docs/policy.md came later.
"""

from __future__ import annotations

from collections.abc import Callable

from policy.differences import ALLOWED, LABEL, Difference, Part, asked, without

MENDED = (
    Difference(
        "who is named in the own force sees it as an own record too",
        "document",
        asked(label={"owner": "kent", "restricted": True, "listed": True, "named": True}),
        ("full", ("named_in_restriction", "own_force")),
    ),
    Difference(
        "an emergency is told beside the reasons for what it opens",
        "document",
        asked(
            requester={"roles": ["supervisor"]},
            label={"restricted": True, "emergency": True},
        ),
        ("full", ("agreement_allows", "emergency_access", "restricted_record")),
    ),
)

OPEN = (
    Difference(
        "a label that doesn't say whether it is sealed",
        "policy",
        {**asked(), "labels": [without(LABEL, "sealed")]},
        ("none", ("label_unknown",)),
        still=ALLOWED,
    ),
    Difference(
        "a seal that is neither there nor not",
        "policy",
        asked(label={"sealed": "true"}),
        ("none", ("label_unknown",)),
        still=ALLOWED,
    ),
    Difference(
        "someone named for a record that isn't restricted by name",
        "policy",
        asked(label={"restricted": True, "listed": False, "named": True}),
        ("pointer", ("agreement_allows", "restricted_record")),
        still=("full", ("agreement_allows", "named_in_restriction")),
    ),
    Difference(
        "someone of the own force named for a record that isn't restricted by name",
        "policy",
        asked(label={"owner": "kent", "restricted": True, "listed": False, "named": True}),
        ("pointer", ("own_force_restricted",)),
        still=("full", ("named_in_restriction", "own_force")),
    ),
    Difference(
        "a record restricted by name under a label that isn't restricted",
        "policy",
        asked(label={"owner": "kent", "listed": True, "named": True}),
        ("full", ("named_in_restriction", "own_force")),
        still=("full", ("own_force",)),
    ),
)


def open_faults(question: Part) -> set[str]:
    """Return the kinds of open fault that may touch the answer to a question."""
    return {kind for kind, touches in _TOUCHES.items() if touches(question)}


def _has_a_label_without_a_seal(question: Part) -> bool:
    return not all(isinstance(label.get("sealed"), bool) for label in question["labels"])


def _has_names_without_a_restriction(question: Part) -> bool:
    return any(
        label.get("named") is True
        and not (label.get("listed") is True and label.get("restricted") is True)
        for label in question["labels"]
    )


_TOUCHES: dict[str, Callable[[Part], bool]] = {
    "a label without a seal": _has_a_label_without_a_seal,
    "names without a restriction": _has_names_without_a_restriction,
}
