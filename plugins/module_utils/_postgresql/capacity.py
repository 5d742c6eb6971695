# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Change max_connections so that the server certainly starts with it: the wiring of postgresql_max_connections."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import time
import typing as t

from .._core.errors import BadOption, CannotLook, OpsError
from .._core.files import append_line, private_folder
from .._core.limits import size
from .._core.moment import utc
from . import capacity_host as host
from .capacity_judge import DEFAULT, Memory, Server, need, refuse, risks
from .capacity_queries import FILES, capacity
from .connection import Address, address
from .facts import Row
from .link import Link, linked

Result = dict[str, t.Any]

_POLL_SECONDS = 0.2


class How(t.NamedTuple):
    """What the files say, where the server is when that can be seen, and how it is restarted when it is."""

    files: Row
    place: t.Optional[host.Place]
    command: list[str]


def change(options: t.Mapping[str, t.Any], *, act: bool) -> Result:
    """Set it, and restart when that is allowed; with ``act`` false only say what would be. A failure is taken back."""
    where, value = address(options), options["value"]
    _refuse_options(options)
    with _link(where, options) as link:
        server, files = Server(**link.ask(capacity(link.version))), link.ask(FILES)
        refuse(value, server)
        at_start = DEFAULT if files["in_file"] is None else int(files["in_file"])
        memory = _memory(where, options)
        sets, restarts = at_start != value, server.running != value
        found = risks(value, server, memory) if restarts else []
        result = {"target": str(where), "value": value, "used": server.used, "risks": found, "validated": False,
                  "previous": {"running": server.running, "at_start": at_start},
                  "memory": dataclasses.asdict(need(value, server, memory)),
                  "diff": {"before": f"max_connections = {at_start}\n", "after": f"max_connections = {value}\n"}}
        restarting = restarts and options["restart"]
        if sets or restarting:
            if files["source"] == "command line":
                raise CannotLook("max_connections is given on the server's command line, which no file overrides: "
                                 "change it where the server is started")
            if files["broken"]:
                raise CannotLook("a file of the server is broken, so it would not start again: "
                                 f"{'; '.join(files['broken'])[:300]}")
            if found and act and not options["accept_risk"]:
                raise OpsError(f"nothing was changed: {'; '.join(found)} (accept_risk=true does it all the same)")
            place = _place(where, files, needed=restarting)
            how = How(files, place, _restart_command(options, place) if restarting else [])
            if act:
                _act(link, how, result, options)
        result["needs_accept_risk"] = bool(found) and (sets or restarting) and not options["accept_risk"]
        result.update(changed=sets or restarting, written=sets, restarted=restarting,
                      restart_needed=restarts and not restarting)
    result["msg"] = f"{where}: {_said(result, act=act)}"
    return result


def _refuse_options(options: t.Mapping[str, t.Any]) -> None:
    for name in ("memory_percent", "session_bytes", "restart_seconds"):
        if options[name] <= 0:
            raise BadOption(f"{name} must be above 0, not {options[name]:g}")
    if options["work_mems"] < 0 or not math.isfinite(options["work_mems"]):
        raise BadOption(f"work_mems must be 0 or more, not {options['work_mems']:g}")


def _link(where: Address, options: t.Mapping[str, t.Any], wait: t.Optional[float] = None) -> t.ContextManager[Link]:
    return linked(where, options["login_wait_seconds"] if wait is None else wait, options["system_user"])


def _memory(where: Address, options: t.Mapping[str, t.Any]) -> Memory:
    if options["memory_bytes"]:
        total, available = options["memory_bytes"], None
    elif where.local:
        total, available = host.memory()
    else:
        raise CannotLook("the memory of the database's host cannot be seen from here: run this there, or set "
                         "memory_bytes")
    return Memory(total, available, options["memory_percent"], options["session_bytes"], options["work_mems"])


def _place(where: Address, files: Row, *, needed: bool) -> t.Optional[host.Place]:
    try:
        if not where.local:
            raise CannotLook("a server on another host cannot be restarted from here: run this on its host")
        return host.place(files["data"], files["config"])
    except CannotLook:
        if needed:
            raise
        return None


def _restart_command(options: t.Mapping[str, t.Any], place: t.Optional[host.Place]) -> list[str]:
    if options["restart_command"]:
        return list(options["restart_command"])
    if place is None or not place.unit:
        raise CannotLook("nothing was changed: the server belongs to no systemd unit, so it is not known how to "
                         "restart it; set restart_command")
    return ["systemctl", "restart", place.unit]


def _act(link: Link, how: How, result: Result, options: t.Mapping[str, t.Any]) -> None:
    value: int = options["value"]
    kept = host.settings_file(how.place) if how.place and how.command else None
    if result["previous"]["at_start"] != value:
        link.tell(f"ALTER SYSTEM SET max_connections = {int(value)}")
        _note(options["journal"], result)
    try:
        if how.place:
            host.validate(how.place, value)
            result["validated"] = True
    except OpsError as exc:
        _undo(link, how.files)
        raise OpsError(f"the setting was taken back: {exc}") from exc
    if kept:
        _restart(how.command, kept, result, options)


def _undo(link: Link, files: Row) -> None:
    before = files["by_alter_system"]
    if before is None:
        link.tell("ALTER SYSTEM RESET max_connections")
    else:
        link.tell(f"ALTER SYSTEM SET max_connections = {int(before)}")


def _restart(command: list[str], kept: tuple[str, bytes], result: Result, options: t.Mapping[str, t.Any]) -> None:
    where, began = address(options), time.monotonic()
    trouble = host.restart(command, options["restart_seconds"])
    running = _running(where, options)
    result["restart_seconds"] = round(time.monotonic() - began, 3)
    if running == options["value"]:
        return
    why = trouble or ("it did not answer" if running is None else f"it runs with {running}")
    host.put_back(*kept)
    again = host.restart(command, options["restart_seconds"])
    running = _running(where, options)
    if running is None:
        raise OpsError(f"the server did not come back with {options['value']} connections ({why}), and not with the "
                       f"setting from before either ({again or 'it does not answer'}): see its log at once")
    raise OpsError(f"the server did not come back with {options['value']} connections ({why}); the setting was taken "
                   f"back, and it runs with {running}")


def _running(where: Address, options: t.Mapping[str, t.Any]) -> t.Optional[int]:
    """How many connections it has now; None when it does not answer in time."""
    ends = time.monotonic() + options["restart_seconds"]
    short = dataclasses.replace(where, timeout_seconds=min(where.timeout_seconds, 5.0))
    while True:
        with contextlib.suppress(OpsError), _link(short, options, 0.0) as link:
            return int(link.ask(capacity(link.version))["running"])
        if time.monotonic() > ends:
            return None
        time.sleep(_POLL_SECONDS)


def _note(path: t.Optional[str], result: Result) -> None:
    if path:
        private_folder(os.path.dirname(path))
        append_line(path, json.dumps({"at": utc(time.time()), "target": result["target"], "setting": "max_connections",
                                      "from": result["previous"]["at_start"], "to": result["value"]}, sort_keys=True))


def _said(result: Result, *, act: bool) -> str:
    value, previous = result["value"], result["previous"]
    memory = result["memory"]
    sums = f"at worst {size(memory['bytes'])} of {size(memory['total_bytes'])} memory"
    if not result["changed"]:
        waits = f"; it runs with {previous['running']} until it is restarted" if result["restart_needed"] else ""
        return f"max_connections is {value} already{waits}"
    verb = "is" if act else "would be"
    was = f", was {previous['at_start']}" if previous["at_start"] != value else ""
    if result["restarted"]:
        tail = "; the server was restarted and runs with it" if act else "; the server would be restarted"
    else:
        tail = f"; it runs with {previous['running']} until it is restarted, which ends all sessions"
    risk = f"; at risk: {'; '.join(result['risks'])}" if result["risks"] else ""
    return f"max_connections {verb} {value}{was}{tail}; {sums}{risk}"
