"""OPA's own compiler output, run by wasmtime: a small wrapper of the OPA WebAssembly ABI 1.2.

Every evaluation gets an instance of its own, so that nothing of one input can reach the next, and
is bounded in memory and time. Whatever isn't a complete, valid answer is an error, which denies.
docs/adr/0003-rego-in-webassembly.md says why this is a wrapper of ours.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
import weakref
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import wasmtime
from pydantic import BaseModel, ConfigDict, TypeAdapter

from athena.platform.kernel.errors import ConfigurationError
from athena.policies.decisions.documents import LabelDecision, VisibilityDocument
from athena.policies.decisions.point import Fault, NoDecisionError, Question, answer_to

MEMORY_BYTES = 256 * 1024 * 1024
"""The most memory one evaluation may take; 400 labels under 30 agreements take 5 MiB."""

DEADLINE_SECONDS = 5.0
"""The longest that one evaluation may run, give or take a tick of the clock."""

_TICK_SECONDS = 0.25
_PAGE_BYTES = 65_536
_ADDRESSES = 0xFFFF_FFFF

# What the ABI lets a policy ask of its host. We compile only what OPA itself compiles to
# WebAssembly, so any such call, and any abort, ends the evaluation; this host runs no Python.
_HOST = """
(module
  (memory (export "memory") 16)
  (func (export "opa_abort") (param i32) unreachable)
  (func (export "opa_println") (param i32) unreachable)
  (func (export "opa_builtin0") (param i32 i32) (result i32) unreachable)
  (func (export "opa_builtin1") (param i32 i32 i32) (result i32) unreachable)
  (func (export "opa_builtin2") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "opa_builtin3") (param i32 i32 i32 i32 i32) (result i32) unreachable)
  (func (export "opa_builtin4") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable))
"""

_JSON_FORMAT = 0
_ENTRYPOINT = 0


class _Result(BaseModel):
    """The value of the entrypoint, as OPA wraps it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    result: tuple[LabelDecision, ...]


_RESULTS = TypeAdapter(tuple[_Result])
_UNDEFINED = b"[]"


class WasmPolicy:
    """The compiled policy bundle; evaluations may run in several threads at once."""

    def __init__(
        self, module: bytes, revision: str, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        """Compile a module; ``revision`` is the digest of the sources it was built from."""
        self.revision = revision
        config = wasmtime.Config()
        config.epoch_interruption = True
        self._engine = wasmtime.Engine(config)
        self._module = wasmtime.Module(self._engine, module)
        self._host = wasmtime.Module(self._engine, _HOST)
        self._deadline_ticks = math.ceil(deadline_seconds / _TICK_SECONDS)
        stop = threading.Event()
        weakref.finalize(self, stop.set)
        threading.Thread(
            target=_tick, args=(self._engine, stop), name="policy-deadline", daemon=True
        ).start()

    @classmethod
    def load(cls, bundle: Traversable | None = None) -> WasmPolicy:
        """Load a folder made by ``make policies``: the package's own unless told otherwise.

        The package's own is compiled once a process: it doesn't change, and evaluations share
        nothing. ConfigurationError when it is incomplete, broken, or its two files don't belong
        together.
        """
        return cls.of_folder(bundle) if bundle else _packaged()

    @classmethod
    def of_folder(cls, folder: Traversable) -> WasmPolicy:
        """Load and compile a folder; ConfigurationError as `load` has it."""
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            module = (folder / "policy.wasm").read_bytes()
            if hashlib.sha256(module).hexdigest() != manifest["module"]:
                raise ValueError("the module isn't the manifest's")
            return cls(module, str(manifest["revision"]))
        except (OSError, ValueError, LookupError, TypeError, wasmtime.WasmtimeError):
            raise ConfigurationError(
                "The policy bundle is missing or broken; run `make policies` to build it."
            ) from None

    def evaluate(self, decision_input: Mapping[str, Any]) -> VisibilityDocument:
        """Decide every label of the input; DecisionUnavailableError for anything but an answer."""
        return self.answer(Question.of(decision_input))

    def answer(self, question: Question) -> VisibilityDocument:
        """Decide every label of a question; NoDecisionError for anything but an answer."""
        try:
            text = self._run(question.text)
        except (wasmtime.WasmtimeError, wasmtime.Trap, ValueError) as error:
            raise NoDecisionError(Fault.ENGINE) from error
        if text == _UNDEFINED:
            raise NoDecisionError(Fault.UNDEFINED)
        try:
            (answer,) = _RESULTS.validate_json(text)
        except ValueError:  # its message quotes the answer, so nothing is kept of it
            raise NoDecisionError(Fault.MALFORMED) from None
        return answer_to(question, answer.result)

    def _run(self, text: bytes) -> bytes:
        """Evaluate the one entrypoint on a fresh instance and return its JSON text."""
        store = wasmtime.Store(self._engine)
        store.set_limits(memory_size=MEMORY_BYTES)
        store.set_epoch_deadline(self._deadline_ticks)
        linker = wasmtime.Linker(self._engine)
        host = wasmtime.Instance(store, self._host, [])
        linker.define_instance(store, "env", host)
        exports = linker.instantiate(store, self._module).exports(store)
        memory = host.exports(store)["memory"]
        assert isinstance(memory, wasmtime.Memory)

        def call(name: str, *arguments: int) -> int:
            function = exports[name]
            assert isinstance(function, wasmtime.Func)
            return int(function(store, *arguments)) & _ADDRESSES  # i32 comes back signed

        def allocate(content: bytes) -> int:
            address = call("opa_malloc", len(content))
            memory.write(store, content, address)
            return address

        data = call("opa_json_parse", allocate(b"{}"), 2)
        address = allocate(text)
        heap = call("opa_heap_ptr_get")
        result = call("opa_eval", 0, _ENTRYPOINT, data, address, len(text), heap, _JSON_FORMAT)
        return _text_at(memory, store, result)


@lru_cache(maxsize=1)
def _packaged() -> WasmPolicy:
    return WasmPolicy.of_folder(files("athena.policies.decisions") / "bundle")


def _text_at(memory: wasmtime.Memory, store: wasmtime.Store, address: int) -> bytes:
    """Return the NUL-terminated text at an address, a page at a time."""
    end = memory.data_len(store)
    pages: list[bytes] = []
    while address < end:
        page = bytes(memory.read(store, address, min(address + _PAGE_BYTES, end)))
        text, terminator, _ = page.partition(b"\0")
        pages.append(text)
        if terminator:
            return b"".join(pages)
        address += len(page)
    raise ValueError("the policy's answer has no end")


def _tick(engine: wasmtime.Engine, stop: threading.Event) -> None:
    """Move the engine's clock on, so that an evaluation past its deadline traps."""
    while not stop.wait(_TICK_SECONDS):
        engine.increment_epoch()
