"""Which engine decides: the one in the process, or the OPA server of the settings."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.settings import Settings
from athena.policies.decisions.address import ServerAddress
from athena.policies.decisions.embedded import EmbeddedPoint
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.point import DecisionPoint, Fault, NoDecisionError
from athena.policies.decisions.watched import WatchedPoint

if TYPE_CHECKING:
    from athena.policies.decisions.server import ServerPoint

logger = logging.getLogger("athena.policies")


@asynccontextmanager
async def decision_point(settings: Settings) -> AsyncIterator[DecisionPoint]:
    """Yield the decision point of the settings, watched.

    A server that decides by another bundle is a fault of the installation: ConfigurationError.
    One that can't be reached may be starting too: nothing is shown until it answers.
    """
    policy = WasmPolicy.load()  # tells the revision in either case
    if settings.opa_url is None:
        yield WatchedPoint(EmbeddedPoint(policy))
        return
    from athena.policies.decisions.server import ServerPoint  # brings an HTTP client of its own

    token = settings.opa_token.get_secret_value() if settings.opa_token else None
    server = await ServerPoint.open(
        ServerAddress.of(settings), policy.revision, token, settings.opa_deadline_seconds
    )
    try:
        await _check_at_start(server)
        yield WatchedPoint(server)
    finally:
        await server.close()


async def _check_at_start(server: ServerPoint) -> None:
    try:
        await server.check()
    except NoDecisionError as error:
        if error.fault is Fault.REVISION:
            raise ConfigurationError(
                "The OPA server at ATHENA_OPA_URL decides by another bundle than this release; "
                "give it the release's own (docs/operators.md) and start again."
            ) from None
        logger.error("the OPA server can't decide yet (%s): nothing is shown", error.fault)
