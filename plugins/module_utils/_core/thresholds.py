# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The one threshold table: the daily check, the docs, Prometheus rules and dashboards are all made from it."""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import BadOption
from .limits import Limit, quantity
from .verdict import Finding, Number, State


@dataclasses.dataclass(frozen=True)
class Threshold:
    """One row: a measured value, its unit and its limits.

    ``runbook`` is the title of the row in the runbook's "Critical Metrics" table when it came from there.
    """

    name: str
    check: str
    title: str
    unit: str
    warning: t.Optional[Number]
    critical: t.Optional[Number]
    below: bool = False
    runbook: str = ""
    remedy: str = ""

    @property
    def limit(self) -> Limit:
        return Limit(self.warning, self.critical, self.below)


GIB = 1024**3

TABLE: tuple[Threshold, ...] = (
    # api
    Threshold("api_probe_latency_seconds", "api", "Slowest answer of a few probes of the health page", "seconds",
              0.5, 2),
    # prometheus
    Threshold("api_latency_p95_seconds", "prometheus", "API response time, 95th percentile", "seconds", 0.5, 2,
              runbook="API Response Time (P95)", remedy="vendhub.ops.investigate_errors"),
    Threshold("api_error_percent", "prometheus", "Requests answered with 5xx", "percent", 1, 5,
              runbook="Error Rate (5xx)", remedy="vendhub.ops.investigate_errors"),
    # pm2
    Threshold("pm2_crashes_per_hour", "pm2", "Unasked exits of an app within the last hour", "exits", 2, 10,
              remedy="vendhub.ops.fix_crash_loop"),
    Threshold("pm2_memory_percent", "pm2", "Memory of a process against its max_memory_restart", "percent", 80, 95,
              remedy="vendhub.ops.fix_crash_loop"),
    # postgresql
    Threshold("postgresql_connections_percent", "postgresql", "Usable connections in use", "percent", 50, 80,
              runbook="DB Connections", remedy="vendhub.ops.release_connections"),
    Threshold("postgresql_idle_in_transaction_seconds", "postgresql", "Longest idle transaction", "seconds",
              300, 1800, remedy="vendhub.ops.release_connections"),
    Threshold("postgresql_transaction_seconds", "postgresql", "Longest running transaction", "seconds", 900, 3600,
              remedy="vendhub.ops.investigate_errors"),
    Threshold("postgresql_blocked_sessions", "postgresql", "Sessions that wait for a lock", "sessions", 0, 5,
              remedy="vendhub.ops.investigate_errors"),
    Threshold("postgresql_wraparound_percent", "postgresql", "Transaction ids used before a forced stop", "percent",
              50, 80, remedy="vendhub.ops.database_weekly"),
    Threshold("postgresql_slot_retained_bytes", "postgresql", "WAL kept for a replication slot", "bytes",
              1 * GIB, 10 * GIB),
    Threshold("postgresql_replica_lag_bytes", "postgresql", "WAL a replica has not replayed yet", "bytes",
              GIB // 4, 1 * GIB),
    Threshold("postgresql_invalid_indexes", "postgresql", "Invalid indexes", "indexes", 0, None,
              remedy="vendhub.ops.database_monthly"),
    Threshold("postgresql_statement_mean_seconds", "postgresql", "Mean time of the slowest frequent statement",
              "seconds", 0.5, 2, remedy="vendhub.ops.investigate_errors"),
    # redis
    Threshold("redis_memory_percent", "redis", "Memory against maxmemory (or RAM when there is none)", "percent",
              80, 90, runbook="Redis Memory", remedy="vendhub.ops.free_redis_memory"),
    Threshold("redis_evicted_keys_per_day", "redis", "Keys thrown away for lack of memory, daily mean since the start",
              "keys a day", 100, None, remedy="vendhub.ops.free_redis_memory"),
    Threshold("redis_rejected_connections_per_day", "redis", "Connections refused, daily mean since the start",
              "connections a day", 1, None),
    Threshold("redis_blocked_clients", "redis", "Clients waiting in a blocking command", "clients", 100, 500),
    Threshold("redis_latency_seconds", "redis", "Slowest of a few PINGs", "seconds", 0.01, 0.1,
              remedy="vendhub.ops.investigate_errors"),
    # system
    Threshold("cpu_percent", "system", "CPU used", "percent", 70, 90, runbook="CPU Usage"),
    Threshold("memory_percent", "system", "Memory used (not available)", "percent", 80, 95, runbook="Memory Usage"),
    Threshold("swap_percent", "system", "Swap used", "percent", 50, 80),
    Threshold("oom_kills", "system", "Processes killed for lack of memory within a day", "kills", 0, None),
    Threshold("disk_percent", "system", "Disk space used", "percent", 80, 90, runbook="Disk Usage",
              remedy="vendhub.ops.free_disk"),
    Threshold("inodes_percent", "system", "Inodes used", "percent", 80, 90, remedy="vendhub.ops.free_disk"),
    Threshold("deleted_open_bytes", "system", "Deleted files that are still open", "bytes", 1 * GIB, 10 * GIB,
              remedy="vendhub.ops.free_disk"),
    # logs
    Threshold("log_errors", "logs", "Errors logged in the window (24 h)", "errors", 50, 1000,
              remedy="vendhub.ops.investigate_errors"),
    # certificates
    Threshold("certificate_days", "certificates", "Days until a certificate expires", "days", 21, 7, below=True,
              remedy="vendhub.ops.renew_certificates"),
    # backups
    Threshold("backup_age_hours", "backups", "Age of the newest verified dump", "hours", 26, 50,
              remedy="vendhub.ops.backup"),
    # trend (from the controller's own history)
    Threshold("disk_days_to_full", "trend", "Days until a disk is full at the rate of the last reports", "days",
              14, 3, below=True, remedy="vendhub.ops.free_disk"),
    Threshold("new_error_groups", "trend", "Kinds of error never seen in earlier reports", "groups", 0, None,
              remedy="vendhub.ops.investigate_errors"),
)


class Thresholds:
    """The table with the user's own limits laid over it."""

    def __init__(self, overrides: t.Optional[t.Mapping[str, t.Any]] = None) -> None:
        """Take ``{name: {warning: number, critical: number}}``; BadOption for an unknown name or a bad limit."""
        self._rows = {row.name: row for row in TABLE}
        for name, bounds in (overrides or {}).items():
            self._rows[name] = _overridden(self._row(name), bounds)

    def judge(self, name: str, value: Number, message: str, *, object: str = "",
              details: t.Sequence[t.Mapping[str, t.Any]] = ()) -> Finding:
        """Turn one measured value into a finding; the message gains the limit that was passed."""
        row = self._row(name)
        state = row.limit.state(value)
        passed = row.limit.words(state, row.unit)
        return Finding(
            name=name,
            state=state,
            message=f"{message} ({passed})" if passed else message,
            value=round(value, 4) if isinstance(value, float) else value,
            unit=row.unit,
            warning=row.warning,
            critical=row.critical,
            object=object,
            remedy=row.remedy if state in (State.WARNING, State.CRITICAL) else "",
            details=tuple(details),
        )

    def row(self, name: str) -> Threshold:
        """The row as it is in force; BadOption when there is none of that name."""
        return self._row(name)

    def _row(self, name: str) -> Threshold:
        try:
            return self._rows[name]
        except KeyError:
            raise BadOption(f"no threshold is named {name!r}; there are: {', '.join(sorted(self._rows))}") from None


def _overridden(row: Threshold, bounds: t.Any) -> Threshold:
    if not isinstance(bounds, t.Mapping) or not bounds or set(bounds) - {"warning", "critical"}:
        raise BadOption(f"threshold {row.name}: give warning and/or critical, as in {{warning: 80, critical: 90}}")
    numbers = {key: _number(row.name, key, value) for key, value in bounds.items()}
    changed = dataclasses.replace(row, warning=numbers.get("warning", row.warning),
                                  critical=numbers.get("critical", row.critical))
    try:
        changed.limit.state(0)
    except BadOption as exc:
        raise BadOption(f"threshold {row.name}: {exc}") from exc
    return changed


def _number(name: str, key: str, value: t.Any) -> t.Optional[float]:
    if value is None:
        return None
    try:
        if isinstance(value, bool):
            raise ValueError(value)
        return float(value)
    except (TypeError, ValueError):
        raise BadOption(f"threshold {name}: {key} must be a number, not {value!r}") from None


def describe(row: Threshold) -> str:
    """The limits of a row in words, for the docs: ``> 80 % / > 90 %``."""
    sign = "<" if row.below else ">"
    bounds = (f"{sign} {quantity(b, row.unit)}" if b is not None else "–" for b in (row.warning, row.critical))
    return " / ".join(bounds)
