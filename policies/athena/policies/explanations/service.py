"""Explaining decisions: the asker's own, a force's to its data protection officer, all to auditors.

An explanation is computed from the archive alone: the decision is made again from its input, by
the policy that made it, and must come out the same. Each explanation is an event in the log, in
the transaction that finds what is explained. Of a record that the asker can't see there is no
explanation, as if it didn't exist, unless he is an auditor or its owner's data protection officer.
Whether a record is locked against a member, its owner's officer and auditors alone are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from athena.platform.kernel import audit
from athena.platform.kernel.audit import Entry, EventKind, RecordSeen
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import (
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import (
    Level,
    NominalId,
    Purpose,
    Role,
    Subject,
    TenantKind,
)
from athena.policies.decisions import bundles
from athena.policies.explanations import repository
from athena.policies.explanations.explaining import explain_labels, locked_against
from athena.policies.explanations.models import Archived, LabelOf
from athena.policies.explanations.replay import Replayer
from athena.policies.explanations.schemas import (
    Explanation,
    Grant,
    Requester,
    RoleRule,
)
from athena.policies.explanations.telling import (
    Asked,
    grant_of,
    standings_of,
    told_of,
)
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Consultation
from athena.policies.visibility.repository import POLICY_WRITER, archive_decision
from athena.policies.visibility.service import Gate
from athena.tenants.members.service import subject_by_username

NOTHING = "There is nothing here that you can see."
"""The same for what isn't there and for what the asker may not know of."""

_RECORD_ACTIONS = tuple(action for action in Action if action.startswith("nominals."))


class Explainer:
    """Explains decisions over one gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._replayer = Replayer()

    async def decision(
        self, asker: Subject, decision_id: UUID, purpose: Purpose, reason: str
    ) -> Explanation:
        """Explain a past decision; NotFoundError alike for none and for one of somebody else."""
        content = {"decision": str(decision_id)}
        if self._may(asker, Action.DECISIONS_READ):
            async with self._overseeing(asker, purpose, reason, content) as session:
                found = await self._archived(decision_id)
                relied_on = await repository.any_decision(session, decision_id)
                return await self._explain(Asked(found, grant_of(relied_on)))
        whole_force = self._may(asker, Action.DECISIONS_READ_OWN_FORCE)
        async with self._consulting(asker, whole_force, purpose, reason, content) as consultation:
            relied_on = await repository.own_decision(consultation.session, decision_id)
            if relied_on is None:
                raise NotFoundError(NOTHING)
            found = await self._archived(decision_id)
            return await self._explain(
                Asked(found, grant_of(relied_on), tenant=asker.tenant, owns=whole_force)
            )

    async def nominal(
        self,
        asker: Subject,
        nominal_id: NominalId,
        purpose: Purpose,
        reason: str,
        member: Subject | None = None,
    ) -> Explanation:
        """Explain what a member would see of a nominal now for a purpose: the asker's own view.

        Auditors name another member; a data protection officer may, of records of his own force
        for everyone, and of what he sees himself for members of his own force. A record that is
        locked against the asker isn't there for him, so he hears of neither.
        """
        content = {"nominal": str(nominal_id), "member": member.username if member else ""}
        if self._may(asker, Action.DECISIONS_READ):
            if member is None:
                raise InvalidInputError(
                    "Name the member whose view is explained, for example officer.kent.",
                    field="/member",
                )
            async with self._overseeing(asker, purpose, reason, content) as session:
                found = await repository.any_label(session, nominal_id)
                if found is None:
                    raise NotFoundError(NOTHING)
                return await self._explain(await self._supposed(member, purpose, found, nominal_id))
        other = member is not None and member.member_id != asker.member_id
        async with self._consulting(asker, other, purpose, reason, content) as consultation:
            found = await self._label(consultation, nominal_id, other)
            if member is None or not other:
                await _log_seen(consultation, nominal_id, found)
                return await self._explain(await self._own_view(consultation, found, nominal_id))
            if asker.tenant_id not in (found.owner, member.tenant_id):
                raise NotFoundError(NOTHING)
            await _log_seen(consultation, nominal_id, found)
            asked = await self._supposed(member, purpose, found, nominal_id)
            if asker.tenant_id != found.owner:
                # Whom a record is locked against is its owner's to know. A refusal would tell it
                # as well as an answer, so the rules are explained as if there were no lock.
                asked = replace(asked, locked=None)
            return await self._explain(asked)

    async def member(self, asker: Subject, username: str, purpose: Purpose, reason: str) -> Subject:
        """Return the member whose view somebody asks about, himself among them.

        RefusedError before the name is looked up where the asker may explain nobody else's view,
        NotFoundError where there is no such member; both are logged.
        """
        if username == asker.username:
            return asker
        every = self._may(asker, Action.DECISIONS_READ)
        action = Action.DECISIONS_READ if every else Action.DECISIONS_READ_OWN_FORCE
        content = {"member": username}
        entry = Entry(EventKind.CONSULTATION, "decisions.explain", reason, content)
        await self._gate.permit(asker, action, purpose, entry)
        try:
            return await subject_by_username(self._gate.database, username)
        except NotFoundError as error:
            refusal = replace(
                entry, kind=EventKind.REFUSAL, content={**content, "problem": error.slug}
            )
            await audit.refuse(self._gate.database, asker, refusal, purpose.value)
            raise

    async def _label(
        self, consultation: Consultation, nominal_id: NominalId, whole_force: bool
    ) -> LabelOf:
        """Return the label of a nominal that the asker may be told of, or raise NotFoundError.

        Who asks for the whole force hears of records of his own that are restricted to others too.
        """
        found = await repository.visible_label(consultation.session, nominal_id)
        if found is None and whole_force:
            own = consultation.subject.tenant_id
            single = consultation.visibility.singles.get((own, nominal_id))
            if single is not None and single.level is Level.POINTER:
                found = LabelOf(own, single.label.label_id)
        if found is None:
            raise NotFoundError(NOTHING)
        return found

    def _may(self, asker: Subject, action: Action) -> bool:
        return self._gate.allows(asker, action)

    @asynccontextmanager
    async def _consulting(
        self,
        asker: Subject,
        whole_force: bool,
        purpose: Purpose,
        reason: str,
        content: dict[str, str],
    ) -> AsyncIterator[Consultation]:
        action = Action.DECISIONS_READ_OWN_FORCE if whole_force else Action.DECISIONS_READ_OWN
        entry = Entry(EventKind.CONSULTATION, "decisions.explain", reason, content)
        async with self._gate.consult(asker, action, purpose, entry) as consultation:
            yield consultation

    @asynccontextmanager
    async def _overseeing(
        self, asker: Subject, purpose: Purpose, reason: str, content: dict[str, str]
    ) -> AsyncIterator[ReadSession]:
        """Open a transaction of an auditor that has logged what is asked; refusals are logged."""
        action = "decisions.explain"
        try:
            async with self._gate.database.read(asker.login) as session:
                await audit.administer(session, asker, action, reason, content)
                yield session
        except (NotFoundError, RefusedError) as error:
            refusal = Entry(EventKind.REFUSAL, action, reason, {**content, "problem": error.slug})
            await audit.refuse(self._gate.database, asker, refusal, purpose.value)
            raise

    async def _archived(self, decision_id: UUID) -> Archived:
        async with self._gate.database.read(POLICY_WRITER) as session:
            found = await repository.archived(session, decision_id)
        if found is None:
            raise NotFoundError(NOTHING)
        return found

    async def _own_view(
        self, consultation: Consultation, found: LabelOf, nominal_id: NominalId
    ) -> Asked:
        visibility = consultation.visibility
        grant = Grant(
            grant_set_id=visibility.grant_set_id,
            policy_revision=visibility.policy_revision,
            at=None,
        )
        archived = await self._archived(visibility.decision_id)
        key = (found.owner, nominal_id)
        single = visibility.numbers[key] if key in visibility.singles else found.label_id
        tenant = consultation.subject.tenant
        return Asked(archived, grant, labels=[single], tenant=tenant, locked=False)

    async def _supposed(
        self, member: Subject, purpose: Purpose, found: LabelOf, nominal_id: NominalId
    ) -> Asked:
        """Decide what a member would see now, and archive it without granting anything."""
        policy = self._replayer.policy(bundles.packaged())
        supposed = await self._gate.suppose(member, purpose, policy.answer)
        if found.label_id not in {label["id"] for label in supposed.question.content["labels"]}:
            self._gate.forget()  # the label is newer than what the gate remembers
            supposed = await self._gate.suppose(member, purpose, policy.answer)
        async with self._gate.database.write(POLICY_WRITER) as session:
            await bundles.keep(session, policy.revision)
            decision_id = await archive_decision(
                session, supposed.question, policy.revision, supposed.document.as_json()
            )
        key = (found.owner, nominal_id)
        return Asked(
            await self._archived(decision_id),
            None,
            labels=[supposed.numbers.get(key, found.label_id)],
            locked=key in supposed.locked,
        )

    async def _explain(self, asked: Asked) -> Explanation:
        archived = asked.archived
        async with self._gate.database.read(POLICY_WRITER) as session:
            bundle = await bundles.find(session, archived.bundle_revision)
        return await asyncio.to_thread(self._explained, asked, bundle)

    def _explained(self, asked: Asked, bundle: bundles.Bundle | None) -> Explanation:
        archived, question = asked.archived, asked.archived.question
        document = self._replayer.replay(archived, bundle)
        assert bundle is not None  # without one there is no replay
        policy = self._replayer.policy(bundle)
        told = told_of(asked, document)
        numbers = {decision.label for decision in told}
        labels = [label for label in question["labels"] if label["id"] in numbers]
        requester = question["requester"]
        explained = explain_labels({**question, "labels": labels}, told, policy.evaluate)
        if asked.locked:
            explained = tuple(map(locked_against, explained))
        return Explanation(
            decision_id=archived.decision_id,
            decided_at=archived.decided_at,
            input_digest=archived.input_digest.hex(),
            bundle_revision=archived.bundle_revision,
            today=date.fromisoformat(question["today"]),
            purpose=question["purpose"],
            requester=Requester.model_validate(requester),
            role_rules=self._role_rules(requester),
            grant=asked.grant,
            agreements=standings_of(asked, policy),
            labels=explained,
            hidden_labels=asked.labels is None and len(told) < len(document.decisions),
            locked=asked.locked,
        )

    def _role_rules(self, requester: dict[str, Any]) -> tuple[RoleRule, ...]:
        kind = TenantKind(requester["kind"])
        return tuple(
            RoleRule(
                role=role,
                kind=kind.value,
                allows=tuple(
                    action
                    for action in _RECORD_ACTIONS
                    if self._gate.roles_allow([Role(role)], kind, action)
                ),
            )
            for role in requester["roles"]
        )


async def _log_seen(consultation: Consultation, nominal_id: NominalId, found: LabelOf) -> None:
    """Log that an explanation told the asker of a record that he sees."""
    view = consultation.visibility.view(found.label_id, (found.owner, nominal_id))
    seen = RecordSeen(found.owner, nominal_id, view.level, view.agreement_id)
    entry = Entry(EventKind.DISCLOSURE, "decisions.explain", consultation.reason, records=[seen])
    await audit.append(consultation.session, consultation.visibility.grant_set_id, entry)
