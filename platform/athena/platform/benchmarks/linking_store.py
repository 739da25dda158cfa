"""How long comparing one new nominal takes against a store: candidates, scores, links, log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from athena.platform.runtime import Runtime
from athena.records.synthetic.people import generate
from athena.records.synthetic.service import load
from athena.tenants.consortium import FORCE_SLUGS

SAMPLE = 500
GOAL_MS = 20.0
_WARM = 50


async def measure_store(
    runtime: Runtime,
    nominals: int,
    seed: int,
    tell: Callable[[str], None],
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Load made-up nominals and compare the last of them one by one; milliseconds.

    A whole transaction each: the turn, the queue, the log of the combination, the look-ups, the
    scores and both sides of the links.
    """
    people = generate(nominals, seed, FORCE_SLUGS)
    await load(runtime.database, runtime.gate, people, f"bench link {seed}", progress)
    tell("Reading the names")
    await runtime.searcher.names.refresh()
    times = []
    for place in range(min(nominals, SAMPLE + _WARM)):
        started = time.perf_counter()
        await runtime.linker.compare_batch(1)
        if place >= _WARM:
            times.append((time.perf_counter() - started) * 1000)
    shares = {f"p{share}": round(float(np.percentile(times, share)), 2) for share in (50, 95, 99)}
    return {"nominals": nominals, "compared": len(times), "goal_p95_ms": GOAL_MS, **shares}
