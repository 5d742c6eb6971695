# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as hosts leave them, and reports made of them, for the tests of this folder."""

from __future__ import annotations

import datetime
import json
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.plugin_utils._report import machine
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.fleet import Fleet
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.history import Past, recall
from ansible_collections.vendhub.ops.plugins.plugin_utils._report.make import make

NOW = datetime.datetime(2026, 3, 12, 6, 0, 12, tzinfo=datetime.timezone.utc)
ORDER = ["ok", "warning", "unknown", "critical"]
UNREACHABLE = {"unreachable": True, "msg": "Failed to connect to the host via ssh: No route to host"}
BROKEN = {"failed": True, "msg": "MODULE FAILURE: no Python found"}


def finding(name: str = "disk_percent", state: str = "ok", **more: t.Any) -> dict[str, t.Any]:
    """One finding as health_check gives it."""
    return {"check": "system", "name": name, "state": state, "message": f"{name} is {state}", **more}


def result(*findings: dict[str, t.Any], metrics: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
    """A host's result with these findings."""
    rows = list(findings) or [finding()]
    states: dict[str, str] = {}
    for row in rows:
        states[row["check"]] = max(row["state"], states.get(row["check"], "ok"), key=ORDER.index)
    return {
        "msg": "looked", "check": "health", "target": "a host", "state": max(states.values(), key=ORDER.index),
        "findings": rows, "metrics": metrics or {}, "started_at": "2026-03-12T06:00:03Z", "duration_seconds": 1.5,
        "checks": [{"check": check, "target": "x", "state": state, "msg": "m"} for check, state in states.items()],
    }


def report(results: t.Mapping[str, t.Any], past: t.Sequence[Past] = (), now: datetime.datetime = NOW,
           **thresholds: t.Any) -> Fleet:
    """A fleet made of these results."""
    return make("Daily check", results, past, now, thresholds=Thresholds(thresholds))


def remembered(fleet: Fleet) -> Past:
    """What the next report knows of this one, through its JSON."""
    return recall(json.loads(machine.as_json(fleet)))


def entry(fleet: Fleet, name: str, host: str = "web1", object: str | None = None) -> dict[str, t.Any]:
    """The one finding of that name of a host."""
    (one,) = [one for one in fleet.hosts if one.name == host]
    found = [row.as_dict() for row in one.entries if row.finding.name == name
             and object in (None, row.finding.object)]
    assert len(found) == 1, f"{len(found)} findings {name} in {[row.identity for row in one.entries]}"
    return found[0]
