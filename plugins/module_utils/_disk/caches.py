# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The download caches of npm, which it fills again by itself."""

from __future__ import annotations

import os
import stat

from . import folders
from .facts import NPM_CACHE, Found, Item
from .opened import Opened
from .options import Wanted


def look(wanted: Wanted, opened: Opened, deadline: float) -> Found:
    """Each cache as one thing, unless npm is at work."""
    found = Found()
    for path in dict.fromkeys(map(os.path.realpath, wanted.npm_caches)):
        try:
            status = os.lstat(path)
        except OSError:
            continue
        if not stat.S_ISDIR(status.st_mode) or os.path.basename(path) != "_cacache":
            found.notes.append(f"{path} is no cache of npm (a folder called _cacache), so it was left out")
            continue
        busy = running(opened, status.st_uid) or opened.user_of(path)
        if busy:
            found.notes.append(f"npm is at work (process {busy}), so its cache {path} stays")
            continue
        size, files, whole = folders.measured(path, deadline)
        if not whole:
            found.notes.append(f"{path} could not be measured in time; it takes at least {size} bytes")
        found.items.append(Item(NPM_CACHE, path, size, status.st_mtime, files, "npm fills it again when it builds",
                                folders.identity(status)))
    return found


def running(opened: Opened, user: int) -> int:
    """A process of npm of this user, or 0."""
    for pid, words in opened.words.items():
        if opened.users.get(pid) != user:
            continue
        title = words[0].split(" ", 1)[0] if words else ""
        if os.path.basename(title) in ("npm", "npx") or any(word.endswith(("/npm-cli.js", "/npx-cli.js"))
                                                            or os.path.basename(word) == "npm" for word in words[:3]):
            return pid
    return 0
