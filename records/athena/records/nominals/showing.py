"""A stored nominal as policy shows it: pure functions of its rows and a decision."""

from __future__ import annotations

from uuid import UUID

from athena.platform.kernel.identity import NominalId, TenantId
from athena.policies.visibility.models import Consultation
from athena.records.nominals.dates import PartialDate
from athena.records.nominals.drafts import VIEWS, row_value
from athena.records.nominals.models import ROW_TABLES, Row
from athena.records.nominals.schemas import Disclosed, NominalView
from athena.records.nominals.values import HandlingCode, HandlingCondition, Marking


def disclosed_of(consultation: Consultation, row: Row) -> Disclosed:
    """Return a nominal's row, with the sections that were read, as a consultation shows it."""
    key = (TenantId(row["owner_force"]), NominalId(row["nominal_id"]))
    view = consultation.visibility.view(row["label_id"], key)
    label = view.label
    shown = {
        table.section: [row_value(VIEWS[table.section], item) for item in row[table.section]]
        for table in ROW_TABLES
        if table.group in view.groups and table.section in row
    }
    born = born_of(row)
    nominal = NominalView(
        names=row["called"],
        sex=row["sex"],
        gender=row["gender"],
        date_of_birth=str(born) if born else None,
        date_of_death=row["date_of_death"],
        place_of_birth=row["place_of_birth"],
        version=row["version"],
        marking=Marking(label.marking),
        handling=HandlingCode(label.handling),
        conditions=[HandlingCondition(condition) for condition in label.conditions],
        restricted=label.restricted,
        sealed=label.sealed,
        **shown,
    )
    return Disclosed(
        id=row["nominal_id"],
        owner_force=label.owner,
        disclosure=view.level,
        agreement_id=UUID(view.agreement_id) if view.agreement_id else None,
        reasons=list(view.reasons),
        obligations=list(view.obligations),
        withheld=list(view.withheld),
        nominal=nominal,
    )


def born_of(row: Row) -> PartialDate | None:
    """Return the date of birth of a nominal's row, as far as it is known."""
    day = row["date_of_birth"]
    return PartialDate.of(day, row["date_of_birth_precision"]) if day else None
