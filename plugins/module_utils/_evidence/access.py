# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Read a file whose name others may have chosen: nobody gets to see through root what he must not read himself."""

from __future__ import annotations

import collections
import contextlib
import os
import stat
import typing as t

from .._core.errors import CannotLook
from .._log import files as log_files
from .._log.names import packing

_LINKS = 40  # as many as the kernel follows

# the users who chose where a path leads, besides root and whoever we are; None where nobody else did
Users = t.Optional[frozenset[int]]


def choosers(path: str) -> Users:
    """Whose links lead this path to where it leads."""
    found: set[int] = set()
    here, links = "/", 0
    parts = collections.deque(os.path.abspath(path).split("/"))
    while parts:
        part = parts.popleft()
        if part in ("", "."):
            continue
        step = os.path.dirname(here) if part == ".." else os.path.join(here, part)
        try:
            seen = os.lstat(step)
            target = os.readlink(step) if stat.S_ISLNK(seen.st_mode) else ""
        except OSError:
            break  # who opens it is told why not
        if not target:
            here = step
            continue
        links += 1
        if links > _LINKS:
            break
        if seen.st_uid not in (0, os.geteuid()):
            found.add(seen.st_uid)
        here = "/" if target.startswith("/") else here
        parts.extendleft(reversed(target.split("/")))
    return frozenset(found) or None


def look(path: str, users: Users) -> None:
    """CannotLook when the file is not for them."""
    with opened(path, users):
        pass


@contextlib.contextmanager
def opened(path: str, users: Users) -> t.Iterator[log_files.OpenLog]:
    """A regular file that these users may have chosen; ``path`` has no links. CannotLook when it is not for them.

    It is looked at before it is opened, and what is opened is what was looked at: a device or pipe is never touched.
    """
    try:
        handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as exc:
        raise CannotLook(log_files.reason(exc)) from exc
    try:
        name = f"/proc/self/fd/{handle}"
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode):
            raise CannotLook("it is not a regular file; it was skipped")
        if users is None and os.readlink(name) != path:
            raise CannotLook("it was replaced while it was opened; it was skipped")
        if users is not None and not seen.st_mode & stat.S_IROTH and users != {seen.st_uid}:
            raise CannotLook("it was named by a user who does not own it, and others must not read it; it was skipped")
        with log_files.OpenLog(name) as log:
            log.packing = packing(path)
            yield log
    finally:
        os.close(handle)
