# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Look, judge, wait, again: until the app is proven stable or cannot be proven in time."""

from __future__ import annotations

import typing as t

from .judge import UNDECIDED, Judgement, Sample, Wanted, judge

Clock = t.Callable[[], float]
Sleep = t.Callable[[float], None]

LONGEST_PAUSE_SECONDS = 10.0


def watch(look: t.Callable[[], Sample], wanted: Wanted, interval_seconds: float, clock: Clock,
          sleep: Sleep) -> tuple[Judgement, list[Sample]]:
    """The decision and all samples; it ends within the deadline and one look."""
    started = clock()
    samples: list[Sample] = []
    while True:
        samples.append(look())
        decision = judge(samples, wanted, clock())
        if decision.state != UNDECIDED:
            return decision, samples
        rest = started + wanted.deadline_seconds - clock()
        sleep(max(0.0, min(pause(samples, interval_seconds), rest)))


def pause(samples: t.Sequence[Sample], interval_seconds: float) -> float:
    """How long to wait for the next look: longer after each 429 in a row, for asking on would only prolong it."""
    limited = 0
    for sample in reversed(samples):
        if sample.health is None or not sample.health.limited:
            break
        limited += 1
    wait: float = interval_seconds * 2 ** min(limited, 6)
    asked = samples[-1].health.answer.retry_after if limited and samples[-1].health else ""
    if asked.isdigit() and len(asked) < 6:
        wait = max(wait, float(asked))
    return min(wait, max(LONGEST_PAUSE_SECONDS, interval_seconds))
