# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Whether a process runs in the folder in which it should, which a link may name."""

from __future__ import annotations

import os
import typing as t

from . import proc
from .apps import Process

RELEASES = "releases"
YOUNG_SECONDS = 10.0


def inside(place: str, folder: str) -> bool:
    """Whether it is this folder or one below it; every folder below ``<folder>/releases`` is a release of its own."""
    below = folder.rstrip("/") + "/"
    others = f"{below}{RELEASES}"
    return place == folder or (place.startswith(below) and place != others and not place.startswith(others + "/"))


def elsewhere(processes: t.Iterable[Process], folders: t.Mapping[str, str]) -> dict[str, list[Process]]:
    """The processes by app that run somewhere else than their definition means now."""
    found: dict[str, list[Process]] = {}
    for process in processes:
        if process.pid and _moved(proc.folder(process.pid), folders.get(process.name) or process.cwd):
            found.setdefault(process.name, []).append(process)
    return found


def words(processes: t.Sequence[Process], folder: str) -> str:
    """Where they run, and where they should."""
    places = sorted({proc.folder(process.pid) for process in processes} - {""})
    return f"runs in {', '.join(places)}, not in {os.path.realpath(folder)}" if places else ""


def young(processes: t.Iterable[Process]) -> bool:
    """Whether one of them was started just now: a worker is for a moment where PM2's daemon is."""
    return any(proc.age(process.pid) < YOUNG_SECONDS for process in processes)


def _moved(place: str, folder: str) -> bool:
    if not place or not folder:
        return False
    if proc.gone(place):
        return True
    # without a link nothing can have moved: such an app left its folder by itself
    really = os.path.realpath(folder)
    return really != os.path.abspath(folder) and not inside(place, really)
