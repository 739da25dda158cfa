"""Disclosing: one event (Data Protection Act 2018, s.62) and its lines in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from uuid import UUID

import rfc8785

from athena.platform.kernel.audit import Entry, EventKind, RecordSeen
from athena.platform.kernel.identity import NominalId, TenantId
from athena.policies.visibility.models import Consultation
from athena.sharing.ppss.disclosures import repository
from athena.sharing.ppss.disclosures.models import Disclosure
from athena.sharing.ppss.disclosures.sealing import Sealer
from athena.sharing.ppss.person_checks.schemas import RecordDisclosed
from athena.sharing.ppss.signatures.models import Caller


def disclosure_of(
    shown: RecordDisclosed, owner: TenantId, nominal_id: NominalId | None
) -> Disclosure:
    """Return what is entered of a record as it is told; a pointer names no nominal."""
    document = shown.document()
    return Disclosure(
        disclosure_id=shown.disclosure_id,
        owner_force=owner,
        nominal_id=nominal_id,
        level=shown.level,
        fields=tuple(sorted(document.get("person", {}))),
        payload=rfc8785.dumps(document),
    )


async def disclose(
    consultation: Consultation,
    caller: Caller,
    action: str,
    disclosures: Sequence[Disclosure],
    sealer: Sealer,
    *,
    check_id: UUID | None = None,
    content: Mapping[str, str] | None = None,
) -> None:
    """Log what a partner is told and enter it in the ledger, in the consultation's transaction.

    ``check_id`` stands in each line, where a check tells it; ``content`` is logged besides.
    """
    logged = {
        "recipient": caller.partner.slug,
        **(content or {}),
        "asked_by": caller.user,
        "asked_role": caller.role,
        "disclosures": [
            {
                "disclosure_id": str(item.disclosure_id),
                "fields": list(item.fields),
                "digest": hashlib.sha256(item.payload).hexdigest(),
            }
            for item in disclosures
        ],
    }
    agreement = str(consultation.subject.agreement)
    seen = [
        RecordSeen(item.owner_force, item.nominal_id, item.level, agreement, item.groups)
        for item in disclosures
        if item.nominal_id is not None
    ]
    entry = Entry(EventKind.DISCLOSURE, action, consultation.reason, logged, seen)
    await repository.enter(consultation, caller, entry, check_id, disclosures, sealer)
