# SPDX-License-Identifier: GPL-3.0-or-later
"""Triage names the cause that others follow from, says what it saw, and stays unknown where nothing tells."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._certificate.subject import subject as certificates
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._redis.facts import Facts
from ansible_collections.vendhub.ops.plugins.module_utils._redis.judge import judge as redis_judge
from ansible_collections.vendhub.ops.plugins.module_utils._triage import crash
from ansible_collections.vendhub.ops.plugins.module_utils._triage.causes import ORDER, triage
from ansible_collections.vendhub.ops.plugins.module_utils._triage.signs import HostSigns, Release

from demo.stack.ports import free_port

Row = t.Dict[str, t.Any]


def row(name: str, state: str = "critical", reason: str = "", value: t.Any = None, **more: t.Any) -> Row:
    found = {"name": name, "state": state, "message": f"{name} is {reason or state}", **more}
    return {**found, **({"reason": reason} if reason else {}), **({} if value is None else {"value": value})}


def site(*, app1: t.Sequence[Row] = (), app2: t.Sequence[Row] = (), db1: t.Sequence[Row] = (),
         redis1: t.Sequence[Row] = (), **changes: t.Any) -> list[HostSigns]:
    """Two app and web hosts, a database and a Redis; ``changes`` are further signs of app1."""
    fine = [row("api_health", "ok"), row("pm2_app", "ok", value=2, object="vendhub-api")]
    serving = frozenset({"api", "web"})
    return [
        dataclasses.replace(HostSigns("app1", serving, findings=tuple(app1 or fine)), **changes),
        HostSigns("app2", serving, findings=tuple(app2 or fine)),
        HostSigns("db1", frozenset({"postgresql"}), findings=tuple(db1) or (row("postgresql_reachable", "ok"),)),
        HostSigns("redis1", frozenset({"redis"}), findings=tuple(redis1) or (row("redis_reachable", "ok"),)),
    ]


def kinds(hosts: list[HostSigns]) -> list[tuple[str, str]]:
    return [(cause.kind, cause.host) for cause in triage(hosts)]


APP = row("pm2_app", "ok", value=2, object="vendhub-api")
PORT = row("pm2_port", "ok", object="vendhub-api")
SICK = [row("api_health", value=503), APP, PORT]
NO_PORT = row("pm2_port", reason="absent", object="vendhub-api")
LOOP = row("pm2_crashes_per_hour", value=40, object="vendhub-api")
FRESH = Release("r2", 300.0, "r1")
ERRORED = row("pm2_app", reason="errored", value=0, object="vendhub-api")
STOPPED = row("pm2_app", reason="stopped", value=0, object="vendhub-api")
RECOVERS = row("postgresql_reachable", reason="starting")
KILL = row("oom_kills", "warning", value=1, details=[{"pid": 7, "name": "node", "seconds_ago": 60}])
HEALTH_SILENT = row("api_health", reason="silent")

MATRIX: dict[str, tuple[list[HostSigns], list[tuple[str, str]]]] = {
    "nothing wrong": (site(), []),
    "app stopped": (site(app1=[row("api_health", reason="absent"), NO_PORT, STOPPED]),
                    [("app_stopped", "app1")]),
    "app deleted": (site(app1=[row("api_health", reason="absent"), NO_PORT, row("pm2_app", reason="absent")]),
                    [("app_absent", "app1")]),
    "daemon killed": (site(app1=[row("api_health", reason="absent"), row("pm2_reachable", reason="absent")]),
                      [("pm2_daemon_dead", "app1")]),
    "daemon hung, app serves": (site(app1=[row("api_health", "ok"), row("pm2_reachable", reason="silent")]),
                                [("pm2_daemon_hung", "app1")]),
    "crash loop": (site(app1=[*SICK, LOOP, NO_PORT]), [("crash_loop", "app1")]),
    "errored app": (site(app1=[row("api_health", value=503), PORT, ERRORED]),
                    [("crash_loop", "app1")]),
    "killed for lack of memory": (site(app1=[*SICK, LOOP, KILL]), [("out_of_memory", "app1")]),
    "a kill that did no harm": (site(app1=[row("api_health", "ok"), KILL]), []),
    "an old kill and a crash loop": (site(app1=[*SICK, LOOP, row("oom_kills", "warning", details=[
        {"name": "node", "seconds_ago": 7200}])]), [("crash_loop", "app1")]),
    "port stolen": (site(app1=[*SICK, LOOP, row("pm2_port", reason="foreign", object="vendhub-api")]),
                    [("port_stolen", "app1")]),
    "PostgreSQL stopped": (site(app1=[*SICK, LOOP], app2=SICK, db1=[row("postgresql_reachable", reason="absent")]),
                           [("postgresql_down", "db1")]),
    "PostgreSQL frozen": (site(app1=SICK, app2=SICK, db1=[row("postgresql_reachable", reason="silent")]),
                          [("postgresql_silent", "db1")]),
    "PostgreSQL without connections": (site(app1=SICK, db1=[row("postgresql_reachable", reason="exhausted")]),
                                       [("postgresql_exhausted", "db1")]),
    "PostgreSQL with its last connection": (site(app1=SICK, db1=[row("postgresql_connections_percent", value=99.0)]),
                                            [("postgresql_exhausted", "db1")]),
    "Redis stopped": (site(app1=[HEALTH_SILENT], app2=[HEALTH_SILENT], redis1=[row("redis_reachable",
                                                                                   reason="absent")]),
                      [("redis_down", "redis1")]),
    "Redis frozen": (site(app1=[HEALTH_SILENT], redis1=[row("redis_reachable", reason="silent")]),
                     [("redis_silent", "redis1")]),
    "Redis full": (site(app1=SICK, redis1=[row("redis_memory_percent", reason="full", value=100.0)]),
                   [("redis_full", "redis1")]),
    "the app's disk full": (site(app1=[*SICK, LOOP, row("disk_percent", value=100.0, object="/")]),
                            [("disk_full", "app1")]),
    "the database's disk full": (site(app1=[*SICK, LOOP], app2=SICK, db1=[
        row("disk_percent", value=99.4, object="/var/lib/postgresql"), row("postgresql_reachable", reason="starting")]),
        [("disk_full", "db1")]),
    "no inodes": (site(app1=[*SICK, row("inodes_percent", value=100.0, object="/")]), [("disk_full", "app1")]),
    "a disk that is only rather full": (site(app1=[*SICK, row("disk_percent", value=93.0)]), [("unknown", "app1")]),
    "bad release that answers 500": (site(app1=SICK, release=FRESH), [("bad_release", "app1")]),
    "bad release that dies": (site(app1=[*SICK, LOOP], release=FRESH), [("bad_release", "app1")]),
    "bad release whose code is broken": (
        site(app1=[*SICK, LOOP], release=FRESH, crash_reasons={"vendhub-api": crash.BROKEN_CODE}),
        [("bad_release", "app1")]),
    "bad release whose log still tells of a port that was taken once": (
        site(app1=[*SICK, LOOP], release=FRESH, crash_reasons={"vendhub-api": crash.PORT_IN_USE}),
        [("bad_release", "app1")]),
    "fresh release, but PostgreSQL is down": (site(app1=SICK, release=FRESH,
                                                   db1=[row("postgresql_reachable", reason="absent")]),
                                              [("postgresql_down", "db1")]),
    "fresh release, but its disk is full": (
        site(app1=[*SICK, LOOP], release=FRESH, crash_reasons={"vendhub-api": crash.DISK_FULL}),
        [("crash_loop", "app1")]),
    "fresh release without a way back": (site(app1=SICK, release=Release("r1", 60.0, "")), [("unknown", "app1")]),
    "old release": (site(app1=SICK, release=Release("r2", 86400.0, "r1")), [("unknown", "app1")]),
    "API ill, nothing tells why": (site(app1=SICK), [("unknown", "app1")]),
    "nginx down": (site(app1=[row("api_health", "ok"), row("certificates_reachable", reason="absent")]),
                   [("proxy_down", "app1")]),
    "certificate expired": (site(app1=[row("api_health", "ok"), row("certificate_days", value=-1.5)]),
                            [("certificate_expired", "app1")]),
    "certificate that expires soon": (site(app1=[row("api_health", "ok"), row("certificate_days", value=3.0)]), []),
    "clock ahead": (site(clock_ahead_seconds=120.0), [("clock_off", "app1")]),
    "clock ahead, so the certificate seems expired": (site(
        app1=[row("api_health", "ok"), row("certificate_days", value=-1.0)], clock_ahead_seconds=-90000.0),
        [("clock_off", "app1")]),
    "clock nearly right": (site(clock_ahead_seconds=29.0), []),
    "app host out of reach": (site(reached=False), [("host_unreachable", "app1")]),
    "healthy now, crashed within the hour, new release": (site(app1=[row("api_health", "ok"), APP, PORT, LOOP],
                                                               release=FRESH), []),
    "a worker nobody asked for loops": (site(app1=[row("api_health", "ok"), APP, PORT, row(
        "pm2_app", "warning", object="stock-worker"), row("pm2_crashes_per_hour", "warning", object="stock-worker")],
        release=FRESH), []),
    "a worker nobody asked for loops, and the API is ill": (site(app1=[*SICK, row(
        "pm2_app", "warning", object="stock-worker"), row("pm2_crashes_per_hour", "warning", object="stock-worker")]),
        [("unknown", "app1")]),
    "crashed before the release, not since": (site(app1=[*SICK, row(
        "pm2_crashes_per_hour", value=12, object="vendhub-api", details=[{"why": "code 1", "seconds_ago": 900}])],
        release=FRESH), [("crash_loop", "app1")]),
    "a release of the future": (site(app1=SICK, release=Release("r2", -60.0, "r1")), [("unknown", "app1")]),
    "one app stopped, the other one crashes": (site(app1=[*SICK, LOOP, row(
        "pm2_app", reason="stopped", value=0, object="job-scheduler")]),
        [("app_stopped", "app1"), ("crash_loop", "app1")]),
    "a full mount that nothing needs": (site(app1=[*SICK, row("disk_percent", "ok", object="/"), row(
        "disk_percent", value=99.9, object="/mnt/archive")]), [("unknown", "app1")]),
    "a full mount below a healthy one": (site(db1=[row("disk_percent", "ok", object="/"), row(
        "disk_percent", value=99.9, object="/var/lib/postgresql")]), [("disk_full", "db1")]),
    "PostgreSQL recovers after a crash": (site(app1=[*SICK, LOOP], db1=[RECOVERS]),
                                          [("postgresql_starting", "db1")]),
    "Redis loads its data": (site(app1=SICK, redis1=[row("redis_reachable", reason="starting")]),
                             [("redis_starting", "redis1")]),
    "two causes, both told": (site(app1=SICK, db1=[row("postgresql_reachable", reason="absent")],
                                   redis1=[row("redis_reachable", reason="absent")]),
                              [("postgresql_down", "db1"), ("redis_down", "redis1")]),
    "app1 stopped while app2 crashes": (site(app1=[row("pm2_app", reason="stopped")], app2=[*SICK, LOOP]),
                                        [("app_stopped", "app1"), ("crash_loop", "app2")]),
}


@pytest.mark.parametrize("name", MATRIX)
def test_the_cause_is_found(name: str) -> None:
    hosts, expected = MATRIX[name]
    assert kinds(hosts) == expected


def test_a_database_host_out_of_reach_explains_the_sick_apps() -> None:
    app1, app2, db1, redis1 = site(app1=SICK, app2=[*SICK, LOOP])
    gone = dataclasses.replace(db1, reached=False, findings=())
    assert kinds([app1, app2, gone, redis1]) == [("host_unreachable", "db1")]


def test_trouble_on_a_host_that_serves_nothing_comes_last() -> None:
    watcher = HostSigns("mon1", frozenset({"monitoring"}), reached=False)
    assert kinds([watcher, *site(app1=[row("pm2_app", reason="stopped")])]) == [
        ("app_stopped", "app1"), ("host_unreachable", "mon1")]


@pytest.mark.parametrize("name", MATRIX)
def test_every_cause_says_what_speaks_for_it(name: str) -> None:
    for cause in triage(MATRIX[name][0]):
        assert all(cause.facts)
        assert cause.as_dict()["facts"]
        assert cause.confidence in ("certain", "likely")


def test_every_cause_of_the_order_is_reached_by_the_matrix() -> None:
    reached = {cause.kind for hosts, _expected in MATRIX.values() for cause in triage(hosts)}
    assert reached == set(ORDER)


LINES = {
    "Error: listen EADDRINUSE: address already in use :::3000": crash.PORT_IN_USE,
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory": crash.OUT_OF_MEMORY,
    "SyntaxError: Unexpected token '}'": crash.BROKEN_CODE,
    "Error: Cannot find module 'express'": crash.BROKEN_CODE,
    "Error: Configuration key \"JWT_SECRET\" does not exist": crash.MISSING_VARIABLE,
    "Error: JWT_SECRET is required": crash.MISSING_VARIABLE,
    "Missing required environment variable DATABASE_URL": crash.MISSING_VARIABLE,
    "Config validation error: \"JWT_SECRET\" is required": crash.MISSING_VARIABLE,
    "Error: connect ECONNREFUSED 127.0.0.1:5432": crash.DEPENDENCY_DOWN,
    "ERROR [TypeOrmModule] Unable to connect to the database. Retrying (1)...": crash.DEPENDENCY_DOWN,
    "Error: ENOSPC: no space left on device, write": crash.DISK_FULL,
    "TypeError: Cannot read properties of undefined (reading 'id')": crash.UNKNOWN,
    "TypeError: Cannot read properties of undefined (reading 'user_id')": crash.UNKNOWN,
    "TypeError: Cannot read properties of undefined (reading 'config')": crash.UNKNOWN,
    "DATABASE_URL must be set": crash.MISSING_VARIABLE,
    "the user asked for a page that does not exist": crash.UNKNOWN,
    "": crash.UNKNOWN,
}


@pytest.mark.parametrize("line", LINES)
def test_a_crash_says_its_reason(line: str) -> None:
    assert crash.reason(["Nest application starting", line, "    at main (/app/dist/main.js:1:1)"])[0] == LINES[line]


def test_the_newest_line_that_tells_a_reason_counts() -> None:
    lines = ["Error: listen EADDRINUSE :::1", "SyntaxError: Unexpected end of input", "    at wrapSafe"]
    assert crash.reason(lines) == (crash.BROKEN_CODE, "SyntaxError: Unexpected end of input")


def test_a_line_of_megabytes_ends_in_time() -> None:
    assert crash.reason(["config " * 2_000_000])[0] == crash.UNKNOWN


def test_what_the_certificate_check_says_of_a_closed_port_is_understood() -> None:
    options = {"server": "api.vendhub.test", "address": "127.0.0.1", "port": free_port(), "path": None,
               "timeout_seconds": 2.0, "ca_path": None, "server_name": None}
    findings = [finding.as_dict() for finding in certificates(options, Thresholds({})).inspect().findings]
    assert kinds(site(app1=findings)) == [("proxy_down", "app1")]


def test_what_the_redis_check_says_of_a_full_server_is_understood() -> None:
    info = {"used_memory": "100", "maxmemory": "100", "maxmemory_policy": "noeviction", "redis_version": "7.0"}
    for facts in (Facts(info, {}, None), Facts({}, {}, None, ping_error="refuses writes", ping_reason="full")):
        findings = [finding.as_dict() for finding in redis_judge(facts, Thresholds({})).findings]
        assert kinds(site(redis1=findings)) == [("redis_full", "redis1")]


def test_what_the_redis_check_says_of_a_loading_server_is_understood() -> None:
    inspection = redis_judge(Facts({"loading": "1"}, {}, None), Thresholds({}))
    findings = [finding.as_dict() for finding in inspection.findings]
    assert kinds(site(redis1=findings)) == [("redis_starting", "redis1")]
