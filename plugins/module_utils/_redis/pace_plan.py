# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""How fast to go: batches as large as the others bear, a pause when the server is slow, and an end when it stays so."""

from __future__ import annotations

import collections
import typing as t

from .._core.errors import OpsError
from .._core.limits import duration

LEAST_KEYS = 20
MOST_KEYS = 2000
_LONGEST_PAUSE_SECONDS = 2.0
_REMEMBERED = 16


class TooSlow(OpsError):
    """The server stayed slow, or the time is over: the work was stopped between two batches."""


class Pace:
    """The size of the next batch, and how long to leave the server alone before it."""

    def __init__(self, *, batch_seconds: float, share_percent: float, latency_limit_seconds: float,
                 patience_seconds: float, max_seconds: float) -> None:
        self.keys = 200
        self.slowest = 0.0
        self.batches = 0
        self._batch_seconds = batch_seconds
        self._share = share_percent / 100
        self._limit = latency_limit_seconds
        self._patience = patience_seconds
        self._max_seconds = max_seconds
        self._costs: t.Deque[float] = collections.deque(maxlen=_REMEMBERED)
        self._began: t.Optional[float] = None
        self._slow_since: t.Optional[float] = None

    def after(self, keys: int, waited: float, now: float) -> float:
        """Learn from a batch of so many keys, for which we waited so long, and return the pause before the next.

        TooSlow when the server stayed slow for longer than the patience, or the whole time is over.
        """
        self._began = now - waited if self._began is None else self._began
        self.batches += 1
        self.slowest = max(self.slowest, waited)
        self._costs.append(waited / keys)
        # what a batch costs the server itself: most of a slow answer is other work, of the server or the machine
        cost = max(sorted(self._costs)[len(self._costs) // 4], 1e-9)
        change = min(max(self._batch_seconds / (cost * self.keys), 0.5), 1.25)
        self.keys = int(min(max(self.keys * change, LEAST_KEYS), MOST_KEYS))
        if now - self._began > self._max_seconds:
            raise TooSlow(f"stopped after {duration(self._max_seconds)} (max_seconds)")
        if waited <= self._limit:
            self._slow_since = None
            return min(waited, cost * keys) * (1 / self._share - 1)
        self._slow_since = now - waited if self._slow_since is None else self._slow_since
        if now - self._slow_since > self._patience:
            raise TooSlow(f"stopped because Redis answered more slowly than {duration(self._limit)} for "
                          f"{duration(self._patience)} (latency_limit_seconds, patience_seconds)")
        return min(4 * waited, _LONGEST_PAUSE_SECONDS)
