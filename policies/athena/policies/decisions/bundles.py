"""Compiled policies as they are kept, so that a decision can be repeated by what made it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.errors import DecisionUnavailableError
from athena.policies.decisions import repository


@dataclass(frozen=True, slots=True)
class Bundle:
    """A compiled policy, under the digest of the sources it was built from."""

    revision: str
    module: bytes = field(repr=False)


@cache
def packaged() -> Bundle:
    """Return the bundle that comes with the platform."""
    folder = files("athena.policies.decisions") / "bundle"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Bundle(str(manifest["revision"]), (folder / "policy.wasm").read_bytes())


async def keep(session: WriteSession, revision: str) -> None:
    """Keep the bundle that decides where it isn't kept yet, before a decision refers to it.

    DecisionUnavailableError for a bundle that isn't ours: its decisions couldn't be repeated.
    """
    if await repository.has_bundle(session, revision):
        return
    bundle = packaged()
    if bundle.revision != revision:
        raise DecisionUnavailableError(
            "The policy that decides isn't the one installed, so nothing is shown; "
            "restart the platform after an update."
        )
    await repository.store_bundle(session, bundle.revision, bundle.module)


async def find(session: ReadSession, revision: str) -> Bundle | None:
    """Return the kept bundle of a revision, or the installed one where it is that, or None."""
    module = await repository.bundle_module(session, revision)
    if module is not None:
        return Bundle(revision, module)
    return packaged() if packaged().revision == revision else None
