# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The apps as people see them in a diff: before, and after the planned steps. Never an environment."""

from __future__ import annotations

import dataclasses
import typing as t

from .apps import by_name
from .definition import Definition
from .plan import Live, Step

AS_DEFINED = "as defined"
Shown = dict[str, dict[str, t.Any]]


def shown(live: Live, names: t.Iterable[str]) -> Shown:
    """What there is to compare of these apps."""
    apps = by_name(live.processes)
    found: Shown = {}
    for name in names:
        rows = apps.get(name, [])
        if not rows:
            continue
        first = rows[0]
        found[name] = {
            "status": ", ".join(sorted({row.status for row in rows})), "instances": len(rows),
            "exec_mode": first.exec_mode, "script": first.script, "cwd": first.cwd,
            "max_memory_restart": first.max_memory_restart, "wait_ready": first.wait_ready,
            "listen_timeout": first.listen_timeout, "kill_timeout": first.kill_timeout,
            "variables": _variables(live.differing.get(name, frozenset())),
            "place": live.elsewhere.get(name, AS_DEFINED),
        }
    return found


def predicted(live: Live, names: t.Iterable[str], steps: t.Iterable[Step],
              definitions: t.Mapping[str, Definition]) -> Shown:
    """What ``shown`` would say after the steps."""
    found = shown(live, names)
    for step in steps:
        if step.action == "delete":
            found.pop(step.app, None)
        elif step.action == "stop":
            found[step.app]["status"] = "stopped"
        elif step.action == "scale":
            found[step.app]["instances"] = step.count
        elif step.action in ("start", "restart", "reload"):
            found[step.app] = _up(found.get(step.app, {}), definitions.get(step.app))
    return found


def _up(row: dict[str, t.Any], definition: t.Optional[Definition]) -> dict[str, t.Any]:
    new = {"instances": definition.instances, "max_memory_restart": 0, "wait_ready": False, "listen_timeout": 0,
           "kill_timeout": 0} if definition and not row else {}
    if definition:
        known = dataclasses.asdict(definition)
        for key in ("exec_mode", "script", "cwd", "max_memory_restart", "wait_ready", "listen_timeout", "kill_timeout"):
            if known[key] is not None:
                new[key] = known[key]
    return {**row, **new, "status": "online", "variables": AS_DEFINED, "place": AS_DEFINED}


def _variables(differing: frozenset[str]) -> str:
    return f"not as defined: {', '.join(sorted(differing))}" if differing else AS_DEFINED
