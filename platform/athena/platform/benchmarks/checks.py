"""What a partner's person check costs beside the same search by an officer, over the same HTTP.

Each question is asked twice, in turns: as a signed person check, and as a search through the
officers' API. Calls are signed before the clock starts, and both sides go over a connection that is
kept open, so what is compared is what the platform does. Server, asker and store share the machine.
At last the partner asks of the same people in a batch, each once.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.platform.benchmarks.check_batch import time_batch
from athena.platform.benchmarks.http import Line
from athena.platform.benchmarks.scale.measure import served
from athena.platform.benchmarks.scale.timings import machine, percentiles
from athena.platform.kernel.identity import Purpose
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store, data_dir
from athena.platform.kernel.tokens import TokenIssuer
from athena.platform.runtime import Runtime, running
from athena.policies.agreements.document import Agreement
from athena.policies.agreements.founding import baseline, found
from athena.policies.agreements.signing import public_pem, raw_public_key
from athena.records.synthetic.people import SyntheticNominal, generate
from athena.records.synthetic.service import load
from athena.sharing.ppss.signatures.models import Message
from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from athena.sharing.ppss.signatures.verifying import examine, verify
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username

GOAL = 1.3
"""The most that the p95 of person checks may be, as a ratio of the same searches by an officer."""

FORCE, OFFICER, ADMINISTRATOR = "essex", "officer.essex", "amo.admin"
PARTNER, REFERENCE = "x-bench", "ATH-ISA-9901"
CHECKS, SEARCH = "/ppss/v1/person-checks", "/api/v1/nominals/search"
CLIENTS = 8
WARM_UP = 10
DECISIONS = 30
QUERY_SEED = 61_017
REASON = "A benchmark on made-up data"
_STOPPED = 403

Fields = dict[str, Any]
Call = tuple[str, Mapping[str, str], bytes]
"""The path, the headers and the body of a call."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom both sides ask about."""

    given: str
    surname: str
    born: str

    def as_check(self) -> Fields:
        """Return the body of a person check."""
        person = {
            "family_name": self.surname,
            "given_names": self.given,
            "date_of_birth": self.born,
        }
        return {
            "person": person,
            "purpose": Purpose.SAFEGUARDING.value,
            "reason": REASON,
            "case_reference": "BENCH-1",
        }

    def as_search(self) -> Fields:
        """Return the body of a search."""
        return {
            "given_name": self.given,
            "surname": self.surname,
            "date_of_birth": self.born,
            "purpose": Purpose.SAFEGUARDING.value,
            "reason": REASON,
        }


async def measure(
    store: Store,
    settings: Settings,
    nominals: int,
    checks: int,
    seed: int,
    tell: Callable[[str], None],
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Fill an empty scratch store, ask it as a partner and as an officer; return the report."""
    report: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "nominals": nominals,
        "checks": checks,
        "seed": seed,
        "goal": GOAL,
    }
    made = list(generate(nominals, seed, FORCE_SLUGS))
    async with running(store, settings) as runtime:
        await load(runtime.database, runtime.gate, made, f"bench checks seed {seed}", progress)
        await runtime.searcher.names.refresh()
        officer, administrator = [
            (await subject_by_username(runtime.database, name)).member_id
            for name in (OFFICER, ADMINISTRATOR)
        ]
        tokens = TokenIssuer.open(settings, data_dir(settings))
        key = Ed25519PrivateKey.generate()
        people = _people(made, checks)
        report["decision_ms"] = await _time_decisions(runtime)
    async with served(store, settings) as port, AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(Line.open(port)) for _ in range(CLIENTS)]
        sides = _Sides(
            f"http://127.0.0.1:{port}",
            Asker(key, "bench", "social worker", REFERENCE),
            tokens.issue(officer, 3600),
            tokens.issue(administrator, 3600),
        )
        await sides.onboard(lines[0], store)
        report["signature_ms"] = sides.time_signatures(people[:200])
        tell(f"Asking {checks:,} times as a partner, and the same as {OFFICER}, in turns")
        report |= await sides.in_turns(lines[0], people)
        tell(f"Asking as {CLIENTS} clients at once")
        report["at_once"] = {
            "clients": CLIENTS,
            "checks_per_second": await sides.at_once(lines, people, sides.check),
            "searches_per_second": await sides.at_once(lines, people, sides.search),
        }
    once = list(dict.fromkeys(people))
    tell(f"Asking of {len(once):,} people in a batch")
    report["batch"] = await time_batch(
        store, settings, sides.asker, PARTNER, ADMINISTRATOR, [each.as_check() for each in once]
    )
    report["machine"]["load_after"] = round(os.getloadavg()[0], 2)
    return report


def _agreement() -> Agreement:
    """Return an agreement by which one force shares with the partner of the measurement."""
    document: dict[str, Any] = baseline()[0].model_dump(mode="json")
    parties = [{"tenant": FORCE, "role": "owner"}, {"tenant": PARTNER, "role": "partner"}]
    signed_on = document["signatories"][0]["signed_on"]
    document |= {
        "id": str(uuid4()),
        "reference": REFERENCE,
        "title": "A benchmark's agreement with a partner",
        "parties": parties,
        "purposes": {Purpose.SAFEGUARDING.value: {"level": "summary"}},
        "marking_ceiling": "OFFICIAL",
        "handling_ceiling": "P",
        "sensitive_processing": False,
        "rate_limit_per_hour": 100_000,
        "signatories": [
            {"tenant": party["tenant"], "office": "Chief officer", "signed_on": signed_on}
            for party in parties
        ],
    }
    return Agreement.model_validate(document)


def _people(made: Sequence[SyntheticNominal], count: int) -> list[Person]:
    """Return whom to ask about: people of the force, each with a name and a whole date."""
    people = []
    for one in made:
        name, born = one.draft.names[0], one.draft.date_of_birth
        if (
            one.force == FORCE
            and name.given_names
            and name.surname
            and born is not None
            and born.day
        ):
            people.append(Person(name.given_names.split()[0], name.surname, str(born)))
    draw = random.Random(QUERY_SEED)  # noqa: S311 - reproducible, not secret
    return [draw.choice(people) for _ in range(count)]


async def _time_decisions(runtime: Runtime) -> dict[str, float]:
    """Time a decision made anew; both sides remember theirs, so calls seldom wait for one."""
    subject = await subject_by_username(runtime.database, OFFICER)
    milliseconds = []
    for _ in range(DECISIONS):
        runtime.gate.forget()
        begun = time.perf_counter()
        await runtime.gate.visibility(subject, Purpose.SAFEGUARDING)
        milliseconds.append((time.perf_counter() - begun) * 1000)
    return percentiles(milliseconds)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Both ways of asking, and what prepares them."""

    base: str
    asker: Asker
    officer: str
    administrator: str

    async def onboard(self, line: Line, store: Store) -> None:
        """Create the partner, its key and its agreement, as the client body does."""
        contact = {"unit": "Desk", "email": "desk@bench.example", "telephone": "01234 567890"}
        tenant = {f"contact_{name}": value for name, value in contact.items()}
        tenant |= {"kind": "partner", "slug": PARTNER, "name": "Benchmark", "reason": REASON}
        await self._administer(line, "POST", "tenants", tenant)
        database = store.database()
        try:
            async with database.write("athena_amo") as session:
                await found(session, [_agreement()])
        finally:
            await database.close()
        steps: Sequence[tuple[str, Fields]] = (
            (
                "partners",
                {
                    "partner": PARTNER,
                    "opens": "00:00",
                    "closes": "23:59:59",
                    "contacts": [{"kind": "operations", **contact}],
                },
            ),
            (f"partners/{PARTNER}/keys", {"public_key": public_pem(self.asker.key).decode()}),
            (
                f"partners/{PARTNER}/agreements",
                {"agreement": REFERENCE, "daily_cap": 1_000_000},
            ),
        )
        for path, fields in steps:
            await self._administer(line, "POST", path, {**fields, "reason": REASON})

    async def _administer(
        self, line: Line, method: str, path: str, fields: Fields | None, *also: int
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.administrator}", "Athena-Reason": REASON}
        body = b"" if fields is None else json.dumps(fields).encode()
        status, answer = await line.ask(method, f"/api/v1/{path}", headers, body)
        if status not in (200, 201, *also):
            raise RuntimeError(f"{path} was answered with {status}: {answer.decode()}")
        return json.loads(answer)

    def check(self, person: Person) -> Call:
        """Return a signed person check."""
        body = json.dumps(person.as_check()).encode()
        url = self.base + CHECKS
        return (
            CHECKS,
            signed_headers(self.asker, "POST", url, body, idempotency_key=uuid4().hex),
            body,
        )

    def search(self, person: Person) -> Call:
        """Return a search by the officer."""
        headers = {"Authorization": f"Bearer {self.officer}", "Content-Type": "application/json"}
        return SEARCH, headers, json.dumps(person.as_search()).encode()

    def time_signatures(self, people: Sequence[Person]) -> dict[str, float]:
        """Time what checks a signature once the key is known, without the store."""
        public, milliseconds = raw_public_key(self.asker.key.public_key()), []
        for person in people:
            path, headers, body = self.check(person)
            fields = [(name.lower(), value) for name, value in headers.items()]
            message = Message("POST", self.base + path, fields, body)
            begun = time.perf_counter()
            verify(message, examine(message, datetime.now(UTC)), public)
            milliseconds.append((time.perf_counter() - begun) * 1000)
        return percentiles(milliseconds)

    async def in_turns(self, line: Line, people: Sequence[Person]) -> dict[str, Any]:
        """Ask each question both ways, who comes first in turns, and compare what they took."""
        taken: dict[str, list[float]] = {"check": [], "search": []}
        for number, person in enumerate([*people[:WARM_UP], *people]):
            both = {"check": self.check, "search": self.search}
            for name in sorted(both, reverse=bool(number % 2)):
                took = await self._timed(line, both[name], person)
                if number >= WARM_UP:
                    taken[name].append(took)
        checks, searches = percentiles(taken["check"]), percentiles(taken["search"])
        pairs = [one / other for one, other in zip(taken["check"], taken["search"], strict=True)]
        return {
            "check_ms": checks,
            "search_ms": searches,
            "ratio_p95": round(checks["p95"] / searches["p95"], 3),
            "ratio_p50": round(checks["p50"] / searches["p50"], 3),
            "ratio_of_pairs_median": round(statistics.median(pairs), 3),
        }

    async def at_once(
        self,
        lines: Sequence[Line],
        people: Sequence[Person],
        call: Callable[[Person], Call],
    ) -> float:
        """Return how many calls a second several clients are answered."""
        waiting = iter([(person, call(person)) for person in people])

        async def client(line: Line) -> None:
            for person, made in waiting:
                await self._timed(line, call, person, made)

        begun = time.perf_counter()
        await asyncio.gather(*(client(line) for line in lines))
        return round(len(people) / (time.perf_counter() - begun), 1)

    async def _timed(
        self,
        line: Line,
        call: Callable[[Person], Call],
        person: Person,
        made: Call | None = None,
    ) -> float:
        """Return the milliseconds until an answer; where a pattern stopped calls, ask again."""
        while True:
            path, headers, body = made or call(person)
            made = None
            begun = time.perf_counter()
            status, answer = await line.ask("POST", path, headers, body)
            took = (time.perf_counter() - begun) * 1000
            if status == 200:
                return took
            if status != _STOPPED or b"under-review" not in answer:
                raise RuntimeError(f"{path} was answered with {status}: {answer.decode()}")
            await self._lift(line)

    async def _lift(self, line: Line) -> None:
        """End the review that so many checks at an odd time, or of one person, bring about."""
        for review in await self._administer(line, "GET", "partners/reviews", None):
            if review["lifted_at"] is None:
                path = f"partners/reviews/{review['review_id']}/lift"
                # Another client may have lifted it in between.
                await self._administer(line, "POST", path, {"reason": REASON}, 404)
