# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a PM2 home tell."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._pm2 import home, leftover
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.own_file import opened


def test_a_rotation_just_before_does_not_hide_the_exits(tmp_path: Path) -> None:
    (tmp_path / "pm2.log.1").write_text("App [api:0] exited\n")
    (tmp_path / "pm2.log").write_text("App [api:1] exited\n")
    assert home.journal(str(tmp_path)) == ["App [api:0] exited", "App [api:1] exited"]


def test_a_log_that_was_never_rotated_is_enough(tmp_path: Path) -> None:
    (tmp_path / "pm2.log").write_text("App [api:0] exited\n")
    assert home.journal(str(tmp_path)) == ["App [api:0] exited"]


def test_a_log_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        home.journal(str(tmp_path))


@pytest.mark.parametrize("name", ["pm2.log", "dump.pm2", "pids/api-0.pid", "reload.lock"])
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_pipe_or_a_link_in_the_place_of_a_file_neither_holds_nor_leads_the_reader(
        tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "pids").mkdir()
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    else:
        (tmp_path / "secret").write_text('["secret"]')
        path.symlink_to(tmp_path / "secret")
    started = time.monotonic()
    for look in (home.journal, home.dump):
        with contextlib.suppress(OSError):
            assert look(str(tmp_path)) is None
    assert home.orphans(str(tmp_path)) == ()
    assert time.monotonic() - started < 2
    with pytest.raises(OSError, match=r"not a regular file|a link, which is not followed"), opened(str(path)):
        pass


@contextlib.contextmanager
def running(folder: Path, **environment: str) -> t.Iterator[int]:
    """A process with this environment and a pid file that claims it for the app ``api``."""
    process = subprocess.Popen(["sleep", "60"], env=environment)
    (folder / "pids").mkdir(exist_ok=True)
    (folder / "pids" / "api-0.pid").write_text(str(process.pid))
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_only_a_process_that_was_started_for_this_very_home_is_an_orphan(tmp_path: Path) -> None:
    mine = str(tmp_path)
    worker = {"pm2_env": json.dumps({"name": "api", "pm_exec_path": "/app/api.js", "pm_cwd": "/app"})}
    for environment, expected in (({"PM2_HOME": mine}, 1), ({"PM2_HOME": mine, **worker}, 1),
                                  ({"pm_pid_path": f"{mine}/pids/api-0.pid"}, 1), ({"PM2_HOME": f"{mine}2"}, 0),
                                  ({"EDITED": f"{mine}/dump.pm2"}, 0), ({}, 0)):
        with running(tmp_path, **environment) as pid:
            assert home.orphans(mine) == (("api-0", pid),) * expected, environment
    assert home.orphans(mine) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start something as another user")
def test_a_process_of_another_user_is_no_orphan(tmp_path: Path) -> None:
    with running(tmp_path, PM2_HOME=str(tmp_path)) as pid:
        assert leftover.of(str(tmp_path), 65534) == ()
        assert [one.pid for one in leftover.of(str(tmp_path), 0)] == [pid]
