"""Merge, edit and unmerge by chance: nothing is lost, history is whole, every act is in the log.

Several nominals of one force are merged, edited and parted in whatever order chance gives, through
the service and the store. Beside them stands what each looked like after every act.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.records.merging import service as merging
from athena.records.merging.schemas import NewMerge, Undo, Undoing
from athena.records.nominals import service as nominals
from athena.records.nominals.schemas import NominalDraft
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster
from support.records import create_nominal

PURPOSE, WHY = Purpose.DATA_QUALITY, "A test of merging by chance"
SECTIONS = ("names", "contacts", "addresses", "descriptions", "markers")
FIELDS = ("sex", "date_of_birth", "place_of_birth")
TABLES = ("nominal_name", "contact", "address", "description", "marker")

_NUMBERS = count()

View = dict[str, Any]
Rows = frozenset[tuple[str, str]]
"""The table of each row, and its values as text."""


def somebody(number: int, born: str | None, hair: str) -> View:
    """Return a nominal of whose rows some are its own, and some may be another's too."""
    return {
        "names": [{"given_names": f"Chance{'abcd'[number]}", "surname": "Oftmerged"}],
        "date_of_birth": born,
        "contacts": [{"kind": "telephone", "value": f"07700 90030{number}"}],
        "addresses": [{"location": {"street": "9 Elm Road", "postcode": "ZZ1 1ZZ"}}],
        "descriptions": [{"attribute": "hair", "value": hair}],
    }


PEOPLE = st.lists(
    st.tuples(st.sampled_from([None, "1980-02-03", "1981"]), st.sampled_from(["brown", "grey"])),
    min_size=3,
    max_size=4,
)


def items(view: View) -> set[tuple[str, str]]:
    """Return every row of a nominal as its section and its values; an alias as any other name."""
    return {
        (section, json.dumps({**row, "kind": "name"} if section == "names" else row))
        for section in SECTIONS
        for row in view[section]
    }


@dataclass
class Standing:
    """A merge that holds: the two, and what each was like before and right after it."""

    merge_id: UUID
    survivor: NominalId
    merged: NominalId
    before: dict[NominalId, View]
    version: int


@dataclass
class World:
    """Some nominals, the acts on them, and what each was at each of its versions."""

    platform: Platform
    subject: Subject
    admin: asyncpg.Connection
    ids: list[NominalId]
    standing: list[Standing] = field(default_factory=list)
    undone: list[UUID] = field(default_factory=list)
    kept: dict[NominalId, dict[int, Rows]] = field(default_factory=lambda: defaultdict(dict))
    edits: int = 0

    async def view(self, nominal: NominalId) -> View:
        """Return a nominal as it stands, read through the service."""
        entry = Entry(EventKind.CONSULTATION, "nominals.read", WHY)
        async with self.platform.runtime.gate.consult(
            self.subject, Action.NOMINALS_READ, PURPOSE, entry
        ) as consultation:
            record = await nominals.read(consultation, nominal)
        return record.nominal.model_dump(mode="json")

    async def keep(self) -> None:
        """Remember every nominal at its version; a version that is there already hasn't changed."""
        for nominal in self.ids:
            version = await self.admin.fetchval(
                "SELECT version FROM records.nominal WHERE nominal_id = $1", nominal
            )
            rows = frozenset((row["table_name"], row["image"]) for row in await self._rows(nominal))
            assert self.kept[nominal].setdefault(version, rows) == rows, "changed without a version"
            assert set(self.kept[nominal]) == set(range(1, version + 1)), "one version an act"

    async def merge(self, survivor: NominalId, merged: NominalId) -> None:
        """Merge two, where that is legal; where it isn't, nothing changes."""
        before = {nominal: await self.view(nominal) for nominal in (survivor, merged)}
        versions = [before[nominal]["version"] for nominal in (survivor, merged)]
        new = NewMerge(merged_id=merged, version=versions[0], merged_version=versions[1])
        runtime = self.platform.runtime
        busy = {item.merged for item in self.standing}
        legal = survivor not in busy and merged not in {
            *busy, *(item.survivor for item in self.standing)
        }  # fmt: skip
        work = merging.merge(
            runtime.gate, runtime.register, self.subject, PURPOSE, WHY, survivor, new
        )
        if not legal:
            with pytest.raises(ConflictError):
                await work
            assert {nominal: await self.view(nominal) for nominal in before} == before
            return
        made = await work
        after = await self.view(survivor)
        assert await self.view(merged) == before[merged], "the duplicate stays as it was"
        assert items(after) == items(before[survivor]) | items(before[merged])
        for name in FIELDS:
            assert after[name] == (before[survivor][name] or before[merged][name])
        self.standing.append(Standing(made.merge_id, survivor, merged, before, made.version))

    async def edit(self, nominal: NominalId, changed: View) -> None:
        """Make a nominal what a changed reading says; a merged duplicate stays as it is."""
        now = await self.view(nominal)
        draft = NominalDraft.model_validate(
            {name: value for name, value in {**now, **changed}.items() if name != "version"}
        )
        runtime = self.platform.runtime
        await nominals.prepare(runtime.database, runtime.register, self.subject, draft)
        entry = Entry(EventKind.ALTERATION, "nominals.amend", WHY)

        async def amend() -> None:
            async with runtime.gate.alter(
                self.subject, Action.NOMINALS_AMEND, PURPOSE, entry
            ) as alteration:
                await nominals.amend(alteration, runtime.register, nominal, now["version"], draft)

        if nominal in {item.merged for item in self.standing}:
            with pytest.raises(ConflictError):
                await amend()
            assert await self.view(nominal) == now
            return
        await amend()
        self.edits += 1

    async def asked(self, merge_id: UUID) -> Undoing:
        """Return what undoing a merge would ask."""
        entry = Entry(EventKind.CONSULTATION, "nominals.undoing", WHY)
        async with self.platform.runtime.gate.consult(
            self.subject, Action.NOMINALS_MERGE, PURPOSE, entry
        ) as consultation:
            return await merging.undoing(consultation, merge_id)

    async def undo(self, item: Standing, data: st.DataObject) -> None:
        """Undo a merge, with each change since placed by chance."""
        asked = await self.asked(item.merge_id)
        placed = {
            conflict.key: data.draw(st.sampled_from(conflict.choices), label=conflict.section)
            for conflict in asked.conflicts
        }
        before = {nominal: await self.view(nominal) for nominal in (item.survivor, item.merged)}
        runtime = self.platform.runtime

        async def undo(places: Any) -> None:
            told = Undo(version=asked.version, placed=places)
            await merging.undo(
                runtime.gate, runtime.register, self.subject, PURPOSE, WHY, item.merge_id, told
            )

        if placed:
            with pytest.raises(ConflictError):
                await undo({})
            assert {nominal: await self.view(nominal) for nominal in before} == before
        await undo(placed)
        left, right = await self.view(item.survivor), await self.view(item.merged)
        dropped = {
            (conflict.section, json.dumps({**conflict.value, "kind": "name"}))
            if conflict.section == "names"
            else (conflict.section, json.dumps(conflict.value))
            for conflict in asked.conflicts
            if conflict.change == "removed" and placed[conflict.key] == "both"
        }
        assert items(before[item.survivor]) <= items(left) | items(right), "nothing is lost"
        assert items(before[item.merged]) - dropped <= items(right), "the duplicate is whole"
        assert items(left) <= items(before[item.survivor]), "nothing was made up"
        assert items(right) <= items(before[item.survivor]) | items(before[item.merged])
        if item.version == asked.version:
            assert not asked.conflicts, "nothing was changed since"
            for nominal, then in item.before.items():
                now = await self.view(nominal)
                assert {**now, "version": 0} == {**then, "version": 0}, "back as it was"
        self.standing.remove(item)
        self.undone.append(item.merge_id)

    async def check_history(self) -> None:
        """Rebuild every version of every nominal from the history, and hold it to what it was."""
        for nominal, versions in self.kept.items():
            rows = await self._rows(nominal, whole=True)
            times = await self.admin.fetch(
                "SELECT (h.image ->> 'version')::integer AS version, h.valid_from AS at "
                "FROM records.history AS h WHERE h.nominal_id = $1 AND h.table_name = 'nominal' "
                "UNION ALL SELECT version, changed_at FROM records.nominal WHERE nominal_id = $1 "
                "ORDER BY 2",
                nominal,
            )
            assert [row["version"] for row in times] == sorted(versions), "each version, in order"
            for row in times:
                assert versions[row["version"]] == frozenset(
                    (item["table_name"], item["image"])
                    for item in rows
                    if item["since"] <= row["at"]
                    and (item["until"] is None or row["at"] < item["until"])
                ), f"version {row['version']} is in the history"

    async def check_log(self) -> None:
        """Each act is in the log once; nothing was changed in a transaction without an event."""
        acts = await self.admin.fetch(
            "SELECT e.action, c.content ->> 'merge' AS merge FROM audit.event AS e "
            "JOIN audit.content AS c USING (at, event_id) WHERE e.kind = 'alteration' "
            "AND c.content ? 'nominals' AND c.content ->> 'merge' = ANY ($1)",
            [str(key) for key in (*self.undone, *(item.merge_id for item in self.standing))],
        )
        logged = sorted((row["action"], row["merge"]) for row in acts)
        made = [*self.undone, *(item.merge_id for item in self.standing)]
        assert logged == sorted(
            [("nominals.merge", str(key)) for key in made]
            + [("nominals.unmerge", str(key)) for key in self.undone]
        )
        for table in ("change", "history"):
            unlogged = await self.admin.fetchval(
                f"SELECT count(*) FROM records.{table} AS t WHERE t.nominal_id = ANY ($1) "
                "AND NOT EXISTS (SELECT FROM audit.event AS e WHERE e.xid = t.changed_xid "
                "AND e.kind IN ('alteration', 'collection'))",
                self.ids,
            )
            assert unlogged == 0
        amended = await self.admin.fetchval(
            "SELECT count(DISTINCT changed_xid) FROM records.change "
            "WHERE nominal_id = ANY ($1) AND operation = 'amended'",
            self.ids,
        )
        assert amended == self.edits + len(made) + len(self.undone), "one transaction an act"

    async def _rows(self, nominal: NominalId, whole: bool = False) -> Sequence[Any]:
        """Return a nominal's rows as the history writes them; with those that it once had too."""
        parts = [
            f"SELECT '{table}' AS table_name, to_jsonb(t) AS image, t.changed_at AS since, "
            f"NULL::timestamptz AS until FROM records.{table} AS t WHERE t.nominal_id = $1"
            for table in TABLES
        ]
        if whole:
            parts.append(
                "SELECT table_name, image, valid_from, replaced_at FROM records.history "
                f"WHERE nominal_id = $1 AND table_name IN {TABLES}"
            )
        bare = "owner_force,nominal_id,row_id,label_id,changed_at,changed_xid,location_id,location"
        found: Sequence[Any] = await self.admin.fetch(
            f"SELECT table_name, since, until, (image - '{{{bare}}}'::text[])::text AS image "
            f"FROM ({' UNION ALL '.join(parts)}) AS w",
            nominal,
        )
        return found


async def act(world: World, data: st.DataObject) -> None:
    """Do something by chance."""
    kind = data.draw(st.sampled_from(["merge", "merge", "edit", "edit", "undo"]), label="act")
    if kind == "undo" and world.standing:
        await world.undo(data.draw(st.sampled_from(world.standing)), data)
        return
    one, other = data.draw(st.permutations(world.ids))[:2]
    if kind == "merge":
        await world.merge(one, other)
        return
    now = await world.view(one)
    changed: View = {}
    section = data.draw(st.sampled_from(["contacts", "addresses", "descriptions", "markers"]))
    if section == "markers":
        changed["markers"] = [*now["markers"], {"code": "violent", "note": str(next(_NUMBERS))}]
    elif now[section]:
        gone = data.draw(st.sampled_from(now[section]))
        changed[section] = [row for row in now[section] if row != gone]
    else:
        changed["date_of_birth"] = data.draw(st.sampled_from(["1979-09-09", "1982"]))
    if data.draw(st.booleans(), label="born otherwise"):
        changed["date_of_birth"] = data.draw(st.sampled_from(["1979-09-09", "1982"]))
    await world.edit(one, changed)


# What fails is told as it was drawn: each step of shrinking would write to the store again.
@settings(deadline=None, max_examples=7, derandomize=True, phases=[Phase.generate])
@given(people=PEOPLE, acts=st.integers(3, 8), data=st.data())
async def test_whatever_is_merged_edited_and_parted_nothing_is_lost(
    platform: Platform,
    cluster: Cluster,
    people: list[tuple[str | None, str]],
    acts: int,
    data: st.DataObject,
) -> None:
    subject = await subject_by_username(platform.runtime.database, "records.kent")
    ids = [
        await create_nominal(platform, "kent", somebody(number, *person))
        for number, person in enumerate(people)
    ]
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        world = World(platform, subject, admin, ids)
        await world.keep()
        for _ in range(acts):
            await act(world, data)
            await world.keep()
        while world.standing:
            await world.undo(data.draw(st.sampled_from(world.standing)), data)
            await world.keep()
        await world.check_history()
        await world.check_log()
    finally:
        await admin.close()
