# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What PostgreSQL said, as plain values."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.unseen import Unseen

Row = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Facts:
    """One look at a server: the overview, the slowest statements when they can be seen, and what was not seen."""

    version: int
    overview: Row
    statements: t.Optional[Row] = None
    unseen: tuple[Unseen, ...] = ()

    def rows(self, name: str) -> list[Row]:
        """A list of the overview; an aggregate over nothing is null, not an empty list."""
        found: list[Row] = self.overview.get(name) or []
        return found

    @property
    def used(self) -> int:
        """How many sessions of clients there are, whatever they do; this check's own is not one of them."""
        return sum(int(row["connections"]) for row in self.rows("sessions"))

    @property
    def usable(self) -> int:
        """How many sessions ordinary roles may have."""
        return int(self.overview["max_connections"]) - int(self.overview["reserved"])

    @property
    def hidden(self) -> int:
        """How many sessions do not show what they do to this role."""
        return sum(int(row["connections"]) for row in self.rows("sessions") if row["state"] == "hidden")


def statements_missing(reason: str, database: str) -> Unseen:
    """Why there are no statements to look at: ``absent``, ``not preloaded``, ``denied`` or ``odd``."""
    what = "slow statements"
    if reason == "denied":
        return Unseen(what, "this role may not read pg_stat_statements", "GRANT pg_monitor TO <role>", forbidden=True)
    if reason == "odd":
        return Unseen(what, "this pg_stat_statements is of a shape this check does not know",
                      "ALTER EXTENSION pg_stat_statements UPDATE", forbidden=True)
    if reason == "not preloaded":
        return Unseen(what, "the extension pg_stat_statements is created, but its library is not loaded",
                      "shared_preload_libraries = 'pg_stat_statements', then restart", forbidden=False)
    return Unseen(what, f"the extension pg_stat_statements does not exist in {database}",
                  "shared_preload_libraries = 'pg_stat_statements', restart, then CREATE EXTENSION pg_stat_statements",
                  forbidden=False)


def sessions_hidden(number: int) -> Unseen:
    """That other roles' sessions do not show what they do."""
    return Unseen("what sessions of other roles do", f"{number} are hidden from this role",
                  "GRANT pg_monitor TO <role>", forbidden=True)


def texts_hidden(number: int) -> Unseen:
    """That other roles' statements show their times but not their text."""
    return Unseen("the text of statements of other roles", f"{number} are hidden from this role",
                  "GRANT pg_monitor TO <role>", forbidden=True)
