"""What is done with black-outs: a force files its own, and withdraws it."""

from __future__ import annotations

from uuid import UUID, uuid4

from athena.governance.acting import Office
from athena.governance.releases.blackouts import repository
from athena.governance.releases.models import BlackOut
from athena.governance.releases.schemas import NewBlackOut
from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.identity import Subject
from athena.policies.roles.actions import Action


async def every(office: Office, subject: Subject) -> list[BlackOut]:
    """Return every black-out that stands, by its beginning."""
    async with office.reading(subject, "black_outs.list") as reading:
        return await repository.black_outs(reading.session)


async def file(office: Office, subject: Subject, new: NewBlackOut) -> BlackOut:
    """File a time in which nothing may go live for one's own force."""
    black_out_id = uuid4()
    content = {
        "black_out": str(black_out_id),
        "begins": new.begins.isoformat(),
        "ends": new.ends.isoformat(),
    }
    async with office.acting(
        subject, Action.GOVERNANCE_ANSWER, "black_outs.file", new.reason, content
    ) as acting:
        await repository.file(
            acting.session, subject, black_out_id, new.title, new.begins, new.ends
        )
        filed = await repository.black_outs(acting.session)
        return next(item for item in filed if item.black_out_id == black_out_id)


async def withdraw(office: Office, subject: Subject, black_out_id: UUID, reason: str) -> None:
    """Withdraw a black-out of one's own force; NotFoundError where none of its stands."""
    content = {"black_out": str(black_out_id)}
    async with office.acting(
        subject, Action.GOVERNANCE_ANSWER, "black_outs.withdraw", reason, content
    ) as acting:
        if not await repository.withdraw(acting.session, black_out_id):
            raise NotFoundError("Your force has no such black-out that stands.")
