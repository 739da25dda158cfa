"""A made-up year is played whole, by those who may, and goes on from wherever it broke off."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from athena.governance.votes.minute import verify
from athena.platform.cli.governance_demo import play
from athena.platform.cli.year.papers import (
    AUTUMN,
    BREAK_GLASS_FORM,
    CHANGES,
    CLOCKS,
    COLOURS,
    DICTATION,
    FORCES,
    RELEASES,
    SPRING,
    UPGRADE,
    VOICE_NOTES,
    WINTER,
)
from athena.platform.cli.year.repository import try_lock
from athena.platform.cli.year.stage import MARK, was_done
from athena.platform.cli.year.summary import Summary
from athena.platform.kernel import audit_log
from athena.platform.kernel.errors import ConfigurationError, ConflictError
from athena.platform.kernel.settings import Environment, Settings
from athena.platform.kernel.store import Store
from athena.policies.agreements.founding import seed_baseline
from support.cluster import Cluster

MEMBERS = {"board_member", "records_manager", "data_protection_officer"}
ROLES: dict[str, set[str]] = {
    "bodies.found": {"amo_administrator"},
    "bodies.appoint": {"force_administrator", "amo_administrator"},
    "catalogue.propose": {"amo_administrator"},
    "changes.raise": {"board_member", "force_administrator", "amo_administrator"},
    "changes.submit": {"board_member", "force_administrator", "amo_administrator"},
    "changes.withdraw": {"board_member"},
    "changes.amend": {"board_member"},
    "changes.assess": {"board_member"},
    "changes.opt_in": {"board_member"},
    "changes.opt_out": {"board_member"},
    "changes.preview": {"amo_finance"},
    "changes.quote": {"amo_finance"},
    "black_outs.file": {"force_administrator"},
    "releases.object": {"force_administrator"},
    "releases.withdraw_objection": {"force_administrator"},
    "votes.cast": MEMBERS | {"amo_administrator"},
}
"""Who did what; whatever else is done of changes, votes and releases is the client body's."""


@dataclass(frozen=True)
class Year:
    """A year that was played in two goes, and what it told."""

    store: Store
    settings: Settings
    found: Summary
    told: list[str]
    goes: list[int]
    """How many sentences each go told."""
    acts: list[Any]
    minutes: list[Any]
    balance: int


class _BrokenOffError(Exception):
    """Somebody pulled the plug."""


@pytest.fixture(scope="module")
async def year(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Year]:
    """Yield a year that broke off in its first release's approval and was then played on."""
    with cluster.locked():
        name = await cluster.create(consortium)
    store = cluster.store(name)
    settings = Settings(data_dir=tmp_path_factory.mktemp("year"))
    database = store.database()
    try:
        await seed_baseline(database)
        told: list[str] = []

        def break_off(sentence: str) -> None:
            told.append(sentence)
            if "meets it" in sentence:
                raise _BrokenOffError

        with pytest.raises(_BrokenOffError):
            await play(store, settings, break_off)
        goes = [len(told)]
        found = await play(store, settings, told.append)
        goes.append(len(told) - goes[0])
        async with database.read("athena_auditor") as session:
            acts = list(await audit_log.acts_for(session, MARK))
            minutes = list(
                await session.rows(
                    "SELECT minute, encode(minute_digest, 'hex') AS digest FROM governance.vote "
                    "WHERE status = 'closed'"
                )
            )
            (total,) = await session.rows(
                "SELECT sum(pence) AS pence FROM governance.journal_entry"
            )
        yield Year(store, settings, found, told, goes, acts, minutes, int(total.pence))
    finally:
        await database.close()
        await cluster.drop(name)


def may(act: Any) -> bool:
    """Whether somebody with the roles of an act's member may do it."""
    name = act.action.removeprefix("governance.")
    part = name.split(".")[0]
    usual = {"amo_finance"} if part in ("costs", "ledger") else {"amo_administrator"}
    if (name, act.username) == ("ledger.commit", "amo.admin"):
        return "amo_administrator" in act.roles  # a vote that carried binds, by whoever closes it
    if name == "ledger.join":
        usual |= {"board_member"}  # opting in after the vote joins what the vote bound
    return not ROLES.get(name, usual).isdisjoint(act.roles)


def test_twelve_changes_of_all_kinds_come_to_their_ends(year: Year) -> None:
    changes = year.found.changes
    assert set(changes) == set(CHANGES)
    assert Counter(item["kind"] for item in changes.values()) == {
        "normal": 9,
        "standard": 2,
        "emergency": 1,
    }
    unlike = {DICTATION: "rejected", COLOURS: "withdrawn", UPGRADE: "authorised"}
    assert {title: item["state"] for title, item in changes.items()} == {
        title: unlike.get(title, "closed") for title in CHANGES
    }
    assert changes[CLOCKS]["kind"] == "emergency"
    assert any(item["body"] for item in changes.values())


def test_costs_add_up_to_the_penny_and_the_ledger_balances(year: Year) -> None:
    assert set(year.found.costs) == set(FORCES)
    assert sum(year.found.costs.values()) == year.found.committed == 24_150_055
    assert year.found.balance == year.balance == 0


def test_three_releases_of_which_one_is_backed_out_once_its_gate_held(year: Year) -> None:
    releases = year.found.releases
    assert [releases[title]["state"] for title in RELEASES] == ["closed"] * 3
    assert year.found.backed_out == [releases[AUTUMN]["reference"]]
    assert [ring["state"] for ring in releases[AUTUMN]["rings"]] == ["backed_out", "notified"]
    for title, outcomes in {SPRING: ["pass"], AUTUMN: ["hold"], WINTER: ["pass"]}.items():
        entries = releases[title]["entries"]
        verdicts = [item["document"] for item in entries if item["kind"] == "verdict"]
        assert [verdict["outcome"] for verdict in verdicts] == outcomes
    held = [
        item["document"]
        for item in releases[AUTUMN]["entries"]
        if item["document"].get("step") in ("hold", "back_out")
    ]
    assert [item["step"] for item in held] == ["hold", "back_out"]
    assert "of which 8 failed" in held[0]["sentence"]


def test_every_force_has_every_feature_again(year: Year) -> None:
    assert year.found.features == {
        feature: dict.fromkeys(FORCES, True) for feature in ("break-glass", "link-suggestions")
    }


def test_every_minute_holds(year: Year) -> None:
    assert len(year.minutes) == year.found.minutes == 14
    assert year.found.flawed == 0
    assert all(verify(row.minute, row.digest).holds for row in year.minutes)


def test_each_act_is_logged_as_done_by_somebody_who_may(year: Year) -> None:
    assert len(year.acts) > 300
    assert [(act.action, act.username, act.roles) for act in year.acts if not may(act)] == []
    assert {act.action.split(".")[1] for act in year.acts} == {
        "black_outs",
        "bodies",
        "catalogue",
        "changes",
        "costs",
        "ledger",
        "releases",
        "votes",
    }


def test_it_goes_on_from_where_it_broke_off(year: Year) -> None:
    numbers = [act.reason.split(":")[0] for act in year.acts if act.action.endswith("votes.cast")]
    assert len(numbers) == len(set(numbers))
    assert len(year.found.changes) == len(CHANGES)  # none was raised twice
    rest = year.told[year.goes[0] :]
    assert "broke off" in rest[0]
    assert not any("April" in sentence for sentence in rest)
    assert any("March" in sentence for sentence in rest)
    joined = year.found.changes[VOICE_NOTES]["reference"]
    assert any(sentence.startswith(f"  {joined}: Essex joins") for sentence in rest)
    form = year.found.changes[BREAK_GLASS_FORM]["reference"]
    assert any(f"{form}: the supplier asks" in sentence for sentence in rest)


async def test_played_already_it_says_so_and_sums_up(year: Year) -> None:
    told: list[str] = []
    assert await play(year.store, year.settings, told.append) == year.found
    assert "played on this store already" in told[0]
    assert told[1:] == year.told[-len(told) + 1 :]


async def test_two_are_never_played_at_once(year: Year) -> None:
    database = year.store.database()
    try:
        async with database.listen("athena_auditor") as connection:
            assert await try_lock(connection)
            with pytest.raises(ConflictError, match="played on this store now"):
                await play(year.store, year.settings, year.told.append)
    finally:
        await database.close()


def test_another_release_s_year_is_left_alone() -> None:
    done = {1: "Agreed at the first meeting"}
    assert was_done(done, 1, "Agreed at the first meeting")
    assert not was_done(done, 2, "Agreed at the first meeting")
    with pytest.raises(ConflictError, match="another release of the platform"):
        was_done(done, 1, "Something that the other story doesn't have")


async def test_it_is_never_played_in_production(fresh_store: Store, tmp_path: Path) -> None:
    told: list[str] = []
    settings = Settings(data_dir=tmp_path, env=Environment.PRODUCTION)
    with pytest.raises(ConfigurationError, match="ATHENA_ENV=production"):
        await play(fresh_store, settings, told.append)
    assert told == []
