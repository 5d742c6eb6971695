# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Make room on the disks of this host until the target is reached, and not one file more."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import time
import typing as t

from .._core.errors import OpsError
from .._core.limits import counted, show, size
from . import (
    docker,
    dumps_found,
    empty,
    look as looking,
    opened as opened_files,
    releases,
    remove,
    report_facts as words,
)
from .facts import (
    DELETED_LOGS,
    DOCKER_IMAGES,
    DUMPS,
    JOURNAL,
    LIVE_LOGS,
    NPM_CACHE,
    PM2_LOGS,
    RELEASES,
    ROTATED_LOGS,
    Item,
    Left,
    Space,
    shown,
)
from .look import Seen
from .opened import Deleted, Opened
from .options import Wanted, wanted
from .space_plan import Plan, helps, ordered, plan

FRESH_SECONDS = 2.0  # how long it is believed who has which files open
SETTLE_SECONDS = 2.0  # some file systems tell a moment later what was freed
_POLL_SECONDS = 0.05
_CLOSED = (ROTATED_LOGS, PM2_LOGS, JOURNAL, DUMPS)  # freed only when nobody has it open


@dataclasses.dataclass
class Work:
    """What was done so far."""

    asked: Wanted
    seen: Seen
    deadline: float
    looked_at: float
    freed: list[tuple[Space, Item]] = dataclasses.field(default_factory=list)
    kept: list[Left] = dataclasses.field(default_factory=list)
    emptied: list[Deleted] = dataclasses.field(default_factory=list)
    proved: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def opened(self) -> Opened:
        """Who has which files open, looked at anew when that is some seconds ago."""
        if time.monotonic() - self.looked_at > FRESH_SECONDS:
            self.seen.opened = opened_files.seen(self.asked["timeout_seconds"], self.seen.dead)
            self.looked_at = time.monotonic()
        if self.seen.opened.blind:
            raise OpsError(self.seen.opened.blind)
        return self.seen.opened


def free(options: t.Mapping[str, t.Any], act: bool) -> dict[str, t.Any]:
    """The answer of disk_free."""
    asked = wanted(options)
    with only_one(asked["state_directory"]) if act else contextlib.nullcontext():
        seen = looking.look(asked)
        plans = [plan(space, seen.items_on(space), asked.target) for space in seen.spaces]
        if not act or not any(one.items for one in plans):
            return _answer(asked, seen, plans, None)
        if seen.opened.blind:
            raise OpsError(f"nothing was removed: {seen.opened.blind}, so nobody knows which files are in use")
        work = Work(asked, seen, time.monotonic() + asked["max_seconds"], time.monotonic())
        for one in plans:
            _bring_down(one, work)
        work.notes += empty.reopened(work.emptied, asked.pm2_home)
        return _answer(asked, seen, plans, work)


@contextlib.contextmanager
def only_one(folder: str) -> t.Iterator[None]:
    """Be the only one who makes room here. A folder is locked, not a file: on a full disk none could be made."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OpsError("another run makes room on this host; wait for it, and look again") from None
    finally:
        os.close(handle)


def _bring_down(one: Plan, work: Work) -> None:
    """Take one thing after the other until the file system says itself that the target is reached."""
    target, seconds = work.asked.target, work.asked["timeout_seconds"]
    expected = space = looking.again(one.space, work.seen, seconds)
    for item in ordered(work.seen.items_on(one.space)):
        if target.reached(expected) and not target.reached(space):
            space = _settled(space, work)
        if target.reached(space):
            return
        if time.monotonic() > work.deadline:
            work.notes.append(f"the {work.asked['max_seconds']:g} s of max_seconds are over; run it again for the rest")
            return
        if not helps(space, item, target):
            continue
        try:
            _take(item, work)
        except OpsError as exc:
            work.kept.append(Left(item.kind, item.path, item.bytes, str(exc)))
            continue
        except OSError as exc:
            work.kept.append(Left(item.kind, item.path, item.bytes, f"it cannot be removed: {exc.strerror or exc}"))
            continue
        work.freed.append((one.space, item))
        expected = expected.without(item.bytes, item.files)
        space = looking.again(space, work.seen, seconds)


def _settled(space: Space, work: Work) -> Space:
    ends = time.monotonic() + SETTLE_SECONDS
    while not work.asked.target.reached(space) and time.monotonic() < ends:
        time.sleep(_POLL_SECONDS)
        space = looking.again(space, work.seen, work.asked["timeout_seconds"])
    return space


def _take(item: Item, work: Work) -> None:
    opened = work.opened()
    if item.kind in _CLOSED and item.identity is not None:
        holders = opened.holders.get((item.identity.device, item.identity.inode))
        if holders:
            raise remove.Changed(f"process {holders[0].pid} ({holders[0].name}) has opened it")
    if item.kind == DOCKER_IMAGES:
        docker.remove(item.data, work.asked["timeout_seconds"])
    elif item.kind == DELETED_LOGS:
        empty.deleted(item.data)
        work.emptied.append(item.data)
    elif item.kind == RELEASES:
        releases.take(item, work.asked, opened, work.deadline)
    elif item.identity is None:
        raise remove.Changed("nobody knows which file it was")
    elif item.kind == LIVE_LOGS:
        empty.head(item.path, item.identity, item.data)
    elif item.kind == NPM_CACHE:
        if opened.user_of(item.path):
            raise remove.Changed("npm is at work in it")
        remove.tree(item.path, item.identity, work.deadline)
    else:
        if item.kind == DUMPS:
            _prove(item.data, work)
        remove.file(item.path, item.identity)
        if item.kind == DUMPS:
            dumps_found.forget(item.path)


def _prove(newest: str, work: Work) -> None:
    """Once for each series of dumps; what failed once fails for the whole series."""
    if newest not in work.proved:
        try:
            dumps_found.prove(newest, max(1.0, work.deadline - time.monotonic()))
            work.proved[newest] = ""
        except OpsError as exc:
            work.proved[newest] = str(exc)
    if work.proved[newest]:
        raise OpsError(work.proved[newest])


def _answer(asked: Wanted, seen: Seen, plans: t.Sequence[Plan], work: t.Optional[Work]) -> dict[str, t.Any]:
    now = {one.space.mount: looking.again(one.space, seen, asked["timeout_seconds"]) if work else one.space
           for one in plans}
    rows = [{"mount": shown(one.space.mount), "percent_before": round(one.space.percent, 1),
             "percent_after": round((now[one.space.mount] if work else one.after).percent, 1),
             "free_bytes": now[one.space.mount].free_bytes,
             "reached": asked.target.reached(now[one.space.mount]) if work else one.reached,
             "planned_bytes": sum(item.bytes for item in one.items)} for one in plans]
    freed = work.freed if work else []
    kept = work.kept if work else []
    left = [*seen.found.left, *kept]
    notes = [*seen.found.notes, *(work.notes if work else [])]
    planned = [{**item.row(), "mount": shown(one.space.mount)} for one in plans for item in one.items]
    total = sum(item.bytes for dummy, item in freed)
    return {
        "changed": bool(freed) if work else bool(planned), "msg": _sentence(asked, plans, now, freed, work is not None),
        "reached": all(row["reached"] for row in rows), "filesystems": rows, "plan": planned,
        "freed": [{**item.row(), "mount": shown(space.mount)} for space, item in freed], "freed_bytes": total,
        "kept": [row.row() for row in kept],
        "for_person": [row.row() for row in sorted(left, key=lambda row: -row.bytes)], "notes": notes,
        "report": [*(_done(plans, now, freed) if work else
                     [line for one in plans for line in words.planned(one, asked.target)]),
                   *words.left(left), *(f"Note: {note}" for note in notes)],
        "diff": {"before": "".join(f"{row['mount']}: {row['percent_before']} %\n" for row in rows) + _paths(planned),
                 "after": "".join(f"{row['mount']}: {row['percent_after']} %\n" for row in rows)},
    }


def _paths(planned: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    return "".join(f"{row['path']} {row['bytes']} bytes\n" for row in planned)


def _sentence(asked: Wanted, plans: t.Sequence[Plan], now: t.Mapping[str, Space], freed: t.Sequence[tuple[Space, Item]],
              acted: bool) -> str:
    parts = []
    for one in plans:
        mine = [item for space, item in freed if space.mount == one.space.mount]
        mount, after = shown(one.space.mount), now[one.space.mount]
        before = show(round(one.space.percent, 1))
        if acted and mine:
            parts.append(f"{mount} was {before} % full and is {show(round(after.percent, 1))} %:"
                         f" {counted(len(mine), 'item')} with {size(sum(item.bytes for item in mine))} removed"
                         + ("" if asked.target.reached(after) else f"; {asked.target.words()} was not reached, the rest"
                                                                   " is for a person to decide"))
        elif one.items or not one.reached:
            parts.append(words.planned(one, asked.target)[0])
    return "; ".join(parts) or f"every disk is within {asked.target.words()}, so nothing has to go"


def _done(plans: t.Sequence[Plan], now: t.Mapping[str, Space], freed: t.Sequence[tuple[Space, Item]]) -> list[str]:
    lines = []
    for one in plans:
        mine = [item for space, item in freed if space.mount == one.space.mount]
        lines.append(f"{words.full(now[one.space.mount])}; {counted(len(mine), 'item')} removed")
        lines += words.cut_off([words.line(item.bytes, item.kind, item.path, item.why) for item in mine])
    return lines
