"""Archives as files: a compressed tar of JSON Lines, written whole or not at all, read warily."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from pathlib import Path

from pydantic import ValidationError

from athena.platform.kernel.errors import InvalidInputError
from athena.records.archive.models import Archive, Manifest, file_of

MANIFEST = "manifest.json"
MOST_BYTES = 2_000_000_000
"""The most that the files of one archive may hold together."""

_MOST_FILES = 200


def write_archive(path: Path, archive: Archive) -> None:
    """Write an archive where its owner alone can read it; two of the same content are equal."""
    content = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        _add(tar, MANIFEST, archive.manifest.model_dump_json(indent=2).encode() + b"\n")
        for table, lines in sorted(archive.lines.items()):
            _add(tar, f"{table}.jsonl", file_of(lines))
    partial = path.with_name(f".{path.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InvalidInputError(f"{path} can't be written: {error.strerror}.") from None


def read_archive(path: Path) -> Archive:
    """Read an archive and check that it is whole; InvalidInputError says what is wrong."""
    try:
        with tarfile.open(path, mode="r:gz") as tar:
            files = _read(tar)
        manifest = Manifest.model_validate_json(files.pop(MANIFEST, b""))
        lines = {name.removesuffix(".jsonl"): _lines(data) for name, data in files.items()}
        return Archive(manifest=manifest, lines=lines)
    except FileNotFoundError:
        raise InvalidInputError(f"There is no file {path.name}; check its name.") from None
    except ValidationError as error:
        first = error.errors()[0]["msg"].removeprefix("Value error, ").rstrip(".")
        raise InvalidInputError(f"{path.name} isn't a whole archive: {first}.") from None
    except (OSError, EOFError, tarfile.TarError, zlib.error, UnicodeDecodeError):
        raise InvalidInputError(f"{path.name} can't be read as an archive.") from None


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.mode = 0o600
    tar.addfile(entry, io.BytesIO(data))


def _read(tar: tarfile.TarFile) -> dict[str, bytes]:
    """Return the files of a tar; nothing is unpacked, so that no name leads anywhere."""
    files: dict[str, bytes] = {}
    total = 0
    for entry in tar:
        total += entry.size
        packed = tar.extractfile(entry) if entry.isreg() else None
        if packed is None or entry.name in files or not entry.name.isprintable():
            raise tarfile.TarError("not a plain file, or one that is there twice")
        if total > MOST_BYTES or len(files) >= _MOST_FILES:
            raise tarfile.TarError("too much")
        files[entry.name] = packed.read()
    return files


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8")
    if text and not text.endswith("\n"):
        raise tarfile.TarError("the last line has no end")
    return text.split("\n")[:-1]
