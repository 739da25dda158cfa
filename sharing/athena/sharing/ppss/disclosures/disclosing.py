"""Disclosing: one event (Data Protection Act 2018, s.62) and its lines in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from uuid import UUID

import rfc8785

from athena.platform.kernel.audit import Entry, EventKind, RecordSeen, Writes, append_with
from athena.platform.kernel.identity import NominalId, TenantId
from athena.platform.kernel.rows import Row
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
    check: tuple[UUID, Writes] | None = None,
    content: Mapping[str, str] | None = None,
) -> Row:
    """Log what a partner is told and enter it in the ledger, in one statement.

    Where a check tells it, its id stands in each line, and what keeps the check is written too; its
    row is returned. ``content`` is logged besides.
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
    check_id, keeping = check or (None, None)
    writes = repository.entering(consultation, caller, check_id, disclosures, sealer)
    return await append_with(
        consultation.session,
        consultation.visibility.grant_set_id,
        entry,
        writes if keeping is None else writes.and_also(keeping),
    )
