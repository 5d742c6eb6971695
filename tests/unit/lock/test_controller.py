# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is over only when this controller knows it for sure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
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
