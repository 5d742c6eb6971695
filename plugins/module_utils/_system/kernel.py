# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Read the kernel's tables of memory, CPU, pressure and kills (pure)."""

from __future__ import annotations

import dataclasses
import re
import typing as t

_OOM = re.compile(r"Killed process (\d+) \((.+?)\)")
_PRESSURE = re.compile(r"^(some|full) avg10=([0-9.]+) avg60=([0-9.]+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Ticks:
    """CPU time since the boot, of all processors together; stolen time counts as busy."""

    busy: int
    idle: int


@dataclasses.dataclass(frozen=True)
class Kill:
    """One process that the kernel killed for lack of memory; ``seconds`` since the boot."""

    seconds: float
    pid: int
    name: str


def table(text: str) -> dict[str, int]:
    """``name: value [kB]`` or ``name value`` lines as numbers; kB become bytes; other lines are left out."""
    numbers: dict[str, int] = {}
    for line in text.splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdigit():
            numbers[words[0]] = int(words[1]) * (1024 if words[2:] == ["kB"] else 1)
    return numbers


def ticks(text: str) -> Ticks:
    """The ``cpu`` line of /proc/stat; ValueError when there is none."""
    for line in text.splitlines():
        name, *words = line.split() or [""]
        if name == "cpu" and len(words) >= 4:
            user, nice, system, idle, iowait, irq, softirq, steal = ([int(word) for word in words] + [0] * 8)[:8]
            # guest time is part of user time already
            return Ticks(user + nice + system + irq + softirq + steal, idle + iowait)
    raise ValueError("no line of all processors")


def cpu_percent(before: Ticks, after: Ticks, own_ticks: float) -> t.Optional[float]:
    """The busy share between two readings without the check's own part; None when no time passed."""
    idle = max(0, after.idle - before.idle)
    busy = max(0, after.busy - before.busy)
    if idle + busy <= 0:
        return None
    return 100.0 * max(0.0, busy - own_ticks) / (idle + busy)


def pressure(text: str) -> dict[tuple[str, str], float]:
    """(some or full, window) → percent of the time in which tasks waited."""
    found: dict[tuple[str, str], float] = {}
    for kind, ten, sixty in _PRESSURE.findall(text):
        found[kind, "10s"], found[kind, "60s"] = float(ten), float(sixty)
    return found


def oom_kill(record: str) -> t.Optional[Kill]:
    """One record of /dev/kmsg; None when it tells of something else."""
    kill = _OOM.search(record.partition(";")[2])
    seconds = record_seconds(record)
    return Kill(seconds, int(kill.group(1)), kill.group(2)) if kill and seconds is not None else None


def record_seconds(record: str) -> t.Optional[float]:
    """The seconds since the boot at which a record of /dev/kmsg was written; None when it is not one."""
    head, found, _message = record.partition(";")
    fields = head.split(",")
    return int(fields[2]) / 1e6 if found and len(fields) >= 3 and fields[2].isdigit() else None


def cgroup_paths(text: str) -> tuple[t.Optional[str], t.Optional[str]]:
    """(path in the unified hierarchy, path in the memory hierarchy of version 1) from /proc/self/cgroup."""
    unified: t.Optional[str] = None
    memory: t.Optional[str] = None
    for line in text.splitlines():
        number, found, rest = line.partition(":")
        controllers, found_too, path = rest.partition(":")
        if found and found_too and number == "0" and not controllers:
            unified = path
        elif "memory" in controllers.split(","):
            memory = path
    return unified, memory
