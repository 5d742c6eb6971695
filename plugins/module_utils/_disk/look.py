# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Look at the disks of this host: how full they are, what fills them, and what of it may go."""

from __future__ import annotations

import dataclasses
import heapq
import os
import stat
import time
import typing as t

from .._core.errors import BadOption, OpsError
from .._system import mounts as mount_table
from .._system.host import Host, rooms
from .._system.mounts import Mount
from . import caches, docker, dumps_found, folders, journal, logs, opened as opened_files, releases
from .facts import (
    DELETED_LOGS,
    DOCKER_IMAGES,
    DUMPS,
    JOURNAL,
    LIVE_LOGS,
    NPM_CACHE,
    PM2_LOGS,
    RELEASES,
    ROTATED_LOGS,
    Found,
    Item,
    Left,
    Space,
)
from .leave_judge import biggest, is_large, judged
from .mounts_judge import space_of
from .opened import Opened
from .options import Wanted

DEPTH = 3  # of the folders that are told
_LOGS = {DELETED_LOGS, ROTATED_LOGS, PM2_LOGS, LIVE_LOGS}


@dataclasses.dataclass
class Seen:
    """One look."""

    mounts: list[Mount]
    spaces: list[Space]
    opened: Opened
    found: Found
    dead: list[str]  # mounts that do not answer

    def items_on(self, space: Space) -> list[Item]:
        return [item for item in self.found.items if self.where(item.path) == space]

    def where(self, path: str) -> t.Optional[Space]:
        """The file system of a path; a deleted file lies where its folder is."""
        return space_of(path, self.mounts, self.spaces)


@dataclasses.dataclass(frozen=True)
class Walked:
    """What fills one file system."""

    folders: list[tuple[str, int]]
    files: list[Left]
    whole: bool


def look(wanted: Wanted, clock: t.Callable[[], float] = time.monotonic) -> Seen:
    """All that may go, and all that only a person may decide about, on the file systems that are meant."""
    seconds = wanted["timeout_seconds"]
    table = Host().mounts()
    spaces = measured(mount_table.data(table), seconds)
    dead = [space.mount for space in spaces if space.fault]
    wanted = wanted.without(dead)
    opened = opened_files.seen(seconds, dead)
    now, deadline = time.time(), clock() + seconds
    found = Found()
    kinds = set(wanted["kinds"])
    looks: list[tuple[set[str], t.Callable[[], Found]]] = [
        ({NPM_CACHE}, lambda: caches.look(wanted, opened, deadline)),
        ({DOCKER_IMAGES}, lambda: docker.look(seconds)),
        (_LOGS, lambda: logs.look(wanted, opened, now, deadline)),
        ({JOURNAL}, lambda: journal.look(wanted, opened, now, deadline)),
        ({RELEASES}, lambda: releases.look(wanted, opened, deadline)),
        ({DUMPS}, lambda: dumps_found.look(wanted, opened, now)),
    ]
    for of, ask in looks:
        if of & kinds:
            found.add(_asked(ask))
    found.items = [item for item in found.items if item.kind in kinds]
    found.left += _uploads(wanted, deadline)
    if opened.blind:
        found.notes.append(opened.blind)
    if clock() > deadline:
        found.notes.append(f"not everything could be looked at within {seconds:g} s (timeout_seconds)")
    seen = Seen(table, [space for space in spaces if not space.fault], opened, found, dead)
    seen.spaces = meant(seen, wanted)
    seen.found.left = [row for row in found.left if seen.where(row.path) is not None]
    found.notes += [f"{space.mount} {space.fault}" for space in spaces if space.fault]
    return seen


def measured(found: t.Sequence[Mount], timeout_seconds: float) -> list[Space]:
    """How full these file systems are."""
    return [Space(room.mount.path, room.mount.device, room.used_bytes, room.free_bytes,
                  room.inodes - room.inodes_free, room.inodes_free, room.fault)
            for room in rooms(found, timeout_seconds)]


def again(space: Space, seen: Seen, timeout_seconds: float) -> Space:
    """The same file system as it is now; as it was when it does not answer."""
    mount = next(mount for mount in seen.mounts if mount.path == space.mount)
    now = measured([mount], timeout_seconds)[0]
    return space if now.fault else now


def meant(seen: Seen, wanted: Wanted) -> list[Space]:
    """The file systems of the paths that were named, or all; BadOption for a path that lies on none."""
    if not wanted["paths"]:
        return seen.spaces
    chosen: dict[str, Space] = {}
    for path in wanted["paths"]:
        space = seen.where(os.path.realpath(path))
        if space is None:
            raise BadOption(f"paths: {path} does not lie on a disk that can be looked at; name a folder that does")
        chosen[space.device] = space
    return list(chosen.values())


def walked(space: Space, big_bytes: int, rows: int, deadline: float,
           clock: t.Callable[[], float] = time.monotonic) -> Walked:
    """The folders and files that take most, without leaving the file system, until the time is over."""
    top = space.mount
    taken: dict[str, int] = {}
    large: list[tuple[int, str]] = []
    counted: set[int] = set()
    whole = space.used_bytes + space.free_bytes
    with folders.opened(top) as handle:
        device = os.fstat(handle).st_dev
        for where, names, plain, inner in os.fwalk(".", dir_fd=handle):
            if clock() > deadline:
                return _told(taken, large, rows, False)
            path = os.path.normpath(os.path.join(top, where))
            total = 0
            entries = [(name, folders.looked_at(name, inner)) for name in (*names, *plain)]
            names[:] = [name for name, status in entries
                        if status is not None and stat.S_ISDIR(status.st_mode) and status.st_dev == device]
            for name, status in entries:
                if status is None or status.st_dev != device or status.st_ino in counted:
                    continue
                if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                    counted.add(status.st_ino)
                total += status.st_blocks * 512
                if stat.S_ISREG(status.st_mode) and is_large(status.st_blocks * 512, whole, big_bytes):
                    heapq.heappush(large, (status.st_blocks * 512, os.path.join(path, name)))
                    if len(large) > 4 * rows:
                        heapq.heappop(large)
            for folder in _above(path, top):
                taken[folder] = taken.get(folder, 0) + total
    return _told(taken, large, rows, True)


def _above(path: str, top: str) -> list[str]:
    """The folder of at most DEPTH levels below the top that a path is in, and those above it."""
    inner = [name for name in path[len(top.rstrip("/")):].split("/") if name][:DEPTH]
    return [os.path.join(top, *inner[:count]) for count in range(1, len(inner) + 1)]


def _told(taken: t.Mapping[str, int], large: t.Sequence[tuple[int, str]], rows: int, whole: bool) -> Walked:
    files = [Left(judged(path)[0], path, size, judged(path)[1]) for size, path in sorted(large, reverse=True)]
    return Walked(biggest(taken, rows), files, whole)


def _asked(ask: t.Callable[[], Found]) -> Found:
    """What one kind has; that it could not be looked at stops nobody else."""
    try:
        return ask()
    except OpsError as exc:
        return Found(notes=[str(exc)])
    except OSError as exc:
        return Found(notes=[f"{exc.filename or 'a folder'} cannot be looked at: {exc.strerror or exc}"])


def _uploads(wanted: Wanted, deadline: float) -> list[Left]:
    found = []
    for path in wanted["upload_directories"]:
        size, dummy, whole = folders.measured(path, deadline)
        if size:
            found.append(Left("uploads", os.path.realpath(path), size,
                              "the files of the users: nothing of it is ever deleted here"
                              + ("" if whole else "; not all of it was measured")))
    return found
