"""Who acts and for what: the values that stand for tenants, members, purposes and roles."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", int)
"""The store's small number of a tenant (a force, the client body, an oversight body)."""

ForceId = NewType("ForceId", int)
"""A `TenantId` that is a force: the owner in every primary key of a record."""

NominalId = NewType("NominalId", UUID)
"""A nominal's random id."""

LabelId = NewType("LabelId", int)
"""The store's small number of a label: who owns a row and how it may be handled."""


class TenantKind(enum.StrEnum):
    """What sort of body a tenant is."""

    CLIENT_BODY = "client_body"
    FORCE = "force"
    OVERSIGHT = "oversight"
    PARTNER = "partner"


class Role(enum.StrEnum):
    """What a member may be in a tenant; `policies/athena/policies/roles` says what each may do."""

    AMO_ADMINISTRATOR = "amo_administrator"
    AMO_FINANCE = "amo_finance"
    AUDITOR = "auditor"
    BOARD_MEMBER = "board_member"
    DATA_PROTECTION_OFFICER = "data_protection_officer"
    EMERGENCY_ACCESS = "emergency_access"
    FORCE_ADMINISTRATOR = "force_administrator"
    OFFICER = "officer"
    PARTNER_CALLER = "partner_caller"
    RECORDS_MANAGER = "records_manager"
    SIGNATORY = "signatory"
    SUPERVISOR = "supervisor"


class Purpose(enum.StrEnum):
    """Why someone looks: stated for every consultation (Data Protection Act 2018, s.36 and s.62).

    The list is the consortium's own choice, not law; agreements name purposes from it.
    """

    CUSTODY = "custody"
    DATA_QUALITY = "data_quality"
    FIREARMS_LICENSING = "firearms_licensing"
    INTELLIGENCE = "intelligence"
    INVESTIGATION = "investigation"
    MISSING_PERSON = "missing_person"
    SAFEGUARDING = "safeguarding"


class Level(enum.StrEnum):
    """How much of a record crosses, from nothing to the groups an agreement lists."""

    NONE = "none"
    POINTER = "pointer"
    SUMMARY = "summary"
    FULL = "full"

    @property
    def rank(self) -> int:
        """0 for none to 3 for full."""
        return list(Level).index(self)


class FieldGroup(enum.StrEnum):
    """The groups of fields that an agreement allows one by one; each is its own set of tables."""

    ADDRESSES = "addresses"
    ASSESSMENTS = "assessments"
    CONTACTS = "contacts"
    DESCRIPTIONS = "descriptions"
    IDENTIFIERS = "identifiers"
    INVOLVEMENTS = "involvements"
    MARKERS = "markers"


class Clearance(enum.StrEnum):
    """The highest protective marking that a member may see, by vetting.

    Which vetting level allows which marking is each force's own rule: general knowledge of the
    field, not law.
    """

    OFFICIAL = "OFFICIAL"
    OFFICIAL_SENSITIVE = "OFFICIAL-SENSITIVE"


@dataclass(frozen=True, slots=True)
class Subject:
    """The signed-in member on whose behalf something is done."""

    member_id: UUID
    username: str
    display_name: str
    tenant_id: TenantId
    tenant: str
    tenant_kind: TenantKind
    login: str
    roles: frozenset[Role]
    teams: frozenset[UUID] = frozenset()
    clearance: Clearance = Clearance.OFFICIAL
    agreement: UUID | None = None
    """The only agreement under which a partner asks; a force's member asks under all."""
