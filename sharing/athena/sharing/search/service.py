"""Consortium search: look up, rank, show what policy shows, log what was seen.

The searcher takes an open consultation, so it can't run without a decision and its event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from athena.platform.kernel.audit import Entry, Writes, append_with
from athena.platform.kernel.errors import ConflictError, NotFoundError
from athena.platform.kernel.identity import LabelId, Level, NominalId, TenantId
from athena.platform.kernel.replicas import Replicas
from athena.policies.visibility.models import Consultation, LabelView
from athena.records.merging import service as merging
from athena.records.names.normalise import given_tokens, surname_tokens
from athena.records.names.ranges import NO_RANGES
from athena.records.nominals import service as nominals
from athena.records.nominals.schemas import Disclosed, NameDraft, NominalDraft
from athena.sharing.search import repository
from athena.sharing.search.explaining import FieldMatch
from athena.sharing.search.folding import Survivors, folded, gathered
from athena.sharing.search.kept import is_kept, kept, restored, restored_pointers
from athena.sharing.search.names import LiveNames
from athena.sharing.search.plan import SearchPlan, make_plan
from athena.sharing.search.query import NO_FILTERS, PersonQuery, Reading
from athena.sharing.search.ranking import LIKELY, Ranked, rank
from athena.sharing.search.schemas import Contact, Explanation, Hit, SearchAnswer
from athena.tenants.directory.models import Tenant
from athena.tenants.directory.service import Directory

MOST_HITS = 100
"""How many hits a search keeps for paging: five pages of twenty."""

_ACTION = "nominals.search"
_BY_PLACE = 0.4
_BY_NUMBER = 0.99


Shown = tuple[Ranked, Disclosed]
"""A hit and what policy shows of its record."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search read: its plan, the hits in their order, and its first page as it may be seen.

    All of it may come from a standby, which can't be written to.
    """

    plan: SearchPlan | None
    ranked: Sequence[Ranked]
    page: Sequence[Shown]
    survivors: Survivors


@dataclass(slots=True)
class Searcher:
    """Searches across forces: the dictionary of names, the directory, agreements' titles, standbys.

    The directory is renewed when a tenant changes, the titles when an agreement does.
    """

    names: LiveNames
    directory: Directory
    agreements: Mapping[UUID, str]
    replicas: Replicas

    async def search(
        self,
        consultation: Consultation,
        query: PersonQuery,
        asked: Mapping[str, Any],
        limit: int = repository.ENOUGH,
    ) -> SearchAnswer:
        """Search, keep the order of hits for paging, and return the first page.

        ``asked`` are the fields as typed, kept with the search for its own member.
        """
        found = await self.find(consultation, query, limit)
        answer, writes = await self.answer(consultation, query, found, asked, limit)
        grant_set_id = consultation.visibility.grant_set_id
        seen = self.seen(consultation, found)
        await append_with(consultation.session, grant_set_id, seen, writes)
        return answer

    async def find(self, consultation: Consultation, query: PersonQuery, limit: int) -> Found:
        """Look up and rank, and read the first page; nothing of it may be told before `seen`."""
        plan, ranked = await self.look_up(consultation, query)
        survivors = await _survivors(consultation, ranked[:MOST_HITS])
        ranked = gathered(ranked, survivors)
        return Found(plan, ranked, await self._visible(consultation, ranked[:limit]), survivors)

    async def look_up(
        self, consultation: Consultation, query: PersonQuery
    ) -> tuple[SearchPlan | None, list[Ranked]]:
        """Look up and rank, and read no record; nothing of it may be told."""
        plan = make_plan(query, self.names.current) if query.has_name else None
        return plan, await self._ranked(consultation, query, plan)

    @staticmethod
    def seen(consultation: Consultation, found: Found) -> Entry:
        """Return what the log says of what a search shows."""
        return nominals.entry_of_seen(consultation, _ACTION, [record for _, record in found.page])

    async def answer(
        self,
        consultation: Consultation,
        query: PersonQuery,
        found: Found,
        asked: Mapping[str, Any],
        limit: int,
    ) -> tuple[SearchAnswer, Writes]:
        """Look for pointers; return what was found as it is told, and what keeps the search.

        That is to be written with the log of what was `seen`, before anything is told.
        """
        pointers = await self._find_pointers(consultation, query, found.plan)
        search_id = uuid4()
        ranked = found.ranked[:MOST_HITS]
        keeping = repository.keeping(consultation, search_id, dict(asked), kept(ranked, pointers))
        shown = folded(self._hits(found.page), found.survivors)
        shown += self._pointer_hits(consultation, pointers)
        return self._answer(consultation, search_id, shown, limit, limit, len(ranked)), keeping

    async def page(
        self,
        consultation: Consultation,
        search_id: UUID,
        offset: int,
        limit: int = repository.ENOUGH,
    ) -> SearchAnswer:
        """Return a page of a search; what may be seen is decided anew, the order stays."""
        row = await self.saved(consultation, search_id)
        ranked = restored(row.hits, offset, limit)
        visible = await self._visible(consultation, ranked)
        await nominals.log_seen(consultation, _ACTION, [record for _, record in visible])
        survivors = await _survivors(consultation, ranked)
        shown = folded(self._hits(visible), survivors)
        if offset == 0:
            shown += self._pointer_hits(consultation, restored_pointers(row.hits))
        total = len(row.hits["ranked"])
        return self._answer(consultation, search_id, shown, offset + limit, limit, total)

    async def saved(self, consultation: Consultation, search_id: UUID) -> Any:
        """Return the member's own saved search of the same purpose, or raise NotFoundError."""
        row = await repository.saved(consultation, search_id)
        purpose = consultation.visibility.purpose
        if row is None or row.purpose != purpose or not is_kept(row.hits):
            raise NotFoundError("This search has expired or isn't yours; search again.")
        return row

    async def check_not_known(
        self,
        consultation: Consultation,
        search_id: UUID,
        draft: NominalDraft,
        acknowledged: Sequence[UUID],
    ) -> None:
        """Refuse a new nominal that is likely known and wasn't acknowledged (ConflictError).

        The search named must be the member's own; the likely matches are looked for again from
        the draft itself, so that a search for something else doesn't open the door.
        """
        await self.saved(consultation, search_id)
        likely: dict[NominalId, float] = {}
        for name in draft.names:
            query = _query_of(name, draft)
            plan = make_plan(query, self.names.current)
            ranked = await self._ranked(consultation, query, plan)
            likely |= {item.nominal_id: item.score for item in ranked if item.score >= LIKELY}
        unseen = [str(key) for key in likely if key not in set(acknowledged)]
        if unseen:
            raise ConflictError(
                "This person may be known already: look at the likely matches, then send their "
                "ids in 'acknowledged_matches' if this is somebody else.",
                likely_matches=unseen[:MOST_HITS],
            )

    async def _ranked(
        self, consultation: Consultation, query: PersonQuery, plan: SearchPlan | None
    ) -> list[Ranked]:
        """Return who fits, the likeliest first; values count together with a name or alone."""
        ranked: list[Ranked] = []
        if plan is not None:
            found = await repository.by_name(consultation, plan, query.filters)
            ranked = rank(plan, found, MOST_HITS)
        exact = await self._found_by_value(consultation, query)
        if exact and query.filters != NO_FILTERS:
            kept = await repository.fitting(consultation, list(exact), query.filters)
            exact = {key: match for key, match in exact.items() if key in kept}
        return _with_values(ranked, exact) if exact else ranked

    async def _found_by_value(
        self, consultation: Consultation, query: PersonQuery
    ) -> dict[tuple[TenantId, NominalId], tuple[FieldMatch, float]]:
        found: dict[tuple[TenantId, NominalId], tuple[FieldMatch, float]] = {}
        if query.postcode:
            match = FieldMatch("postcode", query.postcode, query.postcode, "exact", 0.0)
            for key in await repository.by_postcode(consultation, query.postcode):
                found[key] = (match, _BY_PLACE)
        if query.place:
            match = FieldMatch("address", query.place.street, query.place.street, "exact", 0.0)
            for key in await repository.by_place(consultation, query.place):
                found[key] = (match, _BY_PLACE)
        if query.telephone:
            match = FieldMatch("telephone", query.telephone, query.telephone, "exact", 0.0)
            for key in await repository.by_telephone(consultation, query.telephone):
                found[key] = (match, _BY_NUMBER)
        if query.identifiers:
            value = query.identifiers[0].value
            match = FieldMatch("identifier", value, value, "exact", 0.0)
            for key in await repository.by_identifier(consultation, query.identifiers):
                found[key] = (match, _BY_NUMBER)
        return found

    async def _find_pointers(
        self, consultation: Consultation, query: PersonQuery, plan: SearchPlan | None
    ) -> list[tuple[TenantId, LabelId]]:
        ranges = plan.pointers if plan else NO_RANGES
        if not consultation.visibility.has_pointers or not (len(ranges) or query.identifiers):
            return []
        return await repository.pointers(consultation, ranges, query.identifiers)

    def _pointer_hits(
        self, consultation: Consultation, found: Sequence[tuple[TenantId, LabelId]]
    ) -> list[Hit]:
        """Return a hit for each force that holds a record which is still a pointer."""
        views = [(owner, consultation.visibility.pointer(label_id)) for owner, label_id in found]
        return [
            self._pointer_hit(self.directory.by_id(owner), view)
            for owner, view in views
            if view is not None
        ]

    def _pointer_hit(self, tenant: Tenant, view: LabelView) -> Hit:
        return Hit(
            id=None,
            owner_force=tenant.slug,
            disclosure=Level.POINTER,
            nominal=None,
            score=None,
            explanation=[],
            agreement_id=UUID(view.agreement_id) if view.agreement_id else None,
            agreement=self._title(view.agreement_id),
            reasons=list(view.reasons),
            obligations=list(view.obligations),
            withheld=list(view.withheld),
            contact=Contact(
                unit=tenant.contact_unit,
                email=tenant.contact_email,
                telephone=tenant.contact_telephone,
            ),
        )

    async def _visible(self, consultation: Consultation, ranked: Sequence[Ranked]) -> list[Shown]:
        """Return hits in their order with their records, without what policy no longer shows."""
        seen = await nominals.read_summaries(
            consultation, [(item.owner_force, item.nominal_id) for item in ranked]
        )
        return [(item, seen[item.nominal_id]) for item in ranked if item.nominal_id in seen]

    def _hits(self, page: Sequence[Shown]) -> list[Hit]:
        """Return hits as they are told; what many were found for is made once."""
        reasons = {item.explanation for item, _ in page}
        told = {why: [Explanation(**match._asdict()) for match in why] for why in reasons}
        return [self._hit(item, told[item.explanation], record) for item, record in page]

    def _hit(self, item: Ranked, explanation: list[Explanation], record: Disclosed) -> Hit:
        return Hit(
            id=record.id,
            owner_force=record.owner_force,
            disclosure=record.disclosure,
            nominal=record.nominal,
            score=item.score,
            explanation=explanation,
            agreement_id=record.agreement_id,
            agreement=self._title(str(record.agreement_id or "")),
            reasons=record.reasons,
            obligations=record.obligations,
            withheld=record.withheld,
        )

    def _title(self, agreement_id: str) -> str | None:
        return self.agreements.get(UUID(agreement_id)) if agreement_id else None

    @staticmethod
    def _answer(
        consultation: Consultation,
        search_id: UUID,
        results: list[Hit],
        following: int,
        limit: int,
        total: int,
    ) -> SearchAnswer:
        purpose = consultation.visibility.purpose
        more = (
            f"/api/v1/nominals/searches/{search_id}"
            f"?purpose={purpose}&offset={following}&limit={limit}"
        )
        return SearchAnswer(
            search_id=search_id,
            decision_id=consultation.visibility.decision_id,
            purpose=purpose,
            searched_at=datetime.now(UTC),
            results=results,
            next=more if following < total else None,
        )


async def _survivors(consultation: Consultation, ranked: Sequence[Ranked]) -> Survivors:
    own = consultation.subject.tenant_id
    mine = [item.nominal_id for item in ranked if item.owner_force == own]
    return await merging.survivors_of(consultation, mine)


def _with_values(
    ranked: Sequence[Ranked], exact: Mapping[tuple[TenantId, NominalId], tuple[FieldMatch, float]]
) -> list[Ranked]:
    """Return those found by name and those found by a value, each once, in their order.

    Ties stand as `rank` has them, those found by a value alone after them by id.
    """
    known = {(item.owner_force, item.nominal_id): item for item in ranked}
    for key, (match, score) in sorted(exact.items(), key=lambda item: item[0][1].int):
        item = known.get(key)
        if item is None:
            known[key] = Ranked(*key, score, (match,))
        else:
            lifted = round(1 - (1 - item.score) * (1 - score), 4)
            known[key] = item._replace(score=lifted, explanation=(*item.explanation, match))
    return sorted(known.values(), key=lambda item: -item.score)


def _query_of(name: NameDraft, draft: NominalDraft) -> PersonQuery:
    """Return the query that finds whoever a new nominal may already be."""
    reading = Reading(surname_tokens(name.surname), given_tokens(name.given_names))
    born = draft.date_of_birth
    exact = born if born is not None and born.day is not None else None
    years = (born.year, born.latest.year) if born is not None and exact is None else None
    return PersonQuery(readings=(reading,), born=exact, born_years=years)
