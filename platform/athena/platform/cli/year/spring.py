"""April to September of the year: bodies, the first requests, and the first release."""

from __future__ import annotations

from athena.platform.cli.year import rollouts
from athena.platform.cli.year.accounts import invoiced, paid, prepared
from athena.platform.cli.year.deciding import (
    SITS,
    asked,
    assessed,
    raised,
    shared,
    submitted,
    voted,
)
from athena.platform.cli.year.papers import (
    ADVISORY,
    AHEAD,
    AMO,
    BOARD,
    BODIES,
    CLOCKS,
    COLOURS,
    CUSTODY,
    DICTATION,
    FEATURES,
    FORCES,
    LINKS,
    PHOTOGRAPHS,
    PRINTER,
    PRINTER_ESSEX,
    PRINTER_SUFFOLK,
    SPRING,
    plan,
    request,
    window,
)
from athena.platform.cli.year.stage import Stage

CUSTODY_FORCES = ("essex", "kent", "norfolk")


async def play(stage: Stage) -> None:
    """Play the first half of the year."""
    await april(stage)
    await may(stage)
    await june(stage)
    await july(stage)
    await august(stage)
    await september(stage)


async def april(stage: Stage) -> None:
    """Found the bodies, appoint who sits on them, and open the accounts."""
    stage.month("April")
    for body in BODIES:
        await stage.act(AMO, "bodies", "Agreed at the first meeting", **body)
    for body_slug, account in SITS.items():
        for force in FORCES:
            await _appoint(stage, force, body_slug, f"{account}.{force}")
    for force in CUSTODY_FORCES:
        await _appoint(stage, force, CUSTODY, f"board.{force}")
    await _appoint(stage, "suffolk", BOARD, "dpo.suffolk", "substitute")
    await stage.act(
        AMO,
        f"bodies/{BOARD}/appointments",
        "The chair breaks ties",
        username=AMO,
        duty="chair",
    )
    stage.tell("A strategic board, a change advisory board and a custody user group are founded.")
    await prepared(stage)


async def may(stage: Stage) -> None:
    """Raise the first request, assess it, and put an entry into the catalogue."""
    stage.month("May")
    links = await submitted(
        stage,
        "board.kent",
        request(LINKS, FORCES, 48_000, annual_pence=600_000),
        "Kent asks for it",
    )
    await assessed(stage, links, FORCES, conditions="Training must end before the harvest.")
    stage.tell(f"{links}: Kent asks for link suggestions; all nine forces assess what it means.")
    await shared(stage, links)
    await asked(stage, BOARD, links)
    said = await voted(stage, BOARD, links, substitutes={"suffolk": "dpo.suffolk"})
    stage.tell(f"{links}: {said} Suffolk's substitute voted. Every force's share is bound.")
    await stage.act(
        AMO,
        "catalogue",
        "Done every month",
        slug=PRINTER,
        title="A printer at a custody desk",
        procedure="Install it and print a test page. To take it back: remove it.",
        largest_pence=50_000,
    )
    await asked(stage, BOARD, PRINTER, "catalogue")
    said = await voted(stage, BOARD, PRINTER)
    stage.tell(f"A printer at a custody desk is a standard change from now on: {said}")


async def june(stage: Stage) -> None:
    """Take a request of a user group, and two standard changes."""
    stage.month("June")
    photographs = request(PHOTOGRAPHS, CUSTODY_FORCES, 32_000)
    await stage.act(
        "board.kent", "changes", "The group asks for it", document=photographs, body=CUSTODY
    )
    name = await stage.change(PHOTOGRAPHS)
    await stage.act("board.kent", f"changes/{name}/submit", "It is complete")
    await assessed(stage, name, CUSTODY_FORCES)
    await shared(stage, name)
    await asked(stage, BOARD, name)
    said = await voted(stage, BOARD, name, {"west-mercia": "abstain"})
    stage.tell(f"{name}: the custody user group asks for photographs. {said}")
    for title, force, kind in (
        (PRINTER_SUFFOLK, "suffolk", "Ipswich"),
        (PRINTER_ESSEX, "essex", "Basildon"),
    ):
        document = request(title, [force], 450, kind="standard", catalogue=PRINTER)
        standard = await submitted(stage, f"admin.{force}", document, f"{kind} has none")
        stage.tell(f"{standard}: a printer for {kind} follows the catalogue, so nobody votes.")


async def july(stage: Stage) -> None:
    """Deal with an emergency, and reject a request."""
    stage.month("July")
    clocks = await submitted(
        stage,
        "board.essex",
        request(
            CLOCKS,
            ["essex"],
            0,
            kind="emergency",
            emergency_reason="No detention can be timed since noon.",
        ),
        "Essex can't wait",
    )
    await asked(stage, ADVISORY, clocks)
    said = await voted(stage, ADVISORY, clocks)
    await stage.act(AMO, f"changes/{clocks}/begin", "At once")
    await stage.act(AMO, f"changes/{clocks}/finish", "Two hours later", result="implemented")
    await stage.act(
        AMO,
        f"changes/{clocks}/close",
        "Reviewed",
        review="The clock's server had no spare; it has one now.",
    )
    stage.tell(
        f"{clocks}: an emergency in Essex skips assessing and not the vote. {said} "
        "It is done at once, and reviewed afterwards."
    )
    dictation = await submitted(
        stage, "board.bedfordshire", request(DICTATION, ["bedfordshire"], 900_000), "An idea"
    )
    await assessed(stage, dictation, ["bedfordshire"])
    await shared(stage, dictation)
    await asked(stage, BOARD, dictation)
    against = dict.fromkeys(("essex", "kent", "norfolk", "suffolk"), "against")
    said = await voted(stage, BOARD, dictation, against)
    stage.tell(f"{dictation}: dictation for every desk at £900,000. {said}")


async def august(stage: Stage) -> None:
    """Withdraw a request, and plan the first release around a black-out."""
    stage.month("August")
    colours = await raised(
        stage, "board.warwickshire", request(COLOURS, ["warwickshire"], 2_000), "Asked on a shift"
    )
    await stage.act("board.warwickshire", f"changes/{colours}/submit", "It is complete")
    await stage.act("board.warwickshire", f"changes/{colours}/withdraw", "Nobody wants it any more")
    stage.tell(f"{colours}: Warwickshire withdraws its request while it is assessed.")
    show = window(40, 2)
    await stage.act(
        "admin.norfolk",
        "releases/black-outs",
        "Every officer is on the street",
        title="The county show",
        begins=show["begins"],
        ends=show["ends"],
    )
    changes = [await stage.change(title) for title in (LINKS, PHOTOGRAPHS, PRINTER_ESSEX)]
    feature, ahead = FEATURES[SPRING], AHEAD[SPRING]
    into_the_show = [window(), window(39, 5)]
    drafted = plan(SPRING, changes, feature, ahead, into_the_show)
    await stage.act(AMO, "releases", "Authorised in May and June", document=drafted)
    name = await stage.release(SPRING)
    refused = await stage.refused(AMO, f"releases/{name}/plan", "The show was forgotten")
    sooner = plan(SPRING, changes, feature, ahead, [window(), window()])
    await stage.act(
        AMO, f"releases/{name}/versions", "The second ring is sooner now", document=sooner
    )
    stage.tell(f"{name}: Norfolk files a black-out, and the first plan meets it: {refused}")
    await rollouts.planned(stage, name)
    said = await rollouts.approved(stage, SPRING, name)
    stage.tell(f"{name}: training and pre-live are confirmed; go or no-go: {said}")


async def september(stage: Stage) -> None:
    """Roll the first release out, look back on it, and pay for it."""
    stage.month("September")
    name = await stage.release(SPRING)
    await rollouts.told(stage, name, 1)
    await rollouts.live(stage, SPRING, name, 1)
    stage.tell(f"{name}: Essex and Kent have link suggestions; nobody else has.")
    said = await rollouts.passed(stage, SPRING, name)
    stage.tell(f"{name}: the health gate counts their requests. {said}")
    await rollouts.told(stage, name, 2)
    await stage.act("admin.norfolk", f"releases/{name}/objections", "Training isn't through")
    refused = await stage.refused(
        AMO, f"releases/{name}/rings/2/go-live", "Norfolk's no-go stands in the way"
    )
    await stage.act("admin.norfolk", f"releases/{name}/objections/withdraw", "Training is through")
    stage.tell(f"{name}: the second ring waits ({refused}). A week later Norfolk says go.")
    await rollouts.live(stage, SPRING, name, 2)
    await rollouts.looked_back(stage, name, "No calls to the desk; suggestions are used daily.")
    for title in (LINKS, PHOTOGRAPHS, PRINTER_ESSEX):
        await closed(stage, title, "It does what was asked for.")
    stage.tell(f"{name}: every force has it. It is reviewed and closed, with its three changes.")
    printer = await stage.change(PRINTER_SUFFOLK)
    await stage.act(AMO, f"changes/{printer}/schedule", "On a quiet night", window=window())
    await stage.act(AMO, f"changes/{printer}/begin", "The engineer is there")
    await stage.act(AMO, f"changes/{printer}/finish", "It prints", result="implemented")
    await closed(stage, PRINTER_SUFFOLK, "A test page was printed.")
    stage.tell(f"{printer}: Ipswich has its printer, without any release.")
    await invoiced(stage, LINKS, 48_000, "INV-1001")
    await invoiced(stage, PHOTOGRAPHS, 20_000, "INV-1002")
    stage.tell("The supplier invoices £68,000.00, which finance shares out among the forces.")
    await paid(stage, 68_000, "BACS-SEPTEMBER")
    stage.tell("The forces pay what they owe, and finance pays the supplier.")


async def closed(stage: Stage, title: str, review: str) -> None:
    """Close a change that was reviewed."""
    reference = await stage.change(title)
    await stage.act(AMO, f"changes/{reference}/close", "Reviewed", review=review)


async def _appoint(
    stage: Stage, force: str, body: str, username: str, duty: str = "member"
) -> None:
    await stage.act(
        f"admin.{force}",
        f"bodies/{body}/appointments",
        f"{force} appoints its {duty}",
        username=username,
        duty=duty,
    )
