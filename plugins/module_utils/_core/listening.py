# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Who listens on a port, from the kernel's table (proc_net_tcp(5) of the Linux manual) and the links of processes."""

from __future__ import annotations

import typing as t

LISTEN = "0A"


def listeners(table: str, port: int) -> frozenset[str]:
    """The socket inodes that listen on the port in one ``/proc/net/tcp`` or ``tcp6`` table."""
    return frozenset(inode for inode, its_port in all_listeners(table).items() if its_port == port)


def all_listeners(table: str) -> dict[str, int]:
    """The port of each socket inode that listens in one table."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return {row[9]: int(row[1].rsplit(":", 1)[1], 16) for row in rows if len(row) > 9 and row[3] == LISTEN}


def inode(link: str) -> t.Optional[str]:
    """The inode in a link such as ``socket:[12345]``; None for any other."""
    return link[8:-1] if link.startswith("socket:[") else None
