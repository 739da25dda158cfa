"""The SQL of source references."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.exc import IntegrityError

from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import NominalId
from athena.policies.visibility.models import Alteration, Consultation


async def known(consultation: Consultation, source: str, source_ids: Collection[str]) -> set[str]:
    """Return which records of a source have been imported by the member's own force."""
    rows = await consultation.session.rows(
        "SELECT source_id FROM records.source_reference WHERE owner_force = :owner "
        "AND source = :source AND source_id = ANY(:ids)",
        {
            "owner": consultation.subject.tenant_id,
            "source": source,
            "ids": list(source_ids),
        },
    )
    return {row.source_id for row in rows}


async def count(consultation: Consultation, source: str) -> int:
    """Return how many records of a source the member's own force has imported."""
    number: int = await consultation.session.value(
        "SELECT count(*) FROM records.source_reference "
        "WHERE owner_force = :owner AND source = :source",
        {"owner": consultation.subject.tenant_id, "source": source},
    )
    return number


async def add(
    alteration: Alteration, source: str, references: Sequence[tuple[str, NominalId]]
) -> None:
    """Note which records of a source the new nominals came from; ConflictError if they're noted."""
    statement = (
        "INSERT INTO records.source_reference (owner_force, source, source_id, nominal_id) "
        "SELECT :owner, :source, r.source_id, r.nominal_id "
        "FROM unnest(CAST(:ids AS text[]), CAST(:nominals AS uuid[])) AS r (source_id, nominal_id)"
    )
    values = {
        "owner": alteration.subject.tenant_id,
        "source": source,
        "ids": [source_id for source_id, _ in references],
        "nominals": [nominal_id for _, nominal_id in references],
    }
    try:
        await alteration.session.execute(statement, values)
    except IntegrityError:
        # Imported a moment ago, or of a record that is locked against whoever imports.
        raise ConflictError(
            "Some of these rows came in under the same ids already; import the file again, "
            "or let another records manager import it."
        ) from None
