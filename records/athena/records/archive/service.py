"""Taking a force's records out, bringing them back, and leaving nothing of a force that has left.

An export is refused unless it is whole; an import is checked line by line and then by the same
digest, so that exporting again gives the same; an erasure needs the checksum of an archive of the
present state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from asyncpg import PostgresError

from athena.platform.kernel import audit
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.database import WriteSession, broke_off
from athena.platform.kernel.errors import ConflictError, InvalidInputError, RefusedError
from athena.platform.kernel.identity import LabelId, Purpose, Subject
from athena.platform.kernel.permits import sqlstate
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Alteration, Label
from athena.policies.visibility.service import Gate
from athena.records.archive import repository
from athena.records.archive.certificate import Certificate, Erased, Signer, Statement
from athena.records.archive.checks import parse_lines
from athena.records.archive.models import Archive, Manifest, TableDigest, checksum_of
from athena.records.names.keys import day_number
from athena.records.names.service import NameRegister
from athena.records.nominals import repository as nominals
from athena.records.nominals.models import Row
from athena.tenants.directory import repository as directory
from athena.tenants.directory.service import Directory

BATCH = 2_000
"""How many rows go into one statement."""

EXCEPTIONS = ("restriction", "lock")
"""The tables whose rows say who set them, which nobody may say but the store's own function."""

_WRONG_STATE, _NO_ARCHIVE = "AT002", "AT003"


async def export(gate: Gate, subject: Subject, reason: str) -> Archive:
    """Return the archive of the member's own force; it is logged as a disclosure.

    RefusedError unless the member may see every record: an archive that lacks one is none.
    """
    entry = Entry(EventKind.DISCLOSURE, "records.export", reason)
    async with gate.consult(
        subject, Action.RECORDS_EXPORT, Purpose.DATA_QUALITY, entry
    ) as consultation:
        labels = {
            view.label.label_id: _spelt_out(view.label)
            for view in consultation.visibility.views.values()
            if view.label.owner_force == subject.tenant_id
        }
        content = await repository.content(consultation, labels)
        tables = {table: digest for table, (_, digest) in content.items()}
        seen = {table: TableDigest.of(lines) for table, (lines, _) in content.items()}
        if seen != tables:
            raise RefusedError(
                "You may not see every record of your force, so an archive by you would lack some: "
                "let somebody export it who is cleared for all, named in every restriction, and "
                "locked out of none."
            )
        manifest = Manifest(
            force=subject.tenant,
            exported_by=subject.username,
            tables=tables,
            checksum=checksum_of(tables),
        )
        told = {"checksum": manifest.checksum, "rows": _rows(tables)}
        await audit.append(
            consultation.session,
            consultation.visibility.grant_set_id,
            Entry(EventKind.DISCLOSURE, "records.exported", reason, told),
        )
    return Archive(manifest=manifest, lines={table: lines for table, (lines, _) in content.items()})


async def restore(
    gate: Gate, register: NameRegister, subject: Subject, archive: Archive, reason: str
) -> int:
    """Load an archive into the member's own, empty force, whole or not at all; return its rows."""
    told = {"checksum": archive.manifest.checksum, "from": archive.manifest.force}
    entry = Entry(EventKind.COLLECTION, "records.restore", reason, told)
    await gate.permit(subject, Action.RECORDS_RESTORE, Purpose.DATA_QUALITY, entry)
    async with gate.consult(
        subject,
        Action.RECORDS_RESTORE,
        Purpose.DATA_QUALITY,
        Entry(EventKind.CONSULTATION, "records.restore", reason, told),
    ) as consultation:
        tables = list(await repository.digests(consultation))
        if set(tables) != set(archive.lines):
            raise InvalidInputError(
                "The archive doesn't have the tables of this store; bring both to one release."
            )
        rows = {
            table: parse_lines(
                table, archive.lines[table], await repository.columns(consultation, table)
            )
            for table in tables
        }
    labels = await _prepare(gate, register, subject, rows)
    async with gate.alter(
        subject, Action.RECORDS_RESTORE, Purpose.DATA_QUALITY, entry
    ) as alteration:
        if any(digest.rows for digest in (await repository.digests(alteration)).values()):
            raise ConflictError("Your force has records; an archive is loaded into an empty one.")
        try:
            await _insert(alteration, register, tables, rows, labels)
            await repository.restore_verdicts(alteration)
        except PostgresError as error:
            if broke_off(error):
                raise
            raise InvalidInputError(
                "A row of the archive breaks a rule of the store; nothing was loaded."
            ) from None
        if await repository.digests(alteration) != archive.manifest.tables:
            raise InvalidInputError(
                "What was loaded isn't what the archive holds; nothing was kept."
            )
    return sum(len(found) for found in rows.values())


async def offboard(
    session: WriteSession,
    subject: Subject,
    slug: str,
    checksum: str | None,
    reason: str,
    signer: Signer,
) -> Certificate:
    """Erase whatever a suspended tenant owns, and return the signed certificate of it.

    ConflictError unless it is suspended and a force's ``checksum`` is that of its present state.
    """
    tenant = Directory(await directory.list_tenants(session)).by_slug(slug)
    try:
        erased = await repository.erase_tenant(session, slug, checksum)
    except PostgresError as error:
        raise _meaning(error) from None
    statement = Statement(
        tenant=slug,
        name=tenant.name,
        archive_checksum=checksum,
        tables={
            table: Erased(before=before, after=erased["after"][table])
            for table, before in sorted(erased["before"].items())
        },
        erased_at=datetime.fromisoformat(erased["erased_at"]),
        erased_by=subject.username,
        reason=reason,
    )
    certificate = signer.sign(statement)
    told = {"tenant": slug, "certificate": certificate.model_dump(mode="json")}
    await audit.administer(session, subject, "tenants.offboard", reason, told)
    return certificate


async def _prepare(
    gate: Gate, register: NameRegister, subject: Subject, rows: Mapping[str, Sequence[Row]]
) -> dict[str, LabelId]:
    """Make names and labels known before the transaction that needs them opens."""
    await register.register(
        (row["given_names"], row["surname"]) for row in rows.get("nominal_name", ())
    )
    labels: dict[str, LabelId] = {}
    async with gate.database.write(subject.login) as session:
        for row in _every(rows):
            if "label" in row and (key := _key(row["label"])) not in labels:
                labels[key] = await repository.intern_label(session, row["label"])
    return labels


async def _insert(
    alteration: Alteration,
    register: NameRegister,
    tables: Sequence[str],
    rows: Mapping[str, Sequence[Row]],
    labels: Mapping[str, LabelId],
) -> None:
    for table in tables:
        for first in range(0, len(rows[table]), BATCH):
            batch = [_stored(alteration, row, labels) for row in rows[table][first : first + BATCH]]
            if table == "history":
                await repository.restore_history(alteration, batch)
            elif table in EXCEPTIONS:
                await repository.restore_exceptions(alteration, table, batch)
            else:
                await nominals.insert_rows(alteration, table, batch)
    keys = list(_name_keys(register, rows))
    for first in range(0, len(keys), BATCH):
        batch = [_stored(alteration, row, labels) for row in keys[first : first + BATCH]]
        await nominals.insert_rows(alteration, "name_key", batch)


def _stored(alteration: Alteration, row: Row, labels: Mapping[str, LabelId]) -> Row:
    stored = {name: value for name, value in row.items() if name != "label"}
    if "label" in row:
        stored["label_id"] = labels[_key(row["label"])]
    return {**stored, "owner_force": alteration.subject.tenant_id}


def _name_keys(register: NameRegister, rows: Mapping[str, Sequence[Row]]) -> Iterable[Row]:
    """Yield the name keys that the names of an archive have in this store."""
    born = {
        row["nominal_id"]: date.fromisoformat(row["date_of_birth"])
        for row in rows["nominal"]
        if row["date_of_birth"]
    }
    for name in rows["nominal_name"]:
        day = day_number(born.get(name["nominal_id"]))
        keys = register.keys_of(name["given_names"], name["surname"], day)
        for by_name, by_date in keys:
            yield {
                "nominal_id": name["nominal_id"],
                "row_id": str(uuid4()),
                "label": name["label"],
                "name_row_id": name["row_id"],
                "name_key": by_name,
                "date_key": by_date,
            }


def _spelt_out(label: Label) -> Row:
    return {
        "record_class": label.record_class,
        "marking": label.marking,
        "handling": label.handling,
        "conditions": list(label.conditions),
        "categories": list(label.categories),
        "sensitive": label.sensitive,
        "restricted": label.restricted,
        "sealed": label.sealed,
    }


def _every(rows: Mapping[str, Sequence[Row]]) -> Iterable[Row]:
    return (row for found in rows.values() for row in found)


def _key(label: Mapping[str, Any]) -> str:
    return json.dumps(label, sort_keys=True)


def _rows(tables: Mapping[str, TableDigest]) -> dict[str, int]:
    return {table: digest.rows for table, digest in tables.items()}


def _meaning(error: PostgresError) -> Exception:
    if sqlstate(error) == _WRONG_STATE:
        return ConflictError(
            "Only a suspended tenant is off-boarded, once its last session has ended: suspend it, "
            "wait five seconds, and try again."
        )
    if sqlstate(error) == _NO_ARCHIVE:
        return ConflictError(
            "That isn't the checksum of the force's present records: reinstate it, let it export "
            "them, suspend it, and give the checksum of that archive."
        )
    unexpected: Exception = error
    return unexpected
