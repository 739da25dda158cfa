"""What in a partner's calls is out of the ordinary: counts over a window, and where they turn.

The numbers are general knowledge of the field, not law; they are one value that can be changed.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Cause(enum.StrEnum):
    """Why calls under an agreement are stopped until the client body has looked."""

    MANY_WITHOUT_MATCH = "many_without_match"
    ALPHABET_SWEEP = "alphabet_sweep"
    ONE_PERSON_REPEATEDLY = "one_person_repeatedly"
    OUT_OF_HOURS = "out_of_hours"
    STOPPED_BY_CLIENT_BODY = "stopped_by_client_body"


@dataclass(frozen=True, slots=True)
class Recent:
    """A partner's checks under an agreement in the last 24 hours, since the last review ended."""

    checks: int
    without_match: int
    initials: int
    """How many first letters of surnames are among those without a match."""
    of_this_person: int
    out_of_hours: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From how many on a pattern stops the calls."""

    checks: int = 60
    """Fewer checks than this say nothing of matches or of the alphabet."""
    without_match_percent: int = 90
    initials: int = 18
    of_one_person: int = 6
    out_of_hours: int = 25

    def cause(self, recent: Recent) -> Cause | None:
        """Return the pattern that is met, or None."""
        many = recent.checks >= self.checks
        failing = recent.without_match * 100 >= recent.checks * self.without_match_percent
        if many and failing and recent.initials >= self.initials:
            return Cause.ALPHABET_SWEEP
        if many and failing:
            return Cause.MANY_WITHOUT_MATCH
        if recent.of_this_person >= self.of_one_person:
            return Cause.ONE_PERSON_REPEATEDLY
        if recent.out_of_hours >= self.out_of_hours:
            return Cause.OUT_OF_HOURS
        return None


USUAL = Thresholds()
