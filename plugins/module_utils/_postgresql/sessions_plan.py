# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Which sessions are ended: the oldest of those that may be, and only as many as the headroom needs."""

from __future__ import annotations

import dataclasses
import typing as t

from .sessions_facts import Headroom, Room, Session, Wanted, named

SUPERUSER = "superuser"
REPLICATION = "replication"
PROTECTED = "protected"
HIDDEN = "hidden"
YOUNG = "younger"
FORBIDDEN = "not ours to end"
UNNEEDED = "not needed"


@dataclasses.dataclass(frozen=True)
class Choice:
    """``plan`` is ended, oldest first; ``spared`` says how many of those that were meant are not, and why.

    ``short`` is how many connections are still missing afterwards, in the room that misses most.
    """

    plan: tuple[Session, ...]
    spared: t.Mapping[str, int]
    short: int
    forbidden: tuple[Session, ...] = ()


def choose(sessions: t.Iterable[Session], rooms: t.Sequence[Room], wanted: Wanted,
           headroom: t.Optional[Headroom]) -> Choice:
    """The plan; ending anything else, or in any other order, needs other options. Without a headroom it is all."""
    missing = lacking(rooms, headroom)
    plan: list[Session] = []
    forbidden: list[Session] = []
    spared: dict[str, int] = {}
    # a pid tells the order of two that came at once
    for session in sorted(sessions, key=lambda one: (-one.age_seconds, one.pid)):
        if not meant(session, wanted):
            continue
        reason = guard(session, wanted)
        if not reason:
            helps = [number for number, room in enumerate(rooms) if room.holds(session)]
            if headroom and not any(missing[number] > 0 for number in helps):
                reason = UNNEEDED
            elif not session.mine_to_end:
                forbidden.append(session)
                reason = FORBIDDEN
            else:
                plan.append(session)
                for number in helps:
                    missing[number] -= 1
        if reason:
            spared[reason] = spared.get(reason, 0) + 1
    return Choice(tuple(plan), spared, max(0, *missing), tuple(forbidden))


def lacking(rooms: t.Sequence[Room], headroom: t.Optional[Headroom]) -> list[int]:
    """How many connections each room lacks; below 0 when it has more than enough."""
    return [headroom.of(room) - room.free if headroom else 0 for room in rooms]


def meant(session: Session, wanted: Wanted) -> bool:
    """Whether it is of these databases, roles, applications, processes and states; what is hidden may be."""
    if wanted.pids and session.pid not in wanted.pids:
        return False
    for names, name in ((wanted.databases, session.database), (wanted.users, session.user),
                        (wanted.applications, session.application)):
        if names and not named(name, names):
            return False
    return session.hidden or session.replication or session.state in wanted.states


def guard(session: Session, wanted: Wanted) -> str:
    """Why it is never ended, or not yet; empty when it may be."""
    if session.replication:
        return REPLICATION
    if session.superuser:
        return SUPERUSER
    if named(session.user, wanted.protected_users) or named(session.application, wanted.protected_applications):
        return PROTECTED
    if session.hidden:
        return HIDDEN
    if session.age_seconds < wanted.min_age_seconds:
        return YOUNG
    return ""
