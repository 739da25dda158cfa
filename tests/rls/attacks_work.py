"""What Kent's login tries on the worklist and its notices, and the outbox's beyond its job."""

from __future__ import annotations

import asyncpg

from rls.attacks import NO_RLS, WITHOUT_AN_EVENT, Attack, Steps, fill, reads, without, writes
from support.world import World

KEEP = "work.keep_item()"
TELL = "work.tell_owner(smallint,text,text,uuid,text,text,timestamp with time zone)"
TENANT = "owner_force = (SELECT ctx.session_tenant())"

_NEW_ITEM = (
    "INSERT INTO work.item (owner_force, kind, assignee_role, clock, due_at) "
    "VALUES ({owner}, 'record_quality', 'officer', 'hours:1', now())"
)
_NEW_MESSAGE = (
    "INSERT INTO work.message (owner_force, kind, recipient_role) "
    "VALUES ({owner}, 'x_happened', 'officer')"
)


def tell(owner: str = "{essex}", kind: str = "break_glass_notice", role: str = "supervisor") -> str:
    """Return the call that tells an owner, with one part changed."""
    return (
        f"SELECT work.tell_owner({owner}::smallint, '{kind}', 'nominal', '{{open}}', '{role}', "
        "'hours:1', now())"
    )


def as_outbox(statement: str) -> Steps:
    """Return steps that succeed when a statement touches or shows a row to the outbox's login."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        outbox = await world.as_login("athena_outbox")
        try:
            done = await outbox.execute(fill(statement, world))
            return not done.endswith(" 0")
        finally:
            await outbox.close()

    return steps


def on(statement: str, item: str) -> str:
    """Return an update of one item."""
    return f"UPDATE work.item SET {statement} WHERE item_id = '{{{item}}}'"


ITEMS = [
    Attack(
        "reads another force's items",
        "an item is its own force's",
        reads("SELECT 1 FROM work.item WHERE owner_force = {essex}"),
        "ALTER POLICY mine ON work.item USING (true)",
    ),
    Attack(
        "reads an item that is for others",
        "an item is seen by its assignee and its opener",
        reads("SELECT 1 FROM work.item WHERE item_id = '{others_item}'"),
        f"ALTER POLICY mine ON work.item USING ({TENANT})",
    ),
    Attack(
        "reads its items without a consultation",
        "a transaction without an event sees no item",
        reads("SELECT 1 FROM work.item", consulting=False),
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "opens an item for another force by hand",
        "only a function with a list of kinds opens items for others",
        writes(_NEW_ITEM.format(owner="{essex}")),
        "ALTER POLICY open_own ON work.item WITH CHECK (true)",
    ),
    Attack(
        "opens an item without a consultation",
        "an item is opened with an event or not at all",
        writes(_NEW_ITEM.format(owner="{kent}"), kind=None),
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "says itself who claimed an item",
        "who and when is the trigger's to say",
        writes(on("state = 'claimed', claimed_by = '{new}'", "my_item")),
        "GRANT UPDATE ON work.item TO athena_force",
    ),
    Attack(
        "puts off when an item is due",
        "only the state of an item changes",
        writes(on("state = 'claimed', due_at = now() + interval '1 year'", "my_item")),
        "GRANT UPDATE ON work.item TO athena_force",
    ),
    Attack(
        "decides on what it opened itself",
        "four eyes: the opener can't decide",
        writes(on("state = 'done', outcome = 'justified'", "four_eyes_item")),
        "ALTER TABLE work.item DROP CONSTRAINT four_eyes",
    ),
    Attack(
        "claims what it opened itself",
        "four eyes: the opener can't claim",
        writes(on("state = 'claimed'", "four_eyes_item")),
        "ALTER TABLE work.item DROP CONSTRAINT four_eyes",
    ),
    Attack(
        "closes what a colleague has claimed",
        "a claimed item is closed by whoever claimed it",
        writes(on("state = 'done', outcome = 'noted'", "taken_item")),
        without(KEEP, "OLD.claimed_by <> v_member", "false"),
    ),
    Attack(
        "rewrites how an item ended",
        "what is closed stays closed",
        writes(on("state = 'cancelled', outcome = NULL", "done_item")),
        without(KEEP, "OLD.state IN (''done'', ''cancelled'')", "false"),
    ),
    Attack(
        "works on an item that it opened for others",
        "an item is worked on by its assignee",
        writes(on("state = 'claimed'", "watched_item")),
        "ALTER POLICY work_on_mine ON work.item USING (true) WITH CHECK (true)",
    ),
    Attack(
        "works on another force's item",
        "an item is its own force's",
        writes(on("state = 'claimed'", "essex_item")),
        "ALTER POLICY work_on_mine ON work.item USING (true) WITH CHECK (true); "
        "ALTER POLICY mine ON work.item USING (true)",
    ),
    Attack(
        "deletes an item",
        "no login deletes items",
        writes("DELETE FROM work.item WHERE item_id = '{my_item}'"),
        f"GRANT DELETE ON work.item TO athena_force; {NO_RLS.format('work.item')}",
    ),
]

TELLING = [
    Attack(
        "tells another force of something else",
        "another force is told of a closed list of kinds",
        reads(tell(kind="record_quality")),
        without(TELL, "p_kind NOT IN (''break_glass_notice'', ''break_glass_review'')", "false"),
    ),
    Attack(
        "tells everybody of another force",
        "another force is told through a closed list of roles",
        reads(tell(role="officer")),
        without(
            TELL,
            "p_role NOT IN (''data_protection_officer'', ''records_manager'', ''supervisor'')",
            "false",
        ),
    ),
    Attack(
        "tells its own force as another would",
        "one's own force has its own way",
        reads(tell(owner="{kent}")),
        without(TELL, "p_owner = ctx.session_tenant()", "false"),
    ),
    Attack(
        "tells another force without a consultation",
        "another force is told with an event or not at all",
        reads(tell(), consulting=False),
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "reads another force's teams",
        "a team is its own force's",
        reads("SELECT 1 FROM work.team_member WHERE owner_force = {essex}"),
        "ALTER POLICY own_teams ON work.team_member USING (true)",
    ),
    Attack(
        "joins a team of another force",
        "a team is its own force's",
        writes("INSERT INTO work.team_member VALUES ({essex}, 'essex', '{new}')"),
        "ALTER POLICY own_teams ON work.team_member WITH CHECK (true)",
    ),
    Attack(
        "joins a team without a consultation",
        "a team changes with an event or not at all",
        writes("INSERT INTO work.team_member VALUES ({kent}, 'kent', '{new}')", kind=None),
        WITHOUT_AN_EVENT,
    ),
]

MESSAGES = [
    Attack(
        "reads the outbox",
        "no force reads the outbox",
        reads("SELECT 1 FROM work.message"),
        f"GRANT SELECT ON work.message TO athena_force; {NO_RLS.format('work.message')}",
    ),
    Attack(
        "sends a message to another force",
        "a message is for the login's own force",
        writes(_NEW_MESSAGE.format(owner="{essex}")),
        "ALTER POLICY send_own ON work.message WITH CHECK (true)",
    ),
    Attack(
        "sends a message without a consultation",
        "a message goes out with an event or not at all",
        writes(_NEW_MESSAGE.format(owner="{kent}"), kind=None),
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "reads what a colleague was told",
        "a notification is its own member's",
        reads("SELECT 1 FROM work.notification WHERE notification_id = '{others_notice}'"),
        f"ALTER POLICY my_notifications ON work.notification USING ({TENANT})",
    ),
    Attack(
        "reads what another force's member was told",
        "a notification is its own force's",
        reads("SELECT 1 FROM work.notification WHERE owner_force = {essex}"),
        "ALTER POLICY my_notifications ON work.notification USING (true)",
    ),
    Attack(
        "marks a colleague's notification as read",
        "a notification is its own member's",
        writes("UPDATE work.notification SET read_at = now()"),
        f"ALTER POLICY my_notifications ON work.notification USING ({TENANT}) "
        f"WITH CHECK ({TENANT})",
    ),
    Attack(
        "puts a notification on a list",
        "only the outbox's login writes to lists",
        writes(
            "INSERT INTO work.notification (owner_force, message_id, member_id, kind, created_at) "
            "VALUES ({kent}, '{new}', '{new}', 'x_happened', now())"
        ),
        f"GRANT INSERT ON work.notification TO athena_force; {NO_RLS.format('work.notification')}",
    ),
]

OUTBOX = [
    Attack(
        "as the outbox reads items",
        "the outbox sees messages only",
        as_outbox("SELECT 1 FROM work.item"),
        f"GRANT SELECT ON work.item TO athena_outbox; {NO_RLS.format('work.item')}",
    ),
    Attack(
        "as the outbox reads lists",
        "the outbox writes to lists and doesn't read them",
        as_outbox("SELECT 1 FROM work.notification"),
        f"GRANT SELECT ON work.notification TO athena_outbox; {NO_RLS.format('work.notification')}",
    ),
    Attack(
        "as the outbox reads members' names",
        "the outbox sees who is meant by number only",
        as_outbox("SELECT display_name FROM tenants.member"),
        "GRANT SELECT ON tenants.member TO athena_outbox",
    ),
    Attack(
        "as the outbox tells a member of a record",
        "the outbox says what waits in governance, of no record, to a member",
        as_outbox(
            "INSERT INTO work.message (owner_force, kind, recipient_member) "
            "VALUES ({kent}, 'break_glass_notice', '{new}')"
        ),
        "ALTER POLICY duties_are_told ON work.message WITH CHECK (true)",
    ),
    Attack(
        "as the outbox says when somebody was told",
        "the store says when somebody was told",
        as_outbox("UPDATE work.duty_notice SET told_at = now()"),
        "GRANT UPDATE ON work.duty_notice TO athena_outbox",
    ),
    Attack(
        "reads who was told of what",
        "only the outbox's login reads who was told",
        reads("SELECT 1 FROM work.duty_notice", consulting=False),
        f"GRANT SELECT ON work.duty_notice TO athena_force; {NO_RLS.format('work.duty_notice')}",
    ),
    Attack(
        "as the outbox readdresses a message",
        "the outbox notes what came of a message and changes nothing else",
        as_outbox(
            "UPDATE work.message SET recipient_role = 'supervisor' "
            "WHERE message_id = '{pending_message}'"
        ),
        "GRANT UPDATE ON work.message TO athena_outbox",
    ),
    Attack(
        "as the outbox sends a message again",
        "what is delivered or parked stays so",
        as_outbox(
            "UPDATE work.message SET state = 'pending', finished_at = NULL "
            "WHERE message_id = '{delivered_message}'"
        ),
        "ALTER POLICY note ON work.message USING (true)",
    ),
    Attack(
        "as the outbox loses a message",
        "only delivered messages are forgotten",
        as_outbox("DELETE FROM work.message WHERE message_id = '{pending_message}'"),
        "ALTER POLICY forget_delivered ON work.message USING (true)",
    ),
]

WORK = [*ITEMS, *TELLING, *MESSAGES, *OUTBOX]
