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
    """Create an owner of functions that can't log in, unless another database has it already."""
    script(f"""
        DO $$ BEGIN
            CREATE ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION
                NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this server made it
        END $$;
        COMMENT ON ROLE {role} IS $${comment}$$;
        DO $$ BEGIN
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                GRANT {role} TO CURRENT_USER;  -- so that objects can be handed to it
            END IF;
        END $$;
    """)


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


def label_shows(scope: str) -> str:
    """Return the policy condition that a row's label is one of the grant set's for a scope."""
    return f"label_id = ANY ((SELECT ctx.visible_labels('{scope}'))::smallint[])"


def record_shows(scope: str) -> str:
    """Return the condition that a row's record is one of the grant set's for a scope.

    A hashed sub-plan: it runs once for a query, and only when a row's label doesn't show it.
    """
    records = f"SELECT * FROM ctx.granted_records('{scope}')"
    return f"(owner_force, nominal_id) IN ({records})"


def not_withheld(scope: str) -> str:
    """Return the condition that a row's record isn't withheld from the grant set in a scope."""
    records = f"SELECT * FROM ctx.withheld_records('{scope}')"
    return f"(owner_force, nominal_id) NOT IN ({records})"


def label_is_shown(scope: str) -> str:
    """Return `label_shows` as one step for a row, however many labels there are.

    An array is searched element by element at run time; a flag at the label's place is there at
    once. A label beyond the array's end, made after the decision, gives NULL: it isn't shown.
    """
    return f"((SELECT ctx.shown_labels('{scope}'))::boolean[])[label_id]"


def not_kept_back(scope: str) -> str:
    """Return `not_withheld`, looked into only where the grant set holds single records at all."""
    return f"(NOT (SELECT ctx.excepts()) OR {not_withheld(scope)})"
