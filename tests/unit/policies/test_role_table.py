"""The compiled role table answers as Casbin does, and only it makes a proof."""

from __future__ import annotations

from itertools import product
from uuid import uuid4

import pytest

from athena.platform.kernel.errors import RefusedError
from athena.platform.kernel.identity import Role, Subject, TenantId, TenantKind
from athena.policies.roles.actions import Action
from athena.policies.roles.service import Authorised, RoleTable, make_enforcer


def test_it_answers_as_the_enforcer_for_every_combination() -> None:
    table, enforcer = RoleTable.load(), make_enforcer()
    for role, kind, action in product(Role, TenantKind, Action):
        assert table.allows([role], kind, action) == enforcer.enforce(role, kind, action)


def test_actions_stand_in_the_alphabets_order() -> None:
    assert list(Action) == sorted(Action)


def test_nobody_outside_a_force_touches_a_nominal() -> None:
    table = RoleTable.load()
    for kind in set(TenantKind) - {TenantKind.FORCE}:
        for action in Action:
            if action.startswith("nominals."):
                assert not table.allows(Role, kind, action)


def test_a_proof_is_made_by_a_decision_only() -> None:
    officer = Subject(
        uuid4(),
        "officer.kent",
        "Officer",
        TenantId(1),
        "kent",
        TenantKind.FORCE,
        "athena_kent",
        frozenset({Role.OFFICER}),
    )
    table = RoleTable.load()
    assert table.authorise(officer, Action.NOMINALS_SEARCH).action is Action.NOMINALS_SEARCH
    with pytest.raises(RefusedError):
        table.authorise(officer, Action.AUDIT_READ)
    with pytest.raises(TypeError):
        Authorised(officer, Action.AUDIT_READ, object())
