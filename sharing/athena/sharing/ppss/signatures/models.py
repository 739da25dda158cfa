"""What is known of a caller, and what a signature says, before and after it has verified."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID, uuid5

from athena.platform.kernel.identity import Clearance, Purpose, Role, Subject, TenantId, TenantKind

PPSS = "athena_ppss"
"""The login by which partners' calls read and write."""

TAG = "athena-ppss"
"""What a signature is for: one that was made for another service doesn't count here."""

CLOCK_SKEW_SECONDS = 120
"""How old a message may be, or how far ahead its clock."""

COVERED = (
    "@method",
    "@target-uri",
    "content-digest",
    "date",
    "athena-user",
    "athena-role",
    "athena-agreement",
)
"""What every signature covers; with a body its content type, with a key that as well."""

_PEOPLE = UUID("6f0f7c9e-5d0a-4d6b-9d6c-8a6c2d1f0b33")
"""The namespace of partners' users: each has one id, made from the names of both."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it arrived: its fields in their order, and its body whole."""

    method: str
    url: str
    fields: Sequence[tuple[str, str]]
    body: bytes

    def field(self, name: str) -> str | None:
        """Return a field that stands once, or None; several of one name are nobody's."""
        found = [value for key, value in self.fields if key.lower() == name]
        return found[0].strip() if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a message says of its signature, before anything is believed."""

    key_id: str
    nonce: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Signed:
    """What a verified signature covers."""

    claimed: Claimed
    user: str
    role: str
    agreement: str


@dataclass(frozen=True, slots=True)
class Partner:
    """An organisation that calls."""

    partner_id: TenantId
    slug: str
    name: str
    clearance: Clearance
    sandbox: bool
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Caller:
    """A partner whose message has verified: who asks there, in which role, under what agreement.

    Only `signatures.service.Door` makes one.
    """

    partner: Partner
    user: str
    role: str
    reference: str
    """The agreement that the call names, as people name it."""
    key_id: str | None = None
    """The key by which the call is signed; nothing where an officer refers to the partner."""

    def digest_of(self, body: bytes) -> bytes:
        """Return the SHA-256 of who sends what: by it one sees that a message is the same."""
        who = "\n".join((self.reference, self.user, self.role, ""))
        return hashlib.sha256(who.encode() + body).digest()

    def subject(self, agreement_id: UUID) -> Subject:
        """Return the partner's user as the policy knows one, under one agreement alone."""
        return Subject(
            member_id=uuid5(_PEOPLE, f"{self.partner.partner_id}/{self.user}"),
            username=f"{self.user} ({self.partner.slug})",
            display_name=self.user,
            tenant_id=self.partner.partner_id,
            tenant=self.partner.slug,
            tenant_kind=TenantKind.PARTNER,
            login=PPSS,
            roles=frozenset({Role.PARTNER_CALLER}),
            clearance=self.partner.clearance,
            agreement=agreement_id,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """The agreement that a call is made under, as it stands today, with the partner's caps."""

    agreement_id: UUID
    reference: str
    version: int
    purposes: Sequence[Purpose]
    retention_days: int
    hourly_cap: int
    daily_cap: int
    partner_shares: bool = False
    """Whether the partner is a party as owner too: of what it submits."""
    recipients: Sequence[str] = ()
    """The parties that receive what others share, by their short names."""
