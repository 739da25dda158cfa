"""The SQL of simulating: counts as the counter's login, archived inputs as the policy writer."""

from __future__ import annotations

from collections.abc import Mapping

from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.identity import LabelId
from athena.policies.simulations.models import Counted

COUNTER = "athena_counter"


async def count_by_label(session: ReadSession) -> Mapping[LabelId, int]:
    """Return how many nominals carry each label."""
    rows = await session.rows("SELECT label_id, nominals FROM records.count_by_label()")
    return {LabelId(row.label_id): row.nominals for row in rows}


async def count_decisions(session: ReadSession, last: int) -> list[Counted]:
    """Return by which decisions the last consultations were made."""
    rows = await session.rows(
        "SELECT decision_id, consultations FROM audit.count_decisions(:last) ORDER BY decision_id",
        {"last": last},
    )
    return [Counted(row.decision_id, row.consultations) for row in rows]
