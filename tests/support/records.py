"""Records made through the service, without the search that the API asks for first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import NominalId, Purpose
from athena.policies.roles.actions import Action
from athena.records.nominals import service as nominals
from athena.records.nominals.schemas import NominalDraft
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform


async def create_nominal(platform: Platform, force: str, nominal: Mapping[str, Any]) -> NominalId:
    """Create a nominal of a force as its records manager."""
    runtime = platform.runtime
    subject = await subject_by_username(runtime.database, f"records.{force}")
    draft = NominalDraft.model_validate(nominal)
    await nominals.prepare(runtime.database, runtime.register, subject, draft)
    entry = Entry(EventKind.COLLECTION, "nominals.create", REASON)
    async with runtime.gate.alter(
        subject, Action.NOMINALS_CREATE, Purpose.DATA_QUALITY, entry
    ) as alteration:
        return NominalId(await nominals.create(alteration, runtime.register, draft))


async def amend(
    platform: Platform, force: str, nominal_id: NominalId, nominal: Mapping[str, Any]
) -> None:
    """Make a nominal of a force something else, as its records manager."""
    runtime = platform.runtime
    subject = await subject_by_username(runtime.database, f"records.{force}")
    draft = NominalDraft.model_validate(nominal)
    await nominals.prepare(runtime.database, runtime.register, subject, draft)
    entry = Entry(EventKind.ALTERATION, "nominals.amend", REASON)
    async with runtime.gate.alter(
        subject, Action.NOMINALS_AMEND, Purpose.DATA_QUALITY, entry
    ) as alteration:
        version = (await nominals.read(alteration, nominal_id)).nominal.version
        await nominals.amend(alteration, runtime.register, nominal_id, version, draft)
