"""What the API takes and answers about agreements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from athena.platform.kernel.clock import today
from athena.policies.agreements.document import AgreementStatus, Slug
from athena.policies.agreements.models import (
    SignatoryKey,
    Signature,
    Step,
    Version,
    as_of,
    hindrances,
    shown_status,
)
from athena.policies.agreements.signing import DetachedSignature, canonical, digest_of

Why = Annotated[str, Field(min_length=3, max_length=500)]


class Body(BaseModel):
    """What a caller sends: nothing that isn't asked for."""

    model_config = ConfigDict(extra="forbid")


class Proposal(Body):
    """A document as `GET …/document` gives it; of a first version without id and version."""

    document: dict[str, Any]
    reason: Why


class Act(Body):
    """Why a step in an agreement's life is taken."""

    reason: Why


class Forwarded(Body):
    """A partner's detached signature, and how the client body came by it."""

    signature: DetachedSignature
    reason: Why


class NewKey(Body):
    """A public key (PEM, Ed25519) of an office that signs for a tenant."""

    tenant: Slug
    office: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
    public_key: Annotated[str, Field(max_length=2000)]
    valid_from: date | None = None
    valid_to: date | None = None


class Revocation(Body):
    """Why a key is revoked, and since which day what it signed no longer counts."""

    reason: Why
    since: date | None = None


class Acted(BaseModel):
    """The version that an act concerned, and its status afterwards."""

    id: UUID
    reference: str
    version: int
    status: AgreementStatus
    digest: str


class KeyView(BaseModel):
    """A signatory's public key, by its office."""

    key: str
    tenant: str
    office: str
    valid_from: date
    valid_to: date | None
    revoked_from: datetime | None
    revoked_reason: str | None

    @classmethod
    def of(cls, key: SignatoryKey) -> KeyView:
        """Return the view of a stored key."""
        return cls(
            key=key.key_id,
            tenant=key.tenant,
            office=key.office,
            valid_from=key.valid_from,
            valid_to=key.valid_to,
            revoked_from=key.revoked_from,
            revoked_reason=key.revoked_reason,
        )


class SignatureView(BaseModel):
    """A signature, and whether it counts now."""

    tenant: str
    office: str
    key: str
    signed_at: datetime
    counts: bool

    @classmethod
    def of(cls, item: Signature, version: Version) -> SignatureView:
        """Return the view of a signature of a version."""
        return cls(
            tenant=item.key.tenant,
            office=item.key.office,
            key=item.key.key_id,
            signed_at=item.signed_at,
            counts=digest_of(version.document) == version.digest
            and item.counts(canonical(version.document)),
        )


class Overview(BaseModel):
    """An agreement in a list: the version that speaks today."""

    id: UUID
    reference: str
    version: int
    title: str
    status: AgreementStatus
    parties: list[str]
    missing_signatures: list[str]
    valid_from: date
    valid_to: date
    review_due: date
    hindrances: list[str]


class VersionView(BaseModel):
    """One version: its document, its digest, and who signed."""

    version: int
    status: AgreementStatus
    suspended_reason: str | None
    digest: str
    document: Mapping[str, Any]
    signatures: list[SignatureView]
    missing_signatures: list[str]


class StepView(BaseModel):
    """A step in an agreement's life."""

    version: int
    at: datetime
    tenant: str
    username: str
    act: str
    reason: str


class AgreementView(BaseModel):
    """An agreement: the version that speaks today, the numbers of all, and its history."""

    id: UUID
    reference: str
    title: str
    current: VersionView
    versions: list[int]
    open_version: int | None
    history: list[StepView]


def overviews(versions: Sequence[Version]) -> list[Overview]:
    """Return the list of agreements as they stand today."""
    return [
        Overview(
            id=item.agreement_id,
            reference=item.reference,
            version=item.version,
            title=item.title,
            status=shown_status(item, versions, today()),
            parties=item.tenants,
            missing_signatures=item.missing(),
            valid_from=item.document["valid_from"],
            valid_to=item.document["valid_to"],
            review_due=item.document["review_due"],
            hindrances=hindrances(item, today()),
        )
        for item in as_of(versions, today())
    ]


def version_view(item: Version, versions: Sequence[Version]) -> VersionView:
    """Return one version among its agreement's."""
    return VersionView(
        version=item.version,
        status=shown_status(item, versions, today()),
        suspended_reason=item.suspended_reason,
        digest=item.digest.hex(),
        document=item.document,
        signatures=[SignatureView.of(signature, item) for signature in item.signatures],
        missing_signatures=item.missing(),
    )


def agreement_view(versions: Sequence[Version], steps: Sequence[Step]) -> AgreementView:
    """Return an agreement from its versions and steps."""
    (current,) = as_of(versions, today())
    open_versions = [item.version for item in versions if item.is_open]
    return AgreementView(
        id=current.agreement_id,
        reference=current.reference,
        title=current.title,
        current=version_view(current, versions),
        versions=[item.version for item in versions],
        open_version=open_versions[-1] if open_versions else None,
        history=[
            StepView(
                version=step.version,
                at=step.at,
                tenant=step.tenant,
                username=step.username,
                act=step.act,
                reason=step.reason,
            )
            for step in steps
        ],
    )


def acted(item: Version) -> Acted:
    """Return what an act answers."""
    return Acted(
        id=item.agreement_id,
        reference=item.reference,
        version=item.version,
        status=item.status,
        digest=item.digest.hex(),
    )
