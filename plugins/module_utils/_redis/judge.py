# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Turn what Redis said into findings."""

from __future__ import annotations

import dataclasses
import math
import typing as t

from .._core.errors import FULL, STARTING
from .._core.limits import counted, duration, show, size
from .._core.thresholds import Thresholds
from .._core.unseen import absent, not_seen
from .._core.verdict import Finding, Inspection, Number, State, metric
from .facts import COMPARED, Facts, Settings, number, whole

DAY = 86400


def judge(facts: Facts, thresholds: Thresholds, *, protect_queues: bool = True, config_file: str = "auto",
          now: float = 0) -> Inspection:
    """All findings and numbers of one look; ``now`` is the time of the last save's age."""
    findings = [_reachable(facts), _memory(facts.info, thresholds), *_counters(facts.info, thresholds),
                _persistence(facts.info), _policy(facts.info, protect_queues)]
    if config_file != "off":
        findings += _drift(facts, required=config_file == "required")
    if facts.pings:
        findings.append(_latency(facts.pings, thresholds))
    if facts.info.get("role") == "slave":
        findings.append(_replication(facts.info))
    findings += not_seen("redis_not_seen", facts.unseen)
    return Inspection(tuple(findings), _metrics(facts, now))


def memory(info: Settings) -> tuple[int, int, bool]:
    """Bytes that count against the limit, the limit, and whether it is maxmemory (otherwise the host's RAM)."""
    used = whole(info, "used_memory") - whole(info, "mem_not_counted_for_evict")
    limit = whole(info, "maxmemory")
    return (used, limit, True) if limit else (used, whole(info, "total_system_memory"), False)


def _reachable(facts: Facts) -> Finding:
    info, name = facts.info, "redis_reachable"
    details = absent(facts.unseen)
    if info.get("loading") == "1":
        done, left = number(info, "loading_loaded_perc"), number(info, "loading_eta_seconds")
        progress = "" if math.isnan(done + left) else f": {show(done)} % done, about {duration(left)} left"
        return Finding(name, State.CRITICAL, f"is loading its data into memory and answers no commands yet{progress}",
                       reason=STARTING)
    if facts.ping_error:
        return Finding(name, State.CRITICAL, f"Redis {facts.ping_error}", details=details,
                       reason=facts.ping_reason)
    return Finding(name, State.OK, f"Redis {info.get('redis_version', '?')} answers, up for "
                                   f"{duration(whole(info, 'uptime_in_seconds'))}", details=details)


def _memory(info: Settings, thresholds: Thresholds) -> Finding:
    used, limit, own = memory(info)
    name = "redis_memory_percent"
    if not limit:
        return Finding(name, State.UNKNOWN, "this server tells neither maxmemory nor the size of the RAM")
    if not own:
        return thresholds.judge(name, 100 * used / limit, f"{size(used)} used of {size(limit)} RAM; there is no "
                                "maxmemory, so Redis may grow until the host is out of memory")
    policy = info.get("maxmemory_policy", "?")
    full = "; writes are refused (OOM)" if used >= limit and policy == "noeviction" else ""
    finding = thresholds.judge(name, 100 * used / limit, f"{size(used)} of {size(limit)} maxmemory used, "
                                                         f"policy {policy}{full}")
    return dataclasses.replace(finding, reason=FULL) if full else finding


def _counters(info: Settings, thresholds: Thresholds) -> t.Iterator[Finding]:
    up = whole(info, "uptime_in_seconds")
    # the first day counts as a whole one: one event in the first minute is not 1440 a day
    days = max(1.0, up / DAY)
    since = f"since the start {duration(up)} ago"
    evicted, rejected = whole(info, "evicted_keys"), whole(info, "rejected_connections")
    yield thresholds.judge("redis_evicted_keys_per_day", evicted / days, f"{counted(evicted, 'key')} evicted {since}")
    yield thresholds.judge("redis_rejected_connections_per_day", rejected / days,
                           f"{counted(rejected, 'connection')} refused {since},"
                           f" {info.get('connected_clients', '?')} of {info.get('maxclients', '?')} in use")
    blocked = whole(info, "blocked_clients")
    yield thresholds.judge("redis_blocked_clients", blocked,
                           f"{counted(blocked, 'client waits', 'clients wait')} in a blocking command")


def _persistence(info: Settings) -> Finding:
    name = "redis_persistence"
    aof = info.get("aof_enabled") == "1"
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        return Finding(name, State.CRITICAL, "the last snapshot (RDB) failed; until one succeeds, data written since "
                                             "may be lost and writes may be refused (MISCONF): look at disk and rights")
    if aof and info.get("aof_last_write_status", "ok") != "ok":
        return Finding(name, State.CRITICAL, "the last write to the append-only file failed: look at disk and rights")
    if aof and info.get("aof_last_bgrewrite_status", "ok") != "ok":
        return Finding(name, State.WARNING, "the last rewrite of the append-only file failed: it grows without end")
    changes = whole(info, "rdb_changes_since_last_save")
    return Finding(name, State.OK, f"the last snapshot and the append-only file ({'on' if aof else 'off'}) are well, "
                                   f"{changes} changes since the last snapshot")


def _policy(info: Settings, protect_queues: bool) -> Finding:
    name, policy = "redis_eviction_policy", info.get("maxmemory_policy", "")
    if not policy:
        return Finding(name, State.UNKNOWN, "this server does not tell its eviction policy")
    if not policy.startswith("allkeys-"):
        return Finding(name, State.OK, f"{policy} throws away no job of a queue", value=policy)
    if not protect_queues:
        return Finding(name, State.OK, f"{policy}, and this server holds no queues (protect_queues is false)",
                       value=policy)
    when = "when maxmemory is reached" if whole(info, "maxmemory") else "as soon as a maxmemory is set"
    return Finding(name, State.WARNING, f"{policy} may throw away jobs of queues {when}; use noeviction, or keep "
                                        f"cache and queues in servers of their own", value=policy)


def _drift(facts: Facts, required: bool) -> t.Iterator[Finding]:
    name = "redis_config_drift"
    if facts.file is None:
        if required:
            why = "; ".join(f"{row.why} ({row.enable})" for row in facts.unseen) or "nothing to compare with"
            yield Finding(name, State.UNKNOWN, f"the configuration could not be compared with its file: {why}")
        return
    rows = tuple({"setting": key, "running": facts.running[key], "file": facts.file[key]}
                 for key in COMPARED if key in facts.running and facts.running[key] != facts.file[key])
    if rows:
        yield Finding(name, State.WARNING, "the running configuration differs from its file, the next restart changes "
                      + ", ".join(f"{row['setting']} from {row['running'] or 'none'} to {row['file'] or 'none'}"
                                  for row in rows), value=len(rows), unit="settings", details=rows)
    else:
        yield Finding(name, State.OK, f"{', '.join(COMPARED)} are as in {facts.info.get('config_file')}",
                      value=0, unit="settings")


def _latency(pings: t.Sequence[float], thresholds: Thresholds) -> Finding:
    return thresholds.judge("redis_latency_seconds", max(pings),
                            f"slowest of {len(pings)} PINGs took {duration(max(pings))}, the median "
                            f"{duration(median(pings))}")


def _replication(info: Settings) -> Finding:
    name = "redis_replication"
    master = f"{info.get('master_host', '?')}:{info.get('master_port', '?')}"
    if info.get("master_link_status") == "up":
        return Finding(name, State.OK, f"replica of {master}, the link is up")
    if info.get("master_sync_in_progress") == "1":
        return Finding(name, State.WARNING, f"replica of {master}, the first copy is still being transferred")
    down = number(info, "master_link_down_since_seconds")
    since = f" for {duration(down)}" if down >= 0 else ""
    return Finding(name, State.CRITICAL, f"replica of {master}, the link is down{since}: its data is old")


def median(values: t.Sequence[float]) -> float:
    """The middle value of at least one."""
    return sorted(values)[len(values) // 2]


def _metrics(facts: Facts, now: float) -> dict[str, Number]:
    info = facts.info
    used, limit, dummy = memory(info)
    numbers: dict[str, Number] = {
        "redis_uptime_seconds": number(info, "uptime_in_seconds"),
        "redis_memory_used_bytes": used,
        "redis_memory_limit_bytes": limit,
        "redis_memory_percent": round(100 * used / limit, 4) if limit else math.nan,
        "redis_memory_rss_bytes": number(info, "used_memory_rss"),
        "redis_memory_fragmentation_ratio": number(info, "mem_fragmentation_ratio"),
        # this check's own connection is not load
        "redis_clients": number(info, "connected_clients") - 1,
        "redis_clients_blocked": number(info, "blocked_clients"),
        "redis_evicted_keys_total": number(info, "evicted_keys"),
        "redis_rejected_connections_total": number(info, "rejected_connections"),
        "redis_replicas": number(info, "connected_slaves"),
        "redis_changes_since_last_save": number(info, "rdb_changes_since_last_save"),
        "redis_last_save_age_seconds": round(now - number(info, "rdb_last_save_time"), 1),
    }
    for name, value in info.items():
        if name.startswith("db") and value.startswith("keys="):
            keys = value[len("keys="):].split(",", 1)[0]
            numbers[metric("redis_keys", database=name[2:])] = int(keys) if keys.isdigit() else math.nan
    if facts.pings:
        numbers["redis_latency_max_seconds"] = round(max(facts.pings), 6)
        numbers["redis_latency_median_seconds"] = round(median(facts.pings), 6)
    return {name: _plain(value) for name, value in numbers.items() if not math.isnan(value)}


def _plain(value: Number) -> Number:
    return int(value) if float(value).is_integer() else value
