"""The linker's look-up stays within its indexes, under its own login and policies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from athena.platform.kernel.database import Parameters, ReadSession
from athena.platform.kernel.rows import Row
from athena.records.names.keys import pair_key
from athena.records.names.ranges import day_ranges, pair_ranges
from athena.sharing.comparing import repository
from athena.sharing.comparing.repository import LINKER, LookUps
from athena.sharing.linking.persons import Person, make_name
from support.api import Platform
from support.records import create_nominal


class Explaining(ReadSession):
    """A session that keeps the plan of what it runs, beside the answer."""

    plans: list[str]

    async def rows(self, statement: str, parameters: Parameters | None = None) -> Sequence[Row]:
        explained = await super().rows(f"EXPLAIN (COSTS OFF) {statement}", parameters)
        self.plans = [*getattr(self, "plans", []), "\n".join(row[0] for row in explained)]
        return await super().rows(statement, parameters)


async def test_candidates_come_from_the_indexes_alone_of_names_and_dates(
    platform: Platform,
) -> None:
    born = {"names": [{"given_names": "Peregrine", "surname": "Oddfellow"}], "sex": "M"}
    nominal = await create_nominal(platform, "kent", {**born, "date_of_birth": "1970-02-03"})
    async with platform.runtime.database.write(LINKER) as session:
        keys = [(platform.runtime.searcher.directory.by_slug("kent").tenant_id, nominal)]
        await repository.log_combination(session, keys, "test")
        # Of a table of a few rows the planner reads all: what counts is whether it could do less.
        await session.value("SELECT set_config('enable_seqscan', 'off', true)")
        await session.value("SELECT set_config('enable_bitmapscan', 'off', true)")
        explaining = Explaining(session._connection, LINKER)
        pairs = np.asarray([pair_key(1, 2), pair_key(3, 4)], dtype=np.int64)
        await repository.candidates(
            explaining,
            keys[0],
            Person(names=(make_name("Peregrine", "Oddfellow"),), telephones=("07700900461",)),
            LookUps(pair_ranges(pairs), day_ranges(np.asarray([25_000])), (1, 3), (2, 4)),
        )
    (plan,) = explaining.plans
    assert "Index Only Scan using name_key_by_name" in plan
    assert "Index Only Scan using name_key_by_date" in plan
    assert "Index Scan using contact_value" in plan
    assert "Index Scan using identifier_value" in plan
    assert "Seq Scan" not in plan
