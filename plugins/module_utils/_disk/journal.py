# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The archived files of systemd's journal: what `journalctl --vacuum-time` removes, one by one."""

from __future__ import annotations

import os

from .._core.limits import duration
from . import folders
from .facts import JOURNAL, Found, Item
from .opened import Opened
from .options import Wanted


def look(wanted: Wanted, opened: Opened, now: float, deadline: float) -> Found:
    """Those that are old enough and that nobody reads; journald itself never touches them again."""
    found = Found()
    for entry in folders.files(wanted["journal_directory"], 1, deadline):
        name, age = os.path.basename(entry.path), now - entry.status.st_mtime
        archived = ("@" in name and name.endswith(".journal")) or name.endswith(".journal~")
        if not archived or age < wanted["journal_days"] * 86400 or entry.status.st_nlink != 1:
            continue
        if (entry.status.st_dev, entry.status.st_ino) in opened.holders:
            continue
        found.items.append(Item(JOURNAL, entry.path, entry.status.st_blocks * 512, entry.status.st_mtime, 1,
                                f"archived, {duration(round(age))} old", folders.identity(entry.status)))
    return found
