# SPDX-License-Identifier: GPL-3.0-or-later
"""log_check on real files."""

from __future__ import annotations

import datetime
import gzip
import json
import os
import pathlib
import time
import typing as t

import pytest

from tests.modules import call, finding

from .conftest import ago

Log = t.Callable[..., str]
UTC = datetime.timezone.utc


def error(hours: float = 1, text: str = "boom") -> str:
    return json.dumps({"level": "error", "message": text, "timestamp": ago(hours)})


@pytest.mark.parametrize(("number", "state"), [(0, "ok"), (50, "ok"), (51, "warning"), (1000, "warning"),
                                               (1001, "critical")])
def test_the_number_of_errors_is_judged_by_the_table(log: Log, number: int, state: str) -> None:
    path = log(*[error()] * number, f"{ago(0.5)} LOG ok")
    result = call("log_check", paths=[path])
    found = finding(result, "log_errors", path)
    assert (found["value"], found["state"], result["state"]) == (number, state, state)
    assert result["metrics"][f'log_errors{{source="{path}"}}'] == number
    assert result["changed"] is False
    assert ("remedy" in found) is (state != "ok")


def test_fail_on_fails_the_task_with_the_whole_verdict(log: Log) -> None:
    result = call("log_check", paths=[log(error())], thresholds={"log_errors": {"warning": 0}}, fail_on="warning")
    assert result["failed"] is True
    assert finding(result, "log_errors")["value"] == 1


def test_only_the_window_counts(log: Log) -> None:
    path = log(error(25), error(23.9), error(2), error(0.9))
    values = {hours: finding(call("log_check", paths=[path], window_hours=hours), "log_errors")["value"]
              for hours in (1, 3, 24, 26)}
    assert values == {1: 1, 3: 2, 24: 3, 26: 4}


def test_a_group_tells_when_it_was_seen_first_and_last(log: Log) -> None:
    first, last = ago(5), ago(1)
    path = log(f"{first} ERROR task 1 failed", f"{ago(2)} ERROR task 2 failed", f"{last} ERROR task 3 failed")
    (row,) = finding(call("log_check", paths=[path]), "log_errors")["details"]
    assert row["count"] == 3
    assert (row["first_seen"], row["last_seen"]) == (first[:19] + "Z", last[:19] + "Z")
    assert (row["file"], row["sample"]) == (path, "task 1 failed")
    assert len(row["fingerprint"]) == 8


def test_twenty_kinds_are_shown_and_two_hundred_more_are_named(log: Log) -> None:
    words = [f"{a}{b}oom" for a in "abcdefghijklmnop" for b in "abcdefghijklmnopq"]
    path = log(*(error(1, word) for number, word in enumerate(words) for dummy in range(1 + (number < 5))))
    result = call("log_check", paths=[path])
    rows = finding(result, "log_errors")["details"]
    assert result["metrics"]["log_groups"] == len(words) == 272
    assert [len(row) for row in rows] == [6] * 20 + [2] * 200
    assert [row["count"] for row in rows[:6]] == [2, 2, 2, 2, 2, 1]
    assert len({row["fingerprint"] for row in rows}) == 220


def test_rotated_files_belong_to_the_log_while_they_reach_into_the_window(tmp_path: pathlib.Path, log: Log) -> None:
    path = log(error(1), name="api-out.log")
    names = {"api-out.log.1": 3, "api-out.log.2.gz": 10, "api-out__2026-11-22_00-00-00.log": 12,
             "api-out__2026-11-21_00-00-00.log.gz": 20, "api-out.log-20261120": 40}
    for name, hours in names.items():
        data = (error(hours) + "\n" + error(hours - 0.1) + "\n").encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        moment = time.time() - (hours - 0.1) * 3600
        os.utime(tmp_path / name, (moment, moment))
    (tmp_path / "api-out.log.3.xz").write_bytes(b"?")
    log(error(), name="api-error.log")
    result = call("log_check", paths=[path])
    assert finding(result, "log_errors")["value"] == 1 + 4 * 2
    assert "xz files cannot be read" in finding(result, "log_unreadable")["message"]


def test_a_pattern_gives_a_finding_for_every_log(log: Log, tmp_path: pathlib.Path) -> None:
    log(error(), name="a.log")
    log(error(), error(), name="b.log")
    log(error(30), name="b.log.1")
    result = call("log_check", paths=[str(tmp_path / "*.log*")])
    assert {row["object"]: row["value"] for row in result["findings"]} == {
        str(tmp_path / "a.log"): 1, str(tmp_path / "b.log"): 2}


def test_nginx_logs_are_read_as_nginx_writes_them(log: Log) -> None:
    now = datetime.datetime.now()
    moment = now.astimezone().strftime("%d/%b/%Y:%H:%M:%S %z")
    access = [f'10.0.0.{number} - - [{moment}] "GET /a?b={number} HTTP/1.1" {status} 5 "-" "x"'
              for number, status in enumerate([200, 404, 502, 503, 502])]
    errors = [f"{now:%Y/%m/%d %H:%M:%S} [{level}] 7#7: *{number} connect() failed (111: Connection refused)"
              for number, level in enumerate(["error", "warn", "crit", "error"])]
    result = call("log_check", paths=[log(*access, name="access.log"), log(*errors, name="error.log")])
    rows = {os.path.basename(row["object"]): row for row in result["findings"]}
    assert rows["access.log"]["value"] == 3
    assert [row["sample"] for row in rows["access.log"]["details"]] == ["GET /a -> 502", "GET /a -> 503"]
    assert rows["error.log"]["value"] == 3
    assert len(rows["error.log"]["details"]) == 1


def test_a_log_without_times_is_read_from_its_end_and_said_so(log: Log) -> None:
    path = log(*["Error: boom"] * 10, "x" * 5000, "Error: late", name="bare.log")
    result = call("log_check", paths=[path], untimed_bytes=4000)
    assert finding(result, "log_errors")["value"] == 1
    assert "window is unknown" in finding(result, "log_untimed")["message"]
    assert result["state"] == "unknown"
    assert finding(call("log_check", paths=[path]), "log_errors")["value"] == 11
    quiet = log("all is well", name="quiet.log")
    assert call("log_check", paths=[quiet])["state"] == "ok"


def test_a_log_that_is_too_large_is_read_from_its_end(log: Log) -> None:
    line = f"{ago(2)} LOG {'x' * 1000}"
    path = log(error(3), *[line] * 3000, error(1))
    result = call("log_check", paths=[path], max_bytes=1024 * 1024)
    assert finding(result, "log_errors")["value"] == 1
    assert "only its last 1 MiB" in finding(result, "log_partial")["message"]
    assert result["metrics"]["log_bytes_read"] <= 1024 * 1024
    assert finding(call("log_check", paths=[path]), "log_errors")["value"] == 2


def test_patterns_and_ignore_are_the_users(log: Log) -> None:
    path = log(f"{ago(1)} LOG Slow request detected", error(1, "telegram is away"), error())
    result = call("log_check", paths=[path], patterns=["Slow request"], ignore=["telegram"])
    assert sorted(row["sample"] for row in finding(result, "log_errors")["details"]) == [
        "LOG Slow request detected", "boom"]


@pytest.mark.parametrize(("options", "words"), [
    ({"paths": []}, "give paths"),
    ({"paths": ["/x"], "patterns": ["("]}, "not a regular expression"),
    ({"paths": ["/x"], "ignore": ["x*"]}, "matches every line"),
    ({"paths": ["/x"], "window_hours": 0}, "window_hours must be at least"),
    ({"paths": ["/x"], "max_bytes": 5}, "max_bytes must be at least"),
    ({"paths": ["/x"], "thresholds": {"log_error": {"warning": 1}}}, "no threshold is named"),
])
def test_a_bad_option_fails_with_one_sentence(options: dict[str, t.Any], words: str) -> None:
    result = call("log_check", **options)
    assert result["failed"] is True
    assert words in result["msg"]


def test_no_secret_leaves_the_log(log: Log) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
    path = log(
        error(1, "login failed: password=canary-one"), error(2, f"bad token {token}"),
        error(3, "cannot reach postgres://app:canary-two@db/x"),
        error(4, "eyJhbGciOiJIUzI1NiJ9." + "Y2FuYXJ5" * 500),
        f"{ago(1)} ERROR {{ secret: 'canary three' }}")
    text = json.dumps(call("log_check", paths=[path]))
    for secret in ("canary", "c2lnbmF0dXJl", "eyJzdWIi", "Y2FuYXJ5"):
        assert secret not in text


def test_looking_leaves_no_trace(log: Log, tmp_path: pathlib.Path) -> None:
    path = log(error(), name="a.log")
    log(error(), name="a.log.1")
    os.utime(path, (time.time() - 90000, time.time() - 60))

    def state() -> dict[str, tuple[object, ...]]:
        # the access time too
        return {entry.name: tuple(os.stat(entry)) for entry in tmp_path.iterdir()}

    before = state()
    for check_mode in (False, True):
        assert call("log_check", check_mode, paths=[path])["changed"] is False
    assert state() == before


def test_a_time_without_zone_is_in_the_zone_of_the_host(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tashkent")
    time.tzset()
    try:
        local = datetime.datetime.now() - datetime.timedelta(minutes=30)
        path = log(f"{local:%Y-%m-%d %H:%M:%S} ERROR boom")
        result = call("log_check", paths=[path], window_hours=1)
        (row,) = finding(result, "log_errors")["details"]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert row["first_seen"] == ago(0.5)[:10] + row["first_seen"][10:]
    seen = datetime.datetime.strptime(row["first_seen"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    assert abs(time.time() - 1800 - seen) < 30
