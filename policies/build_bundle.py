"""Builds the policy bundle, for both engines, with the digest of its sources.

``policy.wasm`` is what the platform runs itself, ``server.tar.gz`` what an OPA server is given.

``make policies`` runs it; ``--check`` builds beside the committed bundle and fails if they differ.
Needs OPA at exactly `OPA_VERSION`, on PATH or in ``.tools/bin`` (``make policies`` puts it there).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

OPA_VERSION = "1.20.2"
ENTRYPOINT = "athena/visibility/decisions"
ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "policies" / "rego"
BUNDLE = ROOT / "policies" / "athena" / "policies" / "decisions" / "bundle"
SERVER_BUNDLE = "server.tar.gz"


def main() -> int:
    """Build, and write or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed bundle")
    check = parser.parse_args().check
    opa = find_opa()
    if opa is None:
        sys.stderr.write(
            f"OPA {OPA_VERSION} isn't on PATH nor in .tools/bin; `make policies` installs it.\n"
        )
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        files = build(opa, Path(scratch))
    if check:
        differing = [name for name, content in files.items() if differs(name, content)]
        if differing:
            sys.stderr.write(f"Out of date, run `make policies`: {', '.join(differing)}.\n")
            return 1
        sys.stdout.write("The policy bundle is that of its sources.\n")
        return 0
    BUNDLE.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (BUNDLE / name).write_bytes(content)
    sys.stdout.write(f"Built the policy bundle with OPA {OPA_VERSION}.\n")
    return 0


def differs(name: str, built: bytes) -> bool:
    """Tell whether a file of the committed bundle isn't what was built."""
    path = BUNDLE / name
    if not path.is_file():
        return True
    committed = path.read_bytes()
    if name == SERVER_BUNDLE:  # other releases of Go compress the same files otherwise
        return unpacked(committed) != unpacked(built)
    return committed != built


def unpacked(archive: bytes) -> dict[str, bytes]:
    """Return the files of a bundle for a server by name."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as bundle:
        members = {member.name: bundle.extractfile(member) for member in bundle}
        return {name: content.read() for name, content in members.items() if content}


def sources() -> list[Path]:
    """Return the Rego files of the bundle: rules, not their tests."""
    return sorted(path for path in SOURCES.rglob("*.rego") if not path.name.endswith("_test.rego"))


def revision() -> str:
    """Return the SHA-256 of the sources with their names."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.relative_to(SOURCES).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def build(opa: str, scratch: Path) -> dict[str, bytes]:
    """Compile the sources and return the bundle's files by name."""
    archive = scratch / "bundle.tar.gz"
    relative = [path.relative_to(SOURCES).as_posix() for path in sources()]
    command = [opa, "build", "-t", "wasm", "-e", ENTRYPOINT, "-o", str(archive), *relative]
    subprocess.run(command, cwd=SOURCES, check=True)  # noqa: S603 - the program found above
    module = unpacked(archive.read_bytes())["/policy.wasm"]
    command = [opa, "build", "-r", revision(), "-o", str(archive), *relative]
    subprocess.run(command, cwd=SOURCES, check=True)  # noqa: S603 - the program found above
    manifest = {
        "entrypoint": ENTRYPOINT,
        "module": hashlib.sha256(module).hexdigest(),
        "opa": OPA_VERSION,
        "revision": revision(),
    }
    return {
        "policy.wasm": module,
        SERVER_BUNDLE: archive.read_bytes(),
        "manifest.json": (json.dumps(manifest, indent=2) + "\n").encode(),
    }


def find_opa() -> str | None:
    """Return the pinned OPA's path, or None."""
    search = os.pathsep.join([str(ROOT / ".tools" / "bin"), os.environ.get("PATH", "")])
    for directory in search.split(os.pathsep):
        found = shutil.which("opa", path=directory)
        if found is None:
            continue
        output = subprocess.run(  # noqa: S603 - asks a program for its version
            [found, "version"], capture_output=True, text=True, check=False
        ).stdout
        match = re.search(r"Version: (\S+)", output)
        if match and match[1] == OPA_VERSION:
            return found
    return None


if __name__ == "__main__":
    sys.exit(main())
