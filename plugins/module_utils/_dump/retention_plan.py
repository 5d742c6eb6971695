# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Which dumps may go: never one that is among the newest verified ones (pure)."""

from __future__ import annotations

import typing as t

from .._backup.dumps import Dump
from .make_plan import is_ours


def surplus(dumps: t.Sequence[Dump], database: str, keep: int, keep_days: float, now: float) -> list[Dump]:
    """Our dumps of this database that may go, oldest first.

    One goes when it is older than ``keep_days`` and ``keep`` verified ones are newer than it. One without a valid proof
    never counts as kept. With less than ``keep`` verified ones nothing goes at all.
    """
    ours = sorted((dump for dump in dumps if is_ours(dump.name, database)), key=lambda dump: dump.modified)
    verified = [dump for dump in ours if dump.verified]
    if keep < 1 or len(verified) < keep:
        return []
    oldest_kept = verified[-keep]
    return [dump for dump in ours if dump.modified < oldest_kept.modified and now - dump.modified > keep_days * 86400]
