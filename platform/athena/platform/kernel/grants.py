"""When a grant holds, in SQL: a member's role or place in a team, for whole days in London.

The first and the last day are both included, and whatever was taken away holds no more. Each
condition compares with the parameter ``:today``; `clock.today` is its value.
"""

from __future__ import annotations


def held(grant: str) -> str:
    """Return the condition that a grant, by the alias of its table, holds today."""
    return f"({grant}.valid_from <= :today AND {not_over(grant)})"


def not_over(grant: str) -> str:
    """Return the condition that a grant holds today or is still to begin."""
    return (
        f"({grant}.ended_at IS NULL AND ({grant}.valid_to IS NULL OR {grant}.valid_to >= :today))"
    )
