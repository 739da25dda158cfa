"""Searching over HTTP: a POST, so that no name ever stands in a URL or an access log."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from athena.platform.kernel.audit import Entry, EventKind, Writes
from athena.platform.kernel.clock import today
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems
from athena.policies.roles.actions import Action
from athena.policies.visibility import standbys
from athena.policies.visibility.models import Consultation
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import Stated, parse_purpose, parse_reason
from athena.records.names.service import NameRegister
from athena.records.nominals import service as nominals
from athena.records.nominals.schemas import Draft, NominalDraft
from athena.sharing.search.query import Asked, PersonQuery, understand
from athena.sharing.search.schemas import SearchAnswer, SearchRequest
from athena.sharing.search.service import Found, Searcher


class NewNominal(Draft):
    """A nominal to create, after a search that didn't find it."""

    search_id: UUID = Field(description="Your own search for this person, at most an hour old")
    acknowledged_matches: tuple[UUID, ...] = Field(
        default=(), max_length=200, description="Likely matches you looked at: somebody else"
    )
    nominal: NominalDraft


class Created(BaseModel):
    """The id of a nominal just created, at its first version."""

    id: UUID
    version: int = 1


def make_router(
    gate: Gate, searcher: Searcher, register: NameRegister, caller: Caller
) -> APIRouter:
    """Return the routes of searching, and of creating what a search didn't find."""
    router = APIRouter(prefix="/api/v1/nominals", tags=["search"])

    @router.post("/search", responses=problems())
    async def search(request: SearchRequest, subject: Subject = Depends(caller)) -> SearchAnswer:
        """Search the nominals of every force, and see of each what policy shows."""
        return await run_search(gate, searcher, subject, request)

    @router.get("/searches/{search_id}", responses=problems(404))
    async def page(
        search_id: UUID,
        purpose: str,
        offset: int = Query(default=0, ge=0, le=1000),
        limit: int = Query(default=20, ge=1, le=50),
        subject: Subject = Depends(caller),
    ) -> SearchAnswer:
        """Return another page of one's own search: the order stays, visibility is decided anew."""
        return await run_page(gate, searcher, subject, search_id, purpose, offset, limit)

    @router.post("", status_code=201, responses=problems(404, 409))
    async def create(
        request: NewNominal,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Created:
        """Create a nominal of one's own force that a search before it didn't find."""
        entry = stated.entry(
            EventKind.COLLECTION, "nominals.create", {"search": str(request.search_id)}
        )
        purpose = stated.purpose
        await gate.permit(subject, Action.NOMINALS_CREATE, purpose, entry)
        await nominals.prepare(gate.database, register, subject, request.nominal)
        async with gate.alter(subject, Action.NOMINALS_CREATE, purpose, entry) as alteration:
            await searcher.check_not_known(
                alteration, request.search_id, request.nominal, request.acknowledged_matches
            )
            nominal_id = await nominals.create(alteration, register, request.nominal)
        await searcher.names.refresh()
        return Created(id=nominal_id)

    return router


async def run_search(
    gate: Gate, searcher: Searcher, subject: Subject, request: SearchRequest
) -> SearchAnswer:
    """Check a request whole, then search, logged; the way of every interface.

    What only reads is done on a standby where there is one.
    """
    purpose, reason = parse_purpose(request.purpose), parse_reason(request.reason)
    asked = request.model_dump(
        mode="json", exclude_defaults=True, exclude={"purpose", "reason", "limit"}
    )
    query = read_query(request)
    entry = Entry(EventKind.CONSULTATION, "nominals.search", reason, {"query": asked})
    limit = request.limit

    async def find(consultation: Consultation) -> Found:
        return await searcher.find(consultation, query, limit)

    async def answer(consultation: Consultation, found: Found) -> tuple[SearchAnswer, Writes]:
        return await searcher.answer(consultation, query, found, asked, limit)

    looking = standbys.Looking(find, searcher.seen, answer)
    return await standbys.consult(
        gate, searcher.replicas, subject, Action.NOMINALS_SEARCH, purpose, entry, looking
    )


async def run_page(
    gate: Gate,
    searcher: Searcher,
    subject: Subject,
    search_id: UUID,
    purpose: str,
    offset: int,
    limit: int,
) -> SearchAnswer:
    """Return a page of a member's own search, in a logged transaction of its own."""
    entry = Entry(
        EventKind.CONSULTATION,
        "nominals.search",
        f"Continues search {search_id}",
        {"search": str(search_id), "offset": offset},
    )
    async with gate.consult(
        subject, Action.NOMINALS_SEARCH, parse_purpose(purpose), entry
    ) as consultation:
        return await searcher.page(consultation, search_id, offset, limit)


def read_query(request: SearchRequest) -> PersonQuery:
    """Return what a request asks for, or InvalidInputError; ages count from today in London."""
    fields = request.model_dump(exclude={"purpose", "reason", "limit"})
    return understand(Asked(**fields, today=today()))
