# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Do several things at once, each within its time; what is too late or breaks is named and stops nothing else."""

from __future__ import annotations

import dataclasses
import threading
import time
import typing as t

from .._core.errors import OpsError
from .._core.redact import redact


class Sink:
    """Where one item puts what it found, piece by piece, so that nothing is lost when its time is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[str, str] = {}
        self._faults: list[str] = []

    def text(self, name: str, text: str) -> None:
        """A file of the bundle."""
        with self._lock:
            self._texts[name] = text

    def fault(self, why: str) -> None:
        """Something that could not be collected, and why."""
        with self._lock:
            self._faults.append(why)

    def taken(self) -> tuple[dict[str, str], list[str]]:
        with self._lock:
            return dict(self._texts), list(self._faults)


@dataclasses.dataclass(frozen=True)
class Item:
    """``collect`` gets a sink and the seconds it has."""

    name: str
    collect: t.Callable[[Sink, float], None]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an item gave; ``error`` is empty when it gave everything."""

    name: str
    texts: t.Mapping[str, str]
    error: str
    seconds: float


def gather(items: t.Sequence[Item], seconds: float) -> list[Outcome]:
    """Collect all items at once, in order; it takes that long at most."""
    started = time.monotonic()
    boxes = [_Box(item, seconds) for item in items]
    for box in boxes:
        box.thread.start()
    return [box.outcome(max(0.0, started + seconds - time.monotonic())) for box in boxes]


class _Box:
    """One item and its thread (daemonic: it cannot keep the process alive)."""

    def __init__(self, item: Item, seconds: float) -> None:
        self._item = item
        self._seconds = seconds
        self._sink = Sink()
        self._took: t.Optional[float] = None
        self.thread = threading.Thread(target=self._run, name=item.name, daemon=True)

    def outcome(self, wait_seconds: float) -> Outcome:
        self.thread.join(wait_seconds)
        texts, faults = self._sink.taken()
        if self._took is None:
            faults.append(f"did not finish within {self._seconds:g} s; what it had until then is kept")
        return Outcome(self._item.name, texts, redact("; ".join(faults)), self._took or self._seconds)

    def _run(self) -> None:
        started = time.monotonic()
        try:
            # a little sooner than the deadline, so that it can still say itself what was silent
            self._item.collect(self._sink, self._seconds * 0.8)
        except OpsError as exc:
            self._sink.fault(str(exc))
        except OSError as exc:
            self._sink.fault(f"{exc.filename or self._item.name}: {exc.strerror or exc}")
        except Exception as exc:  # a fault of ours must not take the other items along
            self._sink.fault(f"the collector itself failed: {type(exc).__name__}: {exc}; please report it")
        self._took = time.monotonic() - started
