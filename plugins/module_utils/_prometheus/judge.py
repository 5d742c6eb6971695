# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Judge what Prometheus knows about the API (pure)."""

from __future__ import annotations

import dataclasses
import math
import typing as t

from .._core.limits import duration, show
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Inspection, Number, State
from .parse import Queries, Reply, Value, firing, targets

ROWS = 10


@dataclasses.dataclass(frozen=True)
class Seen:
    """All answers of one look."""

    traffic: Value
    latency: Value
    errors: Value
    alerts: Reply
    targets: Reply


def judge(seen: Seen, queries: Queries, min_requests: int, thresholds: Thresholds) -> Inspection:
    """Latency, errors, alerts that fire, targets that are down."""
    requests = seen.traffic.number
    quiet = ""
    if requests is not None and requests < min_requests:
        quiet = f"only {show(round(requests, 1))} requests within {queries.window}, fewer than {min_requests}" \
            if requests > 0 else f"no requests within {queries.window}"
    findings = [
        _measured("api_latency_p95_seconds", seen.latency, queries.latency, quiet=quiet, thresholds=thresholds,
                  words=lambda number: f"95 % of the requests within {queries.window} took at most {duration(number)}"),
        _measured("api_error_percent", seen.errors, queries.errors, quiet=quiet, thresholds=thresholds,
                  words=lambda number: f"{show(number)} % of the requests within {queries.window} ended with 5xx"),
        _alerts(seen.alerts),
        _targets(seen.targets),
    ]
    metrics: dict[str, Number] = {
        name: round(number, 6) for name, number in (
            ("api_requests", requests), ("api_latency_p95_seconds", seen.latency.number),
            ("api_error_percent", seen.errors.number)) if number is not None and math.isfinite(number)}
    if not seen.alerts.fault:
        metrics["prometheus_alerts_firing"] = len(firing(seen.alerts))
    if not seen.targets.fault:
        count, down = targets(seen.targets)
        metrics.update(prometheus_targets=count, prometheus_targets_down=len(down))
    return Inspection(tuple(findings), metrics)


def _measured(name: str, value: Value, query: str, *, quiet: str, thresholds: Thresholds,
              words: t.Callable[[float], str]) -> Finding:
    if value.fault:
        return Finding(name, State.UNKNOWN, f"the query {query} failed: {value.fault}")
    if value.number is None:
        return Finding(name, State.UNKNOWN,
                       f"selects nothing: {query}; is the API scraped, and are its metrics named so?")
    if quiet:
        return Finding(name, State.OK, f"{quiet}: nothing to judge")
    if not math.isfinite(value.number):
        return Finding(name, State.UNKNOWN, f"the query {query} gives no number ({value.number})")
    number = round(value.number, 9)  # 10 of 1000 must not come out a hair above 1 %
    return thresholds.judge(name, number, words(number))


def _alerts(answer: Reply) -> Finding:
    """Told, not judged: whoever is paged for an alert is paged by Alertmanager."""
    if answer.fault:
        return Finding("prometheus_alerts", State.UNKNOWN, f"the alerts cannot be read: {answer.fault}")
    rows = firing(answer)
    names = ", ".join(sorted({row["alert"] for row in rows})[:ROWS])
    return Finding("prometheus_alerts", State.OK, f"{len(rows)} alerts are firing{': ' + names if names else ''}",
                   value=len(rows), unit="alerts", details=tuple(rows[:ROWS]))


def _targets(answer: Reply) -> Finding:
    if answer.fault:
        return Finding("prometheus_targets", State.UNKNOWN, f"the targets cannot be read: {answer.fault}")
    count, down = targets(answer)
    if not count:
        return Finding("prometheus_targets", State.WARNING, "Prometheus has no target to scrape")
    words = f"{len(down)} of {count} targets cannot be scraped"
    if down:
        words += ": " + ", ".join(f"{row['job']} {row['instance']}".strip() for row in down[:3])
    return Finding("prometheus_targets", State.WARNING if down else State.OK, words, value=len(down), unit="targets",
                   details=tuple(down[:ROWS]))
