"""The exchange of a name key's keys goes over rows that are there, and begins again."""

from __future__ import annotations

import re

import asyncpg
import pytest

from athena.platform.kernel.errors import StoreUnavailableError
from athena.platform.kernel.store import Store, migrate
from support.cluster import Cluster

ROWS = """
    SET session_replication_role = replica;  -- a nominal, a name and a key, and nothing around them
    INSERT INTO records.nominal (owner_force, nominal_id, label_id)
    VALUES (1, '{nominal}', {label});
    INSERT INTO records.nominal_name (owner_force, nominal_id, row_id, label_id, kind, given_names,
        surname) VALUES (1, '{nominal}', '{name}', {label}, 'primary', 'Ann', 'Quill');
    INSERT INTO records.name_key (owner_force, nominal_id, row_id, label_id, name_row_id, name_key,
        date_key) VALUES (1, '{nominal}', '{name}', {key_label}, '{name}', 1, 1);
    RESET session_replication_role;
"""
NOMINAL = "00000000-0000-4000-8000-00000000000{}"
KEYS = """
    SELECT conname, convalidated, pg_get_constraintdef(oid, true) AS means FROM pg_constraint
    WHERE conrelid = 'records.name_key'::regclass AND contype = 'f' ORDER BY conname
"""
PRIMARY = """
    SELECT pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = 'records.nominal_name'::regclass AND contype = 'p'
"""


async def put(admin: asyncpg.Connection, number: int, label: int, key_label: int) -> None:
    """Put a nominal with one name and one key into the store, whatever its rules."""
    key = NOMINAL.format(number)
    await admin.execute(ROWS.format(nominal=key, name=key, label=label, key_label=key_label))


async def broken_off(store: Store) -> str:
    """Migrate on and return why that failed."""
    with pytest.raises(StoreUnavailableError) as refused:
        await migrate(store, "0043")
    return str(refused.value.detail)


async def test_it_looks_through_what_is_there_and_begins_again(cluster: Cluster) -> None:
    with cluster.changing_roles():
        name = await cluster.create()
        store = cluster.store(name)
        await migrate(store, "0042")
        admin = await cluster.admin(name)
        before = await admin.fetch(KEYS)
        await put(admin, 1, label=1, key_label=1)
        await put(admin, 2, label=1, key_label=2)
        assert "violates foreign key" in await broken_off(store)
        kept = [row for row in await admin.fetch(KEYS) if row["convalidated"]]
        assert kept == before, "the old keys stand until the new one is looked through"
        await admin.execute("UPDATE records.name_key SET label_id = 1 WHERE label_id = 2")
        await migrate(store, "0043")
        (key,) = await admin.fetch(KEYS)
        assert key["convalidated"]
        assert re.search(r"nominal_name\(.*label_id\) ON UPDATE CASCADE ON DELETE", key["means"])
        assert "label_id" in await admin.fetchval(PRIMARY)
        assert not await admin.fetchval(
            "SELECT count(*) FROM pg_policies WHERE policyname = 'looking_through'"
        )
        await admin.close()
        await cluster.drop(name)
