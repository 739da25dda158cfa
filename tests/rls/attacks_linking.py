"""What is tried on links, decisions and merges, and by the linker's login beyond its job."""

from __future__ import annotations

import asyncpg

from rls.attacks import NO_RLS, Attack, Steps, fill, reads, without, writes
from support.world import World

COMBINE = "audit.combine(text,text,jsonb,jsonb)"
POINT = "sharing.point_to_linked(smallint,uuid,text)"

DECISION = (
    "INSERT INTO sharing.link_decision (owner_force, nominal_id, other_force, other_id, verdict, "
    "decided_by, decided_by_force) VALUES ({{{force}}}, '{{{one}}}', {{essex}}, '{{{other}}}', "
    "'same', {member}, {{{force}}})"
)
KEPT = (
    "INSERT INTO records.link_verdict (owner_force, nominal_id, other_force, other_id, verdict, "
    "decided_by, decided_at) VALUES ({{{force}}}, '{{{one}}}', 'suffolk', '{{new}}', 'same', "
    "'{{new}}', now())"
)
ME = "ctx.session_member()"


def as_linker(statement: str, *, logged: bool = False) -> Steps:
    """Return steps that succeed when a statement touches or shows a row to the linker's login."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        linker = await world.as_login("athena_linker")
        try:
            async with linker.transaction():
                if logged:
                    await linker.execute(
                        "SELECT audit.combine('x', 'x', '{}', jsonb_build_array("
                        f"jsonb_build_object('owner_force', {world.essex})))"
                    )
                done = await linker.execute(fill(statement, world))
            return not done.endswith(" 0")
        finally:
            await linker.close()

    return steps


def decision(one: str, other: str, force: str = "kent", member: str = ME) -> str:
    """Return the statement that keeps a decision."""
    return DECISION.format(force=force, one=one, other=other, member=member)


SEEING = [
    Attack(
        f"reads {what} of a record that is hidden",
        "a side is readable where both nominals are",
        reads(f"SELECT 1 FROM sharing.{table} WHERE other_id = '{{closed}}'"),
        f"ALTER POLICY {policy} ON sharing.{table} USING (true)",
    )
    for table, policy, what in (
        ("link", "both_visible", "a link"),
        ("link_step", "both_show_it", "a step of a link"),
        ("link_decision", "both_visible", "a decision"),
    )
] + [
    Attack(
        "reads what a hidden group said of a visible link",
        "a step is readable where its groups are shown of both",
        reads("SELECT 1 FROM sharing.link_step WHERE other_id = '{open}' AND field = 'number'"),
        NO_RLS.format("sharing.link_step"),
    ),
    Attack(
        "asks who is linked to another force's record",
        "a force asks about its own nominals",
        reads("SELECT * FROM sharing.point_to_linked({essex}::smallint, '{pointer}', 'x')"),
        without(POINT, "p_owner IS DISTINCT FROM ctx.session_tenant()", "false")
        + "; ALTER POLICY pointers ON sharing.link USING (true)"
        + "; ALTER POLICY pointers ON records.name_key USING (true)"
        + "; ALTER POLICY not_withheld_pointer ON records.name_key USING (true)",
    ),
    Attack(
        "reads which nominals wait to be compared",
        "the queue is the linker's",
        reads("SELECT 1 FROM sharing.match_queue"),
        "GRANT SELECT ON sharing.match_queue TO athena_force; "
        + NO_RLS.format("sharing.match_queue"),
    ),
    Attack(
        "reads another force's merges",
        "a merge is its own force's",
        reads("SELECT 1 FROM records.merge WHERE owner_force = {essex}"),
        "ALTER POLICY both_visible ON records.merge USING (true)",
    ),
    Attack(
        "reads what another force keeps of its decisions for its archive",
        "kept decisions are their own force's",
        reads("SELECT 1 FROM records.link_verdict WHERE owner_force = {essex}"),
        "ALTER POLICY own_visible ON records.link_verdict USING (true)",
    ),
]

DECIDING = [
    Attack(
        "decides about a record that is hidden",
        "a decision needs both nominals visible",
        writes(decision("own", "pointer")),
        "ALTER POLICY decide ON sharing.link_decision WITH CHECK (true)",
    ),
    Attack(
        "decides in another force's name",
        "a decision stands first on the side of the force that decides",
        writes(decision("open", "pointer", force="essex")),
        "ALTER POLICY decide ON sharing.link_decision WITH CHECK (true); "
        "ALTER POLICY mirror ON sharing.link_decision WITH CHECK (true); "
        "ALTER POLICY keeping ON records.link_verdict WITH CHECK (true)",
    ),
    Attack(
        "decides as a colleague",
        "a decision is the consulting member's",
        writes(decision("own", "open", member="gen_random_uuid()")),
        "ALTER POLICY decide ON sharing.link_decision WITH CHECK (true)",
    ),
    Attack(
        "decides without logging a change",
        "a decision needs a logged change",
        writes(decision("own", "open"), kind="consultation"),
        "ALTER POLICY decide ON sharing.link_decision WITH CHECK (true)",
    ),
    Attack(
        "brings a decision on a nominal that it doesn't restore",
        "kept decisions are loaded with their nominal",
        writes(KEPT.format(force="kent", one="own")),
        "ALTER POLICY restore_own ON records.link_verdict WITH CHECK (true)",
    ),
    Attack(
        "brings a decision in another force's name",
        "a force restores its own decisions",
        writes(KEPT.format(force="essex", one="open")),
        "ALTER POLICY restore_own ON records.link_verdict WITH CHECK (true)",
    ),
    Attack(
        "makes a link itself",
        "links are the linker's to make",
        writes(
            "INSERT INTO sharing.link (owner_force, nominal_id, other_force, other_id, outcome, "
            "weights) VALUES ({kent}, '{own}', {essex}, '{pointer}', 'linked', 'x')"
        ),
        "GRANT INSERT ON sharing.link TO athena_force; " + NO_RLS.format("sharing.link"),
    ),
    Attack(
        "sets the thresholds of links",
        "thresholds are the client body's to set",
        writes(
            "INSERT INTO sharing.link_threshold (suggested_from, linked_from, set_by, reason) "
            "VALUES (0.1, 0.6, 'x', 'none')"
        ),
        "GRANT INSERT ON sharing.link_threshold TO athena_force; "
        + NO_RLS.format("sharing.link_threshold"),
    ),
    Attack(
        "merges another force's nominals",
        "a force merges its own",
        writes(
            "INSERT INTO records.merge (owner_force, merge_id, survivor_id, merged_id, "
            "survivor_rows, copied_rows, source_rows, merged_by) VALUES ({essex}, '{new}', "
            "'{open}', '{closed}', '{{}}', '{{}}', '{{}}', '{new}')"
        ),
        "ALTER POLICY merge_own ON records.merge WITH CHECK (true)",
    ),
]

COMPARING = [
    Attack(
        "the linker reads match fields without logging it",
        "the linker reads after it has logged a combination",
        as_linker("SELECT surname FROM records.nominal_name"),
        "ALTER POLICY comparing ON records.nominal_name USING (true)",
    ),
    Attack(
        "the linker reads where somebody was born",
        "the linker is granted the columns that it compares",
        as_linker("SELECT place_of_birth FROM records.nominal", logged=True),
        "GRANT SELECT ON records.nominal TO athena_linker",
    ),
    Attack(
        "the linker reads assessments",
        "the linker is granted the tables that it compares",
        as_linker("SELECT text FROM records.assessment", logged=True),
        "GRANT SELECT ON records.assessment TO athena_linker; "
        + NO_RLS.format("records.assessment"),
    ),
    Attack(
        "the linker decides",
        "decisions are people's",
        as_linker(
            "INSERT INTO sharing.link_decision (owner_force, nominal_id, other_force, other_id, "
            "verdict, decided_by, decided_by_force) VALUES ({kent}, '{own}', {essex}, '{open}', "
            "'same', '{new}', {kent})",
            logged=True,
        ),
        "GRANT INSERT ON sharing.link_decision TO athena_linker; "
        + "ALTER TABLE sharing.link_decision DISABLE TRIGGER mirror_decision; "
        + "ALTER TABLE sharing.link_decision DISABLE TRIGGER keep_verdict; "
        + NO_RLS.format("sharing.link_decision"),
    ),
    Attack(
        "a force logs a combination, to read as the linker does",
        "only the linker combines",
        reads(
            "SELECT audit.combine('x', 'x', '{{}}', "
            "jsonb_build_array(jsonb_build_object('owner_force', {essex})))"
        ),
        f"GRANT EXECUTE ON FUNCTION {COMBINE} TO athena_force; "
        + without(COMBINE, "session_user <> ''athena_linker''", "false"),
    ),
]

LINKING = [*SEEING, *DECIDING, *COMPARING]
