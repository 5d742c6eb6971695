# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""How databases beside the live one are called and marked, and when one may take its place (pure)."""

from __future__ import annotations

import datetime
import typing as t

from .._core.limits import duration

BEGUN = "vendhub-ops: being restored"
PROVED = "vendhub-ops: restored and proved"
REPLACED = "vendhub-ops: replaced"
NAME_BYTES = 63


def stamped(name: str, word: str, epoch: float) -> str:
    """A name that says what the database is, short enough for PostgreSQL."""
    tail = f"_{word}_{datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc):%Y%m%d%H%M%S}"
    return name.encode()[:NAME_BYTES - len(tail)].decode("utf-8", "ignore") + tail


def is_ready(comment: str) -> bool:
    """Whether this comment stands on a database that was whole, and may be served."""
    return comment.startswith((PROVED, REPLACED))


def is_ours(comment: str) -> bool:
    """Whether this comment is one that we write."""
    return comment.startswith((BEGUN, PROVED, REPLACED))


def stale(last: t.Optional[float], now: float, fresh_seconds: float, database: str) -> str:
    """Why the newest verified backup of a database is not enough to replace it; empty when it is."""
    if last is None:
        return f"there is no verified backup of {database}"
    if now - last > fresh_seconds:
        return (f"the newest verified backup of {database} is {duration(now - last)} old, and must not be older than "
                f"{duration(fresh_seconds)} (fresh_seconds)")
    return ""
