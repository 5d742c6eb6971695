# SPDX-License-Identifier: GPL-3.0-or-later
"""The Prometheus check against a real Prometheus that scrapes counters which the tests set."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import typing as t

import pytest

from tests.modules import call, finding

# name of the case -> (requests answered with 5xx, all requests)
ERRORS = {"none": (0, 1000), "below": (9, 1000), "at": (10, 1000), "above": (11, 1000), "at critical": (50, 1000),
          "above critical": (51, 1000), "quiet": (0, 0), "few": (2, 2)}
# name of the case -> of 1000 requests, how many took at most 0.1, 0.5, 2 and 10 seconds
LATENCY = {"below": (0, 951, 1000, 1000), "at": (0, 950, 1000, 1000), "above": (0, 949, 1000, 1000),
           "at critical": (0, 0, 950, 1000), "above critical": (0, 0, 949, 1000)}
PASSWORD = "s3cr3t-word"  # and its bcrypt hash, which Prometheus wants
BCRYPT = "$2b$04$abcdefghijklmnopqrstuuwz0R8gxBLj0tYpXWff3vuypSOSNzxtC"


class Exporter:
    """The metrics of all cases: zero first, so that the counters can rise, then as the cases say."""

    def __init__(self) -> None:
        self.risen = False

    def page(self, _path: str) -> tuple[int, bytes]:
        factor = int(self.risen)
        lines = []
        for case, (bad, total) in ERRORS.items():
            if bad:
                lines.append(f'vendhub_http_requests_total{{case="{case}",status="500"}} {bad * factor}')
            lines.append(f'vendhub_http_requests_total{{case="{case}",status="200"}} {(total - bad) * factor}')
        for case, counts in LATENCY.items():
            for bound, count in zip(("0.1", "0.5", "2", "10", "+Inf"), (*counts, 1000)):
                lines.append(f'vendhub_http_request_duration_seconds_bucket{{case="{case}",le="{bound}"}}'
                             f' {count * factor}')
        return 200, "\n".join(lines).encode() + b"\n"


@pytest.fixture(scope="module")
def server(prometheus: t.Any, serve: t.Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Prometheus that has seen every case rise, with one alert that fires and one target that is down."""
    exporter = Exporter()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
    rules = tmp_path_factory.mktemp("rules") / "rules.json"
    rules.write_text(json.dumps({"groups": [{"name": "test", "rules": [
        {"alert": "AlwaysFiring", "expr": "vector(1)", "labels": {"severity": "warning"}},
        {"alert": "NeverFiring", "expr": "vector(1) > 2"}]}]}))
    started = prometheus({
        "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {"job_name": "vendhub-backend", "static_configs": [{"targets": [f"127.0.0.1:{serve(exporter.page)}"]}]},
            {"job_name": "closed", "static_configs": [{"targets": [f"127.0.0.1:{closed}"]}]},
        ]})
    deadline = time.monotonic() + 20

    def until(query: str) -> None:
        while not started.number(query):
            assert time.monotonic() < deadline, query
            time.sleep(0.1)

    until("count_over_time(vendhub_http_requests_total{case='none'}[1m]) >= 3")
    exporter.risen = True
    until("vendhub_http_requests_total{case='none'} == 1000")
    until("count_over_time(vendhub_http_requests_total{case='none'}[1m]) >= 8")
    until("ALERTS{alertname='AlwaysFiring',alertstate='firing'}")
    return str(started.url)


@pytest.mark.parametrize(("case", "state"), [("none", "ok"), ("below", "ok"), ("at", "ok"), ("above", "warning"),
                                             ("at critical", "warning"), ("above critical", "critical")])
def test_errors_around_their_limits(server: str, case: str, state: str) -> None:
    found = finding(call("prometheus_check", url=server, selector=f'case="{case}"'), "api_error_percent")
    bad, total = ERRORS[case]
    assert found["value"] == pytest.approx(100 * bad / total)
    assert (found["state"], found.get("remedy")) == (
        state, None if state == "ok" else "vendhub.ops.investigate_errors")


@pytest.mark.parametrize(("case", "state"), [("below", "ok"), ("at", "ok"), ("above", "warning"),
                                             ("at critical", "warning"), ("above critical", "critical")])
def test_latency_around_its_limits(server: str, case: str, state: str) -> None:
    found = finding(call("prometheus_check", url=server, selector=f'case="{case}"'), "api_latency_p95_seconds")
    assert found["state"] == state
    if case.startswith("at"):
        assert found["value"] == {"at": 0.5, "at critical": 2}[case]


@pytest.mark.parametrize(("case", "words"), [("quiet", "no requests within 5m"), ("few", "fewer than 5")])
def test_without_enough_requests_nothing_is_judged(server: str, case: str, words: str) -> None:
    found = finding(call("prometheus_check", url=server, selector=f'case="{case}"'), "api_error_percent")
    assert (found["state"], words in found["message"]) == ("ok", True)
    assert "value" not in found


def test_a_metric_of_another_name_is_unknown_and_told(server: str) -> None:
    result = call("prometheus_check", url=server, requests_metric="http_requests_total", duration_metric="http_bucket")
    assert result["state"] == "unknown"
    assert "selects nothing: 100 * (sum(rate(http_requests_total" in finding(result, "api_error_percent")["message"]
    assert "selects nothing" in finding(result, "api_latency_p95_seconds")["message"]


def test_alerts_are_told_and_targets_that_are_down_are_a_warning(server: str) -> None:
    result = call("prometheus_check", url=server, selector='case="below"')
    alerts, targets = finding(result, "prometheus_alerts"), finding(result, "prometheus_targets")
    assert (alerts["state"], alerts["value"], alerts["details"][0]["alert"]) == ("ok", 1, "AlwaysFiring")
    assert (targets["state"], targets["value"], targets["details"][0]["job"]) == ("warning", 1, "closed")
    assert result["metrics"]["prometheus_targets"] == 2
    assert (result["check"], result["state"]) == ("prometheus", "warning")


def test_queries_of_ones_own(server: str) -> None:
    result = call("prometheus_check", url=server, latency_query="vector(0.7)", error_query="sum(", window="1m")
    assert finding(result, "api_latency_p95_seconds")["state"] == "warning"
    assert finding(result, "api_error_percent")["state"] == "unknown"
    assert "parse error" in finding(result, "api_error_percent")["message"]


def test_check_mode_gives_the_same_answer(server: str) -> None:
    options: dict[str, t.Any] = {"url": server, "selector": 'case="at"'}
    assert call("prometheus_check", check_mode=True, **options)["state"] == call("prometheus_check", **options)["state"]


# --- login, prefix, silence -----------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def guarded(prometheus: t.Any, tmp_path_factory: pytest.TempPathFactory) -> t.Any:
    """A Prometheus below a path that wants a login and scrapes nothing."""
    web = tmp_path_factory.mktemp("web") / "web.json"
    web.write_text(json.dumps({"basic_auth_users": {"daily": BCRYPT}}))
    return prometheus({}, f"--web.config.file={web}", prefix="/prometheus")


def test_a_login_is_sent_and_never_shown(guarded: t.Any) -> None:
    result = call("prometheus_check", url=guarded.url, username="daily", password=PASSWORD)
    assert finding(result, "prometheus_targets")["state"] == "warning"
    assert "no target" in finding(result, "prometheus_targets")["message"]
    assert PASSWORD not in json.dumps(result)
    inside = guarded.url.replace("//", f"//daily:{PASSWORD}@")
    result = call("prometheus_check", url=inside)
    assert not result["failed"]
    assert PASSWORD not in json.dumps(result)


@pytest.mark.parametrize("login", [{}, {"username": "daily", "password": "wr0ng-word"}, {"token": "t0ken-word"}])
def test_a_refused_login_fails_the_task_with_the_reason(guarded: t.Any, login: dict[str, t.Any]) -> None:
    result = call("prometheus_check", url=guarded.url, **login)
    assert result["failed"]
    assert "refuses the login (401)" in result["msg"]
    assert "-word" not in json.dumps(result)


def test_a_frozen_prometheus_is_critical_in_time(guarded: t.Any) -> None:
    os.kill(guarded.process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        result = call("prometheus_check", url=guarded.url, username="daily", password=PASSWORD, timeout_seconds=0.5)
    finally:
        os.kill(guarded.process.pid, signal.SIGCONT)
    reachable = finding(result, "prometheus_reachable")
    assert (reachable["state"], "did not answer within" in reachable["message"]) == ("critical", True)
    assert time.monotonic() - started < 2


def test_a_prometheus_that_is_down_is_critical() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    result = call("prometheus_check", url=f"http://127.0.0.1:{port}")
    assert (result["failed"], result["state"]) == (False, "critical")
    assert "refuses connections" in result["msg"]


def test_a_prometheus_that_is_not_ready_is_critical(serve: t.Any) -> None:
    result = call("prometheus_check", url=f"http://127.0.0.1:{serve(lambda _path: (503, b'Service Unavailable'))}")
    assert (result["state"], "not ready" in result["msg"]) == ("critical", True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b'{"status": "ok"}', b"[]"])
def test_something_that_is_not_prometheus_fails_the_task_with_the_reason(serve: t.Any, body: bytes) -> None:
    result = call("prometheus_check", url=f"http://127.0.0.1:{serve(lambda _path: (200, body))}")
    assert result["failed"]
    assert "not as a Prometheus server does" in result["msg"]


@pytest.mark.parametrize(("options", "words"), [
    ({"url": "nowhere"}, "not a URL"), ({"url": "http://h/?a=b"}, "without a query"),
    ({"url": "http://h/", "token": "abcdef", "username": "x"}, "either a token or"),
    ({"url": "http://h/", "window": "soon"}, "window must be a duration"),
    ({"url": "http://h/", "requests_metric": "a-b"}, "is not the name of a metric"),
    ({"url": "http://h/", "timeout_seconds": 0}, "timeout_seconds must be between"),
    ({"url": "http://h/", "min_requests": -1}, "min_requests must not be negative"),
])
def test_bad_options_are_one_sentence(options: dict[str, t.Any], words: str) -> None:
    result = call("prometheus_check", **options)
    assert (result["failed"], words in result["msg"]) == (True, True)
