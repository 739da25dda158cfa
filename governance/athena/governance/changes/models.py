"""A change request as it is stored: where it is in its life, its versions and its entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from athena.governance.changes.document import ChangeDocument
from athena.governance.changes.machine import Actor, Kind, State
from athena.governance.changes.standing import ChangeEntry, Standing, standing, total_pence
from athena.platform.kernel.identity import Subject, TenantId, TenantKind

REFERENCE = r"^CR-[0-9]{4,9}$"
"""How a change is named among people."""

ASSESSING_WORKING_DAYS = 10
"""How long forces have to assess unless the raiser gives longer: a choice, not law."""


_BINDING = frozenset(
    {State.AUTHORISED, State.SCHEDULED, State.IMPLEMENT, State.REVIEW, State.CLOSED}
)
"""Where a vote that carried holds: it was neither reopened nor withdrawn."""


@dataclass(frozen=True, slots=True)
class ChangeVersion:
    """A version of a request's document, with its digest, and who wrote it when."""

    version: int
    document: ChangeDocument
    digest: bytes
    username: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A change request and where it is in its life."""

    change_id: UUID
    number: int
    tenant_id: TenantId
    tenant: str
    body: str | None
    username: str
    kind: Kind
    state: State
    version: int
    title: str
    raised_at: datetime
    submitted_at: datetime | None
    assess_by: datetime | None

    @property
    def reference(self) -> str:
        """The name by which people know it, such as CR-0042."""
        return f"CR-{self.number:04}"


@dataclass(frozen=True, slots=True)
class WholeChange:
    """A change with every version and everything that was added to it."""

    change: Change
    versions: Sequence[ChangeVersion]
    entries: Sequence[ChangeEntry]

    @property
    def newest(self) -> ChangeVersion:
        """The version that holds."""
        return self.versions[-1]

    @property
    def document(self) -> ChangeDocument:
        """The document that holds."""
        return self.newest.document

    def standing(self) -> Standing:
        """Return what its entries add up to."""
        return standing(self.entries, self.change.version)

    def one_off_pence(self) -> int:
        """Return the one-off cost: by the quote that holds, else as the request estimates it."""
        quote = self.standing().quote
        return quote.one_off_pence if quote else self.document.one_off_pence

    def annual_pence(self) -> int:
        """Return the cost of each year, likewise."""
        quote = self.standing().quote
        return quote.annual_pence if quote else self.document.annual_pence

    def bound_charges(self) -> tuple[str, ...]:
        """Return the charges by which the last vote binds forces, as long as that vote holds."""
        carried = self.standing().carried
        return carried.charges if carried and self.change.state in _BINDING else ()

    def cost_pence(self) -> int:
        """Return what a vote is about: the one-off cost and the first year."""
        quote = self.standing().quote or self.document
        return total_pence(quote.one_off_pence, quote.annual_pence)


def actors_of(
    subject: Subject,
    whole: WholeChange,
    *,
    raises: bool,
    assesses: bool,
    joins: bool,
    manages: bool,
    pays: bool,
) -> frozenset[Actor]:
    """Return as what a member acts on a change, given what the member's roles allow."""
    roles = {
        Actor.RAISER: raises and subject.tenant_id == whole.change.tenant_id,
        Actor.FORCE: subject.tenant_kind is TenantKind.FORCE,
        Actor.AFFECTED: assesses and subject.tenant in whole.document.impacts,
        Actor.JOINER: joins and whole.document.optional,
        Actor.AMO: manages,
        Actor.FINANCE: pays,
        Actor.OVERSIGHT: subject.tenant_kind is TenantKind.OVERSIGHT,
    }
    return frozenset(actor for actor, holds in roles.items() if holds)
