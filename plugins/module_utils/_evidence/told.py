# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What is told about a bundle (pure)."""

from __future__ import annotations

import typing as t

from .._core.limits import counted, duration


def plan(items: t.Sequence[str], directory: str) -> dict[str, t.Any]:
    """What would be collected."""
    return {"changed": True, "items": list(items),
            "msg": f"would collect {counted(len(items), 'item')} into {directory}: {', '.join(items)}"}


def answer(made: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What was collected."""
    manifest = made["manifest"]
    rows = manifest["items"]
    incomplete = {row["name"]: row["error"] for row in rows if row["error"]}
    missing = f", {len(incomplete)} not complete ({', '.join(incomplete)})" if incomplete else ""
    elsewhere = f" (not where it should be: {made['fallback']})" if made["fallback"] else ""
    return {
        "changed": True, "items": [row["name"] for row in rows], "incomplete": incomplete,
        "msg": f"{counted(len(rows), 'item')} in {duration(made['seconds'])}{missing}: {made['path']}{elsewhere}",
        "archive": made["path"], "folder": made["folder"], "sha256": manifest["archive"]["sha256"],
        "bytes": manifest["archive"]["bytes"], "seconds": made["seconds"], "fallback": made["fallback"],
        "removed": made["removed"], "manifest": manifest,
    }
