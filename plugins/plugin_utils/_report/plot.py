# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""Small drawings of a metric over time, with the same in words for those who cannot see them."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core.limits import quantity
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import TABLE, Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Number, State

from . import history, series
from .fleet import Host
from .history import Past
from .trend import Point, points, thinned

WIDTH, HEIGHT, MARGIN = 240, 56, 4
FEWEST_POINTS = 3
MOST_POINTS = 90
MOST_PLOTS = 12
_ROWS = frozenset(row.name for row in TABLE)


@dataclasses.dataclass(frozen=True)
class Plot:
    """A line of points in a box of WIDTH × HEIGHT; ``bounds`` are (state, height) of the limits inside the box."""

    title: str
    object: str
    line: str
    area: str
    last: tuple[float, float]
    now: str
    words: str
    state: State
    bounds: tuple[tuple[str, float], ...]


def plots(host: Host, past: t.Sequence[Past], now: datetime.datetime, thresholds: Thresholds) -> list[Plot]:
    """The metrics of a host that have limits and a history, the worst first."""
    own = history.of_host(host.name, past)
    if len(own) + 1 < FEWEST_POINTS:
        return []
    drawn = []
    for key in host.metrics:
        one = series.parse(key)
        if one is None or one.name not in _ROWS:
            continue
        values = thinned(points(key, host, own, now), MOST_POINTS)
        if len(values) >= FEWEST_POINTS and len({value for at, value in values}) > 1:
            drawn.append(_plot(one, values, thresholds))
    return sorted(drawn, key=lambda plot: -plot.state)[:MOST_PLOTS]


def _plot(one: series.Series, values: t.Sequence[Point], thresholds: Thresholds) -> Plot:
    row = thresholds.row(one.name)
    numbers = [value for at, value in values]
    low, high = _range(numbers, row.unit, (row.warning, row.critical))
    start, end = values[0][0], values[-1][0]
    length = (end - start).total_seconds() or 1.0

    def height(value: float) -> float:
        return round(HEIGHT - MARGIN - (value - low) / (high - low) * (HEIGHT - 2 * MARGIN), 1)

    spots = [(round(MARGIN + (at - start).total_seconds() / length * (WIDTH - 2 * MARGIN), 1), height(value))
             for at, value in values]
    line = " ".join(f"{x:g},{y:g}" for x, y in spots)
    first, last = quantity(round(numbers[0], 3), row.unit), quantity(round(numbers[-1], 3), row.unit)
    span = f"{len(values)} reports since {start:%Y-%m-%d %H:%M}"
    limits = ((str(state), bound) for state, bound in ((State.WARNING, row.warning), (State.CRITICAL, row.critical)))
    return Plot(
        title=row.title,
        object=one.object,
        line=line,
        area=f"{spots[0][0]:g},{HEIGHT} {line} {spots[-1][0]:g},{HEIGHT}",
        last=spots[-1],
        now=last,
        words=f"{first} → {last}, lowest {quantity(round(min(numbers), 3), row.unit)},"
              f" highest {quantity(round(max(numbers), 3), row.unit)}; {span}",
        state=row.limit.state(numbers[-1]),
        bounds=tuple((state, height(bound)) for state, bound in limits if bound is not None and low <= bound <= high),
    )


def _range(numbers: t.Sequence[float], unit: str, bounds: t.Iterable[t.Optional[Number]]) -> tuple[float, float]:
    """The box around the numbers, with air, and with the limits when they are near: small waves must look small."""
    low, high = min(numbers), max(numbers)
    if unit == "percent":
        middle, half = (low + high) / 2, max(high - low, 25.0) / 2
        low, high = max(0.0, middle - half), middle + half
    air = max(high - low, abs(high) * 0.1) or 1.0
    near = [float(bound) for bound in bounds if bound is not None and low - air <= bound <= high + air]
    bottom = max(0.0, min([low, *near]) - air * 0.25) if low >= 0 else low - air * 0.25
    return bottom, max([high, *near]) + air * 0.25
