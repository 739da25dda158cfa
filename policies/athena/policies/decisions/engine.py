"""OPA's own compiler output, run by wasmtime: a small wrapper of the OPA WebAssembly ABI 1.2.

Every evaluation gets an instance of its own, so that nothing of one input can reach the next, and
is bounded in memory and time. Whatever isn't a complete, valid answer is an error, which denies.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import wasmtime
from pydantic import ValidationError

from athena.platform.kernel.errors import ConfigurationError, DecisionUnavailableError
from athena.policies.decisions.documents import VisibilityDocument

MEMORY_BYTES = 256 * 1024 * 1024
DEADLINE_SECONDS = 5.0
_TICK_SECONDS = 0.25
_PAGE = 65_536
_START_PAGES = 16


class WasmPolicy:
    """The compiled policy bundle; evaluations may run in several threads at once."""

    def __init__(self, module: bytes, revision: str) -> None:
        self.revision = revision
        config = wasmtime.Config()
        config.epoch_interruption = True
        self._engine = wasmtime.Engine(config)
        self._module = wasmtime.Module(self._engine, module)
        threading.Thread(target=self._tick, name="policy-deadline", daemon=True).start()

    @classmethod
    def load(cls) -> WasmPolicy:
        """Load the bundle that is part of the package, made by ``make policies``."""
        bundle = files("athena.policies.decisions") / "bundle"
        try:
            manifest = json.loads((bundle / "manifest.json").read_text())
            module = (bundle / "policy.wasm").read_bytes()
        except (OSError, ValueError):
            raise ConfigurationError(
                "The policy bundle is missing or broken; run `make policies` to build it."
            ) from None
        return cls(module, str(manifest["revision"]))

    def evaluate(self, decision_input: Mapping[str, Any]) -> VisibilityDocument:
        """Decide every label of the input; DecisionUnavailableError for anything but an answer."""
        asked = [label["id"] for label in decision_input["labels"]]
        try:
            results = json.loads(self._run(json.dumps(decision_input).encode()))
            document = VisibilityDocument(decisions=results[0]["result"])
        except (wasmtime.WasmtimeError, wasmtime.Trap, ValidationError) as error:
            raise _unavailable() from error
        except (ValueError, LookupError, TypeError) as error:
            raise _unavailable() from error
        if [decision.label for decision in document.decisions] != asked:
            raise _unavailable()
        return document

    def _run(self, text: bytes) -> bytes:
        """Evaluate the one entrypoint on a fresh instance and return its JSON text."""
        store = wasmtime.Store(self._engine)
        store.set_limits(memory_size=MEMORY_BYTES)
        store.set_epoch_deadline(int(DEADLINE_SECONDS / _TICK_SECONDS))
        memory = wasmtime.Memory(
            store, wasmtime.MemoryType(wasmtime.Limits(_START_PAGES, MEMORY_BYTES // _PAGE))
        )
        linker = wasmtime.Linker(self._engine)
        linker.define(store, "env", "memory", memory)
        self._refuse_imports(linker)
        exports = linker.instantiate(store, self._module).exports(store)

        def call(name: str, *arguments: int) -> int:
            function = exports[name]
            assert isinstance(function, wasmtime.Func)
            return int(function(store, *arguments) or 0)

        def allocate(content: bytes) -> int:
            address = call("opa_malloc", len(content))
            memory.write(store, content, address)
            return address

        data = call("opa_json_parse", allocate(b"{}"), 2)
        address = allocate(text)
        heap = call("opa_heap_ptr_get")
        result = call("opa_eval", 0, 0, data, address, len(text), heap, 0)
        end = memory.data_len(store)
        return bytes(memory.read(store, result, end)).split(b"\0", 1)[0]

    def _refuse_imports(self, linker: wasmtime.Linker) -> None:
        """Define the host functions of the ABI so that calling any of them ends the evaluation."""
        for needed in self._module.imports:
            if isinstance(needed.type, wasmtime.FuncType):
                linker.define_func(needed.module, needed.name or "", needed.type, _refuse_host_call)

    def _tick(self) -> None:
        pause = threading.Event()
        while not pause.wait(_TICK_SECONDS):
            self._engine.increment_epoch()


def _refuse_host_call(*_: int) -> int:
    """End an evaluation that aborts or asks for a function that OPA didn't compile."""
    raise wasmtime.WasmtimeError("the policy asked its host for a function")


def _unavailable() -> DecisionUnavailableError:
    return DecisionUnavailableError(
        "The policy gave no valid decision, so nothing is shown; the fault is logged."
    )
