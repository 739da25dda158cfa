"""Formulas and bases: stored, frozen, and asked what a cost would come to for each force."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from athena.governance.acting import Office
from athena.governance.apportionment import repository
from athena.governance.apportionment.apportioning import apportion
from athena.governance.apportionment.models import (
    Bases,
    Formula,
    Measure,
    formula_document,
    measures_of,
    parse_formula,
)
from athena.governance.apportionment.money import LARGEST_PENCE, FinancialYear, show_day
from athena.governance.apportionment.stored import BasisSet, Preview, StoredFormula, standing
from athena.platform.kernel.clock import LONDON, today
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.identity import Subject, TenantId, TenantKind
from athena.policies.agreements.signing import digest_of
from athena.policies.roles.actions import Action
from athena.tenants.directory import repository as directory
from athena.tenants.directory.models import Tenant, TenantStatus

REFERENCE = re.compile(r"[a-z][a-z0-9-]{1,60}")


class Costs:
    """Acts on formulas and bases, and previews, for members whose roles allow it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def formulas(self, subject: Subject, reference: str | None = None) -> list[StoredFormula]:
        """Return every version of every formula, or of one; NotFoundError where there is none."""
        async with self._office.reading(subject, "costs.formulas", Action.COSTS_READ) as reading:
            found = await repository.formulas(reading.session, reference)
            if reference is not None and not found:
                raise NotFoundError("There is no such formula.")
            return found

    async def store_formula(
        self, subject: Subject, reference: str, title: str, document: Any, reason: str
    ) -> StoredFormula:
        """Store a formula, or the next version of one; what names an earlier one stays bound."""
        name = reference.strip()
        async with self._office.acting(
            subject, Action.COSTS_MANAGE, "costs.formula", reason, {"formula": name}
        ) as acting:
            if REFERENCE.fullmatch(name) is None:
                raise InvalidInputError(
                    "Name a formula in lower-case letters, digits and hyphens: by-population.",
                    field="/reference",
                )
            plain = formula_document(parse_formula(document))
            digest = digest_of(plain)
            known = await repository.formulas(acting.session, name)
            if known and known[-1].digest == digest:
                raise ConflictError(f"Version {known[-1].version} of {name} says the same already.")
            version = len(known) + 1
            await repository.store_formula(
                acting.session, name, version, title, plain, digest, subject.username, reason
            )
            return (await repository.formulas(acting.session, name))[-1]

    async def bases(
        self, subject: Subject, year: FinancialYear | None = None
    ) -> tuple[list[BasisSet], dict[TenantId, Tenant]]:
        """Return every set of bases, or those of a year, with the forces that they are of."""
        async with self._office.reading(subject, "costs.bases", Action.COSTS_READ) as reading:
            return await repository.basis_sets(reading.session, year), await forces(reading.session)

    async def store_bases(
        self,
        subject: Subject,
        year: FinancialYear,
        measure: Measure,
        values: Mapping[str, int],
        source: str,
        source_checksum: str | None,
        reason: str,
    ) -> BasisSet:
        """Store what forces, by their short names, are measured by in a year; not frozen yet."""
        content = {"year": str(year), "measure": measure.value}
        async with self._office.acting(
            subject, Action.COSTS_MANAGE, "costs.bases", reason, content
        ) as acting:
            by_slug = {each.slug: tenant for tenant, each in (await forces(acting.session)).items()}
            unknown = sorted(set(values) - set(by_slug))
            if unknown:
                raise InvalidInputError(f"{unknown[0]} is no force.", field="/values")
            by_force = {by_slug[slug]: values[slug] for slug in sorted(values)}
            return await _store(
                acting.session, subject, year, measure, by_force, source, source_checksum, reason
            )

    async def measure_usage(self, subject: Subject, year: FinancialYear, reason: str) -> BasisSet:
        """Count each force's consultations in a year so far and store them; nobody is named."""
        until = min(year.last_day, today())
        content = {"year": str(year), "measure": Measure.USAGE.value, "until": until.isoformat()}
        async with self._office.acting(
            subject, Action.COSTS_MANAGE, "costs.usage", reason, content
        ) as acting:
            if year.first_day > today():
                raise InvalidInputError(
                    f"{year} hasn't begun, so nothing is to be counted.", field="/financial_year"
                )
            counted = await repository.count_use(
                acting.session,
                datetime.combine(year.first_day, time(), LONDON),
                datetime.combine(until + timedelta(days=1), time(), LONDON),
            )
            source = (
                "Counted by the platform: consultations from "
                f"{show_day(year.first_day)} to {show_day(until)}"
            )
            values = {
                tenant: counted.get(tenant, 0)
                for tenant, each in (await forces(acting.session)).items()
                if each.status is not TenantStatus.OFFBOARDED or tenant in counted
            }
            return await _store(
                acting.session, subject, year, Measure.USAGE, values, source, None, reason
            )

    async def freeze(
        self, subject: Subject, year: FinancialYear, measure: Measure, version: int, reason: str
    ) -> BasisSet:
        """Freeze a version of a year's bases, for good: what is binding is shared by it."""
        content = {"year": str(year), "measure": measure.value, "version": version}
        async with self._office.acting(
            subject, Action.COSTS_MANAGE, "costs.freeze", reason, content
        ) as acting:
            sets = await repository.basis_sets(acting.session, year, measure)
            frozen = [each for each in sets if each.frozen_at is not None]
            if frozen:
                raise ConflictError(
                    f"The {measure.words} of {year} is frozen already, in version "
                    f"{frozen[0].version}."
                )
            chosen = [each for each in sets if each.version == version]
            if not chosen:
                raise NotFoundError(
                    f"There is no version {version} of the {measure.words} of {year}."
                )
            await repository.freeze(acting.session, chosen[0].basis_set_id, subject.username)
            after = await repository.basis_sets(acting.session, year, measure)
            return next(each for each in after if each.version == version)

    async def preview(
        self,
        subject: Subject,
        amount_pence: int,
        formula: str | Mapping[str, Any],
        year: FinancialYear,
        taking_part: Iterable[str] | None = None,
    ) -> Preview:
        """Return what a cost would come to for each force; nothing is stored.

        ``formula`` is a stored one's reference, or with its version as reference/2, or a document.
        Everyone takes part unless told otherwise. Bases that aren't frozen yet are used, and told.
        """
        async with self._office.reading(subject, "costs.preview", Action.COSTS_READ) as reading:
            name, chosen = await _formula(reading.session, formula)
            everyone = await forces(reading.session)
            wanted = None if taking_part is None else set(taking_part)
            members = [
                tenant
                for tenant, each in everyone.items()
                if (each.status is TenantStatus.ACTIVE if wanted is None else each.slug in wanted)
            ]
            unknown = (wanted or set()) - {each.slug for each in everyone.values()}
            if unknown:
                raise InvalidInputError(f"{min(unknown)} is no force.", field="/forces")
            bases, sets = await bases_of(reading.session, year, members, everyone)
            used = measures_of(chosen)
            return Preview(
                apportion(amount_pence, chosen, bases),
                chosen,
                name,
                year,
                tuple(each for measure, each in sets.items() if measure in used),
            )


async def forces(session: ReadSession) -> dict[TenantId, Tenant]:
    """Return every force that is or was in the consortium, by its number."""
    return {
        each.tenant_id: each
        for each in await directory.list_tenants(session)
        if each.kind is TenantKind.FORCE
    }


async def bases_of(
    session: ReadSession,
    year: FinancialYear,
    members: Iterable[TenantId],
    everyone: Mapping[TenantId, Tenant],
    *,
    frozen_only: bool = False,
) -> tuple[dict[TenantId, Bases], dict[Measure, BasisSet]]:
    """Return what members are measured by in a year, and the sets that say so.

    A measure that nothing is known of is left out; sharing by it then says whose is missing.
    """
    stored = standing(await repository.basis_sets(session, year))
    sets = {
        measure: each
        for (_, measure), each in stored.items()
        if each.frozen_at is not None or not frozen_only
    }
    return {
        tenant: Bases(
            everyone[tenant].slug,
            everyone[tenant].name,
            {
                measure: each.values[tenant]
                for measure, each in sets.items()
                if tenant in each.values
            },
        )
        for tenant in members
    }, sets


async def stored_formula(session: ReadSession, name: str) -> StoredFormula:
    """Return the newest version of a formula, or the one of reference/2; NotFoundError if none."""
    reference, _, number = name.partition("/")
    if number and not (number.isdecimal() and len(number) <= 9):
        raise InvalidInputError("Name a version as in by-population/2.", field="/formula")
    found = [
        each
        for each in await repository.formulas(session, reference)
        if not number or each.version == int(number)
    ]
    if not found:
        raise NotFoundError(f"There is no formula {name}; store it first.")
    return found[-1]


async def _formula(session: ReadSession, formula: str | Mapping[str, Any]) -> tuple[str, Formula]:
    if isinstance(formula, str):
        stored = await stored_formula(session, formula)
        return f"{stored.reference}/{stored.version}", stored.formula
    return "", parse_formula(formula)


async def _store(
    session: WriteSession,
    subject: Subject,
    year: FinancialYear,
    measure: Measure,
    values: Mapping[TenantId, int],
    source: str,
    source_checksum: str | None,
    reason: str,
) -> BasisSet:
    if not values:
        raise InvalidInputError("Give the figure of at least one force.", field="/values")
    if not all(0 <= value <= LARGEST_PENCE for value in values.values()):
        raise InvalidInputError("A figure is zero or more, and not absurd.", field="/values")
    known = await repository.basis_sets(session, year, measure)
    if any(each.frozen_at is not None for each in known):
        raise ConflictError(f"The {measure.words} of {year} is frozen; it can't be replaced.")
    document = {
        "financial_year": str(year),
        "measure": measure.value,
        "source": source,
        "source_checksum": source_checksum,
        "values": {str(tenant): value for tenant, value in sorted(values.items())},
    }
    await repository.store_basis_set(
        session,
        year,
        measure,
        len(known) + 1,
        source,
        source_checksum,
        digest_of(document),
        values,
        subject.username,
        reason,
    )
    return (await repository.basis_sets(session, year, measure))[-1]
