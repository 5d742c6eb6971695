# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Carry out the steps of a plan by PM2's command line, as the owner of the daemon."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import stat
import time
import typing as t

from .._core.command import Output
from .._core.errors import ABSENT, BadOption, OpsError, ServiceDown
from .._core.redact import redact
from . import cli, home as pm2_home, leftover, place
from .apps import Process, processes, variables
from .client import raw
from .definition import Definition
from .ecosystem import overlaid
from .leftover import Left
from .own_file import opened
from .owner import Hand
from .plan import RUNS, Live, Step
from .saved_list import stale

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DUMPS = ("dump.pm2", "dump.pm2.bak")
# PM2's two words for it: its command line knows the seconds, its daemon does not
_BUSY = re.compile(rb"Reload already in progress(?:, please try again in (\d+) seconds)?")
_LAST_SECONDS = 1.0  # a command that has less time need not be tried
# what PM2's command line would take for something else than the name of an app
_NAME = re.compile(r"(?!all$|\d+$)[^\s,/-][^\s,/]*")


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the definitions come from: the ecosystem file, its environment's label, what is laid over it."""

    file: str = ""
    label: str = ""
    over: t.Mapping[str, t.Mapping[str, t.Any]] = dataclasses.field(default_factory=dict)


def checked(names: t.Sequence[str]) -> tuple[str, ...]:
    """The names of apps; BadOption for one that PM2 would take for something else."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise BadOption(f"{name!r} cannot be the name of an app: PM2 would take it for a number, a path or a list")
    return tuple(dict.fromkeys(names))


def look(hand: Hand, definitions: t.Mapping[str, Definition], timeout_seconds: float, same_version: bool) -> Live:
    """What runs now, by the daemon's socket; a dead daemon is a fact, a hanging one ServiceDown."""
    try:
        peer, version, answer = raw(hand.pm2_home, timeout_seconds)
    except ServiceDown as exc:
        if exc.reason != ABSENT:
            raise
        return Live(alive=False)
    if peer.uid != hand.owner.uid:
        raise OpsError(f"the PM2 daemon of {hand.pm2_home} runs as user {peer.uid}, not as {hand.owner.name}:"
                       " set owner to the user of the daemon, or end that daemon")
    installed = cli.version(hand.program)
    if same_version and installed and installed != version:
        raise OpsError(f"PM2 {installed} is installed, but the daemon of {hand.pm2_home} runs {version}:"
                       " run 'pm2 update' in a maintenance window, or set same_version to false")
    found = processes(answer)
    real = variables(answer)
    differing = {name: _differing(real.get(name, []), one.environment) for name, one in definitions.items()}
    folders = {name: one.cwd for name, one in definitions.items()}
    return Live(True, found, {name: names for name, names in differing.items() if names},
                _stale(hand.pm2_home, answer), _elsewhere(found, folders, timeout_seconds))


def orphans(hand: Hand, names: t.Sequence[str], definitions: t.Mapping[str, Definition]) -> list[Left]:
    """Processes of these apps that a dead daemon left behind: a second start beside them would be one too many.

    OpsError for one that has the name of an app and runs something else than its definition says.
    """
    found = [one for one in leftover.of(hand.pm2_home, hand.owner.uid) if one.name in names]
    for one in found:
        shall = definitions.get(one.name)
        if shall is not None and (one.script, one.cwd) != (shall.script, shall.cwd):
            raise OpsError(f"pid {one.pid} was started by a PM2 daemon of {hand.pm2_home} as {one.name}, but it runs"
                           f" {one.script} in {one.cwd}, not what is defined: look at it and end it by hand")
    return found


def act(hand: Hand, steps: t.Sequence[Step], source: Source) -> None:
    """Carry out the steps in order; OpsError says which one went wrong and why."""
    with overlaid(hand, source.file, source.over) if source.file else contextlib.nullcontext("") as file:
        folder = os.path.dirname(source.file) or None
        for step in steps:
            if step.action == "save":
                _save(hand)
                continue
            output = _patient(hand, step, _arguments(step, file, source.label), folder)
            if output.code != 0:
                raise OpsError(f"'pm2 {step.action} {step.app}' ended with {output.code}: {_reason(output)}")


def _patient(hand: Hand, step: Step, arguments: t.Sequence[str], folder: t.Optional[str]) -> Output:
    """Run a command of PM2; while another reload goes on (or its lock outlives it) wait, within the time limit."""
    ends = time.monotonic() + hand.timeout_seconds
    while True:
        left = ends - time.monotonic()
        output = dataclasses.replace(hand, timeout_seconds=left).pm2(arguments, folder)
        busy = _BUSY.search(output.out + output.err) if output.code else None
        if busy is None:
            return output
        seconds = int(busy.group(1) or 0) + 1
        pause = min(ends - _LAST_SECONDS, time.monotonic() + seconds)
        while time.monotonic() < pause and (not busy.group(1) or _locked(hand.pm2_home)):
            time.sleep(0.2)
        if ends - time.monotonic() <= _LAST_SECONDS:
            raise OpsError(f"'pm2 {step.action} {step.app}': another reload is under way for PM2 of {hand.pm2_home}, or"
                           f" was killed within the last half minute; its lock did not go within"
                           f" {hand.timeout_seconds:g} s: run again later, or raise command_timeout_seconds")


def _locked(home: str) -> bool:
    """Whether the lock of a reload is there; PM2 empties it at the end and ignores it after half a minute."""
    try:
        with opened(os.path.join(home, "reload.lock")) as file:
            return bool(file.read(1))
    except OSError:
        return False


def _arguments(step: Step, file: str, label: str) -> list[str]:
    if step.action == "scale":
        return ["scale", step.app, str(step.count)]
    if step.ids:
        return [step.action, *map(str, step.ids)]
    if not file:
        return [step.action, step.app]
    return [step.action, file, "--only", step.app, *(["--env", label] if label else [])]


def _save(hand: Hand) -> None:
    for name in _DUMPS:  # before as well: PM2 keeps the mode of a file that is there
        _close_to_others(os.path.join(hand.pm2_home, name))
    output = hand.pm2(["save"], umask=0o077)
    if output.code != 0:
        raise OpsError(f"'pm2 save' ended with {output.code}: {_reason(output)}")
    for name in _DUMPS:
        _close_to_others(os.path.join(hand.pm2_home, name))


def _close_to_others(path: str) -> None:
    try:
        with opened(path) as file:
            os.fchmod(file.fileno(), 0o600)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise OpsError(f"{path} cannot be closed to other users: {exc.strerror or exc}") from exc


def _stale(home: str, answer: t.Any) -> str:
    try:
        mode = os.lstat(os.path.join(home, "dump.pm2")).st_mode
        return stale(answer, pm2_home.dump(home), bool(mode & (stat.S_IRWXG | stat.S_IRWXO)))
    except FileNotFoundError:
        return stale(answer, None, False)
    except (OSError, ValueError):
        return "dump.pm2 cannot be read"


def _elsewhere(found: t.Sequence[Process], folders: t.Mapping[str, str], timeout_seconds: float) -> dict[str, str]:
    running = [process for process in found if process.status in RUNS and not process.is_module]
    ends = time.monotonic() + timeout_seconds
    moved = place.elsewhere(running, folders)
    while place.young(one for rows in moved.values() for one in rows) and time.monotonic() < ends:
        time.sleep(0.1)
        moved = place.elsewhere(running, folders)
    said = {name: place.words(rows, folders.get(name) or rows[0].cwd) for name, rows in moved.items()}
    return {name: words for name, words in said.items() if words}


def _differing(real: t.Sequence[t.Mapping[str, str]], wanted: t.Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name, value in wanted.items() for one in real if one.get(name) != value)


def _reason(output: Output) -> str:
    said = _COLOUR.sub("", (output.out + b"\n" + output.err).decode("utf-8", "replace")).splitlines()
    errors = [line.replace("[PM2][ERROR]", "").strip() for line in said if "[ERROR]" in line]
    lines = errors or [line.strip() for line in output.err.decode("utf-8", "replace").splitlines() if line.strip()]
    return redact(lines[-1])[:300] if lines else "it gave no reason"
