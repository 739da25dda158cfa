"""The linker: takes what waits, finds candidates, scores them, and writes both sides of links.

Any number of processes may run one; they take turns. Everything about a batch is one transaction:
the log of the combination, the reading, the links, and the queue that is shorter by it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

import numpy as np
from asyncpg import PostgresError

from athena.platform.kernel.database import Database, WriteSession
from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.features import LINK_SUGGESTIONS, Features
from athena.platform.kernel.identity import TenantId
from athena.records.names.ranges import NO_RANGES
from athena.records.nominals.dates import PartialDate, Precision
from athena.sharing.comparing import repository
from athena.sharing.comparing.repository import LookUps
from athena.sharing.linking.models import Key
from athena.sharing.linking.outcomes import Conclusion, Outcome, Thresholds, conclude
from athena.sharing.linking.persons import Name, Person
from athena.sharing.linking.scoring import Scorer
from athena.sharing.search.names import LiveNames
from athena.sharing.search.plan import make_plan
from athena.sharing.search.query import PersonQuery, Reading

BATCH = 20
"""How many nominals one transaction compares: short, so that nobody waits behind it."""

GENTLE_BATCH = 10
REST = 2.0
"""How many times as long as a batch took the process then rests, where it serves people too."""

BACKSTOP_SECONDS = 15.0
LEAST, NARROW, WIDE = 40, 160, 60
"""How many ranges of the name index are looked into, at least and at most.

As many as fit well, and no more with the date of birth than the second, without than the third.
"""

logger = logging.getLogger("athena.linker")


class Linker:
    """Compares nominals with those that may be the same person."""

    def __init__(
        self, database: Database, names: LiveNames, scorer: Scorer, features: Features
    ) -> None:
        self._database = database
        self._names = names
        self._scorer = scorer
        self._features = features
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the queue now: a notice came."""
        self._woken.set()

    async def waiting(self) -> int:
        """Return how many changes wait."""
        async with self._database.read(repository.LINKER) as session:
            return await repository.count_waiting(session)

    async def queue_everything(self) -> int:
        """Put every nominal on the queue, as after new weights; return how many that were."""
        async with self._database.write(repository.LINKER) as session:
            return await repository.queue_everything(session)

    async def compare_due(self) -> int:
        """Compare everything that waits and return how many nominals that were."""
        count = 0
        while batch := await self.compare_batch():
            count += batch
        return count

    async def compare_batch(self, limit: int = BATCH) -> int:
        """Compare the nominals that wait longest and return how many they were."""
        async with self._database.write(repository.LINKER) as session:
            await repository.wait_for_turn(session)
            owners = await self._live(session)
            keys, thresholds = await repository.take(session, limit, owners)
            if not keys:
                return 0
            await repository.log_combination(session, keys, self._scorer.weights.label)
            people = await repository.persons(session, keys)
            compared: set[Key] = set()
            for key, person in people.items():
                found = await self._find(session, key, person, thresholds)
                compared |= found.keys()
                await repository.replace_links(session, key, found, self._scorer.weights.label)
            others = compared - set(keys)
            if others:
                await repository.log_combination(session, others, self._scorer.weights.label)
        return len(keys)

    async def _live(self, session: WriteSession) -> list[TenantId]:
        """Return the forces that have suggestions; what others changed waits until they do."""
        return [
            force
            for force in await repository.forces(session)
            if self._features.on(LINK_SUGGESTIONS, force)
        ]

    async def _compare_gently(self) -> None:
        """Compare everything that waits, with rests: the searches of this process come first."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while await self.compare_batch(GENTLE_BATCH):
            await asyncio.sleep(REST * (loop.time() - started))
            started = loop.time()

    async def run(self) -> None:
        """Compare whenever something waits, until cancelled; wait for a store that is away."""
        while True:
            self._woken.clear()
            try:
                await self._compare_gently()
            except (AthenaError, PostgresError, OSError) as error:
                logger.warning("comparing broke off (%s); trying again", type(error).__name__)
            try:
                async with asyncio.timeout(BACKSTOP_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _find(
        self, session: WriteSession, key: Key, person: Person, thresholds: Thresholds
    ) -> dict[Key, Conclusion]:
        """Return what each candidate comes to; a person's decision outranks the score."""
        near = await repository.candidates(session, key, person, self._look_ups(person))
        candidates = await repository.candidates_of(session, key, person, near)
        found = {}
        for other, (candidate, verdict) in candidates.items():
            score = self._scorer.score(person, candidate)
            conclusion = conclude(person, candidate, score, thresholds)
            if verdict is not None:
                outcome = Outcome.LINKED if verdict == "same" else Outcome.NOTHING
                conclusion = Conclusion(outcome, score)
            found[other] = conclusion
        return found

    def _look_ups(self, person: Person) -> LookUps:
        """Return where to look for a person under each name, what is likeliest of each first."""
        plans = [make_plan(_query(name, person.born), self._names.current) for name in person.names]
        if not plans:
            return LookUps(NO_RANGES, NO_RANGES, (), ())
        most = NARROW if person.born else WIDE
        ranges = [plan.narrow[: min(max(plan.good, LEAST), most)] for plan in plans]
        order = np.argsort(np.concatenate([np.arange(len(item)) for item in ranges]), kind="stable")
        return LookUps(
            np.concatenate(ranges)[order],
            plans[0].days,
            {term for plan in plans for term in plan.surname_terms},
            {term for plan in plans for term in plan.given_terms},
        )


def _query(name: Name, born: str) -> PersonQuery:
    """Return the search that finds whoever may bear this name and date of birth."""
    given = tuple(word for word in (name.given, *name.middle.split()) if word)
    surname = (name.surname,) if name.surname else ()
    readings: Collection[Reading] = (Reading(surname, given), Reading(given, surname, "", 3.0))
    readings = tuple(reading for reading in readings if reading.surname or reading.given)
    day = _whole_date(born)
    years = (int(born[:4]), int(born[:4])) if born and day is None else None
    return PersonQuery(readings=tuple(readings), born=day, born_years=years)


def _whole_date(born: str) -> PartialDate | None:
    if len(born) != 8:
        return None
    day = PartialDate(int(born[:4]), int(born[4:6]), int(born[6:]))
    return day if day.precision is Precision.DAY else None
