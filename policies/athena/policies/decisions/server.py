"""The decision point on the network: an OPA server, asked through opa-python-client.

The client is used for what it does well, one POST to the Data API. What it lacks stands here: a
certificate authority, one deadline over all attempts, retries that include 503, a bound on the
answer, a circuit breaker, and the validation of the answer. docs/adr/0006 tells each.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

import aiohttp
from opa_client import AsyncOpaClient
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from athena.policies.decisions.address import ServerAddress
from athena.policies.decisions.breaker import CircuitBreaker
from athena.policies.decisions.documents import LabelDecision
from athena.policies.decisions.point import (
    NO_LABELS,
    Decision,
    Fault,
    NoDecisionError,
    Question,
    answer_to,
    lasting,
)

DEADLINE_SECONDS = 2.0
"""The longest that one decision may take, with every attempt at it."""

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""The longest answer that is read; 2,000 labels take about 1 MB."""

_PACKAGE = "athena.visibility"
_RULE = "decisions"
_PAUSES = (0.05, 0.2)  # between attempts: long enough for a proxy to find another server
_PASSING = frozenset({502, 503, 504})
_TELLING = {"provenance": True}  # which bundle answers, read in the same transaction


class _Bundle(BaseModel):
    revision: str


class _Provenance(BaseModel):
    bundles: dict[str, _Bundle] = {}


class _Origin(BaseModel):
    """Where an answer comes from."""

    model_config = ConfigDict(strict=True)

    provenance: _Provenance
    decision_id: str | None = Field(default=None, max_length=200)


_LABELS = TypeAdapter(tuple[LabelDecision, ...])


class ServerPoint:
    """Decides with an OPA server that holds the platform's own bundle and nothing else."""

    engine = "server"

    def __init__(
        self,
        client: AsyncOpaClient,
        revision: str,
        deadline_seconds: float,
        breaker: CircuitBreaker,
    ) -> None:
        """Use an opened client (see `open`); answers of another revision aren't believed."""
        self.revision = revision
        self._client = client
        self._deadline = deadline_seconds
        self._breaker = breaker

    @classmethod
    async def open(
        cls,
        address: ServerAddress,
        revision: str,
        token: str | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        breaker: CircuitBreaker | None = None,
    ) -> Self:
        """Open a way to a server, without asking it yet."""
        client = AsyncOpaClient(
            host=address.host, port=address.port, ssl=address.tls is not None, retries=0
        )
        # The client makes its session itself, with the system's authorities and 1.5 s for
        # everything. It is given one here; its own is only made by entering it as a context.
        client._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=address.tls or True),
            headers={"Authorization": f"Bearer {token}"} if token else None,
            response_class=_BoundedResponse,
            timeout=aiohttp.ClientTimeout(total=None),  # the deadline is one for all attempts
        )
        return cls(client, revision, deadline_seconds, breaker or CircuitBreaker())

    async def decide(self, question: Question) -> Decision:
        """Decide every label of a question, in its order; NoDecisionError for anything less."""
        answer = await self._ask(question)
        try:
            origin = _Origin.model_validate(answer)
        except ValueError:
            # Without provenance nobody knows which rules answered, if they were rules at all.
            raise NoDecisionError(Fault.MALFORMED) from None
        if [bundle.revision for bundle in origin.provenance.bundles.values()] != [self.revision]:
            raise NoDecisionError(Fault.REVISION)  # older, newer, none, or something beside it
        if "result" not in answer:
            raise NoDecisionError(Fault.UNDEFINED)
        try:
            # Through JSON, because strict validation takes an array for a tuple there only.
            decisions = _LABELS.validate_json(json.dumps(answer["result"]))
        except (ValueError, RecursionError):  # the message quotes the answer: nothing is kept
            raise NoDecisionError(Fault.MALFORMED) from None
        document = answer_to(question, decisions)
        return Decision(document, lasting(document), self.revision, self.engine, origin.decision_id)

    async def check(self) -> None:
        """Raise NoDecisionError unless the server decides by the expected bundle now."""
        await self.decide(NO_LABELS)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close_connection()

    async def _ask(self, question: Question) -> Any:
        """Return the body of the server's answer, whatever JSON it is."""
        self._breaker.admit()
        try:
            async with asyncio.timeout(self._deadline):
                answer = await self._attempt(question)
        except TimeoutError as error:
            self._breaker.failed()
            raise NoDecisionError(Fault.DEADLINE) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            self._breaker.failed()
            raise NoDecisionError(Fault.UNREACHABLE) from error
        except aiohttp.ClientResponseError as error:
            if error.status in _PASSING:
                self._breaker.failed()
                raise NoDecisionError(Fault.UNREACHABLE) from None  # it holds the headers
            self._breaker.succeeded()  # it is there, and refuses or fails
            raise NoDecisionError(Fault.ENGINE) from None
        except (aiohttp.ClientError, ValueError, RecursionError):
            self._breaker.succeeded()
            raise NoDecisionError(Fault.MALFORMED) from None
        self._breaker.succeeded()
        return answer

    async def _attempt(self, question: Question) -> Any:
        """Ask, and ask again where that can help: a decision changes nothing."""
        for pause in _PAUSES:
            try:
                return await self._query(question)
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                await asyncio.sleep(pause)
            except aiohttp.ClientResponseError as error:
                if error.status not in _PASSING:
                    raise
                await asyncio.sleep(pause)
        return await self._query(question)

    async def _query(self, question: Question) -> Any:
        return await self._client.query_rule(question.content, _PACKAGE, _RULE, _TELLING)


class _BoundedResponse(aiohttp.ClientResponse):
    """A response whose JSON is read up to a bound, whatever length it declares."""

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: Callable[[str], Any] = json.loads,
        content_type: str | None = "application/json",
    ) -> Any:
        """Return the JSON of the body; ValueError where it is too long or of another type."""
        if content_type is not None and self.content_type != content_type:
            raise ValueError("the answer isn't JSON")
        body = bytearray()
        async for part in self.content.iter_any():
            body += part
            if len(body) > MAX_ANSWER_BYTES:
                raise ValueError("the answer has no end")
        return loads(body.decode(encoding or "utf-8"))
