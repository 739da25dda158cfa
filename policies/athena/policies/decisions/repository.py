"""The SQL of kept bundles, as the policy writer."""

from __future__ import annotations

from athena.platform.kernel.database import ReadSession, WriteSession


async def has_bundle(session: ReadSession, revision: str) -> bool:
    """Whether the bundle of a revision is kept."""
    found = await session.value(
        "SELECT true FROM policies.bundle WHERE revision = :revision", {"revision": revision}
    )
    return found is not None


async def store_bundle(session: WriteSession, revision: str, module: bytes) -> None:
    """Keep a bundle's module; somebody else may just have kept the same."""
    await session.execute(
        "INSERT INTO policies.bundle (revision, module, module_digest) "
        "VALUES (:revision, :module, sha256(:module)) ON CONFLICT (revision) DO NOTHING",
        {"revision": revision, "module": module},
    )


async def bundle_module(session: ReadSession, revision: str) -> bytes | None:
    """Return the module of a revision, or None."""
    module: bytes | None = await session.value(
        "SELECT module FROM policies.bundle WHERE revision = :revision", {"revision": revision}
    )
    return module
