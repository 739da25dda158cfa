"""What a series of searches took and found, summed up for a report."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from athena.platform.benchmarks.scale.questions import KINDS, Question


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99 of a series."""
    if len(milliseconds) < 2:
        milliseconds = [*milliseconds, *milliseconds, 0.0][:2]
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return {name: round(cuts[place], 3) for name, place in (("p50", 49), ("p95", 94), ("p99", 98))}


def recall(found: Sequence[tuple[Question, bool]]) -> dict[str, float]:
    """Return the share of questions that found who was meant, of each kind and of all."""
    shares = {}
    for kind in (*KINDS, "all"):
        of_kind = [hit for question, hit in found if kind in (question.kind, "all")]
        if of_kind:
            shares[kind] = round(sum(of_kind) / len(of_kind), 4)
    return shares


def machine() -> dict[str, Any]:
    """Return what it ran on."""
    processor = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "rapidfuzz", "asyncpg", "sqlalchemy")},
    }
