"""What can be done with nominals: read, create, amend, erase, load in bulk.

Each function takes the consultation or alteration in which it happens, so none can run without
a decision and its event in the log. None commits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from asyncpg import PostgresError

from athena.platform.kernel.audit import Entry, EventKind, RecordSeen, append
from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import FieldGroup, LabelId, NominalId, Subject, TenantId
from athena.platform.kernel.permits import sqlstate
from athena.policies.visibility.models import Alteration, Consultation, Label, LabelView
from athena.records.names.service import NameRegister
from athena.records.nominals import repository
from athena.records.nominals.drafts import DRAFTS, canonical, row_value
from athena.records.nominals.models import (
    ROW_TABLES,
    LabelParts,
    RecordKey,
    Row,
    RowBatch,
    RowTable,
    RowWriter,
    label_parts,
    nominal_values,
    record_key,
)
from athena.records.nominals.schemas import (
    ChangedNominal,
    Changes,
    Disclosed,
    NominalDraft,
    ReplacedRow,
)
from athena.records.nominals.showing import born_of, disclosed_of

MOST_CHANGES = 1_000
"""About how many changes one answer of the feed holds; a transaction is never split."""

_LONGEST_XID = 18  # digits that always fit PostgreSQL's xid8
_NOT_VISIBLE = "There is no such nominal, or none that you may see for this purpose."
_GROUP_TABLES = [table for table in ROW_TABLES if table.group is not None]


@dataclass(frozen=True, slots=True)
class Stored:
    """A nominal as it was disclosed, and the visible rows behind it, by section."""

    owner: TenantId
    row: Row
    sections: Mapping[str, Sequence[Row]]
    disclosed: Disclosed


@dataclass(frozen=True, slots=True)
class Told:
    """A nominal as it may be told, under which label it stands, and when it was changed last."""

    key: tuple[TenantId, NominalId]
    disclosed: Disclosed
    label: Label
    changed_at: datetime


async def read_summaries(
    consultation: Consultation, ids: Collection[tuple[TenantId, NominalId]]
) -> dict[NominalId, Disclosed]:
    """Return the visible ones of some nominals at the summary level, by id."""
    rows = await repository.nominals(consultation, ids)
    return {key: disclosed_of(consultation, row) for key, row in rows.items()}


async def read(consultation: Consultation, nominal_id: NominalId) -> Disclosed:
    """Return one nominal with every group that may be seen, and log that it was disclosed.

    NotFoundError alike for a nominal that isn't there and for one that may not be seen.
    """
    return (await _read(consultation, nominal_id, _GROUP_TABLES)).disclosed


async def read_to_tell(
    consultation: Consultation, keys: Collection[tuple[TenantId, NominalId]]
) -> list[Told]:
    """Return the visible ones of nominals that a look-up found, with every group that is shown.

    Whoever asks must log, in the same transaction, which of them it tells: this logs nothing.
    Tables whose group isn't shown of any record aren't asked: they would give nothing.
    """
    shown = consultation.visibility.groups
    tables = [table for table in _GROUP_TABLES if table.group in shown]
    rows = await repository.nominals(consultation, keys, tables)
    found = [(key, rows[key[1]]) for key in keys if key[1] in rows]
    return [
        Told(
            key,
            disclosed_of(consultation, row),
            consultation.visibility.view(row["label_id"], key).label,
            row["changed_at"],
        )
        for key, row in found
    ]


async def read_stored(consultation: Consultation, nominal_id: NominalId) -> Stored:
    """Return one nominal as `read` does, with the rows that it is made of, names too."""
    return await _read(consultation, nominal_id, ROW_TABLES)


async def _read(
    consultation: Consultation, nominal_id: NominalId, tables: Sequence[RowTable]
) -> Stored:
    owner = await _visible_owner(consultation, nominal_id)
    rows = await repository.nominals(consultation, [(owner, nominal_id)], tables)
    row = rows[nominal_id]
    disclosed = disclosed_of(consultation, row)
    await log_seen(consultation, "nominals.read", [disclosed])
    return Stored(owner, row, {table.section: row[table.section] for table in tables}, disclosed)


async def read_history(consultation: Consultation, nominal_id: NominalId) -> list[ReplacedRow]:
    """Return what a nominal was before its changes, the newest change first, and log it.

    History is never more visible than the nominal is today: a group that isn't shown has none.
    NotFoundError as in `read`.
    """
    owner = await _visible_owner(consultation, nominal_id)
    current = (await repository.nominals(consultation, [(owner, nominal_id)]))[nominal_id]
    rows = await repository.history(consultation, owner, nominal_id)
    await log_seen(consultation, "nominals.history", [disclosed_of(consultation, current)])
    sections = {table.name: table.section for table in ROW_TABLES}
    return [
        ReplacedRow(
            section=sections.get(row.table_name, "nominal"),
            row_id=row.row_id,
            image=row.image,
            valid_from=row.valid_from,
            replaced_at=row.replaced_at,
            replaced_by=row.replaced_by,
        )
        for row in rows
    ]


async def follow(consultation: Consultation, after: str) -> Changes:
    """Return what changed in the own force after a point of the feed, oldest first, without gaps.

    ``after`` is the ``next`` of the answer before, or "0" for the beginning; InvalidInputError for
    anything else. A transaction's changes come together; one that commits late is not missed.
    """
    if not (after.isascii() and after.isdigit() and len(after) <= _LONGEST_XID):
        raise InvalidInputError(
            "Start from 0, or from the 'next' of the answer before.", field="/after"
        )
    rows = await repository.changes(consultation, int(after), MOST_CHANGES)
    changes = [
        ChangedNominal(
            id=row.nominal_id,
            version=row.version,
            operation=row.operation,
            changed_at=row.changed_at,
        )
        for row in rows
    ]
    return Changes(changes=changes, next=str(rows[-1].xid) if rows else after)


async def log_seen(consultation: Consultation, action: str, seen: Sequence[Disclosed]) -> None:
    """Append which records a consultation showed, at which level and under which agreement."""
    entry = entry_of_seen(consultation, action, seen)
    await append(consultation.session, consultation.visibility.grant_set_id, entry)


def entry_of_seen(consultation: Consultation, action: str, seen: Sequence[Disclosed]) -> Entry:
    """Return what the log says of the records that a consultation showed."""
    owners = {view.label.owner: view.label.owner_force for view in _views(consultation)}
    records = [
        RecordSeen(
            owners[item.owner_force],
            NominalId(item.id),
            item.disclosure,
            str(item.agreement_id or ""),
            [group for group in FieldGroup if group not in item.withheld],
        )
        for item in seen
    ]
    return Entry(EventKind.CONSULTATION, action, consultation.reason, records=records)


async def prepare(
    database: Database, register: NameRegister, subject: Subject, draft: NominalDraft
) -> None:
    """Make the names and the label of a draft known, before the transaction that writes it opens.

    A decision covers the labels that exist when it is made, so a new one must be there first.
    """
    await register.register((name.given_names, name.surname) for name in draft.names)
    async with database.write(subject.login) as session:
        await repository.intern_label(session, label_parts(draft))


async def create(alteration: Alteration, register: NameRegister, draft: NominalDraft) -> NominalId:
    """Write a new nominal of the member's own force and return its id."""
    nominal_id = NominalId(uuid4())
    await create_many(alteration, register, [(nominal_id, draft)])
    return nominal_id


async def create_many(
    alteration: Alteration,
    register: NameRegister,
    drafts: Sequence[tuple[NominalId, NominalDraft]],
) -> None:
    """Write new nominals of the member's own force, in a few statements, and log them."""
    labels: dict[LabelParts, LabelId] = {}
    headers: dict[RecordKey, LabelId] = {}
    for _, draft in drafts:
        key = label_parts(draft)
        if key not in labels:
            labels[key] = await repository.intern_label(alteration.session, key)
        for involvement in draft.involvements:
            headers.setdefault(record_key(involvement), labels[key])
    writer = await _writer(alteration, register, [draft for _, draft in drafts], headers)
    batch = RowBatch()
    for nominal_id, draft in drafts:
        writer.add_nominal(batch, nominal_id, labels[label_parts(draft)], draft)
    await repository.insert_batch(alteration, batch)
    await _log_written(alteration, "nominals.create", [key for key, _ in drafts])


async def amend(
    alteration: Alteration,
    register: NameRegister,
    nominal_id: NominalId,
    version: int,
    draft: NominalDraft,
) -> int:
    """Make a nominal what the draft says, if it is still at ``version``; return the next version.

    Rows that stay the same stay untouched; replaced ones go to the history. ConflictError when
    somebody changed it meanwhile, RefusedError for another force's nominal.
    """
    owner = await _own(alteration, nominal_id)
    stored = (await repository.nominals(alteration, [(owner, nominal_id)], ROW_TABLES))[nominal_id]
    if any(item["record_class"] is None for item in stored["involvements"]):
        raise RefusedError("It has a part in a record that you can't see; ask a records manager.")
    label_id = await repository.intern_label(alteration.session, label_parts(draft))
    await _raise_version(alteration, owner, nominal_id, version, label_id, draft)
    headers = {record_key(item): label_id for item in draft.involvements}
    writer = await _writer(alteration, register, [draft], headers)
    batch = RowBatch()
    for table in ROW_TABLES:
        wanted = {canonical(item): item for item in getattr(draft, table.section)}
        present = {
            canonical(row_value(DRAFTS[table.section], row)): UUID(row["row_id"])
            for row in stored[table.section]
        }
        kept = wanted.keys() & present.keys()
        if table.section == "names" and born_of(stored) != draft.date_of_birth:
            kept = set()  # the name keys hold the date of birth
        gone = [row_id for key, row_id in present.items() if key not in kept]
        if gone:
            await repository.remove_rows(alteration, table.name, owner, nominal_id, gone)
        for key, item in wanted.items():
            if key not in kept:
                again = present.get(key)
                writer.add_child(batch, table, nominal_id, label_id, item, draft, again)
    await repository.insert_batch(alteration, batch)
    await _log_written(alteration, "nominals.amend", [nominal_id])
    return version + 1


async def erase(alteration: Alteration, nominal_id: NominalId, version: int) -> None:
    """Erase a nominal of the member's own force, its history with it (DPA 2018, s.47).

    The log keeps that it was erased, and the change feed its id.
    """
    owner = await _own(alteration, nominal_id)
    if not await repository.erase(alteration, owner, nominal_id, version):
        raise ConflictError(
            "Somebody changed this nominal meanwhile; read it again before you erase it."
        )
    await _log_written(alteration, "nominals.erase", [nominal_id], EventKind.ERASURE)


async def _writer(
    alteration: Alteration,
    register: NameRegister,
    drafts: Sequence[NominalDraft],
    headers: Mapping[RecordKey, LabelId],
) -> RowWriter:
    """Return a writer that knows every place and record header the drafts refer to."""
    places = [address.location for draft in drafts for address in draft.addresses]
    return RowWriter(
        alteration.subject.tenant_id,
        register,
        await repository.record_ids(alteration, headers),
        await repository.location_ids(alteration, places),
    )


async def _visible_owner(consultation: Consultation, nominal_id: NominalId) -> TenantId:
    owner = await repository.find_owner(consultation, nominal_id)
    if owner is None:
        raise NotFoundError(_NOT_VISIBLE)
    return owner


async def _own(alteration: Alteration, nominal_id: NominalId) -> TenantId:
    owner = await _visible_owner(alteration, nominal_id)
    if owner != alteration.subject.tenant_id:
        raise RefusedError("Only the force that owns a nominal may change it; contact that force.")
    return owner


async def _log_written(
    alteration: Alteration,
    action: str,
    ids: Sequence[NominalId],
    kind: EventKind = EventKind.ALTERATION,
) -> None:
    entry = Entry(
        kind,
        action,
        alteration.reason,
        {"nominals": [str(nominal_id) for nominal_id in ids]},
    )
    await append(alteration.session, alteration.visibility.grant_set_id, entry)


def _views(consultation: Consultation) -> Collection[LabelView]:
    return consultation.visibility.views.values()


async def _raise_version(
    alteration: Alteration,
    owner: TenantId,
    nominal_id: NominalId,
    version: int,
    label_id: LabelId,
    draft: NominalDraft,
) -> None:
    try:
        raised = await repository.raise_version(
            alteration, owner, nominal_id, version, label_id, nominal_values(draft)
        )
    except PostgresError as error:
        if sqlstate(error) != "42501":
            raise
        raise RefusedError(
            "You would lose sight of this nominal under its new handling; "
            "ask a supervisor to make the change."
        ) from None
    if not raised:
        raise ConflictError(
            "Somebody changed this nominal meanwhile; read it again and repeat your change."
        )
