"""The clocks people live by: the store keeps UTC, people and agreements go by London."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
"""Agreements run by the calendar of the people who signed them."""


def today() -> date:
    """Return the date in London, by which ages count and agreements begin and end."""
    return datetime.now(LONDON).date()


def show_time(moment: datetime) -> str:
    """Return a moment as people in London read it, such as 2026-07-01 14:05:09 BST."""
    return f"{moment.astimezone(LONDON):%Y-%m-%d %H:%M:%S %Z}"
