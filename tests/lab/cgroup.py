# SPDX-License-Identifier: GPL-3.0-or-later
"""Control groups of the machine: everything a host or a server of a lab starts is in one, and dies with it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from tests.lab.machine import LabError

ROOT = Path("/sys/fs/cgroup")
KILL_SECONDS = 30.0


def roots() -> list[Path]:
    """The hierarchies in which every host gets a group of its own, version 2 first; empty when there is none."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT] if os.access(ROOT, os.W_OK) else []
    found = [ROOT / name for name in ("unified", "systemd", "memory", "cpuacct", "freezer")]
    if not (found[0] / "cgroup.procs").exists() or not os.access(found[0], os.W_OK):
        return []
    return [root for root in found if (root / "cgroup.procs").exists()]


def groups(name: str) -> list[Path]:
    """Where the group of that name is, version 2 first."""
    return [root / name for root in roots()]


def make(name: str) -> list[Path]:
    """Make the group in every hierarchy."""
    for group in groups(name):
        group.mkdir(exist_ok=True)
    return groups(name)


def join(name: str, pid: int) -> None:
    """Put a process into the group."""
    for group in make(name):
        (group / "cgroup.procs").write_text(str(pid))


def processes(name: str) -> list[int]:
    """The processes of the group and of those below it."""
    return [pid for group in _below(groups(name)[0]) for pid in _held(group)]


def limit_memory(name: str, limit_bytes: int | None) -> None:
    """Give the group this much memory and no more; None takes the limit away."""
    old = ROOT / "memory" / name / "memory.limit_in_bytes"
    if old.exists():
        old.write_text(str(-1 if limit_bytes is None else limit_bytes))
    else:
        (ROOT / name / "memory.max").write_text("max" if limit_bytes is None else str(limit_bytes))


def kill(name: str) -> None:
    """Kill everything in the group at once and take the group away; one that is not there is fine."""
    deadline = time.monotonic() + KILL_SECONDS
    for group in groups(name):
        if (group / "cgroup.kill").exists():
            (group / "cgroup.kill").write_text("1")
        while not _remove(group):
            if time.monotonic() > deadline:
                raise LabError(f"Processes did not die within {KILL_SECONDS:g} seconds: {group}.")
            time.sleep(0.02)


def _remove(group: Path) -> bool:
    """Remove a group with those below it, killing what a version 1 hierarchy still holds."""
    if not group.exists():
        return True
    for child in sorted(_below(group), reverse=True):
        for pid in _held(child):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            child.rmdir()
    return not group.exists()


def _below(group: Path) -> list[Path]:
    """The group and those below it; one that goes away while we look is passed over."""
    return [Path(folder) for folder, _folders, _files in os.walk(group)]


def _held(group: Path) -> list[int]:
    try:
        return [int(pid) for pid in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return []
