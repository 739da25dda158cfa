"""An agreement that contradicts itself can't be stored; one that is out of date can."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from athena.policies.agreements.document import Agreement, AgreementStatus
from athena.policies.agreements.founding import baseline
from athena.tenants.consortium import FORCE_SLUGS


@pytest.fixture
def document() -> dict[str, Any]:
    first: dict[str, Any] = json.loads(baseline()[0].model_dump_json())
    return first


def refused(document: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Agreement.model_validate({**document, **changes})


class TestDocument:
    def test_survives_the_store(self) -> None:
        for agreement in baseline():
            assert Agreement.model_validate(json.loads(agreement.model_dump_json())) == agreement

    @pytest.mark.parametrize(
        "field", sorted(set(Agreement.model_fields) - {"suspended_reason", "referrals"})
    )
    def test_every_field_is_needed(self, document: dict[str, Any], field: str) -> None:
        del document[field]
        with pytest.raises(ValidationError, match=field):
            Agreement.model_validate(document)

    def test_one_without_referrals_stays_as_it_was_signed(self, document: dict[str, Any]) -> None:
        assert "referrals" not in document
        with_none = Agreement.model_validate({**document, "referrals": {}})
        assert "referrals" not in with_none.document.model_dump(mode="json")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"purpose": "investigation", "must": ["names", "assessments"]}, "doesn't list"),
            ({"purpose": "investigation", "may": ["involvements"]}, "doesn't list"),
            ({"purpose": "data_quality"}, "needs a purpose"),
            ({"must": ["addresses"]}, "names must be sent"),
            ({"must": []}, "at least 1"),
            ({"may": ["names"]}, "fields of a referral"),
            ({"must": ["names", "shoe_size"]}, "must"),
            ({"also": ["names"]}, "also"),
        ],
    )
    def test_a_referral_sends_what_its_purpose_shows(
        self, document: dict[str, Any], changes: dict[str, Any], message: str
    ) -> None:
        sound = {"purpose": "safeguarding", "must": ["names", "addresses"], "may": ["sex"]}
        Agreement.model_validate({**document, "referrals": {"child_concern": sound}})
        refused(document, {"referrals": {"child_concern": {**sound, **changes}}}, message)

    def test_a_field_of_another_kind_is_refused(self, document: dict[str, Any]) -> None:
        refused(document, {"colour": "blue"}, "colour")

    @pytest.mark.parametrize(
        "changes",
        [
            {"version": "1"},
            {"version": 0},
            {"version": True},
            {"sensitive_processing": "yes"},
            {"onward_sharing": 0},
            {"marking_ceiling": "SECRET"},
            {"handling_ceiling": "Z"},
            {"restricted_level": "full"},
            {"reference": "ISA-1"},
            {"record_classes": ["nominal", "gossip"]},
            {"record_classes": []},
            {"subject_categories": ["suspect", "bystander"]},
            {"retention_days": 0},
            {"rate_limit_per_hour": 0},
            {"purposes": {}},
            {"purposes": {"curiosity": {"level": "summary", "groups": []}}},
            {"title": ""},
            {"valid_from": "1 April 2026"},
        ],
        ids=str,
    )
    def test_values_are_of_the_lists(
        self, document: dict[str, Any], changes: dict[str, Any]
    ) -> None:
        refused(document, changes, next(iter(changes)))

    def test_is_immutable(self) -> None:
        agreement = baseline()[0]
        with pytest.raises(ValidationError, match="frozen"):
            agreement.status = AgreementStatus.DRAFT


class TestConsistency:
    def test_dates_run_forward(self, document: dict[str, Any]) -> None:
        refused(document, {"valid_to": "2026-03-31"}, "can't end before it begins")
        refused(document, {"review_due": "2026-03-31"}, "can't be due before")

    @pytest.mark.parametrize("level", ["pointer", "summary"])
    def test_groups_need_the_level_full(self, document: dict[str, Any], level: str) -> None:
        terms = {"custody": {"level": level, "groups": ["markers"]}}
        refused(document, {"purposes": terms}, "level full lists")

    @pytest.mark.parametrize("groups", [[], ["markers", "markers"], ["secrets"]])
    def test_full_lists_known_groups_once(
        self, document: dict[str, Any], groups: list[str]
    ) -> None:
        terms = {"custody": {"level": "full", "groups": groups}}
        refused(document, {"purposes": terms}, "groups")

    @pytest.mark.parametrize(
        "obligations", [["dance"], ["watermark", "watermark"], ["consult_originator"], "watermark"]
    )
    def test_obligations_are_of_the_list_and_told_once(
        self, document: dict[str, Any], obligations: Any
    ) -> None:
        terms = {"custody": {"level": "summary", "obligations": obligations}}
        refused(document, {"purposes": terms}, "obligations")

    def test_a_purpose_that_gets_nothing_is_left_out(self, document: dict[str, Any]) -> None:
        terms = {"custody": {"level": "none", "groups": []}}
        refused(document, {"purposes": terms}, "level")

    def test_data_quality_is_never_shared(self, document: dict[str, Any]) -> None:
        terms = {"data_quality": {"level": "summary", "groups": []}}
        refused(document, {"purposes": terms}, "data quality")

    @pytest.mark.parametrize(
        "parties",
        [
            [("kent", "owner")],
            [("kent", "owner"), ("kent", "recipient")],
            [("kent", "owner"), ("essex", "owner")],
            [("kent", "recipient"), ("essex", "recipient")],
            [("kent", "owner"), ("essex", "recipient"), ("essex", "recipient")],
            [("kent", "owner"), ("essex", "guest")],
        ],
        ids=str,
    )
    def test_parties_are_an_owner_and_somebody_else(
        self, document: dict[str, Any], parties: list[tuple[str, str]]
    ) -> None:
        told = [{"tenant": tenant, "role": role} for tenant, role in parties]
        refused(document, {"parties": told, "signatories": []}, "part|owner|once")

    def test_only_parties_sign_and_once(self, document: dict[str, Any]) -> None:
        signed = document["signatories"][0]
        refused(document, {"signatories": [signed, signed]}, "listed once")
        stranger = {**signed, "tenant": "surrey"}
        refused(document, {"signatories": [stranger]}, "only parties sign")

    def test_a_suspension_states_why(self, document: dict[str, Any]) -> None:
        refused(document, {"status": "suspended"}, "states why")
        refused(document, {"suspended_reason": "A breach."}, "states why")

    def test_an_unsigned_agreement_can_be_stored(self, document: dict[str, Any]) -> None:
        assert Agreement.model_validate({**document, "signatories": []}).signatories == ()


class TestBaseline:
    def test_ids_and_references_are_told_once(self) -> None:
        agreements = baseline()
        assert len({agreement.id for agreement in agreements}) == len(agreements)
        references = [agreement.reference for agreement in agreements]
        assert references == sorted(set(references))

    def test_every_force_owns_and_receives(self) -> None:
        parties = {party for agreement in baseline() for party in agreement.parties}
        for role in ("owner", "recipient"):
            assert {party.tenant for party in parties if party.role == role} == set(FORCE_SLUGS)

    def test_signatories_are_offices_not_people(self) -> None:
        offices = {sign.office for agreement in baseline() for sign in agreement.signatories}
        assert offices == {"Senior information risk owner"}
