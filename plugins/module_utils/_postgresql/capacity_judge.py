# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Whether a server can have so many connections: memory, reserved connections, standbys."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import BadOption
from .._core.limits import counted, size

LEAST, MOST = 2, 262_143
DEFAULT = 100  # what PostgreSQL takes when nobody says anything


@dataclasses.dataclass(frozen=True)
class Server:
    """What the server says of itself; bytes are bytes."""

    running: int
    reserved: int
    used: int
    standby: bool
    standbys: int
    shared_buffers: int
    work_mem: int
    hash_mem_multiplier: float
    autovacuum_work_mem: int
    autovacuum_workers: int


@dataclasses.dataclass(frozen=True)
class Memory:
    """What the host has, and how much of it a server may want; ``available`` is None when it cannot be known."""

    total: int
    available: t.Optional[int]
    percent: float
    session_bytes: int
    work_mems: float


@dataclasses.dataclass(frozen=True)
class Need:
    """The arithmetic, to be shown."""

    bytes: int
    added_bytes: int
    session_bytes: int
    fixed_bytes: int
    limit_bytes: int
    total_bytes: int


def session_need(server: Server, memory: Memory) -> int:
    """What one busy session may take."""
    return round(memory.session_bytes + memory.work_mems * server.work_mem * server.hash_mem_multiplier)


def need(value: int, server: Server, memory: Memory) -> Need:
    """What so many busy sessions may take together."""
    each = session_need(server, memory)
    fixed = server.shared_buffers + server.autovacuum_workers * server.autovacuum_work_mem
    return Need(fixed + value * each, max(0, value - server.running) * each, each, fixed,
                int(memory.total * memory.percent / 100), memory.total)


def refuse(value: int, server: Server) -> None:
    """BadOption for what the server would not start with."""
    if not LEAST <= value <= MOST:
        raise BadOption(f"value must be between {LEAST} and {MOST}, not {value}")
    if value <= server.reserved:
        raise BadOption(f"value must be above the {server.reserved} connections that are reserved, not {value}: the "
                        f"server would not start")


def risks(value: int, server: Server, memory: Memory) -> list[str]:
    """What speaks against it; each is a sentence that says what to do instead."""
    wanted, found = need(value, server, memory), []
    if value > server.running:
        if wanted.bytes > wanted.limit_bytes:
            most = (wanted.limit_bytes - wanted.fixed_bytes) // wanted.session_bytes
            found.append(
                f"{value} busy sessions may take {size(wanted.bytes)} ({size(wanted.fixed_bytes)} shared and {value} x "
                f"{size(wanted.session_bytes)}), and {memory.percent:g} % of {size(memory.total)} are "
                f"{size(wanted.limit_bytes)}: " + (f"at most {most} fit" if most > 0 else "not one fits"))
        if memory.available is not None and wanted.added_bytes > memory.available:
            found.append(f"{value - server.running} more busy sessions may take {size(wanted.added_bytes)}, and "
                         f"{size(memory.available)} are available at this moment")
        if server.standbys:
            found.append(f"{counted(server.standbys, 'standby replicates', 'standbys replicate')} from it, and one "
                         f"with fewer connections stops replaying: raise it on every standby first")
    if value < server.running:
        if server.used > value - server.reserved:
            found.append(f"{server.used} connections are in use, and {value - server.reserved} would be usable")
        if server.standby:
            found.append("it is a standby, which stops replaying when it has fewer connections than its primary: "
                         "lower the primary first")
    return found
