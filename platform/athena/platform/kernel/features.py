"""Features that a release may switch for a force: their names, and how the platform asks."""

from __future__ import annotations

from typing import Protocol

from athena.platform.kernel.errors import RefusedError
from athena.platform.kernel.identity import TenantId

BREAK_GLASS = "break-glass"
LINK_SUGGESTIONS = "link-suggestions"


class Features(Protocol):
    """Tells which force has what, from memory: it never waits and never fails."""

    def on(self, feature: str, force: TenantId) -> bool:
        """Whether a force has a feature now."""


class NotLiveError(RefusedError):
    """The force doesn't have the feature; the detail says what to do instead."""

    slug = "feature-not-live"
    title = "This isn't live for your force"
