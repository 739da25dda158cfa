"""The command that tells which force has which feature."""

from __future__ import annotations

from athena.governance.changes.desk import Desk
from athena.governance.flags import service
from athena.governance.flags.schemas import FeatureView
from athena.platform.cli.common import Json, out, print_json
from athena.platform.cli.governance_common import AMO, Account, as_account
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.identity import Subject


def show(account: Account = AMO, as_json: Json = False) -> None:
    """Show which force has which feature, since when, and by which release."""

    async def work(desk: Desk, subject: Subject) -> list[FeatureView]:
        return await service.every(desk.office, subject)

    found = as_account(account, work)
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    for feature in found:
        out.print(f"{feature.name}: {feature.what}", markup=False)
        for held in feature.forces:
            state = "on" if held.on else "off"
            why = "as always; no release has switched it"
            if held.release is not None and held.since is not None:
                why = f"since {show_time(held.since)}, by {held.release}"
            out.print(f"  {held.force:24} {state:4} {why}", markup=False)
