# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of the apps under PM2."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Finding, State
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.apps import Process, processes, saved
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.facts import Facts
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.journal import Exit
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.judge import Expected, judge

NOW = 1_800_000_000.0
API = Process("api", 0, 100, "online", "cluster", pm_uptime=int((NOW - 7200) * 1000))


def facts(*found: Process, **more: t.Any) -> Facts:
    return Facts(**{"home": "/h", "now": NOW, "processes": found, "daemon_pid": 1, "daemon_version": "7.0.4",
                    "saved": tuple(process.name for process in found), "exits": (), **more})


def one(name: str, seen: Facts, *expected: Expected) -> Finding:
    (finding,) = (row for row in judge(seen, expected, Thresholds()).findings if row.name == name)
    return finding


@pytest.mark.parametrize(
    ("statuses", "instances", "state"),
    [
        (["online", "online"], 2, State.OK),
        (["online"], 2, State.WARNING),
        (["online", "online", "online"], 2, State.WARNING),
        (["online", "errored"], None, State.WARNING),
        (["stopped", "stopped"], 2, State.CRITICAL),
        (["launching"], None, State.CRITICAL),
        ([], 1, State.CRITICAL),
    ],
)
def test_an_app_is_fine_when_as_many_processes_as_expected_are_online(
        statuses: list[str], instances: int | None, state: State) -> None:
    seen = facts(*(dataclasses.replace(API, status=status, pm_id=number) for number, status in enumerate(statuses)))
    assert one("pm2_app", seen, Expected("api", instances)).state is state


@pytest.mark.parametrize(("ages", "state"), [
    ([], State.OK), ([10, 20], State.OK), ([10, 20, 30], State.WARNING), ([3601] * 20, State.OK),
    (list(range(11)), State.CRITICAL), ([-5] * 20, State.OK),
])
def test_unasked_exits_of_the_last_hour_are_counted(ages: list[int], state: State) -> None:
    seen = facts(API, exits=tuple(Exit("api", NOW - age, "code 1") for age in ages))
    assert one("pm2_crashes_per_hour", seen).state is state


def test_a_crash_loop_is_seen_although_pm2_says_online() -> None:
    seen = facts(API, exits=tuple(Exit("api", NOW - age, "code 1") for age in range(0, 3000, 60)))
    assert one("pm2_app", seen).state is State.OK
    assert one("pm2_crashes_per_hour", seen).state is State.CRITICAL


def test_exits_that_cannot_be_counted_are_unknown_not_fine() -> None:
    finding = one("pm2_crashes_per_hour", facts(API, exits=None, exits_unseen="pm2.log: Permission denied"))
    assert finding.state is State.UNKNOWN
    assert "Permission denied" in finding.message


@pytest.mark.parametrize(("memory", "state"), [(80, State.OK), (81, State.WARNING), (96, State.CRITICAL)])
def test_memory_is_judged_against_the_limit_of_the_app(memory: int, state: State) -> None:
    seen = facts(dataclasses.replace(API, memory=memory, max_memory_restart=100))
    assert one("pm2_memory_percent", seen).state is state


@pytest.mark.parametrize(("owners", "state"), [
    (frozenset({100}), State.OK), (frozenset(), State.CRITICAL), (None, State.CRITICAL),
])
def test_a_port_that_nobody_or_somebody_else_owns_is_critical(
        owners: frozenset[int] | None, state: State) -> None:
    assert one("pm2_port", facts(API, port_owners={3000: owners}), Expected("api", port=3000)).state is state


@pytest.mark.parametrize(("saved_apps", "state", "words"), [
    (("api",), State.OK, "same apps"),
    ((), State.WARNING, "api would not come back"),
    (("api", "old"), State.WARNING, "old would come back"),
    (None, State.WARNING, "never run"),
])
def test_the_saved_list_is_compared_with_the_running_one(
        saved_apps: tuple[str, ...] | None, state: State, words: str) -> None:
    finding = one("pm2_saved_list", facts(API, saved=saved_apps))
    assert finding.state is state
    assert words in finding.message


def test_an_app_nobody_asked_for_is_never_more_than_a_warning() -> None:
    other = dataclasses.replace(API, name="other", status="errored")
    exits = tuple(Exit("other", NOW - 1, "code 1") for dummy in range(99))
    findings = judge(facts(API, other, exits=exits), [Expected("api")], Thresholds()).findings
    states = {finding.state for finding in findings if finding.object == "other"}
    assert states == {State.WARNING}


def test_an_empty_list_is_critical() -> None:
    assert one("pm2_app", facts()).state is State.CRITICAL


def test_daemon_and_installed_version_must_be_the_same() -> None:
    assert one("pm2_daemon", facts(API, cli_version="7.0.4")).state is State.OK
    assert one("pm2_daemon", facts(API, cli_version="6.0.0")).state is State.WARNING


def test_the_daemons_answer_is_reduced_to_the_allow_list() -> None:
    (process,) = processes([{"name": "api", "pid": 1, "pm_id": 0, "monit": {"memory": 5, "cpu": 1.5},
                             "pm2_env": {"status": "online", "DATABASE_PASSWORD": "canary-1", "env": {"X": "canary-2"},
                                         "pm_out_log_path": "/dev/null", "pm_err_log_path": "/l/e.log"}}])
    assert "canary" not in repr(process)
    assert (process.out_log, process.err_log, process.memory) == ("", "/l/e.log", 5)


@pytest.mark.parametrize("answer", [None, {}, "x", [1], [None]])
def test_an_answer_that_is_no_list_of_processes_is_refused(answer: t.Any) -> None:
    with pytest.raises(ValueError, match="not a"):
        processes(answer)


@pytest.mark.parametrize("row", [
    {}, {"pm2_env": [], "monit": 3}, {"name": None, "pid": "x", "monit": {"memory": True}},
])
def test_a_half_empty_process_does_not_break_the_list(row: dict[str, t.Any]) -> None:
    assert len(processes([row])) == 1


def test_modules_of_pm2_are_not_apps() -> None:
    assert saved([{"name": "api"}, {"name": "pm2-logrotate", "pmx_module": True}]) == ("api",)
