"""The running platform: the store's pools and the services over them, for server and CLI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from athena.governance.accounts import Accounts
from athena.governance.flags.repository import CHANNEL as FEATURES_CHANNEL
from athena.governance.flags.switchboard import Switchboard
from athena.platform.kernel.database import Database
from athena.platform.kernel.desk import Desk
from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.features import Features
from athena.platform.kernel.notifications.dispatcher import OUTBOX_CHANNEL, Dispatcher
from athena.platform.kernel.replicas import Replicas
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store, dictionary_dir
from athena.policies.agreements.life import Agreements
from athena.policies.agreements.service import agreement_titles
from athena.policies.decisions.point import DecisionPoint
from athena.policies.decisions.service import decision_point
from athena.policies.roles.service import RoleTable, rules_in_force, seed_rules
from athena.policies.visibility.desk import make_desk
from athena.policies.visibility.service import Gate
from athena.records.names.repository import CHANNEL, DICTIONARY, FORGOTTEN
from athena.records.names.service import NameRegister
from athena.sharing.comparing.repository import CHANNEL as MATCHING_CHANNEL
from athena.sharing.comparing.service import Linker
from athena.sharing.linking.scoring import Scorer
from athena.sharing.linking.weights import packaged_weights
from athena.sharing.ppss.corrections.escalating import escalate_overdue
from athena.sharing.ppss.deliveries.dispatcher import PartnerDispatcher
from athena.sharing.ppss.deliveries.reach import Reach
from athena.sharing.ppss.deliveries.sending import WebhookSender
from athena.sharing.ppss.deliveries.signing import EventSigner
from athena.sharing.ppss.disclosures.sealing import Sealer
from athena.sharing.ppss.person_checks.service import PersonChecks
from athena.sharing.ppss.referrals.escalating import escalate_late
from athena.sharing.ppss.signatures.service import Door
from athena.sharing.ppss.submissions.service import Submissions, forget_decided
from athena.sharing.search.names import LiveNames
from athena.sharing.search.service import Searcher
from athena.tenants.directory.service import load_directory, renew_directory
from athena.tenants.lifecycle.service import end_sessions

POLICY_CHANNEL = "athena_policy"
BACKSTOP_SECONDS = 5.0
"""How often everything is read again though no notice came: a notice is only a hint."""

PAUSE_SECONDS = 0.1
"""How long notices are gathered before they are followed: an import sends one a batch."""

RECONNECT_SECONDS = 0.5
WATCH_SECONDS = 2.0
"""How often the sessions that suspended forces may still have are ended."""

logger = logging.getLogger("athena.runtime")


@dataclass(slots=True)
class Runtime:
    """Everything that answers requests."""

    store: Store
    database: Database
    gate: Gate
    register: NameRegister
    searcher: Searcher
    desk: Desk
    outbox: Dispatcher
    linker: Linker
    agreements: Agreements
    accounts: Accounts
    switchboard: Switchboard
    checks: PersonChecks
    partner_events: PartnerDispatcher
    event_signer: EventSigner
    known_as_of: tuple[int, int] | None = None
    """The versions of the policy as of which the searcher knows tenants and agreements."""

    @property
    def features(self) -> Features:
        """Which force has what, at this moment."""
        return self.switchboard.features

    @property
    def submissions(self) -> Submissions:
        """What partners submit to forces."""
        return Submissions(self.checks.door, self.gate, self.checks.sealer)


@asynccontextmanager
async def running(
    store: Store, settings: Settings, *, searching: bool = True
) -> AsyncIterator[Runtime]:
    """Open the services over a migrated store and keep them fresh until the block ends.

    Who won't search says so: the names of the store are then never read.
    """
    async with (
        decision_point(settings) as point,
        _deciding_by(point, store, settings, searching) as runtime,
    ):
        yield runtime


@asynccontextmanager
async def _deciding_by(
    point: DecisionPoint, store: Store, settings: Settings, searching: bool
) -> AsyncIterator[Runtime]:
    database = store.database()
    names = LiveNames(database, dictionary_dir(settings, store))
    replicas = Replicas(database, store.standbys())
    switchboard = Switchboard(database)
    signer = EventSigner(store.master_secret, store.master_secret_version)
    sender = WebhookSender(signer, Reach.parse(settings.ppss_webhook_networks))
    try:
        await seed_rules(database)
        await switchboard.refresh()
        roles = RoleTable.compile(await rules_in_force(database))
        gate = Gate(database, point, roles, settings.grant_seconds)
        if searching:
            await names.refresh()
        directory, titles = await load_directory(database), await agreement_titles(database)
        searcher = Searcher(names, directory, titles, replicas)
        runtime = Runtime(
            store=store,
            database=database,
            gate=gate,
            register=NameRegister(database),
            searcher=searcher,
            desk=make_desk(gate),
            outbox=Dispatcher(database),
            linker=Linker(database, names, Scorer(packaged_weights()), switchboard.features),
            agreements=Agreements(database, gate.authorise),
            accounts=Accounts.over(database, gate.authorise),
            switchboard=switchboard,
            checks=PersonChecks(
                Door(database, gate.agreements),
                gate,
                searcher,
                Sealer.of(store.master_secret, store.master_secret_version),
            ),
            partner_events=PartnerDispatcher(
                database, sender, (escalate_overdue, forget_decided, escalate_late)
            ),
            event_signer=signer,
        )
        switchboard.when_switched(runtime.linker.wake)
        tasks = [
            asyncio.create_task(_stay_fresh(runtime, searching)),
            asyncio.create_task(_watch_sessions(runtime.database)),
            asyncio.create_task(replicas.watch()),
            asyncio.create_task(switchboard.follow()),
        ]
        try:
            yield runtime
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await sender.close()
        await names.close()
        await replicas.close()
        switchboard.close()
        await database.close()


async def _stay_fresh(runtime: Runtime, searching: bool) -> None:
    """Listen for notices and read again what they hint at; come back after a broken connection."""
    while True:
        try:
            async with runtime.database.listen(DICTIONARY) as connection:
                await _follow(connection, runtime, searching)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, AthenaError) as error:
            logger.warning("listening broke off (%s); trying again", type(error).__name__)
            runtime.gate.forget()
            await asyncio.sleep(RECONNECT_SECONDS)


async def _follow(connection: asyncpg.Connection, runtime: Runtime, searching: bool) -> None:
    woken = asyncio.Event()
    policy_is_stale = True

    def policy_changed(*_: object) -> None:
        nonlocal policy_is_stale
        policy_is_stale = True
        runtime.known_as_of = None  # a notice is always followed
        runtime.gate.forget()
        woken.set()

    def names_changed(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == FORGOTTEN:
            runtime.register.forget()
        woken.set()

    def messages_came(*_: object) -> None:
        runtime.outbox.wake()
        runtime.partner_events.wake()

    def nominals_changed(*_: object) -> None:
        runtime.linker.wake()

    await connection.add_listener(FEATURES_CHANNEL, runtime.switchboard.noticed)
    await connection.add_listener(POLICY_CHANNEL, policy_changed)
    await connection.add_listener(CHANNEL, names_changed)
    await connection.add_listener(OUTBOX_CHANNEL, messages_came)
    await connection.add_listener(MATCHING_CHANNEL, nominals_changed)
    while not connection.is_closed():
        woken.clear()
        if policy_is_stale:
            policy_is_stale = False
            await _refresh_policy(runtime)
        if searching:
            await runtime.searcher.names.refresh()
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            async with asyncio.timeout(BACKSTOP_SECONDS):
                await woken.wait()
        except TimeoutError:
            policy_is_stale = True
            await connection.execute("SELECT 1")  # finds out whether the connection still lives


async def _refresh_policy(runtime: Runtime) -> None:
    """Read the rules of roles, the tenants and the agreements again, where they have changed."""
    versions = await runtime.gate.refresh()
    if versions == runtime.known_as_of:
        return
    await renew_directory(runtime.searcher.directory, runtime.database)
    runtime.searcher.agreements = await agreement_titles(runtime.database)
    runtime.known_as_of = versions  # last: what broke off is read again


async def _watch_sessions(database: Database) -> None:
    """End what sessions suspended forces still have, again and again."""
    while True:
        try:
            await end_sessions(database)
        except (asyncpg.PostgresError, AthenaError) as error:
            logger.warning("sessions couldn't be ended (%s); trying again", type(error).__name__)
        await asyncio.sleep(WATCH_SECONDS)
