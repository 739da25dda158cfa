"""How the year's releases reach the forces: asked, confirmed, ring by ring, judged, looked back on.

The health gate counts real requests: members of the ring's forces call the platform in this
process, and a second one of its processes that can't reach its decision point fails them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from athena.platform.cli.year.calling import Client
from athena.platform.cli.year.deciding import voted
from athena.platform.cli.year.papers import (
    ADVISORY,
    AHEAD,
    AMO,
    EVIDENCE,
    FEATURES,
    FORCES,
    MINIMUM_REQUESTS,
)
from athena.platform.cli.year.stage import STORY, Stage
from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.settings import Settings

COUNTED_WITHIN_SECONDS = 60.0
"""Every process stores its counts every three seconds; a busy machine may take longer."""

LOOK_AGAIN_SECONDS = 0.25
TOO_FEW = "too few to judge by"


async def planned(stage: Stage, name: str) -> None:
    """End a release's drafting, confirm what training and pre-live showed, and have it voted on."""
    path = f"releases/{name}"
    await stage.act(AMO, f"{path}/plan", "The plan is whole")
    for item in ("trained", "rehearsed", "desk-staffed"):
        await stage.act(
            AMO, f"{path}/confirmations", "Seen and reported", item=item, link=f"{EVIDENCE}/{item}"
        )
    await stage.act(AMO, f"{path}/ask", "Go or no-go")


async def approved(stage: Stage, title: str, name: str) -> str:
    """Let the advisory board say go, and begin; return the sentence of its outcome."""
    sentence = await voted(stage, ADVISORY, f"{name}:")
    await stage.act(AMO, f"releases/{name}/approve", "The advisory board said go")
    is_past = stage.is_past()
    await stage.act(AMO, f"releases/{name}/begin", "Go")
    if not is_past:  # then every force waits for its ring
        await switched(stage, title, AHEAD[title][0], on=False)
    return sentence


async def told(stage: Stage, name: str, ring: int) -> None:
    """Tell a ring's forces that the release comes to them."""
    await stage.act(AMO, f"releases/{name}/rings/{ring}/notify", "It comes tonight")


async def live(stage: Stage, title: str, name: str, ring: int) -> None:
    """Let a ring go live that was told, and wait until this process has switched as well."""
    is_past = stage.is_past()
    await stage.act(AMO, f"releases/{name}/rings/{ring}/go-live", "Everything is confirmed")
    if not is_past:
        await switched(stage, title, AHEAD[title][0] if ring == 1 else _behind(title), on=True)


async def switched(stage: Stage, title: str, force: str, *, on: bool) -> None:
    """Wait until this process has followed a switch; ConflictError where it doesn't in time."""
    runtime = stage.client.runtime
    tenant = await stage.client.tenant_of(f"supervisor.{force}")
    until = time.monotonic() + COUNTED_WITHIN_SECONDS
    while runtime.features.on(FEATURES[title], tenant) is not on:
        if time.monotonic() > until:
            raise ConflictError("This process didn't follow the switch; run the year again.")
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def used(stage: Stage, forces: Sequence[str]) -> None:
    """Let members of some forces use the platform, without looking at anybody's record."""
    for turn in range(MINIMUM_REQUESTS + 4):
        account = f"supervisor.{forces[turn % len(forces)]}"
        answer = await stage.client.send(account, "GET", "/api/v1/governance/features")
        if answer.status != 200:
            raise ConflictError(f"The features can't be read as {account}: {answer.detail}")


async def failing(broken: Client, force: str, times: int) -> int:
    """Let an officer search through a process that can't decide; return how often it failed."""
    account, failed = f"officer.{force}", 0
    body = {
        "purpose": "data_quality",
        "reason": f"{STORY}: a search that must fail",
        "name": "Nobody Atall",
    }
    for _ in range(times):
        answer = await broken.send(account, "POST", "/api/v1/nominals/search", body)
        failed += answer.has_failed
    return failed


@asynccontextmanager
async def broken_process(stage: Stage, settings: Settings) -> AsyncIterator[Client]:
    """Yield a second process of the platform whose decision point nobody answers at.

    The address is held while it runs, without listening, so nothing else can answer there. What it
    logs of its failures is no news to whoever plays the year, who is told how many there were.
    """
    with socket.socket() as held, _quiet():
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        changed = settings.model_copy(update={"opa_url": address, "opa_deadline_seconds": 0.2})
        async with Client.opened(stage.client.runtime.store, changed) as client:
            yield client


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("athena")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


async def counted(stage: Stage, name: str, ring: int) -> list[str]:
    """Wait until the gate before a ring has enough to judge by; return what is in the ring's way.

    ConflictError where too little was counted in time.
    """
    until = time.monotonic() + COUNTED_WITHIN_SECONDS
    while True:
        seen = (await stage.read(f"releases/{name}/rings/{ring}"))["hindrances"]
        if not any(TOO_FEW in sentence for sentence in seen):
            return [str(sentence) for sentence in seen]
        if time.monotonic() > until:
            raise ConflictError(f"Too little was counted of {name}; run the year again to go on.")
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def judged(stage: Stage, name: str, ring: int, outcome: str) -> str:
    """Let the health gate judge a ring, and return its sentence as the release keeps it.

    ConflictError where it doesn't say what the story has it say.
    """
    await stage.act(AMO, f"releases/{name}/rings/{ring}/judge", "An hour later")
    entries = (await stage.read(f"releases/{name}"))["entries"]
    verdicts = [item["document"] for item in entries if item["kind"] == "verdict"]
    verdict = verdicts[-1]
    if verdict["outcome"] != outcome:
        raise ConflictError(
            f"The health gate of {name} was to say '{outcome}' of ring {ring}, and says: "
            f"{verdict['sentence']} Somebody else uses the store; play the year on a fresh one."
        )
    return str(verdict["sentence"])


async def passed(stage: Stage, title: str, name: str) -> str:
    """Let the first ring's forces use the platform until the gate passes; return its sentence."""
    if not stage.is_past():
        await used(stage, AHEAD[title])
        await counted(stage, name, 2)
    return await judged(stage, name, 1, "pass")


async def looked_back(stage: Stage, name: str, findings: str) -> None:
    """Review a release and close it."""
    path = f"releases/{name}"
    await stage.act(AMO, f"{path}/review", "A fortnight later", findings=findings)
    await stage.act(AMO, f"{path}/close", "Reviewed")


def _behind(title: str) -> str:
    return next(force for force in FORCES if force not in AHEAD[title])
