"""Votes over the API: who casts, what counts, and that closing is exact whatever comes at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from athena.governance.votes.minute import verify
from athena.platform.kernel.clock import today
from athena.tenants.consortium import FORCE_SLUGS
from support.api import Platform
from support.cluster import Cluster
from support.governance import AMO, FINANCE, RULE, Chamber, constitution, emergency, request
from support.intruder import alter


@pytest.fixture(scope="module")
def chamber(platform: Platform) -> Chamber:
    return Chamber(platform)


async def question(chamber: Chamber, body: str) -> str:
    """Open a vote on a new emergency change, and return its id."""
    return await chamber.opened(body, await chamber.submitted(emergency()))


async def expire(platform: Platform, cluster: Cluster, vote: str) -> None:
    """Let a vote's deadline pass, as only time would."""
    await alter(
        platform,
        cluster,
        "UPDATE governance.vote SET opened_at = opened_at - interval '80 hours', "
        "closes_at = clock_timestamp() WHERE vote_id = $1",
        vote,
    )


class TestCasting:
    async def test_member_and_substitute_both_vote_and_the_members_counts(
        self, chamber: Chamber
    ) -> None:
        body = await chamber.body(["kent", "essex"])
        await chamber.appoint(body, "dpo.kent", "substitute")
        vote = await question(chamber, body)
        await chamber.cast(vote, "dpo.kent", "against")
        await chamber.cast(vote, "board.kent", "for")
        await chamber.cast(vote, "dpo.kent", "against")
        closed = await chamber.done(AMO, f"votes/{vote}/close")
        assert closed["result"] == "carried"
        assert "1 for, 0 against, 1 silent" in closed["sentence"]

    async def test_who_has_no_seat_casts_nothing(self, chamber: Chamber) -> None:
        body = await chamber.body(["kent"])
        vote = await question(chamber, body)
        for account in ("board.essex", "dpo.kent", AMO):
            refused = await chamber.post(account, f"votes/{vote}/ballots", choice="for")
            assert refused.status_code == 403, account
        chair = await chamber.post(
            "board.kent", f"votes/{vote}/ballots", choice="for", as_chair=True
        )
        assert chair.status_code == 403
        assert (await chamber.get("auditor", f"votes/{vote}")).json()["ballots"] == []

    async def test_a_seat_that_is_filled_later_has_no_vote_in_an_open_one(
        self, chamber: Chamber
    ) -> None:
        body = await chamber.body(["kent"])
        vote = await question(chamber, body)
        await chamber.appoint(body, "board.essex")
        refused = await chamber.post("board.essex", f"votes/{vote}/ballots", choice="for")
        assert refused.status_code == 403

    async def test_a_member_whose_term_ended_casts_no_more(self, chamber: Chamber) -> None:
        body = await chamber.body([])
        appointment = await chamber.appoint(body, "board.kent")
        vote = await question(chamber, body)
        await chamber.done("admin.kent", f"bodies/{body}/appointments/{appointment}/end")
        refused = await chamber.post("board.kent", f"votes/{vote}/ballots", choice="for")
        assert refused.status_code == 403
        await chamber.appoint(body, "dpo.kent")
        await chamber.cast(vote, "dpo.kent")
        assert (await chamber.done(AMO, f"votes/{vote}/close"))["result"] == "carried"

    async def test_a_force_sees_its_own_ballots_until_the_vote_has_closed(
        self, chamber: Chamber
    ) -> None:
        body = await chamber.body(["kent", "essex"])
        vote = await question(chamber, body)
        await chamber.cast(vote, "board.kent")
        mine = await chamber.cast(vote, "board.essex", "against")
        assert [ballot["tenant"] for ballot in mine["ballots"]] == ["essex"]
        early = await chamber.get("board.essex", f"votes/{vote}/minute")
        assert early.status_code == 409
        await chamber.done(AMO, f"votes/{vote}/close")
        minute = (await chamber.get("board.essex", f"votes/{vote}/minute")).json()["minute"]
        assert {ballot["tenant"] for ballot in minute["ballots"]} == {"kent", "essex"}

    async def test_a_late_ballot_is_refused_and_the_deadline_is_the_moment_of_closing(
        self, chamber: Chamber, platform: Platform, cluster: Cluster
    ) -> None:
        body = await chamber.body(["kent", "essex"], early_close="never")
        vote = await question(chamber, body)
        await chamber.cast(vote, "board.kent")
        early = await chamber.post(AMO, f"votes/{vote}/close")
        assert early.status_code == 409
        assert "stays open until" in early.json()["detail"]
        await expire(platform, cluster, vote)
        late = await chamber.post("board.essex", f"votes/{vote}/ballots", choice="against")
        assert late.status_code == 409
        closed = await chamber.done(AMO, f"votes/{vote}/close")
        assert closed["ended_at"] == closed["closes_at"]
        assert closed["result"] == "carried"

    async def test_it_closes_early_once_everyone_has_voted(self, chamber: Chamber) -> None:
        body = await chamber.body(["kent", "essex"], early_close="all_voted")
        vote = await question(chamber, body)
        await chamber.cast(vote, "board.kent")
        early = await chamber.post(AMO, f"votes/{vote}/close")
        assert early.status_code == 409
        assert "until these have voted: essex" in early.json()["detail"]
        await chamber.cast(vote, "board.essex", "recuse")
        assert (await chamber.done(AMO, f"votes/{vote}/close"))["result"] == "carried"

    @pytest.mark.parametrize(("choice", "result"), [("for", "carried"), (None, "not_carried")])
    async def test_a_tie_is_the_chairs_to_break(
        self, chamber: Chamber, choice: str | None, result: str
    ) -> None:
        body = await chamber.body(["kent", "essex"], chair=AMO)
        vote = await question(chamber, body)
        await chamber.cast(vote, "board.kent", "for")
        await chamber.cast(vote, "board.essex", "against")
        if choice is not None:
            await chamber.cast(vote, AMO, choice, as_chair=True)
        assert (await chamber.done(AMO, f"votes/{vote}/close"))["result"] == result


class TestConstitutions:
    async def test_amended_during_a_vote_it_is_for_later_votes(self, chamber: Chamber) -> None:
        body = await chamber.body(["kent", "essex", "norfolk"])
        vote = await question(chamber, body)
        strict = constitution(
            rules=[{"decision": "change_emergency", **RULE, "majority": "unanimous"}]
        )
        amended = await chamber.done(AMO, f"bodies/{body}/constitutions", constitution=strict)
        assert len(amended["constitutions"]) == 2
        later = await question(chamber, body)
        for each, result in ((vote, "carried"), (later, "not_carried")):
            for force, choice in {"kent": "for", "essex": "for", "norfolk": "against"}.items():
                await chamber.cast(each, f"board.{force}", choice)
            closed = await chamber.done(AMO, f"votes/{each}/close")
            assert closed["result"] == result, closed["sentence"]
        assert (await chamber.get("auditor", f"votes/{vote}")).json()["constitution_version"] == 1

    async def test_where_it_says_so_it_is_amended_by_a_vote_on_its_very_text(
        self, chamber: Chamber
    ) -> None:
        own = {"decision": "constitution", **RULE}
        other = {"decision": "other", **RULE}
        body = await chamber.body(rules=[own])
        wider = constitution(rules=[own, other])
        refused = await chamber.post(AMO, f"bodies/{body}/constitutions", constitution=wider)
        assert refused.status_code == 409
        digest = refused.json()["detail"].split(" is ")[2].split(",")[0]
        await chamber.carried(body, digest, "constitution")
        another = await chamber.post(
            AMO, f"bodies/{body}/constitutions", constitution=wider | {"deadline_hours": 1}
        )
        assert another.status_code == 409
        await chamber.done(AMO, f"bodies/{body}/constitutions", constitution=wider)

    @pytest.mark.parametrize(
        "law",
        [
            {"rules": []},
            {"rules": [{"decision": "other", "majority": "simple"}]},
            {"rules": [{"decision": "other", "quorum": {}, "majority": "simple"}]},
        ],
    )
    async def test_without_quorum_rules_there_is_no_body(
        self, chamber: Chamber, law: dict[str, Any]
    ) -> None:
        slug = f"board-{uuid4().hex[:12]}"
        refused = await chamber.post(
            AMO,
            "bodies",
            slug=slug,
            name="A board",
            kind="strategic_board",
            constitution=constitution(**law),
        )
        assert refused.status_code == 422, refused.text
        assert (await chamber.get("auditor", f"bodies/{slug}")).status_code == 404

    async def test_without_a_rule_for_its_class_no_vote_opens(self, chamber: Chamber) -> None:
        body = await chamber.body(["kent"], rules=[{"decision": "change_normal", **RULE}])
        reference = await chamber.submitted(emergency())
        before = (await chamber.get("auditor", f"changes/{reference}")).json()
        refused = await chamber.post(
            AMO, "votes", body=body, kind="change", reference=reference, question="Shall it be?"
        )
        assert refused.status_code == 422
        assert "no rule, so no quorum" in refused.json()["detail"]
        assert (await chamber.get("auditor", f"changes/{reference}")).json() == before

    async def test_the_dearer_the_matter_the_stricter_the_rule(self, chamber: Chamber) -> None:
        rule = {"decision": "change_emergency", **RULE}
        dear = rule | {"from_pence": 10_000_000, "majority": "unanimous"}
        body = await chamber.body(["kent", "essex", "norfolk"], rules=[rule, dear])
        for pence, result in ((9_999_999, "carried"), (10_000_000, "not_carried")):
            reference = await chamber.submitted(emergency(one_off_pence=pence))
            vote = await chamber.opened(body, reference)
            for force, choice in {"kent": "for", "essex": "for", "norfolk": "against"}.items():
                await chamber.cast(vote, f"board.{force}", choice)
            assert (await chamber.done(AMO, f"votes/{vote}/close"))["result"] == result

    async def test_votes_weigh_by_the_previewed_shares(self, chamber: Chamber) -> None:
        body = await chamber.body(weighting="cost_share")
        reference = await chamber.assessed(request(one_off_pence=1_000))
        early = await chamber.post(
            AMO, "votes", body=body, kind="change", reference=reference, question="Shall it be?"
        )
        assert early.status_code == 409
        assert "previewed" in early.json()["detail"]
        shares = dict.fromkeys(FORCE_SLUGS, 50) | {"kent": 600}
        preview = {"formula": "NRE, 2026-27", "shares_pence": shares}
        await chamber.done(FINANCE, f"changes/{reference}/previews", preview=preview)
        vote = await chamber.opened(body, reference)
        for force in FORCE_SLUGS:
            await chamber.cast(vote, f"board.{force}", "for" if force == "kent" else "against")
        closed = await chamber.done(AMO, f"votes/{vote}/close")
        assert closed["result"] == "carried"
        assert "1 for (weight 600), 8 against (weight 400)" in closed["sentence"]

    async def test_what_costs_something_is_previewed_first_where_it_says_so(
        self, chamber: Chamber
    ) -> None:
        body = await chamber.body(shares_before_vote=True)
        reference = await chamber.assessed(request(one_off_pence=900))
        asked = {"body": body, "kind": "change", "reference": reference, "question": "Shall it?"}
        early = await chamber.post(AMO, "votes", **asked)
        assert early.status_code == 409
        assert "preview the shares first" in early.json()["detail"]
        preview = {"formula": "equal, 2026-27", "shares_pence": dict.fromkeys(FORCE_SLUGS, 100)}
        await chamber.done(FINANCE, f"changes/{reference}/previews", preview=preview)
        await chamber.done(AMO, "votes", **asked)
        free = await chamber.assessed(request(one_off_pence=0))
        await chamber.opened(body, free)

    async def test_only_who_takes_part_votes_where_it_says_so(self, chamber: Chamber) -> None:
        body = await chamber.body(optional_changes="participants")
        reference = await chamber.submitted(emergency(optional=True))
        nobody = await chamber.post(
            AMO, "votes", body=body, kind="change", reference=reference, question="Shall it be?"
        )
        assert nobody.status_code == 409
        await chamber.done("board.kent", f"changes/{reference}/opt-in")
        vote = await chamber.opened(body, reference)
        seats = (await chamber.get("auditor", f"votes/{vote}")).json()["seats"]
        assert seats == [{"tenant": "kent", "weight": 1}]


class TestSeats:
    async def test_a_seat_is_taken_once_and_terms_run_by_the_day(self, chamber: Chamber) -> None:
        body = await chamber.body(["kent"])
        path = f"bodies/{body}/appointments"
        taken = await chamber.post("admin.kent", path, username="dpo.kent")
        assert taken.status_code == 409
        backwards = await chamber.post(
            "admin.kent", path, username="dpo.kent", valid_to="2020-01-01"
        )
        assert backwards.status_code == 422
        soon = (today() + timedelta(days=1)).isoformat()
        await chamber.done("admin.essex", path, username="board.essex", valid_from=soon)
        vote = await question(chamber, body)
        seats = (await chamber.get("auditor", f"votes/{vote}")).json()["seats"]
        assert [seat["tenant"] for seat in seats] == ["kent"]

    @pytest.mark.parametrize(
        ("account", "username", "duty", "status"),
        [
            ("admin.kent", "board.essex", "member", 403),
            ("admin.kent", "board.kent", "chair", 403),
            ("board.kent", "board.kent", "member", 403),
            (AMO, "board.kent", "member", 403),
            ("admin.kent", "nobody.kent", "member", 422),
            ("admin.kent", "officer.kent", "member", 422),
        ],
    )
    async def test_who_appoints_whom(
        self, chamber: Chamber, account: str, username: str, duty: str, status: int
    ) -> None:
        body = await chamber.body([])
        refused = await chamber.post(
            account, f"bodies/{body}/appointments", username=username, duty=duty
        )
        assert refused.status_code == status, refused.text

    async def test_an_alliance_seats_its_own_forces(self, chamber: Chamber) -> None:
        slug = f"alliance-{uuid4().hex[:8]}"
        new: dict[str, Any] = {
            "slug": slug,
            "name": "An alliance's group",
            "kind": "alliance_group",
            "constitution": constitution(),
        }
        assert (await chamber.post(AMO, "bodies", **new)).status_code == 422
        await chamber.done(AMO, "bodies", **new, forces=["kent", "essex"])
        assert (await chamber.post(AMO, "bodies", **new, forces=["kent"])).status_code == 409
        refused = await chamber.post(
            "admin.norfolk", f"bodies/{slug}/appointments", username="board.norfolk"
        )
        assert refused.status_code == 403
        await chamber.appoint(slug, "board.essex")


class TestMinutes:
    async def test_anyone_can_verify_them_and_none_can_be_taken_away(
        self, chamber: Chamber
    ) -> None:
        body = await chamber.body()
        digests: list[str] = []
        for _ in range(2):
            vote = await chamber.carried(body, await chamber.submitted(emergency()))
            found = (await chamber.get("auditor", f"votes/{vote}/minute")).json()
            assert verify(found["minute"], found["digest"]).holds
            assert found["minute"]["previous"] == (digests[-1] if digests else None)
            digests.append(found["digest"])
        forged = found["minute"] | {"question": "Shall we all go home?"}
        assert not verify(forged, found["digest"]).holds
        ballots = [ballot | {"choice": "against"} for ballot in found["minute"]["ballots"]]
        turned = verify(found["minute"] | {"ballots": ballots})
        assert any("another outcome" in flaw for flaw in turned.flaws)


class TestAtOnce:
    async def test_fifty_ballots_and_a_close_give_one_exact_outcome(
        self, chamber: Chamber, platform: Platform
    ) -> None:
        """Each force's member changes its mind again and again while the vote is closed."""
        body = await chamber.body()
        vote = await question(chamber, body)
        accounts = [f"board.{FORCE_SLUGS[number % 9]}" for number in range(50)]
        for account in set(accounts):
            await platform.headers(account)  # signs in once, before everything comes at once
        halfway = asyncio.Event()

        async def cast(number: int, account: str) -> int:
            if number == 25:
                halfway.set()
            choice = ("for", "against", "abstain")[number % 3]
            answer = await chamber.post(account, f"votes/{vote}/ballots", choice=choice)
            return answer.status_code

        async def close() -> Any:
            await halfway.wait()
            return await chamber.done(AMO, f"votes/{vote}/close")

        *statuses, closed = await asyncio.gather(
            *(cast(number, account) for number, account in enumerate(accounts)), close()
        )
        assert set(statuses) <= {201, 409}
        taken = statuses.count(201)
        kept = (await chamber.get("auditor", f"votes/{vote}")).json()["ballots"]
        found = (await chamber.get("auditor", f"votes/{vote}/minute")).json()
        assert [ballot["number"] for ballot in kept] == list(range(1, taken + 1))
        assert len(found["minute"]["ballots"]) == taken
        assert verify(found["minute"], found["digest"]).holds
        last = {ballot["tenant"]: ballot["choice"] for ballot in kept}
        voices = {item["tenant"]: item["choice"] for item in found["minute"]["outcome"]["voices"]}
        assert voices == {tenant: last.get(tenant) for tenant in FORCE_SLUGS}
        count = Counter(last.values())
        assert f"{count['for']} for, {count['against']} against" in closed["sentence"]

    async def test_two_close_at_once_and_one_does(self, chamber: Chamber) -> None:
        body = await chamber.body()
        vote = await question(chamber, body)
        answers = await asyncio.gather(
            *(chamber.post(AMO, f"votes/{vote}/close") for _ in range(5))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]

    async def test_two_fill_a_seat_at_once_and_one_does(self, chamber: Chamber) -> None:
        body = await chamber.body([])
        answers = await asyncio.gather(
            *(
                chamber.post("admin.kent", f"bodies/{body}/appointments", username=username)
                for username in ("board.kent", "dpo.kent", "supervisor.kent")
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]

    async def test_one_vote_on_a_matter_is_open_at_a_time(self, chamber: Chamber) -> None:
        body = await chamber.body()
        reference = await chamber.submitted(emergency())
        answers = await asyncio.gather(
            *(
                chamber.post(
                    AMO,
                    "votes",
                    body=body,
                    kind="change",
                    reference=reference,
                    question="Shall it be done?",
                )
                for _ in range(3)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
