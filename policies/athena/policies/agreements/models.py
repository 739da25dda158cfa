"""What the store keeps of agreements: versions, signatures, keys, and the steps of their life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from athena.platform.kernel.clock import LONDON
from athena.platform.kernel.errors import InvalidInputError
from athena.policies.agreements.document import AgreementStatus
from athena.policies.agreements.signing import canonical, digest_of, verifies

LIVE = (AgreementStatus.IN_FORCE, AgreementStatus.SUSPENDED)
OPEN = (AgreementStatus.DRAFT, AgreementStatus.OUT_FOR_SIGNATURE)


@dataclass(frozen=True, slots=True)
class SignatoryKey:
    """A public key of an office that signs for a tenant."""

    key_id: str
    tenant: str
    office: str
    public_key: bytes
    valid_from: date
    valid_to: date | None
    revoked_from: datetime | None
    revoked_reason: str | None

    def held_at(self, moment: datetime) -> bool:
        """Whether a signature that was accepted at a moment counts; days are those of London."""
        day = moment.astimezone(LONDON).date()
        if day < self.valid_from or (self.valid_to is not None and day > self.valid_to):
            return False
        return self.revoked_from is None or moment < self.revoked_from


@dataclass(frozen=True, slots=True)
class Signature:
    """A party's signature of a version, with the key that made it."""

    key: SignatoryKey
    signature: bytes
    signed_at: datetime

    def counts(self, signed: bytes) -> bool:
        """Whether it verifies over canonical bytes, by a key that was valid when it signed."""
        return self.key.held_at(self.signed_at) and verifies(
            signed, self.key.public_key, self.signature
        )

    def document(self) -> dict[str, str]:
        """Return the signatory as an agreement names it: an office, never a person."""
        return {
            "tenant": self.key.tenant,
            "office": self.key.office,
            "signed_on": self.signed_at.astimezone(LONDON).date().isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an agreement as it is stored: the document, its digest, its signatures."""

    agreement_id: UUID
    version: int
    reference: str
    title: str
    status: AgreementStatus
    document: Mapping[str, Any]
    digest: bytes
    stored_at: datetime
    suspended_reason: str | None = None
    signatures: Sequence[Signature] = ()

    def signed_by(self) -> list[Signature]:
        """Return a signature of each party that has one which verifies now, by tenant.

        Nobody's when the document isn't that of the digest any more: what is altered is unsigned.
        """
        try:
            if digest_of(self.document) != self.digest:
                return []
            signed = canonical(self.document)
        except InvalidInputError:
            return []
        found = {
            item.key.tenant: item
            for item in sorted(self.signatures, key=lambda item: item.signed_at, reverse=True)
            if item.counts(signed)
        }
        return [found[tenant] for tenant in sorted(found)]

    @property
    def tenants(self) -> list[str]:
        """The parties' tenants, each once, in the alphabet's order."""
        return sorted({str(party["tenant"]) for party in self.document["parties"]})

    def missing(self) -> list[str]:
        """Return the parties that haven't signed."""
        signed = {item.key.tenant for item in self.signed_by()}
        return [tenant for tenant in self.tenants if tenant not in signed]

    @property
    def is_open(self) -> bool:
        """Whether it is still a draft or out for signature."""
        return self.status in OPEN

    def whole(self) -> dict[str, Any]:
        """Return the document with where it is in its life; signatories are who signed, now."""
        return {
            **self.document,
            "status": self.status.value,
            "signatories": [item.document() for item in self.signed_by()],
            "suspended_reason": self.suspended_reason,
        }

    def begins(self) -> str:
        """Return the first day of its validity, as ISO 8601 text."""
        return str(self.document["valid_from"])


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the life of a version: who took it, when and why."""

    version: int
    at: datetime
    tenant: str
    username: str
    act: str
    reason: str


def as_of(versions: Sequence[Version], day: date) -> list[Version]:
    """Return the version of each agreement that speaks on a day, by reference.

    A version in force gives way to a later one on the day on which that one begins. Where none is
    in force the newest speaks.
    """
    today = day.isoformat()

    def weight(item: Version) -> tuple[bool, bool, int]:
        live = item.status in LIVE
        return live, live and item.begins() <= today, item.version

    best: dict[UUID, Version] = {}
    for item in versions:
        known = best.get(item.agreement_id)
        if known is None or weight(item) > weight(known):
            best[item.agreement_id] = item
    return sorted(best.values(), key=lambda item: item.reference)


def shown_status(item: Version, versions: Sequence[Version], day: date) -> AgreementStatus:
    """Return a version's status as people read it on a day, which the clock may have moved."""
    today = day.isoformat()
    if item.status not in LIVE:
        return item.status
    later = any(
        other.agreement_id == item.agreement_id
        and other.version > item.version
        and other.status in LIVE
        and other.begins() <= today
        for other in versions
    )
    if later:
        return AgreementStatus.SUPERSEDED
    if str(item.document["valid_to"]) < today:
        return AgreementStatus.EXPIRED
    return item.status


def hindrances(item: Version, day: date) -> list[str]:
    """Return why a version allows nothing on a day though it may be in force, in people's words."""
    today = day.isoformat()
    dates = item.document
    return [
        words
        for words, hinders in {
            "not begun": today < str(dates["valid_from"]),
            "review overdue": str(dates["review_due"]) < today,
            "impact assessment expired": str(dates["dpia_expires"]) < today,
        }.items()
        if hinders
    ]
