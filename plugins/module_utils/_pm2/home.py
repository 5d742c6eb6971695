# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What a PM2 home and /proc tell without asking the daemon; nothing here writes or waits."""

from __future__ import annotations

import json
import os
import pwd
import stat
import typing as t

from .._core.errors import BadOption
from . import leftover, ports
from .own_file import opened

MAX_DUMP_BYTES = 32 * 1024 * 1024
JOURNAL_TAIL_BYTES = 1024 * 1024


def resolve(home: t.Optional[str], owner: t.Optional[str]) -> str:
    """The PM2 home to look at: the option, or ``.pm2`` in the home of the owner or of the calling user."""
    if home:
        return os.path.abspath(os.path.expanduser(home))
    if not owner:
        return os.path.join(os.path.expanduser("~"), ".pm2")
    try:
        return os.path.join(pwd.getpwnam(owner).pw_dir, ".pm2")
    except KeyError:
        raise BadOption(f"there is no user {owner!r} on this host; set owner or home of PM2") from None


def dump(home: str) -> t.Any:
    """The saved process list as PM2 wrote it, None when there is none; OSError or ValueError when unreadable."""
    try:
        with opened(os.path.join(home, "dump.pm2")) as file:
            return json.loads(file.read(MAX_DUMP_BYTES).decode("utf-8", "replace"))
    except FileNotFoundError:
        return None


def journal(home: str) -> list[str]:
    """The last lines of the daemon's own log, what was rotated last included; OSError when it cannot be read."""
    try:
        before = _tail(os.path.join(home, "pm2.log.1"))
    except FileNotFoundError:
        before = []
    return before + _tail(os.path.join(home, "pm2.log"))


def _tail(path: str) -> list[str]:
    with opened(path) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - JOURNAL_TAIL_BYTES))
        return file.read(JOURNAL_TAIL_BYTES).decode("utf-8", "replace").splitlines()


def exposed(home: str) -> t.Optional[str]:
    """The file through which other users can read every app's environment, or None."""
    try:
        if not os.stat(home).st_mode & stat.S_IXOTH:
            return None
        dumped = os.path.join(home, "dump.pm2")
        return dumped if os.stat(dumped).st_mode & stat.S_IROTH else None
    except OSError:
        return None


def orphans(home: str) -> tuple[tuple[str, int], ...]:
    """Apps (name of the pid file, pid) that still run although their daemon is dead."""
    return tuple((one.file, one.pid) for one in leftover.of(home))


def port_owners(port: int, pids: t.Iterable[int]) -> t.Optional[frozenset[int]]:
    """Which of the processes listen on the port; empty when another one does, None when nobody does."""
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                inodes |= ports.listeners(file.read(), port)
        except OSError:
            continue
    if not inodes:
        return None
    return frozenset(pid for pid in pids if inodes & _sockets(pid))


def listening(pids: t.Iterable[int]) -> dict[int, list[int]]:
    """The TCP ports on which each of the processes listens; a process that we may not look into is left out."""
    known: dict[str, int] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                known.update(ports.all_listeners(file.read()))
        except OSError:
            continue
    found = {}
    for pid in pids:
        try:
            found[pid] = sorted({known[inode] for inode in _sockets(pid) if inode in known})
        except PermissionError:
            continue
    return found


def _sockets(pid: int) -> set[str]:
    """The socket inodes of a process; PermissionError when this user must not see them."""
    folder = f"/proc/{pid}/fd"
    found = set()
    try:
        for name in os.listdir(folder):
            inode = ports.inode(os.readlink(os.path.join(folder, name)))
            if inode:
                found.add(inode)
    except FileNotFoundError:
        pass
    return found
