# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Take files and folders away: only what was looked at, as the owner of the folder, following no link."""

from __future__ import annotations

import os
import stat
import time
import typing as t

from .._core.errors import OpsError
from .._release import account
from . import folders
from .facts import Identity


class Changed(OpsError):
    """It is no longer what was looked at, so it stays."""


def file(path: str, known: Identity) -> None:
    """Remove this file; Changed when another one has its name now, or it was written to, or has a second name."""
    with folders.opened(os.path.dirname(path)) as folder, account.acting(folders.owner(folder)):
        name = os.path.basename(path)
        status = _still(name, folder, known)
        if folders.identity(status) != known:
            raise Changed("it changed meanwhile")
        if status.st_nlink != 1:
            raise Changed(f"it has {status.st_nlink} names (hard links), so nothing would be freed")
        os.unlink(name, dir_fd=folder)


def beside(path: str) -> None:
    """Remove a small file that belongs to one that is gone; it may be gone as well."""
    with folders.opened(os.path.dirname(path)) as folder, account.acting(folders.owner(folder)):
        try:
            os.unlink(os.path.basename(path), dir_fd=folder)
        except FileNotFoundError:
            return


def tree(path: str, known: Identity, deadline: float, keep_top: bool = False,
         clock: t.Callable[[], float] = time.monotonic) -> None:
    """Remove this folder with all that is in it; OpsError when the time is over, what is gone by then is gone."""
    with folders.opened(os.path.dirname(path)) as above:
        name = os.path.basename(path)
        _still(name, above, known)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
        try:
            status = os.fstat(inner)
            if (status.st_dev, status.st_ino) != (known.device, known.inode):
                raise Changed("another folder has its name now")
            with account.acting(folders.owner(inner)):
                _empty(inner, status.st_dev, path, deadline, clock)
        finally:
            os.close(inner)
        if not keep_top:
            with account.acting(folders.owner(above)):
                os.rmdir(name, dir_fd=above)


def _empty(folder: int, device: int, path: str, deadline: float, clock: t.Callable[[], float]) -> None:
    for name in os.listdir(folder):
        if clock() > deadline:
            raise OpsError(f"{path} could not be removed in time; run it again for the rest")
        status = folders.looked_at(name, folder)
        if status is None:
            continue
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(name, dir_fd=folder)
            continue
        if status.st_dev != device:
            raise Changed(f"another file system is mounted in it ({name})")
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            if os.fstat(inner).st_dev != device:
                raise Changed(f"another file system is mounted in it ({name})")
            _empty(inner, device, path, deadline, clock)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=folder)


def _still(name: str, folder: int, known: Identity) -> os.stat_result:
    status = folders.looked_at(name, folder)
    if status is None:
        raise Changed("it is gone already")
    if (status.st_dev, status.st_ino) != (known.device, known.inode):
        raise Changed("another one has its name now")
    return status
