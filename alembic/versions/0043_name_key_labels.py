"""A name key carries its label by its name: one key to check for a row instead of two.

A name's label is its nominal's by the name's own key, so a name key that must agree with its name
in the label as well need not be checked against the nominal again. It is of all rows of an import
the one that there is most of. The name's primary key holds the label too for that, which says no
less: a nominal has one label, so rows that differ in the label alone can't both be.

Every step keeps the rules, and one that breaks off begins again: the index is built, and the rows
that are there are looked through, while others read and write.
"""

from __future__ import annotations

from alembic import op

from athena.platform.kernel.migrations import script

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

BY_NAME = "name_key_owner_force_nominal_id_name_row_id_label_id_fkey"
OLD_BY_NAME = "name_key_owner_force_nominal_id_name_row_id_fkey"
OLD_BY_NOMINAL = "name_key_owner_force_nominal_id_label_id_fkey"

KEYS = {
    BY_NAME: """FOREIGN KEY (owner_force, nominal_id, name_row_id, label_id)
        REFERENCES records.nominal_name (owner_force, nominal_id, row_id, label_id)
        ON UPDATE CASCADE ON DELETE CASCADE""",
    OLD_BY_NAME: """FOREIGN KEY (owner_force, nominal_id, name_row_id)
        REFERENCES records.nominal_name (owner_force, nominal_id, row_id) ON DELETE CASCADE""",
    OLD_BY_NOMINAL: """FOREIGN KEY (owner_force, nominal_id, label_id)
        REFERENCES records.nominal (owner_force, nominal_id, label_id)
        ON UPDATE CASCADE ON DELETE CASCADE""",
}
LOOKED_AT = ("name_key", "nominal_name", "nominal")


def upgrade() -> None:
    """Let a name key follow its name's label."""
    _exchange("owner_force, nominal_id, row_id, label_id", [BY_NAME], [OLD_BY_NAME, OLD_BY_NOMINAL])


def downgrade() -> None:
    """Let it follow its nominal's label, and its name."""
    _exchange("owner_force, nominal_id, row_id", [OLD_BY_NAME, OLD_BY_NOMINAL], [BY_NAME])


def _exchange(primary: str, new: list[str], old: list[str]) -> None:
    """Give names another primary key, and name keys other foreign keys.

    The old ones go in the last transaction, together with the note of the version.
    """
    with op.get_context().autocommit_block():
        # What a broken-off attempt left behind may be half made.
        for key in new:
            op.execute(f"ALTER TABLE records.name_key DROP CONSTRAINT IF EXISTS {key}")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS records.nominal_name_next_pkey")
        op.execute(
            "CREATE UNIQUE INDEX CONCURRENTLY nominal_name_next_pkey "
            f"ON records.nominal_name ({primary})"
        )
        for key in new:
            op.execute(f"ALTER TABLE records.name_key ADD CONSTRAINT {key} {KEYS[key]} NOT VALID")
        _look_through(new)
    dropped = ", ".join(f"DROP CONSTRAINT {key}" for key in old)
    script(f"""
        ALTER TABLE records.name_key {dropped};
        ALTER TABLE records.nominal_name DROP CONSTRAINT nominal_name_pkey,
            ADD CONSTRAINT nominal_name_pkey PRIMARY KEY USING INDEX nominal_name_next_pkey;
    """)


def _look_through(keys: list[str]) -> None:
    """Have the rows that are there checked, as the tables' owner, who must see them for it.

    An administrator who isn't superuser would be shown none of them.
    """
    for table in LOOKED_AT:
        op.execute(f"DROP POLICY IF EXISTS looking_through ON records.{table}")
        op.execute(
            f"CREATE POLICY looking_through ON records.{table} FOR SELECT TO athena_owner "
            "USING (true)"
        )
    op.execute("SET ROLE athena_owner")
    op.execute("SET row_security = on")
    try:
        for key in keys:
            op.execute(f"ALTER TABLE records.name_key VALIDATE CONSTRAINT {key}")
    finally:
        op.execute("RESET ROLE")
        op.execute("SET row_security = off")
        for table in LOOKED_AT:
            op.execute(f"DROP POLICY looking_through ON records.{table}")
