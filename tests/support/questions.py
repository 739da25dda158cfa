"""Made-up questions to the policy: ordinary ones, and ones that no platform would ask."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from athena.platform.kernel.identity import Purpose, Role
from athena.policies.agreements.founding import baseline
from athena.tenants.consortium import FORCE_SLUGS

DOCUMENTS = [document.model_dump(mode="json") for document in baseline()]

ODD: list[Any] = [
    None,
    True,
    False,
    *(0, 1, -1, 1.5, -0.0, 1.0, 1e-7, 1e300, 2**53 + 1, 2**63, 2**70, -(2**63)),
    *("", "a", "É", "e\u0301", "a\0b", "😀", "\uffff", "\ue000", "\ud800", "full", "none"),
    *("in_force", "2026-11-24", "S2", "1"),
    *([], [None], [[]], ["suspect"], ["other", "other"], ["S2", "S2"], [1, 1.0, 2]),
    *({}, {"a": 1}, {"x": "suspect"}, {"S2": "S2"}),
]
"""Values that a part of a question could hold if something went wrong before it was asked."""

TEXTS: list[Any] = [
    "ATH",
    "ath",
    "É",
    "é",
    "\uffff",
    "😀",
    "ATH-1",
    "ATH-10",
    "ATH-2",
    1,
    1.0,
    None,
]
DAYS: list[Any] = [*["2026-11-24"] * 4, "2026-11-23", "2027-01-01", "", "9", None, 0, [], {}]


def some(draw: Random, values: list[str], most: int) -> list[str]:
    """Return a few of some values."""
    return draw.sample(values, draw.randint(0, most))


def label(draw: Random, number: int, owners: list[str]) -> dict[str, Any]:
    """Return a label, one in twenty of which is incomplete."""
    made: dict[str, Any] = {
        "id": number,
        "owner": draw.choice(owners),
        "record_class": draw.choice([*["nominal"] * 6, "case", "gossip"]),
        "marking": draw.choice([*["OFFICIAL"] * 6, "OFFICIAL-SENSITIVE", "SECRET"]),
        "handling": draw.choice("PPPC"),
        "conditions": some(draw, ["A1", "A2", "A3", "S1", "S2", "S9"], 1),
        "categories": some(draw, ["suspect", "convicted", "victim", "witness", "other"], 2),
        "sensitive": draw.random() < 0.2,
        "restricted": draw.random() < 0.2,
        "sealed": draw.random() < 0.2,
    }
    if draw.random() < 0.3:  # a question about a single record
        made |= {name: draw.random() < 0.5 for name in ("listed", "named", "emergency")}
    if draw.random() < 0.05:
        del made[draw.choice(sorted(set(made) - {"id"}))]
    return made


def agreement(draw: Random, document: dict[str, Any]) -> dict[str, Any]:
    """Return an agreement as it is, or with a few of its fields changed or missing."""
    changes: dict[str, Any] = {
        "status": draw.choice(["draft", "suspended", "terminated", "in_force"]),
        "valid_to": draw.choice(["2026-11-23", "2026-11-24"]),
        "review_due": draw.choice(["2026-11-23", "2026-11-24"]),
        "marking_ceiling": "OFFICIAL",
        "handling_ceiling": "P",
        "restricted_level": "none",
        "sensitive_processing": True,
        "onward_sharing": True,
        "subject_categories": ["suspect"],
        "signatories": document["signatories"][1:],
        "purposes": {"investigation": {"level": draw.choice(["none", "all"]), "groups": ["all"]}},
    }
    chosen = some(draw, sorted(changes), 2) if draw.random() < 0.5 else []
    changed = {**document, **{name: changes[name] for name in chosen}}
    if draw.random() < 0.1:
        del changed[draw.choice(sorted(set(changed) - {"id", "reference"}))]
    return changed


def ordinary(draw: Random, labels: int, agreements: int) -> dict[str, Any]:
    """Return a question such as the platform asks, about labels and agreements now and then odd."""
    documents = draw.sample(DOCUMENTS, agreements)
    parties = [party["tenant"] for document in documents for party in document["parties"]]
    purposes = [purpose for document in documents for purpose in document["purposes"]]
    if draw.random() < 0.3 or not purposes:
        purposes = [*Purpose, "curiosity"]
    forces = sorted({*parties}) if draw.random() < 0.8 and parties else list(FORCE_SLUGS)
    return {
        "requester": {
            "tenant": draw.choice(forces),
            "kind": draw.choice(["force"] * 9 + ["oversight"]),
            "roles": draw.choice(
                [["officer"], ["officer"], ["officer"], some(draw, list(Role), 3)]
            ),
            "clearance": draw.choice([*["OFFICIAL-SENSITIVE"] * 8, "OFFICIAL", "SECRET"]),
        },
        "active": list(forces) if draw.random() < 0.9 else draw.sample(forces, len(forces) // 2),
        "purpose": draw.choice(purposes),
        "purposes": list(Purpose),
        "today": draw.choice(["2026-03-31", *["2026-11-24"] * 6, "2031-04-01"]),
        "agreements": [agreement(draw, one) for one in documents],
        "labels": [label(draw, number, forces) for number in range(labels)],
    }


def tangled(draw: Random) -> dict[str, Any]:
    """Return a question whose agreements differ in little: which is used is a close call."""
    asked = ordinary(draw, 3, 0)
    owner, requester = draw.choice(["kent", "É", "😀", 1]), draw.choice(["kent", "essex"])
    purpose = draw.choice(["investigation", "custody", "é", 1])
    asked["requester"] = {
        "tenant": requester,
        "kind": "force",
        "roles": ["officer"],
        "clearance": "OFFICIAL-SENSITIVE",
    }
    asked["active"] = [owner, requester] if draw.random() < 0.9 else [requester]
    asked |= {"purpose": purpose, "purposes": ["investigation", "custody", "é", 1]}
    asked["today"] = "2026-11-24" if draw.random() < 0.8 else draw.choice(DAYS)
    for _ in range(draw.randint(1, 4)):
        groups = draw.sample(["addresses", "contacts", "markers", "é", 1], draw.randint(0, 4))
        close = {
            **copy.deepcopy(draw.choice(DOCUMENTS)),
            "id": draw.choice(TEXTS),
            "reference": draw.choice(TEXTS),
            "status": "in_force",
            "parties": [
                {"tenant": owner, "role": "owner"},
                {"tenant": requester, "role": "recipient"},
            ],
            "purposes": {
                str(purpose): {"level": draw.choice(["full", "summary"]), "groups": groups}
            },
            "subject_categories": draw.choice([["suspect", "other", "é"], {"a": "suspect"}]),
        }
        if draw.random() < 0.3:
            close[draw.choice(["valid_to", "review_due", "dpia_expires"])] = draw.choice(DAYS)
        signed_on = draw.choice(["2026-03-16", "2026-03-16", "2026-03-16", *DAYS])
        close["signatories"] = [
            {"tenant": tenant, "signed_on": signed_on} for tenant in (owner, requester)
        ]
        asked["agreements"].append(close)
    for one in asked["labels"]:
        one |= {"owner": draw.choice([owner, owner, requester]), "record_class": "nominal"}
        one |= {"marking": "OFFICIAL", "categories": draw.choice([[], ["suspect"], ["é"]])}
        if draw.random() < 0.1:
            one["id"] = draw.choice([0, 1, 1.0, 2**53 + 1, 2**63, "1"])
    return asked


def odd(draw: Random) -> dict[str, Any]:
    """Return an ordinary question with odd values in one to three places."""
    asked = ordinary(draw, 3, 3)
    for _ in range(draw.randint(1, 3)):
        part = draw.choice(sorted(asked))
        asked[part] = _changed(draw, asked[part])
    return asked


def _changed(draw: Random, value: Any) -> Any:
    """Return a value with something in it replaced, added or left out."""
    if not value or not isinstance(value, dict | list) or draw.random() < 0.15:
        return draw.choice(ODD)
    changed = value.copy()
    place = draw.choice(sorted(value)) if isinstance(value, dict) else draw.randrange(len(value))
    if draw.random() < 0.1:
        del changed[place]
    elif draw.random() < 0.1:
        if isinstance(changed, dict):
            changed[draw.choice(["é", "zz", "", "a\0"])] = draw.choice(ODD)
        else:
            changed.insert(place, draw.choice(ODD))
    else:
        changed[place] = _changed(draw, value[place])
    return changed
