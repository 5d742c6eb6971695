# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""On which file system a path lies, by the table of mounts alone (pure)."""

from __future__ import annotations

import typing as t

from .._system.mounts import Mount
from .facts import Space


def mount_of(path: str, mounts: t.Iterable[Mount]) -> t.Optional[Mount]:
    """The mount that a path without links lies on."""
    above = [mount for mount in mounts if path == mount.path or path.startswith(mount.path.rstrip("/") + "/")]
    return max(above, key=lambda mount: len(mount.path), default=None)


def space_of(path: str, mounts: t.Iterable[Mount], spaces: t.Iterable[Space]) -> t.Optional[Space]:
    """The file system among these on which a path lies; None when it is none of them."""
    mount = mount_of(path, mounts)
    return next((space for space in spaces if mount is not None and space.device == mount.device), None)
