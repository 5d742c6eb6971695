# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Collect the facts about one PM2 home: its daemon, its files, the ports of its apps."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._core.errors import ABSENT, SILENT, CannotLook, ServiceDown
from . import cli, god, home as pm2_home
from .apps import Process, processes, saved
from .facts import Facts
from .journal import exits, local_epoch
from .rpc import Daemon, Peer, StrangeReply


@dataclasses.dataclass(frozen=True)
class Listing:
    """The daemon's answer."""

    peer: Peer
    version: str
    processes: tuple[Process, ...]


def listing(home: str, timeout_seconds: float, program: t.Optional[str] = None) -> Listing:
    """Ask the daemon for its processes; by its socket, or by the command line when the socket's dialect is unknown."""
    with _explained(home, timeout_seconds) as daemon:
        try:
            version = str(daemon.call("getVersion"))
            return Listing(daemon.peer, version, processes(daemon.call("getMonitorData")))
        except (StrangeReply, ValueError) as exc:
            if program is None:
                raise CannotLook(f"the PM2 daemon of {home} answers in a way no known PM2 does ({exc}),"
                                 " and no pm2 program was found to ask instead") from exc
            answer = cli.jlist(program, home, daemon.peer, timeout_seconds)
            return Listing(daemon.peer, cli.version(program) or "of unknown version", processes(answer))


def raw(home: str, timeout_seconds: float) -> tuple[Peer, str, t.Any]:
    """Who the daemon is, its version, and its whole list. The list holds every app's secrets: reduce it at once."""
    with _explained(home, timeout_seconds) as daemon:
        try:
            answer = daemon.call("getMonitorData")
            processes(answer)
            return daemon.peer, str(daemon.call("getVersion")), answer
        except (StrangeReply, ValueError) as exc:
            raise CannotLook(f"the PM2 daemon of {home} answers in a way no known PM2 does ({exc})") from exc


def facts(home: str, program: t.Optional[str], ports: t.Sequence[int], timeout_seconds: float) -> Facts:
    """Everything the judge needs; what cannot be seen is named, only a silent daemon is an error."""
    program = cli.find(program)
    answer = listing(home, timeout_seconds, program)
    seen = Facts(
        home=home,
        now=time.time(),
        processes=answer.processes,
        daemon_pid=answer.peer.pid,
        daemon_version=answer.version,
        cli_version=cli.version(program) if program else None,
        exposed=pm2_home.exposed(home),
    )
    return dataclasses.replace(seen, **_saved(home), **_exits(home), **_ports(answer, ports))


def _explained(home: str, timeout_seconds: float) -> Daemon:
    """Connect; for a dead daemon say which of its apps still run."""
    try:
        return Daemon(home, timeout_seconds)
    except ServiceDown as exc:
        alive = god.living(home) if exc.reason == ABSENT else None
        if alive is not None:
            raise ServiceDown(f"the PM2 daemon of {home} (pid {alive.pid}) lives, but nobody listens on its rpc.sock",
                              SILENT) from exc
        left = pm2_home.orphans(home) if exc.reason == ABSENT else ()
        if not left:
            raise
        names = ", ".join(f"{name} (pid {pid})" for name, pid in left)
        raise type(exc)(f"{exc}; still running without it: {names}", exc.reason) from exc


def _saved(home: str) -> dict[str, t.Any]:
    try:
        dump = pm2_home.dump(home)
        return {"saved": None if dump is None else saved(dump)}
    except OSError as exc:
        return {"saved_unseen": exc.strerror or str(exc)}
    except ValueError:
        return {"saved_unseen": "dump.pm2 is not the JSON list that PM2 writes"}


def _exits(home: str) -> dict[str, t.Any]:
    try:
        return {"exits": exits(pm2_home.journal(home), local_epoch)}
    except OSError as exc:
        return {"exits_unseen": f"pm2.log: {exc.strerror or exc}"}


def _ports(answer: Listing, ports: t.Sequence[int]) -> dict[str, t.Any]:
    pids = [answer.peer.pid, *(process.pid for process in answer.processes if process.pid)]
    try:
        return {"port_owners": {port: pm2_home.port_owners(port, pids) for port in ports}}
    except PermissionError as exc:
        return {"ports_unseen": exc.strerror}
