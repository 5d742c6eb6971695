# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""What only the history can tell: how long the disk lasts, what is new, what is gone, who serves another release."""

from __future__ import annotations

import dataclasses
import datetime
import statistics
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core.limits import show, size
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Finding, Number, State

from . import history, series
from .fleet import Entry, Host, stamp
from .history import Past, PastHost

FEWEST_POINTS = 3
SHORTEST_SPAN = datetime.timedelta(hours=6)
FIT_OVER = datetime.timedelta(days=14)
GROWTH_OVER = datetime.timedelta(days=7)
MOST_POINTS = 30
LONGEST_FORECAST_DAYS = 3650
YEAR = 365
GROWN_PERCENT = 20
GROWN_BYTES = 100 * 1024**2
# what is stored and therefore should not grow unseen; the memory of a process comes and goes
STORED = ("disk", "database", "table", "wal", "log", "dump", "backup")

Point = tuple[datetime.datetime, float]


def with_trends(hosts: t.Sequence[Host], past: t.Sequence[Past], now: datetime.datetime,
                thresholds: Thresholds) -> list[Host]:
    """The hosts with their trends as findings of the check ``trend``; ``past`` is oldest first."""
    releases = _releases(hosts)
    told = []
    for host in hosts:
        found = _found(host, history.of_host(host.name, past), now, thresholds) if host.answered else []
        found += _other_release(host, releases)
        entries = [*host.entries, *(Entry(history.TREND, one) for one in found)]
        told.append(dataclasses.replace(host, entries=tuple(_dated(entry, host.name, past, now) for entry in entries)))
    return told


def points(key: str, host: Host, past: t.Sequence[tuple[datetime.datetime, PastHost]],
           now: datetime.datetime) -> list[Point]:
    """One metric over time, oldest first, with today's value at the end."""
    earlier = [(at, float(one.metrics[key])) for at, one in past if key in one.metrics]
    return [*earlier, (now, float(host.metrics[key]))]


def _found(host: Host, own: list[tuple[datetime.datetime, PastHost]], now: datetime.datetime,
           thresholds: Thresholds) -> list[Finding]:
    return [
        *_disks(host, own, now, thresholds),
        *_new_errors(host, own, thresholds),
        *_restarts(host, own),
        *_growth(host, own, now),
        *_changes(host, own),
    ]


def _disks(host: Host, own: list[tuple[datetime.datetime, PastHost]], now: datetime.datetime,
           thresholds: Thresholds) -> t.Iterator[Finding]:
    for key, used in host.metrics.items():
        one = series.parse(key)
        if one is None or one.name != "disk_percent":
            continue
        rate = percent_a_day([point for point in points(key, host, own, now) if now - point[0] <= FIT_OVER])
        if rate is None:
            continue
        days = (100 - used) / rate if rate > 0 else LONGEST_FORECAST_DAYS
        if days >= LONGEST_FORECAST_DAYS:
            yield Finding("disk_days_to_full", State.OK, f"disk {one.object} is not filling up", object=one.object)
        else:
            yield thresholds.judge(
                "disk_days_to_full", round(max(0.0, days), 1),
                f"disk {one.object} is full in {_days(days)} if it goes on filling by"
                f" {show(round(rate, 2))} % a day", object=one.object)


def _days(number: float) -> str:
    if number < 1:
        return "less than a day"
    if number >= YEAR:
        return "more than a year"
    return "1 day" if round(number, 1) == 1 else f"{show(round(number, 1 if number < 10 else None))} days"


def percent_a_day(series_points: t.Sequence[Point]) -> t.Optional[float]:
    """The median slope of all pairs (Theil-Sen: one clean-up or one spike does not bend it); None for too little."""
    if len(series_points) < FEWEST_POINTS or series_points[-1][0] - series_points[0][0] < SHORTEST_SPAN:
        return None
    few = thinned(series_points, MOST_POINTS)
    slopes = [
        (later[1] - sooner[1]) / ((later[0] - sooner[0]).total_seconds() / 86400)
        for index, sooner in enumerate(few) for later in few[index + 1:] if later[0] > sooner[0]
    ]
    return statistics.median(slopes)


def thinned(series_points: t.Sequence[Point], most: int) -> list[Point]:
    """At most that many of the points, evenly chosen, first and last always among them."""
    if len(series_points) <= most:
        return list(series_points)
    step = (len(series_points) - 1) / (most - 1)
    return [series_points[round(index * step)] for index in range(most)]


def _new_errors(host: Host, own: list[tuple[datetime.datetime, PastHost]], thresholds: Thresholds) -> list[Finding]:
    today = history.errors_of(host)
    known = [one.errors for at, one in own if one.errors is not None]
    if today is None or not known:
        return []
    seen = frozenset().union(*known)
    fresh = [row for fingerprint, row in today.items() if fingerprint not in seen]
    number = "no kind" if not fresh else "1 kind" if len(fresh) == 1 else f"{len(fresh)} kinds"
    return [thresholds.judge("new_error_groups", len(fresh),
                             f"{number} of error that none of {len(known)} earlier reports had", details=fresh)]


def _restarts(host: Host, own: list[tuple[datetime.datetime, PastHost]]) -> list[Finding]:
    if not own:
        return []
    last = own[-1][1]
    rose: dict[str, Number] = {}
    seen = False
    for key, value in host.metrics.items():
        one = series.parse(key)
        if one is not None and one.name == "pm2_restarts" and key in last.metrics:
            seen = True
            if value > last.metrics[key]:
                rose[one.object] = value - last.metrics[key]
    if not seen:
        return []
    words = ", ".join(f"{app} {show(number)}" for app, number in sorted(rose.items()))
    message = f"restarts since the last report: {words}" if rose else "no app was restarted since the last report"
    return [Finding("pm2_restarts_since_last", State.OK, message, value=sum(rose.values()), unit="restarts")]


def _growth(host: Host, own: list[tuple[datetime.datetime, PastHost]], now: datetime.datetime) -> t.Iterator[Finding]:
    for key, value in host.metrics.items():
        one = series.parse(key)
        if one is None or not one.name.endswith("_bytes") or one.name.endswith(("_free_bytes", "_total_bytes")) \
                or not any(word in one.name for word in STORED):
            continue
        window = [point for point in points(key, host, own, now) if now - point[0] <= GROWTH_OVER]
        first = window[0]
        gained = value - first[1]
        if len(window) >= FEWEST_POINTS and gained >= GROWN_BYTES and gained * 100 >= first[1] * GROWN_PERCENT:
            grown = f" (+{gained / first[1] * 100:.0f} %)" if first[1] else ""
            yield Finding("growth", State.OK, f"{one.name} {one.object} grew by {size(gained)}{grown}"
                          f" since {first[0]:%Y-%m-%d}", value=gained, unit="bytes", object=key)


def _releases(hosts: t.Sequence[Host]) -> dict[str, dict[str, str]]:
    """For each API: host -> the release it serves."""
    served: dict[str, dict[str, str]] = {}
    for host in hosts:
        for entry in host.entries:
            if entry.finding.name == "api_release" and entry.finding.value not in (None, ""):
                served.setdefault(entry.finding.object, {})[host.name] = str(entry.finding.value)
    return served


def _other_release(host: Host, releases: t.Mapping[str, t.Mapping[str, str]]) -> t.Iterator[Finding]:
    for api, served in releases.items():
        if host.name not in served or len(served) == 1:
            continue
        here = served[host.name]
        others = sorted(set(served.values()) - {here})
        if not others:
            yield Finding("release_same", State.OK, f"all {len(served)} hosts serve {here}", value=here, object=api)
            continue
        counts = {release: list(served.values()).count(release) for release in served.values()}
        most = max(counts.values())
        if counts[here] == most and list(counts.values()).count(most) == 1:
            yield Finding("release_same", State.OK, f"serves {here} as most hosts do", value=here, object=api)
        else:
            yield Finding("release_same", State.WARNING, f"serves {here}, other hosts serve {', '.join(others)};"
                          " deploy or roll back on all of them", value=here, object=api)


def _changes(host: Host, own: list[tuple[datetime.datetime, PastHost]]) -> list[Finding]:
    if not own:
        return []
    at, last = own[-1]
    today = {entry.identity: entry for entry in host.bad()}
    before = frozenset(one for one in last.bad if one[0] != history.TREND)
    new = [entry for identity, entry in today.items() if identity not in before]
    gone = sorted(before - set(today))
    rows: list[dict[str, t.Any]] = [
        {"change": "new", "check": entry.check, "finding": entry.title, "state": str(entry.state)} for entry in new]
    rows += [{"change": "gone", "check": check, "finding": f"{name} {about}".rstrip(), "state": ""}
             for check, name, about in gone]
    message = f"{len(new)} new and {len(gone)} gone" if rows else "the same findings as"
    return [Finding("changes", State.OK, f"{message} since the last report ({stamp(at)})" if rows
                    else f"{message} in the last report ({stamp(at)})", details=tuple(rows))]


def _dated(entry: Entry, name: str, past: t.Sequence[Past], now: datetime.datetime) -> Entry:
    """Say since when a finding has not been ok, where the host has a history.

    A report in which the host was left out (--limit) or gave no answer neither ends nor begins anything.
    """
    if entry.state is State.OK or not past:
        return entry
    since, new = now, True
    for report in reversed(past):
        host = report.hosts.get(name)
        if host is not None and entry.identity in host.bad:
            since, new = report.at, False
        elif host is not None and host.answered:
            break
    known = any(name in report.hosts for report in past)
    return dataclasses.replace(entry, since=stamp(since), new=new) if known else entry
