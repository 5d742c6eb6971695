# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Files that take much room and are nobody's to delete but a person's (pure)."""

from __future__ import annotations

import re
import typing as t

from .rotated_parse import is_log

_CORE = re.compile(r"core(\.\d+)?|core\..+\.\d+(\.(zst|lz4|xz))?|vgcore\.\d+|.+\.core|.+\.crash")
_HEAP = (".heapsnapshot", ".heapprofile", ".hprof")
_CORE_FOLDERS = ("/var/lib/systemd/coredump/", "/var/crash/", "/var/cores/")
_DATABASE = ("/var/lib/postgresql/", "/var/lib/redis/", "/var/lib/mysql/", "/var/lib/prometheus/")

CORE_DUMP, BIG_FILE, DATABASE, LIVE_LOG = "core_dump", "big_file", "database", "live_log"


def is_large(count: int, disk_bytes: int, big_bytes: int) -> bool:
    """Whether a file is worth a line: by the option, or by one percent of a small disk."""
    return count >= min(big_bytes, max(1, disk_bytes // 100))


def is_core(path: str) -> bool:
    """Whether a file looks like the memory of a process that crashed, or of one that was asked for it."""
    name = path.rpartition("/")[2]
    return path.startswith(_CORE_FOLDERS) or bool(_CORE.fullmatch(name)) or name.endswith(_HEAP)


def judged(path: str) -> tuple[str, str]:
    """What a large file is, and why it stays."""
    if is_core(path):
        return CORE_DUMP, "memory of a process: evidence of a crash, and maybe secrets; delete it when that is clear"
    if path.startswith(_DATABASE):
        return DATABASE, "the data of a service: only the service itself may make it smaller"
    if is_log(path.rpartition("/")[2]):
        return LIVE_LOG, "a log; rotation makes it smaller (vendhub.ops.configure_logrotate)"
    return BIG_FILE, "nobody here knows what it is"


def biggest(folders: t.Mapping[str, int], count: int) -> list[tuple[str, int]]:
    """The folders that take most, the largest first; one that is nearly all of the folder above says it alone."""
    rows = sorted(((path, size) for path, size in folders.items() if size), key=lambda row: (-row[1], row[0]))
    told = [(path, size) for path, size in rows
            if not any(inner != path and inner.startswith(path.rstrip("/") + "/") and taken > 0.9 * size
                       for inner, taken in rows)]
    return told[:count]
