# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""A limit turns a number into a state. "Above 80" means above: 80.0 itself is still fine, as the runbook writes it."""

from __future__ import annotations

import dataclasses
import math
import typing as t

from .errors import BadOption
from .verdict import Number, State


@dataclasses.dataclass(frozen=True)
class Limit:
    """Warning and critical bounds; ``below`` turns them round (days left, free space). None means no such bound."""

    warning: t.Optional[Number] = None
    critical: t.Optional[Number] = None
    below: bool = False

    def __post_init__(self) -> None:
        for bound in (self.warning, self.critical):
            if bound is not None and not math.isfinite(bound):
                raise BadOption(f"a limit must be a finite number, not {bound}")
        if self.warning is None or self.critical is None:
            return
        if (self.warning < self.critical) if self.below else (self.warning > self.critical):
            side = "below" if self.below else "above"
            raise BadOption(
                f"the warning limit ({show(self.warning)}) must come before the critical one"
                f" ({show(self.critical)}): this value gets worse {side} its limits"
            )

    def state(self, value: Number) -> State:
        """Judge a value: strictly past a bound is that state; not a number is unknown."""
        if math.isnan(value):
            return State.UNKNOWN
        if self._past(value, self.critical):
            return State.CRITICAL
        if self._past(value, self.warning):
            return State.WARNING
        return State.OK

    def words(self, state: State, unit: str = "") -> str:
        """Say which bound was passed: ``warning above 80 %``; empty when none was."""
        bound = {State.WARNING: self.warning, State.CRITICAL: self.critical}.get(state)
        if bound is None:
            return ""
        return f"{state} {'below' if self.below else 'above'} {quantity(bound, unit)}"

    def _past(self, value: Number, bound: t.Optional[Number]) -> bool:
        if bound is None:
            return False
        return value < bound if self.below else value > bound


def show(number: Number) -> str:
    """A number as people write it: no tail of zeros, at most three decimals."""
    if isinstance(number, int) or float(number).is_integer():
        return str(int(number))
    return f"{number:.3f}".rstrip("0").rstrip(".") if abs(number) < 1 else f"{number:.1f}".removesuffix(".0")


def quantity(number: Number, unit: str) -> str:
    """A number with its unit: ``81.5 %``, ``1.5 GiB``, ``350 ms``, ``3 days``."""
    if unit == "bytes":
        return size(number)
    if unit == "seconds":
        return duration(number)
    if unit == "percent":
        return f"{show(number)} %"
    return f"{show(number)} {unit}".rstrip()


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: ``1 session waits``, ``2 sessions wait``; ``many`` is ``one`` with an s unless given."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def size(number: Number) -> str:
    """Bytes in the largest binary unit that keeps the number at 1 or more."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{show(value)} {unit}"
        value /= 1024
    return f"{show(value)} TiB"


def duration(seconds: Number) -> str:
    """Seconds in the unit a person would choose."""
    if abs(seconds) < 1:
        return f"{show(seconds * 1000)} ms"
    for length, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if abs(seconds) >= length:
            return f"{show(seconds / length)} {unit}"
    return f"{show(seconds)} s"
