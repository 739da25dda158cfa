"""Every case of an explanation, from the files beside this one."""

from __future__ import annotations

from policy.explained_asking import OWN_FORCE, SINGLE_RECORDS, WHO_ASKS
from policy.explained_covering import ALLOWED, COVERAGE, LOWERED
from policy.explained_standing import PARTIES_AND_PURPOSE, STANDING

CASES = [
    *WHO_ASKS,
    *SINGLE_RECORDS,
    *OWN_FORCE,
    *STANDING,
    *PARTIES_AND_PURPOSE,
    *COVERAGE,
    *LOWERED,
    *ALLOWED,
]
