"""The accounts over the API, as their users call them."""

from __future__ import annotations

from typing import Any

import httpx

from athena.governance.apportionment.money import FinancialYear
from athena.platform.kernel.clock import today
from support.api import Platform

FINANCE = "amo.finance"
BOARD = "board.kent"
WHY = "A test of the accounts"
COSTS = "/api/v1/governance/costs"
LEDGER = "/api/v1/governance/ledger"
THIS = FinancialYear.of(today())
YEAR, NEXT = str(THIS), str(THIS.next())
LATER = str(FinancialYear(THIS.begins + 4))
IN_YEAR: dict[str, Any] = {"financial_year": YEAR}


class Accounts:
    """The accounts as their users call them."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.made = 0

    async def get(self, path: str, account: str = FINANCE, status: int = 200) -> httpx.Response:
        """Read something."""
        answer = await self.platform.client.get(path, headers=await self.platform.headers(account))
        assert answer.status_code == status, answer.text
        return answer

    async def post(
        self, path: str, account: str = FINANCE, status: int | None = None, **body: Any
    ) -> httpx.Response:
        """Do something; it must succeed unless another status is expected."""
        answer = await self.platform.client.post(
            path,
            json={"reason": WHY, **body},
            headers=await self.platform.headers(account),
        )
        if status is None:
            assert answer.status_code in (200, 201, 204), answer.text
        else:
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"].endswith(".")
        return answer

    async def charge(self, **fields: Any) -> str:
        """Agree to a charge of £900 among three forces, in equal parts; return its reference."""
        if not self.made:
            await self.post(f"{COSTS}/formulas/equal", title="Equal", formula={"kind": "equal"})
        self.made += 1
        reference = f"TEST-{self.made}"
        body = {
            "reference": reference,
            "title": "A test's charge",
            "kind": "one_off",
            "amount_pence": 90_000,
            "formula": "equal/1",
            "first_year": YEAR,
            "forces": ["kent", "essex", "norfolk"],
        }
        await self.post(f"{LEDGER}/charges", **{**body, **fields})
        return reference

    async def balances(self) -> dict[tuple[str, str | None], int]:
        """Return the trial balance."""
        answer = await self.get(f"{LEDGER}/balances")
        return {(each["account"], each["force"]): each["pence"] for each in answer.json()}

    async def by_force(self, reference: str, kind: str = "by_force") -> dict[str, int]:
        """Return what each force bears of a charge's only committed year."""
        answer = await self.get(f"{LEDGER}/charges/{reference}")
        (year,) = answer.json()["years"]
        found: dict[str, int] = year[kind]
        return found
