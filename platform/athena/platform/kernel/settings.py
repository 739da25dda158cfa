"""Settings: everything an installation can set, read once from ``ATHENA_…`` variables."""

from __future__ import annotations

import enum
from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from athena.platform.kernel.errors import ConfigurationError


class Environment(enum.StrEnum):
    """Where the platform runs; the demo's door to sign in exists in `DEMO` only."""

    DEMO = "demo"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """The settings of one process; see docs/operators.md for what each does."""

    model_config = SettingsConfigDict(env_prefix="ATHENA_", extra="ignore", frozen=True)

    env: Environment = Environment.DEMO
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    data_dir: Path | None = None
    dictionary_dir: Path | None = None
    """Where the processes of this machine share the dictionary of names; when absent, in
    ``data_dir``."""
    embedded_memory_megabytes: int = Field(default=256, ge=16, le=1_000_000)
    """How much memory the embedded server keeps pages in, once it is started."""
    database_url: SecretStr | None = None
    """Where the store is; when absent, an embedded server in ``data_dir``. Its user and password
    serve migrations only: every other session logs in as the login it acts for."""
    database_direct_url: SecretStr | None = None
    """The same store without a pooler in between, for migrations and notifications."""
    replica_urls: SecretStr | None = None
    """Hot standbys of the store that searches are sent to, with commas between; users and passwords
    aren't needed."""
    master_secret: SecretStr | None = None
    """The secret that all database logins' passwords derive from (at least 32 characters)."""
    master_secret_version: int = Field(default=1, ge=1)
    training_database_url: SecretStr | None = None
    """Where the training environment's store is, never on the live store's server; when absent, an
    embedded server of its own in ``data_dir``/training."""
    training_master_secret: SecretStr | None = None
    """The secret of the training store's logins; when absent, a file in ``data_dir``/training."""
    demo_nominals: int = Field(default=20_000, ge=0, le=1_000_000)
    pool_size: int = Field(default=4, ge=1, le=50)
    grant_seconds: int = Field(default=300, ge=5, le=900)
    opa_url: str | None = None
    """The OPA server that decides; when absent, the engine in the process does."""
    opa_ca_file: Path | None = None
    """The only authority whose certificate of that server is believed; else the system's."""
    opa_token: SecretStr | None = None
    opa_deadline_seconds: float = Field(default=2.0, ge=0.05, le=30)
    emergency_minutes: int = Field(default=30, ge=1, le=240)
    """How long a record stays open in an emergency."""
    partner_url: str | None = Field(default=None, pattern=r"^https?://[^/\s]+$")
    """Where partners reach the platform, which their signatures cover; when absent, the scheme and
    host that a request names."""
    ppss_webhook_networks: str = ""
    """Networks beside the internet that partners' webhooks may lead to, with commas between."""
    answers_batches: bool = True
    """Whether this process answers what partners asked in batches; processes share the work."""
    compares: bool = True
    """Whether this process compares changed nominals with others; one process is enough."""

    @cached_property
    def is_production(self) -> bool:
        """Whether the demo's conveniences must stay shut."""
        return self.env is Environment.PRODUCTION


def load_settings() -> Settings:
    """Read the settings from the environment, or say in one sentence which is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "ATHENA_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"{name} can't be used: {first['msg']}.") from None
