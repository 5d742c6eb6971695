# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Which port is free, and whose a port is that somebody listens on, from the kernel's tables."""

from __future__ import annotations

import contextlib
import os
import socket
import typing as t

from .._core.listening import inode, listeners


def spare_port() -> int:
    """A port that nobody uses now; the kernel gives it to no other asker for a while."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def sockets(port: int) -> frozenset[str]:
    """The inodes of the sockets that listen on a port, on any address."""
    found: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as file:  # a host without IPv6
            found |= listeners(file.read(), port)
    return frozenset(found)


def held_by(inodes: t.AbstractSet[str], pids: t.Iterable[int]) -> frozenset[str]:
    """Those of the sockets that one of these processes has open."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):  # it ended, or is not ours to look at
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    number = inode(os.readlink(entry.path))
                    if number is not None and number in inodes:
                        found.add(number)
    return frozenset(found)


def holder(inodes: t.AbstractSet[str]) -> str:
    """Who has one of these sockets, for a sentence."""
    for name in os.listdir("/proc"):
        if name.isdigit() and held_by(inodes, [int(name)]):
            with contextlib.suppress(OSError), open(f"/proc/{name}/comm", encoding="utf-8", errors="replace") as file:
                return f"process {name} ({file.read().strip()})"
    return "another process"
