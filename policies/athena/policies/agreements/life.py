"""The life of an agreement: proposed, sent out, signed, in force, suspended, ended, amended.

Each act is a transaction of the acting member's own login: the store lets a party read and sign,
the client body keep. It is in the audit log in the same transaction, and what is refused in one of
its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

from asyncpg import PostgresError

from athena.platform.kernel.audit import Entry, EventKind, administer, refuse
from athena.platform.kernel.clock import today
from athena.platform.kernel.database import Database, ReadSession, WriteSession
from athena.platform.kernel.errors import (
    AthenaError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import check_reason, sqlstate
from athena.policies.agreements import repository
from athena.policies.agreements.checks import (
    absent,
    check_signature,
    complete,
    find,
    partner_of_key,
    pick,
)
from athena.policies.agreements.difference import Change, difference
from athena.policies.agreements.document import AgreementDocument, AgreementStatus
from athena.policies.agreements.models import LIVE, OPEN, SignatoryKey, Step, Version
from athena.policies.agreements.signing import (
    DetachedSignature,
    digest_of,
    key_id,
    load_public_key,
)
from athena.policies.roles.actions import Action
from athena.policies.roles.service import Authorised

Authorise = Callable[[Subject, Action], Authorised]
"""Gives the proof that a member's roles allow an action, or raises RefusedError."""

_CONFLICTS = {
    "23505": "This is stored already, or somebody was quicker; read it again.",
    "AT002": "The agreement isn't at a point where this can be done; read it again.",
    "AT003": "Not every party's signature counts, so the agreement can't be in force.",
}
"""What the store's own refusals mean, by SQLSTATE; the checks here are to come first."""


@dataclass(slots=True)
class _Act:
    """An act under way: its transaction, and what the log shall say of it."""

    session: WriteSession
    content: dict[str, Any] = field(default_factory=dict)

    def concerns(self, version: Version) -> None:
        """Note the version that the act is about."""
        self.content |= {"agreement": str(version.agreement_id), "version": version.version}


class Agreements:
    """Acts on agreements and reading them, for members whose roles allow it."""

    def __init__(self, database: Database, authorise: Authorise) -> None:
        self._database = database
        self._authorise = authorise

    async def every(self, subject: Subject) -> list[Version]:
        """Return every version that the member's tenant may see."""
        async with self._reading(subject, "agreements.list") as session:
            return await repository.versions(session)

    async def one(self, subject: Subject, name: str) -> tuple[list[Version], list[Step]]:
        """Return the versions and the history of an agreement, by its id or reference."""
        async with self._reading(subject, "agreements.show") as session:
            versions = await find(session, name)
            return versions, await repository.steps(session, versions[0].agreement_id)

    async def compare(
        self, subject: Subject, name: str, older: int | None, newer: int | None
    ) -> tuple[Version, Version, list[Change]]:
        """Return two versions and their difference; the two newest unless told otherwise."""
        versions, _ = await self.one(subject, name)
        after = pick(versions, newer or versions[-1].version)
        before = pick(versions, older or max(after.version - 1, 1))
        return before, after, difference(before.document, after.document)

    async def keys(self, subject: Subject) -> list[SignatoryKey]:
        """Return the signatories' public keys that the member's tenant may see."""
        async with self._reading(subject, "agreements.keys") as session:
            return await repository.keys(session)

    async def propose(self, subject: Subject, document: Mapping[str, Any], reason: str) -> Version:
        """Store the first version of a new agreement as a draft."""
        agreement_id = uuid4()
        async with self._acting(subject, Action.AGREEMENTS_PROPOSE, "propose", reason) as act:
            proposed = complete(document, agreement_id, 1)
            if await repository.id_of(act.session, proposed.reference) is not None:
                raise ConflictError(
                    f"{proposed.reference} exists; amend it, or choose another reference."
                )
            return await self._draft(act, subject, proposed, reason)

    async def amend(
        self, subject: Subject, name: str, document: Mapping[str, Any], reason: str
    ) -> Version:
        """Store the next version of an agreement as a draft; it supersedes once it is signed."""
        async with self._acting(subject, Action.AGREEMENTS_PROPOSE, "amend", reason) as act:
            versions = await self._locked(act, name)
            newest = versions[-1]
            if any(item.is_open for item in versions):
                raise ConflictError(
                    "A version isn't signed yet; withdraw it before proposing another."
                )
            proposed = complete(document, newest.agreement_id, newest.version + 1)
            if proposed.reference != newest.reference:
                raise InvalidInputError(
                    f"An agreement keeps its reference, {newest.reference}.",
                    field="/document/reference",
                )
            if not difference(newest.document, proposed.model_dump(mode="json")):
                raise InvalidInputError(
                    "The amendment changes nothing; edit the document first.", field="/document"
                )
            return await self._draft(act, subject, proposed, reason)

    async def _draft(
        self, act: _Act, subject: Subject, proposed: AgreementDocument, reason: str
    ) -> Version:
        gone = await absent(act.session, proposed.tenants)
        if gone:
            raise InvalidInputError(f"{gone} can't be a party.", field="/document/parties")
        document = proposed.model_dump(mode="json")
        await repository.store_draft(
            act.session, document, digest_of(document), subject.username, reason
        )
        stored = (await repository.versions_of(act.session, proposed.id))[-1]
        act.concerns(stored)
        return stored

    async def send_out(self, subject: Subject, name: str, reason: str) -> Version:
        """Send a draft out to its parties for signature."""
        return await self._move(
            subject, name, reason, "sent_out", OPEN[:1], AgreementStatus.OUT_FOR_SIGNATURE
        )

    async def withdraw(self, subject: Subject, name: str, reason: str) -> Version:
        """Withdraw a version that isn't signed by every party yet."""
        return await self._move(
            subject, name, reason, "withdrawn", OPEN, AgreementStatus.TERMINATED
        )

    async def suspend(self, subject: Subject, name: str, reason: str) -> Version:
        """Suspend an agreement: nothing crosses under it from the next transaction on."""
        return await self._move(
            subject, name, reason, "suspended", LIVE[:1], AgreementStatus.SUSPENDED
        )

    async def reinstate(self, subject: Subject, name: str, reason: str) -> Version:
        """End the suspension of an agreement, if every party's signature still counts."""
        return await self._move(
            subject, name, reason, "reinstated", LIVE[1:], AgreementStatus.IN_FORCE
        )

    async def terminate(self, subject: Subject, name: str, reason: str) -> Version:
        """End an agreement for good, with whatever version of it is still to be signed."""
        return await self._move(
            subject, name, reason, "terminated", (*OPEN, *LIVE), AgreementStatus.TERMINATED
        )

    async def _move(
        self,
        subject: Subject,
        name: str,
        reason: str,
        done: str,
        since: Sequence[AgreementStatus],
        status: AgreementStatus,
    ) -> Version:
        async with self._acting(subject, Action.AGREEMENTS_MANAGE, done, reason) as act:
            versions = await self._locked(act, name)
            moving = [item for item in versions if item.status in since]
            if not moving:
                known = ", ".join(item.value.replace("_", " ") for item in since)
                raise ConflictError(f"No version of this agreement is {known}.")
            if status in (AgreementStatus.OUT_FOR_SIGNATURE, AgreementStatus.IN_FORCE):
                gone = await absent(act.session, moving[-1].tenants)
                if gone:
                    raise ConflictError(f"{gone} can't be a party.")
            if status is AgreementStatus.IN_FORCE:
                missing = {tenant for item in moving for tenant in item.missing()}
                if missing:
                    raise ConflictError(
                        f"The signature doesn't count any more of: {', '.join(sorted(missing))}."
                    )
            await repository.move(
                act.session,
                moving[-1].agreement_id,
                status,
                since,
                done,
                subject.username,
                reason,
            )
            after = await repository.versions_of(act.session, moving[-1].agreement_id)
            moved = pick(after, moving[-1].version)
            act.concerns(moved)
            return moved

    @staticmethod
    async def _locked(act: _Act, name: str) -> list[Version]:
        """Return an agreement's versions, and let nobody else act on it before we are done."""
        found = await find(act.session, name)
        await repository.lock(act.session, found[0].agreement_id)
        return await repository.versions_of(act.session, found[0].agreement_id)

    async def submit(
        self, subject: Subject, signed: DetachedSignature, name: str | None = None
    ) -> Version:
        """Accept a signature of the member's own tenant; the last one brings it into force.

        ``name`` is the agreement that the caller thinks of, where the way here names one.
        """
        async with self._acting(
            subject, Action.AGREEMENTS_SIGN, "sign", "Hands in a signature"
        ) as act:
            return await self._hand_in(act, subject, subject.tenant, signed, name)

    async def forward(
        self, subject: Subject, signed: DetachedSignature, reason: str, name: str | None = None
    ) -> Version:
        """Accept a partner's signature from the client body: a partner has no member to sign in.

        The signature itself shows whose it is; RefusedError for one of a force.
        """
        async with self._acting(
            subject, Action.AGREEMENTS_MANAGE, "forward_signature", reason
        ) as act:
            partner = await partner_of_key(act.session, signed.key)
            return await self._hand_in(act, subject, partner, signed, name)

    async def _hand_in(
        self,
        act: _Act,
        subject: Subject,
        tenant: str,
        signed: DetachedSignature,
        name: str | None,
    ) -> Version:
        """Store a signature of a tenant; the last one brings the agreement into force."""
        versions = await self._locked(act, name or str(signed.agreement))
        if versions[0].agreement_id != signed.agreement:
            raise InvalidInputError("The signature is of another agreement.", field="/agreement")
        version = pick(versions, signed.version)
        act.concerns(version)
        act.content["key"] = signed.key
        await check_signature(act.session, tenant, version, signed)
        await repository.store_signature(
            act.session,
            version.agreement_id,
            version.version,
            signed.key,
            bytes.fromhex(signed.signature),
        )
        await repository.tell(
            act.session,
            version.agreement_id,
            version.version,
            "signed",
            subject.username,
            f"{tenant} signed with the key {signed.key[:16]}…",
        )
        after = await repository.versions_of(act.session, version.agreement_id)
        if not pick(after, version.version).missing() and await repository.enter_into_force(
            act.session, version.agreement_id, version.version, subject.username
        ):
            after = await repository.versions_of(act.session, version.agreement_id)
        return pick(after, version.version)

    async def register_key(
        self,
        subject: Subject,
        tenant: str,
        office: str,
        public_key: bytes,
        valid_from: date | None,
        valid_to: date | None,
    ) -> SignatoryKey:
        """Register the public key (PEM) of an office that signs for a tenant."""
        async with self._acting(
            subject, Action.AGREEMENTS_MANAGE, "register_key", f"Registers a key of {tenant}"
        ) as act:
            raw = load_public_key(public_key)
            begins = valid_from or today()
            if valid_to is not None and valid_to < begins:
                raise InvalidInputError(
                    "A key can't end before it begins to be valid.", field="/valid_to"
                )
            key = SignatoryKey(key_id(raw), tenant, office, raw, begins, valid_to, None, None)
            if not await repository.register_key(act.session, key):
                raise InvalidInputError(
                    "There is no such tenant; `athena members` names them.", field="/tenant"
                )
            act.content["key"] = key.key_id
            return key

    async def revoke_key(
        self, subject: Subject, key: str, reason: str, since: date | None
    ) -> SignatoryKey:
        """Revoke a key; what it signed since a day, or from now on, no longer counts."""
        async with self._acting(subject, Action.AGREEMENTS_MANAGE, "revoke_key", reason) as act:
            if since is not None and since > today():
                raise InvalidInputError(
                    "A key is revoked now, or since a day past.", field="/since"
                )
            known = {item.key_id for item in await repository.keys(act.session)}
            if key not in known:
                raise NotFoundError("There is no such key; `athena agreements keys list` has them.")
            if not await repository.revoke_key(act.session, key, since, reason):
                raise ConflictError("The key is revoked already.")
            act.content["key"] = key
            found = {item.key_id: item for item in await repository.keys(act.session)}
            return found[key]

    @asynccontextmanager
    async def _reading(self, subject: Subject, name: str) -> AsyncIterator[ReadSession]:
        async with self._logging_refusals(subject, name, "Reads agreements"):
            self._authorise(subject, Action.AGREEMENTS_READ)
            async with self._database.read(subject.login) as session:
                yield session

    @asynccontextmanager
    async def _acting(
        self, subject: Subject, action: Action, name: str, reason: str
    ) -> AsyncIterator[_Act]:
        """Open a transaction that changes agreements; the log's row is written with the change."""
        why = check_reason(reason)
        async with self._logging_refusals(subject, f"agreements.{name}", why):
            self._authorise(subject, action)
            async with self._database.write(subject.login) as session:
                act = _Act(session)
                yield act
                await administer(session, subject, f"agreements.{name}", why, act.content)

    @asynccontextmanager
    async def _logging_refusals(
        self, subject: Subject, name: str, reason: str
    ) -> AsyncIterator[None]:
        try:
            try:
                yield
            except PostgresError as error:
                sentence = _CONFLICTS.get(sqlstate(error))
                if sentence is None:
                    raise
                raise ConflictError(sentence) from None
        except (RefusedError, NotFoundError, ConflictError, InvalidInputError) as error:
            await self._log_refusal(subject, name, reason, error)
            raise

    async def _log_refusal(
        self, subject: Subject, name: str, reason: str, error: AthenaError
    ) -> None:
        entry = Entry(EventKind.REFUSAL, name, reason, {"problem": error.slug})
        await refuse(self._database, subject, entry, None)
