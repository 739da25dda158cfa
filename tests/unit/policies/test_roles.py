"""What each role may do: the look-up is the enforcer, and docs/policy.md tells it."""

from __future__ import annotations

import dataclasses
import re
from itertools import combinations, product
from pathlib import Path
from uuid import UUID

import pytest

from athena.platform.kernel.errors import RefusedError
from athena.platform.kernel.identity import Role, Subject, TenantId, TenantKind
from athena.policies.roles.actions import Action
from athena.policies.roles.service import Authorised, RoleTable, make_enforcer

DOCUMENT = Path(__file__).parents[3] / "docs" / "policy.md"

KINDS = {
    "a force": TenantKind.FORCE,
    "the client body": TenantKind.CLIENT_BODY,
    "a partner": TenantKind.PARTNER,
    "oversight": TenantKind.OVERSIGHT,
}


@pytest.fixture(scope="module")
def table() -> RoleTable:
    return RoleTable.load()


def subject(kind: TenantKind, *roles: Role) -> Subject:
    return Subject(
        member_id=UUID(int=1),
        username="somebody",
        display_name="Somebody",
        tenant_id=TenantId(1),
        tenant="kent",
        tenant_kind=kind,
        login="athena_kent",
        roles=frozenset(roles),
    )


def documented() -> dict[Role, tuple[TenantKind, set[Action]]]:
    """Return the table of docs/policy.md."""
    told: dict[Role, tuple[TenantKind, set[Action]]] = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[1] in KINDS:
            actions = {Action(code) for code in re.findall(r"`([^`]+)`", cells[2])}
            if "what an officer may" in cells[2]:
                actions |= told[Role.OFFICER][1]
            told[Role(cells[0].lower().replace(" ", "_"))] = (KINDS[cells[1]], actions)
    return told


class TestTable:
    def test_equals_the_enforcer_for_every_combination(self, table: RoleTable) -> None:
        enforcer = make_enforcer()
        for role, kind, action in product(Role, TenantKind, Action):
            expected = enforcer.enforce(role.value, kind.value, action.value)
            assert table.allows([role], kind, action) == expected, (role, kind, action)

    def test_is_the_table_of_the_document(self, table: RoleTable) -> None:
        told = documented()
        assert set(told) == set(Role)
        for role, kind, action in product(Role, TenantKind, Action):
            home, actions = told[role]
            expected = kind is home and action in actions
            assert table.allows([role], kind, action) == expected, (role, kind, action)

    def test_several_roles_allow_what_any_of_them_does(self, table: RoleTable) -> None:
        for pair, kind, action in product(combinations(Role, 2), TenantKind, Action):
            expected = any(table.allows([role], kind, action) for role in pair)
            assert table.allows(pair, kind, action) == expected

    def test_no_role_allows_nothing(self, table: RoleTable) -> None:
        assert not any(
            table.allows([], kind, action) for kind, action in product(TenantKind, Action)
        )

    def test_every_action_is_somebodys(self, table: RoleTable) -> None:
        for action in Action:
            assert any(table.allows(Role, kind, action) for kind in TenantKind), action

    def test_actions_stand_in_the_order_of_the_alphabet(self) -> None:
        assert list(Action) == sorted(Action)


class TestAuthorise:
    def test_gives_a_proof(self, table: RoleTable) -> None:
        officer = subject(TenantKind.FORCE, Role.OFFICER)
        proof = table.authorise(officer, Action.NOMINALS_SEARCH)
        assert (proof.subject, proof.action) == (officer, Action.NOMINALS_SEARCH)

    def test_refuses_in_a_plain_sentence_without_the_member(self, table: RoleTable) -> None:
        officer = subject(TenantKind.FORCE, Role.OFFICER)
        with pytest.raises(RefusedError) as refused:
            table.authorise(officer, Action.NOMINALS_ERASE)
        assert "nominals.erase" in refused.value.detail
        assert officer.username not in str(refused.value.problem())

    def test_a_role_of_a_force_means_nothing_elsewhere(self, table: RoleTable) -> None:
        with pytest.raises(RefusedError):
            table.authorise(subject(TenantKind.CLIENT_BODY, Role.OFFICER), Action.NOMINALS_SEARCH)

    def test_a_proof_cant_be_made_or_turned_into_another(self, table: RoleTable) -> None:
        officer = subject(TenantKind.FORCE, Role.OFFICER)
        proof = table.authorise(officer, Action.NOMINALS_SEARCH)
        with pytest.raises(TypeError):
            Authorised(officer, Action.NOMINALS_ERASE, object())
        with pytest.raises((TypeError, ValueError)):
            dataclasses.replace(proof, action=Action.NOMINALS_ERASE)  # type: ignore[call-arg]
        with pytest.raises(AttributeError):
            proof.action = Action.NOMINALS_ERASE  # type: ignore[misc]
