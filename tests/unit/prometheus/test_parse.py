# SPDX-License-Identifier: GPL-3.0-or-later
"""Building queries, reading answers, and judging them."""

from __future__ import annotations

import dataclasses
import json
import math
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._prometheus.judge import Seen, judge
from ansible_collections.vendhub.ops.plugins.module_utils._prometheus.parse import (
    Reply,
    Value,
    firing,
    queries,
    reply,
    targets,
    value,
)


@pytest.mark.parametrize(("selector", "traffic", "bad"), [
    ("", "sum(increase(r[5m]))", 'r{status=~"5.."}[5m]'),
    ('job="a"', 'sum(increase(r{job="a"}[5m]))', 'r{job="a",status=~"5.."}[5m]'),
    ('{job="a",}', 'sum(increase(r{job="a"}[5m]))', 'r{job="a",status=~"5.."}[5m]'),
])
def test_queries_carry_the_selector(selector: str, traffic: str, bad: str) -> None:
    built = queries("r", "d_bucket", selector, "5m")
    assert built.traffic == traffic
    assert bad in built.errors


@pytest.mark.parametrize(("requests", "window"), [("a b", "5m"), ("1a", "5m"), ("", "5m"), ("a", "5"), ("a", ""),
                                                  ("a", "5m])) or vector(1")])
def test_what_is_no_metric_or_window_is_refused(requests: str, window: str) -> None:
    with pytest.raises(BadOption):
        queries(requests, "d", "", window)


def vector(*numbers: str) -> Reply:
    return Reply({"resultType": "vector", "result": [{"metric": {}, "value": [1, number]} for number in numbers]})


@pytest.mark.parametrize(("answer", "number", "words"), [
    (vector("0.25"), 0.25, ""), (vector("+Inf"), math.inf, ""), (vector(), None, ""),
    (vector("1", "2"), None, "2 series"), (vector("x"), None, "cannot be read"),
    (Reply({"resultType": "scalar", "result": [1, "3"]}), 3.0, ""),
    (Reply({"resultType": "matrix", "result": []}), None, "is a matrix"),
    (Reply(None), None, "cannot be read"), (Reply([]), None, "cannot be read"),
    (Reply({"resultType": "vector", "result": [None]}), None, "cannot be read"),
    (Reply(fault="bad_data: parse error"), None, "parse error"),
])
def test_a_value_is_one_number_or_a_reason(answer: Reply, number: float | None, words: str) -> None:
    found = value(answer)
    assert found.number == number
    assert words in found.fault
    assert bool(found.fault) == bool(words)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[]", b"{}", b'{"status": 1}', b"[" * 100_000])
def test_what_is_not_prometheus_is_told_apart(body: bytes) -> None:
    assert reply(body) is None


def test_an_error_keeps_its_words_without_secrets() -> None:
    body = {"status": "error", "errorType": "bad_data", "error": "token=abcdefgh1 " + "x" * 1000}
    found = reply(json.dumps(body).encode())
    assert found is not None
    assert found.fault.startswith("bad_data: token=***")
    assert len(found.fault) <= 300


@pytest.mark.parametrize("data", [None, [], {}, {"alerts": None, "activeTargets": 1},
                                  {"alerts": [1, {}], "activeTargets": [None, {"labels": 5}]}])
def test_rubbish_lists_are_survived(data: t.Any) -> None:
    assert firing(Reply(data)) == []
    assert targets(Reply(data))[1] == []


FINE = Seen(Value(1000.0), Value(0.1), Value(0.0), Reply({"alerts": []}),
            Reply({"activeTargets": [{"health": "up", "labels": {}}]}))


def states(**changes: t.Any) -> dict[str, tuple[str, str]]:
    seen = dataclasses.replace(FINE, **changes)
    found = judge(seen, queries("r", "d", "", "5m"), 5, Thresholds())
    return {row.name: (str(row.state), row.message) for row in found.findings}


@pytest.mark.parametrize(("seconds", "state"), [(0.4999, "ok"), (0.5, "ok"), (0.5001, "warning"), (2.0, "warning"),
                                                (2.0001, "critical"), (math.inf, "unknown"), (math.nan, "unknown")])
def test_latency_around_its_limits(seconds: float, state: str) -> None:
    assert states(latency=Value(seconds))["api_latency_p95_seconds"][0] == state


@pytest.mark.parametrize(("percent", "state"), [(0.9999, "ok"), (1.0, "ok"), (1.0000000000000002, "ok"),
                                                (1.0001, "warning"), (5.0, "warning"), (5.0001, "critical")])
def test_errors_around_their_limits(percent: float, state: str) -> None:
    assert states(errors=Value(percent))["api_error_percent"][0] == state


@pytest.mark.parametrize(("requests", "words"), [(0.0, "no requests within 5m"), (4.9, "only 4.9 requests within 5m")])
def test_without_enough_requests_nothing_is_judged(requests: float, words: str) -> None:
    found = states(traffic=Value(requests), errors=Value(100.0), latency=Value(math.nan))
    assert found["api_error_percent"][0] == found["api_latency_p95_seconds"][0] == "ok"
    assert words in found["api_error_percent"][1]
    assert states(traffic=Value(5.0), errors=Value(100.0))["api_error_percent"][0] == "critical"


def test_what_selects_nothing_is_unknown_even_when_there_is_no_traffic() -> None:
    found = states(traffic=Value(), errors=Value(), latency=Value())
    assert found["api_error_percent"][0] == found["api_latency_p95_seconds"][0] == "unknown"
    assert "selects nothing: histogram_quantile" in found["api_latency_p95_seconds"][1]


def test_no_target_at_all_and_a_failed_list_are_told() -> None:
    found = states(targets=Reply({"activeTargets": []}), alerts=Reply(fault="internal: no"))
    assert (found["prometheus_targets"][0], found["prometheus_alerts"][0]) == ("warning", "unknown")
