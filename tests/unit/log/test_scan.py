# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in blocks of text, records over many lines, and where a window begins."""

from __future__ import annotations

import datetime
import random
import re

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._log import tally as tallies, window
from ansible_collections.vendhub.ops.plugins.module_utils._log.records import NEEDLES, Rules
from ansible_collections.vendhub.ops.plugins.module_utils._log.scan import (
    Style,
    Wanted,
    candidates,
    count_errors,
    whole_records,
)
from ansible_collections.vendhub.ops.plugins.module_utils._log.tally import Tally

UTC = datetime.timezone.utc
STAMPED = Style(True, NEEDLES, UTC)
BARE = Style(False, NEEDLES, UTC)
NO_RULES = Rules()
AT = "2026-11-23 16:42:00 +00:00: "


def counted(text: str, style: Style = STAMPED, size: int = 10**9, rules: Rules = NO_RULES) -> dict[str, int]:
    data = text.encode()
    chunks = [data[start:start + size] for start in range(0, len(data), size)]
    tally = Tally()
    count_errors(whole_records(chunks, style), style, Wanted(0, rules), tally)
    return {group.sample: group.count for group in tally.groups.values()}


MULTI = [
    ("a stack belongs to its error", f"{AT}ERROR boom\nTypeError: boom\n    at Error.x (a.js:1:2)\n{AT}LOG ok\n",
     {"boom": 1}),
    ("an error behind another record counts", f"{AT}LOG ok\nTypeError: boom\n    at Error.x\n", {"TypeError: boom": 1}),
    ("a stack below a record that is none counts not", f"{AT}WARN slow\n    Error: boom\n    at Error.x\n", {}),
    ("two errors in a row", f"{AT}ERROR one\n{AT}ERROR two\nError: two\n", {"one": 1, "two": 1}),
    ("json behind a prefix", f'{AT}LOG ok\n{{"level":"error","message":"boom"}}\n', {"boom": 1}),
    ("the last line without its end", f'{AT}LOG ok\n{AT}ERROR boom', {"boom": 1}),
]


@pytest.mark.parametrize(("text", "found"), [row[1:] for row in MULTI], ids=[row[0] for row in MULTI])
@pytest.mark.parametrize("size", [10**9, 64, 7, 1])
def test_records_over_many_lines_count_once_however_they_are_cut(text: str, found: dict[str, int], size: int) -> None:
    assert counted(text, size=size) == found


def test_without_times_a_line_that_is_not_indented_begins_a_record() -> None:
    assert counted("Error: one\n    at Error.x\nall is well\nError: two\n}\nCaused by: Error: three\n", BARE) == {
        "Error: one": 1, "Error: two": 1}


def test_cutting_in_any_place_gives_the_same_counts() -> None:
    chance = random.Random(3)
    lines = []
    for number in range(3000):
        lines.append(AT + chance.choice(["LOG ok", "ERROR boom", "WARN slow Error", f"TypeError: x{number % 3}"]))
        lines += chance.choices(["    at Error.x (a.js)", "Error: again", '{"level":"error","message":"json"}'],
                                k=chance.randrange(3))
    text = "\n".join(lines)
    whole = counted(text)
    assert sum(whole.values()) > 1000
    for size in (100, 999, 4096):
        assert counted(text, size=size) == whole


def test_candidates_are_the_lines_that_hold_a_needle() -> None:
    chance = random.Random(4)
    lines = [chance.choice([b"plain", b"", b"an error", b"FATAL and Error", b"x" * 50]) for dummy in range(500)]
    block = b"\n".join(lines)
    starts = candidates(block, (b"error", b"fatal"), [re.compile(b"^x", re.MULTILINE)])
    offset, expected = 0, []
    for line in lines:
        if re.search(b"error|fatal|^x", line.lower()):
            expected.append(offset)
        offset += len(line) + 1
    assert starts == expected


def test_a_pattern_finds_lines_no_literal_would() -> None:
    rules = Rules((re.compile("Slow request"),))
    assert counted(f"{AT}LOG Slow request detected\n{AT}LOG fast\n", rules=rules) == {"LOG Slow request detected": 1}


def test_a_line_of_ten_megabytes_is_cut_and_the_next_is_seen() -> None:
    text = f"{AT}ERROR {'x' * 10_000_000} Error\n{AT}ERROR boom\n"
    found = counted(text, size=500_000)
    assert found.pop("boom") == 1
    assert list(found.values()) == [1]
    assert max(map(len, found)) <= tallies.SAMPLE_CHARACTERS


def test_the_end_of_a_long_line_tells_its_time() -> None:
    line = '{"level":"error","message":"boom","stack":"' + "x" * 200_000 + '","timestamp":"2026-11-23T16:42:00Z"}\n'
    tally = Tally()
    count_errors([line.encode()], STAMPED, Wanted(0, NO_RULES), tally)
    (group,) = list(tally.groups.values())
    assert group.first == datetime.datetime(2026, 11, 23, 16, 42, tzinfo=UTC).timestamp()


def test_a_record_without_a_time_has_that_of_the_record_before_it() -> None:
    old, new = "2026-11-22 16:42:00 +00:00: LOG ok\n", f"{AT}LOG ok\n"
    bare = '{"level":"error","message":"boom"}\n'
    since = datetime.datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    for size in (10**9, 50, 7):
        data = (old + bare * 2 + new + bare).encode()
        tally = Tally()
        chunks = [data[start:start + size] for start in range(0, len(data), size)]
        count_errors(whole_records(chunks, STAMPED), STAMPED, Wanted(since, NO_RULES), tally)
        assert tally.total == 1


def test_what_is_older_than_the_window_counts_not() -> None:
    tally = Tally()
    text = b"2026-11-23T16:41:59Z ERROR old\n2026-11-23T16:42:00Z ERROR new\n"
    since = datetime.datetime(2026, 11, 23, 16, 42, tzinfo=UTC).timestamp()
    count_errors([text], STAMPED, Wanted(since, NO_RULES), tally)
    assert [group.sample for group in tally.groups.values()] == ["new"]


def test_more_kinds_than_can_be_told_apart_are_still_counted() -> None:
    tally = Tally("", kinds=2)
    for word in "abcd":
        tally.add(f"{word} {word}", 5.0)
    assert tally.total == 4
    assert tally.groups[tallies.OTHERS].count == 2


def test_a_record_in_two_logs_of_an_app_is_one_error() -> None:
    one, two = Tally("out.log"), Tally("combined.log")
    for tally, times in ((one, 3), (two, 5)):
        for number in range(times):
            tally.add("boom", float(number))
    two.add("other", 9.0)
    merged = tallies.same_app([one, two])
    assert {group.sample: group.count for group in merged.groups.values()} == {"boom": 5, "other": 1}
    assert merged.groups["boom"].last == 4.0


def _log(chance: random.Random, lines: int) -> tuple[bytes, list[tuple[int, float]]]:
    """Lines in order of time with traces, rubbish and long lines between: the bytes, and where each time stands."""
    when, out, stamps, size = 1.7e9, [], [], 0
    for dummy in range(lines):
        when += chance.expovariate(1 / 60)
        text = datetime.datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds") + " LOG ok"
        stamps.append((size, when))
        for line in (text, *["    at x" * chance.randrange(1, 400)] * (chance.random() < 0.3)):
            out.append(line.encode() + chance.choice([b"", b"", b"\xff\x00"]) + b"\n")
            size += len(out[-1])
    return b"".join(out), stamps


@pytest.mark.parametrize("seed", range(8))
def test_halving_finds_the_window_in_any_sorted_log(seed: int) -> None:
    chance = random.Random(seed)
    data, stamps = _log(chance, 2000)

    def read_at(offset: int, length: int) -> bytes:
        return data[offset:offset + length]

    for dummy in range(20):
        since = chance.uniform(stamps[0][1] - 100, stamps[-1][1] + 100)
        start = window.offset_of(since, read_at, 0, len(data), UTC)
        assert start == 0 or data[start - 1:start] == b"\n"
        first = next((offset for offset, when in stamps if when >= since), len(data))
        assert start <= first  # nothing is missed
        assert first - start <= 2 * window.PAGE + 4000  # and little is read for nothing


def test_the_style_is_told_by_both_ends() -> None:
    access = b'10.0.0.7 - - [23/Nov/2026:16:42:00 +0000] "GET / HTTP/1.1" 200 5\n'
    nginx = b"2026/11/23 16:42:00 [warn] 7#7: up\n"
    assert window.judge_pages(b"up\n", b"down\n", UTC).style.stamped is False
    assert window.judge_pages(access, access, UTC).style.needles == (b'" 5',)
    assert b"rror" in window.judge_pages(access, AT.encode() + b"up\n", UTC).style.needles
    assert b"[crit]" in window.judge_pages(nginx, nginx, UTC).style.needles
    early, late = b"2026-11-20T16:42:00Z up\n", b"2026-11-23T16:42:00Z up\n"
    assert window.judge_pages(early, late, UTC).sorted is True
    assert window.judge_pages(late, early, UTC).sorted is False
