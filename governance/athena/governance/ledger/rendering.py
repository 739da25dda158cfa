"""Statements and journals as people keep them: readable text, and CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from athena.governance.apportionment.money import pounds, show_day
from athena.governance.ledger.models import Posted
from athena.governance.ledger.statements import Statement
from athena.platform.kernel.identity import TenantId

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def statement_text(statement: Statement) -> str:
    """Return a statement to be read: what was owed, what changed it, what is owed now."""
    rows = [
        f"Statement of {statement.name} for {statement.year}",
        f"{show_day(statement.year.first_day)} to {show_day(statement.year.last_day)}",
        "",
        f"{'Owed at the start':72}{pounds(statement.opening_owed):>22}",
    ]
    for line in statement.lines:
        said = f"{line.day}  {line.narrative}"
        rows.append(f"{said:72}{pounds(line.owed):>22}" if line.owed else said)
        if line.committed:
            rows.append(f"{'':12}committed {pounds(line.committed)}")
    rows += [
        f"{'Owed at the end':72}{pounds(statement.closing_owed):>22}",
        f"{'Committed at the end, not yet invoiced':72}{pounds(statement.closing_committed):>22}",
    ]
    if statement.closing_owed < 0:
        rows.append("What is owed is negative: this much stands to the force's credit.")
    return "\n".join(rows) + "\n"


def statement_csv(statement: Statement) -> str:
    """Return a statement as CSV, amounts in pounds with two decimal places."""
    opening = ["", statement.year.first_day, "opening", "", "", "At the start"]
    closing = ["", statement.year.last_day, "closing", "", "", "At the end"]
    return _csv(
        ("number", "day", "kind", "charge", "document", "narrative", "owed", "committed"),
        [
            [*opening, _amount(statement.opening_owed), _amount(statement.opening_committed)],
            *(
                [
                    line.number,
                    line.day,
                    line.kind.value,
                    line.charge or "",
                    _harmless(line.document),
                    _harmless(line.narrative),
                    _amount(line.owed),
                    _amount(line.committed),
                ]
                for line in statement.lines
            ),
            [*closing, _amount(statement.closing_owed), _amount(statement.closing_committed)],
        ],
    )


def journals_csv(journals: Iterable[Posted], forces: Mapping[TenantId, str]) -> str:
    """Return journals as CSV, one line an entry; debits are positive, credits negative."""
    return _csv(
        (
            "number",
            "journal",
            "posted_at",
            "day",
            "kind",
            "charge",
            "charge_year",
            "document",
            "narrative",
            "account",
            "force",
            "amount",
        ),
        [
            [
                journal.number,
                journal.journal_id,
                journal.posted_at.isoformat(),
                journal.day,
                journal.kind.value,
                journal.charge or "",
                journal.charge_year or "",
                _harmless(journal.document),
                _harmless(journal.narrative),
                entry.account.value,
                "" if entry.tenant_id is None else forces[entry.tenant_id],
                _amount(entry.pence),
            ]
            for journal in journals
            for entry in journal.entries
        ],
    )


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")  # RFC 4180
    writer.writerow(header)
    writer.writerows(rows)
    return written.getvalue()


def _amount(pence: int) -> str:
    sign = "-" if pence < 0 else ""
    return f"{sign}{abs(pence) // 100}.{abs(pence) % 100:02}"


def _harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula of its own."""
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text
