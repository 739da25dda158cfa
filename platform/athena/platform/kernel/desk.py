"""The desk: a member's open, logged transaction, for work that isn't itself a record.

The kernel's services take an `OpenWork`. A consultation and an alteration of the gate both are one,
so that a service can be called inside any transaction that has logged its event.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from athena.platform.kernel.audit import Entry
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import Subject


class OpenWork(Protocol):
    """An open transaction whose event is in the log already."""

    @property
    def session(self) -> ReadSession:
        """The transaction; the store still checks every row."""

    @property
    def subject(self) -> Subject:
        """The member who acts."""


class OpenChange(OpenWork, Protocol):
    """Such a transaction that may also change what it reads."""

    @property
    def session(self) -> WriteSession:
        """The transaction; the store still checks every row."""


Desk = Callable[[Subject, str, Entry], AbstractAsyncContextManager[OpenChange]]
"""Authorises a member for an action, logs the entry and opens the transaction.

The layers above make it from the gate: the kernel knows neither roles nor policy.
"""
