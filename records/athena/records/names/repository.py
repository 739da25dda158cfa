"""The SQL of name terms and pairs, as the dictionary's own login in short transactions."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.records.names.keys import MOST_TERMS

DICTIONARY = "athena_dictionary"
CHANNEL = "athena_names"
CHUNK = 500_000
"""How many terms or pairs are read at a time."""

FORGOTTEN = "forgotten"
"""What a notice says when names that nobody bears were taken away."""


async def find_terms(session: ReadSession, tokens: Collection[str]) -> dict[str, int]:
    """Return the numbers of the tokens that have one."""
    rows = await session.rows(
        "SELECT token, term_id FROM names.term WHERE token = ANY(:tokens)",
        {"tokens": list(tokens)},
    )
    return {row.token: row.term_id for row in rows}


async def add_terms(session: WriteSession, tokens: Iterable[str]) -> None:
    """Give tokens random numbers; a token or number already taken is left for another try."""
    wanted = sorted(set(tokens))
    numbers = [secrets.randbelow(MOST_TERMS) + 1 for _ in wanted]
    await session.execute(
        "INSERT INTO names.term (term_id, token) "
        "SELECT * FROM unnest(CAST(:numbers AS integer[]), CAST(:tokens AS text[])) "
        "ON CONFLICT DO NOTHING",
        {"numbers": numbers, "tokens": wanted},
    )


async def add_pairs(session: WriteSession, pairs: Iterable[int]) -> int:
    """Note which pairs of terms occur; return how many were new."""
    return await session.execute(
        "INSERT INTO names.pair (pair) "
        "SELECT CAST(unnest(string_to_array(CAST(:pairs AS text), ',')) AS bigint) "
        "ON CONFLICT DO NOTHING",
        {"pairs": ",".join(map(str, sorted(set(pairs))))},
    )


async def announce(session: WriteSession) -> None:
    """Tell every process that there are new names; the notice itself says nothing of them."""
    await session.value("SELECT pg_notify(:channel, '')", {"channel": CHANNEL})


@dataclass(frozen=True, slots=True)
class Registered:
    """Terms and pairs of the register, in columns."""

    tokens: NDArray[np.bytes_]
    term_ids: NDArray[np.int32]
    pairs: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RegisterState:
    """Which register this is, and how far it can be read without missing anything."""

    store: str
    """Names the server, its timeline and the database: transaction numbers count there alone."""
    cleanings: int
    """How often names that nobody bears were taken away."""
    horizon: int
    """The transaction before which everything is committed or gone for good."""


async def state(session: ReadSession) -> RegisterState:
    """Return the state of the register at this moment."""
    row = await session.one(
        "SELECT concat_ws('-', (SELECT system_identifier FROM pg_control_system()), "
        "left(pg_walfile_name(pg_current_wal_lsn()), 8), "
        "(SELECT oid FROM pg_database WHERE datname = current_database())) AS store, "
        "(SELECT cleanings FROM names.cleaning) AS cleanings, "
        "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS horizon"
    )
    assert row is not None  # a SELECT without FROM returns one row
    return RegisterState(row.store, row.cleanings, row.horizon)


async def registered_since(session: ReadSession, xid: int) -> Registered:
    """Return what was registered in or after a transaction; 0 for everything.

    The store sends columns as one value each, a chunk at a time: millions of rows cost neither
    their objects nor more than a chunk of memory beside the arrays.
    """
    tokens, numbers, last = [], [], 0
    while True:
        row = await session.one(_TERMS, {"xid": xid, "after": last, "most": CHUNK})
        assert row is not None  # an aggregate returns one row
        if not row.found:
            break
        found = np.frombuffer(row.numbers, dtype=">i4").astype(np.int32)
        tokens.append(np.asarray(row.tokens.split(","), dtype=np.bytes_))
        numbers.append(found)
        last = int(found[-1])
    pairs, last = [], -1
    while True:
        row = await session.one(_PAIRS, {"xid": xid, "after": last, "most": CHUNK})
        assert row is not None
        if not row.found:
            break
        pairs.append(np.frombuffer(row.pairs, dtype=">i8").astype(np.int64))
        last = int(pairs[-1][-1])
    return Registered(
        np.concatenate(tokens) if tokens else np.zeros(0, "S1"),
        np.concatenate(numbers) if numbers else np.zeros(0, np.int32),
        np.concatenate(pairs) if pairs else np.zeros(0, np.int64),
    )


_TERMS = """
    SELECT count(*) AS found, string_agg(token, ',' ORDER BY term_id) AS tokens,
           string_agg(int4send(term_id), CAST('' AS bytea) ORDER BY term_id) AS numbers
    FROM (SELECT term_id, token FROM names.term
          WHERE registered_xid >= CAST(:xid AS xid8) AND term_id > :after
          ORDER BY term_id LIMIT :most) AS chunk
"""
_PAIRS = """
    SELECT count(*) AS found, string_agg(int8send(pair), CAST('' AS bytea) ORDER BY pair) AS pairs
    FROM (SELECT pair FROM names.pair
          WHERE registered_xid >= CAST(:xid AS xid8) AND pair > :after
          ORDER BY pair LIMIT :most) AS chunk
"""
