"""Keeps the dictionary of names that one process searches by fresh.

The base is an edition in files, one for all processes of a machine (see `editions`). Names
registered since, here or in another process, go to an overlay of the process's own at once; when
it has grown, one process builds the next edition and all open it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import AthenaError, ConfigurationError, StoreUnavailableError
from athena.records.names import repository
from athena.records.names.repository import Registered, RegisterState
from athena.sharing.search.building import build
from athena.sharing.search.dictionary import NameDictionary, contains
from athena.sharing.search.editions import Edition, Shelf

FOLD_AT = 5_000
"""How many overlay terms make the next edition worth its time, in a small dictionary."""

FOLD_SHARE = 0.04
"""The share of the base that does in a large one."""

FOLD_MOST = 20_000
"""How many terms do at any size; of pairs, which are cheaper, it takes ten times as many."""

WAIT_SECONDS = 0.1
"""How often a process looks whether the edition that another builds is there."""

MOST_SECONDS = 600
"""How long a process waits for it."""

_ATTEMPTS = 5
_NOTHING = Registered(np.zeros(0, "S1"), np.zeros(0, np.int32), np.zeros(0, np.int64))

logger = logging.getLogger("athena.names")


@dataclass(frozen=True, slots=True)
class _Base:
    """An opened edition and the dictionary over it."""

    edition: Edition
    dictionary: NameDictionary


class LiveNames:
    """Keeps a dictionary fresh from the names register of the store."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Take a directory for the editions of this store's dictionary; it is made at need."""
        self._database = database
        self._shelf = Shelf(folder)
        self._base: _Base | None = None
        self._overlay = _NOTHING
        self._read_up_to = 0
        self._refreshing = asyncio.Lock()
        self._folding: asyncio.Task[None] | None = None
        self.current = NameDictionary.build([], [])

    async def refresh(self) -> None:
        """Read what was registered since the last time; a few milliseconds when little is new.

        Reading starts again at the oldest transaction that was still running then: whatever
        committed late is met in the next round, so nothing is missed. ConfigurationError where
        there is no edition and none can be built.
        """
        async with self._refreshing:
            state, new = await self._read(self._read_up_to)
            base = self._base
            if base is None or not self._is_current(base.edition, state):
                base, state, new = await self._rebase(state)
            await self._put_on_top(base, new)
            self._read_up_to = state.horizon
        self._fold_if_grown()

    async def rebuild(self) -> None:
        """Build an edition of everything now, and use it; waits while another process builds."""
        await self._build_when_free(None)
        await self.refresh()

    async def close(self) -> None:
        """Stop building, if an edition is being built."""
        if self._folding is not None:
            self._folding.cancel()
            await asyncio.gather(self._folding, return_exceptions=True)

    async def _read(self, xid: int) -> tuple[RegisterState, Registered]:
        async with self._database.read(repository.DICTIONARY) as session:
            state = await repository.state(session)
            return state, await repository.registered_since(session, xid)

    def _is_current(self, edition: Edition, state: RegisterState) -> bool:
        """Whether an edition is the newest, and no newer than its store.

        A store brought back to an earlier moment counts its transactions again from there.
        """
        header = edition.header
        current = edition.name == self._shelf.current_name()
        return current and header.is_of(state) and header.horizon <= state.horizon

    async def _rebase(self, state: RegisterState) -> tuple[_Base, RegisterState, Registered]:
        """Open the edition that another process built, or build one; and read what came since."""
        for _ in range(_ATTEMPTS):
            edition = self._shelf.open(state)
            if edition is not None:
                now, new = await self._read(edition.header.horizon)
                if self._is_current(edition, now):
                    return _Base(edition, NameDictionary.opened(edition.arrays)), now, new
                state = now
            await self._build_when_free(edition)
        raise StoreUnavailableError(
            f"The dictionary of names in {self._shelf.folder} changes while it is opened; "
            "try again shortly."
        )

    async def _build_when_free(self, wrong: Edition | None) -> None:
        """Build an edition unless there is another than ``wrong`` by the time one may."""
        name = self._shelf.current_name()
        try:
            async with asyncio.timeout(MOST_SECONDS):
                while not await self._build_if_free():
                    await asyncio.sleep(WAIT_SECONDS)
                    if wrong is None and self._shelf.current_name() != name:
                        return
        except TimeoutError:
            raise StoreUnavailableError(
                f"Another process has been building the dictionary of names in "
                f"{self._shelf.folder} for {MOST_SECONDS // 60} minutes; end it and try again."
            ) from None

    async def _build_if_free(self) -> bool:
        """Build an edition unless another process does; False if one does."""
        try:
            with self._shelf.building() as free:
                if free:
                    state, everything = await self._read(0)
                    known = self._base.dictionary.base if self._base is not None else None
                    await build(self._shelf, state, everything, known)
                return free
        except OSError as error:
            raise ConfigurationError(
                f"The dictionary of names can't be written to {self._shelf.folder} "
                f"({error.strerror}); set ATHENA_DICTIONARY_DIR to a directory that has room and "
                "can be written."
            ) from None

    async def _put_on_top(self, base: _Base, new: Registered) -> None:
        """Put what is new on top of a base; nothing is ever out of sight meanwhile."""
        before = self._overlay if base is self._base else _NOTHING
        tokens, term_ids = _merged(before, _not_in(base.dictionary, new))
        fresh = new.pairs[~contains(base.dictionary.pairs.pairs, new.pairs)]
        pairs = np.union1d(before.pairs, fresh)
        grown = len(term_ids) > len(before.term_ids) or len(pairs) > len(before.pairs)
        if grown or base is not self._base:
            known = self.current.overlay
            self.current = await asyncio.to_thread(
                base.dictionary.with_new, tokens, term_ids, pairs, known
            )
        self._base, self._overlay = base, Registered(tokens, term_ids, pairs)

    def _fold_if_grown(self) -> None:
        most = max(FOLD_AT, min(int(FOLD_SHARE * len(self.current.base)), FOLD_MOST))
        if max(len(self._overlay.term_ids), len(self._overlay.pairs) // 10) <= most:
            return
        if self._folding is None or self._folding.done():
            self._folding = asyncio.create_task(self._fold())

    async def _fold(self) -> None:
        """Build the next edition while searching goes on; the next refresh opens it."""
        try:
            if await self._build_if_free():
                await self.refresh()
        except AthenaError as error:
            logger.warning("the dictionary of names wasn't folded (%s)", error.detail)


def _not_in(base: NameDictionary, new: Registered) -> Registered:
    """Return the terms that a base doesn't hold under the same number."""
    if not len(base.base) or not len(new.term_ids):
        return new
    places = np.minimum(np.searchsorted(base.base.tokens, new.tokens), len(base.base) - 1)
    same_token = base.base.tokens[places] == new.tokens
    known = same_token & (base.base.term_ids[places] == new.term_ids)
    return Registered(new.tokens[~known], new.term_ids[~known], new.pairs)


def _merged(first: Registered, second: Registered) -> tuple[NDArray[np.bytes_], NDArray[np.int32]]:
    """Return the terms of both, each number once."""
    numbers, places = np.unique(
        np.concatenate([first.term_ids, second.term_ids]), return_index=True
    )
    return np.concatenate([first.tokens, second.tokens])[places], numbers
