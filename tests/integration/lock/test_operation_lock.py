# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock on a real file system, with real processes that want it at once and a real controller that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from demo.stack.process import clean_environment
from tests.modules import call

ROOT = Path(__file__).resolve().parents[3]
ADVICE = "steal=always"


def ask(folder: Path, who: str = "ann", operation: str = "deploy", **more: t.Any) -> dict[str, t.Any]:
    check_mode = more.pop("check_mode", False)
    return call("operation_lock", check_mode=check_mode, holder=who, operation=operation,
                directory=str(folder / "state"), **more)


def content(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    return {str(path.relative_to(folder)): (path.read_bytes() if path.is_file() else b"", path.stat().st_mode,
                                            path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_a_lock_is_taken_renewed_refused_and_released(tmp_path: Path) -> None:
    taken = ask(tmp_path, reason="release 2")
    assert (taken["changed"], taken["held"], taken["refused"]) == (True, True, False)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "state/lock.json").stat().st_mode & 0o777 == 0o640
    assert ask(tmp_path)["msg"] == "renewed for deploy"
    refused = ask(tmp_path, "bob")
    assert (refused["failed"], refused["held"], refused["refused"]) == (True, False, True)
    assert refused["msg"].startswith("ann holds the lock for deploy (release 2) since ")
    assert refused["msg"].endswith(ADVICE)
    assert ask(tmp_path, state="released")["msg"] == "released: deploy is over"
    assert not ask(tmp_path, "bob")["failed"]


def test_who_takes_over_finds_the_plan_of_the_former_holder_and_a_fresh_lock_has_none(tmp_path: Path) -> None:
    plan = {"from": "a", "to": "b", "steps": ["reload"]}
    assert ask(tmp_path, check_mode=True, plan=plan)["lock"]["plan"] == plan
    assert ask(tmp_path)["lock"]["plan"] == {}
    assert ask(tmp_path, plan=plan)["lock"]["plan"] == plan
    assert json.loads((tmp_path / "state/lock.json").read_text())["plan"] == plan
    assert ask(tmp_path)["lock"]["plan"] == plan
    assert ask(tmp_path, "bob")["lock"]["plan"] == plan, "who is refused sees what is being done"
    taken = ask(tmp_path, "bob", "recover", steal="always")
    assert (taken["lock"]["plan"], taken["previous"]["plan"]) == (plan, plan)
    assert ask(tmp_path, "bob", "recover", plan={"to": "x" * 8183})["held"], "8192 bytes as JSON"
    assert ask(tmp_path, "bob", "recover", plan={})["lock"]["plan"] == {}
    ask(tmp_path, "bob", "recover", plan=plan)
    ask(tmp_path, "bob", "recover", state="released")
    assert ask(tmp_path)["lock"]["plan"] == {}


def test_releasing_a_lock_that_is_not_ours_changes_nothing_and_fails_only_when_it_must_be_ours(tmp_path: Path) -> None:
    ask(tmp_path)
    before = content(tmp_path / "state")
    answer = ask(tmp_path, "bob", state="released")
    assert (answer["failed"], answer["changed"], answer["refused"]) == (False, False, True)
    assert "not ours: ann holds the lock" in answer["msg"]
    assert ask(tmp_path, "bob", state="released", must_hold=True)["failed"]
    assert content(tmp_path / "state") == before
    ask(tmp_path, state="released")
    gone = ask(tmp_path, state="released")
    assert (gone["failed"], gone["changed"]) == (False, False)
    assert ask(tmp_path, state="released", must_hold=True)["failed"]


def test_check_mode_takes_and_releases_nothing_and_says_what_would_be(tmp_path: Path) -> None:
    free = ask(tmp_path, check_mode=True)
    assert (free["changed"], free["held"], free["failed"]) == (True, True, False)
    assert list(tmp_path.iterdir()) == []
    ask(tmp_path)
    before = content(tmp_path)
    refused = ask(tmp_path, "bob", check_mode=True)
    assert (refused["failed"], refused["held"], refused["refused"], refused["changed"]) == (False, False, True, False)
    assert ask(tmp_path, "bob", check_mode=True, steal="always")["held"]
    assert ask(tmp_path, state="released", check_mode=True)["changed"]
    assert content(tmp_path) == before


def test_a_lock_expires(tmp_path: Path) -> None:
    ask(tmp_path, ttl_seconds=1)
    assert ask(tmp_path, "bob")["failed"]
    time.sleep(1.1)
    assert ask(tmp_path, "bob", steal="never")["failed"]
    taken = ask(tmp_path, "bob")
    assert taken["previous"]["holder"] == "ann"
    assert "expired at" in taken["msg"]


@pytest.mark.parametrize("garbage", [b"", b"{", b"\xff\xfe\0", b'{"holder": "ann"}', b"[]" * 200_000])
def test_garbage_counts_as_a_lock_of_somebody_unknown(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "state").mkdir()
    path = tmp_path / "state/lock.json"
    path.write_bytes(garbage)
    refused = ask(tmp_path)
    assert refused["failed"]
    assert "unknown holder" in refused["msg"]
    assert str(path) in refused["msg"]
    assert ADVICE in refused["msg"]
    assert path.read_bytes() == garbage
    assert "nobody knows whose" in ask(tmp_path, state="released")["msg"]
    old = time.time() - 86401
    os.utime(path, (old, old))
    assert ask(tmp_path)["held"]


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_something_that_is_no_file_is_not_followed_and_does_not_make_it_wait(tmp_path: Path, kind: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "victim").write_text("mine")
    path = tmp_path / "state/lock.json"
    if kind == "link":
        path.symlink_to(tmp_path / "victim")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    answer = ask(tmp_path)
    assert answer["failed"]
    assert "unknown holder" in answer["msg"]
    ask(tmp_path, steal="always")
    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.parametrize(("options", "words"), [
    ({"operation": ""}, "operation must be"), ({"ttl_seconds": 0}, "ttl_seconds"), ({"ttl_seconds": 86401}, "86400"),
    ({"holder": "a\nb"}, "holder must be"), ({"reason": "x" * 1001}, "reason"),
    ({"plan": {"to": "x" * 8192}}, "8192 bytes as JSON, not 8201"), ({"plan": {"to": "\ud800"}}, "plan must be"),
    ({"run": {"pid": "1"}}, "run must have"),
    ({"timeout_seconds": 0}, "timeout_seconds"), ({"directory": "/proc/nowhere"}, "cannot be made"),
])
def test_what_cannot_be_meant_gets_one_sentence(tmp_path: Path, options: dict[str, t.Any], words: str) -> None:
    given = {"holder": "ann", "operation": "deploy", "directory": str(tmp_path), **options}
    answer = call("operation_lock", **given)
    assert answer["failed"]
    assert words in answer["msg"]
    assert "\n" not in answer["msg"]


TAKER = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/.collections"]
from ansible_collections.vendhub.ops.plugins.module_utils._lock import client
options = {{name: option.get("default") for name, option in client.OPTIONS.items()}}
options.update(holder="taker " + sys.argv[1], operation="deploy", directory={state!r}, timeout_seconds=30)
print("ready", flush=True)
sys.stdin.readline()
print(client.change(options, act=True).decision.granted, flush=True)
"""


def test_of_many_processes_at_once_exactly_one_gets_it(tmp_path: Path) -> None:
    script = TAKER.format(root=str(ROOT), state=str(tmp_path / "state"))
    takers = [subprocess.Popen([sys.executable, "-c", script, str(number)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True) for number in range(12)]
    assert {taker.stdout.readline() for taker in takers if taker.stdout} == {"ready\n"}
    for taker in takers:  # all wait at the same line
        assert taker.stdin
        taker.stdin.write("\n")
        taker.stdin.flush()
    said = [taker.communicate(timeout=60)[0].strip() for taker in takers]
    assert sorted(said) == ["False"] * 11 + ["True"]
    assert json.loads((tmp_path / "state/lock.json").read_text())["holder"] == f"taker {said.index('True')}"


PLAY = """
- name: Work under the lock
  hosts: here
  gather_facts: false
  tasks:
    - name: Take the lock
      vendhub.ops.operation_lock:
        operation: deploy
        directory: "{{ playbook_dir }}/state"
      register: __lock
    - name: Show it
      ansible.builtin.debug:
        var: __lock
    - name: Work
      ansible.builtin.pause:
        seconds: "{{ work_seconds }}"
    - name: Do something inside
      vendhub.ops.operation_lock:
        operation: rollback
        directory: "{{ playbook_dir }}/state"
    - name: End what is inside
      vendhub.ops.operation_lock:
        operation: rollback
        state: released
        directory: "{{ playbook_dir }}/state"
        must_hold: true
    - name: Give it back
      vendhub.ops.operation_lock:
        operation: deploy
        state: released
        directory: "{{ playbook_dir }}/state"
        must_hold: true
"""


def controller(folder: Path, work_seconds: int, *arguments: str) -> subprocess.Popen[str]:
    (folder / "play.yml").write_text(PLAY)
    (folder / "hosts").write_text(f"here ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "hosts"), str(folder / "play.yml"),
         "-e", f"work_seconds={work_seconds}", *arguments], cwd=ROOT, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1",
                              HOME=os.environ.get("HOME", "/")))


def test_a_run_after_a_killed_one_takes_its_lock_over_at_once_and_a_living_one_keeps_it(tmp_path: Path) -> None:
    lock = tmp_path / "state/lock.json"
    first = controller(tmp_path, 60)
    try:
        ends = time.monotonic() + 30
        while not lock.exists():
            assert time.monotonic() < ends
            time.sleep(0.05)
        held_by = json.loads(lock.read_text())
        assert held_by["run"]["pid"] == str(first.pid), "the process of ansible-playbook itself, not of a task"
        second = controller(tmp_path, 0)
        said = second.communicate(timeout=60)[0]
        assert second.returncode == 2, said
        assert f"(pid {first.pid}) holds the lock for deploy" in said.replace("\n", " ")
        first.kill()  # SIGKILL: nothing of it can clean up
        first.wait(10)
        assert lock.exists()
        third = controller(tmp_path, 0)
        said = third.communicate(timeout=60)[0]
        assert third.returncode == 0, said
        assert f"taken over from a run that is over: {held_by['holder']}" in said.replace("\n", " "), said
        assert not lock.exists()
    finally:
        os.killpg(first.pid, signal.SIGKILL) if first.poll() is None else None
        first.communicate(timeout=10)


def test_the_play_works_in_check_mode(tmp_path: Path) -> None:
    run = controller(tmp_path, 0, "--check", "--diff")
    said = run.communicate(timeout=60)[0]
    # in check mode nothing was taken, so must_hold has nothing to hold on to, which is no failure there
    assert run.returncode == 0, said
    assert not (tmp_path / "state").exists()
