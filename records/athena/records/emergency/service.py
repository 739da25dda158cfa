"""Opening a record in an emergency, listing such accesses and reviewing them.

The access, its event and the telling are one transaction; the record shows from the next one on,
because only a grant set that the policy decided anew shows it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from athena.platform.kernel.audit import Entry, EventKind, RecordSeen, append
from athena.platform.kernel.clocks.service import hours_later
from athena.platform.kernel.errors import ConflictError, NotFoundError, RefusedError
from athena.platform.kernel.features import BREAK_GLASS, Features, NotLiveError
from athena.platform.kernel.identity import Level, NominalId, Purpose, Role, Subject, TenantId
from athena.platform.kernel.worklist import service as worklist
from athena.platform.kernel.worklist.models import Assignee, ItemKind, RecordReference
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Alteration, Consultation
from athena.policies.visibility.service import Gate
from athena.records.emergency import repository
from athena.records.emergency.models import Access
from athena.records.emergency.schemas import (
    EmergencyAccess,
    EmergencyRequest,
    NewReview,
    Opened,
)
from athena.records.nominals import repository as nominals
from athena.tenants.directory.service import Directory

REVIEW_HOURS = 24
"""How soon an emergency access is to be looked into: the consortium's own choice, not law."""

_NOT_SHOWN = "There is no such record that a search of yours pointed to or showed as a summary."


async def open_record(
    gate: Gate,
    directory: Directory,
    features: Features,
    subject: Subject,
    purpose: Purpose,
    reason: str,
    request: EmergencyRequest,
    seconds: int,
) -> Opened:
    """Open one record to one member for a purpose and a limited time, and tell its reviewers.

    NotFoundError where the member sees no such record, RefusedError where policy doesn't open it
    or its owner has sealed it, NotLiveError where the member's force doesn't have break-glass;
    nothing is kept then but the refusal.
    """
    entry = Entry(
        EventKind.CONSULTATION,
        "nominals.break_glass",
        reason,
        request.model_dump(mode="json", exclude_none=True),
    )
    action = Action.NOMINALS_BREAK_GLASS
    async with gate.consult(subject, action, purpose, entry) as consultation:
        require_live(features, subject)
        owner = await _owner(consultation, directory, request)
        nominal_id = NominalId(request.nominal_id) if request.nominal_id else None
        access = await repository.break_glass(
            consultation, request.search_id, owner, nominal_id, request.emergency, seconds
        )
        if access is None:
            raise NotFoundError(_NOT_SHOWN)
        if not await gate.would_open(consultation.visibility, access.label_id):
            raise RefusedError("Policy doesn't open this record to you; contact the owner's unit.")
        told = await tell_reviewers(consultation, access)
    async with gate.consult(subject, action, purpose, entry) as consultation:
        row = await repository.find(consultation, access.access_id)
        if row is None:
            raise NotFoundError(_NOT_SHOWN)
        return Opened(
            access_id=row.access_id,
            nominal_id=row.nominal_id,
            owner_force=row.owner_force,
            expires_at=row.expires_at,
            told=[directory.by_id(tenant).slug for tenant in told],
        )


def require_live(features: Features, subject: Subject) -> None:
    """Refuse to open anything where the member's force doesn't have break-glass.

    An access that was granted before runs on to its end: nothing here ends it.
    """
    if not features.on(BREAK_GLASS, subject.tenant_id):
        raise NotLiveError(
            "Break-glass isn't live for your force: telephone the unit that the search names, or "
            "your control room, and ask the owner for the record."
        )


async def tell_reviewers(consultation: Consultation, access: Access) -> list[TenantId]:
    """Tell the supervisors of the owner force and of the member's own; return both forces.

    In the transaction that opens the record: an item on their worklists and a notification each.
    It names the access, never the record. The access itself stays on both forces' lists until each
    has reviewed it, whatever becomes of the item.
    """
    due = hours_later(datetime.now(UTC), REVIEW_HOURS)
    reference = RecordReference("emergency", access.owner_force, access.access_id)
    kind, own = ItemKind.BREAK_GLASS_NOTICE, consultation.subject.tenant_id
    await worklist.open_item(consultation, kind, Assignee(role=Role.SUPERVISOR), due, reference)
    if access.owner_force != own:
        await worklist.tell_owner(consultation, kind, reference, Role.SUPERVISOR, due)
    return list(dict.fromkeys((access.owner_force, own)))


async def listed(consultation: Consultation, *, reviewed: bool = False) -> list[EmergencyAccess]:
    """Return the accesses that concern the member's force, the newest first, and log them.

    Without ``reviewed`` only those that still wait for the force's review.
    """
    rows = await repository.listed(consultation, reviewed=reviewed)
    seen = [
        RecordSeen(TenantId(row.owner_id), NominalId(row.nominal_id), Level.POINTER) for row in rows
    ]
    entry = Entry(EventKind.CONSULTATION, "emergencies.list", consultation.reason, records=seen)
    await append(consultation.session, consultation.visibility.grant_set_id, entry)
    return [EmergencyAccess.model_validate(row, from_attributes=True) for row in rows]


async def review(alteration: Alteration, access_id: UUID, new: NewReview) -> None:
    """Keep what the member's force concludes of an access; it leaves the force's list.

    RefusedError for one's own access, ConflictError where the force has reviewed it before.
    """
    row = await repository.find(alteration, access_id)
    if row is None:
        raise NotFoundError("There is no such access that concerns your force.")
    if row.username == alteration.subject.username:
        raise RefusedError("Somebody else must review what you opened yourself.")
    if not await repository.review(alteration, access_id, new.outcome.value, new.note):
        raise ConflictError("Your force has reviewed this access already.")


async def _owner(
    consultation: Consultation, directory: Directory, request: EmergencyRequest
) -> TenantId:
    if request.owner_force is not None:
        return directory.by_slug(request.owner_force).tenant_id
    assert request.nominal_id is not None  # the request has one of the two
    owner = await nominals.find_owner(consultation, NominalId(request.nominal_id))
    if owner is None:
        raise NotFoundError(_NOT_SHOWN)
    return owner
