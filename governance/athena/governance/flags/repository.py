"""The SQL of switches: the client body's login writes, the processes' own login reads all."""

from __future__ import annotations

from collections.abc import Sequence

from athena.governance.flags.models import Switch, Switches
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.rows import Row

MONITOR = "athena_monitor"
CHANNEL = "athena_features"
"""Where the store gives notice of a switch; a hint only."""


async def every(session: ReadSession) -> Switches:
    """Return every switch that the login may see."""
    rows = await session.rows(
        "SELECT tenant_id, feature, is_on, release, switched_at FROM governance.feature_switch"
    )
    return {
        (row.feature, TenantId(row.tenant_id)): Switch(row.is_on, row.release, row.switched_at)
        for row in rows
    }


async def put(
    session: WriteSession,
    features: Sequence[str],
    forces: Sequence[TenantId],
    *,
    on: bool,
    release: str,
) -> int:
    """Switch features for forces; return how many switches that were. Others aren't forces."""
    return await session.execute(
        "INSERT INTO governance.feature_switch (tenant_id, feature, is_on, release) "
        "SELECT t.tenant_id, f.feature, :on, :release FROM tenants.tenant AS t "
        "CROSS JOIN unnest(CAST(:features AS text[])) AS f (feature) "
        "WHERE t.tenant_id = ANY (CAST(:forces AS smallint[])) AND t.kind = 'force' "
        "ORDER BY t.tenant_id, f.feature "  # two at once lock in one order
        "ON CONFLICT (tenant_id, feature) DO UPDATE SET is_on = excluded.is_on, "
        "release = excluded.release, switched_at = CASE "  # what stays as it was keeps its time
        "WHEN (feature_switch.is_on, feature_switch.release) = (excluded.is_on, excluded.release) "
        "THEN feature_switch.switched_at ELSE now() END",
        {"features": list(features), "forces": list(forces), "on": on, "release": release},
    )


async def forces(session: ReadSession) -> Sequence[Row]:
    """Return the number and short name of each force that hasn't left."""
    return await session.rows(
        "SELECT tenant_id, slug FROM tenants.tenant "
        "WHERE kind = 'force' AND status <> 'offboarded' ORDER BY slug"
    )
