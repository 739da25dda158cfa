"""Switching features for forces, within the transaction of whoever decides it."""

from __future__ import annotations

from collections.abc import Sequence

from athena.governance.flags import repository
from athena.governance.flags.models import FEATURES, Feature
from athena.platform.kernel.database import WriteSession
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import TenantId

__all__ = ["FEATURES", "Feature", "switch"]

LONGEST_RELEASE = 100


async def switch(
    session: WriteSession,
    features: Sequence[str],
    forces: Sequence[TenantId],
    *,
    on: bool,
    release: str,
) -> None:
    """Switch features on or off for forces, in the caller's logged transaction of the AMO's login.

    The commit tells every process, by NOTIFY; until then nothing has happened. ``release`` is the
    reference by which people know what switched it. InvalidInputError for a feature that the
    platform doesn't have, for somebody who isn't a force and for a release without a name.
    """
    unknown = sorted(set(features) - FEATURES.keys())
    if unknown:
        known = ", ".join(FEATURES)
        raise InvalidInputError(f"There is no feature '{unknown[0]}'; there are: {known}.")
    if not 1 <= len(release) <= LONGEST_RELEASE:
        raise InvalidInputError(f"Name the release, in 1 to {LONGEST_RELEASE} characters.")
    wanted, meant = sorted(set(features)), sorted(set(forces))
    done = await repository.put(session, wanted, meant, on=on, release=release)
    if done != len(wanted) * len(meant):
        raise InvalidInputError("A feature is switched for forces only; name forces.")
