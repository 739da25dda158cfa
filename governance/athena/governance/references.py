"""How what governance keeps is named among people: CR-0001, REL-0001, or the id itself."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from uuid import UUID

from athena.platform.kernel.database import ReadSession

IdOf = Callable[[ReadSession, int], Awaitable[UUID | None]]
"""Gives the id that stands under a number, or None."""


async def find(session: ReadSession, name: str, reference: str, id_of: IdOf) -> UUID | None:
    """Return the id that a name means: an id as it stands, or the number of a reference.

    ``reference`` is the pattern of references, whose number follows a hyphen. None where the name
    is neither, or nothing has the number.
    """
    try:
        return UUID(name)
    except ValueError:
        if not re.match(reference, name):
            return None
        return await id_of(session, int(name.rpartition("-")[2]))
