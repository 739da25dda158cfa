"""A decision that contradicts itself is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from athena.platform.kernel.identity import FieldGroup, Level
from athena.policies.decisions.documents import LabelDecision, VisibilityDocument
from athena.policies.decisions.reasons import Obligation, Reason

FULL: dict[str, Any] = {
    "label": 7,
    "level": Level.FULL,
    "groups": (FieldGroup.ADDRESSES,),
    "agreement": "a7e0a15a-0000-4000-8000-000000000001",
    "clause": "purposes.investigation",
    "reasons": (Reason.AGREEMENT_ALLOWS,),
    "obligations": (Obligation.NO_ONWARD_SHARING,),
    "withheld": tuple(group for group in FieldGroup if group is not FieldGroup.ADDRESSES),
    "expires_in": 300,
}


def test_a_document_survives_its_archive() -> None:
    document = VisibilityDocument(decisions=(LabelDecision(**FULL),))
    assert document.as_json()["decisions"][0]["reasons"] == ["agreement_allows"]
    assert VisibilityDocument.model_validate_json(document.model_dump_json()) == document


@pytest.mark.parametrize(
    "changes",
    [
        {"level": Level.SUMMARY},
        {"groups": ()},
        {"groups": (FieldGroup.ADDRESSES, FieldGroup.ADDRESSES)},
        {"withheld": tuple(FieldGroup)},
        {"agreement": ""},
        {"agreement": "ATH-ISA-01"},
        {"clause": ""},
        {"clause": "own_force"},
        {"level": Level.NONE, "groups": (), "withheld": tuple(FieldGroup)},
        {"reasons": ()},
        {"expires_in": 0},
        {"expires_in": 901},
        {"label": "7"},
    ],
    ids=str,
)
def test_a_contradiction_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LabelDecision(**{**FULL, **changes})


def test_ownership_needs_no_agreement() -> None:
    own = {**FULL, "agreement": "", "clause": "own_force", "reasons": (Reason.OWN_FORCE,)}
    assert LabelDecision(**own).level is Level.FULL
