"""October to March of the year: an enhancement, a new quote, a release backed out, and the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from athena.platform.cli.year import rollouts
from athena.platform.cli.year.accounts import credited, entered, invoiced, paid
from athena.platform.cli.year.deciding import asked, assessed, raised, shared, submitted, voted
from athena.platform.cli.year.papers import (
    AHEAD,
    AMO,
    AUTUMN,
    BOARD,
    BREAK_GLASS_FORM,
    FEATURES,
    FINANCE,
    FORCES,
    LINKS,
    OLD_FORMAT,
    SUPPORT,
    UPGRADE,
    VETTING,
    VOICE_NOTES,
    WINTER,
    plan,
    request,
    window,
)
from athena.platform.cli.year.spring import closed
from athena.platform.cli.year.stage import LAST, Stage
from athena.platform.kernel.settings import Settings

TAKING_PART = ("bedfordshire", "cambridgeshire", "hertfordshire")
AFFECTED = ("essex", "norfolk")
FAILURES = 8
"""A third of what Norfolk's members ask for, where the budget is one in twenty."""

SILENCE = timedelta(seconds=3)
"""How long Norfolk has to assess: the story's fortnight can't be waited for."""


async def play(stage: Stage, settings: Settings) -> None:
    """Play the second half of the year."""
    await october(stage)
    await november(stage)
    await december(stage, settings)
    await january(stage)
    await february(stage)
    await march(stage)


async def october(stage: Stage) -> None:
    """Offer an optional enhancement, and authorise what the second release brings."""
    stage.month("October")
    notes = await submitted(
        stage,
        "board.hertfordshire",
        request(VOICE_NOTES, TAKING_PART, 30_000, optional=True),
        "Three forces want it",
    )
    for force in TAKING_PART:
        await stage.act(f"board.{force}", f"changes/{notes}/opt-in", f"{force} takes part")
    await stage.act("board.suffolk", f"changes/{notes}/opt-out", "Not this year")
    await assessed(stage, notes, TAKING_PART)
    await shared(stage, notes)
    await asked(stage, BOARD, notes)
    said = await voted(stage, BOARD, notes, seats=TAKING_PART)
    stage.tell(f"{notes}: three forces opt in to voice notes and share the cost. {said}")
    form = await submitted(
        stage, "board.norfolk", request(BREAK_GLASS_FORM, AFFECTED, 60_000), "Norfolk asks for it"
    )
    await assessed(stage, form, AFFECTED)
    await shared(stage, form)
    await asked(stage, BOARD, form)
    said = await voted(stage, BOARD, form)
    stage.tell(f"{form}: a clearer form for emergencies, at £60,000. {said}")
    vetting = request(VETTING, ["cambridgeshire"], 12_500.55)
    name = await submitted(stage, "board.cambridgeshire", vetting, "Asked for by its auditors")
    await stage.act(AMO, f"changes/{name}/send-back", "Its data protection must be assessed")
    await stage.act(
        "board.cambridgeshire",
        f"changes/{name}/versions",
        "The assessment is there",
        document={**vetting, "dpia_needed": True, "dpia_reference": "DPIA-MADE-UP-7"},
    )
    await stage.act("board.cambridgeshire", f"changes/{name}/submit", "It is complete now")
    await assessed(stage, name, ["cambridgeshire"])
    await shared(stage, name)
    await asked(stage, BOARD, name)
    said = await voted(stage, BOARD, name)
    stage.tell(f"{name}: sent back for its data protection, amended, and assessed. {said}")


async def november(stage: Stage) -> None:
    """Vote again on a change whose price rose, and begin the second release."""
    stage.month("November")
    form = await stage.change(BREAK_GLASS_FORM)
    await stage.act(
        FINANCE,
        f"changes/{form}/quotes",
        "The supplier asks for more",
        quote={"supplier_reference": "Q-MADE-UP-2", "one_off_pence": 7_500_000},
    )
    stage.tell(
        f"{form}: the supplier asks £75,000.00 instead, beyond the tolerance of 10 %. The vote is "
        "reopened, and nobody is bound any more."
    )
    await shared(stage, form)
    await asked(stage, BOARD, form)
    against = dict.fromkeys(("hertfordshire", "suffolk", "warwickshire", "kent"), "against")
    said = await voted(stage, BOARD, form, {**against, "norfolk": "recuse"}, chair="for")
    stage.tell(f"{form}: Norfolk, which asked for it, stands aside. {said}")
    changes = [form, await stage.change(VETTING)]
    document = plan(AUTUMN, changes, FEATURES[AUTUMN], AHEAD[AUTUMN], [window(), window()])
    await stage.act(AMO, "releases", "Authorised in October and November", document=document)
    name = await stage.release(AUTUMN)
    await rollouts.planned(stage, name)
    said = await rollouts.approved(stage, AUTUMN, name)
    stage.tell(
        f"{name}: go or no-go: {said} From now on a force has emergency access once its ring is "
        "live, and not before."
    )


async def december(stage: Stage, settings: Settings) -> None:
    """Let the second release fail in its first ring, back it out, and let a force join late."""
    stage.month("December")
    name = await stage.release(AUTUMN)
    (force,) = AHEAD[AUTUMN]
    await rollouts.told(stage, name, 1)
    await rollouts.live(stage, AUTUMN, name, 1)
    stage.tell(f"{name}: Norfolk has emergency access.")
    await rollouts.told(stage, name, 2)
    if not stage.is_past():
        async with rollouts.broken_process(stage, settings) as broken:
            failed = await rollouts.failing(broken, force, FAILURES)
        await rollouts.used(stage, AHEAD[AUTUMN])
        await rollouts.counted(stage, name, 2)
        stage.note(
            f"{name}: one of the platform's processes can't reach its decision point, and {failed} "
            "real searches of Norfolk's officer fail with it."
        )
    refused = await stage.refused(
        AMO, f"releases/{name}/rings/2/go-live", "Nobody else gets what fails in Norfolk"
    )
    await rollouts.judged(stage, name, 1, "hold")
    stage.tell(f"{name}: the other forces don't get it. {refused} The release is held.")
    is_past = stage.is_past()
    await stage.act(AMO, f"releases/{name}/back-out", "Every third search fails in Norfolk")
    if not is_past:
        await rollouts.switched(stage, AUTUMN, force, on=False)
    stage.tell(f"{name}: backed out. No force has emergency access until it is released again.")
    await rollouts.looked_back(stage, name, "A process ran without its decision point for an hour.")
    stage.tell(f"{name}: looked back on and closed; its two changes are authorised again.")
    notes = await stage.change(VOICE_NOTES)
    await stage.act("board.essex", f"changes/{notes}/opt-in", "Essex takes part now")
    stage.tell(f"{notes}: Essex joins voice notes, pays its share, and the others are credited.")


async def january(stage: Stage) -> None:
    """Assess a change with a force that stays silent."""
    stage.month("January")
    document = request(
        OLD_FORMAT,
        ["norfolk", "suffolk"],
        0,
        irreversible_data=True,
        way_back={"kind": "forward_recovery", "plan": "Import again from the files, converted."},
    )
    name = await raised(stage, AMO, document, "Two forces use it still")
    assess_by = (datetime.now(UTC) + SILENCE).isoformat()
    await stage.act(AMO, f"changes/{name}/submit", "It is complete", assess_by=assess_by)
    await assessed(stage, name, ["suffolk"])
    if not stage.is_past():
        deadline = datetime.fromisoformat((await stage.read(f"changes/{name}"))["assess_by"])
        left = (deadline - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(max(left, 0) + 0.1)  # a deadline of the store's: nothing tells of it
    await stage.act(AMO, f"changes/{name}/end-assessing", "The deadline has passed")
    await asked(stage, BOARD, name)
    said = await voted(stage, BOARD, name)
    stage.tell(f"{name}: Norfolk lets the deadline pass, and its silence is recorded. {said}")


async def february(stage: Stage) -> None:
    """Roll the third release out to everybody."""
    stage.month("February")
    titles = (BREAK_GLASS_FORM, VETTING, VOICE_NOTES, OLD_FORMAT)
    changes = [await stage.change(title) for title in titles]
    times = [window(), window()]
    document = plan(
        WINTER, changes, FEATURES[WINTER], AHEAD[WINTER], times, way_back="forward_recovery"
    )
    await stage.act(AMO, "releases", "With what was learnt in December", document=document)
    name = await stage.release(WINTER)
    await rollouts.planned(stage, name)
    said = await rollouts.approved(stage, WINTER, name)
    stage.tell(f"{name}: emergency access again, recovered forward. Go or no-go: {said}")
    await rollouts.told(stage, name, 1)
    await rollouts.live(stage, WINTER, name, 1)
    said = await rollouts.passed(stage, WINTER, name)
    stage.tell(f"{name}: Norfolk has it again. The health gate: {said}")
    await rollouts.told(stage, name, 2)
    await rollouts.live(stage, WINTER, name, 2)
    await rollouts.looked_back(stage, name, "Nobody noticed, which is what was meant.")
    for title in titles:
        await closed(stage, title, "It does what was asked for.")
    stage.tell(f"{name}: every force has it. It is reviewed and closed, with its four changes.")


async def march(stage: Stage) -> None:
    """Square the accounts, and leave something for the next year."""
    stage.month("March")
    await invoiced(stage, BREAK_GLASS_FORM, 75_000, "INV-1003")
    await invoiced(stage, VOICE_NOTES, 30_000, "INV-1004")
    await entered(stage, "invoices", SUPPORT, 18_000, "INV-1005", "The contract")
    await credited(stage, LINKS, 2_000, "CN-1006")
    stage.tell("The supplier invoices £123,000.00, and credits £2,000.00 for being late in May.")
    await paid(stage, 121_000, "BACS-MARCH")
    stage.tell("The forces pay what they owe, and finance pays the supplier.")
    upgrade = await submitted(
        stage, "board.west-mercia", request(UPGRADE, FORCES, 20_000), "For next year"
    )
    await assessed(stage, upgrade, FORCES)
    await shared(stage, upgrade)
    await asked(stage, BOARD, upgrade)
    said = await voted(stage, BOARD, upgrade)
    stage.tell(f"{upgrade}: authorised, and left for a release of next year. {said}")
    await stage.act(
        AMO,
        f"changes/{upgrade}/comments",
        LAST,
        comment={"text": "The made-up year ends here, with this change left to be released."},
    )
