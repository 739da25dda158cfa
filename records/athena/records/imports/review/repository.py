"""The SQL of looking at imports: counts, rejected rows, rows that wait, decisions."""

from __future__ import annotations

from uuid import UUID

from athena.platform.kernel.identity import NominalId
from athena.policies.visibility.models import Alteration, Consultation
from athena.records.imports.models import Counted, Held, Outcome, Rejected, Run
from athena.records.imports.repository import RUN, run_of
from athena.records.nominals.schemas import NominalDraft


async def find_run(consultation: Consultation, run_id: UUID) -> Run | None:
    """Return a run of the own force."""
    row = await consultation.session.one(
        f"SELECT {RUN} FROM records.import_run WHERE owner_force = :owner AND run_id = :run",
        {"owner": consultation.subject.tenant_id, "run": run_id},
    )
    return run_of(row) if row else None


async def runs(consultation: Consultation, most: int) -> list[Run]:
    """Return the own force's imports, the newest first."""
    rows = await consultation.session.rows(
        f"SELECT {RUN} FROM records.import_run WHERE owner_force = :owner "
        "ORDER BY started_at DESC, run_id LIMIT :most",
        {"owner": consultation.subject.tenant_id, "most": most},
    )
    return [run_of(row) for row in rows]


async def counted(consultation: Consultation, run: Run) -> Counted:
    """Count what the store holds of a run."""
    values = {
        "owner": consultation.subject.tenant_id,
        "run": run.run_id,
        "source": run.source,
    }
    total = await consultation.session.one(
        "WITH loaded AS MATERIALIZED (SELECT row_number FROM records.source_reference "
        "WHERE owner_force = :owner AND source = :source AND run_id = :run) "
        "SELECT (SELECT count(*) FROM loaded) AS loaded, (SELECT count(*) FROM ("
        "SELECT row_number FROM loaded UNION SELECT row_number FROM records.import_row "
        "WHERE owner_force = :owner AND run_id = :run AND outcome <> 'loaded') AS u) AS found",
        values,
    )
    assert total is not None  # a SELECT without FROM returns one row
    rows = await consultation.session.rows(
        "SELECT outcome, reason, count(*) AS number FROM records.import_row "
        "WHERE owner_force = :owner AND run_id = :run "
        "GROUP BY outcome, reason ORDER BY number DESC, reason",
        values,
    )
    outcomes: dict[Outcome, int] = {}
    reasons: dict[str, int] = {}
    for row in rows:
        outcome = Outcome(row.outcome)
        outcomes[outcome] = outcomes.get(outcome, 0) + row.number
        if outcome in (Outcome.REJECTED, Outcome.HELD):
            reasons[row.reason] = reasons.get(row.reason, 0) + row.number
    return Counted(total.loaded, outcomes, total.found, reasons)


async def rejected(
    consultation: Consultation, run_id: UUID, after: int, most: int
) -> list[tuple[int, Rejected]]:
    """Return rejected rows of a run after a row, each with its number, in the file's order."""
    rows = await consultation.session.rows(
        "SELECT row_number, line, source_id, field, reason FROM records.import_row "
        "WHERE owner_force = :owner AND run_id = :run AND row_number > :after "
        "AND outcome = 'rejected' ORDER BY row_number LIMIT :most",
        {
            "owner": consultation.subject.tenant_id,
            "run": run_id,
            "after": after,
            "most": most,
        },
    )
    return [
        (row.row_number, Rejected(row.line, row.source_id, row.field, row.reason)) for row in rows
    ]


async def held(
    consultation: Consultation, run_id: UUID, most: int, row_number: int | None = None
) -> list[Held]:
    """Return rows of a run that wait, or one of them, as far as the member may see them.

    Of the nominals that a row may be, only those that the member may see.
    """
    rows = await consultation.session.rows(
        "SELECT r.row_number, r.line, r.source_id, r.reason, h.draft, ARRAY(SELECT n.nominal_id "
        "FROM records.nominal AS n WHERE n.owner_force = h.owner_force "
        "AND n.nominal_id = ANY(h.matches)) AS matches "
        "FROM records.import_held AS h JOIN records.import_row AS r "
        "USING (owner_force, run_id, row_number) "
        "WHERE h.owner_force = :owner AND h.run_id = :run "
        "AND (CAST(:number AS bigint) IS NULL OR h.row_number = :number) "
        "ORDER BY h.row_number LIMIT :most",
        {
            "owner": consultation.subject.tenant_id,
            "run": run_id,
            "number": row_number,
            "most": most,
        },
    )
    return [
        Held(
            run_id,
            row.row_number,
            row.line,
            row.source_id,
            row.reason,
            [NominalId(key) for key in row.matches],
            NominalDraft.model_validate(row.draft),
        )
        for row in rows
    ]


async def decide(alteration: Alteration, run_id: UUID, row_number: int, outcome: Outcome) -> bool:
    """Note how a held row was decided and forget what it says; False if it doesn't wait."""
    values = {
        "owner": alteration.subject.tenant_id,
        "run": run_id,
        "number": row_number,
    }
    touched = await alteration.session.execute(
        "DELETE FROM records.import_held "
        "WHERE owner_force = :owner AND run_id = :run AND row_number = :number",
        values,
    )
    if touched == 1:
        touched = await alteration.session.execute(
            "UPDATE records.import_row SET outcome = :outcome, decided_at = now() "
            "WHERE owner_force = :owner AND run_id = :run AND row_number = :number "
            "AND outcome = 'held'",
            {**values, "outcome": outcome.value},
        )
    return touched == 1
