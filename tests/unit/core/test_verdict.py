# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the contract: states, findings, verdicts."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import (
    Finding,
    State,
    Verdict,
    metric,
    sentence,
    worst,
)

OK = Finding("a", State.OK, "fine")
WARN = Finding("b", State.WARNING, "so so", value=5, warning=4, unit="files", object="/x",
               remedy="vendhub.ops.free_disk")
BLIND = Finding("c", State.UNKNOWN, "could not look")
BAD = Finding("d", State.CRITICAL, "down")


def test_a_blind_check_outranks_a_warning_and_nothing_outranks_critical() -> None:
    assert State.OK < State.WARNING < State.UNKNOWN < State.CRITICAL


def test_nothing_looked_at_is_unknown_not_fine() -> None:
    assert worst([]) is State.UNKNOWN
    assert Verdict("x", "t", ()).state is State.UNKNOWN


@pytest.mark.parametrize("state", list(State))
def test_a_state_is_read_back_as_it_was_written(state: State) -> None:
    assert State.parse(str(state)) is state


def test_a_word_that_is_no_state_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="ok, warning, unknown, critical"):
        State.parse("fine")


def test_the_verdict_names_the_worst_first_and_keeps_the_order_otherwise() -> None:
    data = Verdict("x", "t", (OK, WARN, BAD, BLIND)).as_dict()
    assert [row["name"] for row in data["findings"]] == ["d", "c", "b", "a"]
    assert data["state"] == "critical"
    assert data["msg"] == "t: critical: down (and 2 more)"
    json.dumps(data)


def test_a_finding_says_only_what_applies() -> None:
    assert OK.as_dict() == {"name": "a", "state": "ok", "message": "fine"}
    assert WARN.as_dict() == {"name": "b", "state": "warning", "message": "so so", "value": 5, "warning": 4,
                              "unit": "files", "object": "/x", "remedy": "vendhub.ops.free_disk"}


def test_a_value_of_zero_is_a_value() -> None:
    assert Finding("a", State.OK, "", value=0).as_dict()["value"] == 0


@pytest.mark.parametrize(("findings", "expected"), [
    ((), "t: nothing was looked at"), ((OK, OK), "t: 2 findings, all ok"), ((OK, WARN), "t: warning: so so"),
])
def test_there_is_always_one_sentence(findings: tuple[Finding, ...], expected: str) -> None:
    assert sentence("t", findings) == expected


def test_a_metric_is_written_as_a_prometheus_sample() -> None:
    assert metric("up") == "up"
    assert metric("disk_percent", mount='/a"b\\c\nd', fs="x") == 'disk_percent{fs="x",mount="/a\\"b\\\\c\\nd"}'
