"""A merged duplicate among hits: under the nominal that stands for it, to whoever sees both."""

from __future__ import annotations

from typing import Any

import pytest

from athena.platform.kernel.identity import NominalId
from integration.test_merging import merge
from support.api import Platform
from support.exceptions import call
from support.records import create_nominal


async def hits(platform: Platform, username: str, name: str, **fields: Any) -> list[dict[str, Any]]:
    """Return the hits of a search that are more than pointers."""
    answer = await platform.search(username, name=name, **fields)
    assert answer.status_code == 200, answer.text
    return [hit for hit in answer.json()["results"] if hit["id"]]


async def two_of(platform: Platform, surname: str) -> tuple[NominalId, NominalId]:
    """Record somebody twice in Kent, alike but for a telephone number."""
    made = []
    for number in range(2):
        named = {"names": [{"given_names": "Desdemona", "surname": surname}]}
        contact = {"kind": "telephone", "value": f"07700 90020{number}"}
        made.append(await create_nominal(platform, "kent", {**named, "contacts": [contact]}))
    await platform.runtime.searcher.names.refresh()
    return made[0], made[1]


async def merged_into(platform: Platform, username: str, nominal: NominalId) -> str | None:
    """Return what a member's reading of a nominal says that it was merged into."""
    answer = await platform.read(username, str(nominal))
    assert answer.status_code == 200, answer.text
    found: str | None = answer.json()["merged_into"]
    return found


async def test_it_shows_under_its_nominal_until_the_merge_is_undone(platform: Platform) -> None:
    one, other = await two_of(platform, "Foldaway")
    assert len(await hits(platform, "officer.kent", "desdemona foldaway")) == 2
    made = await merge(platform, one, other)
    (shown,) = await hits(platform, "officer.kent", "desdemona foldaway")
    assert (shown["id"], shown["merged_into"]) == (str(one), None)
    (under,) = shown["duplicates"]
    assert (under["id"], under["merged_into"]) == (str(other), str(one))
    assert await merged_into(platform, "officer.kent", other) == str(one)
    assert await merged_into(platform, "officer.kent", one) is None

    path = f"/merges/{made['merge_id']}"
    asked = (await call(platform, "records.kent", "GET", path, purpose="data_quality")).json()
    body = {"version": asked["version"]}
    undone = await call(
        platform, "records.kent", "POST", f"{path}/undo", body, purpose="data_quality"
    )
    assert undone.status_code == 200, undone.text
    apart = await hits(platform, "officer.kent", "desdemona foldaway")
    assert {hit["id"] for hit in apart} == {str(one), str(other)}
    assert not any(hit["merged_into"] or hit["duplicates"] for hit in apart)


async def test_on_a_later_page_it_says_what_stands_for_it(platform: Platform) -> None:
    one, other = await two_of(platform, "Pagebreak")
    await merge(platform, one, other)
    answer = (await platform.search("officer.kent", name="desdemona pagebreak", limit=1)).json()
    assert [hit["id"] for hit in answer["results"]] == [str(one)]
    following = await platform.client.get(
        answer["next"], headers=await platform.headers("officer.kent")
    )
    (alone,) = following.json()["results"]
    assert (alone["id"], alone["merged_into"]) == (str(other), str(one))


async def test_another_force_finds_what_it_found_before(platform: Platform) -> None:
    """What a force does with its duplicates is its own; no hit, score or order tells of it."""
    one, other = await two_of(platform, "Neighbourly")
    before = await hits(platform, "officer.essex", "desdemona neighbourly")
    assert len(before) == 2
    await merge(platform, one, other)
    after = await hits(platform, "officer.essex", "desdemona neighbourly")
    told = [(hit["id"], hit["score"], hit["explanation"], hit["merged_into"]) for hit in after]
    assert told == [(hit["id"], hit["score"], hit["explanation"], None) for hit in before]
    assert not any(hit["duplicates"] for hit in after)
    assert await merged_into(platform, "officer.essex", other) is None


@pytest.mark.parametrize("hidden", [0, 1])
async def test_where_either_is_hidden_the_other_tells_nothing(
    platform: Platform, hidden: int
) -> None:
    surname = ("Shadowed", "Concealed")[hidden]
    pair = await two_of(platform, surname)
    await merge(platform, *pair)
    path = f"/nominals/{pair[hidden]}/restrictions"
    told = await call(platform, "records.kent", "POST", path, {"member": "records.kent"})
    assert told.is_success, told.text
    seen = pair[1 - hidden]
    (alone,) = await hits(platform, "officer.kent", f"desdemona {surname}")
    assert (alone["id"], alone["merged_into"], alone["duplicates"]) == (str(seen), None, [])
    assert await merged_into(platform, "officer.kent", seen) is None
    (both,) = await hits(platform, "records.kent", f"desdemona {surname}")
    assert [hit["id"] for hit in both["duplicates"]] == [str(pair[1])]
