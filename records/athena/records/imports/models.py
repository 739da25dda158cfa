"""Imports as values: runs, what becomes of rows, and the report that must add up."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from athena.platform.kernel.identity import LabelId, NominalId
from athena.records.nominals.identifiers import IdentifierKind
from athena.records.nominals.models import LabelParts
from athena.records.nominals.schemas import NominalDraft

BATCH = 2_000
"""How many rows go into one transaction."""

CELL = "\0"
"""What parts the cells of a row on their way; reading refuses it in a file."""

OF_ONE_PERSON = frozenset(
    {
        IdentifierKind.PNC_ID,
        IdentifierKind.CRO_NUMBER,
        IdentifierKind.NATIONAL_INSURANCE_NUMBER,
        IdentifierKind.DRIVING_LICENCE_NUMBER,
        IdentifierKind.PROBATION_CRN,
        IdentifierKind.PRISON_NOMIS_NUMBER,
    }
)
"""Identifiers that no two people share; several people take part in one crime or custody record."""


class RunState(enum.StrEnum):
    """Where an import stands."""

    RUNNING = "running"
    FINISHED = "finished"
    ABANDONED = "abandoned"


class Outcome(enum.StrEnum):
    """What became of a row that wasn't loaded at once."""

    REJECTED = "rejected"
    KNOWN = "known"
    HELD = "held"
    LOADED = "loaded"
    SAME = "same"
    DROPPED = "dropped"


class Decision(enum.StrEnum):
    """How a held row can be decided."""

    LOAD = "load"
    SAME = "same"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Run:
    """An import of one file."""

    run_id: UUID
    source: str
    file_name: str
    file_sha256: str
    mapping_sha256: str
    rows_read: int
    state: RunState
    started_at: datetime
    changed_at: datetime
    loaded: int | None
    """How many rows were in the store when it finished."""


@dataclass(frozen=True, slots=True)
class Item:
    """A row on its way: a nominal, or why it is none."""

    row_number: int
    line: int
    source_id: str
    draft: NominalDraft | None = None
    field: str = ""
    reason: str = ""
    cells: Sequence[str] = ()


class Row(NamedTuple):
    """A row of a file within a batch: what is decided by, and what is told of it."""

    row_number: int
    line: int
    source_id: str
    field: str = ""
    reason: str = ""
    place: int = 0
    """Its number within the batch; 0 where it is no nominal."""
    nominal_id: str = ""
    label_no: int = 0
    numbers: tuple[tuple[str, str], ...] = ()
    """Its identifiers that no two people share, by kind and value."""
    leading: tuple[int, int] | None = None
    """Surname and first given name by their places in the batch's tokens, if all is known."""
    day: int = 0
    keys: tuple[int, ...] = ()
    """Its names with its day of birth, packed; they mean something within the batch only."""
    cells: str = ""
    """What it was made of, parted by `CELL`: a row that must wait is made again from them."""


@dataclass(slots=True)
class Batch:
    """Rows of a file in their order, and the lines to copy of those that are nominals."""

    rows: list[Row] = field(default_factory=list)
    labels: list[LabelParts] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    """The parts of names; a number n in a table means the n-th, and 0 none."""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    tables: dict[str, bytes] = field(default_factory=dict)

    def nominals(self) -> list[Row]:
        """Return the rows that are nominals."""
        return [row for row in self.rows if row.place]


@dataclass(frozen=True, slots=True)
class Known:
    """What the store calls the labels and the tokens of a batch, in the batch's order."""

    labels: Sequence[LabelId]
    terms: Sequence[int]

    def term(self, number: int) -> int:
        """Return the term of a token; 0 stands for a part of a name that isn't there."""
        return self.terms[number - 1] if number else 0


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that isn't loaded now, and why; ``matches`` are nominals that it may be."""

    row: Row
    outcome: Outcome
    field: str
    reason: str
    matches: Sequence[NominalId] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many nominals of a batch are new, and whether all that were to be loaded were."""

    new: int
    as_decided: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that broke a rule."""

    line: int
    source_id: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """A row that waits for a decision, with what it says and the nominals that it may be."""

    run_id: UUID
    row_number: int
    line: int
    source_id: str
    reason: str
    matches: Sequence[NominalId]
    draft: NominalDraft


@dataclass(frozen=True, slots=True)
class Counted:
    """What the store holds of a run, counted there."""

    loaded: int
    outcomes: dict[Outcome, int]
    distinct: int
    """How many different rows of the file these are."""
    reasons: dict[str, int]

    def of(self, *outcomes: Outcome) -> int:
        """Return how many rows had one of these outcomes."""
        return sum(self.outcomes.get(outcome, 0) for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of every row of a file: ``read == loaded + known + rejected + held``.

    All but ``read`` and ``loaded_at_end`` is counted in the store when the report is made.
    ``known`` are rows that an earlier import loaded; ``held`` are those that wait and those that
    were decided to be the same as a nominal, or dropped.
    """

    run: UUID
    state: RunState
    source: str
    file: str
    checksum: str
    read: int
    loaded: int
    known: int
    rejected: int
    held: int
    waiting: int
    same: int
    dropped: int
    distinct: int
    loaded_at_end: int | None
    started_at: datetime
    changed_at: datetime
    reasons: dict[str, int] = field(default_factory=dict)
    rejects: Path | None = None

    @classmethod
    def of(cls, run: Run, counted: Counted, rejects: Path | None = None) -> Report:
        """Return the report of a run as the store has it."""
        return cls(
            run=run.run_id,
            state=run.state,
            source=run.source,
            file=run.file_name,
            checksum=run.file_sha256,
            read=run.rows_read,
            loaded=counted.loaded,
            known=counted.of(Outcome.KNOWN),
            rejected=counted.of(Outcome.REJECTED),
            held=counted.of(Outcome.HELD, Outcome.SAME, Outcome.DROPPED),
            waiting=counted.of(Outcome.HELD),
            same=counted.of(Outcome.SAME),
            dropped=counted.of(Outcome.DROPPED),
            distinct=counted.distinct,
            loaded_at_end=run.loaded,
            started_at=run.started_at,
            changed_at=run.changed_at,
            reasons=counted.reasons,
            rejects=rejects,
        )

    @property
    def gone(self) -> int:
        """How many rows were loaded and aren't there any more, or aren't shown to the reader."""
        return self.read - self.loaded - self.known - self.rejected - self.held

    @property
    def reconciles(self) -> bool:
        """Whether every row read is accounted for, exactly once."""
        return self.gone == 0 and self.distinct == self.read

    def document(self) -> dict[str, Any]:
        """Return the report for a program."""
        return {**asdict(self), "gone": self.gone, "reconciles": self.reconciles}
