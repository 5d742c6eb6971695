# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The daemon's own log tells what its status hides: exits that nobody asked for, with their times."""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t

_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\S*: PM2 (?:log|error): (.*)")
_STOPPING = re.compile(r"Stopping app:(.+) id:(\S+)")
_EXITED = re.compile(r"App \[(.+):([^:\]]+)\] exited with code \[(\S*)\](?: via signal \[(\S*)\])?")
_MEMORY = re.compile(r"\[PM2\]\[WORKER\] Process (\S+) restarted because it exceeds --max-memory-restart")


@dataclasses.dataclass(frozen=True)
class Exit:
    """An exit that nobody asked for; ``at`` in seconds since 1970, ``why`` in a word."""

    app: str
    at: float
    why: str


def exits(lines: t.Iterable[str], to_epoch: t.Callable[[str], float]) -> tuple[Exit, ...]:
    """Find the unasked exits in lines of ``pm2.log``.

    A stop, restart or reload by hand writes "Stopping app" before "exited"; a crash writes only "exited". A restart
    by the memory limit is a stop by PM2 itself and counts as unasked.
    """
    found: list[Exit] = []
    asked: set[tuple[str, str]] = set()
    over_limit: set[str] = set()
    for line in lines:
        match = _LINE.match(line)
        if not match:
            continue
        moment, text = match.groups()
        memory, stopping, exited = _MEMORY.search(text), _STOPPING.match(text), _EXITED.match(text)
        if memory:
            over_limit.add(memory.group(1))
        elif stopping:
            asked.add((stopping.group(1), stopping.group(2)))
        elif exited:
            app, pm_id, code, signal = exited.groups()
            if pm_id in over_limit:
                over_limit.discard(pm_id)
                found.append(Exit(app, to_epoch(moment), "memory limit"))
            elif (app, pm_id) not in asked:
                found.append(Exit(app, to_epoch(moment), _why(code, signal)))
            asked.discard((app, pm_id))
    return tuple(found)


def local_epoch(moment: str) -> float:
    """Seconds since 1970 of a time as PM2 writes it: local, without a zone."""
    return time.mktime(time.strptime(moment, "%Y-%m-%dT%H:%M:%S"))


def _why(code: str, signal: t.Optional[str]) -> str:
    # PM2 prints SIGINT for every exit that carried a code
    if signal and signal != "SIGINT" and code in ("", "0", "null"):
        return signal
    return f"code {code}"
