"""The SQL of name terms and pairs, as the dictionary's own login in short transactions."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.records.names.keys import MOST_TERMS

DICTIONARY = "athena_dictionary"
CHANNEL = "athena_names"
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


async def terms_since(session: ReadSession, xid: int) -> list[tuple[int, str]]:
    """Return (number, token) of the terms registered in or after a transaction."""
    rows = await session.rows(
        "SELECT term_id, token FROM names.term WHERE registered_xid >= CAST(:xid AS xid8)",
        {"xid": xid},
    )
    return [(row.term_id, row.token) for row in rows]


async def pairs_since(session: ReadSession, xid: int) -> list[int]:
    """Return the pairs registered in or after a transaction."""
    rows = await session.rows(
        "SELECT pair FROM names.pair WHERE registered_xid >= CAST(:xid AS xid8)",
        {"xid": xid},
    )
    return [row.pair for row in rows]


async def oldest_running(session: ReadSession) -> int:
    """Return the transaction before which everything is committed or gone for good."""
    value = await session.value("SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text)")
    return int(value)
