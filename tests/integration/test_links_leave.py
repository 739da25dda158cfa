"""Links, decisions and merges of a force that leaves: the merges are archived, all are erased."""

from __future__ import annotations

from integration.test_archive import export, restore
from support.api import Platform
from support.exceptions import call, person
from support.records import create_nominal
from support.tenth import create_force, post, until_known


async def test_a_merge_comes_back_from_an_archive(platform: Platform) -> None:
    for slug, code in (("t-merging", "88"), ("t-merged", "89")):
        await create_force(platform, slug, code)
    made = [await create_nominal(platform, "t-merging", person("Gallimaufry")) for _ in range(2)]
    merge = {"merged_id": str(made[1]), "version": 1, "merged_version": 1}
    path = f"/nominals/{made[0]}/merges"
    answer = await call(platform, "records.t-merging", "POST", path, merge, purpose="data_quality")
    assert answer.status_code == 201, answer.text
    archive = await export(platform, "records.t-merging")
    await restore(platform, "records.t-merged", archive)
    again = await export(platform, "records.t-merged")
    assert again.manifest.tables["merge"].rows == 1
    assert again.lines == archive.lines


async def test_filled_links_and_merges_are_erased(platform: Platform) -> None:
    slug = "t-joined"
    await create_force(platform, slug, "87")
    await until_known(platform, slug)
    manager = f"records.{slug}"
    made = [await create_nominal(platform, slug, person("Hobbledehoy")) for _ in range(3)]
    await platform.runtime.searcher.names.refresh()
    await platform.runtime.linker.compare_due()
    decision = {"nominal_id": str(made[0]), "other_id": str(made[2]), "verdict": "same"}
    answer = await call(
        platform, manager, "POST", "/links/decisions", decision, purpose="data_quality"
    )
    assert answer.status_code == 200, answer.text
    merge = {"merged_id": str(made[1]), "version": 1, "merged_version": 1}
    answer = await call(
        platform, manager, "POST", f"/nominals/{made[0]}/merges", merge, purpose="data_quality"
    )
    assert answer.status_code == 201, answer.text
    await platform.runtime.linker.compare_due()

    archive = await export(platform, manager)
    assert archive.manifest.tables["merge"].rows == 1
    await post(platform, "amo.admin", f"tenants/{slug}/suspend")
    body = {"checksum": archive.manifest.checksum}
    done = await post(platform, "amo.admin", f"tenants/{slug}/offboard", **body)
    assert done.status_code == 200, done.text
    tables = done.json()["statement"]["tables"]
    assert {table["after"] for table in tables.values()} == {0}
    filled = {name for name, table in tables.items() if table["before"]}
    assert {
        "records.merge",
        "sharing.link",
        "sharing.link_decision",
        "sharing.link_step",
    } <= filled
