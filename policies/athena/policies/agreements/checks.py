"""What must hold before an act on an agreement is done, each with the sentence that helps most."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.policies.agreements import repository
from athena.policies.agreements.document import (
    REFERENCE,
    AgreementDocument,
    AgreementStatus,
)
from athena.policies.agreements.models import LIVE, Version
from athena.policies.agreements.signing import (
    DetachedSignature,
    canonical,
    check_document,
    digest_of,
    verifies,
)


async def find(session: ReadSession, name: str) -> list[Version]:
    """Return the versions of an agreement that the session may see, or NotFoundError."""
    try:
        found: UUID | None = UUID(name)
    except ValueError:
        found = await repository.id_of(session, name) if re.match(REFERENCE, name) else None
    versions = await repository.versions_of(session, found) if found else []
    if not versions:
        raise NotFoundError("There is no such agreement that you can see.")
    return versions


def pick(versions: Sequence[Version], number: int) -> Version:
    """Return the version of a number, or NotFoundError."""
    for item in versions:
        if item.version == number:
            return item
    raise NotFoundError("The agreement has no such version.")


def complete(document: Mapping[str, Any], agreement_id: UUID, version: int) -> AgreementDocument:
    """Return a proposed document with the id and the version that it is to have."""
    proposed = check_document({"id": str(agreement_id), "version": version, **document})
    if "id" in document and (version == 1 or proposed.id != agreement_id):
        raise InvalidInputError(
            "A new agreement is given its id; an amendment keeps it. Leave it out.",
            field="/document/id",
        )
    if proposed.version != version:
        raise InvalidInputError(
            f"This is to be version {version}; say so or leave it out.", field="/document/version"
        )
    return proposed


async def absent(session: ReadSession, tenants: Sequence[str]) -> str:
    """Return a sentence's beginning about a party that isn't there, or nothing."""
    statuses = await repository.tenant_statuses(session)
    for tenant in tenants:
        if tenant not in statuses:
            return f"{tenant} is no tenant of the consortium, so it"
        if statuses[tenant] != "active":
            gone = "has left" if statuses[tenant] == "offboarded" else "is suspended from"
            return f"{tenant} {gone} the consortium, so it"
    return ""


async def partner_of_key(session: ReadSession, key: str) -> str:
    """Return the partner organisation for which a key signs; a partner has no member to do it.

    RefusedError for the key of anybody else: a force's signatory hands in the force's signature.
    """
    held = {item.key_id: item.tenant for item in await repository.keys(session)}
    if key not in held:
        raise InvalidInputError("The key isn't registered; register it first.", field="/key")
    if held[key] not in await repository.partners(session):
        raise RefusedError(
            f"Only a partner's signature is handed in for it; {held[key]} hands in its own."
        )
    return held[key]


async def check_signature(
    session: ReadSession, tenant: str, version: Version, signed: DetachedSignature
) -> None:
    """Refuse a tenant's signature that doesn't count, with the reason that helps most."""
    if version.status not in (AgreementStatus.OUT_FOR_SIGNATURE, *LIVE):
        raise ConflictError(
            f"This version isn't out for signature: it is {version.status.value.replace('_', ' ')}."
        )
    if tenant not in version.tenants:
        raise RefusedError(f"Only a party signs an agreement, and {tenant} isn't one.")
    if digest_of(version.document) != version.digest:
        raise ConflictError(
            "The stored document has been altered since it was proposed; tell the AMO."
        )
    if signed.digest != version.digest.hex():
        raise InvalidInputError(
            "The signature is of another document; sign the one that "
            "`athena agreements show --document` saves.",
            field="/digest",
        )
    held = {item.key_id: item for item in await repository.keys(session)}
    key = held.get(signed.key)
    if key is None or key.tenant != tenant:
        raise InvalidInputError(
            f"The key isn't registered for {tenant}; the AMO registers it.", field="/key"
        )
    if not key.held_at(datetime.now(UTC)):
        raise InvalidInputError("The key is revoked, or isn't valid today.", field="/key")
    if not verifies(canonical(version.document), key.public_key, bytes.fromhex(signed.signature)):
        raise InvalidInputError(
            "The signature doesn't verify: it is by another key, or damaged.", field="/signature"
        )
    if tenant not in version.missing():
        raise ConflictError(f"{tenant} has signed this version already.")
    gone = await absent(session, version.tenants)
    if gone:
        raise ConflictError(f"{gone} can't be a party.")
