"""The accounts as the running platform holds them: costs, the ledger, reading, withdrawals."""

from __future__ import annotations

from dataclasses import dataclass

from athena.governance.acting import Authorise, Office
from athena.governance.apportionment.service import Costs
from athena.governance.ledger.reading import Reader
from athena.governance.ledger.service import Ledger
from athena.governance.ledger.withdrawals import Withdrawals
from athena.platform.kernel.database import Database


@dataclass(frozen=True, slots=True)
class Accounts:
    """Everything by which the consortium's costs are shared and accounted for."""

    costs: Costs
    ledger: Ledger
    reader: Reader
    withdrawals: Withdrawals

    @classmethod
    def over(cls, database: Database, authorise: Authorise) -> Accounts:
        """Return them over a store, for members whose roles allow each act."""
        office = Office(database, authorise)
        return cls(Costs(office), Ledger(office), Reader(office), Withdrawals(office))
