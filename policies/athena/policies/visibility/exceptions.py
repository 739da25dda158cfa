"""Records that are decided by themselves: restricted by name, or opened in an emergency; and locks.

The policy is asked about a label together with what is true of the record for this member, so that
its input and the archive hold no record's id. A lock isn't asked about: it always wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.policies.visibility.models import (
    EXISTENCE_SCOPE,
    Label,
    LabelView,
    RecordKey,
)

FIRST_NUMBER = 32_768
"""Labels' own numbers are smaller, so that no case can be taken for a label."""

MOST_RECORDS = 50
"""The most records that a grant set shows beside their labels."""


class Case(NamedTuple):
    """What is true of a single record for a member."""

    label_id: LabelId
    listed: bool
    """Whether the record is restricted to named members or teams."""
    named: bool
    """Whether the member or a team of theirs is named."""
    emergency: bool
    """Whether the member has opened it in an emergency that isn't over."""


@dataclass(frozen=True, slots=True)
class Exceptions:
    """The single records that matter to a member for a purpose, as of one moment of the store."""

    epoch: int
    until: datetime | None
    """When the first of them ends."""
    locked: tuple[RecordKey, ...]
    singles: tuple[tuple[RecordKey, Case], ...]
    """Those opened in an emergency first, then by when they were restricted, the newest first."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Exceptions:
        """Read the store's answer."""
        until = document["until"]
        return cls(
            epoch=document["epoch"],
            until=datetime.fromisoformat(until) if until else None,
            locked=tuple(_key(row) for row in document["locked"]),
            singles=tuple(
                (
                    _key(row),
                    Case(LabelId(row["label_id"]), row["listed"], row["named"], row["emergency"]),
                )
                for row in document["singles"]
            ),
        )

    def numbers(self, cases: Sequence[Case]) -> dict[RecordKey, LabelId]:
        """Return the number by which the policy's input asks about each single record."""
        by_case = {case: LabelId(FIRST_NUMBER + place) for place, case in enumerate(cases)}
        return {key: by_case[case] for key, case in self.singles if case in by_case}

    def cases(self, labels: Mapping[LabelId, Label]) -> list[Case]:
        """Return what the policy must be asked, each once, in an order that is always the same.

        A case of a label that isn't known yet is left out: nothing of that label is shown.
        """
        return sorted({case for _, case in self.singles if case.label_id in labels})


@dataclass(frozen=True, slots=True)
class Granted:
    """The single records of a grant set, as the store keeps them."""

    views: dict[RecordKey, LabelView]
    records: list[dict[str, Any]]
    locks: list[dict[str, Any]]


def questions(cases: Sequence[Case], labels: Mapping[LabelId, Label]) -> list[dict[str, Any]]:
    """Return the cases as labels of the policy's input."""
    return [
        {
            **label_fields(labels[case.label_id]),
            "id": FIRST_NUMBER + number,
            "listed": case.listed,
            "named": case.named,
            "emergency": case.emergency,
        }
        for number, case in enumerate(cases)
    ]


def label_fields(label: Label) -> dict[str, Any]:
    """Return a label as the policy's input holds it."""
    return {
        "id": label.label_id,
        "owner": label.owner,
        "record_class": label.record_class,
        "marking": label.marking,
        "handling": label.handling,
        "conditions": list(label.conditions),
        "categories": list(label.categories),
        "sensitive": label.sensitive,
        "restricted": label.restricted,
        "sealed": label.sealed,
    }


def grant(
    exceptions: Exceptions, views: Mapping[LabelId, LabelView], by_case: Mapping[Case, LabelView]
) -> Granted:
    """Return the records that are shown beside their labels, and those withheld despite them.

    Of more than `MOST_RECORDS` the later ones are left to their labels, which show less.
    """
    locked = set(exceptions.locked)
    granted = Granted({}, [], [_row(key, kept=[]) for key in exceptions.locked])
    for key, case in exceptions.singles:
        view = by_case.get(case)
        if view is None or key in locked:
            continue
        usual = views[case.label_id]
        scopes = [*view.scopes, EXISTENCE_SCOPE]
        if _amount(view) > _amount(usual):
            if len(granted.records) == MOST_RECORDS:
                continue
            granted.records.append(_row(key, scopes=scopes))
        elif view.scopes != usual.scopes:
            granted.locks.append(_row(key, kept=scopes))
        granted.views[key] = view
    return granted


def _amount(view: LabelView) -> tuple[int, int]:
    return view.level.rank, len(view.groups)


def _row(key: RecordKey, **scopes: list[str]) -> dict[str, Any]:
    return {"owner_force": key[0], "nominal_id": str(key[1]), **scopes}


def _key(row: Mapping[str, Any]) -> RecordKey:
    return TenantId(row["owner_force"]), NominalId(UUID(row["nominal_id"]))
