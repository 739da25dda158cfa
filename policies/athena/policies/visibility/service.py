"""The way to records: authorise, decide, grant, log, and only then open a transaction that sees.

`Gate.consult` and `Gate.alter` are the only places that make a `Consultation`, and every function
that reads records takes one. What is refused is logged in a transaction of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from athena.platform.kernel.audit import (
    STALE_GRANT,
    Entry,
    EventKind,
    StaleGrantError,
    append,
    refuse,
)
from athena.platform.kernel.clock import LONDON, today
from athena.platform.kernel.database import Database, WriteSession
from athena.platform.kernel.errors import (
    AthenaError,
    ConflictError,
    DecisionUnavailableError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import (
    Clearance,
    LabelId,
    Level,
    Purpose,
    Role,
    Subject,
    TenantKind,
)
from athena.policies.decisions import bundles
from athena.policies.decisions.documents import VisibilityDocument
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.roles.actions import Action
from athena.policies.roles.service import Authorised, RoleTable
from athena.policies.visibility import repository
from athena.policies.visibility.models import (
    AUDIT_SCOPE,
    MATCH_SCOPE,
    POINTER_SCOPE,
    SUMMARY_SCOPE,
    Alteration,
    Consultation,
    Label,
    LabelView,
    Visibility,
)

REASON_LENGTH = 500
"""The most characters a stated reason may have."""

_ATTEMPTS = 4
_RENEW_BEFORE = timedelta(seconds=15)
_CACHED = 10_000

_LOGGED_REFUSALS = (RefusedError, NotFoundError, ConflictError, DecisionUnavailableError)


def parse_purpose(text: str | None) -> Purpose:
    """Return the purpose of a text, or InvalidInputError that lists the purposes."""
    try:
        return Purpose(text or "")
    except ValueError:
        known = ", ".join(Purpose)
        raise InvalidInputError(
            f"State a purpose from the list: {known}.", field="/purpose"
        ) from None


def parse_reason(text: str | None) -> str:
    """Return a stated reason, or InvalidInputError; it is logged as it was given."""
    reason = (text or "").strip()
    if len(reason) < 3 or len(reason) > REASON_LENGTH or not reason.isprintable():
        raise InvalidInputError(
            f"Give the reason for looking, in 3 to {REASON_LENGTH} printable characters.",
            field="/reason",
        )
    return reason


@dataclass(frozen=True, slots=True)
class PolicyState:
    """Everything that decides, as of one revision of the policy and one count of labels."""

    revision: int
    label_epoch: int
    labels: Mapping[LabelId, Label]
    agreements: Sequence[Mapping[str, Any]]
    active: Sequence[str]
    """The tenants that aren't suspended."""


class Gate:
    """Decides what members may see and opens the transactions in which they see it."""

    def __init__(
        self, database: Database, policy: WasmPolicy, roles: RoleTable, grant_seconds: int = 300
    ) -> None:
        self.database = database
        self._policy = policy
        self._roles = roles
        self._grant_seconds = grant_seconds
        self._state: PolicyState | None = None
        self._granted: OrderedDict[tuple[UUID, frozenset[Role], Clearance, Purpose], Visibility] = (
            OrderedDict()
        )
        self._documents: dict[bytes, VisibilityDocument] = {}
        self._deciding = asyncio.Lock()

    def forget(self) -> None:
        """Drop what is remembered of the policy; the next decision reads it again."""
        self._state = None
        self._granted.clear()

    async def check(self) -> None:
        """Raise StoreUnavailableError unless the policy can be read from the store."""
        async with self.database.read(repository.POLICY_WRITER) as session:
            await repository.versions(session)

    def authorise(self, subject: Subject, action: Action) -> Authorised:
        """Return the proof that a member's roles allow an action, or raise RefusedError."""
        return self._roles.authorise(subject, action)

    def allows(self, roles: Iterable[Role], kind: TenantKind, action: Action) -> bool:
        """Whether any of some roles allows an action in a tenant of this kind."""
        return self._roles.allows(roles, kind, action)

    async def question(self, subject: Subject, purpose: Purpose) -> dict[str, Any]:
        """Return what the policy would be asked now for a member, granting nothing."""
        async with self._deciding:
            return _decision_input(subject, purpose, await self._current_state())

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
                opened = await self._begin(stack, subject, purpose, entry)
                yield opened
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
        self, stack: AsyncExitStack, subject: Subject, purpose: Purpose, entry: Entry
    ) -> tuple[WriteSession, Visibility, UUID]:
        """Enter a transaction whose event stands under a grant set of the policy of this moment."""
        for _ in range(_ATTEMPTS):
            visibility = await self.visibility(subject, purpose)
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
        key = (subject.member_id, subject.roles, subject.clearance, purpose)
        known = self._granted.get(key)
        if known is not None and known.expires_at - _RENEW_BEFORE > datetime.now(UTC):
            return known
        async with self._deciding:
            for _ in range(_ATTEMPTS):
                try:
                    granted = await self._grant(subject, purpose, await self._current_state())
                except StaleGrantError:
                    self.forget()
                    continue
                self._granted[key] = granted
                if len(self._granted) > _CACHED:
                    self._granted.popitem(last=False)
                return granted
        raise DecisionUnavailableError(
            "The policy keeps changing while it is being decided; try again in a moment."
        )

    async def _current_state(self) -> PolicyState:
        if self._state is None:
            async with self.database.read(repository.POLICY_WRITER) as session:
                revision, label_epoch = await repository.versions(session)
                labels = await repository.labels(session)
                agreements = await repository.current_agreements(session)
                active = await repository.active_tenants(session)
            by_id = {label.label_id: label for label in labels}
            self._state = PolicyState(revision, label_epoch, by_id, agreements, active)
            self._documents.clear()
        return self._state

    async def _grant(self, subject: Subject, purpose: Purpose, state: PolicyState) -> Visibility:
        decision_input = _decision_input(subject, purpose, state)
        canonical = json.dumps(decision_input, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(canonical).digest()
        document = self._documents.get(digest)
        if document is None:
            document = await asyncio.to_thread(self._policy.evaluate, decision_input)
            self._documents[digest] = document
        views = _views(document, state)
        seconds = min(
            self._grant_seconds,
            _seconds_of_today(),
            *(decision.expires_in for decision in document.decisions),
        )
        async with self.database.write(repository.POLICY_WRITER) as session:
            await bundles.keep(session, self._policy.revision)
            decision_id = await repository.archive_decision(
                session, digest, self._policy.revision, decision_input, document.as_json()
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
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) == STALE_GRANT:
                    raise StaleGrantError from None
                raise
        return Visibility(
            subject=subject,
            purpose=purpose,
            grant_set_id=grant_set_id,
            decision_id=decision_id,
            policy_revision=state.revision,
            label_epoch=state.label_epoch,
            expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
            views=views,
        )

    def _scopes(self, subject: Subject, views: Iterable[LabelView]) -> dict[str, list[int]]:
        """Return the labels of each level and group, as the store keeps them."""
        scopes: dict[str, list[int]] = {}
        for view in views:
            label_id = view.label.label_id
            if view.level is Level.POINTER:
                scopes.setdefault(POINTER_SCOPE, []).append(label_id)
            elif view.level.rank >= Level.SUMMARY.rank:
                scopes.setdefault(MATCH_SCOPE, []).append(label_id)
                scopes.setdefault(SUMMARY_SCOPE, []).append(label_id)
                for group in view.groups:
                    scopes.setdefault(group.value, []).append(label_id)
        if self._roles.allows(subject.roles, subject.tenant_kind, Action.AUDIT_READ_OWN_FORCE):
            scopes[AUDIT_SCOPE] = [subject.tenant_id]
        return scopes


def _seconds_of_today() -> int:
    """Return how long it is still today in London: agreements begin and end with the day."""
    now = datetime.now(LONDON)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), LONDON)
    return max(1, int((midnight - now).total_seconds()))


def _decision_input(subject: Subject, purpose: Purpose, state: PolicyState) -> dict[str, Any]:
    return {
        "requester": {
            "tenant": subject.tenant,
            "kind": subject.tenant_kind.value,
            "roles": sorted(role.value for role in subject.roles),
            "clearance": subject.clearance.value,
        },
        "active": list(state.active),
        "purpose": purpose.value,
        "purposes": [known.value for known in Purpose],
        "today": today().isoformat(),
        "agreements": list(state.agreements),
        "labels": [
            {
                "id": label.label_id,
                "owner": label.owner,
                "record_class": label.record_class,
                "marking": label.marking,
                "handling": label.handling,
                "conditions": list(label.conditions),
                "categories": list(label.categories),
                "sensitive": label.sensitive,
                "restricted": label.restricted,
            }
            for label in state.labels.values()
        ],
    }


def _views(document: VisibilityDocument, state: PolicyState) -> dict[LabelId, LabelView]:
    return {
        LabelId(decision.label): LabelView(
            label=state.labels[LabelId(decision.label)],
            level=decision.level,
            groups=frozenset(decision.groups),
            agreement_id=decision.agreement,
            clause=decision.clause,
            reasons=tuple(decision.reasons),
            obligations=tuple(decision.obligations),
        )
        for decision in document.decisions
    }
