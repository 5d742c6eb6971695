# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging what was seen on a host."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Finding
from ansible_collections.vendhub.ops.plugins.module_utils._system import judge
from ansible_collections.vendhub.ops.plugins.module_utils._system.facts import Deleted, Kills, Limit, Room
from ansible_collections.vendhub.ops.plugins.module_utils._system.kernel import Kill
from ansible_collections.vendhub.ops.plugins.module_utils._system.mounts import Mount

TABLE = Thresholds()
DATA = Mount("8:1", "/", "/data", "ext4", "/dev/sda1")


def named(findings: list[Finding], name: str) -> Finding:
    return next(found for found in findings if found.name == name)


@pytest.mark.parametrize(("used", "state"), [(799, "ok"), (800, "ok"), (801, "warning"), (900, "warning"),
                                             (901, "critical"), (1000, "critical")])
def test_space_and_inodes_around_their_limits(used: int, state: str) -> None:
    findings, _metrics = judge.disks([Room(DATA, used, 1000 - used, 1000, 1000 - used)], TABLE)
    assert {found.name: str(found.state) for found in findings} == {"disk_percent": state, "inodes_percent": state}


def test_space_is_counted_as_df_counts_it_without_what_only_root_may_fill() -> None:
    findings, _metrics = judge.disks([Room(DATA, used_bytes=90, free_bytes=10)], TABLE)
    assert [(found.name, found.value) for found in findings] == [("disk_percent", 90)]


def test_a_mount_that_does_not_answer_is_unknown_by_itself() -> None:
    findings, _metrics = judge.disks([Room(DATA, fault="does not answer"), Room(DATA, 1, 99)], TABLE)
    assert [str(found.state) for found in findings] == ["unknown", "ok"]


def test_no_mount_at_all_is_unknown() -> None:
    assert str(judge.disks([], TABLE)[0][0].state) == "unknown"


@pytest.mark.parametrize(("available", "state"), [(201, "ok"), (200, "ok"), (199, "warning"), (50, "warning"),
                                                  (49, "critical")])
def test_memory_around_its_limits(available: int, state: str) -> None:
    findings, _metrics = judge.memory({"MemTotal": 1000, "MemAvailable": available}, None, TABLE)
    assert str(named(findings, "memory_percent").state) == state


@pytest.mark.parametrize(("free", "state"), [(51, "ok"), (50, "ok"), (49, "warning"), (20, "warning"),
                                             (19, "critical")])
def test_swap_around_its_limits(free: int, state: str) -> None:
    info = {"MemTotal": 1000, "MemAvailable": 900, "SwapTotal": 100, "SwapFree": free}
    assert str(named(judge.memory(info, None, TABLE)[0], "swap_percent").state) == state


@pytest.mark.parametrize(("limit", "objects"), [(Limit(500, 490), ["", "cgroup"]), (Limit(1000, 10), [""]),
                                                (Limit(0, 10), [""]), (None, [""])])
def test_a_control_group_counts_when_it_is_tighter(limit: Limit | None, objects: list[str]) -> None:
    findings, _metrics = judge.memory({"MemTotal": 1000, "MemAvailable": 900}, limit, TABLE)
    memory = [found for found in findings if found.name == "memory_percent"]
    assert [found.object for found in memory] == objects
    assert str(memory[-1].state) == ("critical" if len(objects) == 2 else "ok")


def test_a_kernel_that_does_not_say_what_is_available_is_unknown() -> None:
    assert str(judge.memory({"MemTotal": 1000}, None, TABLE)[0][0].state) == "unknown"


GIB = 1024**3


@pytest.mark.parametrize(("size", "state"), [(GIB, "ok"), (GIB + 1, "warning"), (10 * GIB, "warning"),
                                             (10 * GIB + 1, "critical")])
def test_deleted_files_around_their_limits(size: int, state: str) -> None:
    findings, metrics = judge.deleted(Deleted(size), TABLE)
    assert (str(findings[0].state), metrics["deleted_open_bytes"]) == (state, size)


def test_what_could_not_be_seen_is_told_without_an_alarm() -> None:
    findings, metrics = judge.deleted(Deleted(hidden_processes=7, complete=False), TABLE)
    assert str(findings[0].state) == "ok"
    assert "7 processes of other users could not be looked at" in findings[0].message
    assert "not all open files" in findings[0].message
    assert metrics["deleted_open_hidden_processes"] == 7


@pytest.mark.parametrize(("kills", "state", "value"), [
    (Kills((), 0, 9e5), "ok", 0),
    (Kills((Kill(1000, 1, "old"),), 1, 1000 + 86401), "ok", 0),
    (Kills((Kill(1000, 1, "new"),), 1, 1000 + 86400), "warning", 1),
    (Kills((Kill(5000, 1, "new"),), 3, 80000, 4000), "warning", 3),
    (Kills((Kill(5000, 1, "new"),), 3, 90000, 4900), "warning", 1),
    (Kills(None, 0, 9e5), "ok", 0),
    (Kills(None, 2, 86400), "warning", 2),
    (Kills(None, 2, 86401), "unknown", 2),
    (Kills(None, None, 9e5), "unknown", None),
])
def test_kills_within_a_day(kills: Kills, state: str, value: int | None) -> None:
    found = judge.kills(kills, TABLE)[0][0]
    assert (str(found.state), found.value) == (state, value)


@pytest.mark.parametrize(("percent", "state"), [(69.99, "ok"), (70, "ok"), (70.01, "warning"), (90, "warning"),
                                                (90.01, "critical"), (None, "unknown")])
def test_processors_around_their_limits(percent: float | None, state: str) -> None:
    findings, metrics = judge.processor(percent, 2, [1.0, 2.0, 3.0], TABLE)
    assert (str(findings[0].state), metrics["load15"]) == (state, 3.0)


def test_a_hostile_path_is_printable() -> None:
    assert judge.printable("/a\n\x1b[31m\udcff/ü") == "/a\\n\\x1b[31m\\udcff/ü"
