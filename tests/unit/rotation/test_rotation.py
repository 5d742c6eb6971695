# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of log rotation that need no other process: flags, lines, patterns, and the files themselves."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
import typing as t
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles/logrotate/files"


def load(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"of_role_{name}", FILES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


finish: t.Any = load("finish_rotation")
find: t.Any = load("find_rotation")


@pytest.fixture
def files(tmp_path: Path) -> t.Iterator[tuple[int, int]]:
    """A log and its copy, open as for a cut."""
    log = os.open(tmp_path / "log", os.O_RDWR | os.O_APPEND | os.O_CREAT)
    copy = os.open(tmp_path / "log.1", os.O_RDWR | os.O_CREAT)
    yield log, copy
    os.close(log)
    os.close(copy)


def content(file: int) -> bytes:
    return os.pread(file, 10_000_000, 0)


@pytest.mark.parametrize(("flags", "writes", "appends"), [
    ("0100000", False, False), ("0102001", True, True), ("02102002", True, True), ("0100001", True, False),
])
def test_how_a_file_was_opened(flags: str, writes: bool, appends: bool) -> None:
    found = finish.open_flags(f"pos:\t0\nflags:\t{flags}\nmnt_id:\t9\n")
    assert (finish.writes(found), bool(found & os.O_APPEND)) == (writes, appends)


@pytest.mark.parametrize(("tail", "end", "whole"), [
    (b"one\ntwo\n", 8, 8), (b"one\ntw", 6, 4), (b"ne\ntw", 106, 104), (b"no end of line", 14, 14), (b"", 0, 0),
])
def test_a_line_is_whole_when_it_has_its_end(tail: bytes, end: int, whole: int) -> None:
    assert finish.whole_lines(tail, end) == whole


@pytest.mark.parametrize(("text", "log_after", "copy_after"), [
    (b"1\n2\n3\n", b"", b"1\n2\n3\n"),
    (b"1\n2\nhalf", b"half", b"1\n2\n"),
    (b"half a line of all", b"", b"half a line of all"),
    (b"", b"", b""),
    (b"x\n" * 1_500_000 + b"half", b"half", b"x\n" * 1_500_000),
])
def test_a_cut_moves_whole_lines(files: tuple[int, int], text: bytes, log_after: bytes, copy_after: bytes) -> None:
    log, copy = files
    os.write(log, text)
    os.write(copy, text[:2])
    finish.append(log, copy, len(text))
    finish.empty(log, copy, len(text))
    assert (content(log), content(copy)) == (log_after, copy_after)
    os.write(log, b"next\n")
    assert content(log) == log_after + b"next\n"


@pytest.mark.parametrize("step", ["ftruncate", "write"])
def test_a_cut_that_ends_at_any_step_leaves_every_byte(
    files: tuple[int, int], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    log, copy = files
    os.write(log, b"1\n2\nhalf")
    finish.append(log, copy, 8)

    def die(*dummy: object) -> t.NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(finish.os, step, die)
    with pytest.raises(KeyboardInterrupt):
        finish.empty(log, copy, 8)
    assert b"1\n2\nhalf" in (content(log), content(copy))


@pytest.mark.parametrize(("log_text", "copy_text", "copied"), [
    (b"abcdef", b"abc", True), (b"abcdef", b"", True), (b"abc", b"abcd", False), (b"abcdef", b"xbc", False),
    (b"a" * 200_000 + b"b", b"a" * 199_999 + b"b", False),
])
def test_only_a_copy_of_the_beginning_is_continued(
    files: tuple[int, int], log_text: bytes, copy_text: bytes, copied: bool
) -> None:
    log, copy = files
    os.write(log, log_text)
    os.write(copy, copy_text)
    assert finish.is_copy(log, copy) is copied


@pytest.mark.parametrize(("make", "reason"), [
    (lambda path: path.symlink_to("/etc/hostname"), "symbolic link"),
    (lambda path: (path.write_text("x"), path.with_suffix(".other").hardlink_to(path)), "2 names"),
    (os.mkfifo, "no plain file"),
    (lambda path: path.mkdir(), "cannot be opened|no plain file"),
    (lambda path: None, "No such file"),
])
def test_only_a_plain_file_with_one_name_is_cut(tmp_path: Path, make: t.Callable[[Path], object], reason: str) -> None:
    path = tmp_path / "app.log"
    make(path)
    with pytest.raises(finish.GaveUp, match=reason):
        finish.open_plain(str(path), os.O_RDWR)


@pytest.mark.parametrize("text", ["", "abc", "0", "1", "-4"])
def test_a_pid_file_without_a_process_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_text(text)
    with pytest.raises(finish.GaveUp, match="pid file"):
        finish.read_pid(str(tmp_path / "pid"))


CONFIGURATION = """
# /commented/out.log {
weekly
include /etc/logrotate.d
/var/log/a.log "/var/log/with space.log" {
    rotate 4
    postrotate
        kill -HUP $(cat /run/a.pid)
    endscript
}
/var/log/b/*.log
/var/log/c.log
{
    daily
}
/var/log/d.log { daily }
/var/log/e.log {
}
"""


def test_the_logs_a_configuration_names() -> None:
    assert find.patterns_of(CONFIGURATION) == [
        "/var/log/a.log", "/var/log/with space.log", "/var/log/b/*.log", "/var/log/c.log", "/var/log/d.log",
        "/var/log/e.log"]


@pytest.mark.parametrize(("one", "other", "both"), [
    ("/l/*.log", "/l/*.log", True), ("/l/*.log", "/l/api-out.log", True), ("/l/api-*.log", "/l/*.log", True),
    ("/l/*.log", "/l/sub/a.log", False), ("/l/*.log", "/l/*.json", False), ("/l/*.log", "/m/*.log", False),
    ("/l/a.log", "/*/a.log", True),
])
def test_two_patterns_may_mean_the_same_log(one: str, other: str, both: bool) -> None:
    assert find.overlap(one, other) is both
    assert find.overlap(other, one) is both


def test_our_own_configuration_is_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "ours").write_text("/l/*.log {\n}\n")
    (tmp_path / "theirs").write_text("/l/api.log {\n}\n")
    said = find.others(["/l/*.log"], str(tmp_path / "ours"), [str(path) for path in tmp_path.iterdir()])
    assert said == [f"{tmp_path}/theirs rotates /l/api.log"]


def test_a_file_that_logrotate_passes_over_is_nobody(tmp_path: Path) -> None:
    main, folder = tmp_path / "logrotate.conf", tmp_path / "logrotate.d"
    folder.mkdir()
    for name in ("app", "old.disabled", "app.dpkg-old", "app~", "app,v", "app.bak", "app.off", "app.sw"):
        (folder / name).write_text("/l/api.log {\n}\n")

    def read() -> list[str]:
        return [Path(path).name for path in find.configurations(str(main), str(folder))]

    assert read() == ["app", "app.off", "app.sw"], "without a main file"
    main.write_text("weekly\ntabooext + .off, .old\ninclude /etc/logrotate.d\n")
    assert read() == ["logrotate.conf", "app", "app.sw"]
    main.write_text("tabooext .off\ntaboopat + *.s?\n")
    assert read() == ["logrotate.conf", "app", "app,v", "app.bak", "app.dpkg-old", "app~", "old.disabled"]


@pytest.mark.parametrize(("ours", "theirs", "covered"), [
    ("/l/*.log", "/l/*.log", True), ("/l/*.log", "/l/api-*.log", True), ("/l/*.log", "/l/api.log", True),
    ("/l/api-*.log", "/l/*.log", False), ("/l/*.log", "/l/*", False), ("/l/*.log", "/l/sub/*.log", False),
    ("/l/*.log", "/m/*.log", False),
])
def test_what_one_pattern_rotates_of_another(ours: str, theirs: str, covered: bool) -> None:
    assert find.covers(ours, theirs) is covered


def test_what_a_replaced_file_rotated_is_named(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    text = f"{tmp_path}/link/*.log {tmp_path}/real/*.json /opt/vendhub/logs/*.log {{\n daily\n}}\n"
    assert find.dropped([f"{tmp_path}/real/*.log"], text) == [f"{tmp_path}/real/*.json", "/opt/vendhub/logs/*.log"]


def test_the_logs_of_pm2_are_read_where_it_keeps_them() -> None:
    forked = b"PATH=/bin\0pm_out_log_path=/l/a-out.log\0pm_err_log_path=/l/a b.log\0pm_pid_path=/l/a.pid\0"
    clustered = b'pm2_env={"name":"x","pm_out_log_path":"/l/c-out.log","pm_log_path":"/l/c.log"}\0PATH=/bin\0'
    saved = b'[{\n  "pm_err_log_path": "/l/d.log",\n  "pm_out_log_path": "/dev/null"\n}]'
    assert find.logs_named([forked, clustered, saved, b""]) == {
        "/l/a-out.log", "/l/a b.log", "/l/c-out.log", "/l/c.log", "/l/d.log"}


def test_what_pm2_does_not_rotate_is_left_for_us(tmp_path: Path) -> None:
    home, logs = tmp_path / "home", tmp_path / "logs"
    for folder in (home / "logs", logs, tmp_path / "other"):
        folder.mkdir(parents=True)
        for name in ("api-out.log", "api-out__2026-01-02_00-00-00.log", "combined.log"):
            (folder / name).touch()
    patterns = [f"{logs}/*.log", f"{home}/logs/*.log", f"{tmp_path}/other/*.log"]
    assert find.rest_of(patterns, str(home), {f"{logs}/api-out.log"}) == {
        patterns[0]: [f"{logs}/combined.log"], patterns[1]: [], patterns[2]: [patterns[2]]}
