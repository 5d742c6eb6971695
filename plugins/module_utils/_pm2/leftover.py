# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Processes that a PM2 daemon of this home started, found without asking it: it is dead, or it hangs."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t

from . import proc
from .own_file import opened

PID_DIGITS = 20


@dataclasses.dataclass(frozen=True)
class Left:
    """One of them: the name of its pid file, which process it is, and the app by PM2's word when it was started."""

    file: str
    pid: int
    born: int
    name: str
    script: str
    cwd: str
    is_module: bool = False


def of(home: str, uid: t.Optional[int] = None) -> tuple[Left, ...]:
    """Those with a pid file in the home that run as its owner and were started by a daemon of it."""
    folder = os.path.join(home, "pids")
    try:
        uid = os.stat(home).st_uid if uid is None else uid
        names = sorted(os.listdir(folder))
    except OSError:
        return ()
    found = (_left(home, name, uid) for name in names if name.endswith(".pid"))
    return tuple(one for one in found if one is not None)


def written_pid(path: str) -> t.Optional[int]:
    """The number in a pid file."""
    try:
        with opened(path) as file:
            return int(file.read(PID_DIGITS))
    except (OSError, ValueError):
        return None


def of_this_home(environment: t.Mapping[str, str], home: str) -> bool:
    """Whether a process with this environment was started for this PM2 home."""
    # a fork has its own variables only; where its pid file lies is always among them
    said = environment.get("PM2_HOME") or os.path.dirname(os.path.dirname(environment.get("pm_pid_path", "")))
    return bool(said) and os.path.realpath(said) == os.path.realpath(home)


def _left(home: str, name: str, uid: int) -> t.Optional[Left]:
    pid = written_pid(os.path.join(home, "pids", name))
    born = proc.birth(pid) if pid else None
    if not pid or born is None or proc.user(pid) != uid:
        return None
    environment = proc.environment(pid)
    if not of_this_home(environment, home):
        return None
    app = _app(environment)
    return Left(name[:-4], pid, born, str(app.get("name", "")), str(app.get("pm_exec_path", "")),
                str(app.get("pm_cwd", "")), app.get("pmx_module") in (True, "true"))


def _app(environment: t.Mapping[str, str]) -> t.Mapping[str, t.Any]:
    """What PM2 gave to a worker as JSON and to a fork as single variables."""
    try:
        app = json.loads(environment["pm2_env"])
    except (KeyError, ValueError):
        return environment
    return app if isinstance(app, dict) else environment
