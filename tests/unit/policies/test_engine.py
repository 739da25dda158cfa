"""The engine answers, or denies: whatever a module does or a question holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from athena.platform.kernel.errors import ConfigurationError, DecisionUnavailableError
from athena.platform.kernel.identity import FieldGroup, Level, Purpose
from athena.policies.decisions.engine import MEMORY_BYTES, WasmPolicy
from athena.policies.decisions.reasons import Reason


def question(*labels: Mapping[str, Any], tenant: str = "kent") -> dict[str, Any]:
    return {
        "requester": {
            "tenant": tenant,
            "kind": "force",
            "roles": ["officer"],
            "clearance": "OFFICIAL-SENSITIVE",
        },
        "active": ["essex", "kent"],
        "purpose": "investigation",
        "purposes": list(Purpose),
        "today": "2026-11-24",
        "agreements": [],
        "labels": list(labels),
    }


def label(label_id: object, owner: str = "kent") -> dict[str, Any]:
    return {
        "id": label_id,
        "owner": owner,
        "record_class": "nominal",
        "marking": "OFFICIAL",
        "handling": "P",
        "conditions": [],
        "categories": ["suspect"],
        "sensitive": False,
        "restricted": False,
        "sealed": False,
    }


def module(evaluation: str, answer: object = None) -> bytes:
    """Return a module of OPA's ABI with the given evaluation; its answer lies at 1024."""
    text = json.dumps(answer).replace("\\", "\\\\").replace('"', '\\"')
    return bytes(
        wasmtime.wat2wasm(f"""
        (module
          (import "env" "memory" (memory 2))
          (import "env" "opa_abort" (func $abort (param i32)))
          (import "env" "opa_builtin0" (func $builtin (param i32 i32) (result i32)))
          (data (i32.const 1024) "{text}\\00")
          (func (export "opa_malloc") (param i32) (result i32) i32.const 65536)
          (func (export "opa_json_parse") (param i32 i32) (result i32) i32.const 0)
          (func (export "opa_heap_ptr_get") (result i32) i32.const 0)
          (func (export "opa_eval") (param i32 i32 i32 i32 i32 i32 i32) (result i32)
            {evaluation}))
        """)
    )


ANSWER = "i32.const 1024"

NOTHING = {
    "label": 1,
    "level": "none",
    "groups": [],
    "agreement": "",
    "clause": "",
    "reasons": ["no_agreement"],
    "obligations": [],
    "withheld": sorted(FieldGroup),
    "expires_in": 300,
}


@pytest.fixture(scope="module")
def policy() -> WasmPolicy:
    return WasmPolicy.load()


class TestBundledPolicy:
    def test_decides_every_label_in_order(self, policy: WasmPolicy) -> None:
        asked = [label(9), label(3, "essex"), label(12)]
        decisions = policy.evaluate(question(*asked)).decisions
        assert [(decision.label, decision.level) for decision in decisions] == [
            (9, Level.FULL),
            (3, Level.NONE),
            (12, Level.FULL),
        ]
        assert decisions[1].reasons == (Reason.NO_AGREEMENT,)

    def test_no_labels_is_an_answer_about_none(self, policy: WasmPolicy) -> None:
        assert policy.evaluate(question()).decisions == ()

    def test_many_threads_get_each_their_own_answer(self, policy: WasmPolicy) -> None:
        def owner_shown(number: int) -> list[bool]:
            tenant = "kent" if number % 2 else "essex"
            asked = question(label(1, "kent"), label(2, "essex"), tenant=tenant)
            return [decision.level is Level.FULL for decision in policy.evaluate(asked).decisions]

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(owner_shown, range(200)))
        assert answers == [[bool(number % 2), not number % 2] for number in range(200)]

    @pytest.mark.parametrize(
        "broken",
        [
            {},
            {"labels": None},
            {"labels": [{}]},
            question(label(float("nan"))),
            question(label("17")),
            question(label(True)),
            question(label(1.5)),
            question(label({1, 2})),
        ],
        ids=["empty", "no-labels", "no-id", "nan", "text", "truth", "fraction", "not-json"],
    )
    def test_a_malformed_question_is_no_decision(
        self, policy: WasmPolicy, broken: dict[str, Any]
    ) -> None:
        with pytest.raises(DecisionUnavailableError):
            policy.evaluate(broken)

    def test_a_question_larger_than_its_memory_is_no_decision(self, policy: WasmPolicy) -> None:
        with pytest.raises(DecisionUnavailableError):
            policy.evaluate({**question(), "padding": "x" * MEMORY_BYTES})

    def test_one_bad_question_leaves_the_next_alone(self, policy: WasmPolicy) -> None:
        with pytest.raises(DecisionUnavailableError):
            policy.evaluate(question(label("17")))
        assert policy.evaluate(question(label(17))).decisions[0].level is Level.FULL


class TestHostileModule:
    def test_a_valid_answer_is_believed(self) -> None:
        policy = WasmPolicy(module(ANSWER, [{"result": [NOTHING]}]), "test")
        assert policy.evaluate(question(label(1))).decisions[0].level is Level.NONE

    @pytest.mark.parametrize(
        "answer",
        [
            [],
            {},
            None,
            [{}],
            [{"result": None}],
            [{"result": [NOTHING]}, {"result": [NOTHING]}],
            [{"result": []}],
            [{"result": [NOTHING, NOTHING]}],
            [{"result": [{**NOTHING, "label": 2}]}],
            [{"result": [{**NOTHING, "level": "everything"}]}],
            [{"result": [{**NOTHING, "reasons": ["because"]}]}],
            [{"result": [{**NOTHING, "extra": 1}]}],
        ],
    )
    def test_anything_but_one_decision_for_each_label_is_refused(self, answer: object) -> None:
        policy = WasmPolicy(module(ANSWER, answer), "test")
        with pytest.raises(DecisionUnavailableError):
            policy.evaluate(question(label(1)))

    @pytest.mark.parametrize(
        "evaluation",
        [
            "(loop $again br $again) unreachable",
            "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))"
            " unreachable",
            "(call $abort (i32.const 0)) i32.const 1024",
            "(drop (call $builtin (i32.const 0) (i32.const 0))) i32.const 1024",
            "unreachable",
            "i32.const -1",
            "i32.const 2147483647",
        ],
        ids=["endless", "greedy", "aborts", "calls-out", "traps", "below-memory", "beyond-memory"],
    )
    def test_misbehaviour_is_no_decision(self, evaluation: str) -> None:
        policy = WasmPolicy(module(evaluation, [{"result": [NOTHING]}]), "test", 0.25)
        with pytest.raises(DecisionUnavailableError):
            policy.evaluate(question(label(1)))

    def test_memory_is_bounded(self) -> None:
        grown = MEMORY_BYTES // 65_536
        evaluation = f"""
            (if (i32.ne (memory.grow (i32.const {grown})) (i32.const -1)) (then unreachable))
            i32.const 1024
        """
        policy = WasmPolicy(module(evaluation, [{"result": [NOTHING]}]), "test")
        assert policy.evaluate(question(label(1))).decisions[0].level is Level.NONE


class TestLoading:
    @pytest.fixture
    def bundle(self, tmp_path: Path) -> Path:
        with as_file(files("athena.policies.decisions") / "bundle") as packaged:
            return Path(shutil.copytree(packaged, tmp_path / "bundle"))

    def test_a_copy_of_the_bundle_loads(self, bundle: Path, policy: WasmPolicy) -> None:
        assert WasmPolicy.load(bundle).revision == policy.revision

    @pytest.mark.parametrize("name", ["manifest.json", "policy.wasm"])
    def test_a_missing_file_says_how_to_mend_it(self, bundle: Path, name: str) -> None:
        (bundle / name).unlink()
        with pytest.raises(ConfigurationError, match="make policies"):
            WasmPolicy.load(bundle)

    @pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"module": "00", "revision": "00"}'])
    def test_a_manifest_of_another_module_is_refused(self, bundle: Path, manifest: str) -> None:
        (bundle / "manifest.json").write_text(manifest)
        with pytest.raises(ConfigurationError, match="make policies"):
            WasmPolicy.load(bundle)

    def test_an_altered_module_is_refused(self, bundle: Path) -> None:
        with (bundle / "policy.wasm").open("ab") as file:
            file.write(b"\0")
        with pytest.raises(ConfigurationError, match="make policies"):
            WasmPolicy.load(bundle)
