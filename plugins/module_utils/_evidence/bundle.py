# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The folder of bundles: write one whole or not at all, somewhere else when it cannot be here, and keep the newest."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import tarfile
import tempfile
import threading
import typing as t

from .._core import files
from .._core.errors import OpsError

ARCHIVE, MANIFEST = "evidence.tar.gz", "manifest.json"
ELSEWHERE = "/run/vendhub-ops/evidence"
FOLDER_MODE, FILE_MODE = 0o700, 0o600
_FOLDER = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9_-]+")


class Place(t.NamedTuple):
    """Where a bundle is; ``why`` says why it is not where it should be."""

    folder: str
    why: str


def packed(top: str, contents: t.Mapping[str, bytes], epoch: float) -> bytes:
    """A tar.gz of these files below one folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=5) as archive:
        for name, data in contents.items():
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), int(epoch), FILE_MODE
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def as_json(manifest: t.Mapping[str, t.Any]) -> bytes:
    """A manifest as it is written."""
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def save(directory: str, name: str, archive: bytes, manifest: t.Mapping[str, t.Any], seconds: float,
         *, elsewhere: str = ELSEWHERE) -> Place:
    """Write a bundle into the first of three places that takes it within the time; OpsError when none does."""
    reasons: list[str] = []
    for place in (lambda: directory, lambda: elsewhere, lambda: tempfile.mkdtemp(prefix="vendhub-evidence-")):
        try:
            folder = _within(lambda place=place: _add(place(), name, archive, manifest), seconds)  # type: ignore[misc]
            return Place(folder, "; ".join(reasons))
        except OpsError as exc:
            reasons.append(str(exc))
        except OSError as exc:
            reasons.append(f"no folder for temporary files: {exc.strerror}")
    raise OpsError("; ".join(reasons))


def prune(directory: str, keep: int) -> list[str]:
    """Remove the oldest bundles; only folders that hold a bundle of ours and nothing else."""
    removed = []
    try:
        names = sorted(name for name in os.listdir(directory) if _FOLDER.fullmatch(name))
    except OSError:
        return []
    for name in names[:-keep]:
        folder = os.path.join(directory, name)
        try:
            if os.path.islink(folder) or not set(os.listdir(folder)) <= {ARCHIVE, MANIFEST}:
                continue
            for one in (ARCHIVE, MANIFEST):
                files.remove(os.path.join(folder, one))
            os.rmdir(folder)
            removed.append(folder)
        except (OSError, OpsError):
            continue  # it stays; the next run tries again
    return removed


def _add(directory: str, name: str, archive: bytes, manifest: t.Mapping[str, t.Any]) -> str:
    files.private_folder(directory, FOLDER_MODE)
    seen = os.lstat(directory)
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_mode & 0o022:
        raise OpsError(f"{directory} is not a folder that only this user can write to; correct its owner and mode")
    folder = os.path.join(directory, name)
    made = files.private_folder(folder, FOLDER_MODE)
    try:
        files.atomic_write(os.path.join(folder, ARCHIVE), archive, FILE_MODE)
        files.atomic_write(os.path.join(folder, MANIFEST), as_json(manifest), FILE_MODE)
        files.sync_folder(directory)
    except OpsError:
        if made:
            files.remove(os.path.join(folder, ARCHIVE))
            os.rmdir(folder)
        raise
    return folder


def _within(work: t.Callable[[], str], seconds: float) -> str:
    """Do it aside: a disk that is frozen answers neither yes nor no."""
    box: list[t.Union[str, Exception]] = []

    def act() -> None:
        try:
            box.append(work())
        except Exception as exc:
            box.append(exc)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(seconds)
    if not box:
        raise OpsError(f"the disk did not take it within {seconds:g} s")
    if isinstance(box[0], Exception):
        raise box[0]
    return box[0]
