"""What is done with bodies: founding them, amending constitutions, appointing and ending terms."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from athena.governance.acting import Acting, Office
from athena.governance.bodies import repository
from athena.governance.bodies.constitution import Constitution, DecisionClass
from athena.governance.bodies.models import Appointment, Body, ConstitutionVersion
from athena.governance.bodies.schemas import Amendment, NewAppointment, NewBody
from athena.governance.votes.outcome import Duty
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    RefusedError,
)
from athena.platform.kernel.identity import Subject, TenantKind
from athena.policies.agreements.signing import digest_of
from athena.policies.roles.actions import Action
from athena.tenants.members.service import subject_by_username

WholeBody = tuple[Body, Sequence[ConstitutionVersion], Sequence[Appointment]]


async def every(office: Office, subject: Subject) -> list[Body]:
    """Return every body."""
    async with office.reading(subject, "bodies.list") as reading:
        return await repository.bodies(reading.session)


async def one(office: Office, subject: Subject, slug: str) -> WholeBody:
    """Return a body with its constitutions and appointments."""
    async with office.reading(subject, "bodies.show") as reading:
        return await _whole(reading.session, slug)


async def found(office: Office, subject: Subject, new: NewBody) -> WholeBody:
    """Found a body with its first constitution."""
    async with office.acting(
        subject, Action.GOVERNANCE_MANAGE, "bodies.found", new.reason, {"body": new.slug}
    ) as acting:
        if await repository.body(acting.session, new.slug) is not None:
            raise ConflictError(f"There is a body '{new.slug}' already; choose another name.")
        if absent := await repository.absent_forces(acting.session, new.forces or ()):
            raise InvalidInputError(
                f"No force that takes part: {', '.join(absent)}.", field="/forces"
            )
        body = Body(uuid4(), new.slug, new.name, new.kind, new.module, new.forces)
        await repository.add_body(acting.session, body)
        await _store(acting, body, 1, new.constitution)
        return await _whole(acting.session, new.slug)


async def amend(office: Office, subject: Subject, slug: str, amendment: Amendment) -> WholeBody:
    """Store the next version of a constitution; votes that are open keep theirs.

    Where the constitution says how it is amended, the body must have carried a vote on exactly
    this text, by its digest, under the version that it replaces.
    """
    async with office.acting(
        subject, Action.GOVERNANCE_MANAGE, "bodies.amend", amendment.reason, {"body": slug}
    ) as acting:
        body = await _body(acting.session, slug)
        await repository.lock(acting.session, body.body_id)
        newest = (await repository.constitutions(acting.session, body.body_id))[-1]
        digest = digest_of_constitution(amendment.constitution)
        if digest == newest.digest:
            raise InvalidInputError("The amendment changes nothing.", field="/constitution")
        asked = newest.constitution.rule_for(DecisionClass.CONSTITUTION, 0)
        if asked is not None and not await repository.constitution_was_carried(
            acting.session, body.body_id, digest, newest.version
        ):
            raise ConflictError(
                "This constitution is amended by a vote: open one on the text whose digest is "
                f"{digest.hex()}, and amend it once it has carried."
            )
        await _store(acting, body, newest.version + 1, amendment.constitution)
        return await _whole(acting.session, slug)


async def appoint(office: Office, subject: Subject, slug: str, new: NewAppointment) -> UUID:
    """Appoint a member of one's own force, or a chair as the client body."""
    appointment_id = uuid4()
    content = {"body": slug, "username": new.username, "duty": new.duty.value}
    async with office.acting(
        subject, Action.GOVERNANCE_APPOINT, "bodies.appoint", new.reason, content
    ) as acting:
        body = await _body(acting.session, slug)
        _check_appointing(subject, body, new)
        try:
            member = await subject_by_username(office.database, new.username)
        except (NotFoundError, NotSignedInError):
            raise InvalidInputError(
                "There is no such active member; `athena members list` names them.",
                field="/username",
            ) from None
        if new.duty is not Duty.CHAIR and member.tenant_id != subject.tenant_id:
            raise RefusedError("A force appoints its own members only.")
        if not office.allows(member, Action.GOVERNANCE_VOTE):
            raise InvalidInputError(
                "The member's role doesn't include 'governance.vote', so it couldn't vote.",
                field="/username",
            )
        await repository.appoint(
            acting.session,
            appointment_id,
            body.body_id,
            member.tenant_id,
            member.member_id,
            member.username,
            new.duty,
            new.valid_from,
            new.valid_to,
        )
    return appointment_id


async def end(
    office: Office, subject: Subject, slug: str, appointment_id: UUID, reason: str
) -> None:
    """End a term; ballots cast in it stay."""
    content = {"body": slug, "appointment": str(appointment_id)}
    async with office.acting(
        subject, Action.GOVERNANCE_APPOINT, "bodies.end_appointment", reason, content
    ) as acting:
        body = await _body(acting.session, slug)
        if not await repository.end_appointment(acting.session, body.body_id, appointment_id):
            raise NotFoundError("There is no such appointment that you could end.")


def digest_of_constitution(constitution: Constitution) -> bytes:
    """Return what a constitution is known by: the SHA-256 of its canonical form (RFC 8785)."""
    return digest_of(constitution.model_dump(mode="json"))


def _check_appointing(subject: Subject, body: Body, new: NewAppointment) -> None:
    if new.duty is Duty.CHAIR:
        if subject.tenant_kind is not TenantKind.CLIENT_BODY:
            raise RefusedError("The client body appoints the chair of a body.")
        return
    if subject.tenant_kind is not TenantKind.FORCE:
        raise RefusedError("Forces appoint the members of a body and their substitutes.")
    if not new.username.endswith(f".{subject.tenant}"):
        raise RefusedError("A force appoints its own members only.")
    if not body.admits(subject.tenant):
        raise RefusedError("Your force isn't one of this alliance's.")


async def _store(acting: Acting, body: Body, version: int, constitution: Constitution) -> None:
    await repository.add_constitution(
        acting.session,
        body.body_id,
        version,
        constitution,
        digest_of_constitution(constitution),
        acting.subject.username,
        acting.reason,
    )


async def _body(session: ReadSession, slug: str) -> Body:
    body = await repository.body(session, slug)
    if body is None:
        raise NotFoundError("There is no such body; `athena governance bodies list` names them.")
    return body


async def _whole(session: ReadSession, slug: str) -> WholeBody:
    body = await _body(session, slug)
    return (
        body,
        await repository.constitutions(session, body.body_id),
        await repository.appointments(session, body.body_id),
    )
