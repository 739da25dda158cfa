"""Commands on costs: formulas, bases, and what a cost comes to for each force."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import Annotated

import typer

from athena.governance.apportionment.models import Measure, parse_formula
from athena.governance.apportionment.money import FinancialYear, parse_pounds, pounds
from athena.governance.apportionment.schemas import (
    BasisView,
    FormulaView,
    NewBases,
    NewFormula,
    PreviewView,
)
from athena.governance.apportionment.stored import BasisSet, Preview, StoredFormula
from athena.platform.cli.common import Json, acting, opened, out, print_json, run
from athena.platform.cli.governance import governance_app
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import TenantId
from athena.policies.agreements.signing import parse_document
from athena.tenants.directory.models import Tenant

costs_app = typer.Typer(help="How costs are shared.", no_args_is_help=True)

Account = Annotated[str, typer.Option("--as", help="Who acts or reads.")]
Why = Annotated[str, typer.Option("--reason", help="Why. The log keeps it.")]
Year = Annotated[str, typer.Argument(help="A financial year, such as 2026/27.")]
FINANCE = "amo.finance"


def register() -> None:
    """Add the commands."""
    costs_app.command("formulas")(formulas)
    costs_app.command("store-formula")(store_formula)
    costs_app.command("bases")(bases)
    costs_app.command("store-bases")(store_bases)
    costs_app.command("usage")(usage)
    costs_app.command("freeze")(freeze)
    costs_app.command("preview")(preview)
    governance_app.add_typer(costs_app, name="costs")


def formulas(account: Account = FINANCE, as_json: Json = False) -> None:
    """List every version of every formula."""

    async def work() -> list[StoredFormula]:
        async with opened() as runtime:
            return await runtime.accounts.costs.formulas(await acting(runtime, account))

    found = run(work())
    if as_json:
        print_json([FormulaView.of(each).model_dump(mode="json") for each in found])
        return
    for each in found:
        out.print(f"{each.reference}/{each.version}  {each.title}")
    if not found:
        out.print("No formula is stored.")


def store_formula(
    reference: Annotated[str, typer.Argument(help="Its name, such as by-population.")],
    file: Annotated[Path, typer.Argument(help="The formula, as JSON.")],
    title: Annotated[str, typer.Option(help="What people call it.")],
    reason: Why,
    account: Account = FINANCE,
) -> None:
    """Store a formula, or the next version of one."""
    document = parse_document(read(file))
    new = NewFormula(title=title, formula=parse_formula(document), reason=reason)

    async def work() -> StoredFormula:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            return await runtime.accounts.costs.store_formula(
                subject, reference, new.title, document, new.reason
            )

    stored = run(work())
    out.print(f"Stored {stored.reference}/{stored.version}.")


def store_bases(
    year: Year,
    measure: Measure,
    file: Annotated[Path, typer.Argument(help="CSV: a force's short name, a whole number.")],
    source: Annotated[str, typer.Option(help="Where the figures were published.")],
    reason: Why,
    account: Account = FINANCE,
) -> None:
    """Store what forces are measured by in a year; nothing is frozen yet."""
    content = read(file)
    new = NewBases(
        financial_year=year,
        measure=measure,
        values=_values(content),
        source=source,
        source_sha256=hashlib.sha256(content).hexdigest(),
        reason=reason,
    )

    async def work() -> BasisSet:
        async with opened() as runtime:
            return await runtime.accounts.costs.store_bases(
                await acting(runtime, account),
                FinancialYear.parse(new.financial_year),
                new.measure,
                new.values,
                new.source,
                new.source_sha256,
                new.reason,
            )

    _tell(run(work()))


def bases(
    year: Annotated[
        str | None, typer.Argument(help="A financial year; all of them if none.")
    ] = None,
    account: Account = FINANCE,
    as_json: Json = False,
) -> None:
    """List what forces are measured by, with the source and whether it is frozen."""
    of = None if year is None else FinancialYear.parse(year)

    async def work() -> tuple[list[BasisSet], dict[TenantId, Tenant]]:
        async with opened() as runtime:
            return await runtime.accounts.costs.bases(await acting(runtime, account), of)

    found, forces = run(work())
    if as_json:
        print_json([BasisView.of(each, forces).model_dump(mode="json") for each in found])
        return
    for each in found:
        _tell(each)
        out.print(f"  Source: {each.source}", markup=False)
        for tenant, value in sorted(each.values.items()):
            out.print(f"  {forces[tenant].name:20} {value:>20,}")
    if not found:
        out.print("No bases are stored.")


def usage(year: Year, reason: Why, account: Account = FINANCE) -> None:
    """Count each force's consultations in a year so far, and store them."""

    async def work() -> BasisSet:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            of = FinancialYear.parse(year)
            return await runtime.accounts.costs.measure_usage(subject, of, reason)

    _tell(run(work()))


def freeze(
    year: Year,
    measure: Measure,
    version: Annotated[int, typer.Argument(min=1, max=2_147_483_647)],
    reason: Why,
    account: Account = FINANCE,
) -> None:
    """Freeze a version of a year's bases, for good."""

    async def work() -> BasisSet:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            of = FinancialYear.parse(year)
            return await runtime.accounts.costs.freeze(subject, of, measure, version, reason)

    _tell(run(work()))


def preview(
    amount: Annotated[str, typer.Argument(help="In pounds, such as 1234.56.")],
    formula: Annotated[str, typer.Argument(help="A formula's name, or name/2.")],
    year: Year,
    forces: Annotated[str | None, typer.Option(help="Who takes part, with commas.")] = None,
    account: Account = FINANCE,
    as_json: Json = False,
) -> None:
    """Show what a cost comes to for each force and why; nothing is stored."""

    async def work() -> Preview:
        async with opened() as runtime:
            return await runtime.accounts.costs.preview(
                await acting(runtime, account),
                parse_pounds(amount),
                formula,
                FinancialYear.parse(year),
                None if forces is None else forces.split(","),
            )

    found = run(work())
    if as_json:
        print_json(PreviewView.of(found).model_dump(mode="json"))
        return
    for share in found.shares.shares:
        out.print(share.sentence)
    out.print(f"Together {pounds(found.shares.amount_pence)}.")
    if found.is_provisional:
        out.print("Provisional: not every basis is frozen.")


def read(file: Path) -> bytes:
    """Return a file's bytes, or InvalidInputError."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{file} can't be read: {error.strerror}.") from None


def _values(content: bytes) -> dict[str, int]:
    values: dict[str, int] = {}
    try:
        for force, value in csv.reader(io.StringIO(content.decode())):
            if force in values:
                raise ValueError(force)
            values[force] = int(value)
    except ValueError:
        raise InvalidInputError(
            "Each line of the file is a force's short name, once, a comma, and a whole number."
        ) from None
    return values


def _tell(stored: BasisSet) -> None:
    frozen = "frozen" if stored.frozen_at else "not frozen"
    out.print(f"{stored.measure.words} {stored.year}, version {stored.version}, {frozen}.")
