"""Letting a call in: the signature, the key, the nonce, and the agreement it is made under."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
    ReplayedError,
    UnderReviewError,
)
from athena.sharing.ppss.signatures import repository
from athena.sharing.ppss.signatures.models import (
    PPSS,
    Caller,
    Message,
    Signed,
    Standing,
)
from athena.sharing.ppss.signatures.verifying import SKEW, examine, examine_fields, verify

NO_AGREEMENT = UUID(int=0)
"""What a caller's subject is bound to before an agreement has been found: no agreement has it."""

_KEYS_KEPT = 1_000

Agreements = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
"""Returns the agreements that speak today, with their signatories, as the policy reads them."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message whose signature has verified, and which hasn't been let in yet."""

    signed: Signed
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class Entrance:
    """A call that was let in, with what the store said of its agreement at that moment."""

    caller: Caller
    document: Mapping[str, Any] | None
    """The agreement that the call names, as the policy reads it."""
    registered: repository.Registered | None
    used: repository.Used | None


@dataclass(frozen=True, slots=True)
class Door:
    """Lets calls in over a store, by the agreements that the policy decides by."""

    database: Database
    agreements: Agreements
    keys: OrderedDict[str, bytes] = field(default_factory=OrderedDict, repr=False)
    """Public keys by their ids. An id is its key's own hash, so neither is ever out of date;
    whether a key still counts is asked of the store at each call."""

    async def admit(self, message: Message) -> Caller:
        """Return who calls once the message has verified, or raise the problem that it has."""
        return (await self.enter(await self.verify(message))).caller

    async def verify(self, message: Message) -> Arrival:
        """Return a message whose signature verifies, or raise the problem that it has.

        Nothing is said yet of whether its key still counts: `enter` says that.
        """
        now = datetime.now(UTC)
        claimed = examine(message, now)
        return Arrival(verify(message, claimed, await self._public_key(claimed.key_id)), now)

    async def expect(self, message: Message) -> None:
        """Raise the problem that a message has on its face before its body has come.

        A long body isn't read for whoever has no key here.
        """
        await self._public_key(examine_fields(message, datetime.now(UTC)).key_id)

    async def _public_key(self, key_id: str) -> bytes:
        key = self.keys.get(key_id)
        if key is None:
            async with self.database.read(PPSS) as session:
                key = await repository.public_key(session, key_id)
            if key is None:
                raise _unknown_key()
            self.keys[key_id] = key
            if len(self.keys) > _KEYS_KEPT:
                self.keys.popitem(last=False)
        return key

    async def enter(self, arrival: Arrival, purpose: Purpose | None = None) -> Entrance:
        """Let a message in, or raise the problem that its key, its partner or its nonce has.

        One transaction asks whether the key counts, notes the nonce and, for a purpose, reads the
        agreement and counts the call. It has ended before anything else is done, so a message that
        is refused later can't be sent again either, and has been counted. A call that its agreement
        doesn't allow for the purpose isn't counted.
        """
        signed = arrival.signed
        document = None if purpose is None else await self._document(signed.agreement)
        agreement_id = UUID(document["id"]) if document else None
        async with self.database.alone(PPSS) as session:
            found = await repository.let_in(
                session,
                signed.claimed,
                # A message dated two minutes ahead is accepted for four; this is longer.
                arrival.arrived_at + 3 * SKEW,
                agreement_id,
                count=document is not None
                and purpose in document["purposes"]
                and _stands(document),
            )
        if found is None:
            raise _unknown_key()
        caller = Caller(
            found.partner, signed.user, signed.role, signed.agreement, signed.claimed.key_id
        )
        refusal = _REFUSALS.get(found.state)
        if refusal is not None:
            await self.log_refusal(caller, "ppss.admit", refusal())
            raise refusal()
        return Entrance(caller, document, found.registered, found.used)

    async def _document(self, reference: str) -> Mapping[str, Any] | None:
        documents = await self.agreements()
        return next((item for item in documents if item["reference"] == reference), None)

    async def resume(
        self, partner_id: TenantId, key_id: str, user: str, role: str, reference: str
    ) -> Caller:
        """Return who asked in a call that was let in before, for what is answered later.

        PartnerSuspendedError where the partner may not call today; KeyRevokedError where the key
        that signed the call was revoked since: who signed it is in doubt. A key that was replaced
        in order signed it rightly.
        """
        async with self.database.read(PPSS) as session:
            found = await repository.signer(session, partner_id, key_id)
        if found is None:
            raise _unknown_key()
        partner, state = found
        caller = Caller(partner, user, role, reference, key_id)
        refusal = _REFUSALS.get(state)
        if refusal is not None:
            await self.log_refusal(caller, "ppss.resume", refusal())
            raise refusal()
        return caller

    async def standing(self, caller: Caller) -> Standing:
        """Return the agreement that the caller names, if calls can be made under it today.

        Whether it stands is read from the same documents by which the policy decides. What it says
        of records, the policy alone decides.
        """
        return await self.standing_of(await self.entrance_of(caller))

    async def entrance_of(self, caller: Caller) -> Entrance:
        """Return what the store says now of a caller's agreement; the call isn't counted."""
        document, registered = await self._document(caller.reference), None
        if document is not None:
            async with self.database.read(PPSS) as session:
                await repository.run_for(session, caller.partner.partner_id)
                registered = await repository.registered(
                    session, caller.partner.partner_id, UUID(document["id"])
                )
        return Entrance(caller, document, registered, None)

    async def standing_of(self, entrance: Entrance) -> Standing:
        """Return `standing` of a call that was let in for a purpose."""
        try:
            return _standing(entrance)
        except RefusedError as error:
            await self.log_refusal(entrance.caller, "ppss.agreement", error)
            raise

    async def log_refusal(self, caller: Caller, action: str, error: RefusedError) -> None:
        """Log what was refused to a partner, in a transaction of its own."""
        content = {"problem": error.slug, "agreement": caller.reference, "role": caller.role}
        entry = Entry(EventKind.REFUSAL, action, "", content)
        await refuse(self.database, caller.subject(NO_AGREEMENT), entry, None)


def _standing(entrance: Entrance) -> Standing:
    caller, document, link = entrance.caller, entrance.document, entrance.registered
    if document is None or link is None or not _is_partner(document, caller.partner.slug):
        raise AgreementUnknownError(
            "Name an agreement that your organisation is registered under in Athena-Agreement."
        )
    if link.ended:
        raise AgreementEndedError("Your use of this agreement has ended; ask the client body.")
    _check_document(document)
    if link.under_review:
        raise UnderReviewError(
            "Calls under this agreement are stopped while the client body looks at them "
            f"({link.under_review.replace('_', ' ')}); turn to its service desk.",
            cause=link.under_review,
        )
    return Standing(
        UUID(document["id"]),
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


def _unknown_key() -> KeyUnknownError:
    return KeyUnknownError("The key isn't registered; ask the client body to register it.")


_REFUSALS: Mapping[str, Callable[[], RefusedError]] = {
    "revoked": lambda: KeyRevokedError("The key was revoked; sign with another."),
    "not_yet_valid": lambda: KeyNotYetValidError(
        "The key isn't valid yet; sign with the one before it."
    ),
    "rotated": lambda: KeyRotatedError("The key was replaced; sign with its successor."),
    "suspended": lambda: PartnerSuspendedError(
        "Your organisation is suspended; turn to the client body."
    ),
    "replayed": lambda: ReplayedError(
        "A message with this nonce came before; sign each message with a new one."
    ),
}
"""Why a call isn't let in, by what the store says of it."""


def _is_partner(document: Mapping[str, Any], slug: str) -> bool:
    return {"tenant": slug, "role": "partner"} in document["parties"]


def _recipients(document: Mapping[str, Any]) -> list[str]:
    parties = document["parties"]
    return sorted(party["tenant"] for party in parties if party["role"] == "recipient")


def _check_document(document: Mapping[str, Any]) -> None:
    """Tell why an agreement allows nothing today, by rule 7, by which the policy decides too."""
    today = clock.today().isoformat()
    if document["status"] == "suspended":
        raise AgreementSuspendedError("The agreement is suspended; its parties can tell why.")
    if document["valid_to"] < today:
        raise AgreementExpiredError("The last day of the agreement has passed.")
    if not _stands(document):
        raise AgreementNotInForceError(
            "The agreement isn't signed, hasn't begun, or is overdue for review."
        )


def _stands(document: Mapping[str, Any]) -> bool:
    """Whether an agreement allows anything today, by rule 7."""
    today = clock.today().isoformat()
    signed = {item["tenant"] for item in document["signatories"]}
    return (
        document["status"] == "in_force"
        and document["valid_from"] <= today <= document["valid_to"]
        and document["review_due"] >= today
        and document["dpia_expires"] >= today
        and {party["tenant"] for party in document["parties"]} <= signed
    )
