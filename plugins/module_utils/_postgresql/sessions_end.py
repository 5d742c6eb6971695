# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Plan which sessions end, end them, and prove that they are gone: the wiring of postgresql_session."""

from __future__ import annotations

import json
import os
import time
import typing as t

from .._core.errors import BadOption, CannotLook, OpsError
from .._core.files import append_line, private_folder
from .._core.moment import utc
from .connection import address
from .link import Link, linked
from .sessions_facts import Room, Session, Wanted, headroom, rooms, sessions
from .sessions_plan import Choice, choose, lacking
from .sessions_queries import PRESENT, end, sessions as sessions_query
from .sessions_shown import groups, lines, report, room_row, row, said

Result = dict[str, t.Any]

_FUNCTIONS = {"ended": "pg_terminate_backend", "cancelled": "pg_cancel_backend"}
_POLL_SECONDS = 0.02


class Remain(OpsError):
    """Some did not end; ``result`` says how far it came."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


def wanted_of(options: t.Mapping[str, t.Any]) -> Wanted:
    """Which sessions these options mean."""
    cancels = options["state"] == "cancelled"
    return Wanted(options["databases"], options["users"], options["applications"],
                  ["active"] if cancels else options["session_states"], options["pids"], options["min_age_seconds"],
                  options["protected_users"], options["protected_applications"])


def end_sessions(options: t.Mapping[str, t.Any], *, act: bool) -> Result:
    """End the sessions that are planned, or with ``act`` false only say which; Remain when some did not end."""
    where, wanted, action = address(options), wanted_of(options), options["state"]
    asked = headroom(options["headroom"], options["headroom_percent"], wanted.pids)
    if action == "cancelled":
        asked = None
    for name in ("end_seconds", "login_wait_seconds"):
        if options[name] < 0:
            raise BadOption(f"{name} must be 0 or more, not {options[name]:g}")
    with linked(where, options["login_wait_seconds"], options["system_user"]) as link:
        answer = link.ask(sessions_query(link.version))
        seen, before = sessions(answer["sessions"] or []), rooms(answer, wanted)
        choice = choose(seen, before, wanted, asked)
        if choice.forbidden:
            raise CannotLook(f"nothing was ended: {where.user!r} may not end sessions of "
                             f"{', '.join(sorted({one.user for one in choice.forbidden}))}; GRANT pg_signal_backend TO "
                             f"<role>, or log in as another role")
        result: Result = {
            "target": str(where), "plan": [row(one) for one in choice.plan], "ended": [], "changed_meanwhile": [],
            "remaining": [], "spared": dict(choice.spared), "headroom": asked.of(before[0]) if asked else None,
            "short": choice.short, "groups": groups(seen), "reserved_used": before[0].free <= 0, "arrived": 0,
            "before": [room_row(room) for room in before],
            "diff": {"before": lines(seen), "after": lines(one for one in seen if one not in choice.plan)},
        }
        if not act:
            result.update(changed=bool(choice.plan), after=[room_row(room, choice.plan) for room in before],
                          ended=[one.pid for one in choice.plan])
        elif choice.plan:
            _end(link, choice, _FUNCTIONS[action], options["end_seconds"], result)
            _note(options["journal"], result)
            now = _look_again(link, seen, wanted, result)
            result["short"] = max(0, *lacking(now, asked))
        else:
            result.update(changed=False, after=result["before"])
    result["report"] = report(result["groups"], choice.plan)
    result["msg"] = f"{where}: {said(result, action, act=act)}"
    if result["remaining"]:
        raise Remain(result["msg"], result)
    return result


def _end(link: Link, choice: Choice, function: str, end_seconds: float, result: Result) -> None:
    """One after the other, each only if it still is what was planned; then wait until all of them are gone."""
    began = time.monotonic()
    signalled: list[Session] = []
    for session in choice.plan:
        answer = link.ask(end(function), {"pid": session.pid, "state": session.state, "started": session.started,
                                          "since": session.since})
        if answer["signalled"]:
            signalled.append(session)
        else:
            result["changed_meanwhile"].append(session.pid)
    ends = began + end_seconds
    left = _left(link, signalled, function)
    while left and time.monotonic() < ends:
        time.sleep(_POLL_SECONDS)
        left = _left(link, signalled, function)
    result["remaining"] = sorted(left)
    result["ended"] = [session.pid for session in signalled if session.pid not in left]
    result["seconds"] = round(time.monotonic() - began, 3)
    result["changed"] = bool(signalled)


def _left(link: Link, signalled: t.Sequence[Session], function: str) -> set[int]:
    """Who is still there, or still at the statement that was cancelled."""
    if not signalled:
        return set()
    present = {tuple(one) for one in link.ask(PRESENT, {"pids": [one.pid for one in signalled]})["present"] or []}
    if function == "pg_cancel_backend":
        return {one.pid for one in signalled if (one.pid, one.started, one.since) in present}
    return {one.pid for one in signalled if (one.pid, one.started) in {two[:2] for two in present}}


def _note(path: t.Optional[str], result: Result) -> None:
    """Who was ended, for those who ask afterwards; the plan holds no literal."""
    if path and result["ended"]:
        private_folder(os.path.dirname(path))
        rows = [row for row in result["plan"] if row["pid"] in result["ended"]]
        note = {"at": utc(time.time()), "target": result["target"], "ended": rows}
        append_line(path, json.dumps(note, sort_keys=True))


def _look_again(link: Link, seen: t.Sequence[Session], wanted: Wanted, result: Result) -> list[Room]:
    answer = link.ask(sessions_query(link.version))
    known = {(one.pid, one.started) for one in seen}
    now = rooms(answer, wanted)
    result["after"] = [room_row(room) for room in now]
    result["arrived"] = len([one for one in sessions(answer["sessions"] or []) if (one.pid, one.started) not in known])
    return now
