"""What a simulation foresees is what raw SQL sees once the agreement is in force."""

from __future__ import annotations

import json
from datetime import timedelta

from athena.platform.kernel.clock import today
from athena.platform.kernel.identity import Clearance, Level, Purpose, Role
from athena.policies.agreements import repository as agreements
from athena.policies.agreements.document import Agreement, AgreementStatus
from athena.policies.agreements.founding import CLIENT_BODY, found
from athena.policies.agreements.models import LIVE
from athena.policies.simulations.drafts import as_if_agreed
from athena.policies.simulations.schemas import Asker, Report
from athena.records.nominals.models import ROW_TABLES
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster
from support.drafts import FULL, draft, load_nominals, new_agreement, simulated

OFFICER = Asker(role=Role.OFFICER, clearance=Clearance.OFFICIAL_SENSITIVE)
GROUPS = {table.name: table.group for table in ROW_TABLES if table.group is not None}

Seen = dict[tuple[str, str, int], tuple[str, frozenset[str], int]]
"""Of (force, purpose, label): the level, the groups, and how many nominals show."""


async def raw_sight(platform: Platform, cluster: Cluster) -> Seen:
    """Return what each force's officers see for each purpose, by raw SQL as the force's login."""
    seen: Seen = {}
    admin = await cluster.admin(platform.runtime.store.address.database)
    borne = {row[0] for row in await admin.fetch("SELECT DISTINCT label_id FROM records.nominal")}
    await admin.close()
    parts = [
        "SELECT 'summary' AS scope, label_id, count(*) AS rows FROM records.nominal GROUP BY 2",
        "SELECT 'pointer', unnest(ctx.visible_labels('pointer')), 0",
        *(
            f"SELECT '{group.value}', label_id, count(*) FROM records.{table} GROUP BY 2"
            for table, group in GROUPS.items()
        ),
    ]
    for force in FORCE_SLUGS:
        subject = await subject_by_username(platform.runtime.database, f"officer.{force}")
        connection = await cluster.login(platform.runtime.store.address.database, subject.login)
        for purpose in Purpose:
            visibility = await platform.runtime.gate.visibility(subject, purpose)
            async with connection.transaction():
                await connection.execute(
                    "SELECT audit.append($1, 'consultation', 'test', 'raw SQL', '{}', '[]')",
                    visibility.grant_set_id,
                )
                found = await connection.fetch(" UNION ALL ".join(parts))
            for label in {row["label_id"] for row in found} & borne:
                scopes = {row["scope"]: row["rows"] for row in found if row["label_id"] == label}
                groups = frozenset(scopes) - {"summary", "pointer"}
                level = "full" if groups else next(iter(scopes))
                seen[force, purpose.value, label] = (level, groups, scopes.get("summary", 0))
        await connection.close()
    return seen


def foreseen(before: Seen, report: Report) -> Seen:
    """Return what officers see once the changes of a report have come."""
    after = dict(before)
    for change in report.changes:
        if OFFICER not in change.askers or not change.label.nominals:
            continue
        key = (change.requester, change.purpose.value, change.label.id)
        told = before.get(key, ("none", frozenset(), 0))
        assert told[:2] == (change.before.level, frozenset(change.before.groups))
        shows = change.after.level.rank >= Level.SUMMARY.rank
        after.pop(key, None)
        if change.after.level is not Level.NONE:
            groups = frozenset(group.value for group in change.after.groups)
            count = change.label.nominals if shows else 0
            after[key] = (change.after.level.value, groups, count)
    return after


async def bring_into_force(platform: Platform, agreed: Agreement) -> None:
    """Store an agreement as every party signed it, and end it where it says that it has ended."""
    agreement = Agreement.model_validate_json(json.dumps(as_if_agreed(agreed, today())))
    ended = agreement.status is AgreementStatus.TERMINATED
    async with platform.runtime.database.write(CLIENT_BODY) as session:
        if ended:
            agreement = agreement.model_copy(update={"status": AgreementStatus.IN_FORCE})
        await found(session, [agreement])
        if ended:
            await agreements.move(
                session,
                agreement.id,
                AgreementStatus.TERMINATED,
                LIVE,
                "terminated",
                "amo",
                "A test",
            )
    platform.runtime.gate.forget()


async def test_what_is_foreseen_is_what_is_then_seen(platform: Platform, cluster: Cluster) -> None:
    """One change after another: more groups, a new agreement, narrower terms, suspension, end."""
    await load_nominals(platform)
    scenarios = [
        draft("ATH-ISA-03", purposes={"investigation": FULL, "custody": {"level": "pointer"}}),
        new_agreement("ATH-ISA-91"),
        draft("ATH-ISA-07", subject_categories=["suspect"], marking_ceiling="OFFICIAL-SENSITIVE"),
        draft("ATH-ISA-04", review_due="2031-01-01", handling_ceiling="P"),
        draft("ATH-ISA-08", status="suspended", suspended_reason="A breach is looked into"),
        draft("ATH-ISA-05", status="terminated"),
        draft("ATH-ISA-03", 3, valid_from=(today() + timedelta(days=1)).isoformat()),
    ]
    before = await raw_sight(platform, cluster)
    for agreed in scenarios[:-1]:
        report = await simulated(platform, agreed, last=0)
        assert report.changes, agreed.reference
        expected = foreseen(before, report)
        await bring_into_force(platform, agreed)
        assert await raw_sight(platform, cluster) == expected, agreed.reference
        before = expected
    assert (await simulated(platform, scenarios[-1])).on == today() + timedelta(days=1)
