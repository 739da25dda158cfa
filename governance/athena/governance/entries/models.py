"""Something that was added to a change or a release."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

Kind = TypeVar("Kind", bound=enum.StrEnum)
"""What can be added to such a thing."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[Kind]):
    """Something that was added: by whom, when, to which version of what it was added to."""

    number: int
    tenant: str
    username: str
    at: datetime
    kind: Kind
    version: int
    document: Mapping[str, Any]
