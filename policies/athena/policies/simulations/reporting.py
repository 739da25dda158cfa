"""Making a report of differences: grouped by who sees what, and counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from athena.platform.kernel.identity import FieldGroup, LabelId, Level
from athena.policies.decisions.documents import LabelDecision
from athena.policies.simulations.drafts import assumed
from athena.policies.simulations.models import Asked, Consultations, Difference, Profile
from athena.policies.simulations.schemas import (
    Asker,
    Becomes,
    Change,
    ConsultationsReport,
    DraftNamed,
    LabelCounted,
    Report,
    Shown,
    Total,
)

ASSUMPTIONS = (
    "Every party of a simulated agreement is assumed to have signed it, and a draft to be put in "
    "force.",
    "Tenants that are suspended today are assumed to stay so, and records to keep their labels.",
    "Past consultations are decided as if the agreements had already begun on their day.",
)


def make_report(
    asked: Asked,
    differences: Sequence[Difference],
    counts: Mapping[LabelId, int],
    consultations: Consultations,
    stored: Mapping[str, int],
    revisions: tuple[str, str],
) -> Report:
    """Return the report; ``stored`` has the version of each agreement that is stored, by id."""
    grouped: dict[tuple[object, ...], list[Difference]] = defaultdict(list)
    for difference in differences:
        grouped[_key(difference)].append(difference)
    changes = tuple(_change(same, counts) for same in grouped.values())
    return Report(
        on=asked.on,
        agreements=tuple(
            DraftNamed(
                reference=draft.reference,
                version=draft.version,
                title=draft.title,
                replaces=stored.get(str(draft.id)),
                assumed=assumed(draft),
            )
            for draft in asked.drafts
        ),
        bundle_revision=revisions[0],
        simulated_revision=revisions[1],
        assumptions=ASSUMPTIONS,
        askers=tuple(_asker(profile) for profile in asked.profiles),
        nominals=sum(counts.values()),
        labels=len(counts),
        totals=_totals(asked, changes),
        changes=changes,
        consultations=ConsultationsReport(
            examined=consultations.examined,
            decisions=consultations.decisions,
            different=consultations.different,
            different_decisions=consultations.different_decisions,
        ),
    )


def becomes(before: LabelDecision, after: LabelDecision) -> Becomes:
    """Return how what is seen of a label changes."""
    if before.level is not after.level:
        if before.level is Level.NONE:
            return Becomes.VISIBLE
        if after.level is Level.NONE:
            return Becomes.INVISIBLE
        return Becomes.MORE if after.level.rank > before.level.rank else Becomes.LESS
    if {*after.groups} > {*before.groups}:
        return Becomes.MORE
    if {*after.groups} < {*before.groups}:
        return Becomes.LESS
    return Becomes.OTHERWISE


def _key(difference: Difference) -> tuple[object, ...]:
    return (
        difference.requester,
        difference.purpose,
        difference.label["id"],
        _shown(difference.before),
        _shown(difference.after),
    )


def _change(same: Sequence[Difference], counts: Mapping[LabelId, int]) -> Change:
    first = same[0]
    nominals = counts[LabelId(first.label["id"])]
    return Change(
        requester=first.requester,
        purpose=first.purpose,
        label=LabelCounted.model_validate({**first.label, "nominals": nominals}),
        becomes=becomes(first.before, first.after),
        before=_shown(first.before),
        after=_shown(first.after),
        gained=_missing(first.after.groups, first.before.groups),
        lost=_missing(first.before.groups, first.after.groups),
        askers=tuple(_asker(difference.profile) for difference in same),
    )


def _totals(asked: Asked, changes: Sequence[Change]) -> tuple[Total, ...]:
    """Count each nominal once a requester and purpose: for the first asker who sees a change."""
    order = {_asker(profile): place for place, profile in enumerate(asked.profiles)}
    first: dict[tuple[object, ...], Change] = {}
    for change in sorted(changes, key=lambda item: min(order[asker] for asker in item.askers)):
        first.setdefault((change.requester, change.purpose, change.label.id), change)
    counted: Counter[Total] = Counter()
    for change in first.values():
        line = Total(
            requester=change.requester,
            purpose=change.purpose,
            owner=change.label.owner,
            becomes=change.becomes,
            level=change.after.level,
            nominals=0,
            gained=change.gained,
            lost=change.lost,
        )
        counted[line] += change.label.nominals
    found = [line.model_copy(update={"nominals": number}) for line, number in counted.items()]
    found.sort(
        key=lambda line: (line.requester, line.purpose, line.owner, line.becomes, line.level)
    )
    return tuple(line for line in found if line.nominals)


def _shown(decision: LabelDecision) -> Shown:
    return Shown(
        level=decision.level,
        groups=decision.groups,
        obligations=tuple(obligation.value for obligation in decision.obligations),
    )


def _missing(wanted: Sequence[FieldGroup], present: Sequence[FieldGroup]) -> tuple[FieldGroup, ...]:
    return tuple(group for group in wanted if group not in present)


def _asker(profile: Profile) -> Asker:
    return Asker(role=profile.role, clearance=profile.clearance)
