"""The term pairs of names, remembered: most names of a file come again and again."""

from __future__ import annotations

from collections.abc import Iterable

from athena.records.names.service import NameRegister, TermPair
from athena.records.nominals.schemas import NominalDraft

MOST_NAMES = 100_000
"""How many names are remembered before all are forgotten: some 50 MB."""


class NameBook:
    """Knows the pairs of every name of the batches it has learnt."""

    def __init__(self, register: NameRegister) -> None:
        self._register = register
        self.pairs: dict[tuple[str, str], list[TermPair]] = {}

    async def learn(self, drafts: Iterable[NominalDraft]) -> None:
        """Register the names of a batch that aren't known yet."""
        if len(self.pairs) > MOST_NAMES:
            self.pairs.clear()
        names = {(name.given_names, name.surname) for draft in drafts for name in draft.names}
        new = names - self.pairs.keys()
        if new:
            await self._register.register(new)
            self.pairs |= {name: self._register.pairs_of(*name) for name in new}

    def forget(self) -> None:
        """Forget every name: the dictionary was cleaned of names that nobody bears."""
        self.pairs.clear()
        self._register.forget()
