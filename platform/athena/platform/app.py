"""The application: every feature's routes over one running platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from athena.governance.acting import Office
from athena.governance.apportionment import routes as costs
from athena.governance.bodies import routes as bodies
from athena.governance.changes import routes as changes
from athena.governance.changes.desk import Desk as ChangeDesk
from athena.governance.duties import routes as duties
from athena.governance.duties.service import waiting_in
from athena.governance.duties.telling import Teller
from athena.governance.flags import routes as features
from athena.governance.health.counting import Counting, Tally
from athena.governance.ledger import routes as ledger
from athena.governance.ledger import statement_routes as statements
from athena.governance.oversight import routes as oversight
from athena.governance.releases import pages as release_pages
from athena.governance.releases import routes as releases
from athena.governance.releases.desk import Desk as ReleaseDesk
from athena.governance.votes import routes as votes
from athena.platform.kernel import metrics, web
from athena.platform.kernel.browser import BrowserSessions, HeaderLink, problem_page
from athena.platform.kernel.errors import AthenaError, NotSignedInError
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.notifications import routes as notifications
from athena.platform.kernel.permits import Permit
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store, data_dir
from athena.platform.kernel.tokens import TokenIssuer
from athena.platform.kernel.web import Caller
from athena.platform.kernel.worklist import routes as worklist
from athena.platform.runtime import Runtime, running
from athena.policies.agreements import pages as agreement_pages
from athena.policies.agreements import routes as agreements
from athena.policies.explanations import routes as explanations
from athena.policies.roles import routes as roles
from athena.policies.roles.actions import Action
from athena.policies.simulations import routes as simulations
from athena.records.archive import routes as archive
from athena.records.archive.certificate import Signer
from athena.records.emergency import pages as emergency_pages
from athena.records.emergency import routes as emergency
from athena.records.imports.review import routes as imports
from athena.records.merging import routes as merging
from athena.records.nominals import routes as nominals
from athena.records.restrictions import routes as restrictions
from athena.sharing.linking import routes as linking
from athena.sharing.ppss import interface
from athena.sharing.ppss.batches import routes as batches
from athena.sharing.ppss.batches.schemas import Batch
from athena.sharing.ppss.batches.service import PersonCheckBatches
from athena.sharing.ppss.batches.worker import BatchWorker
from athena.sharing.ppss.corrections import routes as corrections
from athena.sharing.ppss.corrections.schemas import Acknowledgement
from athena.sharing.ppss.corrections.service import Corrections
from athena.sharing.ppss.deliveries import routes as deliveries
from athena.sharing.ppss.deliveries.reach import Reach
from athena.sharing.ppss.deliveries.schemas import ReadUpTo
from athena.sharing.ppss.deliveries.service import PartnerFeed
from athena.sharing.ppss.disclosures import routes as disclosures
from athena.sharing.ppss.disclosures.service import Disclosures
from athena.sharing.ppss.onboarding import routes as partners
from athena.sharing.ppss.person_checks import routes as person_checks
from athena.sharing.ppss.person_checks.schemas import PersonCheck
from athena.sharing.ppss.reading import MOST_BATCH_BYTES, Admit, make_admit, make_arrive
from athena.sharing.ppss.referrals import routes as referrals
from athena.sharing.ppss.referrals.receiving import ReceivedReferrals
from athena.sharing.ppss.referrals.schemas import ReferralAnswer
from athena.sharing.ppss.referrals.service import Referrals
from athena.sharing.ppss.submissions import routes as submissions
from athena.sharing.ppss.submissions.schemas import SubmissionDraft
from athena.sharing.search import pages as search_pages
from athena.sharing.search import routes as search
from athena.sharing.search.warming import settle
from athena.tenants.administration import routes as administration
from athena.tenants.lifecycle import routes as lifecycle
from athena.tenants.members import pages as member_pages
from athena.tenants.members.service import subject_by_id


def create_app(store: Store, settings: Settings) -> FastAPI:
    """Return the application over a migrated store; it opens when the server starts it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tokens = TokenIssuer.open(settings, data_dir(settings))
        async with running(store, settings) as runtime:
            _include_features(app, runtime, tokens, settings)
            app.state.runtime = runtime
            app.state.tally = tally = Tally(runtime.database)
            runtime.switchboard.when_switched(tally.begin_anew)
            working = [
                asyncio.create_task(runtime.outbox.run()),
                asyncio.create_task(asyncio.to_thread(settle)),
                asyncio.create_task(tally.run()),
                asyncio.create_task(runtime.partner_events.run()),
                asyncio.create_task(Teller(runtime.database, runtime.gate.roles_allow).run()),
            ]
            if settings.answers_batches:
                working.append(asyncio.create_task(BatchWorker(runtime.checks).run()))
            if settings.compares:
                working.append(asyncio.create_task(runtime.linker.run()))
            try:
                yield
            finally:
                for task in working:
                    task.cancel()
                await asyncio.gather(*working, return_exceptions=True)

    app = FastAPI(
        title="Athena",
        version=version("athena-platform"),
        description="One police records store for nine forces, shared by agreement.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    web.install(app, problem_page, interface.LONGER_BODIES)
    metrics.install(app)
    app.add_middleware(Counting, tally=lambda: getattr(app.state, "tally", None))

    @app.get("/livez", include_in_schema=False)
    async def live() -> Response:
        """Tell that the process answers."""
        return JSONResponse({"status": "live"})

    @app.get("/readyz", include_in_schema=False)
    async def ready(request: Request) -> Response:
        """Tell whether the store answers and the policy decides, and which standbys are used."""
        runtime: Runtime | None = getattr(request.app.state, "runtime", None)
        if runtime is None:
            return JSONResponse({"status": "starting"}, HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            await runtime.gate.check()
        except AthenaError as error:
            return web.problem_response(error.problem())
        known = runtime.searcher.replicas.states
        return JSONResponse({"status": "ready", **({"standbys": known} if known else {})})

    return app


def _include_features(
    app: FastAPI, runtime: Runtime, tokens: TokenIssuer, settings: Settings
) -> None:
    async def find_subject(member_id: UUID) -> Subject:
        return await subject_by_id(runtime.database, member_id)

    async def by_bearer(request: Request) -> Subject:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedInError(
                "Send a bearer token in the Authorization header; `athena token` prints one."
            )
        subject = await find_subject(tokens.verify(token))
        metrics.attribute(request, subject)
        return subject

    gate, searcher, register = runtime.gate, runtime.searcher, runtime.register
    calendar = HeaderLink(
        "/governance/calendar",
        "Calendar",
        lambda subject: gate.allows(subject, Action.GOVERNANCE_READ),
    )
    sessions = BrowserSessions(tokens, find_subject, [calendar])
    app.include_router(search.make_router(gate, searcher, register, by_bearer))
    open_seconds = settings.emergency_minutes * 60
    live = runtime.features
    app.include_router(
        emergency.make_router(gate, searcher.directory, live, open_seconds, by_bearer)
    )
    app.include_router(nominals.make_router(gate, register, by_bearer))
    app.include_router(merging.make_router(gate, register, by_bearer))
    may_set = _permit(runtime, Action.LINKING_THRESHOLDS)
    app.include_router(linking.make_router(gate, searcher, live, by_bearer, may_set))
    waits = waiting_in(Office(runtime.database, gate.authorise))
    app.include_router(worklist.make_router(runtime.desk, by_bearer, waits))
    app.include_router(notifications.make_router(runtime.desk, by_bearer))
    _include_administration(app, runtime, by_bearer)
    _include_governance(app, runtime, by_bearer, sessions)
    _include_accounts(app, runtime, by_bearer)
    app.include_router(restrictions.make_router(gate, by_bearer))
    app.include_router(imports.make_router(gate, by_bearer))
    app.include_router(agreements.make_router(runtime.agreements, by_bearer))
    app.include_router(agreement_pages.make_router(runtime.agreements, sessions))
    app.include_router(explanations.make_router(gate, by_bearer))
    app.include_router(simulations.make_router(gate, by_bearer))
    app.include_router(member_pages.make_router(runtime.database, sessions))
    app.include_router(search_pages.make_router(gate, searcher, sessions))
    app.include_router(
        emergency_pages.make_router(gate, searcher.directory, live, open_seconds, sessions)
    )
    _include_partners(app, runtime, by_bearer, settings)
    app.mount("/assets", StaticFiles(packages=[("athena.platform.kernel", "assets")]))


def _permit(runtime: Runtime, action: Action) -> Permit:
    async def ask(subject: Subject, reason: str) -> None:
        await runtime.gate.permit_act(subject, action, reason)

    return ask


def _include_governance(
    app: FastAPI, runtime: Runtime, caller: Caller, sessions: BrowserSessions
) -> None:
    office = Office(runtime.database, runtime.gate.authorise)
    desk = ChangeDesk(office)
    app.include_router(bodies.make_router(office, caller))
    app.include_router(changes.make_router(desk, caller))
    app.include_router(votes.make_router(desk, caller))
    app.include_router(features.make_router(office, caller))
    app.include_router(duties.make_router(desk, caller))
    app.include_router(oversight.make_router(office, runtime.accounts.reader, caller))
    planning = ReleaseDesk(desk)
    app.include_router(releases.make_router(planning, caller))
    app.include_router(release_pages.make_router(planning, sessions))


def _include_partners(app: FastAPI, runtime: Runtime, caller: Caller, settings: Settings) -> None:
    manage, read = (
        _permit(runtime, action) for action in (Action.PARTNERS_MANAGE, Action.PARTNERS_READ)
    )
    ledger = Disclosures(runtime.gate, runtime.searcher)
    app.include_router(partners.make_router(runtime.database, caller, manage, read))
    app.include_router(disclosures.make_router(ledger, caller))
    admit = make_admit(runtime.checks.door, settings.partner_url)
    admit_batch = make_admit(runtime.checks.door, settings.partner_url, MOST_BATCH_BYTES)
    routers = [
        person_checks.make_router(
            runtime.checks, make_arrive(runtime.checks.door, settings.partner_url)
        ),
        batches.make_router(PersonCheckBatches(runtime.checks), admit, admit_batch),
        disclosures.make_partner_router(ledger, admit),
        *_include_partner_events(app, runtime, caller, settings, admit, manage, read),
    ]
    bodies: list[type[BaseModel]] = [
        PersonCheck,
        Batch,
        ReadUpTo,
        Acknowledgement,
        SubmissionDraft,
        ReferralAnswer,
    ]
    app.mount(interface.PREFIX, interface.make_interface(routers, bodies))


def _include_partner_events(
    app: FastAPI,
    runtime: Runtime,
    caller: Caller,
    settings: Settings,
    admit: Admit,
    manage: Permit,
    read: Permit,
) -> list[APIRouter]:
    """Include what the client body and forces do with events, and return the partners' routes."""
    database, reach = runtime.database, settings.ppss_webhook_networks
    told = Corrections(runtime.gate)
    app.include_router(deliveries.make_router(database, Reach.parse(reach), caller, manage, read))
    app.include_router(corrections.make_router(told, lambda: runtime.searcher.agreements, caller))
    app.include_router(
        submissions.make_router(runtime.submissions, lambda: runtime.searcher.agreements, caller)
    )
    app.include_router(referrals.make_router(Referrals(runtime.checks), caller))
    app.include_router(referrals.make_client_body_router(database, caller, read))
    return [
        deliveries.make_partner_router(PartnerFeed(database), runtime.event_signer, admit),
        corrections.make_partner_router(told, admit),
        submissions.make_partner_router(runtime.submissions, admit),
        referrals.make_partner_router(ReceivedReferrals(runtime.checks), admit),
    ]


def _include_accounts(app: FastAPI, runtime: Runtime, caller: Caller) -> None:
    accounts = runtime.accounts
    app.include_router(costs.make_router(accounts.costs, caller))
    app.include_router(
        ledger.make_router(accounts.ledger, accounts.reader, accounts.withdrawals, caller)
    )
    app.include_router(statements.make_router(accounts.reader, caller))


def _include_administration(app: FastAPI, runtime: Runtime, caller: Caller) -> None:
    permit = partial(_permit, runtime)
    database = runtime.database
    manage, read = permit(Action.TENANTS_MANAGE), permit(Action.TENANTS_READ)
    app.include_router(
        lifecycle.make_router(database, runtime.store.verifier, caller, manage, read)
    )
    app.include_router(administration.make_router(database, caller, permit(Action.MEMBERS_MANAGE)))
    store = runtime.store
    signer = Signer(store.master_secret, store.master_secret_version)
    app.include_router(archive.make_router(database, signer, caller, manage))
    app.include_router(roles.make_router(database, caller, permit(Action.ROLES_MANAGE)))
