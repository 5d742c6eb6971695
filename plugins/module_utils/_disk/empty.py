# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Free what open logs hold: the beginning of one that is written to, and all of one that was deleted."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import time
import typing as t

from .._core.errors import OpsError
from .._pm2 import god, proc
from .._release import account
from . import folders
from .facts import Identity
from .opened import Deleted
from .remove import Changed

_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # linux/falloc.h
_WRITE = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
_REOPEN_SECONDS = 5.0
_POLL_SECONDS = 0.05


def head(path: str, known: Identity, length: int) -> None:
    """Give the first ``length`` bytes back to the disk. What is behind them stays where it is, so no writer notices."""
    with folders.opened(os.path.dirname(path)) as folder, account.acting(folders.owner(folder)):
        handle = os.open(os.path.basename(path), _WRITE | os.O_NOFOLLOW, dir_fd=folder)
        try:
            status = os.fstat(handle)
            if (status.st_dev, status.st_ino) != (known.device, known.inode) or not stat.S_ISREG(status.st_mode):
                raise Changed("another file has its name now")
            if status.st_size < known.size or status.st_nlink != 1:
                raise Changed("it was rotated meanwhile")
            _punch(handle, path, length)
        finally:
            os.close(handle)


def deleted(row: Deleted) -> None:
    """Empty a deleted log through the descriptor of a process that writes it."""
    for holder in row.holders:
        try:
            handle = os.open(f"/proc/{holder.pid}/fd/{holder.descriptor}", _WRITE)
        except OSError:
            continue  # it was closed meanwhile
        try:
            status = os.fstat(handle)
            if (status.st_dev, status.st_ino) == row.key and not status.st_nlink:
                os.ftruncate(handle, 0)
                return
        finally:
            os.close(handle)
    raise Changed("nobody has it open any more")


def reopened(rows: t.Sequence[Deleted], pm2_home: str, clock: t.Callable[[], float] = time.monotonic,
             sleep: t.Callable[[float], None] = time.sleep) -> list[str]:
    """Have PM2 open its deleted logs anew; sentences say who still writes into one."""
    daemon = god.living(pm2_home) if pm2_home and rows else None
    of_pm2 = [row for row in rows if daemon is not None and any(_is_of(one.pid, daemon.pid) for one in row.holders)]
    if daemon is not None and of_pm2:
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(daemon.pid)
            try:
                if proc.birth(daemon.pid) == daemon.born:
                    signal.pidfd_send_signal(handle, signal.SIGUSR2)
            finally:
                os.close(handle)
        ends = clock() + _REOPEN_SECONDS
        while any(_held(row) for row in of_pm2) and clock() < ends:
            sleep(_POLL_SECONDS)
    return [f"{row.path} is deleted, and process {holder.pid} ({holder.name}) still writes into it: reload that, or its"
            " lines are lost" for row in rows for holder in _held(row)[:1]]


def _held(row: Deleted) -> list[t.Any]:
    return [one for one in row.holders if _key(f"/proc/{one.pid}/fd/{one.descriptor}") == row.key]


def _key(path: str) -> t.Optional[tuple[int, int]]:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_of(pid: int, daemon: int) -> bool:
    """Whether a process is PM2's daemon or was started by it."""
    if pid == daemon:
        return True
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1]) == daemon
    except (OSError, ValueError, IndexError):
        return False


def _punch(handle: int, path: str, length: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    fallocate = getattr(library, "fallocate64", None) or library.fallocate
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if fallocate(handle, _PUNCH_HOLE | _KEEP_SIZE, 0, length):
        reason = os.strerror(ctypes.get_errno())
        raise OpsError(f"this file system cannot free a part of {path}: {reason}; rotate it")
