"""Questions to the policy drawn by chance: ordinary ones, careless and hostile ones, broken ones.

Everything follows from the random number generator handed in, so that a run can be repeated.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

Part = dict[str, Any]

TODAY = date(2026, 11, 24)
FORCES = ("kent", "essex", "suffolk", "norfolk")
GROUPS = (
    "addresses",
    "assessments",
    "contacts",
    "descriptions",
    "identifiers",
    "involvements",
    "markers",
)
PURPOSES = (
    "custody",
    "data_quality",
    "firearms_licensing",
    "intelligence",
    "investigation",
    "missing_person",
    "safeguarding",
)
ROLES = (
    "amo_administrator",
    "amo_finance",
    "auditor",
    "board_member",
    "data_protection_officer",
    "emergency_access",
    "force_administrator",
    "officer",
    "partner_caller",
    "records_manager",
    "signatory",
    "supervisor",
)
USUAL_ROLES = (
    *[("officer",)] * 5,
    *[("supervisor",)] * 2,
    ("records_manager",),
    ("officer", "emergency_access"),
)
CLASSES = ("nominal", "investigation", "intelligence", "custody", "case")
CATEGORIES = ("suspect", "convicted", "victim", "witness", "other")
CONDITIONS = ("A1", "A2", "A3", "S1", "S2")
OBLIGATIONS = ("extra_justification", "notify_owner", "watermark")

JUNK: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    1,
    "",
    "*",
    "all",
    "kent",
    "none",
    "full",
    "SECRET",
    "true",
    [],
    [None],
    ["*"],
    {},
    {"tenant": "kent", "role": "recipient"},
    {"anything": "officer"},
    ["officer", "nominal", "other", "kent", "essex", "A1"],
)
"""What a broken part of a question may hold instead."""

BROKEN_DAYS = ("", "2026", "2031-3-1", "31/03/2031", "9999-99-99", "2031-02-30", "tomorrow", "z")


def question(random: Random) -> Part:
    """Return a question: mostly sound, sometimes about an altered agreement, sometimes broken."""
    asked: Part = {
        "requester": {
            "tenant": _mostly(random, 0.8, "kent", FORCES),
            "kind": _mostly(random, 0.9, "force", ("client_body", "oversight", "partner", "FORCE")),
            "roles": random.sample(ROLES, random.choice((0, 1, 1, 1, 2)))
            if random.random() < 0.1
            else list(random.choice(USUAL_ROLES)),
            "clearance": _mostly(random, 0.85, "OFFICIAL-SENSITIVE", ("OFFICIAL", "SECRET")),
        },
        "active": [force for force in FORCES if random.random() < 0.97],
        "purpose": _mostly(random, 0.7, "investigation", (*PURPOSES, "curiosity")),
        "purposes": list(PURPOSES),
        "today": TODAY.isoformat(),
        "agreements": [_agreement(random) for _ in range(random.choice((0, 1, 1, 2, 2, 3)))],
        "labels": [_label(random, number) for number in range(random.choice((1, 1, 2)))],
    }
    if len(asked["agreements"]) > 1 and random.random() < 0.15:
        _two_of_one_reference(asked["agreements"])
    for agreement in asked["agreements"]:
        if random.random() < 0.3:
            random.choice(ALTERATIONS)(random, agreement)
    if random.random() < 0.1:
        _of_a_partner(asked)
    if random.random() < 0.3:
        for _ in range(random.choice((1, 1, 2))):
            _break(random, asked)
    return asked


def _of_a_partner(asked: Part) -> None:
    """Let a partner organisation ask the same, with agreements to which it is one."""
    asked["requester"] |= {"kind": "partner", "roles": ["partner_caller"]}
    for agreement in asked["agreements"]:
        for party in agreement.get("parties", []):
            if party.get("role") == "recipient":
                party["role"] = "partner"


def _label(random: Random, number: int) -> Part:
    return {
        "id": number,
        "owner": _mostly(random, 0.75, "essex", (*FORCES, "atlantis")),
        "record_class": _mostly(random, 0.8, "nominal", CLASSES),
        "marking": _mostly(random, 0.65, "OFFICIAL", (*["OFFICIAL-SENSITIVE"] * 5, "SECRET")),
        "handling": _mostly(random, 0.7, "P", ("C",)),
        "conditions": random.sample(CONDITIONS, random.choice((0, 0, 0, 1, 2))),
        "categories": random.sample(CATEGORIES, random.choice((0, 1, 1, 1, 2))),
        "sensitive": random.random() < 0.15,
        "restricted": random.random() < 0.2,
        "sealed": random.random() < 0.1,
        **_single(random),
    }


def _single(random: Random) -> Part:
    """Return what is true of a single record; most often the question is about a label alone.

    A record that is restricted by name has a restricted label, and only such a record has names;
    a few questions say otherwise.
    """
    if random.random() < 0.6:
        return {}
    listed = random.random() < 0.6
    single = {
        "listed": listed,
        "named": listed and random.random() < 0.6,
        "emergency": random.random() < 0.5,
        **({"restricted": True} if listed else {}),
    }
    if random.random() < 0.03:
        single[random.choice(("listed", "named", "restricted"))] = random.random() < 0.5
    return single


def _agreement(random: Random) -> Part:
    """Return an agreement of Essex with Kent and perhaps others, most often one that counts."""
    parties = [("essex", "owner"), ("kent", "recipient")]
    for force in FORCES:
        for role in ("owner", "recipient", "partner"):
            if random.random() < 0.1 and (force, role) not in parties:
                parties.append((force, role))
    random.shuffle(parties)
    number = random.randrange(1, 10_000)
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "reference": f"ATH-ISA-{number:04}",
        "version": 1,
        "status": _mostly(random, 0.9, "in_force", ("draft", "suspended", "terminated", "expired")),
        "parties": [{"tenant": tenant, "role": role} for tenant, role in parties],
        "signatories": [
            {"tenant": tenant, "office": "Head of records", "signed_on": _about(random, -90)}
            for tenant in dict.fromkeys(tenant for tenant, _ in parties)
        ],
        "purposes": {
            purpose: _terms(random)
            for purpose in PURPOSES[2:]
            if random.random() < (0.9 if purpose == "investigation" else 0.5)
        },
        "record_classes": [name for name in CLASSES if random.random() < 0.95],
        "subject_categories": [name for name in CATEGORIES if random.random() < 0.9],
        "marking_ceiling": random.choice(("OFFICIAL", "OFFICIAL-SENSITIVE", "OFFICIAL-SENSITIVE")),
        "handling_ceiling": random.choice(("P", "C")),
        "sensitive_processing": random.random() < 0.5,
        "restricted_level": random.choice(("none", "pointer")),
        "onward_sharing": random.random() < 0.5,
        "valid_from": _about(random, -60),
        "valid_to": _about(random, 60),
        "review_due": _about(random, 40),
        "dpia_expires": _about(random, 50),
    }


def _terms(random: Random) -> Part:
    level = random.choice(("pointer", "summary", "full", "full", "full"))
    groups = random.sample(GROUPS, random.randint(1, 4)) if level == "full" else []
    obligations = random.sample(OBLIGATIONS, random.choice((0, 0, 1, 2)))
    return {
        "level": level,
        "groups": groups,
        **({"obligations": obligations} if random.random() < 0.8 else {}),
    }


def _mostly(random: Random, share: float, value: str, others: tuple[str, ...]) -> str:
    return value if random.random() < share else random.choice(others)


def _about(random: Random, days: int) -> str:
    """Return a day so far from today, or one at the very border of today."""
    if random.random() < 0.1:
        days = random.choice((-1, 0, 1))
    return (TODAY + timedelta(days=days)).isoformat()


def _hastily_signed(random: Random, agreement: Part) -> None:
    random.choice(agreement["signatories"])["signed_on"] = random.choice(
        (*BROKEN_DAYS, (TODAY + timedelta(days=1)).isoformat())
    )


def _signed_by_another(random: Random, agreement: Part) -> None:
    random.choice(agreement["signatories"])["tenant"] = random.choice((*FORCES, "KENT", "*"))


def _nobody_signs(random: Random, agreement: Part) -> None:
    agreement["signatories"] = []


def _someone_joins_unsigned(random: Random, agreement: Part) -> None:
    role = random.choice(("owner", "recipient", "partner"))
    agreement["parties"].append({"tenant": random.choice((*FORCES, "atlantis")), "role": role})


def _odd_party(random: Random, agreement: Part) -> None:
    party = random.choice(agreement["parties"])
    name = random.choice(("tenant", "role"))
    party[name] = random.choice(("*", "owner", "Recipient", "partner", "kent ", "essex"))


def _generous_purposes(random: Random, agreement: Part) -> None:
    purpose = random.choice((*PURPOSES, "*", "curiosity"))
    groups = random.choices((*GROUPS, "photographs", "*", "all"), k=random.randint(0, 9))
    level = random.choice(("full", "full", "Full", "everything", "none", "summary", "pointer"))
    agreement["purposes"][purpose] = {"level": level, "groups": groups, "obligations": []}


def _odd_obligations(random: Random, agreement: Part) -> None:
    for terms in agreement["purposes"].values():
        terms["obligations"] = random.choice(
            (
                ["watermark", "be_careful"],
                ["consult_originator"],
                ["no_onward_sharing"],
                "watermark",
            )
        )


def _wildcards(random: Random, agreement: Part) -> None:
    name = random.choice(("record_classes", "subject_categories"))
    agreement[name] = random.choice((["*"], ["all"], ["NOMINAL"], ["other"], "nominal", []))


def _raised_ceilings(random: Random, agreement: Part) -> None:
    name = random.choice(("marking_ceiling", "handling_ceiling"))
    agreement[name] = random.choice(("SECRET", "official-sensitive", "c", "C", "OFFICIAL", "*", ""))


def _loose_switches(random: Random, agreement: Part) -> None:
    name = random.choice(("sensitive_processing", "onward_sharing", "restricted_level"))
    agreement[name] = random.choice(("true", "yes", 1, True, "pointer", "summary", "full", "none"))


def _odd_days(random: Random, agreement: Part) -> None:
    name = random.choice(("valid_from", "valid_to", "review_due", "dpia_expires"))
    agreement[name] = random.choice(BROKEN_DAYS)


def _odd_status(random: Random, agreement: Part) -> None:
    agreement["status"] = random.choice(("IN_FORCE", "in force", "active", "superseded", ""))


def _left_out(random: Random, agreement: Part) -> None:
    del agreement[random.choice(sorted(agreement))]


def _two_of_one_reference(agreements: list[Part]) -> None:
    agreements[1]["reference"] = agreements[0]["reference"]


ALTERATIONS: tuple[Callable[[Random, Part], None], ...] = (
    _hastily_signed,
    _signed_by_another,
    _nobody_signs,
    _someone_joins_unsigned,
    _odd_party,
    _generous_purposes,
    _odd_obligations,
    _wildcards,
    _raised_ceilings,
    _loose_switches,
    _odd_days,
    _odd_status,
    _left_out,
)
"""What a careless or a hostile administrator might make of an agreement."""


def _break(random: Random, asked: Part) -> None:
    """Take any part of a question away, or put junk in its place; labels keep their numbers."""
    places: list[tuple[Any, str | int]] = []

    def collect(whole: Any, kept: tuple[str | int, ...] = ()) -> None:
        for name in list(whole) if isinstance(whole, dict) else range(len(whole)):
            if name not in kept:
                places.append((whole, name))
                if isinstance(whole[name], dict | list):
                    collect(whole[name])

    collect(asked, kept=("labels",))
    for label in asked["labels"]:
        collect(label, kept=("id",))
    whole, name = random.choice(places)
    if random.random() < 0.4:
        del whole[name]
    else:
        whole[name] = copy.deepcopy(random.choice(JUNK))
