"""Opening the store: the embedded server or a normal one, migrated, with its logins' passwords."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from pydantic import SecretStr
from sqlalchemy import URL, NullPool, make_url, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from athena.platform.kernel.credentials import login_password, scram_verifier
from athena.platform.kernel.database import Database, StoreAddress
from athena.platform.kernel.embedded import EmbeddedServer, default_data_dir
from athena.platform.kernel.errors import ConfigurationError, StoreUnavailableError
from athena.platform.kernel.settings import Settings

_ATTEMPTS = 10
_CONCURRENTLY = "XX000"
"""How PostgreSQL refuses to alter a role that another transaction has altered meanwhile."""

SERVICE_LOGINS = (
    "athena_amo",
    "athena_auditor",
    "athena_counter",
    "athena_dictionary",
    "athena_directory",
    "athena_linker",
    "athena_monitor",
    "athena_outbox",
    "athena_policy_writer",
    "athena_ppss",
)
EMBEDDED_DATABASE = "athena"
MONTHS_AHEAD = 13
"""How many months of audit partitions stand ready; later events go to a catch-all partition."""

FINISHING_LOCK = 4_277_003
"""Keeps two processes from setting the same passwords at once, which PostgreSQL refuses."""

_DATABASE_RIGHTS = """
    DO $$
    DECLARE
        v_database text := current_database();
        v_role text;
    BEGIN
        IF has_database_privilege('public', v_database, 'TEMPORARY')
                OR has_database_privilege('public', v_database, 'CONNECT') THEN
            EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', v_database);
        END IF;
        FOREACH v_role IN ARRAY ARRAY['athena_force', 'LOGINS'] LOOP
            IF NOT has_database_privilege(v_role, v_database, 'CONNECT') THEN
                EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', v_database, v_role);
            END IF;
        END LOOP;
        IF NOT has_database_privilege('athena_stager', v_database, 'TEMPORARY') THEN
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO athena_stager', v_database);
        END IF;
    END $$
""".replace("LOGINS", "', '".join(SERVICE_LOGINS))
"""Who may connect and who may make temporary tables: a dump of one database leaves both out."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Store:
    """An opened store: where it is, who administers it, and the secret its logins derive from."""

    address: StoreAddress
    admin_url: URL = field(repr=False)
    master_secret: bytes = field(repr=False)
    master_secret_version: int
    pool_size: int
    server: EmbeddedServer | None
    direct: StoreAddress | None = None
    """The way past a pooler, where ``address`` leads through one."""
    replicas: tuple[StoreAddress, ...] = ()
    """Where the store's hot standbys are."""
    behind: bool = False
    """Whether the embedded server's processes for us stand back behind those of others."""

    def database(self) -> Database:
        """Return the pools through which everything but migrations reaches the store."""
        return Database(
            self.address,
            self.master_secret,
            self.master_secret_version,
            self.pool_size,
            self.direct,
            self.server.set_back if self.behind and self.server is not None else None,
        )

    def standbys(self) -> dict[str, Database]:
        """Return the pools of each hot standby, by its place."""
        return {
            f"{address.host}:{address.port}": Database(
                address,
                self.master_secret,
                self.master_secret_version,
                self.pool_size,
                address if self.direct else None,  # poolers before all of them, or none
            )
            for address in self.replicas
        }

    def verifier(self, login: str) -> str:
        """Return a fresh SCRAM verifier of a login's derived password."""
        password = login_password(self.master_secret, login, self.master_secret_version)
        return scram_verifier(password, secrets.token_bytes(16))

    def stop(self) -> None:
        """Leave the embedded server; the last to leave stops it. A normal server stays."""
        if self.server is not None:
            self.server.stop()


def data_dir(settings: Settings) -> Path:
    """Return where this installation keeps its files."""
    return settings.data_dir or default_data_dir()


def dictionary_dir(settings: Settings, store: Store) -> Path:
    """Return where the processes of this machine share the dictionary of a store's names."""
    address = store.address
    digest = hashlib.sha256(f"{address.host}:{address.port}/{address.database}".encode())
    parent = settings.dictionary_dir or data_dir(settings) / "dictionary"
    return parent / digest.hexdigest()[:12]


def open_store(settings: Settings, progress: Progress = lambda _: None) -> Store:
    """Start or find the store that the settings name, without migrating it."""
    server = None
    past_pooler = None
    if settings.database_url is None:
        server = EmbeddedServer.start(
            data_dir(settings), settings.embedded_memory_megabytes, progress=progress
        )
        admin = server.address
        address = StoreAddress(admin.host, admin.port, EMBEDDED_DATABASE)
        admin_url = address.url(admin.admin_user, admin.admin_password)
    else:
        pooled = _parse(settings.database_url.get_secret_value(), "ATHENA_DATABASE_URL")
        direct = settings.database_direct_url
        admin_url = (
            _parse(direct.get_secret_value(), "ATHENA_DATABASE_DIRECT_URL") if direct else pooled
        )
        address = _address(pooled)
        past_pooler = _address(admin_url) if direct else None
    return Store(
        address=address,
        admin_url=admin_url,
        master_secret=_master_secret(settings),
        master_secret_version=settings.master_secret_version,
        pool_size=settings.pool_size,
        server=server,
        direct=past_pooler,
        replicas=_replicas(settings.replica_urls),
    )


async def migrate(
    store: Store, revision: str = "head", progress: Progress = lambda _: None
) -> None:
    """Bring the store to a revision, set the service logins' passwords, ready the audit months."""
    if store.server is not None:
        await _create_database(store)
    engine = create_async_engine(store.admin_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            progress("Checking the store's tables")
            await connection.run_sync(_upgrade, revision)
            if revision == "head":
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": FINISHING_LOCK}
                )
                await connection.execute(text(_DATABASE_RIGHTS))
                await _set_passwords(connection, store)
                await connection.execute(
                    text("SELECT audit.ensure_partitions(current_date, :months)"),
                    {"months": MONTHS_AHEAD},
                )
                await connection.commit()
    except CommandError as error:
        raise ConfigurationError(
            f"This store was made ready by another release of Athena ({error}): start that "
            "release, or give this one a store of its own, by ATHENA_DATA_DIR or "
            "ATHENA_DATABASE_URL. Nothing was changed."
        ) from error
    except (OSError, DBAPIError) as error:
        raise StoreUnavailableError(
            "The store couldn't be migrated; nothing of the failed step was kept: "
            f"{_first_line(error)}"
        ) from error
    finally:
        await engine.dispose()


def alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, bound to a connection where one is given."""
    scripts = Path(__file__).parents[4] / "alembic"
    if not scripts.is_dir():
        raise ConfigurationError(
            "The migrations aren't beside the platform; install Athena from its source folder."
        )
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection, revision: str) -> None:
    command.upgrade(alembic_config(connection), revision)


async def _create_database(store: Store) -> None:
    engine = create_async_engine(
        store.admin_url.set(database="postgres"),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    try:
        async with engine.connect() as connection:
            name = store.address.database
            exists = await connection.scalar(
                text("SELECT true FROM pg_database WHERE datname = :name"), {"name": name}
            )
            if not exists:
                await connection.execute(text(f'CREATE DATABASE "{name}"'))
    finally:
        await engine.dispose()


async def _set_passwords(connection: AsyncConnection, store: Store) -> None:
    """Give each service login its derived password; utility statements take no parameters."""
    for login in SERVICE_LOGINS:
        verifier = store.verifier(login)  # base64, ':' and '$' only: safe inside quotes
        statement = text(f"ALTER ROLE {login} PASSWORD '{verifier}'".replace(":", "\\:"))
        for left in reversed(range(_ATTEMPTS)):
            try:
                async with connection.begin_nested():
                    await connection.execute(statement)
                break
            except DBAPIError as error:
                # Logins are the server's: another of its databases may be made ready just now,
                # and an advisory lock is of one database alone.
                if getattr(error.orig, "sqlstate", "") != _CONCURRENTLY or not left:
                    raise


def _replicas(urls: SecretStr | None) -> tuple[StoreAddress, ...]:
    if urls is None:
        return ()
    parts = [part.strip() for part in urls.get_secret_value().split(",")]
    return tuple(_address(_parse(part, "ATHENA_REPLICA_URLS")) for part in parts if part)


def _parse(value: str, name: str) -> URL:
    try:
        url = make_url(value)
    except ArgumentError:
        raise ConfigurationError(
            f"{name} isn't a database URL; write postgresql://user:password@host:5432/athena."
        ) from None
    if not url.drivername.startswith("postgresql"):
        raise ConfigurationError(f"{name} must name a PostgreSQL database.")
    return url.set(drivername="postgresql+asyncpg")


def _address(url: URL) -> StoreAddress:
    socket = url.query.get("host")
    host = socket if isinstance(socket, str) else url.host or "localhost"
    return StoreAddress(host, url.port or 5432, url.database or "athena")


def _master_secret(settings: Settings) -> bytes:
    if settings.master_secret is not None:
        secret = settings.master_secret.get_secret_value().encode()
        if len(secret) < 32:
            raise ConfigurationError(
                "ATHENA_MASTER_SECRET is too short; use at least 32 random characters."
            )
        return secret
    if settings.is_production:
        raise ConfigurationError(
            "ATHENA_MASTER_SECRET must be set in production: every login's password derives "
            "from it."
        )
    path = data_dir(settings) / "master-secret"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        secret = secrets.token_hex(32).encode()
        file.write(secret)
    return secret


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
