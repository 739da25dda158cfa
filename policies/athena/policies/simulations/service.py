"""Simulating: what changed agreements or a changed policy would show, before anyone signs.

Nothing is changed by it and no record is read: the counter's login gives how many nominals carry
each label, and the archive gives what past consultations asked. Both policies are asked the same
questions, for every force that could ask and every purpose, and the answers are compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Any

from athena.platform.kernel import audit
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import DecisionUnavailableError, InvalidInputError
from athena.platform.kernel.identity import Clearance, LabelId, Purpose, Role, Subject, TenantKind
from athena.policies.agreements.document import Agreement
from athena.policies.decisions import bundles
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.explanations import repository as archive
from athena.policies.explanations.changes import READING_ROLES
from athena.policies.explanations.models import Archived
from athena.policies.explanations.replay import Replayer
from athena.policies.roles.actions import Action
from athena.policies.simulations import repository
from athena.policies.simulations.drafts import as_if_agreed, check_drafts, with_drafts
from athena.policies.simulations.models import (
    Asked,
    Consultations,
    Counted,
    Difference,
    Profile,
    Question,
)
from athena.policies.simulations.reporting import make_report
from athena.policies.simulations.schemas import Report
from athena.policies.visibility.repository import POLICY_WRITER
from athena.policies.visibility.service import Gate
from athena.tenants.directory.service import load_directory

PROFILES = tuple(
    Profile(role, clearance) for clearance, role in product(reversed(Clearance), READING_ROLES)
)
"""Every kind of requester that may see records; the first is the one that totals go by."""

MOST_CONSULTATIONS = 1_000_000

Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""


@dataclass(frozen=True, slots=True)
class _Policies:
    """The policy that decides today, and the one that would."""

    current: WasmPolicy
    simulated: WasmPolicy


def asking(
    drafts: Sequence[Agreement],
    on: date | None = None,
    roles: Sequence[Role] = (Role.OFFICER,),
    last: int = 0,
) -> Asked:
    """Return what to simulate: on the day when all drafts have begun, unless a day is given.

    An agreement knows no roles, so one role stands for all unless the policy changes too.
    """
    day = on or max([today(), *(draft.valid_from for draft in drafts)])
    profiles = [profile for profile in PROFILES if profile.role in roles]
    if not profiles:
        known = ", ".join(role.value for role in READING_ROLES)
        raise InvalidInputError(f"Only roles that see records can be simulated: {known}.")
    return Asked(drafts, day, profiles, last)


async def simulate(
    gate: Gate,
    asker: Subject,
    asked: Asked,
    reason: str,
    bundle: WasmPolicy | None = None,
    progress: Progress = lambda _done, _of: None,
) -> Report:
    """Return who would see more or less, and how many past consultations would differ.

    ``bundle`` is the policy that would decide; without it only the agreements change.
    """
    entry = Entry(EventKind.ADMINISTRATION, "policies.simulate", reason, _content(asked, bundle))
    await gate.permit(asker, Action.POLICIES_SIMULATE, Purpose.DATA_QUALITY, entry)
    async with gate.database.read(asker.login) as session:
        await audit.administer(session, asker, entry.action, reason, entry.content)
    directory = await load_directory(gate.database)
    base = {
        **await gate.question(asker, Purpose.DATA_QUALITY),
        "today": asked.on.isoformat(),
    }
    check_drafts(asked.drafts, base["agreements"], [tenant.slug for tenant in directory])
    forces = sorted(tenant.slug for tenant in directory if tenant.kind is TenantKind.FORCE)
    async with gate.database.read(repository.COUNTER) as session:
        counts = await repository.count_by_label(session)
        past = await repository.count_decisions(session, asked.last)
    replayer = Replayer()
    current = replayer.policy(bundles.packaged())
    policies = _Policies(current, bundle or current)
    pairs = list(product(forces, Purpose))
    steps = len(pairs) + len(past)
    differences: list[Difference] = []
    for done, (force, purpose) in enumerate(pairs, start=1):
        differences += await asyncio.to_thread(_compare, base, asked, policies, force, purpose)
        progress(done, steps)
    told = await _past(
        gate, asked, bundle, replayer, past, lambda n: progress(len(pairs) + n, steps)
    )
    stored = {str(item["id"]): int(item.get("version", 0)) for item in base["agreements"]}
    return make_report(
        asked,
        differences,
        {LabelId(label["id"]): counts.get(LabelId(label["id"]), 0) for label in base["labels"]},
        told,
        stored,
        (policies.current.revision, policies.simulated.revision),
    )


def _compare(
    base: Mapping[str, Any], asked: Asked, policies: _Policies, force: str, purpose: Purpose
) -> list[Difference]:
    """Ask both policies what each kind of requester of a force sees for a purpose."""
    drafts = [as_if_agreed(draft, asked.on) for draft in asked.drafts]
    agreements = with_drafts(base["agreements"], drafts)
    found: list[Difference] = []
    for profile in asked.profiles:
        before = _question(base, force, purpose, profile)
        after = {**before, "agreements": agreements}
        answers = zip(
            before["labels"],
            policies.current.evaluate(before).decisions,
            policies.simulated.evaluate(after).decisions,
            strict=True,
        )
        found += [
            Difference(force, purpose, profile, label, old, new)
            for label, old, new in answers
            if (old.level, old.groups, old.obligations) != (new.level, new.groups, new.obligations)
        ]
    return found


def _question(
    base: Mapping[str, Any], force: str, purpose: Purpose, profile: Profile
) -> dict[str, Any]:
    requester = {
        "tenant": force,
        "kind": TenantKind.FORCE.value,
        "roles": [profile.role.value],
        "clearance": profile.clearance.value,
    }
    return {**base, "purpose": purpose.value, "requester": requester}


async def _past(
    gate: Gate,
    asked: Asked,
    bundle: WasmPolicy | None,
    replayer: Replayer,
    past: Sequence[Counted],
    progress: Callable[[int], None],
) -> Consultations:
    """Decide again what the last consultations asked, and count what would have differed."""
    told = Consultations(sum(item.consultations for item in past), len(past), 0, 0)
    for done, item in enumerate(past, start=1):
        async with gate.database.read(POLICY_WRITER) as session:
            archived = await archive.archived(session, item.decision_id)
            kept = await bundles.find(session, archived.bundle_revision) if archived else None
        if archived is not None:
            policy = bundle or replayer.policy(kept or bundles.packaged())
            if await asyncio.to_thread(_would_differ, archived, asked, policy):
                told = replace(
                    told,
                    different=told.different + item.consultations,
                    different_decisions=told.different_decisions + 1,
                )
        progress(done)
    return told


def _would_differ(archived: Archived, asked: Asked, policy: WasmPolicy) -> bool:
    """Whether a past question is answered otherwise, had the drafts been agreed by its day."""
    question = archived.question
    day = date.fromisoformat(question["today"])
    changed = {
        **question,
        "agreements": with_drafts(question["agreements"], list(_begun(asked, day))),
    }
    try:
        answer = policy.evaluate(changed)
    except DecisionUnavailableError:
        return True  # no decision, which denies
    return bool(answer.as_json()["decisions"] != list(archived.decisions))


def _begun(asked: Asked, day: date) -> Iterator[Question]:
    for draft in asked.drafts:
        begun = draft.model_copy(update={"valid_from": min(draft.valid_from, day)})
        yield as_if_agreed(begun, day)


def _content(asked: Asked, bundle: WasmPolicy | None) -> dict[str, Any]:
    return {
        "agreements": [f"{draft.reference} version {draft.version}" for draft in asked.drafts],
        "bundle": bundle.revision if bundle else "",
        "on": asked.on.isoformat(),
        "last": asked.last,
    }
