# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Sessions, and what became of them, as people and plays read it; nothing in it is a value of a statement."""

from __future__ import annotations

import typing as t

from .._core.limits import counted, duration
from .._core.redact import redact
from .sessions_facts import Room, Session
from .statement import readable

NAME_LENGTH = 60


def name(text: str) -> str:
    """A name that a client chose, as people may read it."""
    return redact(text)[:NAME_LENGTH]


def row(session: Session) -> dict[str, t.Any]:
    """One session as a row of a result."""
    return {"pid": session.pid, "user": session.user, "database": session.database,
            "application": name(session.application), "client": session.client, "state": session.state,
            "age_seconds": session.age_seconds, "session_seconds": session.session_seconds,
            "transaction_seconds": session.transaction_seconds, "blocks": session.blocks,
            "query": readable(session.query)}


def line(session: Session) -> str:
    """One session as a line of a plan."""
    who = f"{name(session.application) or session.user} (pid {session.pid}, {session.user}@{session.database})"
    blocks = f", {counted(session.blocks, 'session waits', 'sessions wait')} for it" if session.blocks else ""
    return f"{who}: {session.state} for {duration(session.age_seconds)}{blocks}"


def lines(sessions: t.Iterable[Session]) -> str:
    """The sessions as a difference shows them; ages would differ between any two looks."""
    return "".join(f"{one.pid} {one.user}@{one.database} {name(one.application)} {one.state}\n"
                   for one in sorted(sessions, key=lambda one: one.pid))


def groups(sessions: t.Iterable[Session]) -> list[dict[str, t.Any]]:
    """How many connections each application, role and database holds in which state, most first."""
    found: dict[tuple[str, str, str, str], list[Session]] = {}
    for one in sessions:
        if not one.replication:
            found.setdefault((name(one.application), one.user, one.database, one.state), []).append(one)
    return [{"application": key[0], "user": key[1], "database": key[2], "state": key[3], "connections": len(members),
             "oldest_seconds": max(one.age_seconds for one in members)}
            for key, members in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))]


def report(groups: t.Iterable[t.Mapping[str, t.Any]], plan: t.Sequence[Session]) -> list[str]:
    """Who holds the connections, and who of them is in the plan, as lines of text."""
    held = [group_line(group) for group in groups]
    ended = [f"{number}. {line(session)}" for number, session in enumerate(plan, 1)]
    return [*_first(held, 15), *_first(ended, 30)]


def _first(lines: t.Sequence[str], number: int) -> list[str]:
    more = [f"… and {len(lines) - number} more"] if len(lines) > number else []
    return [*lines[:number], *more]


def group_line(group: t.Mapping[str, t.Any]) -> str:
    """One group as a line."""
    who = f"{group['application'] or '(no name)'} ({group['user']}@{group['database']})"
    return (f"{counted(group['connections'], 'connection')} of {who}, {group['state']}, the oldest for "
            f"{duration(group['oldest_seconds'])}")


def room_row(room: Room, ended: t.Iterable[Session] = ()) -> dict[str, t.Any]:
    """Used and free connections, as if these sessions had ended."""
    used = room.used - len([one for one in ended if room.holds(one)])
    return {"of": f"{room.kind} {room.name}".rstrip(), "used": used, "usable": room.usable, "free": room.usable - used}


def free_words(row: t.Mapping[str, t.Any]) -> str:
    """How many connections are free, in words."""
    of = "" if row["of"] == "server" else f" of {row['of']}"
    if row["free"] >= 0:
        return f"{row['free']} of {row['usable']} connections{of} are free"
    return f"all {row['usable']} connections{of} are taken, and {-row['free']} of the reserved ones"


def said(result: t.Mapping[str, t.Any], action: str, *, act: bool) -> str:
    """What was done, or would be, in one sentence."""
    before, after = _tightest(result["before"]), _tightest(result["after"])
    statements = action == "cancelled"
    noun = ("statement", "statements") if statements else ("session", "sessions")
    number = counted(len(result["ended"]), *noun)
    why = _spared(result["spared"])
    if not result["plan"]:
        first = "no statement to cancel" if statements else f"nothing to end: {free_words(before)}"
    elif act:
        first = f"{number} {'cancelled' if statements else 'ended'}"
    else:
        first = f"{number} would be {'cancelled' if statements else 'ended'}"
    parts = [first]
    if not statements:
        if result["plan"]:
            verb = free_words(after) if act else f"then {free_words(after)}"
            parts.append(f"{verb}, before {before['free']}")
        if result["headroom"] is not None:
            parts.append(f"{result['headroom']} were asked for")
        if result["short"]:
            parts.append(f"{result['short']} short")
    if result["arrived"]:
        parts.append(f"{counted(result['arrived'], 'new one', 'new ones')} came meanwhile")
    if result["changed_meanwhile"]:
        parts.append(f"{len(result['changed_meanwhile'])} were left alone, for they went on working since the plan")
    if result["remaining"]:
        parts.append(f"pid {', '.join(map(str, result['remaining']))} did not end: see what it waits for, and never "
                     f"kill -9 it, which ends all sessions")
    return "; ".join(parts) + why


def _tightest(rows: t.Sequence[t.Mapping[str, t.Any]]) -> t.Mapping[str, t.Any]:
    return min(rows, key=lambda row: t.cast(int, row["free"]))


def _spared(spared: t.Mapping[str, int]) -> str:
    found = [f"{number} {reason}" for reason, number in sorted(spared.items())]
    grant = "; what is hidden needs GRANT pg_monitor TO <role>" if "hidden" in spared else ""
    return f" (spared: {', '.join(found)}{grant})" if found else ""
