# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What was seen on a host (pure)."""

from __future__ import annotations

import dataclasses
import typing as t

from .kernel import Kill
from .mounts import Mount


@dataclasses.dataclass(frozen=True)
class Room:
    """What statvfs says about one mount; ``fault`` says why it says nothing."""

    mount: Mount
    used_bytes: int = 0
    free_bytes: int = 0
    inodes: int = 0
    inodes_free: int = 0
    fault: str = ""


@dataclasses.dataclass(frozen=True)
class Deleted:
    """Deleted files that are still open: the sum, the largest ones, and how much could not be seen."""

    bytes: int = 0
    files: tuple[dict[str, t.Any], ...] = ()
    hidden_processes: int = 0
    complete: bool = True


@dataclasses.dataclass(frozen=True)
class Kills:
    """Processes killed for lack of memory; ``log`` is None when the kernel's log cannot be read.

    The log is a ring: it holds nothing older than ``log_seconds`` (seconds since the boot of its oldest record).
    """

    log: t.Optional[tuple[Kill, ...]]
    since_boot: t.Optional[int]
    uptime_seconds: float
    log_seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Limit:
    """The memory limit of the control group that this check runs in."""

    limit_bytes: int
    used_bytes: int
