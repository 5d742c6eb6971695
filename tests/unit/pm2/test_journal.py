# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon's log: what counts as an exit that nobody asked for."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.journal import exits

CRASH = "2026-11-23T17:01:53: PM2 log: App [crash:2] exited with code [3] via signal [SIGINT]"
STOP = "2026-11-23T17:01:57: PM2 log: Stopping app:api id:0"
STOPPED = "2026-11-23T17:01:57: PM2 log: App [api:0] exited with code [0] via signal [SIGINT]"
RELOAD = "2026-11-23T17:01:58: PM2 log: Stopping app:api id:_old_0"
RELOADED = "2026-11-23T17:01:58: PM2 log: App [api:_old_0] exited with code [0] via signal [SIGINT]"
TOO_BIG = ("2026-11-23T17:02:00: PM2 log: [PM2][WORKER] Process 0 restarted because it exceeds --max-memory-restart"
           " value (current_memory=9 max_memory_limit=8 [octets])")
KILLED = "2026-11-23T17:02:03: PM2 log: App [api:0] exited with code [0] via signal [SIGKILL]"


def found(*lines: str) -> list[tuple[str, str]]:
    return [(one.app, one.why) for one in exits(lines, lambda moment: 0.0)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        ([CRASH], [("crash", "code 3")]),
        ([CRASH, CRASH], [("crash", "code 3")] * 2),
        ([STOP, STOPPED], []),
        ([RELOAD, RELOADED], []),
        ([STOP, STOPPED, STOPPED], [("api", "code 0")]),
        ([STOP, CRASH, STOPPED], [("crash", "code 3")]),
        ([TOO_BIG, STOP, STOPPED], [("api", "memory limit")]),
        ([KILLED], [("api", "SIGKILL")]),
        (["\x00\x01 rubbish", "2026-11-23T17:02:03: PM2 log: App name:api id:0 disconnected"], []),
    ],
)
def test_only_exits_that_nobody_asked_for_count(lines: list[str], expected: list[tuple[str, str]]) -> None:
    assert found(*lines) == expected


def test_an_app_name_may_hold_colons_and_brackets() -> None:
    assert found("2026-11-23T17:01:53: PM2 log: App [a:b]c:7] exited with code [1] via signal [SIGINT]") == [
        ("a:b]c", "code 1")]


def test_the_time_of_an_exit_is_read_with_the_given_clock() -> None:
    (one,) = exits([CRASH], {"2026-11-23T17:01:53": 42.0}.__getitem__)
    assert one.at == 42.0
