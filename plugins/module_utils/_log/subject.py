# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The errors in the logs of this host as a subject."""

from __future__ import annotations

import datetime
import re
import time
import typing as t

from .._core.errors import BadOption, OpsError
from .._core.limits import show
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Inspection, State
from .gather import Budget, Plan, Source, gather
from .judge import judge
from .options import MIB
from .records import Rules
from .scan import Wanted

__all__ = ["Source", "subject"]

Discover = t.Callable[[], t.Sequence[Source]]
# What PM2 is told when output is to be thrown away.
_NOWHERE = ("/dev/null", "NULL")


def subject(options: t.Mapping[str, t.Any], thresholds: Thresholds, discover: t.Optional[Discover] = None,
            now: t.Callable[[], float] = time.time, zone: t.Optional[datetime.tzinfo] = None) -> Subject:
    """The logs named by the options and those ``discover`` finds; ``zone`` None is the zone of this host."""
    if discover is None and not options["paths"]:
        raise BadOption("no log is named: give paths, as in ['/var/log/nginx/error.log']")
    for name, least in (("window_hours", 0.01), ("timeout_seconds", 0.1), ("max_bytes", MIB), ("untimed_bytes", 1)):
        if not least <= options[name] < float("inf"):
            raise BadOption(f"{name} must be at least {show(least)}, not {options[name]}")
    rules = Rules(_compiled("patterns", options["patterns"]), _compiled("ignore", options["ignore"]))

    def inspect() -> Inspection:
        wanted = Wanted(now() - options["window_hours"] * 3600, rules)
        plan = Plan(wanted, options["untimed_bytes"], zone)
        budget = Budget(options["max_bytes"], time.monotonic() + options["timeout_seconds"], time.monotonic)
        sources = [Source(path) for path in options["paths"]]
        found, blind = _discovered(discover)
        result = gather([*sources, *found], plan, budget)
        findings, metrics = judge(result.tallies, result.gaps, options["window_hours"], thresholds)
        metrics["log_bytes_read"] = result.bytes_read
        return Inspection((*findings, *blind), metrics)

    return Subject("logs", "logs", inspect, deadline_seconds=options["timeout_seconds"] + 10, service=False)


def _discovered(discover: t.Optional[Discover]) -> tuple[list[Source], list[Finding]]:
    if discover is None:
        return [], []
    try:
        found = discover()
    except OpsError as exc:
        return [], [Finding("log_sources", State.UNKNOWN, f"the logs of the apps could not be found: {exc}")]
    return [source for source in found if source.path not in _NOWHERE], []


def _compiled(option: str, patterns: t.Sequence[str]) -> tuple[t.Pattern[str], ...]:
    found = []
    for pattern in patterns:
        try:
            compiled = re.compile(pattern)
            re.compile(pattern.encode())
        except (re.error, ValueError) as exc:
            raise BadOption(f"{option}: {pattern!r} is not a regular expression: {exc}") from exc
        if compiled.search(""):
            raise BadOption(f"{option}: {pattern!r} matches every line")
        found.append(compiled)
    return tuple(found)
