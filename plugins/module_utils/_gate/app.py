# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The whole life of pm2_app: plan, act, look again, and prove by the gate that it holds."""

from __future__ import annotations

import json
import typing as t

from .._core.errors import SILENT, OpsError
from .._pm2 import converge, god
from .._pm2.plan import UP, Step
from .gate import Gate, build
from .options import GATE


class Failed(OpsError):
    """It is not as it was asked for; ``result`` says how far it came, and how the daemon is."""

    def __init__(self, message: str, result: dict[str, t.Any], reason: str = "") -> None:
        super().__init__(message, reason)
        self.result = result


def bring(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """The module's result; OpsError for an option, Failed for all that goes wrong later."""
    task = converge.job(options)
    try:
        return _bring(task, options, check_mode)
    except OpsError as exc:
        home, seconds = task.hand.pm2_home, options["timeout_seconds"]
        daemon = god.state(home, exc.reason) if exc.reason == SILENT else god.asked(home, seconds)
        raise Failed(str(exc), {**(exc.result if isinstance(exc, Failed) else {}), "daemon": daemon}) from exc


def _bring(task: converge.Job, options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    up = task.wanted.state in UP
    gate = _gate(task, options) if up else None  # before anything is changed: a wrong option must change nothing
    live = converge.look_twice(task)
    planned = converge.steps(task, live)
    result: dict[str, t.Any] = {"changed": bool(planned), "steps": [str(step) for step in planned],
                                "daemon_started": bool(planned) and not live.alive and up}
    after = None
    if planned and not check_mode:
        try:
            after = converge.carry_out(task, planned)
        except OpsError as exc:
            raise Failed(str(exc), result, exc.reason) from exc
    both = converge.before_and_after(task, live, planned, after)
    result["apps"] = both["after"]
    result["diff"] = {side: json.dumps(apps, indent=2, sort_keys=True) + "\n" for side, apps in both.items()}
    result["msg"] = f"PM2 of {task.hand.pm2_home}: {_words(task, planned, result, check_mode)}"
    return _proven(gate, result) if gate is not None and after is not None else result


def _gate(task: converge.Job, options: t.Mapping[str, t.Any]) -> Gate:
    definitions = task.wanted.definitions
    counts = {name: definitions[name].instances if name in definitions else None for name in task.names}
    given = {**{name: spec.get("default") for name, spec in GATE.items()}, **options["gate"]}
    return build(given, counts, task.hand.pm2_home, options["timeout_seconds"])


def _proven(gate: Gate, result: dict[str, t.Any]) -> dict[str, t.Any]:
    verdict = gate.pass_through()
    if not verdict["stable"]:
        words = f"{result.pop('msg')}; done, but it does not hold: {verdict['msg']}"
        raise Failed(words, {**result, "gate": verdict})
    return {**result, "gate": verdict, "msg": f"{result['msg']}; proven stable after {verdict['seconds']:g} s"}


def _words(task: converge.Job, planned: t.Sequence[Step], result: t.Mapping[str, t.Any], check_mode: bool) -> str:
    if not planned:
        return "nothing to do"
    would = "would " if check_mode else ""
    notes = [f"{would}{step}" for step in planned]
    if result["daemon_started"]:
        notes.append("would start a PM2 daemon, for none runs" if would else "a PM2 daemon was started, for none ran")
    deleted = any(step.action == "delete" for step in planned)
    if task.wanted.save and deleted and not any(step.action == "save" for step in planned):
        notes.append("the list is then empty and is not saved: what dump.pm2 holds comes back with 'pm2 resurrect'")
    return "; ".join(notes)
