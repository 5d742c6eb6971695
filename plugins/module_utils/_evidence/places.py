# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What lies on this host: the release that is served, what was done before, the sites and their certificates."""

from __future__ import annotations

import glob
import json
import os
import re
import typing as t

from .._certificate import client as certificate
from .._core import moment
from . import parse
from .gather import Sink

LINES_BYTES = 64 * 1024
FILES = 300
_FILE_BYTES = 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{40,64}")


def release(root: str, state: str) -> t.Callable[[Sink, float], None]:
    """The current link, the releases, the head of the checkout, the ledger, the audit and the lock."""
    def collect(sink: Sink, _seconds: float) -> None:
        current = os.path.join(root, "current")
        sink.text("release.json", json.dumps({
            "root": root, "current": os.readlink(current) if os.path.islink(current) else None,
            "releases": _listed(os.path.join(root, "releases")), "root_holds": _listed(root),
            "git_head": _git_head(root), "exists": os.path.isdir(root),
        }, indent=1) + "\n")
        for name in ("releases.jsonl", "actions.jsonl", "lock.json", "window.json"):
            path = os.path.join(state, name)
            if os.path.isfile(path):
                sink.text(f"state/{name}", _end(path))
    return collect


def sites(root: str, paths: t.Sequence[str]) -> t.Callable[[Sink, float], None]:
    """Server names by file, and until when the certificates are valid."""
    def collect(sink: Sink, _seconds: float) -> None:
        found, certificates = [], list(paths)
        for path in _files(root, "nginx.conf", "conf.d/*.conf", "sites-enabled/*"):
            try:
                one = parse.site(_text(path))
            except OSError as exc:
                sink.fault(f"{path}: {exc.strerror}")
                continue
            found.append({"file": path, "names": one.names, "listens": one.listens, "certificates": one.certificates})
            certificates += [os.path.join(root, value.strip("\"'")) for value in one.certificates if "$" not in value]
        dates = [_dates(path, sink) for path in dict.fromkeys([*certificates, *_files("/etc/letsencrypt/live",
                                                                                      "*/fullchain.pem")])]
        sink.text("sites.json", json.dumps({"sites": found, "certificates": dates}, indent=1) + "\n")
    return collect


def env_secrets(paths: t.Sequence[str], sink: Sink) -> set[str]:
    """The secrets of the apps' environment files, to be hidden everywhere."""
    found: set[str] = set()
    for path in paths:
        try:
            found |= parse.secret_values(parse.env_file(_text(path)))
        except FileNotFoundError:
            continue
        except OSError as exc:
            sink.fault(f"{path}: {exc.strerror}; what it keeps secret is hidden only where it looks like a secret")
    return found


def _dates(path: str, sink: Sink) -> dict[str, t.Any]:
    try:
        one = certificate.stored(path)
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or str(exc)
        sink.fault(f"{path}: {why}")
        return {"file": path, "error": why}
    return {"file": path, "names": one.names, "from": moment.utc(one.not_before), "until": moment.utc(one.not_after),
            "fingerprint": one.fingerprint}


def _git_head(root: str) -> t.Optional[str]:
    """What is checked out, out of git's own files: git itself would run what a repository tells it to."""
    folder = os.path.join(root, ".git")
    try:
        head = _text(os.path.join(folder, "HEAD")).strip()
        if not head.startswith("ref: "):
            return head if _HASH.fullmatch(head) else None
        name = head[5:]
        path = os.path.join(folder, name)
        if ".." not in name and os.path.isfile(path):
            found = _text(path).strip()  # a link of the app's user may lead to any file
            return f"{name} {found}" if _HASH.fullmatch(found) else name
        packed = [line for line in _text(os.path.join(folder, "packed-refs")).splitlines() if line.endswith(f" {name}")]
        return f"{name} {packed[0].split()[0]}" if packed else name
    except OSError:
        return None


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))[-FILES:]
    except OSError:
        return []


def _files(root: str, *patterns: str) -> list[str]:
    found = [path for pattern in patterns for path in sorted(glob.glob(os.path.join(root, pattern)))]
    return [path for path in found if os.path.isfile(path)][:FILES]


def _end(path: str) -> str:
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - LINES_BYTES)
        file.seek(start)
        text = file.read(LINES_BYTES).decode("utf-8", "replace")
    return parse.whole_lines(text, start == 0) or ""


def _text(path: str) -> str:
    with open(path, "rb") as file:
        return file.read(_FILE_BYTES).decode("utf-8", "replace")
