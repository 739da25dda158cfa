"""Telling which force has what: a force sees itself, the client body and oversight see all."""

from __future__ import annotations

from athena.governance.acting import Office
from athena.governance.flags import repository
from athena.governance.flags.models import FEATURES
from athena.governance.flags.schemas import FeatureView, ForceFeature
from athena.platform.kernel.identity import Subject, TenantId, TenantKind


async def every(office: Office, subject: Subject) -> list[FeatureView]:
    """Return every feature with the forces that the member may know of."""
    async with office.reading(subject, "features") as reading:
        switches = await repository.every(reading.session)
        forces = [
            (TenantId(row.tenant_id), str(row.slug))
            for row in await repository.forces(reading.session)
            # The switches of others are hidden from a force, so nothing is said of them.
            if subject.tenant_kind is not TenantKind.FORCE or row.tenant_id == subject.tenant_id
        ]
    views = []
    for feature in FEATURES.values():
        told = []
        for force, slug in forces:
            held = switches.get((feature.name, force))
            told.append(
                ForceFeature(
                    force=slug,
                    on=held.on if held else feature.default,
                    release=held.release if held else None,
                    since=held.since if held else None,
                )
            )
        views.append(
            FeatureView(
                name=feature.name,
                title=feature.title,
                what=feature.what,
                default=feature.default,
                forces=told,
            )
        )
    return views
