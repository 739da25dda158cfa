"""A force's own login lets it join a charge that a vote bound: the one thing that it posts.

The store does it, by `governance.join_charge`: it alone sees what the others were invoiced. It
takes the shares as they were worked out here, and nothing that doesn't add up to what the charge
costs; `changes.settling` has finance told where they aren't what the formula gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from athena.governance.acting import Acting
from athena.governance.apportionment.money import FinancialYear
from athena.governance.ledger import repository
from athena.governance.ledger.models import Charge
from athena.platform.kernel.identity import TenantId


async def post(
    acting: Acting,
    change_id: UUID,
    charge: Charge,
    targets: Mapping[FinancialYear, Mapping[TenantId, int]],
) -> list[int]:
    """Store that the acting member's force takes part; return the numbers of the journals posted.

    ``charge`` is with the force in it, ``targets`` what each force should bear of each year now.
    The caller holds the lock on posting. The store refuses a force that hasn't opted in, and
    shares that don't add up to what the charge costs.
    """
    shares = {
        str(year.begins): {str(tenant): pence for tenant, pence in shared.items()}
        for year, shared in targets.items()
    }
    return await repository.join_charge(
        acting.session,
        change_id,
        charge,
        shares,
        acting.subject.username,
        acting.reason,
    )
