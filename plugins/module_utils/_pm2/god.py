# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""PM2's daemon as a process: whether it lives, whether it answers, and who would start it again."""

from __future__ import annotations

import os
import re
import typing as t

from .._core.command import run
from .._core.errors import SILENT, OpsError, ServiceDown
from . import leftover, proc
from .plan import Living
from .rpc import Daemon

RUNNING, HUNG, DEAD, ABSENT = "running", "hung", "dead", "absent"
_TITLE = re.compile(r"PM2 v[^ ]+: God Daemon \(")
_ASK_SECONDS = 5.0


def living(home: str, uid: t.Optional[int] = None) -> t.Optional[Living]:
    """The daemon of the home's pid file, when the kernel agrees: its owner, PM2's title, started for this home."""
    try:
        uid = os.stat(home).st_uid if uid is None else uid
    except OSError:
        return None
    pid = leftover.written_pid(os.path.join(home, "pm2.pid"))
    born = proc.birth(pid) if pid else None
    if not pid or born is None or proc.user(pid) != uid or not _TITLE.match(proc.title(pid)):
        return None
    return Living(pid, born) if leftover.of_this_home(proc.environment(pid), home) else None


def state(home: str, reason: str) -> dict[str, t.Any]:
    """Pid, state and unit of a daemon that could not be asked for this reason."""
    found = living(home)
    if found is not None or reason == SILENT:
        return _row(found.pid if found else None, HUNG)
    traces = any(os.path.lexists(os.path.join(home, name)) for name in ("rpc.sock", "pm2.pid"))
    return _row(None, DEAD if traces else ABSENT)


def asked(home: str, timeout_seconds: float) -> dict[str, t.Any]:
    """Pid, state and unit of the daemon, which is asked for it; empty when this user must not ask."""
    try:
        with Daemon(home, timeout_seconds) as daemon:
            daemon.call("getVersion")
            return running(daemon.peer.pid)
    except ServiceDown as exc:
        return state(home, exc.reason)
    except OpsError:
        return {}


def running(pid: int) -> dict[str, t.Any]:
    """The same of a daemon that answered."""
    return _row(pid, RUNNING)


def unit(pid: int) -> str:
    """The unit whose main process it is; of one that cannot be asked we believe so, for it would start it again."""
    name = proc.service(pid)
    if not name:
        return ""
    try:
        said = run(["systemctl", "show", "--property=MainPID", "--value", name], _ASK_SECONDS)
    except OpsError:
        return name
    return name if said.code or said.out.strip() == str(pid).encode() else ""


def _row(pid: t.Optional[int], word: str) -> dict[str, t.Any]:
    return {"pid": pid, "state": word, "unit": unit(pid) if pid else ""}
