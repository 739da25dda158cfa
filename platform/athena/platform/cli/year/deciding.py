"""How the year's bodies decide: assessments, shares, ballots, and the outcome with its minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from athena.platform.cli.year.papers import (
    ADVISORY,
    AMO,
    BOARD,
    FINANCE,
    FORCES,
    FORMULA,
    assessment,
)
from athena.platform.cli.year.stage import OVERSIGHT, Stage

SITS = {BOARD: "board", ADVISORY: "records"}
"""Whose account of each force sits on a body."""

Ballots = Mapping[str, str]
"""What forces say that don't vote for it."""


async def raised(stage: Stage, account: str, document: Mapping[str, Any], why: str) -> str:
    """Let a member raise a request; return its reference."""
    await stage.act(account, "changes", why, document=dict(document))
    return await stage.change(document["title"])


async def submitted(stage: Stage, account: str, document: Mapping[str, Any], why: str) -> str:
    """Let a member raise a request and hand it in; return its reference."""
    reference = await raised(stage, account, document, why)
    await stage.act(account, f"changes/{reference}/submit", "It is complete")
    return reference


async def assessed(
    stage: Stage, reference: str, forces: Sequence[str], conditions: str | None = None
) -> None:
    """Let affected forces assess a change; the last one states conditions, if there are any."""
    for force in forces:
        stated = conditions if force == forces[-1] else None
        await stage.act(
            f"board.{force}",
            f"changes/{reference}/assessments",
            f"The assessment of {force}",
            assessment=assessment(conditions=stated),
        )


async def shared(stage: Stage, reference: str) -> None:
    """Let finance show each force its share."""
    await stage.act(
        FINANCE,
        f"changes/{reference}/previews",
        "Every force sees its share before it votes",
        preview={"formula": FORMULA, "financial_year": str(stage.year)},
    )


async def asked(stage: Stage, body: str, matter: str, kind: str = "change") -> None:
    """Let the client body open a vote."""
    question = "Shall it be done?"
    why = "It is ready to be decided on"
    await stage.act(AMO, "votes", why, body=body, kind=kind, reference=matter, question=question)


async def voted(
    stage: Stage,
    body: str,
    matter: str,
    said: Ballots | None = None,
    *,
    seats: Sequence[str] = FORCES,
    substitutes: Mapping[str, str] | None = None,
    chair: str | None = None,
) -> str:
    """Let the seats of a body vote, for it unless said otherwise, and close the vote.

    ``substitutes`` names who votes for a force instead of its member; ``chair`` is what the chair
    says, where there is a tie. Returns the sentence of the outcome.
    """
    vote = await stage.vote(matter, body)
    ballots = f"votes/{vote['id']}/ballots"
    for force in seats:
        choice = (said or {}).get(force, "for")
        account = (substitutes or {}).get(force, f"{SITS[body]}.{force}")
        await stage.act(account, ballots, f"Votes for {force}", choice=choice)
    if chair is not None:
        why = "The chair breaks the tie"
        await stage.act(AMO, ballots, why, choice=chair, as_chair=True)
    await stage.act(AMO, f"votes/{vote['id']}/close", "Everyone has voted")
    closed = await stage.read(f"votes/{vote['id']}", OVERSIGHT)
    return str(closed["sentence"])


async def charge_of(stage: Stage, reference: str) -> str:
    """Return the charge by which the last vote on a change binds the forces."""
    decided = (await stage.read(f"changes/{reference}"))["decisions"]
    return str(decided[-1]["charge"])
