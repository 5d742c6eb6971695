# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of limits, and what a limit means."""

from __future__ import annotations

import math
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._core.limits import (
    Limit,
    counted,
    duration,
    quantity,
    show,
    size,
)
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import TABLE, Threshold, Thresholds, describe
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import State

# RUNBOOK "Critical Metrics to Watch": warning, critical, as the runbook writes them
RUNBOOK = {
    "API Response Time (P95)": (0.5, 2, "seconds"),
    "Error Rate (5xx)": (1, 5, "percent"),
    "CPU Usage": (70, 90, "percent"),
    "Memory Usage": (80, 95, "percent"),
    "Disk Usage": (80, 90, "percent"),
    "DB Connections": (50, 80, "percent"),
    "Redis Memory": (80, 90, "percent"),
}


def test_the_runbooks_seven_rows_are_in_the_table_with_its_limits() -> None:
    assert {row.runbook: (row.warning, row.critical, row.unit) for row in TABLE if row.runbook} == RUNBOOK


def test_every_row_has_its_own_name_and_a_valid_limit() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert row.limit.state(0) in State
        assert row.title
        assert row.unit


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_row_is_fine_at_its_limit_and_not_past_it(row: Threshold) -> None:
    thresholds = Thresholds()
    step = -0.001 if row.below else 0.001
    for bound, past in ((row.warning, State.WARNING), (row.critical, State.CRITICAL)):
        if bound is None:
            continue
        at = State.OK if past is State.WARNING or row.warning is None else State.WARNING
        assert thresholds.judge(row.name, bound, "m").state is at
        assert thresholds.judge(row.name, bound - step, "m").state is at
        assert thresholds.judge(row.name, bound + step, "m").state is past


@pytest.mark.parametrize(("value", "state"), [
    (math.nan, State.UNKNOWN), (math.inf, State.CRITICAL), (-math.inf, State.OK), (0, State.OK),
])
def test_no_value_goes_unjudged(value: float, state: State) -> None:
    assert Limit(1, 2).state(value) is state


def test_the_message_says_which_limit_was_passed_and_who_repairs_it() -> None:
    finding = Thresholds().judge("disk_percent", 91.25, "disk / is 91 % full", object="/")
    assert finding.message == "disk / is 91 % full (critical above 90 %)"
    assert (finding.value, finding.remedy, finding.object) == (91.25, "vendhub.ops.free_disk", "/")
    assert Thresholds().judge("disk_percent", 5, "m").remedy == ""


def test_own_limits_lie_over_the_table() -> None:
    thresholds = Thresholds({"disk_percent": {"warning": 70}, "cpu_percent": {"critical": None}})
    assert thresholds.judge("disk_percent", 71, "m").state is State.WARNING
    assert thresholds.judge("disk_percent", 91, "m").state is State.CRITICAL
    assert thresholds.judge("cpu_percent", 100, "m").state is State.WARNING
    assert thresholds.judge("memory_percent", 79, "m").state is State.OK


@pytest.mark.parametrize(("overrides", "words"), [
    ({"disk": {"warning": 1}}, "no threshold is named 'disk'; there are: "),
    ({"disk_percent": 80}, "give warning and/or critical"),
    ({"disk_percent": {}}, "give warning and/or critical"),
    ({"disk_percent": {"warn": 1}}, "give warning and/or critical"),
    ({"disk_percent": {"warning": "high"}}, "warning must be a number, not 'high'"),
    ({"disk_percent": {"warning": True}}, "must be a number"),
    ({"disk_percent": {"warning": 95}}, "must come before the critical one"),
    ({"certificate_days": {"warning": 3}}, "gets worse below its limits"),
    ({"disk_percent": {"warning": "nan"}}, "finite"),
])
def test_a_limit_that_makes_no_sense_is_refused_in_words(overrides: dict[str, t.Any], words: str) -> None:
    with pytest.raises(BadOption) as caught:
        Thresholds(overrides)
    assert words in str(caught.value)


def test_a_number_in_quotes_is_a_number() -> None:
    assert Thresholds({"disk_percent": {"warning": "70"}}).row("disk_percent").warning == 70


@pytest.mark.parametrize(("text", "expected"), [
    (counted(1, "key"), "1 key"), (counted(0, "key"), "0 keys"), (counted(2, "is", "are"), "2 are"),
    (show(80.0), "80"), (show(0.25), "0.25"), (show(81.26), "81.3"), (show(80.04), "80"), (show(0.0), "0"),
    (size(1536), "1.5 KiB"), (size(5 * 1024**4), "5 TiB"),
    (duration(0.25), "250 ms"), (duration(90), "1.5 min"), (duration(172800), "2 days"),
    (quantity(80, "percent"), "80 %"), (quantity(3, "days"), "3 days"), (quantity(1024**3, "bytes"), "1 GiB"),
])
def test_numbers_are_written_for_people(text: str, expected: str) -> None:
    assert text == expected


def test_a_row_describes_itself() -> None:
    assert describe(Thresholds().row("disk_percent")) == "> 80 % / > 90 %"
    assert describe(Thresholds().row("certificate_days")) == "< 21 days / < 7 days"
    assert describe(Thresholds().row("oom_kills")) == "> 0 kills / –"
