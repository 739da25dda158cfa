"""The way to records: authorise, decide, grant, log, and only then open a transaction that sees.

`Gate.consult` and `Gate.alter` are the only places that make a `Consultation`, and every function
that reads records takes one. What is refused is logged in a transaction of its own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel.audit import (
    STALE_GRANT,
    Entry,
    EventKind,
    StaleGrantError,
    append,
    refuse,
)
from athena.platform.kernel.clock import today
from athena.platform.kernel.database import Database, WriteSession
from athena.platform.kernel.errors import (
    AthenaError,
    ConflictError,
    DecisionUnavailableError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import (
    LabelId,
    Level,
    Purpose,
    Role,
    Subject,
    TenantKind,
)
from athena.platform.kernel.permits import sqlstate
from athena.policies.agreements.service import standing
from athena.policies.decisions import bundles
from athena.policies.decisions.documents import VisibilityDocument
from athena.policies.decisions.point import DecisionPoint, Question
from athena.policies.roles import repository as role_rules
from athena.policies.roles.actions import Action
from athena.policies.roles.models import Rule
from athena.policies.roles.service import Authorised, RoleTable
from athena.policies.visibility import repository
from athena.policies.visibility.exceptions import Case, grant, questions
from athena.policies.visibility.models import (
    AUDIT_SCOPE,
    IMPORTS_SCOPE,
    Alteration,
    Consultation,
    LabelView,
    Visibility,
)
from athena.policies.visibility.question import (
    GrantKey,
    PolicyState,
    Supposed,
    decision_input,
    expiry,
    grant_key,
    seconds_of_today,
    views_of,
)

_ATTEMPTS = 4
_CHANGED = "The policy changed while you were looking; nothing was changed, try again."
_RENEW_BEFORE = timedelta(seconds=15)
_CACHED = 10_000

_LOGGED_REFUSALS = (RefusedError, NotFoundError, ConflictError, DecisionUnavailableError)


class Gate:
    """Decides what members may see and opens the transactions in which they see it."""

    def __init__(
        self, database: Database, point: DecisionPoint, roles: RoleTable, grant_seconds: int = 300
    ) -> None:
        self.database = database
        self._point = point
        self._roles = roles
        self._rules: Sequence[Rule] | None = None
        self._grant_seconds = grant_seconds
        self._state: PolicyState | None = None
        self._granted: OrderedDict[GrantKey, Visibility] = OrderedDict()
        self._deciding = asyncio.Lock()
        self._forgettings = 0

    def forget(self) -> None:
        """Drop what is remembered of the policy; the next decision reads it again.

        What is being read or decided at this moment isn't remembered either.
        """
        self._forgettings += 1
        self._state = None
        self._granted.clear()

    async def check(self) -> None:
        """Raise StoreUnavailableError or DecisionUnavailableError unless both would answer."""
        async with self.database.read(repository.POLICY_WRITER) as session:
            await repository.versions(session)
        await self._point.check()

    async def refresh(self) -> tuple[int, int]:
        """Read the policy again where it was forgotten or outdated.

        Return its revision and the count of labels in the store, which a new tenant raises too.
        """
        async with self._deciding:
            async with self.database.read(repository.POLICY_WRITER) as session:
                revision, label_epoch = await repository.versions(session)
            if self._state is not None and revision != self._state.revision:
                self.forget()
            await self._current_state()
            return revision, label_epoch

    async def permit_act(self, subject: Subject, action: Action, reason: str) -> None:
        """Let a member do an administrative act for a reason; a refusal is logged."""
        await self.refresh()
        try:
            self.authorise(subject, action)
        except RefusedError as error:
            entry = Entry(EventKind.REFUSAL, action.value, reason, {"problem": error.slug})
            await refuse(self.database, subject, entry, None)
            raise

    def authorise(self, subject: Subject, action: Action) -> Authorised:
        """Return the proof that a member's roles allow an action, or raise RefusedError."""
        return self._roles.authorise(subject, action)

    def allows(self, subject: Subject, action: Action) -> bool:
        """Whether a member's roles allow an action: for what a page offers, never to let it be."""
        return self._roles.allows(subject.roles, subject.tenant_kind, action)

    def roles_allow(self, roles: Iterable[Role], kind: TenantKind, action: Action) -> bool:
        """Whether any of some roles allows an action in a tenant of this kind."""
        return self._roles.allows(roles, kind, action)

    async def question(self, subject: Subject, purpose: Purpose) -> dict[str, Any]:
        """Return what the policy would be asked now for a member, granting nothing."""
        async with self._deciding:
            return decision_input(subject, purpose, await self._current_state(), [])

    async def agreements(self) -> Sequence[Mapping[str, Any]]:
        """Return the agreements that speak today, as the policy reads them."""
        async with self._deciding:
            return (await self._current_state()).agreements.on(today())

    async def suppose(
        self,
        subject: Subject,
        purpose: Purpose,
        answer: Callable[[Question], VisibilityDocument],
    ) -> Supposed:
        """Return what the policy would decide now for a member, granting nothing."""
        async with self._deciding:
            state = await self._current_state()
            async with self.database.read(repository.POLICY_WRITER) as session:
                exceptions = await repository.exceptions(session, subject, purpose)
        cases = exceptions.cases(state.labels)
        question = state.ask(decision_input(subject, purpose, state, cases))
        document = await asyncio.to_thread(answer, question)
        unlocked = replace(exceptions, locked=())  # to tell what a lock keeps from the member
        granted = grant(unlocked, *views_of(document, state, cases))
        numbers = exceptions.numbers(cases)
        return Supposed(
            question=question,
            document=document,
            numbers={key: numbers[key] for key in granted.views},
            locked=frozenset(exceptions.locked),
        )

    async def permit(
        self, subject: Subject, action: Action, purpose: Purpose, entry: Entry
    ) -> Authorised:
        """Authorise what must be prepared before a transaction opens; a refusal is logged."""
        try:
            return self.authorise(subject, action)
        except RefusedError as error:
            await self._log_refusal(subject, purpose, entry, error)
            raise

    @asynccontextmanager
    async def consult(
        self, subject: Subject, action: Action, purpose: Purpose, entry: Entry
    ) -> AsyncIterator[Consultation]:
        """Open a logged transaction that reads; it commits when the block ends well.

        RefusedError where the member's roles don't allow the action; DecisionUnavailableError
        where no valid decision can be made.
        """
        async with self._open(subject, action, purpose, entry) as (session, visibility, event_id):
            yield Consultation(session, visibility, event_id, entry.reason)

    @asynccontextmanager
    async def alter(
        self, subject: Subject, action: Action, purpose: Purpose, entry: Entry
    ) -> AsyncIterator[Alteration]:
        """Open a logged transaction that may change the member's own force's records."""
        async with self._open(subject, action, purpose, entry) as (session, visibility, event_id):
            yield Alteration(session, visibility, event_id, entry.reason)

    @asynccontextmanager
    async def _open(
        self, subject: Subject, action: Action, purpose: Purpose, entry: Entry
    ) -> AsyncIterator[tuple[WriteSession, Visibility, UUID]]:
        try:
            self.authorise(subject, action)
            async with AsyncExitStack() as stack:
                opened = await self._begin(stack, subject, action, purpose, entry)
                yield opened
        except StaleGrantError:
            raise DecisionUnavailableError(_CHANGED) from None
        except _LOGGED_REFUSALS as error:
            await self._log_refusal(subject, purpose, entry, error)
            raise

    async def _log_refusal(
        self, subject: Subject, purpose: Purpose, entry: Entry, error: AthenaError
    ) -> None:
        content = {**entry.content, "problem": error.slug}
        refusal = replace(entry, kind=EventKind.REFUSAL, content=content)
        await refuse(self.database, subject, refusal, purpose.value)

    async def _begin(
        self,
        stack: AsyncExitStack,
        subject: Subject,
        action: Action,
        purpose: Purpose,
        entry: Entry,
    ) -> tuple[WriteSession, Visibility, UUID]:
        """Enter a transaction whose event stands under a grant set of the policy of this moment."""
        for _ in range(_ATTEMPTS):
            visibility = await self.visibility(subject, purpose)
            self.authorise(subject, action)  # by the rules of the same revision as the grant
            try:
                async with AsyncExitStack() as attempt:
                    session = await attempt.enter_async_context(self.database.write(subject.login))
                    appended = await append(session, visibility.grant_set_id, entry)
                    if appended.label_epoch != visibility.label_epoch:
                        raise StaleGrantError  # a label was made since: decide what it shows first
                    stack.push_async_exit(attempt.pop_all())
                    return session, visibility, appended.event_id
            except StaleGrantError:
                self.forget()
        raise DecisionUnavailableError(
            "The policy keeps changing while it is being decided; try again in a moment."
        )

    async def visibility(self, subject: Subject, purpose: Purpose) -> Visibility:
        """Return what a member may see for a purpose, deciding and granting where needed."""
        key = grant_key(subject, purpose)
        known = self._granted.get(key)
        if known is not None and known.expires_at - _RENEW_BEFORE > datetime.now(UTC):
            return known
        async with self._deciding:
            for _ in range(_ATTEMPTS):
                before = self._forgettings
                try:
                    granted = await self._grant(subject, purpose, await self._current_state())
                except StaleGrantError:
                    self.forget()
                    continue
                if before == self._forgettings:
                    self._granted[key] = granted
                if len(self._granted) > _CACHED:
                    self._granted.popitem(last=False)
                return granted
        raise DecisionUnavailableError(
            "The policy keeps changing while it is being decided; try again in a moment."
        )

    async def _current_state(self) -> PolicyState:
        state = self._state
        if state is None:
            before = self._forgettings
            async with self.database.read(repository.POLICY_WRITER) as session:
                revision, label_epoch = await repository.versions(session)
                labels = await repository.labels(session)
                agreements = await standing(session)
                active = await repository.active_tenants(session)
                rules = await role_rules.rules(session)
            by_id = {label.label_id: label for label in labels}
            if self._rules != rules:
                self._roles, self._rules = RoleTable.compile(rules), rules
            state = PolicyState(revision, label_epoch, by_id, agreements, active)
            if before == self._forgettings:
                self._state = state
        return state

    async def _grant(self, subject: Subject, purpose: Purpose, state: PolicyState) -> Visibility:
        async with self.database.read(repository.POLICY_WRITER) as session:
            exceptions = await repository.exceptions(session, subject, purpose)
        cases = exceptions.cases(state.labels)
        asked = decision_input(subject, purpose, state, cases)
        question = state.ask(asked)
        decision = await self._point.decide(question)
        views, by_case = views_of(decision.document, state, cases)
        singles = grant(exceptions, views, by_case)
        seconds = min(self._grant_seconds, seconds_of_today(), decision.seconds)
        async with self.database.write(repository.POLICY_WRITER) as session:
            await bundles.keep(session, decision.revision)
            decision_id = await repository.archive_decision(
                session, question, decision.revision, decision.as_json()
            )
            try:
                grant_set_id = await repository.store_grant_set(
                    session,
                    subject,
                    purpose,
                    decision_id,
                    state.revision,
                    state.label_epoch,
                    seconds,
                    self._scopes(subject, views.values()),
                )
                await repository.except_records(
                    session,
                    grant_set_id,
                    exceptions.epoch,
                    exceptions.until,
                    singles.records,
                    singles.locks,
                )
            except PostgresError as error:
                if sqlstate(error) == STALE_GRANT:
                    raise StaleGrantError from None
                raise
        return Visibility(
            subject=subject,
            purpose=purpose,
            grant_set_id=grant_set_id,
            decision_id=decision_id,
            policy_revision=state.revision,
            label_epoch=state.label_epoch,
            expires_at=expiry(seconds, exceptions),
            views=views,
            singles=singles.views,
            numbers=exceptions.numbers(cases),
        )

    async def would_open(self, visibility: Visibility, label_id: LabelId) -> bool:
        """Whether a record of a label would be full to a member in an emergency; grants nothing.

        Which record isn't known yet. Where its label shows nothing it is one that is shown by
        itself: then every such record of the label must open.
        """
        subject, purpose = visibility.subject, visibility.purpose
        state = await self._current_state()
        if visibility.views[label_id].level is Level.NONE:
            async with self.database.read(repository.POLICY_WRITER) as session:
                exceptions = await repository.exceptions(session, subject, purpose)
            singles = {case for _, case in exceptions.singles if case.label_id == label_id}
            cases = sorted(case._replace(emergency=True) for case in singles)
        else:
            cases = [Case(label_id, listed=False, named=False, emergency=True)]
        asked = decision_input(subject, purpose, replace(state, labels={}), [])
        asked["labels"] = questions(cases, state.labels)
        decision = await self._point.decide(state.ask(asked))
        found = decision.document.decisions
        return bool(found) and all(item.level is Level.FULL for item in found)

    def _scopes(self, subject: Subject, views: Iterable[LabelView]) -> dict[str, list[int]]:
        """Return the labels of each level and group, as the store keeps them."""
        scopes: dict[str, list[int]] = {}
        for view in views:
            for scope in view.scopes:
                scopes.setdefault(scope, []).append(view.label.label_id)
        own = {AUDIT_SCOPE: Action.AUDIT_READ_OWN_FORCE, IMPORTS_SCOPE: Action.NOMINALS_IMPORT}
        for scope, action in own.items():
            if self.allows(subject, action):
                scopes[scope] = [subject.tenant_id]
        return scopes
