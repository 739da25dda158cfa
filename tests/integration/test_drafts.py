"""Drafts: saved for one member, never seen by another, gone when submitted or expired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.desk import OpenChange
from athena.platform.kernel.drafts import service
from athena.platform.kernel.drafts.models import MOST_BYTES, MOST_DRAFTS
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster

DOCUMENT: dict[str, Any] = {"names": [{"given_names": "Zoë", "surname": "O’Hara"}], "n": 1.5}


@asynccontextmanager
async def writing(platform: Platform, username: str) -> AsyncIterator[OpenChange]:
    """Open a member's logged work."""
    subject = await subject_by_username(platform.runtime.database, username)
    entry = Entry(EventKind.CONSULTATION, "drafts.test", "A test of drafts")
    async with platform.runtime.desk(subject, "worklist.work", entry) as work:
        yield work


async def test_a_draft_comes_back_as_it_was_and_is_submitted_once(platform: Platform) -> None:
    async with writing(platform, "officer.kent") as work:
        head = await service.save(work, "nominal", DOCUMENT)
    async with writing(platform, "officer.kent") as work:
        draft = await service.load(work, head.draft_id)
        assert (draft.document, draft.version) == (DOCUMENT, 1)
        again = await service.save_again(work, head.draft_id, 1, {"more": True})
        assert again.version == 2
        assert again.expires_at >= head.expires_at
        assert head.draft_id in {each.draft_id for each in await service.list_drafts(work)}
        submitted = await service.submit(work, head.draft_id, 2)
        assert submitted.document == {"more": True}
    async with writing(platform, "officer.kent") as work:
        with pytest.raises(NotFoundError):
            await service.submit(work, head.draft_id, 2)


async def test_a_submission_that_fails_leaves_the_draft(platform: Platform) -> None:
    async with writing(platform, "officer.kent") as work:
        head = await service.save(work, "nominal", DOCUMENT)

    async def submit_and_fail() -> None:
        async with writing(platform, "officer.kent") as work:
            await service.submit(work, head.draft_id, 1)
            raise ConflictError("The record couldn't be written.")

    with pytest.raises(ConflictError):
        await submit_and_fail()
    async with writing(platform, "officer.kent") as work:
        assert (await service.load(work, head.draft_id)).document == DOCUMENT


async def test_nobody_else_sees_it(platform: Platform) -> None:
    async with writing(platform, "officer.kent") as work:
        head = await service.save(work, "nominal", DOCUMENT)
    for other in ("supervisor.kent", "records.kent", "dpo.kent", "officer.essex"):
        async with writing(platform, other) as work:
            assert head.draft_id not in {each.draft_id for each in await service.list_drafts(work)}
            for refused in (
                service.load(work, head.draft_id),
                service.save_again(work, head.draft_id, 1, {}),
                service.submit(work, head.draft_id, 1),
                service.discard(work, head.draft_id),
            ):
                with pytest.raises(NotFoundError):
                    await refused


async def test_an_older_version_is_a_conflict(platform: Platform) -> None:
    async with writing(platform, "officer.kent") as work:
        head = await service.save(work, "nominal", DOCUMENT)
        await service.save_again(work, head.draft_id, 1, {})
        for refused in (
            service.save_again(work, head.draft_id, 1, {}),
            service.submit(work, head.draft_id, 1),
        ):
            with pytest.raises(ConflictError, match="load it again"):
                await refused
        await service.discard(work, head.draft_id)


async def test_an_expired_draft_is_hidden_and_goes_with_the_next_saving(
    platform: Platform, cluster: Cluster
) -> None:
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        async with writing(platform, "officer.essex") as work:
            head = await service.save(work, "nominal", DOCUMENT)
        await admin.execute("SET session_replication_role = replica")  # no trigger for this one
        await admin.execute(
            "UPDATE work.draft SET expires_at = now() WHERE draft_id = $1", head.draft_id
        )
        there = "SELECT count(*) FROM work.draft WHERE draft_id = $1"
        async with writing(platform, "officer.essex") as work:
            with pytest.raises(NotFoundError):
                await service.load(work, head.draft_id)
        assert await admin.fetchval(there, head.draft_id) == 1
        async with writing(platform, "officer.norfolk") as work:
            await service.save(work, "nominal", {})
        assert await admin.fetchval(there, head.draft_id) == 0
    finally:
        await admin.close()


async def test_there_is_a_bound_on_how_many(platform: Platform) -> None:
    async with writing(platform, "officer.suffolk") as work:
        for _ in range(MOST_DRAFTS):
            await service.save(work, "nominal", {})
        with pytest.raises(ConflictError, match="submit or discard"):
            await service.save(work, "nominal", {})


@pytest.mark.parametrize(
    "document",
    [
        {"x": "é" * (MOST_BYTES // 2)},
        {"x": float("nan")},
        {"x": "\ud800"},
        {"x": object()},
    ],
    ids=["large", "no number", "half a character", "no JSON"],
)
async def test_what_isnt_a_small_json_document_is_refused(
    platform: Platform, document: dict[str, Any]
) -> None:
    async with writing(platform, "officer.kent") as work:
        with pytest.raises(InvalidInputError):
            await service.save(work, "nominal", document)
        with pytest.raises(InvalidInputError):
            await service.save(work, "No Type", {})


async def test_the_largest_document_is_kept_whole(platform: Platform) -> None:
    document = {"x": "é" * ((MOST_BYTES - len('{"x":""}')) // 2)}
    async with writing(platform, "officer.kent") as work:
        head = await service.save(work, "nominal", document)
        assert (await service.load(work, head.draft_id)).document == document
