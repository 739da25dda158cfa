"""What governance can't take is refused with one clear problem, in the API as on the command line.

Nothing of it is stored: every table of governance holds as many rows as before.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from support.api import Platform
from support.cluster import Cluster
from support.command_line import CommandLine, command_line
from support.governance import AMO, FINANCE, RULE, WHY, Chamber, constitution, request
from support.releases import Rollouts, opened_rollouts, plan, ring, window

EMPTY_YEAR = "2055/56"
"""A financial year of which nobody has stored a basis."""


@dataclass
class Both:
    """Both ways to reach one store."""

    rollouts: Rollouts
    commands: CommandLine
    directory: Path

    @property
    def chamber(self) -> Chamber:
        """The API of governance."""
        return self.rollouts.chamber

    @property
    def admin(self) -> asyncpg.Connection:
        """The store, whose every row can be counted."""
        return self.rollouts.admin

    async def rows(self) -> dict[str, int]:
        """Return how many rows each table of governance holds, but for what is counted of calls."""
        names = await self.admin.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'governance' "
            "AND table_type = 'BASE TABLE' AND table_name <> 'request_count'"
        )
        assert len(names) > 20
        return {
            name: await self.admin.fetchval(f'SELECT count(*) FROM governance."{name}"')
            for (name,) in names
        }

    async def refused(
        self, account: str, path: str, status: int, line: str, *told: str, **body: Any
    ) -> None:
        """Be refused by the API and by the command line, for the same reason."""
        before = await self.rows()
        answer = await self.chamber.post(account, path, **body)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert problem["detail"].endswith(".")
        (whole,) = [body[key] for key in ("document", "preview") if key in body] or [body]
        (self.directory / "given.json").write_text(json.dumps(whole))
        code, out, errors = await self.commands.athena(
            f"governance {line} --as {account} --reason '{WHY}'"
        )
        assert (code, out) == (1, ""), errors
        (sentence,) = errors.splitlines()
        assert sentence.startswith("athena: ")
        assert sentence.endswith(".")
        for words in told:
            assert words in answer.text
            assert words in sentence
        assert await self.rows() == before


@pytest.fixture(scope="module")
async def both(
    platform: Platform, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Both]:
    """Yield the API and a command line over its store, with an approved entry of the catalogue."""
    store, directory = platform.runtime.store, tmp_path_factory.mktemp("commands")
    environment = {
        **os.environ,
        "ATHENA_DATA_DIR": str(directory / "data"),
        "ATHENA_DATABASE_URL": store.admin_url.render_as_string(hide_password=False),
        "ATHENA_MASTER_SECRET": store.master_secret.decode(),
    }
    async with (
        opened_rollouts(platform, cluster) as rollouts,
        command_line(environment, directory) as commands,
    ):
        yield Both(rollouts, commands, directory)


async def test_a_negative_cost(both: Both) -> None:
    document = request(one_off_pence=-1)
    line = "changes raise given.json"
    await both.refused("board.kent", "changes", 422, line, "one_off_pence", document=document)
    reference = await both.chamber.submitted(request())
    quote = {"supplier_reference": "Q-1", "one_off_pence": -1}
    line = f"changes quote {reference} Q-1 --one-off-pence -1"
    await both.refused(
        FINANCE, f"changes/{reference}/quotes", 422, line, "one_off_pence", quote=quote
    )


async def test_a_ring_with_a_force_in_black_out(both: Both) -> None:
    chamber, when = both.chamber, window(600, 6)
    black_out = {"title": "Whitstable carnival", **window(599, 24)}
    await chamber.done("admin.kent", "releases/black-outs", **black_out)
    change = await both.rollouts.change()
    name = await both.rollouts.drafted(plan(change, rings=[ring("essex", "kent", window=when)]))
    told = ("Ring 1", "kent has a black-out", "Whitstable carnival")
    await both.refused(AMO, f"releases/{name}/plan", 409, f"releases plan {name}", *told)
    assert await both.rollouts.state_of(name) == ("draft", ["waiting"])


async def test_a_constitution_whose_rule_has_no_quorum(both: Both) -> None:
    rule = {"decision": "change_normal", "majority": RULE["majority"]}
    without: tuple[dict[str, Any], ...] = ({}, {"quorum": {}})
    for quorum in without:
        body = {
            "slug": "without-quorum",
            "name": "A body without a quorum",
            "kind": "change_advisory_board",
            "constitution": constitution(rules=[rule | quorum]),
        }
        await both.refused(AMO, "bodies", 422, "bodies found given.json", "quorum", **body)


async def test_a_vote_that_no_rule_of_the_body_is_for(both: Both) -> None:
    rules = [{"decision": "catalogue", **RULE}]
    body = await both.chamber.body(rules=rules)
    reference = await both.chamber.assessed()
    question = "Shall it be done?"
    line = f"votes open {body} {reference} --question '{question}'"
    asked = {"body": body, "kind": "change", "reference": reference, "question": question}
    await both.refused(AMO, "votes", 422, line, "no quorum", **asked)
    assert await both.chamber.state(reference) == "authorise"


async def test_a_formula_whose_basis_is_missing(both: Both) -> None:
    by_headcount = {"kind": "measure", "measure": "headcount"}
    await both.chamber.done(
        FINANCE, "costs/formulas/by-headcount", title="By headcount", formula=by_headcount
    )
    reference = await both.chamber.assessed()
    preview = {"formula": "by-headcount", "financial_year": EMPTY_YEAR}
    line = f"changes preview {reference} given.json"
    await both.refused(
        FINANCE,
        f"changes/{reference}/previews",
        409,
        line,
        "headcount",
        EMPTY_YEAR,
        preview=preview,
    )
