# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The sessions of a server, how much room there is for more, and which of them are meant."""

from __future__ import annotations

import dataclasses
import math
import re
import typing as t

from .._core.errors import BadOption

STATES = ("idle", "idle in transaction", "idle in transaction (aborted)", "active", "fastpath function call",
          "disabled")
HARMLESS = STATES[:3]  # nobody waits for an answer in these

USUAL_PERCENT = 25.0


@dataclasses.dataclass(frozen=True)
class Session:
    """One session of a client, or one that replicates, at the moment of the look.

    ``started`` and ``since`` (of its state) are microseconds of the server's clock: together with the pid they say
    whether it is still the same session, in the same state, without a statement in between.
    """

    pid: int
    database: str
    user: str
    application: str
    client: str
    state: str
    started: int
    since: int
    age_seconds: float
    session_seconds: float
    transaction_seconds: t.Optional[float]
    query: str
    blocks: int
    replication: bool
    superuser: bool
    hidden: bool
    mine_to_end: bool


@dataclasses.dataclass(frozen=True)
class Room:
    """So many connections there can be, and are: on the server for ordinary roles, or in a database or role with a
    limit of its own."""

    kind: str
    name: str
    usable: int
    used: int

    @property
    def free(self) -> int:
        """Below 0 when reserved connections are in use."""
        return self.usable - self.used

    def holds(self, session: Session) -> bool:
        """Whether this session takes one of its connections."""
        if session.replication:
            return False
        return self.kind == "server" or self.name == (session.database if self.kind == "database" else session.user)

    def __str__(self) -> str:
        return "" if self.kind == "server" else f" of {self.kind} {self.name}"


@dataclasses.dataclass(frozen=True)
class Headroom:
    """How many connections shall be free: a number, or a share of those that are usable."""

    number: t.Optional[int]
    percent: float

    def of(self, room: Room) -> int:
        """In this room, which may be smaller than the number."""
        if self.number is None:
            return math.ceil(round(room.usable * self.percent / 100, 6))
        return min(self.number, room.usable)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Which sessions are meant; an empty list means any. ``*`` in a name is anything."""

    databases: t.Sequence[str] = ()
    users: t.Sequence[str] = ()
    applications: t.Sequence[str] = ()
    states: t.Sequence[str] = HARMLESS
    pids: t.Sequence[int] = ()
    min_age_seconds: float = 600.0
    protected_users: t.Sequence[str] = ()
    protected_applications: t.Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.min_age_seconds < 0 or not math.isfinite(self.min_age_seconds):
            raise BadOption(f"min_age_seconds must be 0 or more, not {self.min_age_seconds:g}")
        if not self.states:
            raise BadOption("states must name one state or more")


def headroom(number: t.Optional[int], percent: t.Optional[float], pids: t.Sequence[int]) -> t.Optional[Headroom]:
    """The headroom asked for; None means all sessions, as does naming processes alone. BadOption when it cannot be."""
    if number is not None and percent is not None:
        raise BadOption("headroom and headroom_percent exclude each other")
    if number is not None and number < 0:
        raise BadOption(f"headroom must be 0 or more, not {number}")
    if percent is None:
        percent = 100.0 if pids else USUAL_PERCENT
    if not 0 <= percent <= 100:
        raise BadOption(f"headroom_percent must be between 0 and 100, not {percent:g}")
    return None if number is None and percent == 100 else Headroom(number, percent)


def named(name: str, patterns: t.Iterable[str]) -> bool:
    """Whether one of the patterns is this name; ``*`` is anything, everything else is itself."""
    return any(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) for pattern in patterns)


def sessions(rows: t.Iterable[t.Mapping[str, t.Any]]) -> list[Session]:
    """The sessions of an answer."""
    return [Session(**row) for row in rows]


def rooms(answer: t.Mapping[str, t.Any], wanted: Wanted) -> list[Room]:
    """The server, and the databases and roles with limits of their own that are meant by name."""
    found = [Room("server", "", answer["usable"], answer["used"])]
    for row in answer.get("limits") or []:
        if named(row["name"], wanted.databases if row["kind"] == "database" else wanted.users):
            found.append(Room(row["kind"], row["name"], row["usable"], row["used"]))
    return found
