"""Groups of one set's records that pairs join: whoever is joined to one of a group is in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from athena.sharing.linking.assignment import Pair


def grouped(records: Iterable[str], pairs: Iterable[Pair], at_least: float) -> list[list[str]]:
    """Return the records in groups, joined by pairs of at least a weight; alone is a group too."""
    leads = {record: record for record in records}

    def lead(record: str) -> str:
        while leads[record] != record:
            leads[record] = leads[leads[record]]
            record = leads[record]
        return record

    for one, other, bits in pairs:
        if bits >= at_least:
            leads[lead(one)] = lead(other)
    groups: dict[str, list[str]] = defaultdict(list)
    for record in leads:
        groups[lead(record)].append(record)
    return list(groups.values())
