# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Tell what fills the disks of this host, and what of it may go; nothing is changed."""

from __future__ import annotations

import time
import typing as t

from .._core.limits import size
from . import look as looking, report_facts as words
from .facts import Space, shown
from .options import wanted
from .space_plan import plan


def tell(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The answer of disk_info."""
    asked = wanted(options)
    seen = looking.look(asked)
    rows, report, left, notes = [], [], list(seen.found.left), list(seen.found.notes)
    deadline = time.monotonic() + asked["timeout_seconds"]
    for space in seen.spaces:
        items = seen.items_on(space)
        planned = plan(space, items, asked.target)
        row = {**_row(space), "reached": asked.target.reached(space), "candidates": words.sums(items),
               "plan": [item.row() for item in planned.items], "percent_planned": round(planned.after.percent, 1),
               "folders": [], "folders_complete": True}
        report += words.planned(planned, asked.target)
        if not asked.target.reached(space) or asked["paths"]:
            walk = looking.walked(space, asked["big_bytes"], asked["rows"], deadline)
            known = {item.path for item in seen.found.items} | {one.path for one in left}
            left += [one for one in walk.files if one.path not in known]
            row["folders"] = [{"path": shown(path), "bytes": taken} for path, taken in walk.folders]
            row["folders_complete"] = walk.whole
            report.append("What fills it:" if walk.whole else
                          f"What fills it, as far as {asked['timeout_seconds']:g} s reached:")
            report += [f"  {size(taken):>10}  {shown(path)}" for path, taken in walk.folders]
        rows.append(row)
    full = [space for space in seen.spaces if not asked.target.reached(space)]
    msg = "; ".join(words.full(space) for space in full) or f"every disk is within {asked.target.words()}"
    return {"msg": msg, "filesystems": rows, "for_person": [one.row() for one in _largest(left)], "notes": notes,
            "report": [*report, *words.left(left), *(f"Note: {note}" for note in notes)]}


def _row(space: Space) -> dict[str, t.Any]:
    return {"mount": shown(space.mount), "percent": round(space.percent, 1), "used_bytes": space.used_bytes,
            "free_bytes": space.free_bytes, "inodes_percent": round(space.inodes_percent, 1)}


def _largest(rows: t.Iterable[t.Any]) -> list[t.Any]:
    return sorted(rows, key=lambda row: -row.bytes)
