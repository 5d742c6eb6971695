# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The host of a server: its memory, the server's program, unit and files."""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t

from .._core.command import run
from .._core.errors import CannotLook, OpsError
from .._core.files import atomic_write
from .._core.redact import redact

AUTO_CONF = "postgresql.auto.conf"
_CHECK_SECONDS = 20.0


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a server of this host runs from."""

    data: str
    config: str
    program: str
    unit: str


def memory() -> tuple[int, int]:
    """Total and available bytes of this host."""
    found = {}
    with open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            name, dummy, rest = line.partition(":")
            found[name] = int(rest.split()[0]) * 1024
    return found["MemTotal"], found["MemAvailable"]


def place(data: str, config: str) -> Place:
    """The running server of a data directory; CannotLook when it is not on this host, or not to be seen."""
    try:
        with open(os.path.join(data, "postmaster.pid"), encoding="utf-8", errors="replace") as file:
            pid = int(file.readline())
        program = os.readlink(f"/proc/{pid}/exe")
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            units = re.findall(r"/([^/\n]+\.service)\b", file.read())
    except FileNotFoundError as exc:
        raise CannotLook(f"the server of {data} does not run on this host: run this on the database's host") from exc
    except (OSError, ValueError) as exc:
        raise CannotLook(f"the server of {data} cannot be seen: {exc}; become root") from exc
    return Place(data, config, program.removesuffix(" (deleted)"), units[-1] if units else "")


def validate(where: Place, value: int) -> None:
    """Ask the server's own program what it would start with; OpsError when that is not the value, or nothing at all."""
    status = os.stat(where.data)
    done = run([where.program, "-C", "max_connections", "-D", where.data, "-c", f"config_file={where.config}"],
               _CHECK_SECONDS, owner=(status.st_uid, status.st_gid) if os.geteuid() == 0 else None, folder="/")
    said = done.out.decode("utf-8", "replace").strip()
    if done.code:
        why = " ".join(done.err.decode("utf-8", "replace").split())
        raise OpsError(f"the server would not start with its configuration as it is: {redact(why)[:300]}")
    if said != str(value):
        raise OpsError(f"the server would start with max_connections {said}, for something overrides the setting; see "
                       f"the files that {where.config} includes")


def settings_file(where: Place) -> tuple[str, bytes]:
    """The file of ALTER SYSTEM, and what is in it."""
    path = os.path.join(where.data, AUTO_CONF)
    try:
        with open(path, "rb") as file:
            return path, file.read()
    except OSError as exc:
        raise CannotLook(f"{path} cannot be read: {exc.strerror}; become root") from exc


def put_back(path: str, data: bytes) -> None:
    """Write the file of ALTER SYSTEM as it was, without the server."""
    status = os.stat(path)
    atomic_write(path, data, mode=0o600, owner=(status.st_uid, status.st_gid) if os.geteuid() == 0 else None)


def restart(arguments: t.Sequence[str], timeout_seconds: float) -> str:
    """Restart; what went wrong, or nothing. The exit code proves little: the caller looks at the server."""
    try:
        done = run(arguments, timeout_seconds)
    except OpsError as exc:
        return str(exc)
    if not done.code:
        return ""
    said = " ".join((done.err or done.out).decode("utf-8", "replace").split())
    return f"{arguments[0]} ended with {done.code}: {redact(said)[:200]}"
