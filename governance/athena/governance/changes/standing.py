"""Where a change stands: what its entries add up to. Pure functions over what was added to it.

Nothing that is added to a change is ever altered or taken away; a later entry replaces an earlier
one by being read after it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from athena.governance.changes.document import Assessment, Attachment, Part, Preview, Quote
from athena.governance.entries.models import Entry
from athena.platform.kernel.errors import ConflictError, InvalidInputError


class EntryKind(enum.StrEnum):
    """What can be added to a change."""

    ASSESSMENT = "assessment"
    ATTACHMENT = "attachment"
    COMMENT = "comment"
    DECISION = "decision"
    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"
    PREVIEW = "preview"
    QUOTE = "quote"
    STEP = "step"
    VOTE_CANCELLED = "vote_cancelled"
    VOTE_OPENED = "vote_opened"


ChangeEntry = Entry[EntryKind]
"""Something that was added to a change, at one of its versions."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How a vote on the change ended, and what it was about."""

    vote: UUID
    result: str
    sentence: str
    cost_pence: int
    tolerance_percent: int
    minute: str
    charge: str | None = None
    """The charge in the accounts by which it bound the forces to their shares, once."""
    annual_charge: str | None = None
    """The charge by which it bound them to their shares of each year's cost."""

    @property
    def charges(self) -> tuple[str, ...]:
        """Every charge that it bound."""
        return tuple(each for each in (self.charge, self.annual_charge) if each is not None)


@dataclass(slots=True)
class Standing:
    """What the entries of a change add up to."""

    assessments: dict[str, Assessment] = field(default_factory=dict)
    """By force, for the version as it is now."""
    quotes: list[Quote] = field(default_factory=list)
    preview: Preview | None = None
    attachments: list[Attachment] = field(default_factory=list)
    participants: dict[str, datetime] = field(default_factory=dict)
    """The forces that opted in, and since when."""
    declined: set[str] = field(default_factory=set)
    """The forces that said that they take no part."""
    open_vote: UUID | None = None
    decisions: list[Decision] = field(default_factory=list)

    @property
    def quote(self) -> Quote | None:
        """The quote that holds: the last one."""
        return self.quotes[-1] if self.quotes else None

    @property
    def carried(self) -> Decision | None:
        """The last decision, if it carried."""
        last = self.decisions[-1] if self.decisions else None
        return last if last is not None and last.result == "carried" else None

    def waiting_for(self, affected: Iterable[str]) -> list[str]:
        """Return the affected forces that haven't filed an assessment of this version."""
        return [tenant for tenant in affected if tenant not in self.assessments]


def standing(entries: Sequence[ChangeEntry], version: int) -> Standing:
    """Return what entries add up to for a change whose newest version has a number."""
    found = Standing()
    for entry in sorted(entries, key=lambda item: item.number):
        _add(found, entry, version)
    return found


def _add(found: Standing, entry: ChangeEntry, version: int) -> None:
    if entry.kind in _OF_VOTES:
        _add_vote(found, entry)
    elif entry.kind in (EntryKind.OPT_IN, EntryKind.OPT_OUT):
        before = set(found.participants)
        if entry.kind is EntryKind.OPT_IN:
            found.participants.setdefault(entry.tenant, entry.at)
            found.declined.discard(entry.tenant)
        else:
            found.participants.pop(entry.tenant, None)
            found.declined.add(entry.tenant)
        if before != set(found.participants):
            found.preview = None  # the cost is shared among others now
    else:
        _add_part(found, entry, version)


def _add_part(found: Standing, entry: ChangeEntry, version: int) -> None:
    match _part_of(entry):
        case Assessment() as assessment if entry.version == version:
            found.assessments[entry.tenant] = assessment
        case Attachment() as attachment:
            found.attachments.append(attachment)
        case Quote() as quote:
            found.quotes.append(quote)
            found.preview = None  # it was worked out from another sum
        case Preview() as preview if entry.version == version:
            found.preview = preview


_PARTS: Mapping[EntryKind, type[Part]] = {
    EntryKind.ASSESSMENT: Assessment,
    EntryKind.ATTACHMENT: Attachment,
    EntryKind.QUOTE: Quote,
    EntryKind.PREVIEW: Preview,
}


def _part_of(entry: ChangeEntry) -> Part | None:
    """Return what an entry holds; one that isn't what its kind says counts for nothing."""
    model = _PARTS.get(entry.kind)
    try:
        return None if model is None else model.model_validate(entry.document)
    except ValidationError:
        return None


_OF_VOTES = {EntryKind.VOTE_OPENED, EntryKind.VOTE_CANCELLED, EntryKind.DECISION}


def _add_vote(found: Standing, entry: ChangeEntry) -> None:
    document = entry.document
    opened = entry.kind is EntryKind.VOTE_OPENED
    found.open_vote = UUID(str(document["vote"])) if opened else None
    if entry.kind is EntryKind.DECISION:
        found.decisions.append(
            Decision(
                vote=UUID(str(document["vote"])),
                result=str(document["result"]),
                sentence=str(document["sentence"]),
                cost_pence=int(document["cost_pence"]),
                tolerance_percent=int(document["tolerance_percent"]),
                minute=str(document["minute"]),
                charge=document.get("charge"),
                annual_charge=document.get("annual_charge"),
            )
        )


def total_pence(one_off_pence: int, annual_pence: int) -> int:
    """Return what a decision is about, in pence: the one-off cost and a first whole year."""
    return one_off_pence + annual_pence


def beyond_tolerance(voted_pence: int, asked_pence: int, tolerance_percent: int) -> bool:
    """Whether a sum differs from what was voted on by more than so many parts of a hundred.

    Less counts as more does: a change that costs half is another change.
    """
    return abs(asked_pence - voted_pence) * 100 > voted_pence * tolerance_percent


def check_shares(
    shares: Mapping[str, int], cost_pence: int, payers: Iterable[str], *, annual: bool = False
) -> None:
    """Refuse shares that don't add up to the penny, or leave out or add a force."""
    field = "/preview/annual_shares_pence" if annual else "/preview/shares_pence"
    expected, given = set(payers), set(shares)
    if expected != given:
        wrong = ", ".join(sorted(expected ^ given))
        raise InvalidInputError(
            f"The shares are those of the forces that pay, each once; look at: {wrong}.",
            field=field,
        )
    total = sum(shares.values())
    if total != cost_pence:
        which = "annual" if annual else "one-off"
        raise InvalidInputError(
            f"The shares add up to {total} pence and the {which} cost is {cost_pence} pence.",
            field=field,
        )


def check_no_open_vote(found: Standing) -> None:
    """Refuse what would change the matter under those who vote on it."""
    if found.open_vote is not None:
        raise ConflictError(
            "A vote on this change is open; close it or cancel it first, so that everyone votes "
            "on the same thing."
        )
