"""Who has a seat on a day: members in term of forces that take part, and nobody else."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from athena.governance.bodies.models import Appointment, Body, BodyKind, seats_on
from athena.governance.votes.outcome import Duty

DAY = date(2026, 11, 25)


def appointment(**changes: Any) -> Appointment:
    """Return an appointment of Kent's member that runs on the day."""
    return Appointment(
        **{
            "appointment_id": UUID(int=1),
            "tenant": "kent",
            "tenant_is_active": True,
            "member_id": UUID(int=2),
            "username": "board.kent",
            "duty": Duty.MEMBER,
            "valid_from": date(2026, 1, 1),
            "valid_to": None,
            "ended_at": None,
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("changes", "seated"),
    [
        ({}, True),
        ({"valid_from": DAY}, True),
        ({"valid_from": date(2026, 11, 26)}, False),
        ({"valid_to": DAY}, True),
        ({"valid_to": date(2026, 11, 24)}, False),
        ({"ended_at": datetime(2026, 11, 1, tzinfo=UTC)}, False),
        ({"duty": Duty.SUBSTITUTE}, False),
        ({"duty": Duty.CHAIR}, False),
        ({"tenant_is_active": False}, False),
    ],
    ids=str,
)
def test_a_seat(changes: dict[str, Any], seated: bool) -> None:
    assert list(seats_on([appointment(**changes)], DAY)) == (["kent"] if seated else [])


def test_a_force_has_one_seat_however_many_were_appointed() -> None:
    appointed = [
        appointment(),
        appointment(username="dpo.kent", duty=Duty.SUBSTITUTE),
        appointment(tenant="essex", username="board.essex"),
        appointment(username="former.kent", valid_to=date(2026, 2, 1)),
    ]
    assert list(seats_on(appointed, DAY)) == ["essex", "kent"]


def test_an_alliances_group_admits_its_own_forces() -> None:
    def body(forces: tuple[str, ...] | None) -> Body:
        return Body(UUID(int=1), "x", "X", BodyKind.ALLIANCE_GROUP, None, forces)

    assert body(None).admits("kent")
    assert body(("kent",)).admits("kent")
    assert not body(("essex",)).admits("kent")
