"""What became of imports: reports counted in the store, rejected rows, rows that wait.

A decision on a held row is logged, takes what the row says out of the waiting rows, and stands.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from athena.platform.kernel.audit import Entry, EventKind, append
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Alteration, Consultation
from athena.policies.visibility.service import Gate
from athena.records.imports import repository
from athena.records.imports.models import Decision, Held, Outcome, Rejected, Report, Run
from athena.records.imports.review import repository as review
from athena.records.names.service import NameRegister
from athena.records.nominals import service as nominals

MOST_RUNS = 100
MOST_ROWS = 1_000

_READS = "Reads what became of an import"
_NO_RUN = "There is no such import of your force; `athena imports list` shows them."
_NOT_WAITING = "No such row waits for a decision; `athena imports held` shows those that do."
_OUTCOMES = {
    Decision.LOAD: Outcome.LOADED,
    Decision.SAME: Outcome.SAME,
    Decision.DROP: Outcome.DROPPED,
}


async def list_runs(gate: Gate, subject: Subject, most: int = MOST_RUNS) -> list[Run]:
    """Return the own force's imports, the newest first."""
    async with _looking(gate, subject, "nominals.import_list") as consultation:
        return await review.runs(consultation, most)


async def report(gate: Gate, subject: Subject, run_id: UUID) -> Report:
    """Return what became of every row of an import, counted now; NotFoundError without one."""
    async with _looking(gate, subject, "nominals.import_report", run_id) as consultation:
        run = await _found(consultation, run_id)
        return Report.of(run, await review.counted(consultation, run))


async def rejected(
    gate: Gate, subject: Subject, run_id: UUID, most: int = MOST_ROWS
) -> list[Rejected]:
    """Return the first rejected rows of an import; NotFoundError without one."""
    async with _looking(gate, subject, "nominals.import_report", run_id) as consultation:
        await _found(consultation, run_id)
        return [row for _, row in await review.rejected(consultation, run_id, 0, most)]


async def held(gate: Gate, subject: Subject, run_id: UUID, most: int = MOST_ROWS) -> list[Held]:
    """Return rows of an import that wait, as far as the member may see what they say, and log it.

    NotFoundError where there is no such import.
    """
    async with _looking(gate, subject, "nominals.import_held", run_id) as consultation:
        await _found(consultation, run_id)
        rows = await review.held(consultation, run_id, most)
        told = {
            "run": str(run_id),
            "rows": [row.row_number for row in rows],
            "matches": sorted({str(key) for row in rows for key in row.matches}),
        }
        entry = Entry(EventKind.CONSULTATION, "nominals.import_held", _READS, told)
        await append(consultation.session, consultation.visibility.grant_set_id, entry)
    return rows


async def decide(
    gate: Gate,
    register: NameRegister,
    subject: Subject,
    run_id: UUID,
    row_number: int,
    decision: Decision,
    same_as: NominalId | None,
    reason: str,
) -> NominalId | None:
    """Decide on a row that waits; return the nominal that it is now, None where it was dropped.

    NotFoundError where no such row waits or may be seen; InvalidInputError where ``same_as`` is
    missing, needless, or no nominal of the own force that may be seen.
    """
    if (decision is Decision.SAME) != (same_as is not None):
        raise InvalidInputError(
            "Name the nominal that the row is the same as, with that decision and no other.",
            field="/same_as",
        )
    if decision is Decision.LOAD:
        await _prepare(gate, register, subject, run_id, row_number)
    told = {"run": str(run_id), "row": row_number, "decision": decision.value}
    entry = Entry(EventKind.COLLECTION, "nominals.import_decide", reason, told)
    async with gate.alter(
        subject, Action.NOMINALS_IMPORT, Purpose.DATA_QUALITY, entry
    ) as alteration:
        run = await _found(alteration, run_id)
        row = await _waiting(alteration, run_id, row_number)
        if not await review.decide(alteration, run_id, row_number, _OUTCOMES[decision]):
            raise ConflictError("Somebody has decided on this row meanwhile.")
        nominal_id: NominalId | None = None
        loaded_by, numbers = None, None
        if decision is Decision.LOAD:
            nominal_id = await nominals.create(alteration, register, row.draft)
            loaded_by, numbers = run_id, [row_number]
        elif same_as is not None:
            nominal_id = await _own(alteration, same_as)
        if nominal_id is not None:
            reference = (row.source_id, nominal_id)
            await repository.add(alteration, run.source, [reference], loaded_by, numbers)
    return nominal_id


async def _prepare(
    gate: Gate, register: NameRegister, subject: Subject, run_id: UUID, row_number: int
) -> None:
    """Make the names and the label of a row known before the transaction that loads it."""
    async with _looking(gate, subject, "nominals.import_held", run_id) as consultation:
        row = await _waiting(consultation, run_id, row_number)
    await nominals.prepare(gate.database, register, subject, row.draft)


@asynccontextmanager
async def _looking(
    gate: Gate, subject: Subject, action: str, run_id: UUID | None = None
) -> AsyncIterator[Consultation]:
    told = {} if run_id is None else {"run": str(run_id)}
    entry = Entry(EventKind.CONSULTATION, action, _READS, told)
    async with gate.consult(
        subject, Action.NOMINALS_IMPORT, Purpose.DATA_QUALITY, entry
    ) as consultation:
        yield consultation


async def _found(consultation: Consultation, run_id: UUID) -> Run:
    run = await review.find_run(consultation, run_id)
    if run is None:
        raise NotFoundError(_NO_RUN)
    return run


async def _waiting(consultation: Consultation, run_id: UUID, row_number: int) -> Held:
    rows = await review.held(consultation, run_id, 1, row_number)
    if not rows:
        raise NotFoundError(_NOT_WAITING)
    return rows[0]


async def _own(alteration: Alteration, nominal_id: NominalId) -> NominalId:
    owner = alteration.subject.tenant_id
    seen = await nominals.read_summaries(alteration, [(owner, nominal_id)])
    if nominal_id not in seen:
        raise InvalidInputError(
            "There is no such nominal of your force that you may see; name one that is.",
            field="/same_as",
        )
    await nominals.log_seen(alteration, "nominals.read", [*seen.values()])
    return nominal_id
