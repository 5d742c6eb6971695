# SPDX-License-Identifier: GPL-3.0-or-later
"""When a log line was written."""

from __future__ import annotations

import datetime
import random

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._log.stamps import plain, stamp

TASHKENT = datetime.timezone(datetime.timedelta(hours=5))
UTC = datetime.timezone.utc
AT = datetime.datetime(2026, 11, 23, 16, 42, 0, tzinfo=UTC).timestamp()
LOCAL = AT - 5 * 3600  # the same digits, written in Tashkent


@pytest.mark.parametrize(("line", "when"), [
    ("2026-11-23T16:42:00Z up", AT),
    ("2026-11-23T16:42:00.250Z up", AT + 0.25),
    ("2026-11-23T16:42:00,250Z up", AT + 0.25),
    ("2026-11-23T16:42:00.123456789Z up", AT + 0.123456789),
    ("2026-11-23T21:42:00+05:00 up", AT),
    ("2026-11-23T21:42:00+0500 up", AT),
    ("2026-11-23 16:42:00 +00:00: up", AT),
    ("2026-11-23T16:42:00: up", LOCAL),
    ("2026-11-23 16:42:00 up", LOCAL),
    ("[2026-11-23 16:42:00] up", LOCAL),
    ("[2026-11-23T16:42:00.000Z] up", AT),
    ("info: 2026-11-23T16:42:00Z up", AT),
    ("[ERROR] 2026-11-23T16:42:00Z up", AT),
    ("2026/11/23 16:42:00 [error] 7#7: *1 up", LOCAL),
    ("[Nest] 123  - 11/23/2026, 4:42:00 PM     LOG up", LOCAL),
    ("[Nest] 123  - 11/23/2026, 4:42:00\u202fPM     LOG up", LOCAL),
    ("[Nest] 123  - 11/23/2026, 16:42:00     LOG up", LOCAL),
    ("[Nest] 123  - 23/11/2026, 16:42:00     LOG up", LOCAL),
    ("[Nest] 123  - 23.11.2026, 16:42:00     LOG up", LOCAL),
    ("[Nest] 123  - 11/23/2026, 12:42:00 AM     LOG up", LOCAL - 16 * 3600),
    ("[Nest] 123  - 11/23/2026, 12:42:00 PM     LOG up", LOCAL - 4 * 3600),
    ('{"level":"info","message":"up","timestamp":"2026-11-23T16:42:00.000Z"}', AT),
    ('{"level":"info","message":"up","timestamp":"2026-11-23 16:42:00"}', LOCAL),
    (f'{{"level":30,"time":{int(AT * 1000)},"pid":7,"msg":"up"}}', AT),
    (f'{{"level":30,"time":{int(AT)},"msg":"up"}}', AT),
    ('{"time":"soon","timestamp":"2026-11-23T16:42:00Z"}', AT),
    ('10.0.0.7 - - [23/Nov/2026:16:42:00 +0000] "GET / HTTP/1.1" 200 5', AT),
    ('::1 - alice smith [23/Nov/2026:21:42:00 +0500] "GET / HTTP/1.1" 200 5', AT),
    ("2026-11-23 16:42:00.123 UTC [77] LOG:  up", AT + 0.123),
    ("2026-11-23 21:42:00.123 +05 [77] LOG:  up", AT + 0.123),
    ("2026-11-23 16:42:00.123 UZT [77] LOG:  up", LOCAL + 0.123),
    ("4711:M 23 Nov 2026 16:42:00.123 * up", LOCAL + 0.123),
])
def test_stamps_of_every_style_are_read(line: str, when: float) -> None:
    found = stamp(line, TASHKENT)
    assert found is not None
    assert found.when == pytest.approx(when, abs=1e-6)
    assert line[found.end:].endswith(("up", "}", "5"))


@pytest.mark.parametrize("line", [
    "", " ", "up", "    at Foo.bar (foo.js:1:2)", "2026-11-23", "2026-13-23T16:42:00Z up", "2026-02-31 16:42:00 up",
    "2026-11-23T25:42:00Z up", '10.0.0.7 - - [23/Foo/2026:16:42:00 +0000] "GET /" 200', "Error: at 2026-11-23 noon",
    '{"time":12,"msg":"up"}', '{"timestamp":"0000-00-00T00:00:00Z"}', "{", "[Nest] 1  - 99/99/2026, 4:42:00 PM LOG",
    "2026-11-23T16:42:00+99:99 up", "9999-99-99 99:99:99",
])
def test_what_is_no_time_is_none(line: str) -> None:
    assert stamp(line, UTC) is None


def test_a_line_without_zone_is_in_the_zone_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    import time  # noqa: PLC0415 - the zone of this process is what is tested

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        stamp_in_tokyo = stamp("2025-01-02 03:04:05 up")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert stamp_in_tokyo is not None
    assert stamp_in_tokyo.when == datetime.datetime(2025, 1, 1, 18, 4, 5, tzinfo=UTC).timestamp()


def test_a_thousand_random_times_are_read_as_datetime_writes_them() -> None:
    chance = random.Random(7)
    for number in range(1000):
        zone = datetime.timezone(datetime.timedelta(minutes=30 * chance.randrange(-23, 28)))
        when = datetime.datetime.fromtimestamp(chance.randrange(10**9, 2 * 10**9), zone)
        found = stamp(f"{when.isoformat(sep='T' if number % 2 else ' ')} up")
        assert found is not None
        assert found.when == when.timestamp()


def test_random_rubbish_never_raises() -> None:
    chance = random.Random(8)
    alphabet = '0123456789-/: TZ[]{}",.+APMNovtimestamp\x1b\0é'
    for dummy in range(5000):
        stamp("".join(chance.choice(alphabet) for dummy2 in range(chance.randrange(60))), UTC)


def test_colours_zeros_and_wrong_bytes_are_taken_out() -> None:
    assert plain(b"\0\0\x1b[31m2026\x1b[39m \xff up") == "2026 \ufffd up"
