# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.unseen import Unseen
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Finding, State
from ansible_collections.vendhub.ops.plugins.module_utils._redis.facts import Facts
from ansible_collections.vendhub.ops.plugins.module_utils._redis.judge import judge

INFO = {
    "redis_version": "7.0.15", "uptime_in_seconds": "864000", "config_file": "/etc/redis/redis.conf", "loading": "0",
    "used_memory": "1000", "mem_not_counted_for_evict": "0", "maxmemory": "0", "maxmemory_policy": "noeviction",
    "total_system_memory": "10000", "evicted_keys": "0", "rejected_connections": "0", "blocked_clients": "0",
    "connected_clients": "4", "maxclients": "100", "role": "master", "connected_slaves": "0", "aof_enabled": "0",
    "rdb_last_bgsave_status": "ok", "rdb_last_save_time": "900", "rdb_changes_since_last_save": "3",
    "mem_fragmentation_ratio": "1.5", "db0": "keys=7,expires=0,avg_ttl=0", "db3": "keys=2,expires=0,avg_ttl=0",
}
RUNNING = {"maxmemory": "0", "maxmemory-policy": "noeviction", "appendonly": "no", "save": ""}


def facts(running: t.Optional[dict[str, str]] = None, file: t.Optional[dict[str, str]] = None,
          unseen: tuple[Unseen, ...] = (), **info: str) -> Facts:
    return Facts({**INFO, **info}, running or RUNNING, file, (0.001, 0.002, 0.003), "", unseen)


def found(look: Facts, name: str, **options: t.Any) -> Finding:
    (finding,) = [row for row in judge(look, Thresholds(), **options).findings if row.name == name]
    return finding


def names(look: Facts, **options: t.Any) -> set[str]:
    return {row.name for row in judge(look, Thresholds(), **options).findings}


def test_a_healthy_server_is_fine_in_everything() -> None:
    look = facts(file=RUNNING)
    assert {row.state for row in judge(look, Thresholds()).findings} == {State.OK}
    assert names(look) == {"redis_reachable", "redis_memory_percent", "redis_evicted_keys_per_day",
                           "redis_rejected_connections_per_day", "redis_blocked_clients", "redis_persistence",
                           "redis_eviction_policy", "redis_config_drift", "redis_latency_seconds"}


@pytest.mark.parametrize(("info", "percent", "words"), [
    ({"maxmemory": "2000"}, 50, "1000 B of 2 KiB maxmemory used, policy noeviction"),
    ({"maxmemory": "2000", "mem_not_counted_for_evict": "500"}, 25, "500 B of 2 KiB"),
    ({}, 10, "there is no maxmemory"),
    ({"maxmemory": "1000"}, 100, "writes are refused (OOM)"),
])
def test_memory_is_measured_against_what_limits_it(info: dict[str, t.Any], percent: float, words: str) -> None:
    finding = found(facts(**info), "redis_memory_percent")
    assert finding.value == percent
    assert words in finding.message


def test_a_full_cache_that_evicts_does_not_refuse_writes() -> None:
    finding = found(facts(maxmemory="1000", maxmemory_policy="allkeys-lru"), "redis_memory_percent")
    assert "OOM" not in finding.message


def test_without_any_limit_memory_is_unknown() -> None:
    assert found(facts(total_system_memory="0"), "redis_memory_percent").state is State.UNKNOWN


@pytest.mark.parametrize(("up", "evicted", "mean"), [("864000", "1000", 100), ("60", "5", 5), ("43200", "5", 5)])
def test_counters_are_daily_means_and_a_young_server_is_not_extrapolated(up: str, evicted: str, mean: float) -> None:
    assert found(facts(uptime_in_seconds=up, evicted_keys=evicted), "redis_evicted_keys_per_day").value == mean


@pytest.mark.parametrize(("info", "state"), [
    ({}, State.OK),
    ({"rdb_last_bgsave_status": "err"}, State.CRITICAL),
    ({"aof_enabled": "1", "aof_last_write_status": "err"}, State.CRITICAL),
    ({"aof_enabled": "1", "aof_last_bgrewrite_status": "err"}, State.WARNING),
    ({"aof_enabled": "0", "aof_last_write_status": "err"}, State.OK),
])
def test_a_failed_save_is_told(info: dict[str, t.Any], state: State) -> None:
    assert found(facts(**info), "redis_persistence").state is state


@pytest.mark.parametrize(("policy", "protect", "state"), [
    ("noeviction", True, State.OK), ("volatile-lru", True, State.OK), ("allkeys-lru", True, State.WARNING),
    ("allkeys-random", True, State.WARNING), ("allkeys-lru", False, State.OK), ("", True, State.UNKNOWN),
])
def test_a_policy_that_may_throw_away_jobs_is_told(policy: str, protect: bool, state: State) -> None:
    finding = found(facts(maxmemory_policy=policy), "redis_eviction_policy", protect_queues=protect)
    assert finding.state is state


def test_each_drifted_setting_is_named_with_both_values() -> None:
    finding = found(facts(running={**RUNNING, "maxmemory": "5", "save": "60 1"}, file=RUNNING), "redis_config_drift")
    assert finding.state is State.WARNING
    assert finding.details == ({"setting": "maxmemory", "running": "5", "file": "0"},
                               {"setting": "save", "running": "60 1", "file": ""})
    assert "maxmemory from 5 to 0, save from 60 1 to none" in finding.message


def test_a_setting_the_server_did_not_tell_is_no_drift() -> None:
    assert found(facts(running={"maxmemory": "0"}, file=RUNNING), "redis_config_drift").state is State.OK


@pytest.mark.parametrize(("forbidden", "option", "expected"), [
    (False, "auto", set()), (True, "auto", {"redis_not_seen"}),
    (False, "required", {"redis_config_drift"}), (True, "required", {"redis_config_drift", "redis_not_seen"}),
    (False, "off", set()),
])
def test_what_was_not_looked_at_is_never_called_fine(forbidden: bool, option: str, expected: set[str]) -> None:
    look = facts(unseen=(Unseen("the file", "no", "yes", forbidden),))
    answer = judge(look, Thresholds(), config_file=option).findings
    assert {row.name for row in answer} & {"redis_not_seen", "redis_config_drift"} == expected
    assert all(row.state in (State.WARNING, State.UNKNOWN) for row in answer if row.name in expected)
    assert bool(found(look, "redis_reachable").details) is not forbidden


@pytest.mark.parametrize(("info", "state", "words"), [
    ({"master_link_status": "up"}, State.OK, "the link is up"),
    ({"master_link_status": "down", "master_sync_in_progress": "1"}, State.WARNING, "first copy"),
    ({"master_link_status": "down", "master_link_down_since_seconds": "120"}, State.CRITICAL, "for 2 min"),
    ({"master_link_status": "down", "master_link_down_since_seconds": "-1"}, State.CRITICAL, "the link is down:"),
    ({}, State.CRITICAL, "replica of ?:?"),
])
def test_a_replica_is_judged_by_its_link(info: dict[str, t.Any], state: State, words: str) -> None:
    finding = found(facts(role="slave", **info), "redis_replication")
    assert finding.state is state
    assert words in finding.message


@pytest.mark.parametrize("info", [{"loading_loaded_perc": "37.00", "loading_eta_seconds": "12"}, {}])
def test_a_server_that_loads_is_critical_with_its_progress(info: dict[str, t.Any]) -> None:
    finding = found(facts(loading="1", **info), "redis_reachable")
    assert finding.state is State.CRITICAL
    assert ("37 % done, about 12 s left" in finding.message) is bool(info)


def test_a_refused_ping_is_critical() -> None:
    look = dataclasses.replace(facts(), pings=(), ping_error="refuses writes (MISCONF)")
    assert found(look, "redis_reachable").state is State.CRITICAL
    assert "redis_latency_seconds" not in names(look)


def test_metrics_are_finite_flat_numbers_and_our_own_connection_is_not_load() -> None:
    metrics = judge(facts(mem_fragmentation_ratio="nan"), Thresholds(), now=1000).metrics
    assert metrics["redis_clients"] == 3
    assert metrics['redis_keys{database="0"}'] == 7
    assert metrics['redis_keys{database="3"}'] == 2
    assert metrics["redis_last_save_age_seconds"] == 100
    assert metrics["redis_latency_median_seconds"] == 0.002
    assert "redis_memory_fragmentation_ratio" not in metrics


def test_an_empty_info_is_survived() -> None:
    answer = judge(Facts({}, {}, None), Thresholds())
    assert {row.state for row in answer.findings if row.name == "redis_memory_percent"} == {State.UNKNOWN}
    assert "redis_last_save_age_seconds" not in answer.metrics
