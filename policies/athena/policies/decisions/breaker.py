"""A circuit breaker: a server that doesn't answer is left alone for a while, then tried once."""

from __future__ import annotations

import time
from collections.abc import Callable

from athena.policies.decisions.point import Fault, NoDecisionError

FAILURES = 3
"""How many failures in a row open the circuit."""

PAUSE_SECONDS = 2.0
"""How long an open circuit lets nothing through; then it lets one question try."""


class CircuitBreaker:
    """Keeps questions from queueing up behind a server that is down or slow."""

    def __init__(
        self,
        failures: int = FAILURES,
        pause_seconds: float = PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = failures
        self._pause = pause_seconds
        self._clock = clock
        self._failed = 0
        self._shut_until = clock()

    def admit(self) -> None:
        """Let a question through, or raise NoDecisionError at once while the circuit is open.

        The question that is let through after a pause takes the next pause with it: others wait
        until it has succeeded, and if it is given up midway another one tries after the pause.
        """
        if self._failed < self._most:
            return
        now = self._clock()
        if now < self._shut_until:
            raise NoDecisionError(Fault.CIRCUIT_OPEN)
        self._shut_until = now + self._pause

    def failed(self) -> None:
        """Count a failure; enough of them in a row open the circuit."""
        self._failed += 1
        self._shut_until = self._clock() + self._pause

    def succeeded(self) -> None:
        """Close the circuit."""
        self._failed = 0
