"""How many decisions a second each engine makes, asked anew and remembered.

The questions are those of the platform: 80 labels of nine forces, under the baseline's agreements
repeated until there are as many as wanted. Making the question's text is part of every time.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files
from itertools import islice, product
from pathlib import Path
from typing import Any
from uuid import UUID

from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.identity import Purpose
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.web import held_port
from athena.policies.agreements.founding import baseline
from athena.policies.decisions.address import ServerAddress
from athena.policies.decisions.embedded import EmbeddedPoint
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.point import (
    DecisionPoint,
    NoDecisionError,
    Question,
    canonical_text,
)
from athena.policies.decisions.server import ServerPoint
from athena.policies.decisions.watched import WatchedPoint
from athena.tenants.consortium import FORCE_SLUGS

LABELS = 80
WARM_UP = 3
ATTEMPTS = 30
FEWEST = 10
PLAIN_AGREEMENTS = 200
"""With more agreements fewer decisions are made, so that a measurement takes as long."""

TODAY = "2026-11-24"
PATIENT_SECONDS = 30.0
"""Longer than the platform waits: a slow decision is to be measured, not refused."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What a series of decisions took; milliseconds but for the rate."""

    per_second: float
    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Speed:
        """Summarise a series that was made one decision after the other."""
        cuts = statistics.quantiles(seconds, n=100)
        return cls(
            round(len(seconds) / sum(seconds), 1),
            round(cuts[49] * 1000, 2),
            round(cuts[98] * 1000, 2),
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One engine with one number of agreements."""

    engine: str
    agreements: int
    decisions: int
    cold: Speed
    remembered: Speed


async def measure(
    settings: Settings, counts: Sequence[int], decisions: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Measure both engines with each number of agreements; return everything for the report."""
    policy = WasmPolicy.load()
    rows = []
    async with _server(settings, policy.revision) as server:
        points: list[DecisionPoint] = [EmbeddedPoint(policy)]
        if server is None:
            tell("No OPA server is measured: ATHENA_OPA_URL isn't set, and opa isn't on PATH")
        else:
            points.append(server)
        for count, point in product(counts, points):
            fewer = min(decisions, max(FEWEST, decisions * PLAIN_AGREEMENTS // count))
            tell(f"{point.engine}: {fewer} decisions under {count:,} agreements")
            rows.append(await _time(point, count, fewer))
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),  # in the last minute: above the cores, it waited
            "python": platform.python_version(),
        },
        "labels": LABELS,
        "rows": [asdict(row) for row in rows],
    }


async def _time(point: DecisionPoint, agreements: int, decisions: int) -> Row:
    contents = list(islice(_contents(agreements), WARM_UP + decisions))
    text = canonical_text(contents[0]["agreements"])  # of all of them, as the gate keeps it
    for content in contents[:WARM_UP]:
        await point.decide(Question.of(content, text))
    watched = WatchedPoint(point, remembered=decisions)

    async def series() -> list[float]:
        seconds = []
        for content in contents[WARM_UP:]:
            started = time.perf_counter()
            await watched.decide(Question.of(content, text))
            seconds.append(time.perf_counter() - started)
        return seconds

    cold, remembered = Speed.of(await series()), Speed.of(await series())
    return Row(point.engine, agreements, decisions, cold, remembered)


def _contents(agreements: int) -> Iterator[dict[str, Any]]:
    """Yield distinct questions: of every force, for every purpose, in turn about fewer labels."""
    documents = list(baseline())
    offered = [
        _renamed(documents[number % len(documents)].model_dump(mode="json"), number)
        for number in range(agreements)
    ]
    labels = [
        {
            "id": number,
            "owner": FORCE_SLUGS[number % len(FORCE_SLUGS)],
            "record_class": "nominal",
            "marking": "OFFICIAL-SENSITIVE" if number % 5 == 0 else "OFFICIAL",
            "handling": "C" if number % 7 == 0 else "P",
            "conditions": [],
            "categories": [("suspect", "convicted", "victim", "witness")[number % 4]],
            "sensitive": number % 11 == 0,
            "restricted": number % 13 == 0,
            "sealed": False,
        }
        for number in range(LABELS)
    ]
    for fewer, purpose, force in product(range(LABELS), Purpose, FORCE_SLUGS):
        yield {
            "requester": {
                "tenant": force,
                "kind": "force",
                "roles": ["officer"],
                "clearance": "OFFICIAL-SENSITIVE",
            },
            "active": list(FORCE_SLUGS),
            "purpose": purpose.value,
            "purposes": [known.value for known in Purpose],
            "today": TODAY,
            "agreements": offered,
            "labels": labels[fewer:],
        }


def _renamed(document: dict[str, Any], number: int) -> dict[str, Any]:
    """Return an agreement's document as that of another agreement."""
    return {**document, "id": str(UUID(int=number)), "reference": f"ATH-ISA-{number + 100}"}


@asynccontextmanager
async def _server(settings: Settings, revision: str) -> AsyncIterator[ServerPoint | None]:
    """Yield the server of the settings, or one of our own while it is measured, or None."""
    if settings.opa_url is not None:
        async with _opened(settings, revision) as point:
            yield point
        return
    tools = Path(__file__).parents[4] / ".tools" / "bin"
    command = shutil.which("opa", path=f"{os.environ.get('PATH', '')}{os.pathsep}{tools}")
    if command is None:
        yield None
        return
    archive = files("athena.policies.decisions") / "bundle" / "server.tar.gz"
    with held_port() as port, as_file(archive) as bundle:
        address = f"127.0.0.1:{port}"
        process = await asyncio.create_subprocess_exec(
            *(command, "run", "--server", "--addr", address, "--skip-version-check"),
            *("--log-level", "error", "--bundle", str(bundle)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            own = settings.model_copy(update={"opa_url": f"http://{address}"})
            async with _opened(own, revision) as point:
                yield point
        finally:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def _opened(settings: Settings, revision: str) -> AsyncIterator[ServerPoint]:
    token = settings.opa_token.get_secret_value() if settings.opa_token else None
    point = await ServerPoint.open(
        ServerAddress.of(settings), revision, token, deadline_seconds=PATIENT_SECONDS
    )
    try:
        await _until_ready(point)
        yield point
    finally:
        await point.close()


async def _until_ready(point: ServerPoint) -> None:
    """Wait for a server that is starting, or say what it lacks."""
    fault = ""
    for _ in range(ATTEMPTS):
        try:
            await point.check()
        except NoDecisionError as error:
            fault = error.fault.value
            await asyncio.sleep(0.2)
        else:
            return
    raise ConfigurationError(
        f"The OPA server gives no decision ({fault}); docs/operators.md tells what to look at."
    )
