"""What migrations share: running scripts, handing over definer functions, protecting tables."""

from __future__ import annotations

from alembic import op
from sqlalchemy.engine import AdaptedConnection


def script(sql: str) -> None:
    """Run SQL as it stands, several statements at once, inside the migration's transaction.

    SQLAlchemy prepares what it runs, and a prepared statement holds one command only; this goes
    to the driver directly, so colons are plain colons too.
    """
    bind = op.get_bind()
    bind.exec_driver_sql("SELECT 1")  # the driver opens its transaction with the first statement
    adapted = bind.connection.dbapi_connection
    assert isinstance(adapted, AdaptedConnection)
    adapted.run_async(lambda driver: driver.execute(sql))


def create_role(role: str, comment: str) -> None:
    """Create a role that can't log in, unless another database of this server made it."""
    script(f"""
        DO $$ BEGIN
            CREATE ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION
                NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END $$
    """)
    script(f"COMMENT ON ROLE {role} IS $${comment}$$")
    script(f"""
        DO $$ BEGIN
            -- An administrator who isn't superuser must be able to hand objects to it.
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                GRANT {role} TO CURRENT_USER;
            END IF;
        END $$
    """)  # noqa: S608 - a role is a constant of its migration


def hand_over(function: str, owner: str) -> None:
    """Give a SECURITY DEFINER function to an owner of its own, who may create nothing afterwards.

    ``function`` is the qualified name with its argument types.
    """
    schema = function.split(".")[0]
    script(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}")
    script(f"ALTER FUNCTION {function} OWNER TO {owner}")
    script(f"REVOKE CREATE ON SCHEMA {schema} FROM {owner}")
    script(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")


def protect(table: str) -> None:
    """Turn row-level security on for a table, for its owner too."""
    script(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    script(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def place_key() -> str:
    """Return the expression that tells whether two rows of `records.location` are one place.

    Text becomes bytes by ``decode``, which is immutable, as a generated column needs it.
    """
    fields = (
        "premises",
        "street",
        "town",
        "county",
        "coalesce(postcode, '')",
        "coalesce(uprn::text, '')",
        "coalesce(latitude::text, '')",
        "coalesce(longitude::text, '')",
    )
    text = " || chr(31) || ".join(fields)
    return rf"sha256(decode(replace({text}, '\', '\\'), 'escape'))"
