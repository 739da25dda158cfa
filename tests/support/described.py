"""Calls drawn from what the interfaces describe of themselves, sent to the application and judged.

Schemathesis draws; its own ways of sending aren't used. They run the application in an event loop
of their own, where connections that the tests' loop opened don't work.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

Known = Mapping[str, Sequence[Any]]
"""What really exists, by the name of a parameter or of a field, or by `path name`."""

Send = Callable[[httpx.Request, str], Awaitable[httpx.Response]]
"""Sends a call as an account."""

HOST = "http://athena.test"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
LAST = ("offboard", "suspend", "withdraw", "leave", "revoke", "stop", "end", "terminate")
"""Steps that take away what other calls need come after them."""


@dataclass
class Findings:
    """What was sent and what was wrong with the answers."""

    statuses: Counter[int] = field(default_factory=Counter)
    succeeded: set[str] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)
    """Of each kind of defect one example."""

    @property
    def sent(self) -> int:
        """How many calls were answered."""
        return self.statuses.total()


class Prober:
    """Sends what an OpenAPI document describes, as several accounts, and judges the answers."""

    def __init__(
        self, document: dict[str, Any], prefix: str, accounts: Sequence[str], known: Known
    ) -> None:
        self._prefix = prefix
        self._accounts = accounts
        self._known = known
        schema = schemathesis.openapi.from_dict(document)
        found = [result.ok() for result in schema.get_all_operations()]
        self.operations = sorted(found, key=lambda one: one.path.endswith(LAST))

    def run(self, cases: int, first_seed: int, send: Send, loop: asyncio.AbstractEventLoop) -> Findings:
        """Send at least so many cases, some of every operation; call it outside the loop."""
        findings = Findings()
        each = cases // len(self.operations) + 1
        turn = first_seed
        while findings.sent < cases:
            for operation in self.operations:
                turn += 1
                self._probe(operation, each, turn, send, loop, findings)
        return findings

    def _probe(self, operation: Any, each: int, turn: int, send: Send, loop: asyncio.AbstractEventLoop, findings: Findings) -> None:
        drawn = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        if operation.body or operation.query or operation.path_parameters:
            wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
            drawn = st.one_of(drawn, drawn, drawn, wrong)

        @seed(turn)
        @settings(
            max_examples=each,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=drawn, account=st.sampled_from(self._accounts), choice=st.integers(0, 2**32))
        def probe(case: Case[Any], account: str, choice: int) -> None:
            if choice % 4:
                self._make_real(case, Random(choice))
            request = _request(case, HOST + self._prefix)
            answer = asyncio.run_coroutine_threadsafe(send(request, account), loop).result(120)
            findings.statuses[answer.status_code] += 1
            if answer.is_success:
                findings.succeeded.add(operation.label)
            if os.environ.get("DBG") and answer.status_code in (422,400):
                with open("/tmp/schema_dbg.txt","a") as f: print(operation.label, account, answer.text[:300], request.content[:200], file=f)
            for defect in _defects(case, answer):
                example = f"{account} {request.method} {request.url} {request.content[:2000]!r}"
                findings.wrong.setdefault(f"{operation.label}: {defect}", f"{example} {answer.text[:600]}")

        probe()

    def _make_real(self, case: Case[Any], random: Random) -> None:
        """Name what exists, where a case names anything: what exists not is soon refused."""

        def real(name: str, value: Any) -> Any:
            known = self._known.get(f"{case.path} {name}") or self._known.get(name)
            return random.choice(known) if known else value

        def walk(node: Any) -> Any:
            if isinstance(node, dict):
                return {
                    name: real(name, value) if not isinstance(value, dict | list) else walk(value)
                    for name, value in node.items()
                }
            return [walk(item) for item in node] if isinstance(node, list) else node

        for name in case.path_parameters:
            case.path_parameters[name] = real(name, case.path_parameters[name])
        for name in ("Athena-Purpose", "Athena-Reason"):
            if name in case.headers:
                case.headers[name] = real(name, case.headers[name])
        case.body = walk(case.body)


def _request(case: Case[Any], base: str) -> httpx.Request:
    prepared = requests.Request(**case.as_transport_kwargs(base_url=base)).prepare()
    body = prepared.body or b""
    headers = [
        (_octets(name), _octets(value))
        for name, value in prepared.headers.items()
        if name.lower() not in ("content-length", "user-agent")
    ]
    content = body.encode() if isinstance(body, str) else body
    assert prepared.method
    assert prepared.url
    return httpx.Request(prepared.method, prepared.url, headers=headers, content=content)


def _octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _defects(case: Case[Any], answer: httpx.Response) -> Iterator[str]:
    """Say what is wrong with an answer: a server's error, or what isn't described."""
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        for failure in group.exceptions:
            yield f"{answer.status_code}: {failure}"
