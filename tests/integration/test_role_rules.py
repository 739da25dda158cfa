"""What roles may do is the store's to say: changed there, it holds in every process at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import RefusedError
from athena.platform.kernel.identity import Purpose, Role, TenantKind
from athena.platform.kernel.settings import Settings
from athena.platform.runtime import running
from athena.policies.decisions.embedded import EmbeddedPoint
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.roles.actions import Action
from athena.policies.roles.service import RoleTable, packaged_rules, rules_in_force, seed_rules
from athena.policies.visibility.service import Gate
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.tenth import get, post
from support.waiting import until

RULE = {"role": "records_manager", "kind": "force", "action": "nominals.erase"}


async def test_a_new_store_has_the_packaged_rules(platform: Platform) -> None:
    shown = await get(platform, "amo.admin", "roles")
    assert {(rule["role"], rule["kind"], rule["action"]) for rule in shown} == {
        (rule.role, rule.tenant_kind, rule.action) for rule in packaged_rules()
    }


async def test_a_withdrawn_rule_is_known_in_every_process_and_stays_withdrawn(
    platform: Platform, tmp_path: Path
) -> None:
    database = platform.runtime.database
    manager = await subject_by_username(database, "records.kent")
    async with running(platform.runtime.store, Settings(data_dir=tmp_path)) as another:

        async def may() -> bool:
            try:
                another.gate.authorise(manager, Action.NOMINALS_ERASE)
            except RefusedError:
                return False
            return True

        async def may_not() -> bool:
            return not await may()

        assert await may()
        taken = await post(platform, "amo.admin", "roles/withdraw", **RULE)
        assert taken.status_code == 204, taken.text
        await until(may_not)
        assert not await seed_rules(database)
        assert len(await rules_in_force(database)) == len(packaged_rules()) - 1
        given = await post(platform, "amo.admin", "roles/allow", **RULE)
        assert given.status_code == 204, given.text
        await until(may)
    assert (await post(platform, "amo.admin", "roles/allow", **RULE)).status_code == 409


async def test_the_next_transaction_goes_by_the_new_rules_without_any_notice(
    platform: Platform,
) -> None:
    """No notice reaches this gate: the store's revision tells it before anything opens."""
    database = platform.runtime.database
    gate = Gate(
        database,
        EmbeddedPoint(WasmPolicy.load()),
        RoleTable.compile(await rules_in_force(database)),
    )
    officer = await subject_by_username(database, "officer.kent")
    entry = Entry(EventKind.CONSULTATION, "nominals.search", REASON)

    async def search() -> None:
        async with gate.consult(
            officer, Action.NOMINALS_SEARCH, Purpose.INVESTIGATION, entry
        ) as consultation:
            assert consultation.subject == officer

    await search()
    rule = {"role": "officer", "kind": "force", "action": "nominals.search"}
    assert (await post(platform, "amo.admin", "roles/withdraw", **rule)).status_code == 204
    try:
        with pytest.raises(RefusedError):
            await search()
    finally:
        assert (await post(platform, "amo.admin", "roles/allow", **rule)).status_code == 204
    await gate.refresh()
    await search()


async def test_who_manages_forces_cant_be_allowed_records_and_vice_versa(
    platform: Platform,
) -> None:
    for role, kind, action in (
        (Role.AMO_ADMINISTRATOR, TenantKind.CLIENT_BODY, Action.NOMINALS_READ),
        (Role.AMO_ADMINISTRATOR, TenantKind.CLIENT_BODY, Action.RECORDS_EXPORT),
        (Role.SUPERVISOR, TenantKind.FORCE, Action.TENANTS_MANAGE),
        (Role.AUDITOR, TenantKind.OVERSIGHT, Action.ROLES_MANAGE),
    ):
        body = {"role": role.value, "kind": kind.value, "action": action.value}
        answer = await post(platform, "amo.admin", "roles/allow", **body)
        assert answer.status_code == 422, answer.text


async def test_the_rule_that_lets_rules_change_stays(platform: Platform) -> None:
    body = {"role": "amo_administrator", "kind": "client_body", "action": "roles.manage"}
    assert (await post(platform, "amo.admin", "roles/withdraw", **body)).status_code == 409


async def test_others_may_not_change_rules(platform: Platform) -> None:
    for username in ("admin.kent", "amo.finance", "auditor"):
        assert (await post(platform, username, "roles/allow", **RULE)).status_code == 403
