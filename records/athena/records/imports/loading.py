"""Loading one batch: known and likely known rows are set aside, the rest goes into every table.

What is loaded, the rows set aside, the checkpoint and the event that lists the new nominals are one
transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy.exc import DBAPIError

from athena.platform.kernel.audit import Entry, EventKind, append
from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import LabelId, NominalId
from athena.policies.visibility.models import Alteration, Consultation
from athena.records.imports import repository
from athena.records.imports.columns import Written, columns_of, keys_of
from athena.records.imports.drafting import SourcedDraft
from athena.records.imports.models import OF_ONE_PERSON, Item, Outcome, Run, SetAside
from athena.records.imports.naming import NameBook
from athena.records.nominals import repository as nominals
from athena.records.nominals.models import RecordKey, record_key
from athena.records.nominals.schemas import NominalDraft
from athena.records.nominals.service import label_key

SAME_IDENTIFIER = "A nominal with the same identifier is there already"
SAME_NAME = "A nominal with the same name and date of birth is there already"
SAME_ID = "The same id as in an earlier row"
KNOWN = "Loaded by an earlier import"
REFUSED = "The store refused the row: it breaks a rule between its parts"

Labels = Mapping[tuple[object, ...], LabelId]
Keyed = tuple[NominalId, NominalDraft]


@dataclass(frozen=True, slots=True)
class _Drafted:
    """A row and the nominal that it is."""

    item: Item
    draft: NominalDraft


class NamesForgottenError(Exception):
    """The dictionary was cleaned since the batch's names were registered: learn them again."""


async def load_batch(
    alteration: Alteration, book: NameBook, labels: Labels, run: Run, items: Sequence[Item]
) -> int:
    """Load a batch of a run and move its checkpoint; return how many nominals are new.

    ConflictError where another process imports the same file at this moment.
    """
    first, last = items[0].row_number, items[-1].row_number
    if not await repository.advance(alteration, run.run_id, first - 1, last):
        raise ConflictError(
            "Another process is importing this file; let it end, or stop it, then import again."
        )
    await repository.by_index(alteration)
    fresh, aside = await _sort(alteration, run, items)
    new, held = await _hold_back(alteration, book, fresh)
    loaded, refused = await write(
        alteration, book, labels, [(key, each.draft) for key, each in new]
    )
    aside += held
    aside += [
        SetAside(each.item, Outcome.REJECTED, "", REFUSED) for key, each in new if key in refused
    ]
    kept = [(key, each.item) for key, each in new if key not in refused]
    await repository.add(
        alteration,
        run.source,
        [(item.source_id, key) for key, item in kept],
        run.run_id,
        [item.row_number for _, item in kept],
    )
    await repository.set_aside(alteration, run.run_id, aside)
    await repository.hold(
        alteration,
        run.run_id,
        [(row, labels[label_key(row.item.draft)]) for row in held if row.item.draft is not None],
    )
    told = {
        "run": str(run.run_id),
        "file": run.file_name,
        "sha256": run.file_sha256,
        "rows": [first, last],
        "nominals": [str(key) for key in loaded],
    }
    entry = Entry(EventKind.COLLECTION, "nominals.imported", alteration.reason, told)
    await append(alteration.session, alteration.visibility.grant_set_id, entry)
    return len(loaded)


async def load_drafts(
    alteration: Alteration,
    book: NameBook,
    labels: Labels,
    source: str,
    batch: Sequence[SourcedDraft],
) -> list[tuple[str, NominalId]]:
    """Write those of a batch that aren't known yet; return their source ids and new ids."""
    known = await repository.known(alteration, source, [item.source_id for item in batch])
    new = [(NominalId(uuid4()), item) for item in batch if item.source_id not in known]
    if not new:
        return []
    await write(alteration, book, labels, [(key, item.draft) for key, item in new], whole=True)
    references = [(item.source_id, key) for key, item in new]
    await repository.add(alteration, source, references)
    told = {"nominals": [str(key) for key, _ in new]}
    entry = Entry(EventKind.ALTERATION, "nominals.create", alteration.reason, told)
    await append(alteration.session, alteration.visibility.grant_set_id, entry)
    return references


async def write(
    alteration: Alteration,
    book: NameBook,
    labels: Labels,
    drafts: Sequence[Keyed],
    *,
    whole: bool = False,
) -> tuple[list[NominalId], set[NominalId]]:
    """Write nominals; return the ids of those written, and of those that the store refused.

    With ``whole`` one that is refused refuses all. The halves of a refused batch are tried by
    themselves, so that one bad row costs a few statements and no good row.
    """
    if not drafts:
        return [], set()
    try:
        async with alteration.session.savepoint():
            await _write_all(alteration, book, labels, drafts)
    except DBAPIError as error:
        if repository.names_were_forgotten(error):
            raise NamesForgottenError from None
        if whole or not repository.breaks_a_rule(error):
            raise
        if len(drafts) == 1:
            return [], {drafts[0][0]}
        middle = len(drafts) // 2
        written, refused = await write(alteration, book, labels, drafts[:middle])
        more_written, more_refused = await write(alteration, book, labels, drafts[middle:])
        return written + more_written, refused | more_refused
    return [key for key, _ in drafts], set()


async def find_duplicates(
    consultation: Consultation,
    drafts: Sequence[NominalDraft],
    leading: Sequence[int | None],
) -> tuple[dict[int, set[NominalId]], dict[int, set[NominalId]]]:
    """Return the own, visible nominals that drafts may be, by identifier and by name and date.

    ``leading`` are the drafts' first name keys, where their day of birth is known.
    """
    by_identifier: dict[int, set[NominalId]] = defaultdict(set)
    by_name: dict[int, set[NominalId]] = defaultdict(set)
    numbers = [
        (place, number)
        for place, draft in enumerate(drafts)
        for number in draft.identifiers
        if number.kind in OF_ONE_PERSON
    ]
    if numbers:
        kinds = [number.kind.value for _, number in numbers]
        found = await repository.bearers(
            consultation, kinds, [number.value for _, number in numbers]
        )
        for at, nominal_id in found:
            by_identifier[numbers[at][0]].add(nominal_id)
    keyed = [(place, key) for place, key in enumerate(leading) if key is not None]
    if keyed:
        found = await repository.namesakes(consultation, [key for _, key in keyed])
        for at, nominal_id in found:
            by_name[keyed[at][0]].add(nominal_id)
    return by_identifier, by_name


async def _sort(
    alteration: Alteration, run: Run, items: Sequence[Item]
) -> tuple[list[Item], list[SetAside]]:
    """Return the rows that may be loaded, and those that are rejected or known."""
    ids = [item.source_id for item in items if item.source_id]
    earlier = await repository.references(alteration, run.source, ids)
    met = await repository.met(alteration, run.run_id, ids)
    met |= {source_id for source_id, run_id in earlier.items() if run_id == run.run_id}
    fresh: list[Item] = []
    aside: list[SetAside] = []
    for item in items:
        if item.source_id and item.source_id in met:
            aside.append(SetAside(item, Outcome.REJECTED, "", SAME_ID))
            continue
        if item.source_id:
            met.add(item.source_id)
        if item.draft is None:
            aside.append(SetAside(item, Outcome.REJECTED, item.field, item.reason))
        elif item.source_id in earlier:
            aside.append(SetAside(item, Outcome.KNOWN, "", KNOWN))
        else:
            fresh.append(item)
    return fresh, aside


async def _hold_back(
    alteration: Alteration, book: NameBook, items: Sequence[Item]
) -> tuple[list[tuple[NominalId, _Drafted]], list[SetAside]]:
    """Return the rows to load with their new ids, and those that are likely known already.

    A row is held alike whether what it may be came in before or stands earlier in the batch: where
    batches begin and end makes no difference to what is loaded.
    """
    drafted = [_Drafted(item, item.draft) for item in items if item.draft is not None]
    keys = [keys_of(each.draft, book.pairs) for each in drafted]
    by_identifier, by_name = await find_duplicates(
        alteration,
        [each.draft for each in drafted],
        [each[0] if each else None for each in keys],
    )
    numbers_here: dict[tuple[str, str], NominalId] = {}
    keys_here: dict[int, NominalId] = {}
    new: list[tuple[NominalId, _Drafted]] = []
    held: list[SetAside] = []
    for place, each in enumerate(drafted):
        numbers = [
            (number.kind.value, number.value)
            for number in each.draft.identifiers
            if number.kind in OF_ONE_PERSON
        ]
        bearers = by_identifier.get(place, set()) | {
            numbers_here[number] for number in numbers if number in numbers_here
        }
        namesakes = set(by_name.get(place, ()))
        if keys[place] and keys[place][0] in keys_here:
            namesakes.add(keys_here[keys[place][0]])
        if bearers or namesakes:
            field, reason = (
                ("/identifiers", SAME_IDENTIFIER) if bearers else ("/names/0", SAME_NAME)
            )
            matches = sorted(bearers | namesakes)
            held.append(SetAside(each.item, Outcome.HELD, field, reason, matches))
            continue
        key = NominalId(uuid4())
        new.append((key, each))
        numbers_here |= dict.fromkeys(numbers, key)
        for name in keys[place]:
            keys_here.setdefault(name, key)
    return new, held


async def _write_all(
    alteration: Alteration, book: NameBook, labels: Labels, drafts: Sequence[Keyed]
) -> None:
    headers: dict[RecordKey, LabelId] = {}
    for _, draft in drafts:
        for involvement in draft.involvements:
            headers.setdefault(record_key(involvement), labels[label_key(draft)])
    places = {address.location for _, draft in drafts for address in draft.addresses}
    tables = columns_of(
        [Written(key, labels[label_key(draft)], draft) for key, draft in drafts],
        book.pairs,
        await nominals.record_ids(alteration, headers),
        await nominals.location_ids(alteration, places),
    )
    for table in tables:
        await repository.insert_columns(alteration, table)
