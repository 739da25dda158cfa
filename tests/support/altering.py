"""Ways to alter the document of an agreement by chance, so that it stays one that can be stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from athena.platform.kernel.clock import today
from athena.platform.kernel.identity import FieldGroup, Purpose

Part = dict[str, Any]

CATEGORIES = ("suspect", "convicted", "victim", "witness", "other")


def _other_status(random: Random, agreement: Part) -> None:
    if agreement["status"] == "out_for_signature":
        return  # not every party has signed it, so it can't be anything else
    agreement["status"] = random.choice(("out_for_signature", "suspended"))
    suspended = agreement["status"] == "suspended"
    agreement["suspended_reason"] = "A review found a fault." if suspended else None


def _other_days(random: Random, agreement: Part) -> None:
    start, now = agreement["valid_from"], today()
    past, future = str(now - timedelta(days=20)), str(now + timedelta(days=20))
    agreement |= random.choice(
        (
            {"valid_from": future},
            {"valid_from": min(start, past), "valid_to": past},
            {"dpia_expires": past},
            {"review_due": max(start, past)},
        )
    )


def _unsigned(random: Random, agreement: Part) -> None:
    agreement["signatories"].pop(random.randrange(len(agreement["signatories"])))
    agreement |= {"status": "out_for_signature", "suspended_reason": None}


def _narrower(random: Random, agreement: Part) -> None:
    agreement |= random.choice(
        (
            {"subject_categories": random.sample(CATEGORIES, 2)},
            {"record_classes": ["intelligence", "case"]},
            {"marking_ceiling": "OFFICIAL"},
            {"handling_ceiling": "P"},
        )
    )


def _other_switches(random: Random, agreement: Part) -> None:
    agreement["sensitive_processing"] = random.random() < 0.5
    agreement["restricted_level"] = random.choice(("none", "pointer"))


def _other_terms(random: Random, agreement: Part) -> None:
    for purpose in random.sample([purpose.value for purpose in Purpose], 3):
        level = random.choice(("pointer", "summary", "full", "full"))
        groups = random.sample(list(FieldGroup), random.randint(1, 7)) if level == "full" else []
        if purpose != Purpose.DATA_QUALITY:
            agreement["purposes"][purpose] = {"level": level, "groups": groups}


def _another_owner(random: Random, agreement: Part) -> None:
    party = random.choice(agreement["parties"])
    joining = {"tenant": party["tenant"], "role": "owner"}
    if joining not in agreement["parties"]:
        agreement["parties"].append(joining)


CHANGES: tuple[Callable[[Random, Part], None], ...] = (
    _other_status,
    _other_days,
    _unsigned,
    _narrower,
    _other_switches,
    _other_terms,
    _other_terms,
    _another_owner,
)
