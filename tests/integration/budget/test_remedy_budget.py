# SPDX-License-Identifier: GPL-3.0-or-later
"""The budget on a real file system: what it remembers, through garbage, rotation, and many who spend at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from demo.stack.process import clean_environment
from tests.modules import call

ROOT = Path(__file__).resolve().parents[3]
CANARY = "canary-61f0"


def spend(folder: Path, remedy: str = "restart", state: str = "spent", **more: t.Any) -> dict[str, t.Any]:
    check_mode = more.pop("check_mode", False)
    return call("remedy_budget", check_mode=check_mode, remedy=remedy, state=state, directory=str(folder / "state"),
                **more)


def lines(folder: Path, name: str = "actions.jsonl") -> list[str]:
    return (folder / "state" / name).read_text().splitlines()


def test_a_budget_is_spent_refused_and_free_again(tmp_path: Path) -> None:
    assert [spend(tmp_path, limit=2, window_seconds=2)["used"] for dummy in range(2)] == [1, 2]
    before = lines(tmp_path)
    refused = spend(tmp_path, limit=2, window_seconds=2)
    assert (refused["failed"], refused["allowed"], refused["refused"], refused["used"]) == (True, False, True, 2)
    assert "escalate" in refused["msg"]
    assert lines(tmp_path) == before
    assert spend(tmp_path, "reload", limit=2)["used"] == 1
    time.sleep(2.1)
    assert not spend(tmp_path, limit=2, window_seconds=2)["failed"]
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "state/actions.jsonl").stat().st_mode & 0o007 == 0


def test_asking_and_check_mode_write_nothing(tmp_path: Path) -> None:
    assert spend(tmp_path, state="asked")["allowed"]
    would = spend(tmp_path, limit=1, check_mode=True)
    assert (would["changed"], would["used"]) == (True, 1)
    assert list(tmp_path.iterdir()) == []
    spend(tmp_path, limit=1)
    before = lines(tmp_path)
    would = spend(tmp_path, limit=1, check_mode=True)
    assert (would["failed"], would["refused"], would["changed"]) == (False, True, False)
    assert spend(tmp_path, state="recorded", result="ok", check_mode=True)["changed"]
    asked = spend(tmp_path, limit=1, state="asked")
    assert (asked["failed"], asked["allowed"], asked["changed"]) == (False, False, False)
    assert lines(tmp_path) == before


def test_a_result_is_recorded_short_and_without_credentials(tmp_path: Path) -> None:
    spend(tmp_path, state="recorded", result="failed", by="ann", run="r1",
          note=f"login with password={CANARY}\nrefused\n" + "x" * 5000)
    record = json.loads(lines(tmp_path)[0])
    assert (record["event"], record["result"], record["by"], record["run"]) == ("recorded", "failed", "ann", "r1")
    assert CANARY not in json.dumps(record)
    assert len(record["note"]) == 500
    assert spend(tmp_path, state="asked")["used"] == 0


def test_garbage_is_passed_over_counted_and_never_glued_to_a_new_line(tmp_path: Path) -> None:
    spend(tmp_path, limit=3)
    with (tmp_path / "state/actions.jsonl").open("ab") as file:
        file.write(b"\xff\xfe garbage\n\n{}\n" + b"\0" * 1000 + b'\n{"event": "spent", "reme')  # torn by a crash
    answer = spend(tmp_path, limit=3)
    assert (answer["used"], answer["garbage_lines"]) == (2, 4)
    assert spend(tmp_path, limit=3, state="asked")["used"] == 2


def test_rotation_forgets_no_use_and_keeps_the_old_record(tmp_path: Path) -> None:
    first = spend(tmp_path, "precious", limit=1)
    assert not first["failed"]
    for number in range(60):
        spend(tmp_path, "other", state="recorded", result="ok", note=f"{number} " + "x" * 300, rotate_bytes=4096)
    sizes = [len("\n".join(lines(tmp_path, name))) for name in ("actions.jsonl", "actions.jsonl.1")]
    assert max(sizes) < 3 * 4096
    assert spend(tmp_path, "precious", limit=1)["failed"]
    both = "\n".join(lines(tmp_path) + lines(tmp_path, "actions.jsonl.1"))
    assert '"note": "59 ' in both
    assert os.listdir(tmp_path / "state").count("actions.jsonl.1.new") == 0


def test_a_huge_file_is_read_from_its_end_within_bounds(tmp_path: Path) -> None:
    spend(tmp_path, limit=1)
    use = lines(tmp_path)[0]
    path = tmp_path / "state/actions.jsonl"
    with path.open("w") as file:
        for dummy in range(80):
            file.write("x" * 1024 * 1024 + "\n")
        file.write(use + "\n")
    started = time.monotonic()
    answer = spend(tmp_path, "other", state="asked")
    assert time.monotonic() - started < 5
    assert not answer["allowed"], "what was before the garbage is not known"
    assert "too large" in answer["msg"]
    old = json.loads(use)
    old["moment"] = {"epoch": 1, "boot": "", "uptime": 0}
    with path.open("w") as file:
        for dummy in range(20):
            file.write("x" * 1024 * 1024 + "\n")
        file.write(json.dumps(old) + "\n" + use + "\n")
    answer = spend(tmp_path, limit=3, state="asked")
    assert (answer["used"], answer["allowed"]) == (1, True), "what came before a line that old does not matter"


@pytest.mark.parametrize(("options", "words"), [
    ({"remedy": "a b"}, "remedy"), ({"remedy": "../x"}, "remedy"), ({"limit": -1}, "limit"),
    ({"window_seconds": 0}, "window"), ({"window_seconds": 604801}, "7 days"), ({"rotate_bytes": 1}, "rotate_bytes"),
    ({"state": "recorded"}, "needs the result"), ({"directory": "/proc/nowhere"}, "cannot be made"),
])
def test_what_cannot_be_meant_gets_one_sentence(tmp_path: Path, options: dict[str, t.Any], words: str) -> None:
    answer = call("remedy_budget", **{"remedy": "x", "state": "spent", "directory": str(tmp_path), **options})
    assert answer["failed"]
    assert words in answer["msg"]


SPENDER = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/.collections"]
from ansible_collections.vendhub.ops.plugins.module_utils._budget import client
options = {{name: option.get("default") for name, option in client.OPTIONS.items()}}
options.update(remedy="restart", state="spent", limit=3, directory={state!r}, timeout_seconds=30)
print("ready", flush=True)
sys.stdin.readline()
print(client.answer(options, act=True)["refused"], flush=True)
"""


def test_of_many_who_spend_at_once_only_as_many_as_allowed_succeed(tmp_path: Path) -> None:
    script = SPENDER.format(root=str(ROOT), state=str(tmp_path / "state"))
    spenders = [subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 text=True) for dummy in range(8)]
    assert {one.stdout.readline() for one in spenders if one.stdout} == {"ready\n"}
    for one in spenders:
        assert one.stdin
        one.stdin.write("\n")
        one.stdin.flush()
    assert sorted(one.communicate(timeout=60)[0].strip() for one in spenders) == ["False"] * 3 + ["True"] * 5


def test_the_playbook_says_who_and_from_which_run(tmp_path: Path) -> None:
    play = [{"name": "Spend", "hosts": "localhost", "gather_facts": False, "tasks": [
        {"name": "Spend", "vendhub.ops.remedy_budget": {"remedy": "x", "state": "spent",
                                                        "directory": str(tmp_path / "state")}}]}]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e",
         f"ansible_python_interpreter={sys.executable}", "-e", "awx_user_name=ann", str(tmp_path / "play.yml")],
        cwd=ROOT, text=True, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        env=clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), HOME=os.environ.get("HOME", "/")))
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(lines(tmp_path)[0])
    assert record["by"] == "ann"
    assert record["run"].startswith("ansible-playbook on ")
