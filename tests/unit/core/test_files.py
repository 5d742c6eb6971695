# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are whole or not there, lines that are whole or not there, and a guard for one at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core import files
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import OpsError


@contextlib.contextmanager
def small_files() -> t.Iterator[None]:
    """A kernel that lets a file grow to 64 bytes and no further: what a full disk does, in the middle of a write."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, old[1]))
    try:
        yield
    finally:  # at once: the limit is also that of the file the tests' own output may go to
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_file_is_replaced_with_its_mode_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for text in ("one", "two"):
        files.atomic_write(str(path), text, 0o600)
        assert (path.read_text(), path.stat().st_mode & 0o777) == (text, 0o600)
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_file_that_cannot_be_written_whole_keeps_its_old_text(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files.atomic_write(str(path), "old")
    with small_files(), pytest.raises(OpsError, match=str(path)):
        files.atomic_write(str(path), "n" * 100)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_line_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    files.append_line(str(path), "first")
    with small_files(), pytest.raises(OpsError, match="cannot be written"):
        files.append_line(str(path), "x" * 100)
    assert path.read_text() == "first\n"


def test_a_line_after_a_torn_one_stands_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"torn')
    files.append_line(str(path), "whole")
    assert path.read_text().splitlines() == ['{"torn', "whole"]


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "victim")
    with pytest.raises(OpsError):
        files.append_line(str(link), "x")
    with pytest.raises(OpsError), files.guarded(str(link)):
        pass
    assert (tmp_path / "victim").read_text() == "mine"


def test_the_guard_lets_one_in_and_the_others_wait_no_longer_than_told(tmp_path: Path) -> None:
    guard = str(tmp_path / "guard")
    with files.guarded(guard):
        started = time.monotonic()
        with pytest.raises(OpsError, match="another process holds"), files.guarded(guard, 0.2):
            pass
        assert 0.2 <= time.monotonic() - started < 2
    with files.guarded(guard, 0.2):
        pass


def test_the_guard_is_free_again_after_a_failure_inside(tmp_path: Path) -> None:
    guard = str(tmp_path / "guard")
    with pytest.raises(KeyError), files.guarded(guard):
        raise KeyError
    entered = threading.Event()
    with files.guarded(guard, 0.2):
        entered.set()
    assert entered.is_set()


def test_a_folder_is_private_whatever_the_umask_says_and_an_existing_one_stays_as_it_is(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        assert files.private_folder(str(tmp_path / "a" / "b"), 0o750)
    finally:
        os.umask(old)
    made = tmp_path / "a" / "b"
    assert made.stat().st_mode & 0o777 == 0o750
    made.chmod(0o700)
    assert not files.private_folder(str(made), 0o750)
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(OpsError, match="must be a folder"):
        files.private_folder(str(tmp_path / "state"))


def test_removing_says_whether_there_was_something(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("")
    assert [files.remove(str(path)), files.remove(str(path))] == [True, False]


def test_a_full_disk_says_what_to_do() -> None:
    assert "free some space" in str(files._cannot_write("/x", OSError(errno.ENOSPC, "No space left on device")))
