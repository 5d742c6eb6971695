# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs that are broken, hostile, or change while they are read."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._log import files, finder, gather
from ansible_collections.vendhub.ops.plugins.module_utils._log.records import Rules
from ansible_collections.vendhub.ops.plugins.module_utils._log.scan import Wanted

from tests.modules import call, finding

from .conftest import ago

Log = t.Callable[..., str]
NOBODY = 65534


def error(hours: float = 1, text: str = "boom") -> str:
    return f"{ago(hours)} ERROR {text}"


def look(*sources: gather.Source, since: float = 0, seconds: float = 60, max_bytes: int = 10**9,
         clock: t.Callable[[], float] = time.monotonic) -> gather.Gathered:
    plan = gather.Plan(Wanted(since, Rules()), 10**6)
    return gather.gather(sources, plan, gather.Budget(max_bytes, clock() + seconds, clock))


def counts(result: gather.Gathered) -> dict[str, int]:
    return {group.sample: group.count for parts in result.tallies.values() for tally in parts
            for group in tally.groups.values()}


@pytest.mark.parametrize(("junk", "total"), [
    (bytes(range(256)) * 4000, 2),
    (b"\xff\xfe\n" * 100000, 2),
    (b"\0" * 3_000_000, 2),
    (b"\n" * 1_000_000, 2),
    (b"\x1b[" * 100000 + b"\n", 2),
    (b'{"level":"error","message":"half writ\n', 3),
    (b'{"level":"error"' + b'{"a":' * 50000 + b"\n", 3),
    (b"Error: " + b"y" * 10_000_000 + b"\n", 3),
], ids=["binary", "not utf-8", "zeros", "empty lines", "escapes", "half json", "deep json", "10 MB line"])
def test_rubbish_between_two_errors_hides_neither(log: Log, junk: bytes, total: int) -> None:
    path = log(error(2), f"{ago(1.6)} LOG ok", junk, f"{ago(1.5)} LOG ok", error(1))
    started = time.monotonic()
    result = call("log_check", paths=[path])
    assert time.monotonic() - started < 5
    assert finding(result, "log_errors")["value"] == total
    assert result["state"] == "ok"


@pytest.mark.parametrize("line", [error(1), "Error: no time and no end"])
def test_a_log_of_one_line_without_its_end_is_read(log: Log, line: str) -> None:
    assert finding(call("log_check", paths=[log(line.encode())]), "log_errors")["value"] == 1


def test_a_damaged_gzip_gives_what_can_be_had_and_says_so(log: Log) -> None:
    chance = random.Random(1)
    lines = "".join(f"{error(1)} {chance.random()}\n" for dummy in range(20000)).encode()
    packed = gzip.compress(lines)
    log(error(1), name="app.log")
    log(packed[:len(packed) // 2], name="app.log.1.gz")
    log(packed[:10000] + b"\xff" * 500 + packed[10000:], name="app.log.2.gz")
    path = log(gzip.compress(f"{error(1)}\n".encode()) * 3, name="app.log.3.gz").replace(".3.gz", "")
    log(b"not gzip", name="app.log.4.gz")
    log(b"", name="app.log.5.gz")
    result = call("log_check", paths=[path])
    reasons = {os.path.basename(row["file"]): row["reason"] for row in finding(result, "log_partial")["details"]}
    assert sorted(reasons) == ["app.log.1.gz", "app.log.2.gz", "app.log.4.gz"]
    assert reasons["app.log.1.gz"] == "it ends in the middle"
    assert 1 + 3 + 5000 < finding(result, "log_errors")["value"] < 40000


def test_a_gzip_that_unpacks_to_too_much_stops_at_the_budget(log: Log) -> None:
    path = log(gzip.compress(b"\0" * 50_000_000 + b"\n"), name="app.log.1.gz")
    result = call("log_check", paths=[path], max_bytes=2 * 1024 * 1024)
    assert "byte budget" in finding(result, "log_partial")["message"]
    assert result["metrics"]["log_bytes_read"] <= 2 * 1024 * 1024


def test_a_sparse_terabyte_is_not_read(log: Log) -> None:
    path = log(error(2))
    with open(path, "r+b") as file:
        file.seek(10**12)
        file.write(f"\n{error(1)}\n".encode())
    started = time.monotonic()
    result = call("log_check", paths=[path])
    assert time.monotonic() - started < 5
    assert finding(result, "log_errors")["value"] >= 1
    with open(path, "r+b") as file:
        file.truncate(2 * 10**12)
    assert call("log_check", paths=[path])["failed"] is False


def test_what_is_no_file_is_skipped_with_a_word(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    os.symlink("loop.log", tmp_path / "loop.log")
    os.mkdir(tmp_path / "folder.log")
    os.symlink("/dev/zero", tmp_path / "device.log")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket.log"))
    started = time.monotonic()
    names = ["pipe.log", "loop.log", "folder.log", "device.log", "socket.log", "none.log", "none*.log"]
    result = call("log_check", paths=[str(tmp_path / name) for name in names])
    server.close()
    assert time.monotonic() - started < 5
    rows = {os.path.basename(row["file"]): row["reason"] for row in finding(result, "log_unreadable")["details"]}
    words = {"pipe.log": "a pipe", "loop.log": "circle", "folder.log": "a folder", "zero": "a device",
             "socket.log": "a socket", "none.log": "does not exist", "none*.log": "no file matches"}
    assert {name: words[name] in rows.get(name, "") for name in words} == dict.fromkeys(words, True), rows
    assert result["state"] == "unknown"


def test_a_log_this_user_must_not_read_is_unknown_and_the_others_are_judged() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for name in ("secret.log", "open.log"):
            pathlib.Path(folder, name).write_text(error() + "\n", encoding="utf-8")
        os.chmod(os.path.join(folder, "secret.log"), 0)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(NOBODY)
        try:
            result = call("log_check", paths=[f"{folder}/secret.log", f"{folder}/open.log"])
        finally:
            if was_root:
                os.seteuid(0)
    found = finding(result, "log_unreadable")
    assert found["state"] == "unknown"
    assert "secret.log could not be read: this user must not read it" in found["message"]
    assert finding(result, "log_errors", f"{folder}/open.log")["value"] == 1
    assert [one["object"] for one in result["findings"] if one["name"] == "log_errors"] == [f"{folder}/open.log"], \
        "nobody knows whether secret.log has errors"
    assert not [key for key in result["metrics"] if "secret.log" in key]


def test_a_log_that_is_cut_while_it_is_read_ends_there(log: Log) -> None:
    path = log(*[error()] * 50000)
    with files.OpenLog(path) as opened:
        chunks = opened.chunks(0)
        assert next(chunks)
        os.truncate(path, 100)
        assert list(chunks) == []


def test_a_log_that_is_rotated_while_it_is_read_loses_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    path = log(error(2, "second"))
    log(error(3, "first"), name="app.log.1")
    real = files.OpenLog
    rotated: list[str] = []

    def rotate_first(name: str) -> files.OpenLog:
        if not rotated:
            rotated.append(name)
            os.rename(path + ".1", path + ".2")
            os.rename(path, path + ".1")
            log(error(1, "third"))
        return real(name)

    monkeypatch.setattr(files, "OpenLog", rotate_first)
    assert counts(look(gather.Source(path))) == {"first": 1, "second": 1, "third": 1}


def test_a_log_that_never_stops_growing_is_not_followed(log: Log) -> None:
    path = log(*[error()] * 30_000)
    stop = threading.Event()

    def write() -> None:
        with open(path, "ab") as file:
            while not stop.is_set():
                file.write(f"{error()}\n".encode() * 1000)
                time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        started = time.monotonic()
        result = call("log_check", paths=[path])
        assert time.monotonic() - started < 15
    finally:
        stop.set()
        writer.join()
    assert finding(result, "log_errors")["value"] >= 30_000


def test_when_the_time_is_over_what_was_read_counts_and_the_rest_is_named(log: Log) -> None:
    ticks = iter(range(10**6))
    sources = [gather.Source(log(*[error()] * 30000, name=f"{name}.log")) for name in "ab"]
    result = look(*sources, seconds=3, clock=lambda: float(next(ticks)))
    assert 0 < sum(counts(result).values()) < 60000
    assert {(gap.kind, gap.why) for gap in result.gaps} == {("partial", gather.TIME_OVER)}


def test_small_logs_are_read_before_a_huge_one_eats_the_budget(log: Log) -> None:
    huge = log(*[error(1, "huge")] * 100_000, name="a-huge.log")
    small = log(error(1, "small"), name="z-small.log")
    result = look(gather.Source(huge), gather.Source(small), max_bytes=1_000_000)
    assert counts(result)["small"] == 1
    assert [gap.path for gap in result.gaps] == [huge]


def test_two_names_of_one_file_are_read_once(log: Log, tmp_path: pathlib.Path) -> None:
    path = log(error())
    os.symlink(path, tmp_path / "link.log")
    os.link(path, tmp_path / "hard.log")
    result = look(*(gather.Source(str(tmp_path / name)) for name in ("app.log", "link.log", "hard.log")))
    assert sum(counts(result).values()) == 1


def _fake_grep(folder: pathlib.Path, script: str) -> str:
    path = folder / "bin" / "grep"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


GREPS = {
    "no grep": None,
    "one that knows no -b": "echo 'grep: invalid option' >&2; exit 1",
    "one that dies half way": '/bin/grep "$@" | head -n 500; exit 2',
    "one that prints rubbish": "echo rubbish",
    "one that prints no offsets": "cat",
}


@pytest.mark.parametrize("grep", list(GREPS))
def test_without_a_good_grep_the_answer_is_the_same(log: Log, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
                                                    grep: str) -> None:
    chance = random.Random(5)
    kinds = ("ERROR boom", "LOG ok", "LOG Error is fine", "WARN slow", "TypeError: odd", "FATAL dead")
    lines = []
    monkeypatch.setattr(gather, "_WORTH_BYTES", 100_000)
    for number in range(6000):
        lines.append(f"{ago(20 - number / 600)} {chance.choice(kinds)} {'x' * chance.randrange(150)}")
        lines += ["    at Error.x (a.js:1:2)", "Error: again"] * (chance.random() < 0.1)
    path = log(*lines)
    with_grep = counts(look(gather.Source(path)))
    script = GREPS[grep]
    monkeypatch.setattr(finder, "_PLACES", () if script is None else (_fake_grep(tmp_path, script),))
    assert counts(look(gather.Source(path))) == with_grep
    assert sum(with_grep.values()) > 2000


def test_grep_is_really_used_for_large_logs(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    def watched(fd: int, start: int, end: int, needles: t.Sequence[bytes]) -> finder.Finder:
        used.append(start)
        return finder.Finder(fd, start, end, needles)

    monkeypatch.setattr(gather, "Finder", watched)
    line = error(1, "boom " + "x" * 1000)
    assert sum(counts(look(gather.Source(log(*[line] * 5000)))).values()) == 5000
    assert used == [0]


@pytest.mark.slow
def test_memory_stays_small_whatever_the_log_is(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.log"
    with open(path, "wb") as file:
        file.write(f"{error(2)} {'y' * 60_000_000} Error\n".encode())
        start = error(1)
        for number in range(100_000):
            file.write(f"{start} {number * 7919:x} {chr(97 + number % 26) * (number % 40)}\n".encode())
    script = (
        "import json, resource, sys\n"
        "from ansible_collections.vendhub.ops.plugins.module_utils._log.options import OPTIONS\n"
        "from ansible_collections.vendhub.ops.plugins.module_utils._log.subject import subject\n"
        "from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds\n"
        "options = {name: option['default'] for name, option in OPTIONS.items()}\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "found = subject({**options, 'paths': [sys.argv[1]]}, Thresholds()).inspect()\n"
        "print(json.dumps([found.findings[0].value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[3] / ".collections")}
    out = subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True, env=environment,
                         timeout=60).stdout
    number, kib = json.loads(out)
    assert number == 100_001
    assert kib < 64 * 1024


def test_what_is_written_after_the_log_was_opened_is_left_to_the_next_look(log: Log) -> None:
    path = log(*[error()] * 100)
    with files.OpenLog(path) as opened:
        size = opened.size
        with open(path, "ab") as file:
            file.write(f"{error()}\n".encode() * 100)
        lines = finder.Finder(opened.fileno(), 0, size, (b"rror",)).lines(lambda: False)
        assert len(list(lines)) == 100
        assert sum(map(len, opened.chunks(0))) == size
