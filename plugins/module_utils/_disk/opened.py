# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Who has which files open, and where processes work: /proc, as far as this user may see it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
import time
import typing as t

FILES = 500_000  # open files looked at, at most
_DELETED = " (deleted)"
_MEMORY = ("/dev/", "/proc/", "/sys/", "/memfd:", "/SYSV", "/[aio]")  # what never was a file on a disk
Key = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Holder:
    """A process that has a file open."""

    pid: int
    descriptor: int
    name: str
    writes: bool


@dataclasses.dataclass
class Deleted:
    """A file without a name that still takes room, because somebody has it open."""

    path: str
    key: Key
    bytes: int
    modified: float
    holders: list[Holder]


@dataclasses.dataclass
class Opened:
    """What was seen; ``blind`` says why it may not be all."""

    holders: dict[Key, list[Holder]] = dataclasses.field(default_factory=dict)
    deleted: dict[Key, Deleted] = dataclasses.field(default_factory=dict)
    places: dict[str, int] = dataclasses.field(default_factory=dict)
    words: dict[int, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    users: dict[int, int] = dataclasses.field(default_factory=dict)
    blind: str = ""

    def user_of(self, folder: str) -> t.Optional[int]:
        """A process that works in a folder, has something of it open or was started from it."""
        below = folder.rstrip("/") + "/"
        for place, pid in self.places.items():
            if place == folder or place.startswith(below):
                return pid
        return next((pid for pid, words in self.words.items()
                     if any(word == folder or below in word for word in words)), None)


def seen(timeout_seconds: float, dead: t.Sequence[str] = (), proc: str = "/proc",
         clock: t.Callable[[], float] = time.monotonic) -> Opened:
    """Walk over the processes; it ends with what it has when the time is over, and says so.

    Files on ``dead`` mounts are not looked at: that would never end.
    """
    found = Opened()
    left_out = (*_MEMORY, *(mount.rstrip("/") + "/" for mount in dead))
    deadline = clock() + timeout_seconds
    looked = hidden = 0
    for pid in [int(name) for name in os.listdir(proc) if name.isdigit() and int(name) != os.getpid()]:
        base = f"{proc}/{pid}"
        found.words[pid] = _words(base)
        with contextlib.suppress(OSError):
            found.users[pid] = os.stat(base).st_uid
        for link in ("cwd", "exe", "root"):
            with contextlib.suppress(OSError):
                found.places.setdefault(os.readlink(f"{base}/{link}"), pid)
        try:
            numbers = os.listdir(f"{base}/fd")
        except PermissionError:
            hidden += bool(found.words[pid])
            continue
        except OSError:
            continue  # ended meanwhile
        for number in numbers:
            looked += 1
            if looked > FILES or clock() > deadline:
                found.blind = f"not all open files could be looked at within {timeout_seconds:g} s"
                return found
            _remember(found, base, pid, number, left_out)
    if hidden:
        found.blind = f"{hidden} processes of others cannot be looked at: become root"
    return found


def _remember(found: Opened, base: str, pid: int, number: str, left_out: tuple[str, ...]) -> None:
    link = f"{base}/fd/{number}"
    try:
        path = os.readlink(link)
        if not path.startswith("/") or path.startswith(left_out):
            return
        status = os.stat(link)
        found.places.setdefault(path, pid)
        if not stat.S_ISREG(status.st_mode):
            return
        key = (status.st_dev, status.st_ino)
        holder = Holder(pid, int(number), _text(f"{base}/comm").strip(), _writes(f"{base}/fdinfo/{number}"))
    except OSError:
        return  # closed meanwhile
    found.holders.setdefault(key, []).append(holder)
    if not status.st_nlink:
        row = Deleted(path[:-len(_DELETED)] if path.endswith(_DELETED) else path, key, status.st_blocks * 512,
                      status.st_mtime, [])
        found.deleted.setdefault(key, row).holders.append(holder)


def _writes(path: str) -> bool:
    for line in _text(path).splitlines():
        if line.startswith("flags:"):
            return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False


def _words(base: str) -> tuple[str, ...]:
    try:
        return tuple(word for word in _text(f"{base}/cmdline").split("\0") if word)
    except OSError:
        return ()


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(65536)
