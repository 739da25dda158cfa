"""Two batches at once, in the order of the file: each knows what the one before has decided.

A batch decides as if the one before were stored, writes what nobody else writes while that one is
still under way, and waits for its turn before the rest: places and headers, which batches share,
and the checkpoint. They so commit in the order of the file, and where one doesn't go as it had
decided, the next is taken back and begins again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

WAIT_SECONDS = 30.0
"""How long a batch keeps what it has written while the one before doesn't end.

The store can't see that one waits for the other: should anything ever lock both, this ends it.
"""


class OvertakenError(Exception):
    """The batch before went another way than this one took for granted: begin again."""


class StoppedError(Exception):
    """Nothing is loaded after the batch before: it failed, or the import was to stop."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What a batch under way leaves to the next: ids met, and the nominals that it may see."""

    source_ids: frozenset[str] = frozenset()
    numbers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By an identifier that no two people share: the nominal that bears it."""
    keys: Mapping[int, str] = field(default_factory=dict)
    """By the name key of a name with its very day of birth: a nominal."""


NOTHING_PASSED = Passed()


class Turn:
    """A batch's place in the order of the file."""

    def __init__(self, before: Turn | None = None) -> None:
        """Follow another turn, or none."""
        loop = asyncio.get_running_loop()
        self._before = before
        self._stopped = False
        self._stands: asyncio.Future[bool] = loop.create_future()
        self._over: asyncio.Future[None] = loop.create_future()
        self.decided: asyncio.Future[Passed] = loop.create_future()
        """What the batch leaves to the next, which can begin."""

    def has_come(self) -> bool:
        """Whether no batch before is under way; StoppedError where nothing comes after it."""
        if self._before is None:
            return True
        self._before._go_on()
        return self._before._over.done()

    async def passed(self) -> Passed:
        """Return what the batch before has decided; nothing if it isn't under way any more."""
        if self._before is None or self.has_come():
            return NOTHING_PASSED
        return await asyncio.shield(self._before.decided)

    async def come(self) -> None:
        """Wait until the batch before is stored as it had decided.

        OvertakenError where it is not, StoppedError where nothing comes after it.
        """
        if self._before is not None:
            await asyncio.wait([self._before._stands], timeout=WAIT_SECONDS)
            self._before._go_on()
            if not (self._before._stands.done() and self._before._stands.result()):
                raise OvertakenError

    async def let_pass(self) -> None:
        """Wait until the batch before is stored; StoppedError where nothing comes after it."""
        if self._before is not None:
            await asyncio.wait([self._before._over])
            self._before._go_on()
            self._before = None

    def decide(self, passed: Passed) -> None:
        """Let the next batch begin."""
        if not self.decided.done():
            self.decided.set_result(passed)

    def again(self) -> None:
        """Tell the next batch not to count on what was decided."""
        self.decide(NOTHING_PASSED)
        if not self._stands.done():
            self._stands.set_result(False)

    def end(self, as_decided: bool) -> None:
        """Tell the next batch that this one is stored, and whether as it had decided.

        The turn before is let go: turns that held each other would keep what every batch of the
        file had decided.
        """
        self._tell(as_decided)
        self._before = None

    def _tell(self, as_decided: bool) -> None:
        if as_decided and not self._stands.done():
            self._stands.set_result(True)
        self.again()
        if not self._over.done():
            self._over.set_result(None)

    def stop(self) -> None:
        """Let nothing be loaded after this one."""
        self._stopped = True
        self._tell(as_decided=False)

    def _go_on(self) -> None:
        if self._stopped:
            raise StoppedError
