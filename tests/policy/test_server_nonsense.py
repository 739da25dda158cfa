"""Whatever answers where an OPA server should: nothing but a whole, valid answer is believed."""

from __future__ import annotations

import json

import pytest

from athena.policies.decisions.point import Fault
from athena.policies.decisions.server import MAX_ANSWER_BYTES
from support.opa import answering, http
from support.points import NOTHING, QUESTION, fault, said, server_point

NONSENSE: dict[str, tuple[bytes, Fault]] = {
    "nothing": (b"", Fault.UNREACHABLE),
    "not-http": (b"\0\1\2 good morning\r\n\r\n", Fault.ENGINE),
    "cut-off": (http(said([NOTHING]))[:-5], Fault.UNREACHABLE),
    "a-page": (http(b"<p>Hello</p>", "200 OK", "Content-Type: text/html"), Fault.MALFORMED),
    "not-json": (http(b'{"result": [', "200 OK"), Fault.MALFORMED),
    "not-utf-8": (http(b'{"result": "\xff"}'), Fault.MALFORMED),
    "not-gzip": (http(b"{}", "200 OK", "Content-Encoding: gzip"), Fault.UNREACHABLE),
    "endless": (
        http(b"")[:-2].replace(b"Content-Length: 0\r\n", b"")
        + b"\r\n["
        + b" " * (MAX_ANSWER_BYTES + 1),
        Fault.MALFORMED,
    ),
    "deep": (http(b"[" * 200_000), Fault.MALFORMED),
    "long-number": (http(b"9" * 5_000), Fault.MALFORMED),
    "null": (http(b"null"), Fault.MALFORMED),
    "list": (http(b"[]"), Fault.MALFORMED),
    "text": (http(b'"result"'), Fault.MALFORMED),
    "no-provenance": (http(json.dumps({"result": [NOTHING]}).encode()), Fault.MALFORMED),
    "odd-provenance": (http(b'{"result": [], "provenance": {"bundles": 1}}'), Fault.MALFORMED),
    "odd-id": (http(said([NOTHING])[:-1] + b', "decision_id": 7}'), Fault.MALFORMED),
    "no-bundle": (http(b'{"result": [], "provenance": {}}'), Fault.REVISION),
    "undefined": (http(said([])[:-1].replace(b'"result": [], ', b"") + b"}"), Fault.UNDEFINED),
    "result-null": (http(said(None)), Fault.MALFORMED),
    "result-object": (http(said({})), Fault.MALFORMED),
    "result-true": (http(said(True)), Fault.MALFORMED),
    "no-decision": (http(said([])), Fault.MALFORMED),
    "twice": (http(said([NOTHING, NOTHING])), Fault.MALFORMED),
    "other-label": (http(said([{**NOTHING, "label": 2}])), Fault.MALFORMED),
    "label-true": (http(said([{**NOTHING, "label": True}])), Fault.MALFORMED),
    "everything": (http(said([{**NOTHING, "level": "everything"}])), Fault.MALFORMED),
    "unknown-reason": (http(said([{**NOTHING, "reasons": ["because"]}])), Fault.MALFORMED),
    "extra-field": (http(said([{**NOTHING, "extra": 1}])), Fault.MALFORMED),
    "for-ever": (http(said([{**NOTHING, "expires_in": 10**6}])), Fault.MALFORMED),
    "not-a-number": (http(said([{**NOTHING, "expires_in": float("nan")}])), Fault.MALFORMED),
    "refused": (http(b"{}", "401 Unauthorized"), Fault.ENGINE),
    "failed": (http(b"{}", "500 Internal Server Error"), Fault.ENGINE),
    "round-and-round": (http(b"", "307 Temporary Redirect", "Location: /"), Fault.ENGINE),
    "busy": (http(b"", "503 Service Unavailable"), Fault.UNREACHABLE),
}


@pytest.mark.parametrize("case", NONSENSE)
async def test_nonsense_is_no_decision(case: str) -> None:
    answer, expected = NONSENSE[case]
    async with answering(answer) as (port, _), server_point(port, "expected") as point:
        assert await fault(point) is expected


async def test_the_nonsense_is_what_is_wrong_with_it() -> None:
    async with (
        answering(http(said([NOTHING]))) as (port, _),
        server_point(port, "expected") as point,
    ):
        assert (await point.decide(QUESTION)).document.decisions[0].label == 1
