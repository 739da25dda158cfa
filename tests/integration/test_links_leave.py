"""Links, decisions and merges of a force that leaves: the merges are archived, all are erased."""

from __future__ import annotations

import json

from integration.test_archive import export, restore
from integration.test_linking import decide
from support.api import Platform
from support.cluster import Cluster
from support.exceptions import call, person
from support.records import create_nominal
from support.tenth import agree, create_force, post, suspend, until_known


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
    assert archive.manifest.tables["link_verdict"].rows == 2, "both are its own"
    await suspend(platform, slug)
    body = {"checksum": archive.manifest.checksum}
    done = await post(platform, "amo.admin", f"tenants/{slug}/offboard", **body)
    assert done.status_code == 200, done.text
    tables = done.json()["statement"]["tables"]
    assert {table["after"] for table in tables.values()} == {0}
    filled = {name for name, table in tables.items() if table["before"]}
    assert {
        "records.link_verdict",
        "records.merge",
        "sharing.link",
        "sharing.link_decision",
        "sharing.link_step",
    } <= filled


async def test_own_decisions_come_back_from_an_archive_and_hold(
    platform: Platform, cluster: Cluster
) -> None:
    slug = "t-decided"
    await create_force(platform, slug, "86")
    await agree(platform, "kent", slug)
    await agree(platform, slug, "kent")
    await until_known(platform, slug)
    manager = f"records.{slug}"
    own = [await create_nominal(platform, slug, person("Lollygag")) for _ in range(3)]
    kent = [await create_nominal(platform, "kent", person("Lollygag")) for _ in range(2)]
    await decide(platform, manager, own[0], own[1], "not_same")
    await decide(platform, manager, own[0], kent[0], "same")
    await decide(platform, manager, own[2], kent[1], "same")
    archive = await export(platform, manager)
    lines = [json.loads(line) for line in archive.lines["link_verdict"]]
    assert {(line["nominal_id"], line["other_force"], line["other_id"]) for line in lines} == {
        (str(own[0]), "", str(own[1])),
        (str(own[1]), "", str(own[0])),
        (str(own[0]), "kent", str(kent[0])),
        (str(own[2]), "kent", str(kent[1])),
    }
    pair = {"nominal_id", "other_force", "other_id"}
    assert {*lines[0]} == pair | {"verdict", "decided_by", "decided_at"}
    await decide(platform, "records.kent", kent[1], own[2], "not_same")
    archive = await export(platform, manager)
    assert len(archive.lines["link_verdict"]) == 3, "what Kent has decided since is Kent's"

    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        owner = await admin.fetchval("SELECT tenant_id FROM tenants.tenant WHERE slug = $1", slug)
        tables = await admin.fetchval("SELECT records.archive_tables()")
        async with admin.transaction():
            # A store that lost its records and kept its accounts, as after a restored backup.
            await admin.execute("SET LOCAL session_replication_role = replica")
            await admin.execute(
                "DELETE FROM sharing.link_decision WHERE $1 IN (owner_force, other_force)", owner
            )
            for table in ("name_key", "change", *reversed(tables)):
                await admin.execute(f"DELETE FROM records.{table} WHERE owner_force = $1", owner)
        await restore(platform, manager, archive)
        held = await admin.fetch(
            "SELECT nominal_id, other_id, verdict FROM sharing.link_decision "
            "WHERE owner_force = $1 AND decided_by_force = $1",
            owner,
        )
    finally:
        await admin.close()
    assert (await export(platform, manager)).lines == archive.lines
    assert {tuple(row) for row in held} == {
        (own[0], own[1], "not_same"),
        (own[1], own[0], "not_same"),
    }, "a pair with another force's nominal is decided by somebody who is shown both"
