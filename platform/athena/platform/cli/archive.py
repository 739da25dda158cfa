"""Commands about archives: export, import, off-board, verify a certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from athena.platform.cli.common import As, Reason, acting, opened, opened_store, out, run
from athena.platform.cli.tenants import Administrator, tenants_app
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.permits import check_reason
from athena.platform.kernel.store import Store
from athena.policies.roles.actions import Action
from athena.records.archive import service
from athena.records.archive.certificate import Certificate, Signer, check_certificate
from athena.records.archive.files import read_archive, write_archive
from athena.records.archive.models import Archive
from athena.tenants.lifecycle.service import end_sessions

ArchiveFile = Annotated[Path, typer.Argument(help="An archive, such as north-county.tar.gz.")]


def register() -> None:
    """Add the commands to those of tenants."""
    tenants_app.command("export")(export)
    tenants_app.command("import-archive")(import_archive)
    tenants_app.command("offboard")(offboard)
    tenants_app.command("verify-certificate")(verify_certificate)


def export(
    force: Annotated[str, typer.Argument(help="One's own force's short name.")],
    account: As,
    reason: Reason,
    file: Annotated[Path, typer.Option("--out", help="Where the archive goes.")],
) -> None:
    """Take out every record of one's own force, as a checksummed archive."""
    stated = check_reason(reason)
    _check_place(file)

    async def work() -> Archive:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            if subject.tenant != force:
                raise InvalidInputError("Records are exported by their own force's members.")
            return await service.export(runtime.gate, subject, stated)

    archive = run(work())
    write_archive(file, archive)
    rows = sum(table.rows for table in archive.manifest.tables.values())
    out.print(f"{rows} rows are in {file}, whose checksum is")
    out.print(archive.manifest.checksum)


def import_archive(file: ArchiveFile, account: As, reason: Reason) -> None:
    """Load an archive into one's own, empty force, whole or not at all."""
    stated = check_reason(reason)
    archive = read_archive(file)

    async def work() -> int:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            return await service.restore(runtime.gate, runtime.register, subject, archive, stated)

    out.print(f"{run(work())} rows are loaded, and export to the same checksum.")


def offboard(
    slug: str,
    reason: Reason,
    certificate: Annotated[Path, typer.Option(help="Where the certificate goes.")],
    archive: Annotated[
        Path | None, typer.Option(help="An archive of the force's present state.")
    ] = None,
    checksum: Annotated[str | None, typer.Option(help="Or the checksum of one.")] = None,
    account: Administrator = "amo.admin",
) -> None:
    """Erase whatever a suspended tenant owns, with a signed certificate of it."""
    stated = check_reason(reason)
    if archive is not None:
        checksum = read_archive(archive).manifest.checksum
    _check_place(certificate)

    async def work() -> Certificate:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            await runtime.gate.permit_act(subject, Action.TENANTS_MANAGE, stated)
            await end_sessions(runtime.database)
            async with runtime.database.write(subject.login) as session:
                return await service.offboard(
                    session, subject, slug, checksum, stated, _signer(runtime.store)
                )

    signed = run(work())
    certificate.write_text(signed.model_dump_json(indent=2) + "\n", encoding="utf-8")
    out.print(f"{slug} has left: everything it owned is erased. The certificate is {certificate}.")
    out.print(f"The key that checks it: {signed.public_key}")


def verify_certificate(
    file: Annotated[Path, typer.Argument(help="A certificate of erasure.")],
    public_key: Annotated[
        str | None, typer.Option(help="The platform's key; this platform's own unless given.")
    ] = None,
) -> None:
    """Check that a certificate of erasure is signed by a platform and unchanged."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidInputError(f"{file.name} can't be read.") from None

    async def own_key() -> str:
        async with opened_store() as store:
            return _signer(store).public_key

    statement = check_certificate(text, public_key or run(own_key()))
    erased = sum(table.before for table in statement.tables.values())
    left = sum(table.after for table in statement.tables.values())
    out.print(f"The signature is good. {statement.name}: {erased} rows erased, {left} left,")
    out.print(f"at {show_time(statement.erased_at)} by {statement.erased_by}.")


def _check_place(file: Path) -> None:
    """Refuse a file that can't be written before anything is done for it."""
    if not file.parent.is_dir() or file.is_dir():
        raise InvalidInputError(f"{file} can't be written: name a file in a folder that exists.")


def _signer(store: Store) -> Signer:
    return Signer(store.master_secret, store.master_secret_version)
