"""Differences found between the oracle and the policy about single records and seals.

They are kept as those of differences.py: rules 17 to 19 of docs/policy.md came later.
"""

from __future__ import annotations

from policy.differences import LABEL, Difference, asked, without

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
    Difference(
        "a label that doesn't say whether it is sealed",
        "policy",
        {**asked(), "labels": [without(LABEL, "sealed")]},
        ("none", ("label_unknown",)),
    ),
    Difference(
        "a seal that is neither there nor not",
        "policy",
        asked(label={"sealed": "true"}),
        ("none", ("label_unknown",)),
    ),
    Difference(
        "someone named for a record that isn't restricted by name",
        "policy",
        asked(label={"restricted": True, "listed": False, "named": True}),
        ("pointer", ("agreement_allows", "restricted_record")),
    ),
    Difference(
        "someone of the own force named for a record that isn't restricted by name",
        "policy",
        asked(label={"owner": "kent", "restricted": True, "listed": False, "named": True}),
        ("pointer", ("own_force_restricted",)),
    ),
    Difference(
        "a record restricted by name under a label that isn't restricted",
        "policy",
        asked(label={"owner": "kent", "listed": True, "named": True}),
        ("full", ("named_in_restriction", "own_force")),
    ),
)
