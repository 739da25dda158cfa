"""How near its deadline a duty is, and what its notice says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from athena.governance.duties.models import SOON, Duty, DutyKind, Stage
from athena.governance.duties.telling import WORDS, message

DUE = datetime(2026, 11, 2, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


def duty(due_at: datetime | None) -> Duty:
    """Return an assessment that waits for Kent."""
    since, link = DUE - timedelta(days=14), "/api/v1/governance/changes/CR-0001/assessments"
    return Duty(DutyKind.ASSESS, "kent", "CR-0001", "Photographs", since, due_at, "1", link)


@pytest.mark.parametrize(
    ("now", "stage"),
    [
        (DUE - SOON - INSTANT, Stage.WAITS),
        (DUE - SOON, Stage.SOON),
        (DUE - INSTANT, Stage.SOON),
        (DUE, Stage.LATE),
        (DUE + timedelta(days=400), Stage.LATE),
    ],
)
def test_the_stage_follows_the_deadline(now: datetime, stage: Stage) -> None:
    assert duty(DUE).stage(now) is stage
    assert duty(None).stage(now) is Stage.WAITS


def test_every_notice_has_a_sentence_of_its_own_that_names_nothing() -> None:
    told = [message(kind, stage) for kind in WORDS for stage in Stage]
    assert len(set(told)) == len(told)
    assert message(DutyKind.ASSESS, Stage.LATE) == "in_governance_an_impact_assessment_is_late"
    assert all("kent" not in each and "cr-" not in each for each in told)
