# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What statements cost within a window: the difference of two looks at counters, or an estimate from many looks."""

from __future__ import annotations

import dataclasses
import typing as t

from .queries import MARK
from .statement import readable

Row = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one statement of one role cost within the window."""

    key: str  # queryid/userid/toplevel
    calls: int
    seconds: float
    rows: int

    @property
    def query(self) -> str:
        """Its part that texts are kept by."""
        return self.key.rsplit("/", 1)[0]


def costs(before: t.Iterable[t.Sequence[t.Any]], after: t.Iterable[t.Sequence[t.Any]], *, reset: bool) -> list[Cost]:
    """What was added. A counter that went back was thrown away and began anew; after a reset all of them did."""
    old = {} if reset else {row[0]: row[1:] for row in before}
    found = []
    for key, calls, seconds, rows in after:
        was = old.get(key, (0, 0.0, 0))
        if calls < was[0]:
            was = (0, 0.0, 0)
        if calls > was[0]:
            found.append(Cost(key, calls - was[0], max(0.0, seconds - was[1]), max(0, rows - was[2])))
    return found


def leaders(found: t.Sequence[Cost], number: int) -> list[Cost]:
    """Those that may be among the first, by total or by mean; a few more, for our own are taken out later."""
    by_total = sorted(found, key=lambda cost: -cost.seconds)[: number + 5]
    by_mean = sorted(found, key=lambda cost: -cost.seconds / cost.calls)[: number + 5]
    return list(dict.fromkeys([*by_total, *by_mean]))


def counted_rows(found: t.Sequence[Cost], all_seconds: float, texts: t.Mapping[str, t.Sequence[t.Any]],
                 length: int) -> list[Row]:
    """Rows of a result; the same statement inside and outside of functions is one."""
    merged: dict[str, Row] = {}
    for cost in found:
        text, user = texts.get(cost.query) or ("", "")
        if not text or text.startswith(MARK):
            continue
        row = merged.setdefault(cost.query, {"statement": readable(text, length), "user": user or "", "calls": 0,
                                             "total_seconds": 0.0, "rows": 0})
        row["calls"] += cost.calls
        row["total_seconds"] += cost.seconds
        row["rows"] += cost.rows
    return [_finished(row, all_seconds) for row in merged.values()]


def sampled_rows(samples: t.Sequence[t.Sequence[t.Sequence[t.Any]]], window_seconds: float, length: int) -> list[Row]:
    """The same from looks at what ran, evenly spread over the window; short statements are seen by chance."""
    merged: dict[tuple[str, str], Row] = {}
    runs: dict[tuple[str, str], set[tuple[int, float]]] = {}
    each = window_seconds / max(1, len(samples))
    for sample in samples:
        for pid, started, text, user in sample:
            if not text or text.startswith(MARK):
                continue
            key = (readable(text, length), user or "")
            row = merged.setdefault(key, {"statement": key[0], "user": key[1], "calls": 0, "total_seconds": 0.0,
                                          "rows": None})
            row["total_seconds"] += each
            runs.setdefault(key, set()).add((pid, started or 0.0))
    for key, row in merged.items():
        row["calls"] = len(runs[key])
    everything = sum(row["total_seconds"] for row in merged.values())
    return [_finished(row, everything) for row in merged.values()]


def by_total(rows: t.Iterable[Row], number: int) -> list[Row]:
    """What takes the server's time."""
    return sorted(rows, key=lambda row: (-row["total_seconds"], row["statement"]))[:number]


def by_mean(rows: t.Iterable[Row], number: int) -> list[Row]:
    """What one request waits for."""
    return sorted(rows, key=lambda row: (-row["mean_seconds"], row["statement"]))[:number]


def _finished(row: Row, all_seconds: float) -> Row:
    return {**row, "mean_seconds": round(row["total_seconds"] / max(1, row["calls"]), 6),
            "total_seconds": round(row["total_seconds"], 6),
            "share_percent": round(100 * row["total_seconds"] / all_seconds, 1) if all_seconds else 0.0}
