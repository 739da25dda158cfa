"""What waits for a force, and oversight's view of everything that goes on."""

from __future__ import annotations

from typing import Any

import pytest

from athena.governance.apportionment.money import FinancialYear
from athena.platform.kernel.clock import today
from support.api import Platform
from support.cluster import Cluster
from support.governance import AMO, ASSESSMENT, FINANCE, Chamber, request

YEAR = str(FinancialYear.of(today()))
EQUAL = {"formula": "equal", "financial_year": YEAR}
OVERSIGHT = "auditor"


@pytest.fixture(scope="module")
async def chamber(platform: Platform) -> Chamber:
    chamber = Chamber(platform)
    formula = {"kind": "equal"}
    await chamber.done(FINANCE, "costs/formulas/equal", title="Equal", formula=formula)
    return chamber


async def waits(chamber: Chamber, account: str, reference: str) -> list[str]:
    """Return what an account has to do about a change."""
    answer = await chamber.get(account, "duties")
    assert answer.status_code == 200, answer.text
    return [duty["kind"] for duty in answer.json() if duty["reference"] == reference]


async def test_what_is_to_be_done_waits_for_who_can_do_it_until_it_is_done(
    chamber: Chamber,
) -> None:
    board = await chamber.body(["kent", "essex"])
    reference = await chamber.submitted(request(optional=True, one_off_pence=900))
    path = f"changes/{reference}"
    assert await waits(chamber, "board.kent", reference) == ["assess", "opt_in"]
    assert await waits(chamber, "dpo.kent", reference) == ["assess"]
    assert await waits(chamber, "board.norfolk", reference) == ["opt_in"]
    assert (await chamber.get("officer.kent", "duties")).status_code == 403
    for account in (AMO, FINANCE, OVERSIGHT):
        assert await waits(chamber, account, reference) == []
    duties = (await chamber.get("board.kent", "duties")).json()
    due = {item["kind"]: item["due_at"] for item in duties if item["reference"] == reference}
    assert due["assess"] == (await chamber.get("board.kent", path)).json()["assess_by"]

    await chamber.done("board.norfolk", f"{path}/opt-out")
    assert await waits(chamber, "board.norfolk", reference) == []
    assert (await chamber.post("board.norfolk", f"{path}/opt-out")).status_code == 409
    await chamber.done("board.kent", f"{path}/opt-in")
    for force in ("kent", "essex"):
        await chamber.done(f"dpo.{force}", f"{path}/assessments", assessment=ASSESSMENT)
    assert await waits(chamber, "board.kent", reference) == []
    assert await waits(chamber, "board.essex", reference) == ["opt_in"]

    await chamber.done(FINANCE, f"{path}/previews", preview=EQUAL)
    vote = await chamber.opened(board, reference)
    assert await waits(chamber, "board.essex", reference) == ["vote"]
    for force in ("kent", "essex"):
        await chamber.cast(vote, f"board.{force}")
        assert await waits(chamber, f"board.{force}", reference) == []
    assert await waits(chamber, "board.norfolk", reference) == []
    await chamber.done(AMO, f"votes/{vote}/close")

    assert await waits(chamber, FINANCE, reference) == []
    await chamber.done("board.norfolk", f"{path}/opt-in")
    assert await waits(chamber, FINANCE, reference) == []  # it was posted with it
    await chamber.done("board.kent", f"{path}/withdraw")
    assert await waits(chamber, FINANCE, reference) == ["settle"]
    await chamber.done(FINANCE, f"{path}/settle")
    assert await waits(chamber, FINANCE, reference) == []


async def test_oversight_sees_everything_that_goes_on(chamber: Chamber) -> None:
    board = await chamber.body()
    done = await chamber.assessed(request(one_off_pence=90_000))
    await chamber.done(FINANCE, f"changes/{done}/previews", preview=EQUAL)
    await chamber.carried(board, done)
    asked = await chamber.assessed()
    await chamber.opened(board, asked)
    draft = await chamber.raised(request(), "board.essex")
    budget: dict[str, Any] = {"financial_year": YEAR, "amount_pence": 80_000}
    await chamber.done(FINANCE, "ledger/budgets", **budget)
    view = (await chamber.get(OVERSIGHT, "oversight")).json()
    states = {item["reference"]: item["state"] for item in view["changes"]}
    assert (states[done], states[asked], states[draft]) == ("authorised", "authorise", "new")
    listed = (await chamber.get(OVERSIGHT, "changes")).json()
    assert sum(view["by_state"].values()) == len(listed)
    assert [vote["reference"] for vote in view["open_votes"]] == [asked]
    assert view["closed_votes"][0]["reference"] == done
    (this, _) = view["years"]
    assert (this["budget_pence"], this["committed_pence"]) == (80_000, 90_000)
    assert "£100.00 over the budget" in this["sentence"]
    for account in ("board.kent", "officer.kent"):
        assert (await chamber.get(account, "oversight")).status_code == 403


async def test_oversight_does_nothing_and_reads_no_record(
    chamber: Chamber, platform: Platform, cluster: Cluster
) -> None:
    """Every act that the API offers, by its description of itself, and the plain ones whole."""
    reference = await chamber.submitted(request())
    before = await held(platform, cluster)
    whole: dict[str, dict[str, Any]] = {
        f"changes/{reference}/comments": {"comment": {"text": "We object."}},
        f"changes/{reference}/withdraw": {},
        f"changes/{reference}/settle": {},
        f"changes/{reference}/assessments": {"assessment": ASSESSMENT},
        "changes": {"document": request()},
        "ledger/payments": {"amount_pence": 1, "document": "X"},
        "ledger/budgets": {"financial_year": YEAR, "amount_pence": 1},
        "costs/formulas/equal": {"title": "Ours", "formula": {"kind": "equal"}},
    }
    for path, body in whole.items():
        assert (await chamber.post(OVERSIGHT, path, **body)).status_code == 403, path
    prefix = "/api/v1/governance/"
    offered = [
        (path.removeprefix(prefix).format_map(Anything(reference)), method)
        for path, methods in platform.app.openapi()["paths"].items()
        if path.startswith(prefix)
        for method in methods
    ]
    assert len(offered) > 40
    for path, method in offered:
        if method == "post" and path != "costs/preview":
            answer = await chamber.post(OVERSIGHT, path)
            assert answer.status_code in (403, 404, 409, 422), (path, answer.text)
    assert await held(platform, cluster) == before
    found = await platform.search(OVERSIGHT, name="smith")
    assert found.status_code == 403


class Anything(dict[str, str]):
    """Stands for whatever a path names."""

    def __init__(self, reference: str) -> None:
        super().__init__(name=reference)

    def __missing__(self, key: str) -> str:
        return "00000000-0000-4000-8000-000000000000"


async def held(platform: Platform, cluster: Cluster) -> dict[str, int]:
    """Return how many rows each table of governance holds.

    Without the counts of requests: every process adds to them as it answers, a refusal included.
    """
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        tables = [
            row["relname"]
            for row in await admin.fetch(
                "SELECT relname FROM pg_class WHERE relnamespace = 'governance'::regnamespace "
                "AND relkind = 'r' AND relname <> 'request_count'"
            )
        ]
        return {
            table: await admin.fetchval(f"SELECT count(*) FROM governance.{table}")
            for table in tables
        }
    finally:
        await admin.close()
