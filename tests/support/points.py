"""A server as the decision point, one question to ask it, and a valid answer to that."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from athena.platform.kernel.settings import Settings
from athena.policies.decisions.address import ServerAddress
from athena.policies.decisions.breaker import CircuitBreaker
from athena.policies.decisions.point import Fault, NoDecisionError, Question
from athena.policies.decisions.server import ServerPoint

PATIENT = 60.0
"""A deadline that no healthy server misses, however busy the machine is."""

QUESTION = Question.of(
    {
        "requester": {
            "tenant": "kent",
            "kind": "force",
            "roles": ["officer"],
            "clearance": "OFFICIAL-SENSITIVE",
        },
        "active": ["essex", "kent"],
        "purpose": "investigation",
        "purposes": ["investigation"],
        "today": "2026-11-24",
        "agreements": [],
        "labels": [
            {
                "id": 1,
                "owner": "kent",
                "record_class": "nominal",
                "marking": "OFFICIAL",
                "handling": "P",
                "conditions": [],
                "categories": ["suspect"],
                "sensitive": False,
                "restricted": False,
                "sealed": False,
            }
        ],
    }
)


@asynccontextmanager
async def server_point(
    port: int,
    revision: str,
    deadline: float = PATIENT,
    scheme: str = "http",
    breaker: CircuitBreaker | None = None,
    **settings: Any,
) -> AsyncIterator[ServerPoint]:
    """Yield the decision point of a server on a port of this machine."""
    address = ServerAddress.of(Settings(opa_url=f"{scheme}://127.0.0.1:{port}", **settings))
    point = await ServerPoint.open(address, revision, None, deadline, breaker)
    try:
        yield point
    finally:
        await point.close()


async def fault(point: ServerPoint) -> Fault:
    """Ask the question, which must get no decision, and return why."""
    with pytest.raises(NoDecisionError) as denied:
        await point.decide(QUESTION)
    return denied.value.fault


NOTHING = {
    "label": 1,
    "level": "none",
    "groups": [],
    "agreement": "",
    "clause": "",
    "reasons": ["no_agreement"],
    "obligations": [],
    "withheld": [
        "addresses",
        "assessments",
        "contacts",
        "descriptions",
        "identifiers",
        "involvements",
        "markers",
    ],
    "expires_in": 300,
}


def said(result: object) -> bytes:
    """Return an answer of the expected bundle with some result."""
    return json.dumps(
        {"result": result, "provenance": {"bundles": {"it": {"revision": "expected"}}}}
    ).encode()
