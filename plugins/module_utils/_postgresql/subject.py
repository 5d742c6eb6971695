# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""PostgreSQL as a subject of the daily check."""

from __future__ import annotations

import typing as t

from .._core.errors import BadOption
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Inspection, State
from .client import ask
from .connection import address
from .judge import judge
from .trouble import Exhausted

# the check keeps its own time and words; the deadline is only for what it cannot bound (names)
GRACE_SECONDS = 1.0


def subject(options: t.Mapping[str, t.Any], thresholds: Thresholds) -> Subject:
    """A PostgreSQL database, and its whole server, as these options describe it."""
    where = address(options)
    statements: str = options["statements"]
    if options["statement_min_calls"] < 1:
        raise BadOption(f"statement_min_calls must be 1 or more, not {options['statement_min_calls']}")

    def inspect() -> Inspection:
        try:
            facts = ask(where, statements != "off", options["statement_min_calls"])
        except Exhausted as exc:
            remedy = thresholds.row("postgresql_connections_percent").remedy
            return Inspection((Finding("postgresql_reachable", State.CRITICAL, str(exc), object=str(where),
                                       remedy=remedy, reason=exc.reason),))
        return judge(facts, thresholds, statements=statements, lock_wait_seconds=options["lock_wait_seconds"])

    return Subject("postgresql", str(where), inspect, where.timeout_seconds + GRACE_SECONDS)
