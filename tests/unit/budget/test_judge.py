# SPDX-License-Identifier: GPL-3.0-or-later
"""A budget counts the uses of one remedy within a window, whatever the clock does."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._budget import judge
from ansible_collections.vendhub.ops.plugins.module_utils._budget.judge import Action, Memory
from ansible_collections.vendhub.ops.plugins.module_utils._core.moment import Moment

NOW = Moment(1_767_323_045.0, "boot-1", 500_000.0)


def uses(*ages: float, remedy: str = "restart", event: str = "spent") -> tuple[Action, ...]:
    return tuple(Action(event, remedy, Moment(NOW.epoch - age, "boot-1", NOW.uptime - age)) for age in ages)


@pytest.mark.parametrize(("ages", "limit", "allowed", "used", "next_in"), [
    ((), 3, True, 0, None),
    ((), 0, False, 0, None),
    ((1,), 0, False, 1, None),
    ((1, 2), 3, True, 2, None),
    ((10, 20, 30), 3, False, 3, 3570),
    ((30, 10, 20), 3, False, 3, 3570),
    ((10, 20, 3599.5), 3, False, 3, 0.5),
    ((10, 20, 3600), 3, True, 2, None),
    ((10, 20, 30, 40, 50), 3, False, 5, 3570),  # a limit that was lowered: the third youngest must leave the window
])
def test_uses_within_the_window_count(ages: tuple[float, ...], limit: int, allowed: bool, used: int,
                                      next_in: float | None) -> None:
    found = judge.budget(Memory(uses(*ages)), "restart", limit, 3600, NOW)
    assert (found.allowed, found.used) == (allowed, used)
    assert (None if found.next_at is None else found.next_at - NOW.epoch) == next_in


def test_other_remedies_and_results_do_not_count() -> None:
    memory = Memory(uses(1, 2, 3, remedy="reload") + uses(1, 2, 3, event="recorded") + uses(5))
    assert judge.budget(memory, "restart", 3, 3600, NOW).used == 1


@pytest.mark.parametrize("epoch", [NOW.epoch - 10**8, NOW.epoch + 10**8])
def test_setting_the_clock_neither_refills_nor_blocks_a_budget(epoch: float) -> None:
    assert judge.budget(Memory(uses(10, 20, 30)), "restart", 3, 3600, Moment(epoch, "boot-1", NOW.uptime)).used == 3
    assert judge.budget(Memory(uses(10, 20, 30)), "restart", 3, 3600,
                        Moment(epoch, "boot-1", NOW.uptime + 3600)).used == 0


def test_a_use_from_before_a_boot_with_a_wrong_clock_is_forgotten_when_the_boot_is_old_enough() -> None:
    back = NOW.epoch - 10**8
    assert judge.budget(Memory(uses(10)), "restart", 1, 3600, Moment(back, "boot-2", 100)).used == 1
    assert judge.budget(Memory(uses(10)), "restart", 1, 3600, Moment(back, "boot-2", 3600)).used == 0


def test_what_is_not_known_is_not_allowed() -> None:
    found = judge.budget(Memory((), complete=False), "restart", 3, 3600, NOW)
    assert not found.allowed
    assert "escalate" in judge.sentence("restart", found)


def test_a_refusal_says_how_often_until_when_and_to_escalate() -> None:
    found = judge.budget(Memory(uses(10, 20, 30)), "restart", 3, 3600, NOW)
    assert judge.sentence("restart", found) == (
        "the budget is used up: restart was used 3 of 3 times within 1 h; once more is possible at"
        " 2026-01-02T04:03:35Z. It does not repair the cause: escalate to a person instead of trying again")


def test_a_line_is_read_back_and_says_who_what_when_and_from_where() -> None:
    line = judge.as_line("spent", "restart", "ann", NOW, run="ansible-playbook on ci1 (pid 7)", note="why", result="")
    assert judge.parse(line) == Action("spent", "restart", NOW)
    assert {"at": "2026-01-02T03:04:05Z", "by": "ann", "run": "ansible-playbook on ci1 (pid 7)",
            "note": "why"}.items() <= json.loads(line).items()
    assert "result" not in json.loads(line)


@pytest.mark.parametrize("line", ["", "{", "null", "[]", "3", '"x"', "{}", '{"event": "spent"}', "[" * 100_000,
                                  '{"event": 1, "remedy": "x", "moment": {"epoch": 1}}',
                                  '{"event": "spent", "remedy": "x", "moment": {"epoch": "NaN"}}',
                                  '{"event": "spent", "remedy": "x", "moment": {"epoch": NaN}}', "\0\0\0"])
def test_rubbish_is_no_action(line: str) -> None:
    assert judge.parse(line) is None


def test_every_cut_of_a_line_is_rubbish_not_a_crash() -> None:
    line = judge.as_line("spent", "restart", "ann", NOW, note="x")
    assert {judge.parse(line[:length]) for length in range(len(line))} == {None}


def test_what_a_budget_may_still_ask_for_is_remembered() -> None:
    def line(age: float, event: str = "spent") -> str:
        return judge.as_line(event, "r", "ann", Moment(NOW.epoch - age, "boot-1", NOW.uptime - age))
    lines: list[t.Any] = [line(700_000), line(100), "garbage", line(10, "recorded"), line(1)]
    now = Moment(NOW.epoch, "boot-2", 10)
    assert judge.remembered(lines, now) == [line(100), line(1)]
