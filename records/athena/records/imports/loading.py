"""Loading one batch: known and likely known rows are set aside, the rest goes into every table.

What is loaded, the rows set aside, the checkpoint and the event that lists the new nominals are one
transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel.audit import Entry, EventKind, append
from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import NominalId
from athena.policies.visibility.models import Alteration, Consultation
from athena.records.imports import repository
from athena.records.imports.copying import repository as copying
from athena.records.imports.drafting import Drafter
from athena.records.imports.models import CELL, Batch, Known, Loaded, Outcome, Row, Run, SetAside
from athena.records.imports.order import Passed, Turn
from athena.records.imports.reading import RawRow
from athena.records.names.keys import name_key, unpack_name_key

SAME_IDENTIFIER = "A nominal with the same identifier is there already"
SAME_NAME = "A nominal with the same name and date of birth is there already"
SAME_ID = "The same id as in an earlier row"
KNOWN = "Loaded by an earlier import"
REFUSED = "The store refused the row: it breaks a rule between its parts"


class NamesForgottenError(Exception):
    """The dictionary was cleaned since the batch's names were registered: learn them again."""


async def load_batch(
    alteration: Alteration, run: Run, batch: Batch, known: Known, drafter: Drafter, turn: Turn
) -> Loaded:
    """Load a batch of a run and move its checkpoint.

    The drafter makes those rows again that must wait. ConflictError where another process imports
    the same file at this moment; OvertakenError where the batch before, still under way, didn't
    end as it had decided.
    """
    advanced = turn.has_come()
    if advanced:
        await _advance(alteration, run, batch)
    await repository.by_index(alteration)
    passed = await turn.passed()
    fresh, aside = await _sort(alteration, run, batch.rows, passed)
    new, held = await _hold_back(alteration, fresh, known, passed)
    turn.decide(await _passed_on(alteration, batch, known, new))
    aside += held

    async def come() -> None:
        nonlocal advanced
        await turn.come()
        if not advanced:
            await _advance(alteration, run, batch)
            advanced = True

    refused = await _write(alteration, batch, known, new, come)
    await come()
    if new:
        await copying.refer(alteration, run.source, run.run_id, refused)
    aside += [SetAside(row, Outcome.REJECTED, "", REFUSED) for row in new if row.place in refused]
    await repository.set_aside(alteration, run.run_id, aside)
    waiting = [
        (
            each,
            known.labels[each.row.label_no - 1],
            drafter.draft(RawRow(0, each.row.cells.split(CELL))),
        )
        for each in held
    ]
    await repository.hold(alteration, run.run_id, waiting)
    loaded = [_dashed(row.nominal_id) for row in new if row.place not in refused]
    told = {
        "run": str(run.run_id),
        "file": run.file_name,
        "sha256": run.file_sha256,
        "rows": [batch.rows[0].row_number, batch.rows[-1].row_number],
        "nominals": loaded,
    }
    entry = Entry(EventKind.COLLECTION, "nominals.imported", alteration.reason, told)
    await append(alteration.session, alteration.visibility.grant_set_id, entry)
    return Loaded(len(loaded), as_decided=not refused)


async def _advance(alteration: Alteration, run: Run, batch: Batch) -> None:
    first, last = batch.rows[0].row_number, batch.rows[-1].row_number
    if not await repository.advance(alteration, run.run_id, first - 1, last):
        raise ConflictError(
            "Another process is importing this file; let it end, or stop it, then import again."
        )


async def load_drafts(
    alteration: Alteration, source: str, batch: Batch, known: Known
) -> list[tuple[str, NominalId]]:
    """Write those of a batch that aren't known yet; return their source ids and new ids."""
    earlier = await repository.known(alteration, source, [row.source_id for row in batch.rows])
    new = [row for row in batch.rows if row.source_id not in earlier]
    if not new:
        return []
    await _write(alteration, batch, known, new, _at_once, whole=True)
    await copying.refer(alteration, source, None, ())
    references = [(row.source_id, NominalId(UUID(row.nominal_id))) for row in new]
    told = {"nominals": [str(key) for _, key in references]}
    entry = Entry(EventKind.ALTERATION, "nominals.create", alteration.reason, told)
    await append(alteration.session, alteration.visibility.grant_set_id, entry)
    return references


async def _at_once() -> None:
    """Wait for nobody."""


async def _write(
    alteration: Alteration,
    batch: Batch,
    known: Known,
    new: Sequence[Row],
    come: Callable[[], Awaitable[None]],
    *,
    whole: bool = False,
) -> set[int]:
    """Write the new nominals of a batch; return the places of those that the store refused.

    ``come`` waits for the batch's turn to write what batches share. With ``whole`` one that is
    refused refuses all. The halves of a refused batch are tried by themselves, so that one bad row
    costs a few statements and no good row.
    """
    if not new:
        return set()
    await copying.stage(alteration, batch, [row.place for row in new])
    refused: list[int] = []
    parts = [(new[0].place, new[-1].place)]
    while parts:
        first, last = parts.pop()
        try:
            async with alteration.session.savepoint():
                await copying.write(alteration, batch, known, first, last)
                await come()
                await copying.write_shared(alteration, batch, known, first, last)
        except PostgresError as error:
            if repository.names_were_forgotten(error):
                raise NamesForgottenError from None
            if whole or not repository.breaks_a_rule(error):
                raise
            if first == last:
                refused.append(first)
                continue
            middle = (first + last) // 2
            parts += [(middle + 1, last), (first, middle)]
    return set(refused)


async def find_duplicates(
    consultation: Consultation,
    numbers: Sequence[Iterable[tuple[str, str]]],
    leading: Sequence[int | None],
) -> tuple[dict[int, set[NominalId]], dict[int, set[NominalId]]]:
    """Return the own, visible nominals that rows may be, by identifier and by name and date.

    ``numbers`` are the rows' identifiers of one person alone, by kind and value; ``leading`` their
    first name keys, where their day of birth is known.
    """
    by_identifier: dict[int, set[NominalId]] = defaultdict(set)
    by_name: dict[int, set[NominalId]] = defaultdict(set)
    asked = [(place, *number) for place, each in enumerate(numbers) for number in each]
    if asked:
        kinds = [kind for _, kind, _ in asked]
        found = await repository.bearers(consultation, kinds, [value for _, _, value in asked])
        for at, nominal_id in found:
            by_identifier[asked[at][0]].add(nominal_id)
    keyed = [(place, key) for place, key in enumerate(leading) if key is not None]
    if keyed:
        found = await repository.namesakes(consultation, [key for _, key in keyed])
        for at, nominal_id in found:
            by_name[keyed[at][0]].add(nominal_id)
    return by_identifier, by_name


async def _sort(
    alteration: Alteration, run: Run, rows: Sequence[Row], passed: Passed
) -> tuple[list[Row], list[SetAside]]:
    """Return the rows that may be loaded, and those that are rejected or known."""
    ids = [row.source_id for row in rows if row.source_id]
    earlier = await repository.references(alteration, run.source, ids)
    met = await repository.met(alteration, run.run_id, ids)
    met |= passed.source_ids
    met |= {source_id for source_id, run_id in earlier.items() if run_id == run.run_id}
    fresh: list[Row] = []
    aside: list[SetAside] = []
    for row in rows:
        if row.source_id and row.source_id in met:
            aside.append(SetAside(row, Outcome.REJECTED, "", SAME_ID))
            continue
        if row.source_id:
            met.add(row.source_id)
        if not row.place:
            aside.append(SetAside(row, Outcome.REJECTED, row.field, row.reason))
        elif row.source_id in earlier:
            aside.append(SetAside(row, Outcome.KNOWN, "", KNOWN))
        else:
            fresh.append(row)
    return fresh, aside


async def _hold_back(
    alteration: Alteration, rows: Sequence[Row], known: Known, passed: Passed
) -> tuple[list[Row], list[SetAside]]:
    """Return the rows to load, and those that are likely known already.

    A row is held alike whether what it may be came in before, is on its way in the batch before or
    stands earlier in this one: where batches begin and end makes no difference to what is loaded.
    """
    leading = [_leading(row, known) for row in rows]
    by_identifier, by_name = await find_duplicates(
        alteration, [row.numbers for row in rows], leading
    )
    numbers_here: dict[tuple[str, str], str] = {}
    keys_here: dict[int, str] = {}
    new: list[Row] = []
    held: list[SetAside] = []
    for place, row in enumerate(rows):
        bearers = {
            *by_identifier.get(place, ()),
            *_ids(numbers_here[number] for number in row.numbers if number in numbers_here),
            *_ids(passed.numbers[number] for number in row.numbers if number in passed.numbers),
        }
        namesakes = set(by_name.get(place, ()))
        key = leading[place]
        if key is not None and key in passed.keys:
            namesakes |= _ids([passed.keys[key]])
        if row.keys and row.keys[0] in keys_here:
            namesakes |= _ids([keys_here[row.keys[0]]])
        if bearers or namesakes:
            field, reason = (
                ("/identifiers", SAME_IDENTIFIER) if bearers else ("/names/0", SAME_NAME)
            )
            held.append(SetAside(row, Outcome.HELD, field, reason, sorted(bearers | namesakes)))
            continue
        new.append(row)
        for number in row.numbers:
            numbers_here[number] = row.nominal_id
        for key in row.keys:
            keys_here.setdefault(key, row.nominal_id)
    return new, held


async def _passed_on(
    alteration: Alteration, batch: Batch, known: Known, new: Sequence[Row]
) -> Passed:
    """Return what the next batch must know, as it will find it in the store once this is stored.

    Only nominals that the importer may see count, as they do there.
    """
    by_number, by_name = await repository.comparable_labels(alteration)
    labels = known.labels
    numbers: dict[tuple[str, str], str] = {}
    keys: dict[int, str] = {}
    for row in new:
        label = labels[row.label_no - 1]
        if label in by_number:
            for number in row.numbers:
                numbers[number] = row.nominal_id
        if label in by_name:
            for key in row.keys:
                family, given, day = unpack_name_key(key)
                keys.setdefault(
                    name_key(known.term(family), known.term(given), day), row.nominal_id
                )
    met = frozenset(row.source_id for row in batch.rows if row.source_id)
    return Passed(met, numbers, keys)


def _leading(row: Row, known: Known) -> int | None:
    if row.leading is None:
        return None
    family, given = row.leading
    return name_key(known.term(family), known.term(given), row.day)


def _ids(texts: Iterable[str]) -> set[NominalId]:
    return {NominalId(UUID(text)) for text in texts}


def _dashed(digits: str) -> str:
    """Return an id of 32 digits as ids are written."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
