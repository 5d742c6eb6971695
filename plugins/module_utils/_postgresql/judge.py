# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Turn what PostgreSQL said into findings."""

from __future__ import annotations

import typing as t

from .._core.limits import counted, duration, show, size
from .._core.redact import redact
from .._core.thresholds import Thresholds
from .._core.unseen import absent, not_seen
from .._core.verdict import Finding, Inspection, Number, State, metric
from .facts import Facts, Row
from .queries import stop_ages
from .statement import readable

NAME_LENGTH = 60


def judge(facts: Facts, thresholds: Thresholds, *, statements: str = "auto",
          lock_wait_seconds: float = 1) -> Inspection:
    """All findings and numbers of one look; sessions that wait for a lock count after ``lock_wait_seconds``."""
    findings = [_reachable(facts), _connections(facts, thresholds), _idle(facts, thresholds),
                _transactions(facts, thresholds), _blocked(facts, thresholds, lock_wait_seconds),
                _wraparound(facts, thresholds), *_slots(facts, thresholds), *_replicas(facts, thresholds),
                *_standby(facts), _invalid_indexes(facts, thresholds), *_statements(facts, thresholds, statements),
                *not_seen("postgresql_not_seen", facts.unseen)]
    return Inspection(tuple(findings), _metrics(facts))


def _reachable(facts: Facts) -> Finding:
    role = "standby" if facts.overview["standby"] else "primary"
    return Finding("postgresql_reachable", State.OK,
                   f"PostgreSQL {facts.overview['version']} answers, {role}, up for "
                   f"{duration(facts.overview['uptime_seconds'])}", details=absent(facts.unseen))


def _connections(facts: Facts, thresholds: Thresholds) -> Finding:
    used, usable = facts.used, facts.usable
    details = tuple({"application": _name(row["application"]), "user": row["user"], "database": row["database"],
                     "state": row["state"], "connections": row["connections"]}
                    for row in facts.rows("sessions")[:10])
    return thresholds.judge("postgresql_connections_percent", 100 * used / usable,
                            f"{used} of {usable} usable connections in use", details=details)


def _idle(facts: Facts, thresholds: Thresholds) -> Finding:
    rows, name = facts.rows("idle"), "postgresql_idle_in_transaction_seconds"
    if not rows:
        return thresholds.judge(name, 0, f"no session is idle in a transaction{_but_hidden(facts)}")
    worst = rows[0]
    return thresholds.judge(
        name, worst["state_seconds"],
        f"{_session(worst)} has been idle in a transaction for {duration(worst['state_seconds'])}{_but_hidden(facts)}",
        details=tuple({**_who(row), "idle_seconds": round(row["state_seconds"], 1),
                       "transaction_seconds": round(row["transaction_seconds"] or 0, 1)} for row in rows))


def _transactions(facts: Facts, thresholds: Thresholds) -> Finding:
    rows, name = facts.rows("transactions"), "postgresql_transaction_seconds"
    if not rows:
        return thresholds.judge(name, 0, f"no transaction is open{_but_hidden(facts)}")
    worst = rows[0]
    return thresholds.judge(
        name, worst["transaction_seconds"],
        f"the longest transaction, {_session(worst)} ({worst['state']}), has been open for "
        f"{duration(worst['transaction_seconds'])}{_but_hidden(facts)}",
        details=tuple({**_who(row), "state": row["state"],
                       "transaction_seconds": round(row["transaction_seconds"], 1)} for row in rows))


def _blocked(facts: Facts, thresholds: Thresholds, lock_wait_seconds: float) -> Finding:
    name = "postgresql_blocked_sessions"
    # a wait of unknown length (PostgreSQL 13, session hidden) counts
    rows = [row for row in facts.rows("waiting")
            if row["waited_seconds"] is None or row["waited_seconds"] > lock_wait_seconds]
    if not rows:
        return thresholds.judge(name, 0, f"no session has waited for a lock for more than {show(lock_wait_seconds)} s")
    names: Row = facts.overview.get("names") or {}
    blocking = {pid for row in rows for pid in row["blockers"]}
    # who waits and blocks others is not the cause
    roots = sorted(blocking - {row["pid"] for row in rows}) or sorted(blocking)
    by = ", ".join(_process(pid, names) for pid in roots[:3]) or "sessions that are gone"
    return thresholds.judge(
        name, len(rows), f"{counted(len(rows), 'session waits', 'sessions wait')} for a lock, blocked by {by}",
        details=tuple({**_who(row), "waited_seconds": round(row["waited_seconds"] or 0, 1),
                       "blocked_by": ", ".join(_process(pid, names) for pid in row["blockers"])} for row in rows[:10]))


def _wraparound(facts: Facts, thresholds: Thresholds) -> Finding:
    rows = []
    for kind, key, stop in zip(("transaction ids", "multixact ids"), ("xid", "multixact"), stop_ages(facts.version)):
        oldest = facts.overview[key]
        rows.append({"kind": kind, "database": oldest["database"], "age": oldest["age"], "stop_age": stop,
                     "percent": round(100 * oldest["age"] / stop, 4)})
    worst = max(rows, key=lambda row: t.cast(float, row["percent"]))
    return thresholds.judge("postgresql_wraparound_percent", t.cast(float, worst["percent"]),
                            f"{worst['kind']} of {worst['database']} are {worst['age']} of {worst['stop_age']} old, "
                            f"then the server stops taking writes", details=rows)


def _slots(facts: Facts, thresholds: Thresholds) -> t.Iterator[Finding]:
    rows, name = facts.rows("slots"), "postgresql_slot_retained_bytes"
    if not rows:
        yield thresholds.judge(name, 0, "there is no replication slot")
    for row in rows:
        slot, kept = row["name"], row["retained_bytes"] or 0
        yield thresholds.judge(name, kept, f"slot {slot} keeps {size(kept)} of WAL", object=slot)
        yield Finding("postgresql_slot_state", *_slot_state(row), object=slot)


def _slot_state(row: Row) -> tuple[State, str]:
    slot = f"slot {row['name']} ({row['type']})"
    if row["wal_status"] == "lost":
        return State.CRITICAL, f"{slot} lost WAL it needs: its replica cannot go on, build it anew and drop the slot"
    if row["wal_status"] == "unreserved":
        return State.WARNING, f"{slot} is about to lose WAL it needs"
    if not row["active"]:
        return State.WARNING, f"{slot} is used by nobody and keeps WAL for ever; start its replica or drop the slot"
    return State.OK, f"{slot} is in use"


def _replicas(facts: Facts, thresholds: Thresholds) -> t.Iterator[Finding]:
    for row in facts.rows("replicas"):
        if row["lag_bytes"] is None:
            continue  # a backup, a replica that connects just now, or hidden from this role
        yield thresholds.judge("postgresql_replica_lag_bytes", row["lag_bytes"],
                               f"replica {_name(row['name'])} ({row['state']}, {row['sync_state']}) is "
                               f"{size(row['lag_bytes'])} behind", object=_name(row["name"]))


def _standby(facts: Facts) -> t.Iterator[Finding]:
    if not facts.overview["standby"]:
        return
    if facts.overview["receiver"]:
        yield Finding("postgresql_standby", State.OK, "this standby receives WAL from its primary")
    else:
        yield Finding("postgresql_standby", State.WARNING,
                      "this standby receives no WAL from a primary (no WAL receiver runs): its data grows old")


def _invalid_indexes(facts: Facts, thresholds: Thresholds) -> Finding:
    names: list[str] = facts.overview.get("invalid_indexes") or []
    listed = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    message = f"{counted(len(names), 'index is', 'indexes are')} invalid: {listed}" if names else "every index is valid"
    return thresholds.judge("postgresql_invalid_indexes", len(names), message,
                            details=tuple({"index": name} for name in names[:10]))


def _statements(facts: Facts, thresholds: Thresholds, option: str) -> t.Iterator[Finding]:
    name = "postgresql_statement_mean_seconds"
    if option == "off":
        return
    if facts.statements is None:
        if option == "required":
            why = "; ".join(f"{one.why} ({one.enable})" for one in facts.unseen if one.what == "slow statements")
            yield Finding(name, State.UNKNOWN, f"slow statements could not be looked at: {why}")
        return
    rows: list[Row] = facts.statements.get("slowest") or []
    if not rows:
        yield thresholds.judge(name, 0, "no statement was called often enough to be judged")
        return
    worst = rows[0]
    yield thresholds.judge(
        name, worst["mean_seconds"],
        f"the slowest of {facts.statements['number']} frequent statements takes {duration(worst['mean_seconds'])} in "
        f"the mean of {worst['calls']} calls: {readable(worst['query'])}",
        details=tuple({"mean_seconds": round(row["mean_seconds"], 4), "calls": row["calls"],
                       "total_seconds": round(row["total_seconds"], 1), "statement": readable(row["query"])}
                      for row in rows[:5]))


def _session(row: Row) -> str:
    what = _name(row["application"]) or row["user"] or "a session"
    return f"{what} (pid {row['pid']})" if row["pid"] else what


def _who(row: Row) -> dict[str, t.Any]:
    return {"pid": row["pid"], "application": _name(row["application"]), "user": row["user"],
            "database": row["database"]}


def _process(pid: int, names: Row) -> str:
    # 0 stands for a prepared transaction, which has no process
    return f"{_name(names.get(str(pid)))} (pid {pid})".lstrip() if pid else "a prepared transaction"


def _name(name: t.Optional[str]) -> str:
    return redact(name or "")[:NAME_LENGTH]


def _but_hidden(facts: Facts) -> str:
    return f", as far as can be seen: {facts.hidden} sessions are hidden" if facts.hidden else ""


def _metrics(facts: Facts) -> dict[str, Number]:
    states: dict[str, int] = {}
    for row in facts.rows("sessions"):
        states[row["state"]] = states.get(row["state"], 0) + row["connections"]
    numbers: dict[str, t.Optional[Number]] = {
        "postgresql_uptime_seconds": round(facts.overview["uptime_seconds"], 1),
        "postgresql_connections_used": facts.used,
        "postgresql_connections_usable": facts.usable,
        **{metric("postgresql_connections", state=state): number for state, number in sorted(states.items())},
        "postgresql_idle_in_transaction_seconds": _longest(facts.rows("idle"), "state_seconds"),
        "postgresql_transaction_seconds": _longest(facts.rows("transactions"), "transaction_seconds"),
        "postgresql_waiting_sessions": len(facts.rows("waiting")),
        "postgresql_transaction_id_age": facts.overview["xid"]["age"],
        "postgresql_multixact_id_age": facts.overview["multixact"]["age"],
        "postgresql_invalid_indexes": len(facts.overview.get("invalid_indexes") or []),
        "postgresql_database_bytes": facts.overview.get("database_bytes"),
        "postgresql_replicas": len(facts.rows("replicas")),
        "postgresql_replay_age_seconds": facts.overview["replay_age_seconds"] if facts.overview["standby"] else None,
    }
    for row in facts.rows("slots"):
        numbers[metric("postgresql_slot_retained_bytes", slot=row["name"])] = row["retained_bytes"]
    for row in facts.rows("replicas"):
        numbers[metric("postgresql_replica_lag_bytes", replica=_name(row["name"]))] = row["lag_bytes"]
    return {name: number for name, number in numbers.items() if number is not None}


def _longest(rows: t.Sequence[Row], key: str) -> float:
    return round(float(rows[0][key]), 1) if rows else 0.0
