# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What releases this host has, what is served, and where the disk and the ledger do not say the same."""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

from .._core import clock, moment
from .._core.errors import OpsError
from . import choice, place as places
from .ledger import Ledger, Release
from .place import REMOVING, STAGING, Place

_TIMES = ("staged_at", "proven_at", "first_activated_at", "activated_at", "good_at", "bad_at", "bad_reason", "bad_by")


def report(place: Place, sizes: bool = False, timeout_seconds: float = 10.0) -> dict[str, t.Any]:
    """Everything there is to know, without touching anything; ``sizes`` are counted anew, within that time."""
    deadline = time.monotonic() + timeout_seconds
    known = place.read()
    current = place.current_id(known)
    on_disk = place.staged()
    rows = [_row(place, one, current, sizes, deadline) for one in known.releases if not one.removed_at]
    disagreements = list(_disagreements(place, known, current, on_disk))
    back, why = _back(known, current)
    count = len(rows)
    words = f"{current or 'nothing'} is served, {count} release{'s' if count != 1 else ''} on this host"
    return {
        "msg": words + (f"; {len(disagreements)} disagreements: {'; '.join(disagreements)}" if disagreements else ""),
        "current": current or "", "previous_good": back, "previous_good_missing": why, "link": place.target() or "",
        "last_activated": _activation(known), "releases": rows, "disagreements": disagreements,
        "bytes_free": places.free(place.root),
    }


def _row(place: Place, release: Release, current: t.Optional[str], anew: bool, deadline: float) -> dict[str, t.Any]:
    said = {name: getattr(release, name) for name in _TIMES if getattr(release, name)}
    why = _missing(place, release)
    size, whole = _size(release, anew, deadline)
    return {"release": release.id, "id": release.id, "there": not why, "missing": why, "path": release.path,
            "sha": release.sha, "ref": release.ref, "state": release.state,
            "current": release.id == current, "adopted": release.adopted, "changed_files": release.changed_files,
            "migrations": list(release.migrations), "bytes": size, "bytes_whole": whole, **said}


def _size(release: Release, anew: bool, deadline: float) -> tuple[int, bool]:
    if release.adopted:
        return 0, True  # what else lies in a checkout is none of ours
    known = None if anew else places.known_size(release.path)
    return places.counted(release.path, deadline) if known is None else (known, True)


def _activation(known: Ledger) -> dict[str, t.Any]:
    last = known.activation
    if last is None:
        return {}
    age = round(moment.age(last.when, clock.now()), 1) if last.when else None
    return {"release": last.release, "from": last.before, "at": last.at, "seconds_ago": age, "by": last.by,
            "run": last.run}


def _missing(place: Place, release: Release) -> str:
    return places.missing(dataclasses.replace(place, subfolder=""), release)


def _back(known: Ledger, current: t.Optional[str]) -> tuple[str, str]:
    try:
        return choice.previous_good(known, current).id, ""
    except OpsError as exc:
        return "", str(exc)


def _disagreements(place: Place, known: Ledger, current: t.Optional[str], on_disk: t.Sequence[str]) -> t.Iterator[str]:
    target = place.target()
    served = known.get(current) if current else None
    if target and served is None:
        yield f"{place.current} points to {target}, which the ledger does not know"
    if target and not os.path.isdir(target):
        yield f"{place.current} points to {target}, which is not there"
    if served is not None and target and known.last_activated != served.id:
        yield f"{served.id} is served, but the ledger says {known.last_activated or 'nothing'} was activated last"
    if known.unreadable:
        yield f"{known.unreadable} lines of {place.ledger_path} cannot be read"
    for release in known.releases:
        why = "" if release.removed_at else _missing(place, release)
        if why:
            yield f"{release.id} is in the ledger, but {why}"
    for name in on_disk:
        found = known.get(name)
        if found is None or found.removed_at:
            yield f"{os.path.join(place.releases, name)} is not in the ledger"
    for left in place.leftovers(STAGING, REMOVING):
        yield f"{left} was left by a run that was killed"
