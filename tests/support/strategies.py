"""Random agreements and labels, near enough to each other that they often meet."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from athena.platform.kernel.identity import FieldGroup

FORCES = ("essex", "kent", "norfolk")
CATEGORIES = ["suspect", "convicted", "victim", "witness", "other"]
CLASSES = ["nominal", "custody"]
SHARED_PURPOSES = ["investigation", "custody", "safeguarding"]

TERMS = st.one_of(
    st.sampled_from(["pointer", "summary"]).map(lambda level: {"level": level, "groups": []}),
    st.lists(st.sampled_from(list(FieldGroup)), min_size=1, unique=True).map(
        lambda groups: {"level": "full", "groups": [group.value for group in groups]}
    ),
)

LABELS = st.fixed_dictionaries(
    {
        "owner": st.sampled_from(FORCES),
        "record_class": st.sampled_from(CLASSES),
        "marking": st.sampled_from(["OFFICIAL", "OFFICIAL", "OFFICIAL-SENSITIVE"]),
        "handling": st.sampled_from("PPC"),
        "conditions": st.lists(st.sampled_from(["A1", "S1", "S2"]), max_size=1),
        "categories": st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True),
        "sensitive": st.sampled_from([False, False, True]),
        "restricted": st.sampled_from([False, False, True]),
    }
)


def some(values: list[str] | tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """Return a strategy of one or more of some values."""
    return st.lists(st.sampled_from(values), min_size=1, unique=True)


@st.composite
def agreements(draw: st.DrawFn, today: date) -> dict[str, Any]:
    """Draw an agreement that is often in force today, and sometimes only nearly."""
    number = draw(st.integers(1, 99))
    yesterday, tomorrow = (str(today + timedelta(days)) for days in (-1, 1))
    owners, recipients = draw(some(FORCES)), draw(some(FORCES))
    begins = draw(st.sampled_from([yesterday, str(today)] * 4 + [tomorrow]))
    ends, review, assessment = (
        draw(st.sampled_from([str(today), tomorrow] * 5 + [yesterday])) for _ in range(3)
    )
    return {
        "id": f"3c1f0000-0000-4000-8000-0000000000{number:02}",
        "reference": f"ATH-ISA-{number:02}",
        "status": draw(st.sampled_from(["in_force"] * 6 + ["suspended", "draft"])),
        "parties": [
            *({"tenant": tenant, "role": "owner"} for tenant in owners),
            *({"tenant": tenant, "role": "recipient"} for tenant in recipients),
        ],
        "signatories": [
            {"tenant": tenant, "signed_on": yesterday}
            for tenant in (owners if draw(st.integers(0, 6)) == 0 else [*owners, *recipients])
        ],
        "purposes": draw(st.dictionaries(st.sampled_from(SHARED_PURPOSES), TERMS, min_size=1)),
        "record_classes": draw(some(CLASSES)),
        "subject_categories": draw(some(CATEGORIES)),
        "marking_ceiling": draw(st.sampled_from(["OFFICIAL", "OFFICIAL-SENSITIVE"])),
        "handling_ceiling": draw(st.sampled_from("PC")),
        "sensitive_processing": draw(st.booleans()),
        "restricted_level": draw(st.sampled_from(["none", "pointer"])),
        "onward_sharing": draw(st.booleans()),
        "valid_from": begins,
        "valid_to": ends,
        "review_due": review,
        "dpia_expires": assessment,
    }
