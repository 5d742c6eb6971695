# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The folder of dumps: what lies there, one writer at a time, and taking away what may go."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from .._backup.dumps import SIDECAR, Dump
from .._backup.folder import dumps
from .._core.errors import CannotLook, OpsError, ServiceDown
from .._core.files import guarded, sync_folder
from .._core.limits import duration
from . import manifest_facts
from .make_plan import is_ours, is_part
from .manifest_facts import Manifest

MIN_BYTES = 256
GUARD = ".vendhub-ops-backup.lock"


def known(folder: str, patterns: t.Sequence[str]) -> list[Dump]:
    """The dumps of a folder, newest first; OpsError when it cannot be looked into."""
    try:
        return dumps(folder, patterns, MIN_BYTES)
    except ServiceDown as exc:
        raise OpsError(f"there is no folder {folder}; make it, mode 0750, of the user who backs up") from exc


def newest_verified(found: t.Sequence[Dump]) -> t.Optional[Dump]:
    """The newest dump with a valid proof."""
    return max((dump for dump in found if dump.verified), key=lambda dump: dump.modified, default=None)


def last_words(found: t.Sequence[Dump]) -> str:
    """What there is when there is no new one."""
    last = newest_verified(found)
    if last is None:
        return "there is no verified backup"
    return f"the last verified backup, {last.name}, {duration(max(0.0, time.time() - last.modified))} old, is untouched"


def manifest_beside(path: str) -> t.Optional[Manifest]:
    """The manifest of a dump, or None when there is none."""
    try:
        with open(path + SIDECAR, encoding="utf-8") as file:
            return manifest_facts.read(file.read(manifest_facts.MAX_BYTES), os.path.basename(path + SIDECAR))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise CannotLook(f"{path + SIDECAR} cannot be read: {exc}") from exc


@contextlib.contextmanager
def alone(folder: str) -> t.Iterator[None]:
    """Be the only one who writes dumps into this folder."""
    guard = os.path.join(folder, GUARD)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(guarded(guard, 0))
        except OpsError as exc:
            if "another process" in str(exc):
                raise OpsError(f"another backup into {folder} is running") from exc
            raise
        yield


def leftovers(folder: str, database: str) -> list[str]:
    """What killed backups of this database left, while nobody else writes: drafts, and manifests without a dump."""
    names = set(os.listdir(folder))
    return sorted(name for name in names if is_part(name, database) or (
        name.endswith(SIDECAR) and is_ours(name[:-len(SIDECAR)], database) and name[:-len(SIDECAR)] not in names))


def remove(folder: str, names: t.Iterable[str]) -> None:
    """Take files away, with the manifests beside them."""
    for name in names:
        for path in (os.path.join(folder, name), os.path.join(folder, name + SIDECAR)):
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            except OSError as exc:
                raise OpsError(f"{path} cannot be removed: {exc.strerror}") from exc
    sync_folder(folder)


def free_bytes(folder: str) -> int:
    """The room for files of an ordinary user."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


def owner_for(folder: str) -> t.Optional[tuple[int, int]]:
    """Who shall own a new file: as root the folder's owner and group, else whoever we are."""
    if os.geteuid() != 0:
        return None
    status = os.stat(folder)
    return status.st_uid, status.st_gid
