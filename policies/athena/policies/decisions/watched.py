"""Any decision point, watched: answers remembered, time measured, missing answers alarmed."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from athena.policies.decisions.metrics import ALARMS, DECISIONS, SECONDS
from athena.policies.decisions.point import (
    Decision,
    DecisionPoint,
    Fault,
    NoDecisionError,
    Question,
)

REMEMBERED = 256
"""How many answers are remembered: each force, role and purpose that is busy has one."""

LEAST_SECONDS = 60
"""An answer that may be relied on for less than this is asked for again."""

logger = logging.getLogger("athena.policies")


class WatchedPoint:
    """Decides through another point, which is asked once for each bundle revision and question.

    A decision is a function of these two alone, so a remembered one is right; it still ends when
    it would have, so that a server that was stopped stops disclosure too.
    """

    def __init__(
        self,
        point: DecisionPoint,
        remembered: int = REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._point = point
        self._most = remembered
        self._clock = clock
        self._answers: OrderedDict[tuple[str, bytes], tuple[float, Decision]] = OrderedDict()
        self.engine = point.engine
        for fault in Fault:  # shown as 0 from the start, so that the first alarm is a change
            ALARMS.labels(self.engine, fault.value)

    @property
    def revision(self) -> str:
        """The revision of the only bundle whose answers are believed."""
        return self._point.revision

    async def decide(self, question: Question) -> Decision:
        """Return a remembered decision or ask for one; NoDecisionError, with an alarm, if none."""
        key = (self.revision, question.digest)
        ends, known = self._answers.get(key, (0.0, None))
        left = int(ends - self._clock())
        if known is not None and left >= LEAST_SECONDS:
            DECISIONS.labels(self.engine, "remembered").inc()
            return replace(known, seconds=left)
        try:
            with SECONDS.labels(self.engine).time():
                decision = await self._point.decide(question)
        except NoDecisionError as error:
            ALARMS.labels(self.engine, error.fault.value).inc()
            logger.error("no policy decision from the %s engine: %s", self.engine, error.fault)
            raise
        DECISIONS.labels(self.engine, "asked").inc()
        self._answers.pop(key, None)
        self._answers[key] = (self._clock() + decision.seconds, decision)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
        return decision

    async def check(self) -> None:
        """Raise NoDecisionError unless a decision could be made now."""
        await self._point.check()

    async def close(self) -> None:
        """Give back what the engine holds."""
        await self._point.close()
