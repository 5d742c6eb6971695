# SPDX-License-Identifier: GPL-3.0-or-later
"""Which records are errors, and what they say."""

from __future__ import annotations

import datetime
import re

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._log.records import (
    ACCESS_NEEDLES,
    NEEDLES,
    NGINX_NEEDLES,
    Rules,
    error_message,
)
from ansible_collections.vendhub.ops.plugins.module_utils._log.stamps import plain, stamp

NO_RULES = Rules()
UTC = datetime.timezone.utc
PM2 = "2026-11-23 16:42:00 +00:00: "
NEST = "\x1b[31m[Nest] 4211  - \x1b[39m11/23/2026, 4:42:00 PM \x1b[31m  {}\x1b[39m \x1b[33m[Tasks] \x1b[39m"


def message(line: str, rules: Rules = NO_RULES) -> str | None:
    text = plain(line.encode())
    return error_message(text, stamp(text, UTC), rules)


ERRORS = [
    ('{"level":"error","message":"boom","timestamp":"2026-11-23T16:42:00Z"}', "boom"),
    ('{"context":"Tasks","level":"error","message":"boom","timestamp":"2026-11-23T16:42:00Z"}', "[Tasks] boom"),
    (PM2 + '{"level":"error","message":"boom"}', "boom"),
    ('{"level": "ERROR", "message": "boom"}', "boom"),
    ('{"level":"fatal","msg":"boom"}', "boom"),
    ('{"level":50,"time":1763916120000,"msg":"boom"}', "boom"),
    ('{"level":60,"time":1763916120000,"err":{"type":"TypeError","message":"boom"}}', "boom"),
    ('{"meta":{"level":"info"},"level":"error","message":"boom"}', "boom"),
    ('{"level":"error","message":"half writ', "half writ"),
    ('{"message":"TypeError: boom\\n","type":"err","app_name":"api"}', "TypeError: boom"),
    (PM2 + NEST.format("ERROR") + "boom", "[Tasks] boom"),
    (NEST.format("ERROR") + "boom\x1b[33m +3ms\x1b[39m", "[Tasks] boom"),
    (NEST.format("FATAL") + "boom", "[Tasks] boom"),
    (PM2 + "ERROR [POST /api/v1/files/upload] HTTP 500 boom", "[POST /api/v1/files/upload] HTTP 500 boom"),
    ("error: boom", "boom"),
    ("[error] boom", "boom"),
    ("2026-11-23T16:42:00Z [api] ERROR boom", "boom"),
    ("2026-11-23 16:42:00,000 CRITICAL boom", "boom"),
    ("2026/11/23 16:42:00 [error] 7#7: *1 boom", "7#7: *1 boom"),
    ("2026/11/23 16:42:00 [crit] 7#7: *1 boom", "7#7: *1 boom"),
    ("2026/11/23 16:42:00 [emerg] 7#7: boom", "7#7: boom"),
    ("2026-11-23 16:42:00.123 UTC [77] ERROR:  boom", "boom"),
    ("2026-11-23 16:42:00.123 UTC [77] app@db PANIC:  boom", "boom"),
    ("4711:M 23 Nov 2026 16:42:00.123 # Fatal error loading the DB", "Fatal error loading the DB"),
    (PM2 + "TypeError: boom", "TypeError: boom"),
    (PM2 + "Unhandled HttpException in queue", "Unhandled HttpException in queue"),
    (PM2 + "an exception was thrown", "an exception was thrown"),
    (PM2 + "panic: boom", "boom"),
    (PM2 + "Request failed with error 17", "Request failed with error 17"),
    (PM2 + "error: 3 tasks lost", "3 tasks lost"),
    ('10.0.0.7 - - [23/Nov/2026:16:42:00 +0000] "GET /a?b=1 HTTP/1.1" 502 157 "-" "curl"', "GET /a -> 502"),
    (PM2 + '::1 - - [23/Nov/2026:16:42:00 +0000] "GET /a HTTP/1.1" 500 157 "-" "curl"', "GET /a -> 500"),
    ('10.0.0.7 - - [23/Nov/2026:16:42:00 +0000] "\\x16\\x03" 500 157 "-" "-"', '"\\x16\\x03" 500'),
]
FINE = [
    '{"level":"info","message":"GET /api/error -> Error page shown"}',
    '{"level":"warn","message":"Error: retried"}',
    '{"level":30,"msg":"no Error"}',
    '{"errors":0,"level":"info"}',
    '{"message":"all good","errors":0}',
    '{"level":"info","message":"half writ Error',
    PM2 + NEST.format("LOG") + "GET /errors/Error.html",
    NEST.format("WARN") + "Error: retried",
    "info: Error page shown",
    "[warn] Error: retried",
    "2026/11/23 16:42:00 [warn] 7#7: *1 an upstream Error was buffered",
    "2026-11-23 16:42:00.123 UTC [77] LOG:  duration: 5 ms statement: SELECT 'Error'",
    "2026-11-23 16:42:00.123 UTC [77] STATEMENT:  SELECT 'Error'",
    PM2 + "done, errors: 0", PM2 + "done, 0 errors", PM2 + "Found 0 errors. Watching",
    PM2 + "no error", PM2 + "No error",
    PM2 + "finished without error", PM2 + "error: null", PM2 + "{ error: null, data: 5 }", PM2 + '"error": false',
    PM2 + "error=0", PM2 + "GET /error/page", PM2 + "wrote /var/log/error.log", PM2 + "see https://x.y/z?error=1",
    PM2 + "loaded on-error-resume", PM2 + "ErrorHandler started", PM2 + "terror at home", PM2 + "all is well",
    '10.0.0.7 - - [23/Nov/2026:16:42:00 +0000] "GET /error HTTP/1.1" 200 500 "-" "Error"',
    '10.0.0.7 - - [23/Nov/2026:16:42:00 +0000] "GET /a HTTP/1.1" 404 500 "-" "curl"',
]


@pytest.mark.parametrize(("line", "said"), ERRORS)
def test_errors_are_seen_and_lose_their_time_and_level(line: str, said: str) -> None:
    assert message(line) == said


@pytest.mark.parametrize("line", FINE)
def test_what_merely_mentions_an_error_is_none(line: str) -> None:
    assert message(line) is None


@pytest.mark.parametrize("line", [line for line, dummy in ERRORS])
def test_every_error_holds_a_literal_that_is_searched_for(line: str) -> None:
    assert any(needle in line.lower().encode() for needle in (*NEEDLES, *NGINX_NEEDLES, *ACCESS_NEEDLES))


def test_patterns_add_and_ignore_takes_away() -> None:
    rules = Rules((re.compile("Slow request"),), (re.compile("telegram"),))
    assert message(PM2 + "WARN Slow request detected: GET /a", rules) == "WARN Slow request detected: GET /a"
    assert message(PM2 + "Slow request to telegram", rules) is None
    assert message(PM2 + "Error: telegram is away", rules) is None
    assert message(PM2 + "Error: boom", rules) == "Error: boom"


def test_json_as_deep_as_the_sea_does_not_sink_the_check() -> None:
    assert message('{"level":"error","message":"boom","a":' + "[" * 20000) == "boom"
