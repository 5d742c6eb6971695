# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""PromQL for the two questions of the daily check, and Prometheus' answers as plain values (pure)."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from .._core.errors import BadOption
from .._core.redact import redact

_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_FAULT = 300


@dataclasses.dataclass(frozen=True)
class Queries:
    """What is asked: requests in the window, their 95th percentile in seconds, and the share of 5xx in percent."""

    traffic: str
    latency: str
    errors: str
    window: str


@dataclasses.dataclass(frozen=True)
class Value:
    """The answer to one query: a number, or None with the reason in ``fault`` (empty: it selects nothing)."""

    number: t.Optional[float] = None
    fault: str = ""


@dataclasses.dataclass(frozen=True)
class Reply:
    """The ``data`` of an answer, or Prometheus' own words for why there is none."""

    data: t.Any = None
    fault: str = ""


def queries(requests: str, durations: str, selector: str, window: str) -> Queries:
    """The queries for these metrics; ``selector`` are further label matchers such as ``job="vendhub-backend"``."""
    for metric in (requests, durations):
        if not _METRIC.fullmatch(metric):
            raise BadOption(f"{metric!r} is not the name of a metric")
    if not _DURATION.fullmatch(window):
        raise BadOption(f"window must be a duration like 5m, not {window!r}")
    chosen = selector.strip().strip("{}").strip(",")
    some = f"{{{chosen}}}" if chosen else ""
    bad = f'{{{chosen}{"," if chosen else ""}status=~"5.."}}'
    return Queries(
        traffic=f"sum(increase({requests}{some}[{window}]))",
        latency=f"histogram_quantile(0.95, sum by (le) (rate({durations}{some}[{window}])))",
        # without any 5xx yet there is no such series: that is 0, not nothing
        errors=f"100 * (sum(rate({requests}{bad}[{window}])) or vector(0)) / sum(rate({requests}{some}[{window}]))",
        window=window,
    )


def reply(body: bytes) -> t.Optional[Reply]:
    """One answer of the HTTP API; None when it is not one."""
    try:
        whole = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(whole, dict) or whole.get("status") not in ("success", "error"):
        return None
    if whole["status"] == "error":
        return Reply(fault=redact(f"{whole.get('errorType', '')}: {whole.get('error', '')}")[:_FAULT])
    return Reply(data=whole.get("data"))


def value(answer: Reply) -> Value:
    """The single number that a query gave."""
    if answer.fault:
        return Value(fault=answer.fault)
    try:
        kind, result = answer.data["resultType"], answer.data["result"]
        if kind == "scalar":
            return Value(float(result[1]))
        if kind != "vector":
            return Value(fault=f"its result is a {kind}, not a number")
        if len(result) > 1:
            return Value(fault=f"it selects {len(result)} series, so aggregate them into one")
        return Value(float(result[0]["value"][1])) if result else Value()
    except (KeyError, IndexError, TypeError, ValueError):
        return Value(fault="its result cannot be read")


def firing(answer: Reply) -> list[dict[str, str]]:
    """The alerts that fire, as flat rows."""
    alerts = _listed(answer.data, "alerts")
    return [{"alert": _label(alert, "alertname"), "severity": _label(alert, "severity"),
             "since": str(alert.get("activeAt", ""))[:19]} for alert in alerts if alert.get("state") == "firing"]


def targets(answer: Reply) -> tuple[int, list[dict[str, str]]]:
    """How many targets there are, and those that cannot be scraped as flat rows."""
    active = _listed(answer.data, "activeTargets")
    down = [{"job": _label(target, "job"), "instance": _label(target, "instance"),
             "error": redact(str(target.get("lastError", "")))[:_FAULT]} for target in active
            if target.get("health") == "down"]
    return len(active), down


def _listed(data: t.Any, key: str) -> list[dict[str, t.Any]]:
    rows = data.get(key) if isinstance(data, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _label(row: t.Mapping[str, t.Any], name: str) -> str:
    labels = row.get("labels")
    return str(labels.get(name, ""))[:200] if isinstance(labels, dict) else ""
