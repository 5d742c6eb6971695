# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Turn counted errors and gaps into findings."""

from __future__ import annotations

import datetime
import re
import typing as t

from .._core.limits import show
from .._core.redact import redact
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Number, State, metric
from .fingerprint import fingerprint
from .tally import Gap, Group, Tally, same_app

# So many kinds are shown with times and a sample, so many more by fingerprint and count.
SHOWN = 20
COMPACT = 200
SAMPLE = 300
# a web token that was cut no longer looks like one
_CUT_TOKEN = re.compile(r"\beyJ[\w.-]{20,}")

GAPS = {
    "unreadable": "could not be read",
    "partial": "was read in part",
    "untimed": "has no times, so the window is unknown",
}


def judge(tallies: t.Mapping[str, t.Sequence[Tally]], gaps: t.Sequence[Gap], window_hours: float,
          thresholds: Thresholds) -> tuple[list[Finding], dict[str, Number]]:
    """A finding for every app or log, one for every kind of gap, and the numbers."""
    findings = []
    metrics: dict[str, Number] = {}
    kinds: set[str] = set()
    for label, parts in sorted(tallies.items()):
        merged = same_app(parts)
        if not merged.total and any(part.unread for part in parts):
            continue  # "no errors" would be a guess; its gap below says why
        findings.append(_errors(label, merged, window_hours, thresholds))
        metrics[metric("log_errors", source=label)] = merged.total
        kinds.update(merged.groups)
    metrics["log_groups"] = len(kinds)
    return [*findings, *_gaps(gaps)], metrics


def _errors(label: str, tally: Tally, window_hours: float, thresholds: Thresholds) -> Finding:
    span = f"in the last {show(window_hours)} h"
    ranked = sorted(tally.groups.items(), key=lambda item: (-item[1].count, item[0]))
    if not ranked:
        return thresholds.judge("log_errors", 0, f"{label}: no errors {span}", object=label)
    rows = [_row(kind, group) for kind, group in ranked[:SHOWN]]
    rest = [{"fingerprint": fingerprint(kind), "count": group.count}
            for kind, group in ranked[SHOWN:SHOWN + COMPACT]]
    top = ranked[0][1]
    text = (f"{label}: {_many(tally.total, 'error')} of {_many(len(ranked), 'kind')} {span},"
            f" most often ({top.count} times): {sample(top.sample)[:120]}")
    return thresholds.judge("log_errors", tally.total, text, object=label, details=[*rows, *rest])


def _row(kind: str, group: Group) -> dict[str, t.Any]:
    row: dict[str, t.Any] = {"fingerprint": fingerprint(kind), "count": group.count}
    if group.first is not None and group.last is not None:
        row.update(first_seen=utc(group.first), last_seen=utc(group.last))
    return {**row, "file": group.path, "sample": sample(group.sample)}


def sample(message: str) -> str:
    """One error as people may read it: one line, short, without secrets."""
    text = _CUT_TOKEN.sub("***", redact(" ".join(message.split())))
    return text if len(text) <= SAMPLE else text[:SAMPLE - 1] + "…"


def utc(when: float) -> str:
    """Seconds since 1970 as people and programs read them: 2026-11-23T16:42:00Z."""
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _gaps(gaps: t.Sequence[Gap]) -> t.Iterator[Finding]:
    for kind, words in GAPS.items():
        rows = [{"file": gap.path, "reason": gap.why} for gap in gaps if gap.kind == kind]
        if rows:
            more = f" (and {_many(len(rows) - 1, 'more log')})" if len(rows) > 1 else ""
            yield Finding(f"log_{kind}", State.UNKNOWN, f"{rows[0]['file']} {words}: {rows[0]['reason']}{more}",
                          details=tuple(rows[:COMPACT]))


def _many(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
