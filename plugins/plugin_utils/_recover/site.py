# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""From what the modules said of each host to signs that triage can weigh, and its causes as plain data (pure)."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._triage.actions import GO_BACK, action
from ansible_collections.vendhub.ops.plugins.module_utils._triage.causes import triage
from ansible_collections.vendhub.ops.plugins.module_utils._triage.signs import Cause, HostSigns, Release

Row = t.Mapping[str, t.Any]
STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the modules said of one host; ``health`` is None, unreachable or failed when it could not be looked at."""

    health: t.Optional[Row] = None
    crashes: Row = dataclasses.field(default_factory=dict)
    releases: Row = dataclasses.field(default_factory=dict)
    gate: Row = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Look:
    """Between which two times of the controller the hosts were looked at."""

    began: datetime.datetime
    ended: datetime.datetime


def signs(name: str, groups: t.Iterable[str], said: Answers, look: Look) -> HostSigns:
    """What triage wants to know of one host."""
    health = said.health
    seen = health is not None and not health.get("unreachable") and "findings" in health
    return HostSigns(
        name, frozenset(groups), reached=health is not None and not health.get("unreachable"),
        findings=tuple(health["findings"]) if health is not None and seen else (),
        release=_release(said.releases),
        clock_ahead_seconds=_ahead(str((health or {}).get("started_at", "")), look),
        unstable=said.gate.get("stable") is False,
        crash_reasons={app: str(one.get("reason", "")) for app, one in (said.crashes.get("apps") or {}).items()})


def causes(hosts: t.Sequence[HostSigns]) -> list[dict[str, t.Any]]:
    """The causes in the order in which they are dealt with, each with what is done about it, or the advice."""
    return [_told(cause) for cause in triage(hosts)]


def unseen(name: str, health: t.Optional[Row]) -> list[dict[str, t.Any]]:
    """A host that was reached and could not be looked at is not known to be well."""
    if health is None or health.get("unreachable") or "findings" in health:
        return []
    why = str(health.get("msg") or "its check gave no answer")
    return [{"cause": "unknown", "host": name, "confidence": "certain", "facts": [f"it could not be looked at: {why}"],
             "action": "", "does": "", "limit": 0, "advice": "repair what hinders the look, and run recover again",
             "everywhere": False}]


def _told(cause: Cause) -> dict[str, t.Any]:
    todo = action(cause)
    return {**cause.as_dict(), "action": todo.name, "does": todo.does, "limit": todo.limit, "advice": todo.advice,
            "everywhere": todo.name == GO_BACK}


def _release(info: Row) -> Release:
    age = (info.get("last_activated") or {}).get("seconds_ago")
    return Release(str(info.get("current", "")), age if isinstance(age, (int, float)) else None,
                   str(info.get("previous_good", "")))


def _ahead(said: str, look: Look) -> t.Optional[float]:
    """How far the host's clock is from any time at which it may have been asked; 0 within that."""
    try:
        there = datetime.datetime.strptime(said, STAMP).replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return None
    if there > look.ended:
        return (there - look.ended).total_seconds()
    return -max(0.0, (look.began - there).total_seconds())
