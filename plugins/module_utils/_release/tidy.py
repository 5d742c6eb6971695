# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Old releases: pack one for other hosts, remove those nobody needs any more."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import typing as t

from .._core import files
from .._core.errors import OpsError
from .._core.limits import counted
from . import account, archive, choice, ledger, place as places
from .account import Account
from .change import Answer, Change, unchanged
from .place import MARKER, REMOVING, Place

PACKED, PACKING = ".tar.gz", ".packing-"


def prune(place: Place, keep: int, timeout_seconds: float) -> Change:
    """Remove all releases but the newest and those that may be served again; the plan is in bytes."""
    planned = _removable(place, keep)
    halves = {path: places.size(path) for path in place.leftovers(REMOVING)}
    archives = _archives(place, keep, {one.release for one in planned})
    total = sum(one.size_bytes for one in (*planned, *archives)) + sum(halves.values())
    rows = [{"release": one.release, "path": one.path, "bytes": one.size_bytes} for one in planned]
    packed = [{"release": one.release, "path": one.path, "bytes": one.size_bytes} for one in archives]
    answer = {"removed": rows, "archives": packed, "leftovers": list(halves), "bytes_freed": total}
    known = place.read()
    unwritten = [name for name in map(_of_half, halves) if (one := known.get(name)) and not one.removed_at]
    steps = (*(f"remove {path}, {_megabytes(size)}, which a killed run left" for path, size in halves.items()),
             *(f"remove {one.path}, {_megabytes(one.size_bytes)}" for one in (*planned, *archives)))
    if not steps:
        return unchanged(f"nothing to remove in {place.releases} beside the newest {keep} and those that may be needed",
                         answer)

    def act() -> Answer:
        deadline = time.monotonic() + timeout_seconds
        with place.guarded("releases"):  # an activation meanwhile would make another one needed
            still = {one.release for one in _removable(place, keep)}
            for name in unwritten:
                place.write(ledger.REMOVED, name)
            for one in planned:
                if one.release in still:
                    with account.acting(place.keeper(place.releases)):
                        os.rename(one.path, os.path.join(place.releases, f"{REMOVING}{one.release}"))
                    place.write(ledger.REMOVED, one.release)
        for path in place.leftovers(REMOVING):
            places.remove(place, path, deadline)
        with account.acting(place.keeper(_packed(place))) if archives else contextlib.nullcontext():
            for one in archives:
                files.remove(one.path)
        done = [row for row in rows if row["release"] in still]
        return {"msg": f"{_counts(len(done), len(archives))} removed, {_megabytes(total)} freed in {place.root}",
                "removed": done}

    return Change(f"{_counts(len(planned), len(archives))} to be removed, {_megabytes(total)}", answer, act, steps,
                  "".join(f"{path} {size} bytes\n" for path, size in
                          [*halves.items(), *((one.path, one.size_bytes) for one in (*planned, *archives))]), "")


def pack(place: Place, owner: Account, wanted: str, dest: str, timeout_seconds: float) -> Change:
    """Make a tar.gz of a release for other hosts, without what is shared."""
    known = place.read()
    release = choice.choose(known, place.current_id(known), wanted)
    why = f"{release.id} was adopted in place" if release.adopted else places.missing(place, release)
    if why:
        raise OpsError(f"{release.id} cannot be packed: {why}")
    path = dest or os.path.join(_packed(place), f"{release.id}{PACKED}")
    answer: dict[str, t.Any] = {"release": release.id, "path": release.path, "archive": path, "sha": release.sha,
                                "ref": release.ref, "migrations": list(release.migrations)}
    deadline = archive.Deadline(f"packing {release.id}", timeout_seconds)
    if os.path.isfile(path):
        if archive.look(path, deadline).marker["id"] != release.id:
            raise OpsError(f"{path} holds another release; name another file or remove it")
        return unchanged(f"{release.id} is packed already", {**answer, "sha256": archive.sha256(path, deadline)})

    def act() -> Answer:
        if not dest:
            places.folder(place, os.path.dirname(path), owner)
        keeper = account.of(os.path.dirname(path)) if dest else place.keeper(os.path.dirname(path))
        shared = (places.marker(release.path) or {}).get("shared") or ()
        with account.acting(keeper):
            handle, draft = tempfile.mkstemp(prefix=PACKING, dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "wb") as file:
                archive.pack(release.path, file, [str(one) for one in shared], owner,
                             archive.Deadline(f"packing {release.id}", timeout_seconds))
                file.flush()
                os.fchmod(file.fileno(), 0o640)
                os.fsync(file.fileno())
            with account.acting(keeper):
                os.replace(draft, path)
        except BaseException:
            with account.acting(keeper):
                files.remove(draft)
            raise
        size = os.path.getsize(path)
        return {"msg": f"{release.id} is packed as {path}, {_megabytes(size)}", "bytes": size,
                "sha256": archive.sha256(path, archive.Deadline(f"reading {path}", timeout_seconds))}

    return Change(f"{release.id} is to be packed as {path}", answer, act, (f"pack {release.path} as {path}",),
                  "", f"{path}: {MARKER} of {release.id} and its files\n")


def surplus(place: Place, keep: int) -> list[choice.Removal]:
    """What pruning would take away, the oldest first: releases, then packed files."""
    return [*_removable(place, keep), *_archives(place, keep, set())]


def _removable(place: Place, keep: int) -> list[choice.Removal]:
    known = place.read()
    sizes = {name: places.size(os.path.join(place.releases, name)) for name in place.staged()}
    found = choice.removable(known, sizes, place.current_id(known), keep)
    # a path out of the ledger decides nothing about what is removed
    return [one for one in found if one.path == os.path.join(place.releases, one.release)]


def _archives(place: Place, keep: int, going: t.AbstractSet[str]) -> list[choice.Removal]:
    """The packed releases that go: halves, those of releases that are gone or are going, all but the newest."""
    try:
        found = {entry.name: entry.stat(follow_symlinks=False).st_size for entry in os.scandir(_packed(place))
                 if entry.is_file(follow_symlinks=False)}
    except FileNotFoundError:
        return []
    order = {one.id: one.staged_order for one in place.read().releases if not one.removed_at and one.id not in going}
    whole = sorted(name[:-len(PACKED)] for name in found
                   if name.endswith(PACKED) and archive.ID.fullmatch(name[:-len(PACKED)]))
    there = sorted((release for release in whole if release in order), key=lambda release: order[release])
    kept = there[-keep:] if keep > 0 else []
    gone = [(release, f"{release}{PACKED}") for release in whole if release not in kept]
    halves = [("", name) for name in sorted(found) if name.startswith(PACKING)]
    return [choice.Removal(release, os.path.join(_packed(place), name), found[name]) for release, name in gone + halves]


def _packed(place: Place) -> str:
    return os.path.join(place.root, "packed")


def _counts(releases: int, archives: int) -> str:
    words = counted(releases, "release")
    return f"{words} and {counted(archives, 'packed file')}" if archives else words


def _of_half(path: str) -> str:
    return os.path.basename(path)[len(REMOVING):]


def _megabytes(count: t.Union[int, float]) -> str:
    return f"{count / 1024 / 1024:.1f} MiB"
