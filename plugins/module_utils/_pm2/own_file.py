# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Open a file that another user owns: a pipe, a device or a link in its place must neither hold nor lead us."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import typing as t


@contextlib.contextmanager
def opened(path: str) -> t.Iterator[t.BinaryIO]:
    """A regular file to read; OSError for anything else that goes by this name."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link, which is not followed", path) from exc
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a regular file", path)
    with os.fdopen(handle, "rb") as file:
        yield file
