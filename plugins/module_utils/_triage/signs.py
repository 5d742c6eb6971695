# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What the checks of a whole site found, as signs that triage can weigh (pure)."""

from __future__ import annotations

import dataclasses
import typing as t

Row = t.Mapping[str, t.Any]

# where the app, PM2, PostgreSQL, Redis and the system itself write, unless somebody says otherwise
DATA = ("/", "/opt/vendhub", "/home", "/var/lib/postgresql", "/var/lib/redis", "/var/log")


@dataclasses.dataclass(frozen=True)
class Release:
    """What an app host serves, and what it could go back to; ages in seconds."""

    current: str = ""
    activated_ago: t.Optional[float] = None
    previous_good: str = ""


@dataclasses.dataclass(frozen=True)
class HostSigns:
    """One host: whether it was reached, its groups, the findings of its health_check, and what it serves.

    ``data`` are the folders that what runs here cannot do without. ``clock_ahead_seconds`` is how far its clock is
    ahead of the controller's; None when nobody compared. ``crash_reasons`` are the reasons its apps gave in their logs,
    by app (crash.py). ``unstable`` says that somebody watched its apps and saw them restart.
    """

    name: str
    groups: frozenset[str] = frozenset()
    reached: bool = True
    findings: tuple[Row, ...] = ()
    release: Release = Release()
    clock_ahead_seconds: t.Optional[float] = None
    data: tuple[str, ...] = DATA
    crash_reasons: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    unstable: bool = False

    def named(self, name: str, state: str = "", reason: str = "") -> list[Row]:
        """The findings of this name, and of this state and reason when given."""
        return [row for row in self.findings if row.get("name") == name
                and state in ("", row.get("state")) and reason in ("", row.get("reason"))]


@dataclasses.dataclass(frozen=True)
class Cause:
    """Something that is wrong: what, where, how sure, and the facts that speak for it; ``why`` an app crashes."""

    kind: str
    host: str
    confidence: str  # certain | likely
    facts: tuple[str, ...]
    object: str = ""
    remedy: str = ""
    why: str = ""

    def as_dict(self) -> dict[str, t.Any]:
        """As plain data; what does not apply is left out."""
        data = {"cause": self.kind, "host": self.host, "confidence": self.confidence, "facts": list(self.facts)}
        more = {"object": self.object, "remedy": self.remedy, "why": self.why}
        return {**data, **{key: value for key, value in more.items() if value}}
