# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What was seen, planned and done, as sentences and lines to read (pure)."""

from __future__ import annotations

import typing as t

from .._core.limits import counted, show, size
from .facts import KINDS, Item, Left, Space, shown
from .space_plan import Plan, Target

LINES = 40


def full(space: Space) -> str:
    """How full a file system is."""
    whole = space.used_bytes + space.free_bytes
    percent = show(round(space.percent, 1))
    words = f"{shown(space.mount)} is {percent} % full, {size(space.free_bytes)} of {size(whole)} free"
    if space.inodes_percent > max(space.percent, 50):
        words += f", {show(round(space.inodes_percent, 1))} % of its inodes in use"
    return words


def planned(plan: Plan, target: Target) -> list[str]:
    """A plan as lines: how full it is, what goes, and how full it is then."""
    if not plan.items:
        words = "nothing has to go" if plan.reached else f"there is nothing that may go by itself for {target.words()}"
        return [f"{full(plan.space)}: {words}"]
    total = sum(item.bytes for item in plan.items)
    then = f"{show(round(plan.after.percent, 1))} %"
    reach = f"which makes it {then}" if plan.reached else f"which makes it {then} and not {target.words()}"
    return [f"{full(plan.space)}: {counted(len(plan.items), 'item')} with {size(total)} may go, {reach}",
            *cut_off([line(item.bytes, item.kind, item.path, item.why) for item in plan.items])]


def left(rows: t.Iterable[Left]) -> list[str]:
    """What a person decides about, the largest first."""
    found = sorted(rows, key=lambda row: -row.bytes)
    return ["For a person to decide:",
            *cut_off([line(row.bytes, row.kind, row.path, row.why) for row in found])] if found else []


def line(count: int, kind: str, path: str, why: str) -> str:
    """One thing."""
    return f"  {size(count):>10}  {kind:<13}  {shown(path)}{f' ({why})' if why else ''}"


def cut_off(lines: t.Sequence[str]) -> list[str]:
    """Not more lines than a person reads."""
    return [*lines[:LINES], f"  and {len(lines) - LINES} more"] if len(lines) > LINES else list(lines)


def sums(items: t.Iterable[Item]) -> list[dict[str, t.Any]]:
    """How much of each kind there is, in the order in which they go."""
    found = list(items)
    rows = [(kind, [item for item in found if item.kind == kind]) for kind in KINDS]
    return [{"kind": kind, "count": len(of), "bytes": sum(item.bytes for item in of)} for kind, of in rows if of]
