"""What Kent's login tries to find out about hidden rows from answers, conflicts and errors."""

from __future__ import annotations

from uuid import uuid4

import asyncpg

from rls.attacks import NO_RLS, Attack, Steps, writes
from support.world import World, open_consultation

_DUPLICATE = (
    "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
    "VALUES ({essex}, '{closed}', {closed_label}) ON CONFLICT "
)


def tells_apart(statement: str, known: str, value: str = "nominals") -> Steps:
    """Return steps that succeed when an existing id of Essex and an unused one answer otherwise.

    ``statement`` has ``{id}`` where the id goes.
    """

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        answers: list[str] = []
        for tried in (getattr(world, value)[known], uuid4()):
            transaction = connection.transaction()
            await transaction.start()
            try:
                await open_consultation(connection, world.grants["kent"], "alteration")
                answers.append(
                    await connection.execute(
                        statement.format(
                            id=tried,
                            kent=world.kent,
                            essex=world.essex,
                            own=world.nominals["kent"],
                            label=world.labels["kent"],
                            new=uuid4(),
                        )
                    )
                )
            except asyncpg.PostgresError as error:
                answers.append(f"{error.sqlstate} {str(error).replace(str(tried), 'it')}")
            finally:
                await transaction.rollback()
        return answers[0] != answers[1]

    return steps


async def error_tells_value(connection: asyncpg.Connection, world: World) -> bool:
    """Let a cast fail on a hidden row, so that its error says the value."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"])
        try:
            await connection.fetch("SELECT 1 FROM records.contact WHERE value::integer = 1")
        except asyncpg.InvalidTextRepresentationError as error:
            return "secret-closed" in str(error) or "secret-open" in str(error)
    return False


async def error_tells_key(connection: asyncpg.Connection, world: World) -> bool:
    """Make a place twice, so that the error of the unique constraint says its key."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"], "alteration")
        try:
            await connection.execute(
                "INSERT INTO records.location (owner_force, location_id, street, postcode) "
                "VALUES ($1, $2, 'Secret Street kent', 'ZZ1 1ZZ')",
                world.kent,
                uuid4(),
            )
        except asyncpg.UniqueViolationError as error:
            return bool(error.detail)
    return False


ORACLES = [
    Attack(
        "learns from a unique constraint that a nominal exists",
        "ids are unique within a force only",
        tells_apart(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "VALUES ({kent}, '{id}', {label})",
            "closed",
        ),
        "ALTER TABLE records.nominal ADD CONSTRAINT oracle UNIQUE (nominal_id)",
    ),
    Attack(
        "learns from a foreign key that a location exists",
        "a foreign key holds its owner too",
        tells_apart(
            "INSERT INTO records.address (owner_force, nominal_id, row_id, label_id, kind, "
            "location_id) VALUES ({kent}, '{own}', '{new}', {label}, 'home', '{id}')",
            "closed",
            "locations",
        ),
        "ALTER TABLE records.location ADD UNIQUE (location_id); "
        "ALTER TABLE records.address DROP CONSTRAINT address_owner_force_location_id_fkey; "
        "ALTER TABLE records.address ADD FOREIGN KEY (location_id) "
        "REFERENCES records.location (location_id)",
    ),
    Attack(
        "learns from ON CONFLICT DO NOTHING that a nominal exists",
        "the owner is checked before a conflict is looked for",
        tells_apart(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "SELECT {essex}, '{id}', label_id FROM records.nominal WHERE owner_force = {essex} "
            "ON CONFLICT DO NOTHING",
            "closed",
        ),
        "ALTER POLICY add_own ON records.nominal WITH CHECK (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "changes another force's nominal by ON CONFLICT DO UPDATE",
        "the owner is checked before a conflict is looked for",
        writes(_DUPLICATE + "(owner_force, nominal_id) DO UPDATE SET sex = 'F'"),
        "ALTER POLICY add_own ON records.nominal WITH CHECK (true); "
        "ALTER POLICY visible ON records.nominal USING (true); "
        "ALTER POLICY change_own ON records.nominal USING (true) WITH CHECK (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY still_there ON records.nominal USING (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "reads a hidden value out of an error",
        "what may fail aloud runs after the policies",
        error_tells_value,
        "ALTER FUNCTION int4in(cstring) LEAKPROOF; ALTER FUNCTION textout(text) LEAKPROOF",
    ),
    Attack(
        "reads a key out of the error of a unique constraint",
        "errors hold no values where policies stand",
        error_tells_key,
        "ALTER POLICY add_own ON records.location WITH CHECK (true); "
        f"{NO_RLS.format('records.location')}",
    ),
]
