"""The store before pgrls, a linter of row-level security: clean, or answered with a reason."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from rls.findings import ANSWERED
from support.cluster import ROOT, Cluster

SCHEMAS = "audit,ctx,governance,names,policies,public,records,sharing,tenants"
PGRLS = Path(sys.executable).parent / "pgrls"


@dataclass(frozen=True)
class Finding:
    """A rule that was broken, and where."""

    rule: str
    place: str


async def lint(cluster: Cluster, database: str) -> set[Finding]:
    """Return everything that pgrls finds in a database."""
    url = cluster.store(database).admin_url.set(drivername="postgresql")
    process = await asyncio.create_subprocess_exec(
        PGRLS,
        "lint",
        *("--config", str(ROOT / "tests" / "rls" / "pgrls.toml")),
        *("--schemas", SCHEMAS, "--format", "json"),
        env={**os.environ, "DATABASE_URL": url.render_as_string(hide_password=False)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, errors = await process.communicate()
    assert process.returncode == 1, errors.decode()  # 0: no finding, 2: it couldn't run
    return {
        Finding(found["rule_id"], found["location"]) for found in json.loads(printed)["violations"]
    }


@pytest.fixture(scope="module")
async def findings(cluster: Cluster, consortium: str) -> set[Finding]:
    """Return the findings in the migrated template."""
    return await lint(cluster, consortium)


def test_every_finding_is_answered(findings: set[Finding]) -> None:
    unanswered = {
        finding
        for finding in findings
        if not any(fnmatchcase(finding.place, place) for place in ANSWERED.get(finding.rule, {}))
    }
    assert unanswered == set(), "mend it, or say in findings.py why it is meant to be so"


def test_every_answer_is_still_asked_for(findings: set[Finding]) -> None:
    unasked = {
        (rule, place)
        for rule, answers in ANSWERED.items()
        for place in answers
        if not any(found.rule == rule and fnmatchcase(found.place, place) for found in findings)
    }
    assert unasked == set(), "no longer found: take it out of findings.py"


def test_readers_find_the_answers() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    assert [rule for rule in ANSWERED if f"`{rule}`" not in text] == []


async def test_a_hole_is_found(cluster: Cluster, consortium: str) -> None:
    """The linter is awake: a table without a policy, and a view that runs as its owner."""
    with cluster.locked():
        name = await cluster.create(consortium)
    admin = await cluster.admin(name)
    try:
        await admin.execute(
            "CREATE TABLE records.new (owner_force smallint); "
            "CREATE VIEW records.everybody AS SELECT * FROM records.nominal"
        )
        found = await lint(cluster, name)
    finally:
        await admin.close()
        await cluster.drop(name)
    assert {("SEC001", "records.new"), ("VIEW001", "records.everybody")} <= {
        (finding.rule, finding.place) for finding in found
    }
