"""What Kent's login tries on governance: others' drafts and ballots, and deciding by itself.

`prepare_governance` stores a body on which Kent and Essex sit, a draft of Essex's (`DRAFT`), a
change of Kent's that waits to be authorised (`WAITING`), and an open vote with a ballot of
Essex's.
"""

from __future__ import annotations

from uuid import uuid4

import asyncpg

from rls.attacks import NO_RLS, Attack, reads, without, writes
from support.world import World

BODY = "00000000-0000-4000-8000-0000000000b1"
DRAFT = "00000000-0000-4000-8000-0000000000b2"
WAITING = "00000000-0000-4000-8000-0000000000b3"
VOTE = "00000000-0000-4000-8000-0000000000b4"
TAKE_BALLOT = "governance.take_ballot()"
ENDED = "00000000-0000-4000-8000-0000000000b5"
MEMBERS = {
    "essex": "00000000-0000-4000-8000-0000000000c1",
    "kent": "00000000-0000-4000-8000-0000000000c2",
}
SEATS = {
    "essex": "00000000-0000-4000-8000-0000000000d1",
    "kent": "00000000-0000-4000-8000-0000000000d2",
}
_DOCUMENT = '{"title": "Secret plan", "impacts": {"essex": "x", "kent": "x"}}'

PREPARE = (
    f"INSERT INTO governance.body (body_id, slug, name, kind) VALUES ('{BODY}', 'board', "
    "'The board', 'strategic_board')",
    "INSERT INTO governance.constitution (body_id, version, document, digest, username, reason) "
    f"VALUES ('{BODY}', 1, '{{}}', sha256(''), 'amo.admin', 'Prepared')",
    *(
        "INSERT INTO governance.appointment (tenant_id, appointment_id, body_id, member_id, "
        f"username, duty, valid_from) SELECT tenant_id, '{SEATS[slug]}', '{BODY}', '{member}', "
        f"'board.' || slug, 'member', '2026-01-01' FROM tenants.tenant WHERE slug = '{slug}'"
        for slug, member in MEMBERS.items()
    ),
    "INSERT INTO governance.catalogue (slug, title, procedure, largest_pence, status) "
    "VALUES ('a-printer', 'A printer', 'Install it', 0, 'proposed')",
    *(
        f"INSERT INTO governance.change (change_id, number, tenant_id, username, kind, state, "
        f"submitted_at) SELECT '{change}', {number}, tenant_id, 'board.' || slug, 'emergency', "
        f"'{state}', {submitted} FROM tenants.tenant WHERE slug = '{slug}'"
        for change, number, slug, state, submitted in (
            (DRAFT, 1, "essex", "new", "NULL"),
            (WAITING, 2, "kent", "authorise", "now()"),
        )
    ),
    "INSERT INTO governance.change_version (change_id, version, tenant_id, username, document, "
    f"digest) SELECT change_id, 1, tenant_id, username, '{_DOCUMENT}', sha256('') "
    "FROM governance.change",
    "INSERT INTO governance.change_entry (change_id, number, tenant_id, username, kind, version, "
    "document) SELECT change_id, 1, tenant_id, username, 'comment', 1, '{}' "
    "FROM governance.change",
    *(
        "INSERT INTO governance.vote (vote_id, body_id, constitution_version, decision, "
        "subject_kind, subject_reference, question, cost_pence, seats, closes_at, opened_by, "
        f"status, ended_at, place, minute, minute_digest) VALUES ('{vote}', '{BODY}', 1, 'other', "
        "'other', 'x', 'Shall it be?', 0, '[{\"tenant\": \"essex\"}, {\"tenant\": \"kent\"}]', "
        f"now() + interval '1 day', 'amo.admin', {ending})"
        for vote, ending in {
            VOTE: "'open', NULL, NULL, NULL, NULL",
            ENDED: "'closed', now(), 1, '{}', sha256('')",
        }.items()
    ),
    "INSERT INTO governance.ballot (vote_id, number, tenant_id, member_id, username, duty, choice, "
    f"cast_at) SELECT '{VOTE}', row_number() OVER (), tenant_id, member_id, username, duty, 'for', "
    "now() FROM governance.appointment",
)


async def prepare_governance(admin: asyncpg.Connection) -> None:
    """Store what the attacks aim at, past the guards, as a superuser in replica mode."""
    for statement in PREPARE:
        await admin.execute(statement)


_BALLOT = "INSERT INTO governance.ballot (vote_id, tenant_id, member_id, username, duty, choice) "
_ENTRY = (
    "INSERT INTO governance.change_entry (change_id, tenant_id, username, kind, version, document)"
)


def _ballot(
    slug: str = "kent", vote: str = VOTE, member: str = MEMBERS["kent"], duty: str = "member"
) -> str:
    return f"{_BALLOT} VALUES ('{vote}', {{{slug}}}, '{member}', 'board.{slug}', '{duty}', 'for')"


async def _ends_assessing(connection: asyncpg.Connection, world: World) -> bool:
    """Raise a change that affects others too, submit it, and end assessing before they assess."""
    change = uuid4()
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO governance.change (change_id, tenant_id, username, kind) "
            f"VALUES ('{change}', {world.kent}, 'board.kent', 'normal')"
        )
        await connection.execute(
            "INSERT INTO governance.change_version (change_id, version, tenant_id, username, "
            f"document, digest) VALUES ('{change}', 1, {world.kent}, 'board.kent', "
            f"'{_DOCUMENT}', sha256(''))"
        )
        await connection.execute(
            "UPDATE governance.change SET state = 'assess', submitted_at = now(), "
            f"assess_by = now() WHERE change_id = '{change}'"
        )
        return bool(
            await connection.fetchval(
                f"SELECT governance.end_assessing('{change}', 'board.kent', 'At once')"
            )
        )


GOVERNANCE = [
    *(
        Attack(
            f"reads another's row of governance.{table}",
            "a draft is its raiser's alone, and an open vote's ballot its force's",
            reads(f"SELECT 1 FROM governance.{table} WHERE {condition}", consulting=False),
            NO_RLS.format(f"governance.{table}"),
        )
        for table, condition in {
            "change": f"change_id = '{DRAFT}'",
            "change_version": f"change_id = '{DRAFT}'",
            "change_entry": f"change_id = '{DRAFT}'",
            "ballot": f"member_id = '{MEMBERS['essex']}'",
        }.items()
    ),
    Attack(
        "casts Essex's ballot",
        "a force votes for itself alone",
        writes(_ballot("essex", member=MEMBERS["essex"]), None),
        NO_RLS.format("governance.ballot"),
    ),
    Attack(
        "casts a ballot in a vote that has closed",
        "a ballot is taken while its vote is open",
        writes(_ballot(vote=ENDED), None),
        without(TAKE_BALLOT, "v_vote.status IS DISTINCT FROM ''open''", "false"),
    ),
    Attack(
        "casts a ballot as somebody who wasn't appointed",
        "who is appointed votes",
        writes(_ballot(member=MEMBERS["essex"]), None),
        without(TAKE_BALLOT, "a.member_id = NEW.member_id"),
    ),
    Attack(
        "casts the chair's vote",
        "the chair has it",
        writes(_ballot(duty="chair"), None),
        without(TAKE_BALLOT, "a.duty = NEW.duty"),
    ),
    Attack(
        "takes its ballot back",
        "a ballot stays",
        writes(f"DELETE FROM governance.ballot WHERE vote_id = '{VOTE}'", None),
        "GRANT DELETE ON governance.ballot TO athena_force; "
        f"{NO_RLS.format('governance.ballot')}; DROP TRIGGER guard_kept ON governance.ballot",
    ),
    Attack(
        "says when a ballot was cast",
        "the moment of a ballot is the store's clock",
        writes(
            "INSERT INTO governance.ballot (vote_id, number, tenant_id, member_id, username, duty, "
            f"choice, cast_at) VALUES ('{VOTE}', 9, {{kent}}, '{MEMBERS['kent']}', 'board.kent', "
            "'member', 'for', '2026-01-01')",
            None,
        ),
        "GRANT INSERT (number, cast_at) ON governance.ballot TO athena_force",
    ),
    Attack(
        "closes a vote",
        "the client body closes votes",
        writes(
            "UPDATE governance.vote SET status = 'cancelled', ended_at = now() "
            f"WHERE vote_id = '{VOTE}'",
            None,
        ),
        "GRANT UPDATE ON governance.vote TO athena_force; " + NO_RLS.format("governance.vote"),
    ),
    Attack(
        "opens a vote",
        "the client body opens votes",
        writes(
            "INSERT INTO governance.vote (vote_id, body_id, constitution_version, decision, "
            "subject_kind, subject_reference, question, cost_pence, seats, closes_at, opened_by) "
            f"VALUES ('{{new}}', '{BODY}', 1, 'other', 'other', 'y', 'Shall it be?', 0, '[]', "
            "now() + interval '1 day', 'board.kent')",
            None,
        ),
        "GRANT INSERT ON governance.vote TO athena_force; " + NO_RLS.format("governance.vote"),
    ),
    Attack(
        "authorises its own change",
        "a raiser submits and withdraws, and authorising takes a vote",
        writes(
            f"UPDATE governance.change SET state = 'authorised' WHERE change_id = '{WAITING}'",
            None,
        ),
        "DROP TRIGGER guard_change ON governance.change",
    ),
    Attack(
        "submits Essex's draft",
        "a raiser submits",
        writes(
            "UPDATE governance.change SET state = 'authorise', submitted_at = now() "
            f"WHERE change_id = '{DRAFT}'",
            None,
        ),
        NO_RLS.format("governance.change"),
    ),
    Attack(
        "raises a change as Essex",
        "a tenant raises for itself",
        writes(
            "INSERT INTO governance.change (change_id, tenant_id, username, kind) "
            "VALUES ('{new}', {essex}, 'board.essex', 'normal')",
            None,
        ),
        NO_RLS.format("governance.change"),
    ),
    Attack(
        "rewrites a change's document",
        "a version is immutable",
        writes("UPDATE governance.change_version SET username = 'x'", None),
        "GRANT UPDATE ON governance.change_version TO athena_force; "
        f"{NO_RLS.format('governance.change_version')}; "
        "DROP TRIGGER guard_kept ON governance.change_version",
    ),
    Attack(
        "adds a decision to its change",
        "decisions are the client body's to add",
        writes(
            f"{_ENTRY} VALUES ('{WAITING}', {{kent}}, 'board.kent', 'decision', 1, '{{{{}}}}')",
            None,
        ),
        NO_RLS.format("governance.change_entry"),
    ),
    Attack(
        "speaks as Essex",
        "a tenant speaks for itself",
        writes(
            f"{_ENTRY} VALUES ('{WAITING}', {{essex}}, 'board.essex', 'comment', 1, '{{{{}}}}')",
            None,
        ),
        NO_RLS.format("governance.change_entry"),
    ),
    Attack(
        "appoints for Essex",
        "a force appoints its own",
        writes(
            "INSERT INTO governance.appointment (tenant_id, appointment_id, body_id, member_id, "
            f"username, duty, valid_from) VALUES ({{essex}}, '{{new}}', '{BODY}', '{{new}}', "
            "'x.essex', 'substitute', '2026-01-01')",
            None,
        ),
        NO_RLS.format("governance.appointment"),
    ),
    Attack(
        "ends Essex's term",
        "a force ends its own terms",
        writes(
            "UPDATE governance.appointment SET ended_at = now() "
            f"WHERE appointment_id = '{SEATS['essex']}'",
            None,
        ),
        NO_RLS.format("governance.appointment"),
    ),
    Attack(
        "amends a constitution",
        "the client body amends, by the body's vote",
        writes(
            "INSERT INTO governance.constitution (body_id, version, document, digest, username, "
            f"reason) VALUES ('{BODY}', 2, '{{{{}}}}', sha256(''), 'x', 'Because')",
            None,
        ),
        "GRANT INSERT ON governance.constitution TO athena_force; "
        + NO_RLS.format("governance.constitution"),
    ),
    Attack(
        "founds a body",
        "the client body founds bodies",
        writes(
            "INSERT INTO governance.body (body_id, slug, name, kind) "
            "VALUES ('{new}', 'mine', 'Mine', 'strategic_board')",
            None,
        ),
        "GRANT INSERT ON governance.body TO athena_force; " + NO_RLS.format("governance.body"),
    ),
    Attack(
        "approves an entry of the catalogue",
        "a body approves it, by a vote",
        writes("UPDATE governance.catalogue SET status = 'approved'", None),
        "GRANT UPDATE ON governance.catalogue TO athena_force; "
        f"{NO_RLS.format('governance.catalogue')}; "
        "DROP TRIGGER guard_catalogue ON governance.catalogue",
    ),
    Attack(
        "ends assessing before others have assessed",
        "assessing ends when all have filed, or by the client body at the deadline",
        _ends_assessing,
        without(
            "governance.end_assessing(uuid, text, text)", "session_user = ''athena_amo''", "true"
        ),
    ),
]
