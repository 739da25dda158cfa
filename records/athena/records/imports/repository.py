"""The SQL of imports: runs, rows that were set aside, source references, likely duplicates."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from uuid import UUID

from asyncpg import IntegrityConstraintViolationError, PostgresError

from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import LabelId, NominalId
from athena.platform.kernel.permits import sqlstate
from athena.platform.kernel.rows import Row
from athena.policies.visibility.models import Alteration, Consultation
from athena.records.imports.models import (
    Run,
    RunState,
    SetAside,
)
from athena.records.names.keys import FURTHER
from athena.records.nominals.schemas import NominalDraft

NAME_FORGOTTEN = "AT004"
MOST_MATCHES = 5
"""How many nominals a held row names."""

LIST = "\x1f"
LISTED = "string_to_array(CAST(:{} AS text), chr(31))"
"""Long lists travel as one text: the driver looks at each element of an array by itself."""

RUN = (
    "run_id, source, file_name, file_sha256, mapping_sha256, rows_read, state, started_at, "
    "changed_at, loaded"
)


async def known(consultation: Consultation, source: str, source_ids: Collection[str]) -> set[str]:
    """Return which records of a source have been imported by the member's own force."""
    return set(await references(consultation, source, source_ids))


async def references(
    consultation: Consultation, source: str, source_ids: Collection[str]
) -> dict[str, UUID | None]:
    """Return the imported ones of some records of a source, each with the import that loaded it."""
    rows = await consultation.session.rows(
        "SELECT source_id, run_id FROM records.source_reference WHERE owner_force = :owner "
        f"AND source = :source AND source_id = ANY({LISTED.format('ids')})",
        {
            "owner": consultation.subject.tenant_id,
            "source": source,
            "ids": LIST.join(source_ids),
        },
    )
    return {row.source_id: row.run_id for row in rows}


async def met(consultation: Consultation, run_id: UUID, source_ids: Collection[str]) -> set[str]:
    """Return which ids stood in rows of this import that weren't loaded."""
    rows = await consultation.session.rows(
        "SELECT source_id FROM records.import_row WHERE owner_force = :owner AND run_id = :run "
        f"AND source_id = ANY({LISTED.format('ids')})",
        {"owner": consultation.subject.tenant_id, "run": run_id, "ids": LIST.join(source_ids)},
    )
    return {row.source_id for row in rows}


async def count(consultation: Consultation, source: str) -> int:
    """Return how many records of a source the member's own force has imported."""
    number: int = await consultation.session.value(
        "SELECT count(*) FROM records.source_reference "
        "WHERE owner_force = :owner AND source = :source",
        {"owner": consultation.subject.tenant_id, "source": source},
    )
    return number


async def add(
    alteration: Alteration,
    source: str,
    loaded: Sequence[tuple[str, NominalId]],
    run_id: UUID | None = None,
    row_numbers: Sequence[int] | None = None,
) -> None:
    """Note which records of a source the new nominals came from; ConflictError if they're noted."""
    statement = (
        "INSERT INTO records.source_reference (owner_force, source, source_id, nominal_id, run_id, "
        "row_number) SELECT :owner, :source, r.source_id, r.nominal_id, CAST(:run AS uuid), "
        "r.number FROM unnest(CAST(:ids AS text[]), CAST(:nominals AS uuid[]), "
        "CAST(:numbers AS bigint[])) AS r (source_id, nominal_id, number)"
    )
    values = {
        "owner": alteration.subject.tenant_id,
        "source": source,
        "run": run_id,
        "ids": [source_id for source_id, _ in loaded],
        "nominals": [nominal_id for _, nominal_id in loaded],
        "numbers": [None] * len(loaded) if row_numbers is None else list(row_numbers),
    }
    try:
        async with alteration.session.savepoint():
            await alteration.session.execute(statement, values)
    except IntegrityConstraintViolationError:
        # Imported a moment ago, or of a record that is locked against whoever imports.
        raise ConflictError(
            "Some of these rows came in under the same ids already; import the file again, "
            "or let another records manager import it."
        ) from None


def breaks_a_rule(error: PostgresError) -> bool:
    """Whether the store refused a row for what it says."""
    return sqlstate(error)[:2] in ("22", "23")


def names_were_forgotten(error: PostgresError) -> bool:
    """Whether the dictionary was cleaned of a name since it was registered."""
    return sqlstate(error) == NAME_FORGOTTEN


async def by_index(consultation: Consultation) -> None:
    """Let the rest of this transaction look rows up by their indexes.

    While a file is loaded the tables' statistics lag behind, and the planner would read whole
    tables that it takes for empty.
    """
    await consultation.session.value("SELECT set_config('enable_seqscan', 'off', true)")


async def bearers(
    consultation: Consultation, kinds: Sequence[str], values: Sequence[str]
) -> list[tuple[int, NominalId]]:
    """Return (place, nominal) of the own, visible nominals that bear some identifiers."""
    rows = await consultation.session.rows(
        "SELECT w.place, i.nominal_id "
        f"FROM unnest({LISTED.format('kinds')}, {LISTED.format('values')}) WITH ORDINALITY "
        "AS w (kind, value, place) CROSS JOIN LATERAL (SELECT n.nominal_id "
        "FROM records.identifier AS n WHERE n.value = w.value AND n.kind = w.kind "
        "AND n.owner_force = :owner LIMIT :most) AS i",
        {
            "owner": consultation.subject.tenant_id,
            "kinds": LIST.join(kinds),
            "values": LIST.join(values),
            "most": MOST_MATCHES,
        },
    )
    return [(row.place - 1, NominalId(row.nominal_id)) for row in rows]


async def namesakes(consultation: Consultation, keys: Sequence[int]) -> list[tuple[int, NominalId]]:
    """Return (place, nominal) of the own, visible nominals with a name and the very day of birth.

    The limits are fences: the planner must look each key up, not read the whole table. Both forms
    of a key are sent, since a key that is made in the query isn't compared before row-level
    security has read every name of the force: ``|`` isn't leakproof.
    """
    both = [*keys, *(key | FURTHER for key in keys)]
    rows = await consultation.session.rows(
        "SELECT DISTINCT w.place, k.nominal_id "
        f"FROM unnest(CAST({LISTED.format('keys')} AS bigint[])) WITH ORDINALITY AS w (key, place) "
        "CROSS JOIN LATERAL (SELECT x.owner_force, x.nominal_id FROM records.name_key AS x "
        "WHERE x.name_key = w.key AND x.owner_force = :owner LIMIT 100) AS k "
        "CROSS JOIN LATERAL (SELECT FROM records.nominal AS n "
        "WHERE n.owner_force = k.owner_force AND n.nominal_id = k.nominal_id "
        "AND n.date_of_birth_precision = 'day' LIMIT 1) AS n",
        {"owner": consultation.subject.tenant_id, "keys": LIST.join(map(str, both))},
    )
    return [((row.place - 1) % len(keys), NominalId(row.nominal_id)) for row in rows]


async def comparable_labels(consultation: Consultation) -> tuple[set[int], set[int]]:
    """Return the labels whose nominals `bearers` finds, and those whose `namesakes` does."""
    row = await consultation.session.one(
        "SELECT ctx.visible_labels('identifiers') AS identifiers, "
        "ctx.visible_labels('match') AS names, ctx.visible_labels('summary') AS summary"
    )
    assert row is not None  # a SELECT without FROM returns one row
    return set(row.identifiers or ()), set(row.names or ()) & set(row.summary or ())


async def set_aside(alteration: Alteration, run_id: UUID, rows: Sequence[SetAside]) -> None:
    """Note rows that aren't loaded."""
    if not rows:
        return
    await alteration.session.execute(
        "INSERT INTO records.import_row (owner_force, run_id, row_number, line, outcome, "
        "source_id, field, reason) SELECT :owner, :run, r.* FROM unnest("
        "CAST(:numbers AS bigint[]), CAST(:lines AS bigint[]), CAST(:outcomes AS text[]), "
        "CAST(:ids AS text[]), CAST(:fields AS text[]), CAST(:reasons AS text[])) AS r",
        {
            "owner": alteration.subject.tenant_id,
            "run": run_id,
            "numbers": [row.row.row_number for row in rows],
            "lines": [row.row.line for row in rows],
            "outcomes": [row.outcome.value for row in rows],
            "ids": [row.row.source_id for row in rows],
            "fields": [row.field for row in rows],
            "reasons": [row.reason for row in rows],
        },
    )


async def hold(
    alteration: Alteration, run_id: UUID, rows: Sequence[tuple[SetAside, LabelId, NominalDraft]]
) -> None:
    """Keep what rows say that wait for a decision, each under its label."""
    if not rows:
        return
    held = [
        {
            "row_number": row.row.row_number,
            "label_id": label_id,
            "matches": [str(key) for key in row.matches[:MOST_MATCHES]],
            "draft": draft.model_dump(mode="json"),
        }
        for row, label_id, draft in rows
    ]
    await alteration.session.execute(
        "INSERT INTO records.import_held (owner_force, run_id, row_number, label_id, matches, "
        "draft) SELECT :owner, :run, h.row_number, h.label_id, h.matches, h.draft "
        "FROM jsonb_populate_recordset(CAST(NULL AS records.import_held), CAST(:held AS jsonb)) "
        "AS h",
        {"owner": alteration.subject.tenant_id, "run": run_id, "held": json.dumps(held)},
    )


async def begin(alteration: Alteration, run: Run) -> None:
    """Store a new run; ConflictError where one of the same source has begun meanwhile."""
    try:
        await alteration.session.execute(
            "INSERT INTO records.import_run (owner_force, run_id, source, file_name, file_sha256, "
            "mapping_sha256) VALUES (:owner, :run, :source, :file, :checksum, :mapping)",
            {
                "owner": alteration.subject.tenant_id,
                "run": run.run_id,
                "source": run.source,
                "file": run.file_name,
                "checksum": run.file_sha256,
                "mapping": run.mapping_sha256,
            },
        )
    except IntegrityConstraintViolationError:
        raise ConflictError(
            "Another import of this source has just begun; let it end, then try again."
        ) from None


async def advance(alteration: Alteration, run_id: UUID, from_row: int, to_row: int) -> bool:
    """Move a run's checkpoint on; False where another process has moved it."""
    touched = await alteration.session.execute(
        "UPDATE records.import_run SET rows_read = :next, changed_at = now() "
        "WHERE owner_force = :owner AND run_id = :run AND state = 'running' AND rows_read = :at",
        {
            "owner": alteration.subject.tenant_id,
            "run": run_id,
            "at": from_row,
            "next": to_row,
        },
    )
    return touched == 1


async def close(
    alteration: Alteration, run_id: UUID, state: RunState, loaded: int | None = None
) -> None:
    """End a run."""
    await alteration.session.execute(
        "UPDATE records.import_run SET state = :state, loaded = CAST(:loaded AS bigint), "
        "changed_at = now() "
        "WHERE owner_force = :owner AND run_id = :run AND state = 'running'",
        {
            "owner": alteration.subject.tenant_id,
            "run": run_id,
            "state": state.value,
            "loaded": loaded,
        },
    )


async def unfinished(consultation: Consultation, source: str) -> Run | None:
    """Return the run of a source that was interrupted or is under way, if there is one."""
    row = await consultation.session.one(
        f"SELECT {RUN} FROM records.import_run "
        "WHERE owner_force = :owner AND source = :source AND state = 'running'",
        {"owner": consultation.subject.tenant_id, "source": source},
    )
    return run_of(row) if row else None


def run_of(row: Row) -> Run:
    """Return a run from its row."""
    return Run(**{**row._asdict(), "state": RunState(row.state)})
