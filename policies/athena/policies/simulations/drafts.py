"""Agreements as they would be: what a simulation assumes of a draft, and where it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from athena.platform.kernel.errors import InvalidInputError
from athena.policies.agreements.document import Agreement, AgreementStatus
from athena.policies.explanations.changes import signed

_UNSIGNED = (AgreementStatus.DRAFT, AgreementStatus.OUT_FOR_SIGNATURE)


def read_draft(path: Path) -> Agreement:
    """Return the agreement of a file; InvalidInputError in one sentence for anything else."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeError:
        raise InvalidInputError(f"{path} isn't text in UTF-8.") from None
    try:
        return Agreement.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        message = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise InvalidInputError(f"{path} isn't an agreement: {place}: {message}.") from None


def check_drafts(
    drafts: Sequence[Agreement], stored: Sequence[Mapping[str, Any]], tenants: Collection[str]
) -> None:
    """Refuse drafts that could never be stored beside what is stored."""
    versions = {str(item["id"]): item for item in stored}
    references = {item["reference"]: str(item["id"]) for item in stored}
    ids = [draft.id for draft in drafts]
    if len(set(ids)) != len(ids):
        raise InvalidInputError("Give each agreement once; one is given twice.")
    for draft in drafts:
        unknown = sorted({party.tenant for party in draft.parties} - {*tenants})
        if unknown:
            raise InvalidInputError(
                f"{draft.reference} has a party that isn't a tenant: {', '.join(unknown)}."
            )
        if references.get(draft.reference, str(draft.id)) != str(draft.id):
            raise InvalidInputError(
                f"{draft.reference} is the reference of another agreement; choose a free one."
            )
        current = versions.get(str(draft.id))
        if current is not None and int(current.get("version", 0)) >= draft.version:
            raise InvalidInputError(
                f"{draft.reference} is stored as version {current['version']}; "
                "give the draft a higher version."
            )


def as_if_agreed(draft: Agreement, day: date) -> dict[str, Any]:
    """Return a draft's document as if it had come into force, signed by every party, by a day.

    One whose status says that it is suspended or has ended stays so.
    """
    document = signed(draft.model_dump(mode="json"), min(draft.valid_from, day).isoformat())
    if draft.status in _UNSIGNED:
        document["status"] = AgreementStatus.IN_FORCE.value
    return document


def assumed(draft: Agreement) -> tuple[str, ...]:
    """Return in words what `as_if_agreed` assumes of a draft."""
    parties = {party.tenant for party in draft.parties}
    unsigned = sorted(parties - {signatory.tenant for signatory in draft.signatories})
    found = []
    if unsigned:
        found.append(f"signed by {', '.join(unsigned)}")
    if draft.status in _UNSIGNED:
        found.append("put in force")
    return tuple(found)


def with_drafts(
    agreements: Sequence[Mapping[str, Any]], drafts: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the agreements with each draft in the place of the version that it follows."""
    by_id = {str(draft["id"]): draft for draft in drafts}
    kept = [by_id.pop(str(item["id"]), item) for item in agreements]
    return [*kept, *by_id.values()]
