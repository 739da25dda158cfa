"""OPA's own evaluator and the module that OPA compiled give the same answers."""

from __future__ import annotations

import json
import random
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

from athena.platform.kernel.identity import Purpose, Role
from athena.policies.agreements.founding import baseline
from athena.policies.decisions.engine import WasmPolicy
from athena.tenants.consortium import FORCE_SLUGS

ROOT = Path(__file__).parents[2]
QUESTIONS = 400
LABELS = 40

pytestmark = pytest.mark.needs_opa


def some(draw: random.Random, values: list[str], most: int) -> list[str]:
    return draw.sample(values, draw.randint(0, most))


def label(draw: random.Random, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": number,
        "owner": draw.choice(FORCE_SLUGS),
        "record_class": draw.choice(["nominal", "nominal", "case", "gossip"]),
        "marking": draw.choice(["OFFICIAL", "OFFICIAL", "OFFICIAL-SENSITIVE", "SECRET"]),
        "handling": draw.choice("PPPC"),
        "conditions": some(draw, ["A1", "A2", "A3", "S1", "S2", "S9"], 1),
        "categories": some(draw, ["suspect", "convicted", "victim", "witness", "other"], 2),
        "sensitive": draw.random() < 0.2,
        "restricted": draw.random() < 0.2,
    }
    if draw.random() < 0.05:
        del made[draw.choice(sorted(set(made) - {"id"}))]
    return made


def agreement(draw: random.Random, document: dict[str, Any]) -> dict[str, Any]:
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


def corpus() -> list[dict[str, Any]]:
    """Return questions that are the same in every run."""
    draw = random.Random(20261124)
    documents = [document.model_dump(mode="json") for document in baseline()]
    return [
        {
            "requester": {
                "tenant": draw.choice(FORCE_SLUGS),
                "kind": draw.choice(["force"] * 9 + ["oversight"]),
                "roles": draw.choice([["officer"], ["officer"], some(draw, list(Role), 3)]),
                "clearance": draw.choice(["OFFICIAL-SENSITIVE"] * 8 + ["OFFICIAL", "SECRET"]),
            },
            "active": draw.sample(FORCE_SLUGS, draw.choice([8, 9, 9, 9, 9, 9])),
            "purpose": draw.choice([*Purpose, *Purpose, "curiosity"]),
            "purposes": list(Purpose),
            "today": draw.choice(["2026-03-31", "2026-11-24", "2026-11-24", "2031-04-01"]),
            "agreements": [agreement(draw, document) for document in documents],
            "labels": [label(draw, number) for number in range(LABELS)],
        }
        for _ in range(QUESTIONS)
    ]


def test_on_a_corpus(policy: WasmPolicy, tmp_path: Path) -> None:
    opa = runpy.run_path(str(ROOT / "policies" / "build_bundle.py"))["find_opa"]()
    assert opa is not None, "OPA is on PATH, but not the version that the bundle is built with"
    questions = corpus()
    (tmp_path / "corpus.json").write_text(json.dumps({"corpus": questions}))
    query = "[d | some q in data.corpus; d := data.athena.visibility.decisions with input as q]"
    command = [opa, "eval", "--format", "raw", "--fail"]
    command += ["--data", str(ROOT / "policies" / "rego"), "--data", str(tmp_path), query]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    native = json.loads(printed)
    assert len(native) == QUESTIONS
    for question, expected in zip(questions, native, strict=True):
        assert policy.evaluate(question).as_json()["decisions"] == expected
    shown = [decision["level"] for decisions in native for decision in decisions]
    assert min(shown.count(level) for level in ("none", "pointer", "summary", "full")) > 50
