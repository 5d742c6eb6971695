# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Bring apps under PM2 into a state: what is, what shall be, the steps, and the proof that PM2 took them over."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
import typing as t

from .._core.errors import SILENT, BadOption, OpsError, ServiceDown
from . import control, ecosystem, god, home as pm2_home, leftover, proc
from .apps import Process, by_name
from .definition import Definition, in_bytes, too_much
from .leftover import Left
from .owner import Hand, hand, owner_of
from .plan import UP, Live, Living, Step, Wanted, drift, plan
from .shown import Shown, predicted, shown

END_SECONDS = 5.0
DAEMON = "the PM2 daemon"


@dataclasses.dataclass(frozen=True)
class Job:
    """Everything the options say, checked: as whom, which apps, from where."""

    hand: Hand
    wanted: Wanted
    source: control.Source
    timeout_seconds: float
    same_version: bool
    start_daemon: bool
    end_orphans: bool
    replace_hung: bool

    @property
    def names(self) -> tuple[str, ...]:
        return self.wanted.names


def job(options: t.Mapping[str, t.Any]) -> Job:
    """Read options and ecosystem file; BadOption or CannotLook in one sentence."""
    home = pm2_home.resolve(options["home"], options["owner"])
    mine = hand(owner_of(home, options["owner"]), home, options["program"], options["node"],
                options["command_timeout_seconds"])
    replace = options["hung_daemon"] == "replace"
    if replace and not options["start_daemon"]:
        raise BadOption("hung_daemon=replace starts a daemon, and start_daemon is false: restart its service instead")
    file, label = options["ecosystem"], options["environment"] or ""
    tuned = _tuned(options)
    if tuned and not file:
        raise BadOption(f"{', '.join(sorted(tuned))}: these need the option ecosystem; PM2 changes other settings of"
                        " the app with them when it is known by name only")
    if label and not file:
        raise BadOption("environment needs the option ecosystem: it names one of the env_… in that file")
    file = os.path.abspath(file) if file else ""
    definitions = ecosystem.read(mine, file, label) if file else {}
    names = _names(options, definitions, file)
    definitions = {name: dataclasses.replace(definitions[name], **tuned) for name in names if name in definitions}
    if options["max_memory_restart"] is not None:
        words = too_much(definitions.values(), _ram(), options["memory_share_percent"])
        if words:
            raise BadOption(words)
    over = dict.fromkeys(names, tuned) if tuned else {}
    return Job(mine, Wanted(options["state"], names, definitions, options["save"]),
               control.Source(file, label, over), options["timeout_seconds"], options["same_version"],
               options["start_daemon"], options["end_orphans"], replace)


def look(task: Job) -> Live:
    """What runs now; a daemon that hangs is an error."""
    return control.look(task.hand, task.wanted.definitions, task.timeout_seconds, task.same_version)


def look_twice(task: Job) -> Live:
    """What runs now; a daemon that may be replaced is asked once more before it is said to hang."""
    started = time.monotonic()
    try:
        return look(task)
    except ServiceDown as exc:
        if exc.reason != SILENT or not task.replace_hung or task.wanted.state not in UP:
            raise
    first = god.living(task.hand.pm2_home, task.hand.owner.uid)
    time.sleep(max(0.0, started + task.timeout_seconds - time.monotonic()))
    try:
        return look(task)
    except ServiceDown as exc:
        # another daemon by now may only be starting
        if exc.reason != SILENT or first is None or god.living(task.hand.pm2_home, task.hand.owner.uid) != first:
            raise
    return Live(alive=False, hung=first)


def steps(task: Job, live: Live) -> tuple[Step, ...]:
    """What has to be done; a refusal says why nothing may be."""
    home, state = task.hand.pm2_home, task.wanted.state
    left = [] if live.alive else control.orphans(task.hand, task.names, task.wanted.definitions)
    if live.hung:
        left = _replaceable(task, live.hung, left)
    first = [Step("end", one.file, f"pid {one.pid} lives on without its daemon", (one.pid,), born=one.born)
             for one in left]
    if live.hung:
        why = f"pid {live.hung.pid} was asked twice and did not answer within {task.timeout_seconds:g} s"
        first.insert(0, Step("end", DAEMON, why, (live.hung.pid,), born=live.hung.born))
    if left and not task.end_orphans:
        named = ", ".join(f"{one.file} (pid {one.pid})" for one in left)
        words = "hangs, and without it" if live.hung else "is dead, but without it"
        raise OpsError(f"the PM2 daemon of {home} {words} {named} still runs: set end_orphans to end it, or end it"
                       " by hand")
    if not live.alive and state not in UP:
        if state == "saved":
            raise OpsError(f"no PM2 daemon runs for {home}: there is no running list to save")
        return tuple(first)
    try:
        found = plan(live, task.wanted)
    except BadOption as exc:
        raise BadOption(f"PM2 of {home}: {exc}") from exc
    if not live.alive and found and not task.start_daemon:
        raise OpsError(f"no PM2 daemon runs for {home}, and start_daemon is false: start its service first")
    return (*first, *found)


def carry_out(task: Job, planned: t.Sequence[Step]) -> Live:
    """Do it, then look again; OpsError when PM2 says that all went well and it did not."""
    for step in planned:
        if step.action == "end":
            _end(task.hand.pm2_home, step)
    if not os.path.isdir(task.hand.pm2_home):
        _make_home(task.hand)
    control.act(task.hand, [step for step in planned if step.action != "end"], task.source)
    after = look(task)
    words = _unlike(after, task.wanted)
    if words:
        raise OpsError(f"PM2 of {task.hand.pm2_home} did not do what it was told: {words}")
    return after


def before_and_after(task: Job, live: Live, planned: t.Sequence[Step], after: t.Optional[Live]) -> dict[str, Shown]:
    """The diff; without a look afterwards the predicted state."""
    real = shown(after, task.names) if after else predicted(live, task.names, planned, task.wanted.definitions)
    return {"before": shown(live, task.names), "after": real}


def _replaceable(task: Job, daemon: Living, mine: list[Left]) -> list[Left]:
    """What would be left behind by this daemon, when it may be ended; OpsError says why not."""
    home = task.hand.pm2_home
    unit = god.unit(daemon.pid)
    if unit:
        raise OpsError(f"the PM2 daemon of {home} (pid {daemon.pid}) hangs, and the unit {unit} owns it:"
                       f" restart that unit (systemctl restart {unit})")
    found = leftover.of(home, task.hand.owner.uid)
    others = [one for one in found if not one.is_module and one.name not in task.names]
    if others:
        raise OpsError(f"the PM2 daemon of {home} (pid {daemon.pid}) hangs, but {others[0].name} (pid {others[0].pid})"
                       " runs under it as well and is not among the apps to start again: name all of them, or end it")
    # PM2's own modules come back with the new daemon
    return [*mine, *(one for one in found if one.is_module)]


def _unlike(after: Live, wanted: Wanted) -> str:
    """What of the wanted state is still missing; whether processes stay online is the gate's matter."""
    apps = by_name(after.processes)
    for name in wanted.names:
        rows, shall = apps.get(name, []), wanted.definitions.get(name)
        words = _not_up(name, rows, shall, after) if wanted.state in UP else _not_down(name, rows, wanted.state)
        if words and wanted.state != "saved":
            return words
    return after.stale if apps and (wanted.save or wanted.state == "saved") else ""


def _not_up(name: str, rows: t.Sequence[Process], shall: t.Optional[Definition], after: Live) -> str:
    if not rows:
        return f"{name} is not in its list"
    if after.elsewhere.get(name):
        return f"{name} {after.elsewhere[name]} (an app must not leave the folder of its definition by itself)"
    if shall is None:
        return ""
    words = drift(rows, shall)
    if words or after.differing.get(name):
        return f"{name}: {'; '.join(words) or 'some variables are not as defined'}"
    return "" if len(rows) == shall.instances else f"{name} has {len(rows)} of {shall.instances} processes"


def _not_down(name: str, rows: t.Sequence[Process], state: str) -> str:
    if state == "absent" and rows:
        return f"{name} is still in its list"
    return f"{name} is not stopped" if any(row.status != "stopped" for row in rows) else ""


def _tuned(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    if options["max_memory_restart"] is not None:
        try:
            found["max_memory_restart"] = in_bytes(options["max_memory_restart"])
        except ValueError as exc:
            raise BadOption(str(exc)) from exc
    if options["wait_ready"] is not None:
        found["wait_ready"] = options["wait_ready"]
    for name in ("listen_timeout", "kill_timeout"):
        seconds = options[f"{name}_seconds"]
        if seconds is not None:
            if not 0 < seconds <= 600:
                raise BadOption(f"{name}_seconds must be above 0 and at most 600, not {seconds:g}")
            found[name] = round(seconds * 1000)
    return found


def _names(options: t.Mapping[str, t.Any], definitions: t.Mapping[str, Definition], file: str) -> tuple[str, ...]:
    given = [options["name"]] if options["name"] else options["only"] or list(definitions)
    unknown = [name for name in given if file and name not in definitions]
    if unknown:
        raise BadOption(f"the ecosystem file {file} defines no app {unknown[0]!r}; it has {', '.join(definitions)}")
    return control.checked(given)


def _ram() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemTotal:"))


def _make_home(mine: Hand) -> None:
    """PM2 would make it readable for all, and dump.pm2 in it holds every secret."""
    try:
        os.mkdir(mine.pm2_home, 0o700)
        # the folder above belongs to the owner, who may have put a link in its place by now
        folder = os.open(mine.pm2_home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(folder).st_uid == os.geteuid() != mine.owner.uid:
                os.fchown(folder, mine.owner.uid, mine.owner.gid)
        finally:
            os.close(folder)
    except OSError as exc:
        raise OpsError(f"the PM2 home {mine.pm2_home} cannot be made: {exc.strerror or exc}") from exc


def _end(home: str, step: Step) -> None:
    """End a process, politely and then not."""
    (pid,) = step.ids
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + END_SECONDS
        if proc.birth(pid) == step.born:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while proc.birth(pid) == step.born and time.monotonic() < deadline:
            time.sleep(0.05)
    if proc.birth(pid) == step.born:
        raise OpsError(f"{step.app} (pid {pid}) of PM2 of {home} could not be ended")
