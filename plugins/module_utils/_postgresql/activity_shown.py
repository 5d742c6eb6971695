# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What a server does, as people and plays read it; nothing in it is a value of a statement."""

from __future__ import annotations

import typing as t

from .._core.limits import counted, duration
from .activity_tree_facts import Node, size, tree
from .facts import Row
from .sessions_facts import Room, Session
from .sessions_shown import free_words, group_line, groups, name, room_row
from .statement import readable

Result = dict[str, t.Any]


class Seen(t.NamedTuple):
    """One look."""

    sessions: t.Sequence[Session]
    room: Room
    max_connections: int
    moment: Row


def shape(seen: Seen, limit: int, length: int) -> Result:
    """The result without the statements."""
    clients = [one for one in seen.sessions if not one.replication]
    waits: t.Mapping[str, str] = seen.moment["waits"] or {}
    running = sorted((one for one in clients if one.state == "active"), key=lambda one: (-one.age_seconds, one.pid))
    states: dict[str, int] = {}
    for one in clients:
        states[one.state] = states.get(one.state, 0) + 1
    return {
        "server": {"version": seen.moment["version"], "standby": seen.moment["standby"],
                   "uptime_seconds": round(seen.moment["uptime_seconds"], 1), "max_connections": seen.max_connections,
                   **{key: value for key, value in room_row(seen.room).items() if key != "of"}},
        "states": dict(sorted(states.items())),
        "groups": groups(seen.sessions),
        "running": [{**_who(one, length), "seconds": one.age_seconds, "waits_for": waits.get(str(one.pid), "")}
                    for one in running[:limit]],
        "running_count": len(running),
        "blocking": _blocking(seen, length),
        "prepared": seen.moment["prepared"] or [],
        "hidden": len([one for one in clients if one.hidden]),
    }


def _who(one: Session, length: int) -> Result:
    return {"pid": one.pid, "application": name(one.application), "user": one.user, "database": one.database,
            "client": one.client, "state": one.state, "statement": readable(one.query, length)}


def _blocking(seen: Seen, length: int) -> list[Result]:
    known = {one.pid: one for one in seen.sessions}
    others: t.Mapping[str, str] = seen.moment["others"] or {}
    waiting: dict[int, Row] = {row["pid"]: row for row in seen.moment["waiting"] or []}

    def described(node: Node) -> Result:
        row: Result = {"pid": node.pid, "application": "", "user": "", "database": "", "client": "", "state": "",
                       "statement": ""}
        one = known.get(node.pid)
        if one:
            row.update(_who(one, length), state_seconds=one.age_seconds, transaction_seconds=one.transaction_seconds)
        elif not node.pid:
            row["state"] = "prepared transaction"
        else:
            row["state"] = others.get(str(node.pid), "gone")
        waits = waiting.get(node.pid)
        if waits:
            row.update(waits_seconds=waits["seconds"], lock=waits["lock"], waits_for_pids=waits["blockers"])
        return {**row, "circle": node.circle, "waiting_count": size(node),
                "waiting": [described(below) for below in node.waiting]}

    return [described(node) for node in tree({pid: row["blockers"] for pid, row in waiting.items()})]


def said(result: Result) -> str:
    """The look in one sentence."""
    parts = [free_words({"of": "server", **result["server"]}),
             f"{counted(result['running_count'], 'statement runs', 'statements run')}"
             + (f", the longest for {duration(result['running'][0]['seconds'])}" if result["running"] else "")]
    if result["blocking"]:
        first = result["blocking"][0]
        waits = sum(root["waiting_count"] for root in result["blocking"])
        parts.append(f"{counted(waits, 'session waits', 'sessions wait')} for a lock, {first['waiting_count']} of them "
                     f"because of {_process(first)}")
    top = result["statements"]["by_total"][:1]
    if top:
        parts.append(f"{top[0]['share_percent']:g} % of the time goes into {top[0]['statement'][:80]}")
    if result["hidden"]:
        parts.append(f"{counted(result['hidden'], 'session is', 'sessions are')} hidden from this role, "
                     f"GRANT pg_monitor TO <role>")
    return "; ".join(parts)


def report(result: Result) -> list[str]:
    """The look as a page of text."""
    lines = [f"PostgreSQL {result['server']['version']}: {free_words({'of': 'server', **result['server']})}"]
    lines += [f"  {group_line(group)}" for group in result["groups"][:10]]
    lines.append(f"Running: {result['running_count'] or 'nothing'}")
    for row in result["running"]:
        waits = f", waits for {row['waits_for']}" if row["waits_for"] else ""
        lines.append(f"  {duration(row['seconds']):>8} {_process(row)}{waits}: {row['statement']}")
    lines.append(f"Blocking: {sum(root['waiting_count'] for root in result['blocking']) or 'nobody'}"
                 + (" wait" if result["blocking"] else " waits for a lock"))
    for root in result["blocking"]:
        lines += _branch(root, "  ")
    return lines + list(_statement_lines(result["statements"]))


def _branch(node: Result, indent: str) -> t.Iterator[str]:
    since = duration(node["waits_seconds"]) if "waits_seconds" in node else ""
    what = f"waits {since} ({node['lock']}): " if since else ""
    state = f" {node['state']}" + (f" for {duration(node['state_seconds'])}" if "state_seconds" in node else "")
    circle = " (each waits for another: a deadlock, which the server ends)" if node["circle"] else ""
    yield f"{indent}{what}{_process(node)}{'' if since else state}{circle}: {node['statement']}".rstrip(": ")
    for below in node["waiting"]:
        yield from _branch(below, indent + "    ")


def _statement_lines(found: Result) -> t.Iterator[str]:
    if found["source"] == "off":
        return
    estimated = " (estimated from looks at what ran)" if found["source"] == "sampled" else ""
    for title, rows in (("total", found["by_total"]), ("mean", found["by_mean"])):
        yield f"Statements by {title} time within {duration(found['window_seconds'])}{estimated}: " + \
            ("" if rows else "none")
        for row in rows:
            yield (f"  {row['share_percent']:>5g} % {duration(row['total_seconds']):>8} in {row['calls']} calls, "
                   f"{duration(row['mean_seconds'])} each: {row['statement']}")
    if found["why"]:
        yield f"  {found['why']}" + (f"; {found['enable']}" if found["enable"] else "")


def _process(row: t.Mapping[str, t.Any]) -> str:
    if not row["pid"]:
        return "a prepared transaction"
    return f"{row['application'] or row['user'] or row['state']} (pid {row['pid']})"
