# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""Which run of ansible-playbook this is, who started it, and whether another one of this controller is still alive."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import typing as t
from pathlib import Path

_PROC = Path("/proc")
_PS_SECONDS = 5.0
# what AWX and its relatives call the person who pressed the button
_USERS = ("awx_user_name", "tower_user_name")


def operator(variables: t.Mapping[str, t.Any]) -> str:
    """The person: as the job system knows it, as sudo knows it, or as the system does."""
    for name in _USERS:
        if variables.get(name):
            return str(variables[name])
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def this_run() -> dict[str, str]:
    """The main process of ansible-playbook: a task runs in a child of it. Empty where that cannot be told."""
    return run_of(os.getppid())


def run_of(pid: int) -> dict[str, str]:
    """What identifies a process for as long as its controller is up; empty when it is gone or nobody's.

    On a controller without /proc (macOS) the boot and the namespace are not known, so that it is never called over.
    """
    if not (_PROC / "self").exists():
        return {"controller": socket.gethostname(), "boot": "", "namespace": "", "pid": str(pid),
                "started": _started_by_ps(pid)} if pid > 1 else {}
    started = _started(pid)
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return {}
    if pid <= 1 or started is None:
        return {}
    return {"controller": socket.gethostname(), "boot": boot, "namespace": namespace, "pid": str(pid),
            "started": started}


def is_over(run: t.Mapping[str, str]) -> bool:
    """Whether that run is surely over: it was one of this controller, in this boot, and its process is not there.

    Of another controller, or of this one before it restarted, nothing is known.
    """
    here = run_of(os.getpid())
    if not here.get("boot") or any(run.get(key) != here[key] for key in ("controller", "boot", "namespace")):
        return False
    try:
        return _started(int(run["pid"])) != run["started"]
    except (KeyError, ValueError):
        return False


def named(who: str, run: t.Mapping[str, str]) -> str:
    """The holder as people read it: ann on ci1 (pid 4711)."""
    return f"{who} on {run['controller']} (pid {run['pid']})" if run else f"{who} on {socket.gethostname()}"


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's count (proc_pid_stat(5)); None when it is gone or dead."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if len(fields) < 20 or fields[0] in "ZX" else fields[19]


def _started_by_ps(pid: int) -> str:
    """When a process started, in the words of ps; empty where it does not tell."""
    try:
        ran = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False,
                             timeout=_PS_SECONDS, env={"LC_ALL": "C", "TZ": "UTC"})
    except (OSError, subprocess.SubprocessError):
        return ""
    return " ".join(ran.stdout.split()) if ran.returncode == 0 else ""
