# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What PM2 knows of its processes, reduced at once to an allow-list: the full answer holds every app's secrets."""

from __future__ import annotations

import dataclasses
import json
import typing as t


@dataclasses.dataclass(frozen=True)
class Process:
    """One process under PM2; times in milliseconds since 1970, memory in bytes, cpu in percent of one core."""

    name: str
    pm_id: int
    pid: int
    status: str
    exec_mode: str = ""
    restart_time: int = 0
    pm_uptime: int = 0
    memory: int = 0
    cpu: float = 0.0
    max_memory_restart: int = 0
    version: str = ""
    out_log: str = ""
    err_log: str = ""
    combined_log: str = ""
    is_module: bool = False
    cwd: str = ""
    script: str = ""
    wait_ready: bool = False
    listen_timeout: int = 0
    kill_timeout: int = 0


def processes(answer: t.Any) -> tuple[Process, ...]:
    """Read the daemon's (or jlist's) list; ValueError when it is no such list."""
    if not isinstance(answer, list):
        raise ValueError("not a list of processes")
    return tuple(_process(row) for row in answer)


def saved(dump: t.Any) -> tuple[str, ...]:
    """The app name of each process in a ``dump.pm2``; ValueError when it is no such list."""
    if not isinstance(dump, list):
        raise ValueError("not a list of processes")
    return tuple(str(row.get("name", "")) for row in dump if isinstance(row, dict) and not row.get("pmx_module"))


def variables(answer: t.Any) -> dict[str, list[dict[str, str]]]:
    """The environment of each app's processes, as the app sees it. It holds secrets: compare it, never show it."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in answer:
        env = row.get("pm2_env", {}).get("env")
        found.setdefault(str(row.get("name", "")), []).append(texts(env if isinstance(env, dict) else {}))
    return found


def texts(values: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Values from JSON as JavaScript writes them into an environment."""
    return {str(key): _text(value) for key, value in values.items() if value is not None}


def _text(value: t.Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def by_name(found: t.Iterable[Process]) -> dict[str, list[Process]]:
    """Group the processes of each app, PM2's own modules left out, in the order of PM2's list."""
    groups: dict[str, list[Process]] = {}
    for process in found:
        if not process.is_module:
            groups.setdefault(process.name, []).append(process)
    return groups


def _process(row: t.Any) -> Process:
    if not isinstance(row, dict):
        raise ValueError("not a process")
    env = row.get("pm2_env")
    monit = row.get("monit")
    env = env if isinstance(env, dict) else {}
    monit = monit if isinstance(monit, dict) else {}
    return Process(
        name=str(row.get("name", "")),
        pm_id=_int(row.get("pm_id")),
        pid=_int(row.get("pid")),
        status=str(env.get("status", "unknown")),
        exec_mode=str(env.get("exec_mode", "")).replace("_mode", ""),
        restart_time=_int(env.get("restart_time")),
        pm_uptime=_int(env.get("pm_uptime")),
        memory=_int(monit.get("memory")),
        cpu=_float(monit.get("cpu")),
        max_memory_restart=_int(env.get("max_memory_restart")),
        version=str(env.get("version") or ""),
        out_log=_path(env.get("pm_out_log_path")),
        err_log=_path(env.get("pm_err_log_path")),
        combined_log=_path(env.get("pm_log_path")),
        is_module=bool(env.get("pmx_module")),
        cwd=_path(env.get("pm_cwd")),
        script=_path(env.get("pm_exec_path")),
        wait_ready=bool(env.get("wait_ready")),
        listen_timeout=_int(env.get("listen_timeout")),
        kill_timeout=_int(env.get("kill_timeout")),
    )


def _int(value: t.Any) -> int:
    return int(_float(value))


def _float(value: t.Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf"):
        return float(value)
    return 0.0


def _path(value: t.Any) -> str:
    return value if isinstance(value, str) and value.startswith("/") and value != "/dev/null" else ""
