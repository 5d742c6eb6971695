# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is over only when this controller knows it for sure."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._lock import judge
from ansible_collections.vendhub.ops.plugins.plugin_utils._run import controller


def test_a_process_is_alive_frozen_or_not_and_over_when_it_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        run = controller.run_of(child.pid)
        try:
            assert run["pid"] == str(child.pid)
            assert not controller.is_over(run)
            child.send_signal(signal.SIGSTOP)
            assert not controller.is_over(run)
        finally:
            child.kill()
        ends = time.monotonic() + 10
        while not controller.is_over(run) and time.monotonic() < ends:
            time.sleep(0.01)
        assert controller.is_over(run), "a zombie, until it is waited for, is over as well"
        child.wait()
    assert controller.is_over(run)


def test_another_process_with_the_same_pid_is_another_run() -> None:
    assert controller.is_over({**controller.run_of(os.getpid()), "started": "1"})


@pytest.mark.parametrize("other", ["controller", "boot", "namespace"])
def test_of_another_controller_nothing_is_known(other: str) -> None:
    run = {**controller.run_of(os.getpid()), "started": "1"}
    assert controller.is_over(run)
    assert not controller.is_over({**run, other: "elsewhere"})


@pytest.mark.parametrize("run", [{}, {"pid": "x"}, {"controller": "ci1"}])
def test_rubbish_is_not_over(run: dict[str, str]) -> None:
    assert not controller.is_over(run)
    assert not controller.is_over({**controller.run_of(os.getpid()), "pid": "x"})


def test_the_person_is_named_by_the_job_system_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "bob")
    assert controller.operator({"awx_user_name": "ann"}) == "ann"
    assert controller.operator({}) == "bob"


def test_an_orphan_is_no_run() -> None:
    assert controller.run_of(1) == {}
    assert controller.named("ann", {}).startswith("ann on ")


WITHOUT_PROC = """
import json, os, subprocess, sys
subprocess.run(["mount", "-t", "tmpfs", "none", "/proc"], check=True, timeout=10)
sys.path.insert(0, {root!r})
from ansible_collections.vendhub.ops.plugins.module_utils._lock import judge
from ansible_collections.vendhub.ops.plugins.plugin_utils._run import controller
run, other = controller.run_of(os.getpid()), controller.run_of(os.getppid())
print(json.dumps([run, other, controller.is_over(run), controller.is_over(dict(run, started="1")),
                  controller.is_over({known!r}), controller.named("ann", run)]))
"""


def test_without_proc_a_run_is_known_by_its_process_and_never_called_over() -> None:
    if os.geteuid():
        pytest.fail("this test mounts a file system: run it as root")
    known = {**controller.run_of(os.getpid()), "started": "1"}
    code = WITHOUT_PROC.format(root=str(Path(__file__).resolve().parents[3] / ".collections"), known=known)
    ran = subprocess.run(["unshare", "--mount", sys.executable, "-c", code], capture_output=True, text=True, timeout=30,
                         check=False)
    assert ran.returncode == 0, ran.stderr
    run, other, *over, name = json.loads(ran.stdout)
    assert set(run) == set(known) == set(judge.RUN)
    assert run["pid"] != other["pid"], "two runs are not the same holder"
    assert over == [False, False, False]
    assert name == f"ann on {run['controller']} (pid {run['pid']})"


def test_ps_tells_when_a_process_started() -> None:
    assert re.fullmatch(r"\w{3} \w{3} \d+ \d\d:\d\d:\d\d \d{4}", controller._started_by_ps(os.getpid()))
    assert controller._started_by_ps(2**22 + 1) == ""
