"""A nominal read with the rows that it is made of is shown just as when it is read alone."""

from __future__ import annotations

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import Purpose
from athena.policies.roles.actions import Action
from athena.records.nominals import service as nominals
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.records import create_nominal

ALIASES = [{"kind": "alias", "given_names": "Storella", "surname": f"Alias{n}"} for n in "abcdefgh"]
NAMES = [*ALIASES, {"kind": "primary", "given_names": "Storella", "surname": "Keptworth"}]


async def test_a_nominal_with_its_rows_is_shown_as_without(platform: Platform) -> None:
    nominal_id = await create_nominal(platform, "kent", {"names": NAMES})
    subject = await subject_by_username(platform.runtime.database, "records.kent")
    entry = Entry(EventKind.CONSULTATION, "nominals.read", "A test of records")
    async with platform.runtime.gate.consult(
        subject, Action.NOMINALS_READ, Purpose.DATA_QUALITY, entry
    ) as consultation:
        alone = await nominals.read(consultation, nominal_id)
        stored = await nominals.read_stored(consultation, nominal_id)
    assert stored.disclosed == alone
    assert alone.nominal.names[0].surname == "Keptworth"
    assert {row["surname"] for row in stored.sections["names"]} == {
        name["surname"] for name in NAMES
    }
    assert all(row["row_id"] for row in stored.sections["names"])
