# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What the kernel says of a process (proc(5) of the Linux manual); of one that is gone it says nothing."""

from __future__ import annotations

import os
import typing as t

DELETED = " (deleted)"


def folder(pid: int) -> str:
    """Where the process works, links resolved when it went there; empty when this user must not see it."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def gone(place: str) -> bool:
    """Whether a process works in a folder that was deleted below it."""
    return place.endswith(DELETED) and not os.path.isdir(place)


def user(pid: int) -> t.Optional[int]:
    """The effective user of the process."""
    return next((int(line.split()[2]) for line in _text(pid, "status").splitlines() if line.startswith("Uid:")), None)


def birth(pid: int) -> t.Optional[int]:
    """When it was started, in ticks since the boot: with the pid the name of one process. None when it has ended."""
    fields = _text(pid, "stat").rpartition(")")[2].split()
    return int(fields[19]) if fields and fields[0] not in "ZX" else None


def age(pid: int) -> float:
    """Seconds since it was started; endless for one that has ended."""
    born = birth(pid)
    if born is None:
        return float("inf")
    with open("/proc/uptime", encoding="ascii") as file:
        return float(file.read().split()[0]) - born / os.sysconf("SC_CLK_TCK")


def title(pid: int) -> str:
    """Its command line as one text; a program may write what it likes there."""
    return _text(pid, "cmdline").rstrip("\0").replace("\0", " ")


def environment(pid: int) -> dict[str, str]:
    """The environment with which it was started. It holds secrets: compare it, never show it."""
    pairs = (entry.partition("=") for entry in _text(pid, "environ").split("\0"))
    return {name: value for name, equals, value in pairs if equals}


def service(pid: int) -> str:
    """The system's service in whose control group it runs; being in it does not mean to be its main process."""
    for line in _text(pid, "cgroup").splitlines():
        parts = line.split(":", 2)[-1].split("/")
        found = [part for part in parts if part.endswith(".service")]
        if found and parts[1] != "user.slice":
            return found[-1]
    return ""


def _text(pid: int, name: str) -> str:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return os.fsdecode(file.read())
    except OSError:
        return ""
