# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Whether two looks at the same tables agree (pure)."""

from __future__ import annotations

import typing as t

from .._core.limits import counted
from .archive_parse import Table

ROWS = 10


def differences(expected: t.Mapping[Table, int], found: t.Mapping[Table, int]) -> list[str]:
    """Where they differ, one sentence each; empty when every table has its rows."""
    words = []
    for table in sorted(set(expected) | set(found)):
        want, have = expected.get(table), found.get(table)
        if want is None:
            words.append(f"{shown(table)} is there and should not be ({counted(have or 0, 'row')})")
        elif have is None:
            words.append(f"{shown(table)} is missing ({counted(want, 'row')})")
        elif want != have:
            words.append(f"{shown(table)} has {counted(have, 'row')} instead of {want}")
    return words


def summary(words: t.Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(words) - ROWS} more" if len(words) > ROWS else ""
    return "; ".join(words[:ROWS]) + more


def shown(table: Table) -> str:
    """A table as people write it, on one line."""
    name = ".".join(part for part in table if part)
    return "".join(sign if sign.isprintable() else "?" for sign in name)
