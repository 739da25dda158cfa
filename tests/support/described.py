"""Calls drawn from what the interfaces describe of themselves, sent to the application and judged.

Schemathesis draws; its own ways of sending aren't used. They run the application in an event loop
of their own, where connections that the tests' loop opened don't work.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

Known = Mapping[str, Sequence[Any]]
"""What really exists, by the name of a parameter or of a field, or by `path name`."""

Send = Callable[[httpx.Request, str], Coroutine[Any, Any, httpx.Response]]
"""Sends a call as an account."""

HOST = "http://athena.test"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
WORDS = "Some words of a test"
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
        self,
        document: dict[str, Any],
        prefix: str,
        accounts: Sequence[str],
        known: Known,
        fits: Mapping[str, str],
    ) -> None:
        self._prefix = prefix
        self._accounts = accounts
        self._known = known
        self._fits = fits
        schema = schemathesis.openapi.from_dict(document)
        found: list[Any] = []
        for result in schema.get_all_operations():
            if isinstance(result, Err):
                raise result.err()
            found.append(result.ok())
        self.operations = sorted(found, key=lambda one: one.path.rpartition("/")[2] in LAST)

    def run(
        self, cases: int, first_seed: int, send: Send, loop: asyncio.AbstractEventLoop
    ) -> Findings:
        """Send at least so many calls, some of every operation; call it outside the loop."""
        findings = Findings()
        each = cases // len(self.operations) + 1
        turn = first_seed

        def answer(request: httpx.Request, account: str) -> httpx.Response:
            return asyncio.run_coroutine_threadsafe(send(request, account), loop).result(120)

        while findings.sent < cases:
            for operation in self.operations:
                turn += 1
                self._probe(operation, each, turn, answer, findings)
        return findings

    def _probe(
        self,
        operation: Any,
        each: int,
        turn: int,
        send: Callable[[httpx.Request, str], httpx.Response],
        findings: Findings,
    ) -> None:
        drawn = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        if operation.body or operation.query or operation.path_parameters:
            wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
            drawn = st.one_of(drawn, drawn, drawn, wrong)
        accounts = st.sampled_from([*self._accounts, *self._fitting(operation)])

        @seed(turn)
        @settings(
            max_examples=each,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=drawn, account=accounts, choice=st.integers(0, 2**32))
        def probe(case: Case[Any], account: str, choice: int) -> None:
            if choice % 4 != 3:
                self._make_real(case, Random(choice))
            request = _request(case, HOST + self._prefix)
            answer = send(request, account)
            findings.statuses[answer.status_code] += 1
            if answer.is_success:
                findings.succeeded.add(operation.label)
            for defect in _defects(case, answer):
                sent = f"{account} {request.method} {request.url} {request.content[:2000]!r}"
                findings.wrong.setdefault(
                    f"{operation.label}: {defect}", f"{sent} {answer.text[:600]}"
                )

        probe()

    def _fitting(self, operation: Any) -> list[str]:
        """Return who has most to do with an operation, so often as all accounts together."""
        most = [name for path, name in self._fits.items() if path in operation.path]
        return most[:1] * len(self._accounts)

    def _make_real(self, case: Case[Any], random: Random) -> None:
        """Name what exists, and write words where text is wanted.

        What names nothing, or breaks a rule of text that OpenAPI can't tell, is soon refused.
        """

        def real(name: str, value: Any) -> Any:
            known = self._known.get(f"{case.path} {name}") or self._known.get(name)
            if known:
                return random.choice(known)
            return WORDS if isinstance(value, str) and not _is_plain(value) else value

        def walk(node: Any) -> Any:
            if isinstance(node, dict):
                return {
                    name: walk(value) if isinstance(value, dict | list) else real(name, value)
                    for name, value in node.items()
                }
            return [walk(item) for item in node] if isinstance(node, list) else node

        for name, value in case.path_parameters.items():
            case.path_parameters[name] = real(name, value)
            if name.endswith("_id") and name not in self._known:
                case.path_parameters[name] = str(UUID(int=random.getrandbits(128), version=4))
        for parameter in case.operation.headers:
            if parameter.name.startswith("Athena-") and parameter.name in self._known:
                case.headers[parameter.name] = random.choice(self._known[parameter.name])
        case.body = walk(case.body)


def _is_plain(text: str) -> bool:
    return bool(text.strip()) and text.isascii() and text.isprintable()


def _request(case: Case[Any], base: str) -> httpx.Request:
    prepared = requests.Request(**case.as_transport_kwargs(base_url=base)).prepare()
    body = prepared.body or b""
    headers = [
        (_octets(name), _octets(value))
        for name, value in prepared.headers.items()
        if name.lower() not in ("content-length", "user-agent")
    ]
    content = body.encode() if isinstance(body, str) else body
    assert isinstance(content, bytes)
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
