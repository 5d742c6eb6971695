# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What PM2 runs, as plain facts: never an environment, an argument or a secret."""

from __future__ import annotations

import os
import pwd
import time
import typing as t

from .._core.errors import ABSENT, ServiceDown
from . import client, god, home as pm2_home, proc
from .apps import Process, by_name


def gather(home: str, timeout_seconds: float) -> dict[str, t.Any]:
    """The daemon and its apps; a dead daemon is a fact, a hanging one ServiceDown."""
    try:
        answer = client.listing(home, timeout_seconds)
    except ServiceDown as exc:
        if exc.reason != ABSENT:
            raise
        left = [{"name": name, "pid": pid} for name, pid in pm2_home.orphans(home)]
        return {"msg": str(exc), "running": False, "daemon": god.state(home, exc.reason), "apps": [], "orphans": left}
    pids = [answer.peer.pid, *(one.pid for one in answer.processes if one.pid)]
    ports = pm2_home.listening(pids)
    apps = [_app(name, rows, ports, time.time()) for name, rows in by_name(answer.processes).items()]
    daemon = {**god.running(answer.peer.pid), "version": answer.version, "user": _user(answer.peer.uid),
              "ports": ports.get(answer.peer.pid)}
    online = sum(app["online"] for app in apps)
    return {"msg": f"PM2 {answer.version} of {home}: {len(apps)} apps, {online} processes online", "running": True,
            "daemon": daemon, "apps": apps, "orphans": []}


def _app(name: str, rows: t.Sequence[Process], ports: t.Mapping[int, list[int]], now: float) -> dict[str, t.Any]:
    first = rows[0]
    return {
        "name": name, "exec_mode": first.exec_mode, "instances": len(rows),
        "online": sum(row.status == "online" for row in rows), "restarts": sum(row.restart_time for row in rows),
        "cwd": first.cwd, "folder": os.path.realpath(first.cwd) if first.cwd else "", "script": first.script,
        "max_memory_restart_bytes": first.max_memory_restart or None,
        "out_log": first.out_log, "err_log": first.err_log, "combined_log": first.combined_log,
        "processes": [{
            "pm_id": row.pm_id, "pid": row.pid, "status": row.status, "restarts": row.restart_time,
            "uptime_seconds": max(0, round(now - row.pm_uptime / 1000)) if row.pid and row.pm_uptime else None,
            "memory_bytes": row.memory, "cpu_percent": row.cpu, "ports": ports.get(row.pid) if row.pid else [],
            "cwd": proc.folder(row.pid) if row.pid else "",
        } for row in rows],
    }


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
