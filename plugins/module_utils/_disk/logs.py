# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Logs that may go: old generations, logs nobody writes any more; and those that are written to."""

from __future__ import annotations

import os
import typing as t

from .._core.limits import counted, duration
from . import folders
from .facts import DELETED_LOGS, LIVE_LOGS, PM2_LOGS, ROTATED_LOGS, Found, Item, Left
from .folders import Entry
from .opened import Deleted, Holder, Opened
from .options import Wanted
from .rotated_parse import is_live, is_log, log_of

DEPTH = 3
DAY = 86400.0


def pm2_folder(wanted: Wanted) -> str:
    """Where PM2 writes logs unless it is told otherwise; empty where there is no PM2."""
    return os.path.join(wanted.pm2_home, "logs") if wanted.pm2_home else ""


def named(wanted: Wanted) -> list[str]:
    """The folders of logs, links resolved, each once."""
    wished = [*wanted["log_directories"], *filter(None, [pm2_folder(wanted)])]
    return list(dict.fromkeys(os.path.realpath(path) for path in wished))


def look(wanted: Wanted, opened: Opened, now: float, deadline: float) -> Found:
    """All logs in the named folders."""
    found = Found()
    for folder in named(wanted):
        entries = [entry for entry in folders.files(folder, DEPTH, deadline) if is_log(os.path.basename(entry.path))]
        found.add(_rotated(entries, wanted, opened, now))
        found.add(_live(entries, wanted, opened, now, folder == os.path.realpath(pm2_folder(wanted) or "/")))
    found.add(_deleted(wanted, opened))
    return found


def holders_words(holders: t.Sequence[Holder]) -> str:
    """Who has a file open, for a sentence."""
    first = holders[0]
    others = len({one.pid for one in holders}) - 1
    return f"process {first.pid} ({first.name})" + (f" and {counted(others, 'other')}" if others else "")


def _rotated(entries: t.Sequence[Entry], wanted: Wanted, opened: Opened, now: float) -> Found:
    found = Found()
    series: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        log = log_of(os.path.basename(entry.path))
        if log is not None:
            series.setdefault((os.path.dirname(entry.path), log), []).append(entry)
    for generations in series.values():
        generations.sort(key=lambda entry: -entry.status.st_mtime)
        for entry in generations[wanted["log_keep"]:]:
            age = now - entry.status.st_mtime
            if age < wanted["log_days"] * DAY:
                continue
            _offer(found, entry, ROTATED_LOGS, f"rotated, {duration(round(age))} old", opened)
    return found


def _live(entries: t.Sequence[Entry], wanted: Wanted, opened: Opened, now: float, of_pm2: bool) -> Found:
    found = Found()
    for entry in entries:
        if not is_live(os.path.basename(entry.path)):
            continue
        holders = opened.holders.get((entry.status.st_dev, entry.status.st_ino))
        age = now - entry.status.st_mtime
        if of_pm2 and not holders and age >= max(1.0, wanted["log_days"]) * DAY:
            _offer(found, entry, PM2_LOGS, f"no app writes it, last written {duration(round(age))} ago", opened)
        elif entry.status.st_size > wanted["live_log_keep_bytes"]:
            _head(found, entry, wanted, holders)
    return found


def _head(found: Found, entry: Entry, wanted: Wanted, holders: t.Optional[list[Holder]]) -> None:
    """The beginning of a log that is written to; whole blocks only, and as if it had no holes yet."""
    block = max(4096, entry.status.st_blksize)
    cut = (entry.status.st_size - wanted["live_log_keep_bytes"]) // block * block
    kept = entry.status.st_size - cut
    freed = entry.status.st_blocks * 512 - -(-kept // block) * block
    if cut <= 0 or freed <= 0 or entry.status.st_nlink != 1:
        return
    if LIVE_LOGS in wanted["kinds"]:
        found.items.append(Item(LIVE_LOGS, entry.path, freed, entry.status.st_mtime, 0,
                                f"its beginning; the last {kept} bytes stay", folders.identity(entry.status), cut))
    else:
        who = f"written by {holders_words(holders)}" if holders else "written to"
        found.left.append(Left("live_log", entry.path, entry.status.st_blocks * 512,
                               f"{who}; the kind {LIVE_LOGS} frees {freed} bytes of its beginning"))


def _offer(found: Found, entry: Entry, kind: str, why: str, opened: Opened) -> None:
    """A file may go unless somebody has it open or it has another name: then nothing would be freed."""
    taken = entry.status.st_blocks * 512
    holders = opened.holders.get((entry.status.st_dev, entry.status.st_ino))
    if holders:
        found.left.append(Left("open_log", entry.path, taken, f"{holders_words(holders)} has it open, so deleting it"
                                                              " frees nothing and loses what is written next"))
    elif entry.status.st_nlink != 1:
        found.left.append(Left("linked", entry.path, taken, f"it has {entry.status.st_nlink} names (hard links)"))
    else:
        found.items.append(Item(kind, entry.path, taken, entry.status.st_mtime, 1, why,
                                folders.identity(entry.status)))


def _deleted(wanted: Wanted, opened: Opened) -> Found:
    """Files without a name that are still open; only a log of the named folders that is written to may be emptied."""
    found = Found()
    for row in opened.deleted.values():
        who = ", ".join(f"process {one.pid} ({one.name})" for one in _each(row.holders))
        if is_deleted_log(row, wanted):
            found.items.append(Item(DELETED_LOGS, row.path, row.bytes, row.modified, 0,
                                    f"deleted, and still written by {who}", None, row))
        elif row.bytes:
            found.left.append(Left("deleted_open", row.path, row.bytes,
                                   f"deleted, and still open in {who}: it is freed when that is restarted or reloaded"))
    return found


def is_deleted_log(row: Deleted, wanted: Wanted) -> bool:
    """Whether this is a log of the named folders whose content nobody can read any more."""
    inside = any(row.path.startswith(folder + "/") for folder in named(wanted))
    return inside and is_log(os.path.basename(row.path)) and all(one.writes for one in row.holders)


def _each(holders: t.Iterable[Holder]) -> list[Holder]:
    return list({one.pid: one for one in holders}.values())
