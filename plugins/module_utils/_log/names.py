# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Which file names are the same log: what logrotate, pm2-logrotate and Winston make of app.log when they rotate it."""

from __future__ import annotations

import re

_PACKED = re.compile(r"\.(gz|bz2|xz|zst)$")
_DATE = r"\d{4}-?\d\d-?\d\d(?:[-_T]?\d\d[-:]?\d\d(?:[-:]?\d\d)?|-\d{10})?"
# app.log.1  app.log-20261122  app.log.2026-11-22  app.log-1763800000
_BEHIND = re.compile(rf"(?:\.\d{{1,4}}|[-._]{_DATE}|-\d{{10}})$")
# app__2026-11-22_00-00-00.log  app-2026-11-22.log  app-20261122.log
_WITHIN = re.compile(rf"^(.+?)(?:__|[-._]){_DATE}(\.[A-Za-z]+)$")
# combined1.log, where there is a combined.log (Winston's maxsize)
_COUNTED = re.compile(r"^(.*[A-Za-z])\d{1,3}(\.[A-Za-z]+)$")


def packing(name: str) -> str:
    """How a file is compressed by its name: gz, bz2, xz, zst or nothing."""
    found = _PACKED.search(name)
    return found[1] if found else ""


def base_name(name: str) -> str:
    """The name a log had before it was rotated and compressed; the name itself when it never was."""
    name = _PACKED.sub("", name)
    behind = _BEHIND.sub("", name)
    if behind != name and behind:
        return behind
    found = _WITHIN.match(name)
    return f"{found[1]}{found[2]}" if found else name


def siblings(base: str, names: list[str]) -> list[str]:
    """The files of a folder that are one log: itself and what it was rotated to."""
    found = [name for name in names if base_name(name) == base]
    if base in names:
        for name in names:
            counted = _COUNTED.match(_PACKED.sub("", name))
            if counted and f"{counted[1]}{counted[2]}" == base:
                found.append(name)
    return sorted(found)
