"""Letting a call in: the signature, the key, the nonce, and the agreement it is made under."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from athena.platform.kernel import clock
from athena.platform.kernel.audit import Entry, EventKind, refuse
from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import RefusedError
from athena.platform.kernel.identity import Purpose, TenantId
from athena.sharing.ppss.problems import (
    AgreementEndedError,
    AgreementExpiredError,
    AgreementNotInForceError,
    AgreementSuspendedError,
    AgreementUnknownError,
    KeyNotYetValidError,
    KeyRevokedError,
    KeyRotatedError,
    KeyUnknownError,
    PartnerSuspendedError,
    PurposeNotAllowedError,
    UnderReviewError,
)
from athena.sharing.ppss.signatures import repository
from athena.sharing.ppss.signatures.models import (
    PPSS,
    Caller,
    Message,
    Partner,
    PartnerKey,
    Standing,
)
from athena.sharing.ppss.signatures.verifying import SKEW, examine, verify

NO_AGREEMENT = UUID(int=0)
"""What a caller's subject is bound to before an agreement has been found: no agreement has it."""

Agreements = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
"""Returns the agreements that speak today, with their signatories, as the policy reads them."""


@dataclass(frozen=True, slots=True)
class Door:
    """Lets calls in over a store, by the agreements that the policy decides by."""

    database: Database
    agreements: Agreements

    async def admit(self, message: Message) -> Caller:
        """Return who calls once the message has verified, or raise the problem that it has.

        The nonce is noted in a transaction of its own before anything else is done, so a message
        that is refused later can't be sent again either.
        """
        now = datetime.now(UTC)
        claimed = examine(message, now)
        async with self.database.read(PPSS) as session:
            found = await repository.key(session, claimed.key_id)
        if found is None:
            raise KeyUnknownError("The key isn't registered; ask the client body to register it.")
        partner, key = found
        signed = verify(message, claimed, key.public_key)
        caller = Caller(partner, signed.user, signed.role, signed.agreement)
        try:
            _check_key(key, now)
            _check_partner(partner)
            await self._note(key, claimed.nonce, now)
        except RefusedError as error:
            await self.log_refusal(caller, "ppss.admit", error)
            raise
        return caller

    async def _note(self, key: PartnerKey, nonce: str, now: datetime) -> None:
        async with self.database.write(PPSS) as session:
            # A message dated two minutes ahead is accepted for four; this is longer.
            await repository.note_nonce(session, key.key_id, nonce, now + 3 * SKEW)

    async def resume(self, partner_id: TenantId, user: str, role: str, reference: str) -> Caller:
        """Return who asked in a call that was let in before, for what is answered later.

        PartnerSuspendedError where the partner may not call today.
        """
        async with self.database.read(PPSS) as session:
            partner = await repository.partner(session, partner_id)
        if partner is None:
            raise PartnerSuspendedError("Your organisation isn't registered any more.")
        caller = Caller(partner, user, role, reference)
        try:
            _check_partner(partner)
        except RefusedError as error:
            await self.log_refusal(caller, "ppss.resume", error)
            raise
        return caller

    async def standing(self, caller: Caller) -> Standing:
        """Return the agreement that the caller names, if calls can be made under it today.

        Whether it stands is read from the same documents by which the policy decides. What it says
        of records, the policy alone decides.
        """
        try:
            return await self._standing(caller)
        except RefusedError as error:
            await self.log_refusal(caller, "ppss.agreement", error)
            raise

    async def log_refusal(self, caller: Caller, action: str, error: RefusedError) -> None:
        """Log what was refused to a partner, in a transaction of its own."""
        content = {"problem": error.slug, "agreement": caller.reference, "role": caller.role}
        entry = Entry(EventKind.REFUSAL, action, "", content)
        await refuse(self.database, caller.subject(NO_AGREEMENT), entry, None)

    async def _standing(self, caller: Caller) -> Standing:
        documents = await self.agreements()
        document = next((item for item in documents if item["reference"] == caller.reference), None)
        agreement_id = UUID(document["id"]) if document else NO_AGREEMENT
        async with self.database.read(PPSS) as session:
            await repository.run_for(session, caller.partner.partner_id)
            link = await repository.registered(session, caller.partner.partner_id, agreement_id)
        if document is None or link is None or not _is_partner(document, caller.partner.slug):
            raise AgreementUnknownError(
                "Name an agreement that your organisation is registered under in Athena-Agreement."
            )
        if link.ended:
            raise AgreementEndedError("Your use of this agreement has ended; ask the client body.")
        _check_document(document, clock.today())
        if link.under_review:
            raise UnderReviewError(
                "Calls under this agreement are stopped while the client body looks at them "
                f"({link.under_review.replace('_', ' ')}); turn to its service desk.",
                cause=link.under_review,
            )
        return Standing(
            agreement_id,
            caller.reference,
            document["version"],
            [Purpose(purpose) for purpose in document["purposes"]],
            document["retention_days"],
            link.hourly_cap,
            min(link.daily_cap, 24 * document["rate_limit_per_hour"]),
            {"tenant": caller.partner.slug, "role": "owner"} in document["parties"],
            _recipients(document),
        )


def check_purpose(standing: Standing, purpose: Purpose) -> None:
    """Raise PurposeNotAllowedError unless the agreement names the purpose."""
    if purpose not in standing.purposes:
        allowed = ", ".join(sorted(standing.purposes))
        raise PurposeNotAllowedError(f"The purposes of {standing.reference} are: {allowed}.")


def _check_key(key: PartnerKey, now: datetime) -> None:
    if key.revoked_at is not None and key.revoked_at <= now:
        raise KeyRevokedError("The key was revoked; sign with another.")
    if now < key.valid_from:
        raise KeyNotYetValidError("The key isn't valid yet; sign with the one before it.")
    if key.valid_to is not None and key.valid_to <= now:
        raise KeyRotatedError("The key was replaced; sign with its successor.")


def _check_partner(partner: Partner) -> None:
    if not partner.active:
        raise PartnerSuspendedError("Your organisation is suspended; turn to the client body.")


def _is_partner(document: Mapping[str, Any], slug: str) -> bool:
    return {"tenant": slug, "role": "partner"} in document["parties"]


def _recipients(document: Mapping[str, Any]) -> list[str]:
    parties = document["parties"]
    return sorted(party["tenant"] for party in parties if party["role"] == "recipient")


def _check_document(document: Mapping[str, Any], day: date) -> None:
    """Tell why an agreement allows nothing today, by rule 7, by which the policy decides too."""
    today = day.isoformat()
    signed = {item["tenant"] for item in document["signatories"]}
    if document["status"] == "suspended":
        raise AgreementSuspendedError("The agreement is suspended; its parties can tell why.")
    if document["valid_to"] < today:
        raise AgreementExpiredError("The last day of the agreement has passed.")
    stands = (
        document["status"] == "in_force"
        and document["valid_from"] <= today
        and document["review_due"] >= today
        and document["dpia_expires"] >= today
        and {party["tenant"] for party in document["parties"]} <= signed
    )
    if not stands:
        raise AgreementNotInForceError(
            "The agreement isn't signed, hasn't begun, or is overdue for review."
        )
