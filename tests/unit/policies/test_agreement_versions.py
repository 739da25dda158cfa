"""Which version of an agreement speaks on a day, who counts as having signed, what differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.policies.agreements.difference import difference
from athena.policies.agreements.document import AgreementStatus
from athena.policies.agreements.founding import baseline
from athena.policies.agreements.models import (
    SignatoryKey,
    Signature,
    Version,
    as_of,
    hindrances,
    shown_status,
)
from athena.policies.agreements.signing import digest_of, key_id, raw_public_key, sign

DAY = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
S = AgreementStatus


def version(number: int, status: AgreementStatus, **changes: Any) -> Version:
    document = {**baseline()[14].document.model_dump(mode="json"), "version": number, **changes}
    return Version(
        agreement_id=UUID(document["id"]),
        version=number,
        reference=document["reference"],
        title=document["title"],
        status=status,
        document=document,
        digest=digest_of(document),
        stored_at=NOON,
    )


class TestSpeaking:
    @pytest.mark.parametrize(
        ("versions", "expected"),
        [
            ([version(1, S.DRAFT)], 1),
            ([version(1, S.IN_FORCE), version(2, S.DRAFT)], 1),
            ([version(1, S.SUSPENDED), version(2, S.OUT_FOR_SIGNATURE)], 1),
            ([version(1, S.SUPERSEDED), version(2, S.IN_FORCE)], 2),
            ([version(1, S.IN_FORCE), version(2, S.IN_FORCE, valid_from="2026-11-25")], 2),
            ([version(1, S.IN_FORCE), version(2, S.IN_FORCE, valid_from="2026-11-26")], 1),
            ([version(1, S.IN_FORCE), version(2, S.SUSPENDED, valid_from="2026-11-25")], 2),
            ([version(1, S.TERMINATED), version(2, S.IN_FORCE, valid_from="2026-11-26")], 2),
            ([version(1, S.TERMINATED), version(2, S.TERMINATED)], 2),
        ],
    )
    def test_one_version_speaks(self, versions: list[Version], expected: int) -> None:
        for order in (versions, versions[::-1]):
            assert [item.version for item in as_of(order, DAY)] == [expected]

    def test_the_clock_ends_and_supersedes_without_a_job(self) -> None:
        ended = version(1, S.IN_FORCE, valid_to="2026-11-24")
        assert shown_status(ended, [ended], DAY) is S.EXPIRED
        assert shown_status(ended, [ended], date(2026, 11, 24)) is S.IN_FORCE
        old, new = version(1, S.IN_FORCE), version(2, S.IN_FORCE, valid_from="2026-11-25")
        assert shown_status(old, [old, new], DAY) is S.SUPERSEDED
        assert shown_status(old, [old, new], date(2026, 11, 24)) is S.IN_FORCE

    def test_what_hinders_one_in_force_is_said(self) -> None:
        item = version(1, S.IN_FORCE, review_due="2026-11-24", dpia_expires="2026-11-24")
        assert hindrances(item, DAY) == ["review overdue", "impact assessment expired"]
        assert hindrances(item, date(2026, 11, 24)) == []
        assert hindrances(version(1, S.IN_FORCE, valid_from="2026-11-26"), DAY) == ["not begun"]


def signed(item: Version, tenant: str, at: datetime = NOON, **changes: Any) -> Version:
    """Return a version with one signature more."""
    private = Ed25519PrivateKey.generate()
    public = raw_public_key(private.public_key())
    key = SignatoryKey(key_id(public), tenant, "Office", public, DAY, None, None, None)
    made = bytes.fromhex(sign(item.document, private).signature)
    signature = Signature(replace(key, **changes), made, at)
    return replace(item, signatures=(*item.signatures, signature))


class TestSigned:
    def test_by_each_party_whose_signature_verifies(self) -> None:
        item = version(1, S.OUT_FOR_SIGNATURE)
        assert item.missing() == ["essex", "kent"]
        item = signed(item, "essex")
        assert item.missing() == ["kent"]
        item = signed(item, "kent")
        assert item.missing() == []
        assert [one["tenant"] for one in item.whole()["signatories"]] == ["essex", "kent"]
        assert {one["signed_on"] for one in item.whole()["signatories"]} == {"2026-11-25"}

    @pytest.mark.parametrize(
        "changes",
        [
            {"valid_from": date(2026, 11, 26)},
            {"valid_to": date(2026, 11, 24), "valid_from": date(2026, 1, 1)},
            {"revoked_from": NOON},
            {"revoked_from": datetime(2026, 11, 1, tzinfo=UTC)},
            {"public_key": bytes(32)},
        ],
        ids=str,
    )
    def test_not_by_a_key_that_wasnt_valid(self, changes: dict[str, Any]) -> None:
        item = signed(version(1, S.OUT_FOR_SIGNATURE), "essex", **changes)
        assert "essex" in item.missing()

    def test_a_key_revoked_later_has_signed(self) -> None:
        later = datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)
        item = signed(version(1, S.OUT_FOR_SIGNATURE), "essex", revoked_from=later)
        assert item.missing() == ["kent"]

    def test_days_are_those_of_london(self) -> None:
        summer = datetime(2026, 7, 31, 23, 30, tzinfo=UTC)  # 1 August in London
        item = signed(version(1, S.OUT_FOR_SIGNATURE), "essex", summer, valid_from=date(2026, 8, 1))
        assert item.missing() == ["kent"]

    @pytest.mark.parametrize("changes", [{"retention_days": 9999}, {"big": 2**60}], ids=str)
    def test_an_altered_document_is_signed_by_nobody(self, changes: dict[str, Any]) -> None:
        item = signed(signed(version(1, S.IN_FORCE), "essex"), "kent")
        altered = replace(item, document={**item.document, **changes})
        assert altered.missing() == ["essex", "kent"]
        assert altered.whole()["signatories"] == []

    def test_an_altered_document_with_its_own_digest_is_signed_by_nobody(self) -> None:
        item = signed(signed(version(1, S.IN_FORCE), "essex"), "kent")
        document = {**item.document, "retention_days": 9999}
        altered = replace(item, document=document, digest=digest_of(document))
        assert altered.missing() == ["essex", "kent"]


class TestDifference:
    def test_is_told_field_by_field(self) -> None:
        before = dict(version(1, S.IN_FORCE).document)
        after = {
            **before,
            "version": 2,
            "retention_days": 90,
            "sensitive_processing": False,
            "parties": [*before["parties"], {"tenant": "norfolk", "role": "recipient"}],
            "purposes": {
                "investigation": {
                    **before["purposes"]["investigation"],
                    "groups": ["markers"],
                    "obligations": ["watermark"],
                },
                "custody": {"level": "pointer", "groups": [], "obligations": []},
            },
        }
        told = [change.sentence() for change in difference(before, after)]
        assert "retention days: 365 → 90" in told
        assert "sensitive processing: yes → no" in told
        assert "parties: added tenant norfolk, role recipient" in told
        assert "purposes, investigation, groups: removed assessments" in told
        assert "purposes, investigation, obligations: added watermark" in told
        assert "purposes, custody: added level pointer" in told
        assert any(line.startswith("purposes, intelligence: removed level full") for line in told)
        assert not any(line.startswith("version") for line in told)

    def test_equal_documents_have_none(self) -> None:
        document = version(1, S.IN_FORCE).document
        assert difference(document, {**document, "version": 2}) == []
