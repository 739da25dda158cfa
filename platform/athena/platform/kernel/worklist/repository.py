"""The SQL of items and teams; who did it and when is set by the store's own trigger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from athena.platform.kernel.clocks.models import Due
from athena.platform.kernel.desk import OpenChange, OpenWork
from athena.platform.kernel.identity import Role, TenantId
from athena.platform.kernel.rows import Row
from athena.platform.kernel.worklist.models import (
    STILL_TO_DO,
    Assignee,
    Item,
    ItemKind,
    ItemState,
    RecordReference,
)

_COLUMNS = (
    "item_id, kind, record_class, record_owner, record_id, assignee_role, assignee_team, "
    "assignee_member, clock, opened_at, due_at, opened_by, opened_by_tenant, four_eyes, state, "
    "claimed_by, claimed_at, closed_by, closed_at, outcome, version"
)


async def add(
    work: OpenWork,
    kind: ItemKind,
    record: RecordReference | None,
    assignee: Assignee,
    due: Due,
    *,
    four_eyes: bool,
) -> UUID:
    """Open an item of the member's own force and return its id."""
    item_id: UUID = await work.session.value(
        "INSERT INTO work.item (owner_force, kind, record_class, record_owner, record_id, "
        "assignee_role, assignee_team, assignee_member, clock, due_at, four_eyes) "
        "VALUES (:owner, :kind, :record_class, :record_owner, :record_id, :role, :team, :member, "
        ":clock, :due_at, :four_eyes) RETURNING item_id",
        {
            "owner": work.subject.tenant_id,
            "kind": kind.value,
            "record_class": record.record_class if record else None,
            "record_owner": record.owner if record else None,
            "record_id": record.record_id if record else None,
            "role": assignee.role.value if assignee.role else None,
            "team": assignee.team,
            "member": assignee.member,
            "clock": due.clock,
            "due_at": due.at,
            "four_eyes": four_eyes,
        },
    )
    return item_id


async def tell_owner(
    work: OpenWork, kind: ItemKind, record: RecordReference, role: Role, due: Due
) -> UUID:
    """Open an item of the force that owns a record, and return its id."""
    item_id: UUID = await work.session.value(
        "SELECT work.tell_owner(CAST(:owner AS smallint), :kind, :record_class, :record_id, "
        ":role, :clock, :due_at)",
        {
            "owner": record.owner,
            "kind": kind.value,
            "record_class": record.record_class,
            "record_id": record.record_id,
            "role": role.value,
            "clock": due.clock,
            "due_at": due.at,
        },
    )
    return item_id


async def find(work: OpenWork, item_id: UUID) -> Item | None:
    """Return an item that the member may see, or None."""
    row = await work.session.one(
        f"SELECT {_COLUMNS} FROM work.item WHERE owner_force = :owner AND item_id = :item",
        {"owner": work.subject.tenant_id, "item": item_id},
    )
    return _item(row) if row else None


async def page(
    work: OpenWork,
    states: Sequence[ItemState],
    limit: int,
    offset: int,
    kinds: Collection[str] | None = None,
) -> list[Item]:
    """Return the items in some states that the member may see, the most urgent first."""
    rows = await work.session.rows(
        f"SELECT {_COLUMNS} FROM work.item WHERE owner_force = :owner AND state = ANY(:states) "
        "AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY(CAST(:kinds AS text[]))) "
        "ORDER BY due_at, item_id LIMIT :limit OFFSET :offset",
        {
            "owner": work.subject.tenant_id,
            "states": [state.value for state in states],
            "kinds": None if kinds is None else list(kinds),
            "limit": limit,
            "offset": offset,
        },
    )
    return [_item(row) for row in rows]


async def about(work: OpenWork, kind: ItemKind, record: RecordReference) -> list[Item]:
    """Return the items of a kind about one record that still are to do and the member may see."""
    rows = await work.session.rows(
        f"SELECT {_COLUMNS} FROM work.item WHERE owner_force = :owner AND state = ANY(:states) "
        "AND kind = :kind AND record_class = :record_class AND record_owner = :record_owner "
        "AND record_id = :record_id ORDER BY due_at, item_id",
        {
            "owner": work.subject.tenant_id,
            "states": [state.value for state in STILL_TO_DO],
            "kind": kind.value,
            "record_class": record.record_class,
            "record_owner": record.owner,
            "record_id": record.record_id,
        },
    )
    return [_item(row) for row in rows]


async def move(
    work: OpenChange, item_id: UUID, version: int, state: ItemState, outcome: str | None
) -> int:
    """Bring an item of a version into another state and return how many items that was."""
    return await work.session.execute(
        "UPDATE work.item SET state = :state, outcome = :outcome "
        "WHERE owner_force = :owner AND item_id = :item AND version = :version",
        {
            "owner": work.subject.tenant_id,
            "item": item_id,
            "version": version,
            "state": state.value,
            "outcome": outcome,
        },
    )


async def join_team(work: OpenChange, team: str, member: UUID) -> int:
    """Add a member to a team and return whether that changed anything."""
    return await work.session.execute(
        "INSERT INTO work.team_member (owner_force, team, member_id) "
        "VALUES (:owner, :team, :member) ON CONFLICT DO NOTHING",
        {"owner": work.subject.tenant_id, "team": team, "member": member},
    )


async def leave_team(work: OpenChange, team: str, member: UUID) -> int:
    """Take a member out of a team and return whether that changed anything."""
    return await work.session.execute(
        "DELETE FROM work.team_member "
        "WHERE owner_force = :owner AND team = :team AND member_id = :member",
        {"owner": work.subject.tenant_id, "team": team, "member": member},
    )


def _item(row: Row) -> Item:
    record = None
    if row.record_id is not None:
        record = RecordReference(row.record_class, TenantId(row.record_owner), row.record_id)
    return Item(
        item_id=row.item_id,
        kind=row.kind,
        record=record,
        assignee=Assignee(
            role=Role(row.assignee_role) if row.assignee_role else None,
            team=row.assignee_team,
            member=row.assignee_member,
        ),
        clock=row.clock,
        opened_at=row.opened_at,
        due_at=row.due_at,
        opened_by=row.opened_by,
        opened_by_tenant=TenantId(row.opened_by_tenant),
        four_eyes=row.four_eyes,
        state=ItemState(row.state),
        claimed_by=row.claimed_by,
        claimed_at=row.claimed_at,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
        outcome=row.outcome,
        version=row.version,
    )
