# SPDX-License-Identifier: GPL-3.0-or-later
"""A release proves itself beside the served one, and nothing of it is left running."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
import typing as t
from pathlib import Path

import pytest

from .conftest import PASSWORD, Site, started, wait_for


@pytest.fixture
def staged(site: Site) -> Site:
    site.release("staged", **site.quick())
    return site


def left(site: Site) -> list[str]:
    """The processes that run in a release of this host."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "cwd").startswith(str(site.root)):
                    found.append(entry.name)
            except OSError:
                continue
    return found


def test_a_good_release_proves_itself_as_its_owner_and_is_ended(staged: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "x")
    result = staged.canary(expect=[f"uid == `{staged.owner.pw_uid}`", "inherited == null", f"said == '{PASSWORD}'"],
                           release_expression="version", release_expected="1.0.0")
    assert not result["failed"], result["msg"]
    assert (result["changed"], result["answers"]) == (True, 3)
    assert staged.events()[-1] == ("proven", result["release"])
    assert left(staged) == []
    again = staged.canary()
    assert (again["failed"], again["changed"]) == (False, False)


def test_check_mode_starts_nothing(staged: Site) -> None:
    before = staged.snapshot()
    result = staged.canary(check_mode=True, environment={"MODE": "crash"})
    assert (result["failed"], result["changed"]) == (False, True)
    assert staged.snapshot() == before


def test_a_crash_is_told_at_once_with_its_reason_and_without_secrets(staged: Site) -> None:
    started_at = time.monotonic()
    result = staged.canary(environment={"MODE": "crash"}, deadline_seconds=60)
    assert time.monotonic() - started_at < 3
    assert result["failed"]
    assert "ended by itself" in result["msg"]
    assert "with exit code 1" in result["msg"]
    assert "no login as ***" in result["msg"]
    assert PASSWORD not in str(result)
    assert ("proven", staged.names()[0]) not in staged.events()


@pytest.mark.parametrize(("mode", "why"), [
    ("sick", "answered 500"), ("mute", "nothing listens on port"), ("elsewhere", "does the application read PORT?")])
def test_a_release_that_never_gets_healthy_is_ended_at_the_deadline(staged: Site, mode: str, why: str) -> None:
    result = staged.canary(environment={"MODE": mode}, deadline_seconds=1.5)
    assert "was not healthy within 1.5 s" in result["msg"]
    assert why in result["msg"]
    assert PASSWORD not in str(result)
    assert left(staged) == []


def test_good_answers_must_come_in_a_row(staged: Site) -> None:
    result = staged.canary(environment={"MODE": "flapping"}, expect=["asked >= `1`"])
    assert not result["failed"]
    assert result["answers"] == 3
    assert staged.canary(environment={"MODE": "flapping"}, good_answers=1)["ready_seconds"] < 5


def test_a_crash_while_it_is_asked_is_noticed(staged: Site) -> None:
    result = staged.canary(environment={"MODE": "late crash"}, deadline_seconds=30)
    assert "with exit code 3" in result["msg"]
    assert "the pool is gone" in result["msg"]


def test_another_release_than_expected_is_no_proof(staged: Site) -> None:
    result = staged.canary(release_expression="version", release_expected="9.9.9", deadline_seconds=1.5)
    assert "it says that it is release 1.0.0, not 9.9.9" in result["msg"]


def test_a_port_in_use_is_refused_with_its_owner(staged: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = staged.canary(port=other.getsockname()[1])
    assert f"is in use by process {os.getpid()} (" in result["msg"]


def test_answers_of_somebody_else_prove_nothing(staged: Site) -> None:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    opened: list[socket.socket] = []
    thief = threading.Timer(0.5, lambda: opened.append(socket.create_server(("127.0.0.1", port))))
    thief.start()
    try:
        result = staged.canary(port=port, environment={"MODE": "mute"}, timeout_seconds=0.5)
    finally:
        thief.join()
        opened[0].close()
    assert f"port {port} is listened on by process {os.getpid()} (" in result["msg"]
    assert left(staged) == []


@pytest.mark.parametrize("mode", ["deaf", "family"])
def test_nothing_is_left_of_a_release_that_does_not_listen_or_has_children(staged: Site, mode: str) -> None:
    result = staged.canary(environment={"MODE": mode}, grace_seconds=0.3)
    assert not result["failed"], result["msg"]
    assert left(staged) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_module_is_killed(staged: Site, number: int) -> None:
    options = staged.options(program_path=f"{staged.bin}:{os.defpath}", environment={"MODE": "deaf"},
                             command=["sh", "-c", "sleep 600 & node dist/main.js"], good_answers=1000)
    process = started("release_canary", options)
    wait_for(lambda: len(left(staged)) == 3)
    process.send_signal(number)
    process.wait(20)
    wait_for(lambda: not left(staged))


def test_a_missing_environment_file_or_program_is_named(staged: Site) -> None:
    assert "shared/none cannot be read" in staged.canary(env_file="shared/none")["msg"]
    assert "'ruby' is not installed" in staged.canary(command=["ruby", "x"])["msg"]
    assert "no release here is called" in staged.canary(release="v7")["msg"]


def test_without_a_staged_release_it_says_so(site: Site) -> None:
    assert "no release is staged" in site.canary()["msg"]


def test_the_ready_time_is_measured(staged: Site) -> None:
    result: dict[str, t.Any] = staged.canary()
    assert 0 < result["ready_seconds"] < 10
    assert re.search(r"gave 3 good answers in a row on port \d+", result["msg"])
