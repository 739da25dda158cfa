"""Runs migrations one at a time: under an advisory lock, with a lock timeout, as the admin login.

`athena migrate` passes an open connection in ``config.attributes["connection"]``; nothing here
reads settings or opens a connection of its own, so that the same code serves the embedded server,
a normal one and the tests.
"""

from __future__ import annotations

import time

from alembic import context
from sqlalchemy import Connection, text

MIGRATION_LOCK = 4_277_001
"""The advisory lock that only one migrating process of a database holds at a time."""

LOCK_TIMEOUT_MS = 4_000
"""A migration that can't get a table lock in this time gives up and queues nobody behind it."""


WAIT_SECONDS = 0.2
"""How long to wait before trying again for the lock that another process holds."""


def _locked(connection: Connection) -> bool:
    """Take the advisory lock if it is free; no transaction stays open while waiting.

    One that did would be waited for by whoever builds an index concurrently under the lock.
    """
    lock = text("SELECT pg_try_advisory_lock(:key)")
    taken = bool(connection.execute(lock, {"key": MIGRATION_LOCK}).scalar())
    connection.commit()
    return taken


def run(connection: Connection) -> None:
    """Upgrade or downgrade on the given connection, each migration in its own transaction."""
    while not _locked(connection):
        time.sleep(WAIT_SECONDS)
    try:
        context.configure(
            connection=connection,
            version_table_schema="public",
            transaction_per_migration=True,
        )
        # FORCE row-level security filters silently; off turns that into an error.
        connection.execute(text("SET row_security = off"))
        # Checking a function's body at its creation would read its tables, which off refuses.
        connection.execute(text("SET check_function_bodies = off"))
        connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
        connection.commit()
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("RESET row_security"))
        connection.execute(text("RESET check_function_bodies"))
        connection.execute(text("RESET lock_timeout"))
        connection.commit()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


run(context.config.attributes["connection"])
