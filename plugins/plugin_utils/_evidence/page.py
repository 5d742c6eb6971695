# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""The bundles of all hosts on the controller: take one in, and list them on one self-contained page."""

from __future__ import annotations

import hashlib
import json
import os
import re
import typing as t
import urllib.parse
from pathlib import Path

import jinja2
from ansible_collections.vendhub.ops.plugins.module_utils._core import files
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError
from ansible_collections.vendhub.ops.plugins.module_utils._core.limits import duration, size

HERE = Path(__file__).resolve().parent
INDEX, GUARD = "index.html", ".index.guard"
ARCHIVE, MANIFEST = "evidence.tar.gz", "manifest.json"
FOLDER_MODE, FILE_MODE = 0o700, 0o600
MOST_BUNDLES = 200
MANIFEST_BYTES = 4 * 1024 * 1024
_SAFE = re.compile(r"[^A-Za-z0-9._-]")


class Bundle(t.NamedTuple):
    """One bundle as the page shows it."""

    host: str
    folder: str
    link: str
    manifest: dict[str, t.Any]
    fault: str


def folder_of(directory: str, host: str, name: str) -> str:
    """Where the bundle of a host goes; a host's name is no path."""
    safe = _SAFE.sub("_", host).lstrip(".") or "_"
    return os.path.join(directory, safe, _SAFE.sub("_", name))


def prepare(folder: str) -> None:
    """Make the folder, private like everything above it that is new."""
    host = os.path.dirname(folder)
    for one in (os.path.dirname(host), host, folder):
        files.private_folder(one, FOLDER_MODE)


def taken_in(folder: str, host: str, manifest: t.Mapping[str, t.Any]) -> None:
    """Check a bundle that was fetched, and keep its manifest beside it; OpsError when it is not the one made there."""
    path = os.path.join(folder, ARCHIVE)
    try:
        os.chmod(path, FILE_MODE)
        found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as exc:
        raise OpsError(f"{path} did not arrive: {exc.strerror}") from exc
    if found != manifest["archive"]["sha256"]:
        raise OpsError(f"{path} is not what was packed on {host}: its SHA-256 differs; fetch it again from there")
    files.atomic_write(os.path.join(folder, MANIFEST),
                       json.dumps({**manifest, "inventory_host": host}, indent=1) + "\n", FILE_MODE)


def update(directory: str) -> str:
    """Write the page anew from what lies in the folder; several hosts may want to at once."""
    path = os.path.join(directory, INDEX)
    with files.guarded(os.path.join(directory, GUARD), 30):
        files.atomic_write(path, as_html(bundles(directory)), FILE_MODE)
    return path


def bundles(directory: str) -> list[Bundle]:
    """The bundles that lie there, newest first."""
    found = []
    for path in Path(directory).glob(f"*/*/{MANIFEST}"):
        link = "/".join(urllib.parse.quote(part) for part in (*path.parts[-3:-1], ARCHIVE))
        host, name = path.parts[-3:-1]
        try:
            with path.open("rb") as file:
                manifest = json.loads(file.read(MANIFEST_BYTES))
            checked = {"collected_at": str(manifest["collected_at"]), "seconds": float(manifest["seconds"]),
                       "archive": {"bytes": int(manifest["archive"]["bytes"]),
                                   "sha256": str(manifest["archive"]["sha256"])},
                       "items": [_row(row) for row in manifest["items"]]}
            found.append(Bundle(str(manifest.get("inventory_host", host)), name, link, checked, ""))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            found.append(Bundle(host, name, link, {}, f"its manifest cannot be read: {type(exc).__name__}"))
    return sorted(found, key=lambda one: (one.folder, one.host), reverse=True)[:MOST_BUNDLES]


def as_html(found: t.Sequence[Bundle]) -> str:
    """index.html: no script, no network, everything escaped."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(str(HERE)), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(size=size, duration=duration)
    return environment.get_template("index.html.j2").render(bundles=found) + "\n"


def _row(row: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"name": str(row["name"]), "seconds": float(row["seconds"]), "error": str(row["error"]),
            "files": [{"name": str(file["name"]), "bytes": int(file["bytes"]), "cut": bool(file.get("cut"))}
                      for file in row["files"]]}
