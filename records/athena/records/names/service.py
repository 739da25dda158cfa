"""Registering names: every token gets its number before a record refers to it.

Registration runs in a short transaction of its own, so that forces never wait for each other's
uncommitted names. A name registered for a record that then isn't written does no harm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import StoreUnavailableError
from athena.records.names import repository
from athena.records.names.keys import date_key, name_key, pair_key
from athena.records.names.normalise import name_pairs

_ATTEMPTS = 20
_REMEMBERED = 300_000
"""How many pairs are remembered before all are forgotten: some 30 MB."""


class NameRegister:
    """Numbers of tokens, remembered by this process as far as it has met them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers: dict[str, int] = {"": 0}
        self._pairs: set[int] = set()

    def forget(self) -> None:
        """Forget what is remembered: the dictionary was cleaned of names that nobody bears."""
        self._numbers = {"": 0}
        self._pairs = set()

    def keys_of(self, given_names: str, surname: str, day: int) -> list[tuple[int, int]]:
        """Return the (name key, date key) under which a name that `register` has seen is found.

        ``day`` is the number of the day of birth. All but the first are of further pairs.
        """
        keys = []
        for place, (family, given) in enumerate(name_pairs(given_names, surname)):
            pair, further = (self._numbers[family], self._numbers[given]), place > 0
            keys.append(
                (name_key(*pair, day, further=further), date_key(*pair, day, further=further))
            )
        return keys

    def number_of(self, token: str) -> int:
        """Return the number of a token that is registered."""
        return self._numbers[token]

    async def register(self, names: Iterable[tuple[str, str]]) -> None:
        """Make sure that every (given names, surname) has its terms and pairs in the store."""
        await self.register_pairs(
            {pair for given, surname in names for pair in name_pairs(given, surname)}
        )

    async def register_pairs(self, pairs: Collection[tuple[str, str]]) -> None:
        """Make sure that every pair of tokens, surname first, is in the store with its terms.

        Every process is told of new ones at once: who searches knows a name before the record
        that bears it is stored.
        """
        await self._number({token for pair in pairs for token in pair} - self._numbers.keys())
        keys = {pair_key(self._numbers[family], self._numbers[given]) for family, given in pairs}
        new = keys - self._pairs
        if new:
            async with self._database.write(repository.DICTIONARY) as session:
                if await repository.add_pairs(session, new):
                    await repository.announce(session)
            if len(self._pairs) > _REMEMBERED:
                self._pairs.clear()
            self._pairs |= new

    async def _number(self, tokens: Collection[str]) -> None:
        missing = set(tokens)
        for _ in range(_ATTEMPTS):
            if not missing:
                return
            async with self._database.write(repository.DICTIONARY) as session:
                found = await repository.find_terms(session, missing)
                if len(found) < len(missing):
                    await repository.add_terms(session, missing - found.keys())
                    found = await repository.find_terms(session, missing)
            self._numbers |= found
            missing -= found.keys()
        raise StoreUnavailableError("The name dictionary is full; call the operators.")
