"""Editions of the dictionary of names: files that every process of a machine maps.

An edition is a directory of arrays with a header that says which store and which moment it is of,
under a checksum. It is written beside the others, flushed to the disk and renamed; then `current`
is set to it, so that whoever opens it sees a whole edition or the one before. What can't be read,
or is another store's or an older format's, counts as not there and is built again.

No record and no person stands in an edition, but which names exist does: directories are 0700 and
files 0600, and nothing is sent anywhere.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from athena.records.names.repository import RegisterState
from athena.sharing.search.dictionary import EDITION_ARRAYS

FORMAT = 1
"""Raised whenever arrays or hashes change their meaning; older editions are then built again."""

_CURRENT, _LOCK, _HEADER = "current", "lock", "header.json"
_UNFINISHED = "unfinished-"
_ATTEMPTS = 5

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Header:
    """What an edition is of."""

    format: int
    store: str
    cleanings: int
    horizon: int
    """What was registered before this transaction is in the edition."""
    terms: int
    pairs: int
    built_at: str
    files: dict[str, tuple[int, str]]
    """The size and the SHA-256 of each file."""

    def is_of(self, state: RegisterState) -> bool:
        """Whether an edition is of this register, and nothing was taken away since."""
        return (
            self.format == FORMAT
            and self.store == state.store
            and self.cleanings == state.cleanings
        )


@dataclass(frozen=True, slots=True)
class Edition:
    """An opened edition; its arrays stay readable when the files are replaced."""

    name: str
    header: Header
    arrays: Arrays


class Shelf:
    """The directory of the editions of one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current_name(self) -> str | None:
        """Return the name of the current edition: what to compare to learn of another one."""
        try:
            return (self.folder / _CURRENT).read_text().strip() or None
        except OSError:
            return None

    def open(self, state: RegisterState) -> Edition | None:
        """Map the current edition, or return None where there is none of this register."""
        edition = self.open_any()
        return edition if edition is not None and edition.header.is_of(state) else None

    def open_any(self) -> Edition | None:
        """Map the current edition of whatever register, or return None where it can't be read."""
        for _ in range(_ATTEMPTS):  # the edition may be replaced while it is opened
            name = self.current_name()
            if name is None:
                return None
            header = self._header(name)
            arrays = self._arrays(name, header) if header is not None else None
            if header is not None and header.format == FORMAT and arrays is not None:
                return Edition(name, header, arrays)
            if name == self.current_name():
                return None
        return None

    @contextmanager
    def building(self) -> Iterator[bool]:
        """Hold the right to build, or False where another process has it."""
        self._prepare()
        with (self.folder / _LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def publish(self, state: RegisterState, arrays: Arrays) -> str:
        """Write an edition, make it the current one, and remove the others; return its name.

        Only who holds the right to build calls this.
        """
        self._prepare()
        name = f"edition-{uuid4().hex}"
        unfinished = self.folder / f"{_UNFINISHED}{name}"
        unfinished.mkdir(mode=0o700)
        files = {key: _write(unfinished / f"{key}.npy", arrays[key]) for key in EDITION_ARRAYS}
        header = Header(
            format=FORMAT,
            store=state.store,
            cleanings=state.cleanings,
            horizon=state.horizon,
            terms=len(arrays["tokens"]),
            pairs=len(arrays["pairs"]),
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
            files=files,
        )
        body = json.dumps(asdict(header), sort_keys=True)
        _write_text(unfinished / _HEADER, f"{_digest(body)}\n{body}\n")
        _flush(unfinished)
        unfinished.rename(self.folder / name)
        _write_text(self.folder / f"{_CURRENT}.{name}", name)
        (self.folder / f"{_CURRENT}.{name}").replace(self.folder / _CURRENT)
        _flush(self.folder)
        self._remove_others(name)
        return name

    def check(self) -> tuple[Header | None, list[str]]:
        """Return the current header, and which of its files aren't what it says; reads them all."""
        name = self.current_name()
        header = self._header(name) if name else None
        if name is None or header is None:
            return None, []
        wrong = []
        for key, (size, digest) in header.files.items():
            path = self.folder / name / f"{key}.npy"
            if not path.is_file() or (path.stat().st_size, _file_digest(path)) != (size, digest):
                wrong.append(path.name)
        return header, wrong

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def _header(self, name: str) -> Header | None:
        try:
            digest, body, _ = (self.folder / name / _HEADER).read_text().split("\n")
            if digest != _digest(body):
                return None
            fields = json.loads(body)
            fields["files"] = {key: tuple(value) for key, value in fields["files"].items()}
            return Header(**fields)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _arrays(self, name: str, header: Header) -> Arrays | None:
        """Map the files; their sizes are checked, their digests only by `check`."""
        arrays: Arrays = {}
        try:
            for key in EDITION_ARRAYS:
                path = self.folder / name / f"{key}.npy"
                if path.stat().st_size != header.files[key][0]:
                    return None
                mapped = np.load(path, mmap_mode="r", allow_pickle=False)
                # A plain view: memmap's own class costs at every slice.
                arrays[key] = np.asarray(mapped)
        except (OSError, ValueError, KeyError):
            return None
        return arrays

    def _remove_others(self, name: str) -> None:
        """Remove what isn't current; who has it mapped keeps it until letting go."""
        for path in self.folder.iterdir():
            if path.name.startswith(("edition-", _UNFINISHED, f"{_CURRENT}.")) and (
                path.name != name
            ):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def _write(path: Path, array: NDArray[Any]) -> tuple[int, str]:
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return path.stat().st_size, _file_digest(path)


def _write_text(path: Path, text: str) -> None:
    with path.open("x") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
