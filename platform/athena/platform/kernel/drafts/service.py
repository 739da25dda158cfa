"""Saving, loading, submitting and discarding drafts; each takes a logged, open transaction."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from athena.platform.kernel.desk import OpenChange, OpenWork
from athena.platform.kernel.drafts import repository
from athena.platform.kernel.drafts.models import MOST_BYTES, MOST_DRAFTS, DraftHead, SavedDraft
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError

_RECORD_TYPE = re.compile(r"[a-z_]{1,40}")
_NOT_THERE = "You have no such draft; it may have expired or been submitted."
_CHANGED = "The draft was saved from somewhere else since you loaded it; load it again."


async def save(work: OpenChange, record_type: str, document: Mapping[str, Any]) -> DraftHead:
    """Save a new draft of a type of record; it holds for thirty days from its last saving."""
    if not _RECORD_TYPE.fullmatch(record_type):
        raise InvalidInputError("Name the type of record in small letters.", field="/record_type")
    text = _json(document)
    if await repository.count(work) >= MOST_DRAFTS:
        raise ConflictError(
            f"You have {MOST_DRAFTS} drafts, the most there may be; submit or discard some."
        )
    return await repository.add(work, record_type, text)


async def save_again(
    work: OpenChange, draft_id: UUID, version: int, document: Mapping[str, Any]
) -> DraftHead:
    """Save a draft that was loaded at a version; ConflictError once it has another."""
    saved = await repository.replace(work, draft_id, version, _json(document))
    if saved is None:
        await load(work, draft_id)
        raise ConflictError(_CHANGED)
    return saved


async def list_drafts(work: OpenWork, record_type: str | None = None) -> list[DraftHead]:
    """Return the member's drafts, the newest first."""
    return await repository.heads(work, record_type)


async def load(work: OpenWork, draft_id: UUID) -> SavedDraft:
    """Return a draft of the member, or NotFoundError."""
    draft = await repository.find(work, draft_id)
    if draft is None:
        raise NotFoundError(_NOT_THERE)
    return draft


async def submit(work: OpenChange, draft_id: UUID, version: int) -> SavedDraft:
    """Return a draft and delete it; call it in the transaction that writes the record."""
    draft = await load(work, draft_id)
    if not await repository.delete(work, draft_id, version):
        raise ConflictError(_CHANGED)
    return draft


async def discard(work: OpenChange, draft_id: UUID) -> None:
    """Delete a draft, or NotFoundError."""
    if not await repository.delete(work, draft_id, None):
        raise NotFoundError(_NOT_THERE)


def _json(document: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        length = len(text.encode())
    except (TypeError, ValueError, RecursionError):  # ValueError: half a character, or no number
        raise InvalidInputError("The draft isn't a JSON document.", field="/document") from None
    if length > MOST_BYTES:
        raise InvalidInputError(
            f"The draft is too large; at most {MOST_BYTES // 1024} KiB are kept.", field="/document"
        )
    return text
