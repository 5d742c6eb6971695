# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Walk through folders without following a link and without leaving their file system."""

from __future__ import annotations

import contextlib
import os
import stat
import time
import typing as t

from .._release import account
from .facts import Identity

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PASSED = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Entry(t.NamedTuple):
    """A plain file below a folder."""

    path: str
    status: os.stat_result


@contextlib.contextmanager
def opened(path: str) -> t.Iterator[int]:
    """A folder, opened name by name from the root, so that no link put there meanwhile is followed; OSError."""
    names = [name for name in os.path.normpath(path).split("/") if name]
    handle = os.open("/", _PASSED if names else _DIRECTORY)
    try:
        for number, name in enumerate(names, 1):
            inner = os.open(name, _PASSED if number < len(names) else _DIRECTORY, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def identity(status: os.stat_result) -> Identity:
    """Which file this is."""
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def owner(handle: int) -> account.Account:
    """Whom to act as in an open folder: whoever owns it may remove what is in it, and nothing else."""
    return account.of(f"/proc/self/fd/{handle}")


def files(path: str, depth: int, deadline: float, clock: t.Callable[[], float] = time.monotonic) -> t.Iterator[Entry]:
    """The plain files of a folder and so many levels below it, until the time is over; none when it is not there."""
    top = os.path.realpath(path)
    try:
        with opened(top) as handle:
            device = os.fstat(handle).st_dev
            for where, folders, names, inner in os.fwalk(".", dir_fd=handle):
                level = 0 if where == "." else where.count("/")
                folders[:] = [name for name in folders if level < depth and _device(name, inner) == device]
                for name in names:
                    if clock() > deadline:
                        return
                    status = looked_at(name, inner)
                    if status is not None and stat.S_ISREG(status.st_mode) and status.st_dev == device:
                        yield Entry(os.path.normpath(os.path.join(top, where, name)), status)
    except (FileNotFoundError, NotADirectoryError):
        return


def looked_at(name: str, folder: int) -> t.Optional[os.stat_result]:
    """What a name in an open folder is, links not followed; None when it is gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None


def measured(path: str, deadline: float, clock: t.Callable[[], float] = time.monotonic) -> tuple[int, int, bool]:
    """Bytes and inodes of a folder, hard links counted once, and whether that is all of it."""
    total = count = 0
    seen: set[int] = set()
    try:
        with opened(os.path.realpath(path)) as handle:
            device = os.fstat(handle).st_dev
            for dummy, folders, names, inner in os.fwalk(".", dir_fd=handle):
                folders[:] = [name for name in folders if _device(name, inner) == device]
                for name in (*folders, *names):
                    if clock() > deadline:
                        return total, count, False
                    status = looked_at(name, inner)
                    if status is None or status.st_ino in seen:
                        continue
                    if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                        seen.add(status.st_ino)
                    total += status.st_blocks * 512
                    count += 1
    except (FileNotFoundError, NotADirectoryError):
        return 0, 0, True
    return total, count, True


def _device(name: str, folder: int) -> t.Optional[int]:
    status = looked_at(name, folder)
    return None if status is None else status.st_dev
