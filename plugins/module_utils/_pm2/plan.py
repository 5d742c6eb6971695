# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""From what PM2 runs to what it shall run: the steps, decided without touching anything."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import BadOption
from .apps import Process, by_name
from .definition import Definition

RUNS = frozenset({"online", "launching"})
UP = frozenset({"started", "restarted", "reloaded"})


@dataclasses.dataclass(frozen=True)
class Living:
    """The process of a daemon; ``born`` tells it from a later one with the same pid."""

    pid: int
    born: int


@dataclasses.dataclass(frozen=True)
class Live:
    """PM2 at one moment. ``differing`` are the names of variables that are not as defined, by app; ``stale`` says
    why the saved list is not the running one (empty when it is); ``elsewhere`` says of an app that it runs in another
    folder than its definition means now; ``hung`` is the daemon when it lives and does not answer."""

    alive: bool
    processes: tuple[Process, ...] = ()
    differing: t.Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    stale: str = ""
    elsewhere: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    hung: t.Optional[Living] = None


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the user asked for; without definitions the apps are known by name only."""

    state: str
    names: tuple[str, ...] = ()
    definitions: t.Mapping[str, Definition] = dataclasses.field(default_factory=dict)
    save: bool = False


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing to do. ``ids`` are PM2's numbers of the processes, empty for the whole app by its definition."""

    action: str
    app: str = ""
    why: str = ""
    ids: tuple[int, ...] = ()
    count: int = 0
    born: int = 0  # of the process to end: a pid is used again
    changes: bool = False  # a restart or reload that takes over something new

    def __str__(self) -> str:
        what = f"{self.action} {self.app}".rstrip() + (f" to {self.count}" if self.action == "scale" else "")
        return f"{what}: {self.why}" if self.why else what


def plan(live: Live, wanted: Wanted) -> tuple[Step, ...]:
    """The steps from ``live`` to ``wanted``, none when nothing has to be done; BadOption for an unknown app."""
    apps = by_name(live.processes)
    steps: list[Step] = []
    for name in wanted.names:
        steps += _app(name, apps.get(name, []), live, wanted)
    if wanted.state == "saved" or wanted.save:
        steps += _save(live, wanted, steps, apps)
    return tuple(steps)


def drift(processes: t.Sequence[Process], shall: Definition) -> tuple[str, ...]:
    """In which respects the processes are not what the definition says; a stopped process can drift too."""
    found = []
    for name in (*_REBORN, *_TUNED):
        value = getattr(shall, name)
        is_now = sorted({getattr(process, name) for process in processes}, key=str)
        if value is not None and is_now != [value]:
            found.append(f"{name} is {', '.join(map(str, is_now))}, not {value}")
    return tuple(found)


# what PM2 takes over only when the app is deleted and started: startOrReload keeps the old value of these
_REBORN = ("exec_mode", "script", "cwd")
_LASTING = frozenset({"start", "delete", "stop", "scale"})
_TUNED = ("max_memory_restart", "wait_ready", "listen_timeout", "kill_timeout")


def _app(name: str, processes: list[Process], live: Live, wanted: Wanted) -> list[Step]:
    ids = tuple(process.pm_id for process in processes)
    if wanted.state == "absent":
        return [Step("delete", name, "it is in PM2's list", ids)] if processes else []
    if wanted.state == "stopped":
        active = tuple(process.pm_id for process in processes if process.status != "stopped")
        return [Step("stop", name, _statuses(processes), active)] if active else []
    if wanted.state not in UP:
        return []
    shall = wanted.definitions.get(name)
    if not processes:
        if shall is None:
            raise BadOption(_unknown(name, live))
        return [Step("start", name, "it is not in PM2's list")]
    if shall is None:
        return _by_name(name, processes, wanted.state, live.elsewhere.get(name, ""))
    return _defined(processes, shall, live, wanted.state)


def _by_name(name: str, processes: list[Process], state: str, elsewhere: str) -> list[Step]:
    down = [process for process in processes if process.status not in RUNS]
    if state == "restarted" or (state == "reloaded" and len(down) == len(processes)):
        return [Step("restart", name, "asked for", tuple(process.pm_id for process in processes))]
    if state == "reloaded" or elsewhere:
        return [Step("reload", name, elsewhere or _reload_words(processes))]
    return [Step("restart", name, _statuses(down), tuple(process.pm_id for process in down))] if down else []


def _defined(processes: list[Process], shall: Definition, live: Live, state: str) -> list[Step]:
    ids = tuple(process.pm_id for process in processes)
    differences = drift(processes, shall)
    reborn = [words for words in differences if words.split(" ", 1)[0] in _REBORN]
    if reborn:
        why = "; ".join(reborn)
        return [Step("delete", shall.name, why, ids), Step("start", shall.name, "by its definition")]
    changed = list(differences)
    variables = live.differing.get(shall.name, frozenset())
    if variables:
        changed.append(f"variables not as defined: {', '.join(sorted(variables))}")
    down = [process for process in processes if process.status not in RUNS]
    elsewhere = live.elsewhere.get(shall.name, "")
    why = "; ".join([*changed, *filter(None, [elsewhere])])
    steps = []
    if state == "restarted":
        steps.append(Step("restart", shall.name, why or "asked for", changes=bool(changed)))
    elif state == "reloaded" or why:
        steps.append(Step("reload", shall.name, why or _reload_words(processes), changes=bool(changed)))
    elif down:
        whole = len(down) == len(processes)
        some = () if whole else tuple(process.pm_id for process in down)
        steps.append(Step("restart", shall.name, _statuses(down), some))
    if len(processes) != shall.instances:
        steps.append(Step("scale", shall.name, f"it has {len(processes)}", count=shall.instances))
    return steps


def _save(live: Live, wanted: Wanted, steps: t.Sequence[Step], apps: t.Mapping[str, t.Any]) -> list[Step]:
    gone = {step.app for step in steps if step.action == "delete"} - {
        step.app for step in steps if step.action == "start"}
    stays = bool(set(apps) - gone) or any(step.action == "start" for step in steps)
    if not stays:
        if wanted.state == "saved":
            raise BadOption("PM2's list is empty: saving it would take away what comes back after a reboot;"
                            " start the apps first")
        return []
    # an app that is only restarted or reloaded as it is stays the same in the saved list
    lasting = [step for step in steps if step.action in _LASTING or step.changes]
    why = live.stale or ("the running list changes" if lasting else "")
    return [Step("save", why=why)] if why else []


def _reload_words(processes: t.Sequence[Process]) -> str:
    if any(process.exec_mode == "cluster" for process in processes):
        return "asked for"
    return "asked for; in fork mode a reload is a restart, with a gap"


def _statuses(processes: t.Sequence[Process]) -> str:
    return "it is " + ", ".join(sorted({process.status for process in processes}))


def _unknown(name: str, live: Live) -> str:
    if not live.alive:
        return (f"no PM2 daemon runs, so {name} is known to nobody: give the option ecosystem,"
                " the file that says how it is started")
    known = ", ".join(sorted(by_name(live.processes))) or "no app at all"
    return f"PM2 knows no app {name!r} (it has {known}): correct the name, or give the option ecosystem to start it"
