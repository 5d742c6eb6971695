# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Releases that nobody needs any more: not served, none to go back to, and used by no process."""

from __future__ import annotations

import os
import time
import typing as t

from .._core.errors import OpsError
from .._release import account, choice, ledger, tidy
from .._release.place import REMOVING, Place
from . import folders, remove
from .facts import RELEASES, Found, Item, Left
from .opened import Opened
from .options import Wanted

_GUARD_SECONDS = 10.0
_RELEASE, _HALF, _ARCHIVE = "release", "half", "archive"


def place_of(wanted: Wanted) -> Place:
    """Where the application's releases are."""
    return Place(os.path.realpath(wanted["app_root"]), wanted["state_directory"], "", "free_disk")


def look(wanted: Wanted, opened: Opened, deadline: float) -> Found:
    """Surplus releases and packed files, and halves that a killed run left."""
    found, place = Found(), place_of(wanted)
    if not os.path.isdir(place.releases):
        return found
    try:
        halves = [choice.Removal(os.path.basename(path)[len(REMOVING):], path, 0) for path in place.leftovers(REMOVING)]
        surplus = tidy.surplus(place, wanted["releases_keep"])
    except OpsError as exc:
        found.notes.append(str(exc))
        return found
    except OSError as exc:
        found.notes.append(f"the releases of {place.root} cannot be looked at: {exc.strerror or exc}")
        return found
    kinds = [*((half, _HALF) for half in halves), *((one, _kind(place, one)) for one in surplus)]
    for number, (one, kind) in enumerate(kinds):
        item = _item(one, kind, number, deadline)
        user = opened.user_of(one.path) if item and kind != _ARCHIVE else None
        if item is not None and user:
            found.left.append(Left("release", one.path, item.bytes, f"surplus, but process {user} still uses it"))
        elif item is not None:
            found.items.append(item)
    return found


def take(item: Item, wanted: Wanted, opened: Opened, deadline: float,
         clock: t.Callable[[], float] = time.monotonic) -> None:
    """Remove one of them. The first byte is written when there is room again; a killed run is finished by the next."""
    kind, release = item.data
    place = place_of(wanted)
    if kind == _ARCHIVE:
        if item.identity is not None:
            remove.file(item.path, item.identity)
        return
    half = os.path.join(place.releases, f"{REMOVING}{release}")
    with place.guarded("releases", _GUARD_SECONDS):  # an activation meanwhile would make another one needed
        if kind == _RELEASE:
            if item.path not in [one.path for one in tidy.surplus(place, wanted["releases_keep"])]:
                raise remove.Changed("it is needed again")
            user = opened.user_of(item.path)
            if user:
                raise remove.Changed(f"process {user} uses it")
            with account.acting(place.keeper(place.releases)):
                os.rename(item.path, half)
        status = os.lstat(half)
        remove.tree(half, folders.identity(status), deadline, keep_top=True, clock=clock)
        known = place.read().get(release)
        if known is not None and not known.removed_at:
            place.write(ledger.REMOVED, release)
        with account.acting(place.keeper(place.releases)):
            os.rmdir(half)


def _kind(place: Place, one: choice.Removal) -> str:
    return _RELEASE if os.path.dirname(one.path) == place.releases else _ARCHIVE


def _item(one: choice.Removal, kind: str, number: int, deadline: float) -> t.Optional[Item]:
    try:
        status = os.lstat(one.path)
    except OSError:
        return None
    if kind == _ARCHIVE:
        if status.st_nlink != 1:
            return None
        return Item(RELEASES, one.path, status.st_blocks * 512, float(number), 1, "a packed release nobody asks for",
                    folders.identity(status), (kind, one.release))
    size, files, dummy = folders.measured(one.path, deadline)
    why = "what a killed run left of a release" if kind == _HALF else \
        "surplus: not served, not among the newest, not one to go back to"
    return Item(RELEASES, one.path, size + status.st_blocks * 512, float(number), files, why, folders.identity(status),
                (kind, one.release))
