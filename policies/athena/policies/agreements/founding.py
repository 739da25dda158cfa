"""The baseline of agreements that a demonstration starts with, signed by throwaway keys.

In production nothing is founded: there every agreement is proposed, sent out and signed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from importlib.resources import files
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.platform.kernel.clock import LONDON
from athena.platform.kernel.database import Database, WriteSession
from athena.policies.agreements import repository
from athena.policies.agreements.document import Agreement, AgreementStatus
from athena.policies.agreements.models import OPEN, SignatoryKey
from athena.policies.agreements.signing import (
    digest_of,
    key_id,
    load_private_key,
    new_key,
    raw_public_key,
    sign,
)

CLIENT_BODY = "athena_amo"
KEYS_VALID_FROM = date(2026, 1, 1)
_FOUNDER = "demonstration"
_WHY = "The demonstration starts with it."
_NOON = time(12, tzinfo=LONDON)


def baseline() -> list[Agreement]:
    """Return the agreements of the package, by reference; docs/agreements.md tells them."""
    return _packaged("baseline")


def partner_baseline() -> list[Agreement]:
    """Return the agreements of a demonstration's partners, by reference, as `baseline`."""
    return _packaged("partners")


async def seed_baseline(database: Database, key_directory: Path | None = None) -> bool:
    """Store the baseline where no agreement is stored yet; return whether it did.

    The signatories' private keys go to files in ``key_directory``, one a tenant, for whoever wants
    to try signing; without it they are forgotten. The store never gets them.
    """
    async with database.write(CLIENT_BODY) as session:
        if await is_founded(session):
            return False
        await found(session, baseline(), key_directory)
    return True


async def is_founded(session: WriteSession) -> bool:
    """Return whether any agreement is stored."""
    return bool(await repository.count(session))


async def found(
    session: WriteSession, agreements: Sequence[Agreement], key_directory: Path | None = None
) -> None:
    """Store agreements where their life has brought them, signed as their signatories say."""
    keys = {
        tenant: private_key(key_directory, tenant)
        for tenant in sorted({name for item in agreements for name in item.tenants})
    }
    office = agreements[0].signatories[0].office
    for tenant, key in keys.items():
        await repository.register_key(session, _public_half(tenant, office, key))
    for agreement in agreements:
        await _store(session, agreement, keys)


async def _store(
    session: WriteSession, agreement: Agreement, keys: Mapping[str, Ed25519PrivateKey]
) -> None:
    """Take an agreement through its life to where the baseline has it."""
    document = agreement.document.model_dump(mode="json")
    await repository.store_draft(session, document, digest_of(document), _FOUNDER, _WHY)
    await repository.move(
        session,
        agreement.id,
        AgreementStatus.OUT_FOR_SIGNATURE,
        OPEN[:1],
        "sent_out",
        _FOUNDER,
        _WHY,
    )
    signatures = []
    for signatory in agreement.signatories:
        signed = sign(document, keys[signatory.tenant])
        moment = datetime.combine(signatory.signed_on, _NOON)
        signatures.append((signed.key, bytes.fromhex(signed.signature), moment))
    await repository.store_dated_signatures(session, agreement.id, agreement.version, signatures)
    if agreement.status is AgreementStatus.OUT_FOR_SIGNATURE:
        return
    await repository.enter_into_force(session, agreement.id, agreement.version, _FOUNDER)
    if agreement.suspended_reason:
        await repository.move(
            session,
            agreement.id,
            AgreementStatus.SUSPENDED,
            [AgreementStatus.IN_FORCE],
            "suspended",
            _FOUNDER,
            agreement.suspended_reason,
        )


def _packaged(name: str) -> list[Agreement]:
    folder = files("athena.policies.agreements") / name
    documents = sorted(folder.iterdir(), key=lambda path: path.name)
    return [Agreement.model_validate_json(path.read_text()) for path in documents]


def _public_half(tenant: str, office: str, key: Ed25519PrivateKey) -> SignatoryKey:
    public = raw_public_key(key.public_key())
    return SignatoryKey(key_id(public), tenant, office, public, KEYS_VALID_FROM, None, None, None)


def private_key(directory: Path | None, tenant: str) -> Ed25519PrivateKey:
    """Make and return a tenant's key, and leave it in a file that its owner alone can read.

    One that is there already is used: the store is new, the directory needn't be.
    """
    private, _ = new_key()
    if directory is not None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / f"{tenant}.pem"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            private = path.read_bytes()
        else:
            with os.fdopen(descriptor, "wb") as file:
                file.write(private)
    return load_private_key(private)
