# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples that `ansible-doc` shows are run, word for word but for hosts and users of elsewhere."""

from __future__ import annotations

import getpass
import importlib
import json
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from demo.stack.process import clean_environment

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = "ansible_collections.vendhub.ops.plugins"
CHECKS = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*_check.py"))
# Nothing leaves this machine; nobody answers on these ports or has these names, and that is an answer as well.
ELSEWHERE = re.compile(r"\b[\w.-]+\.example(\.com)?\b")
SECRET = "not-the-password"


def examples(plugin: str) -> list[dict[str, t.Any]]:
    text = ELSEWHERE.sub("127.0.0.1", importlib.import_module(f"{PLUGINS}.{plugin}").EXAMPLES)
    text = text.replace("owner: vendhub", f"owner: {getpass.getuser()}")
    listed: list[dict[str, t.Any]] = yaml.safe_load(text)
    return listed


def run(folder: Path, tasks: list[dict[str, t.Any]], variables: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """What each task answered, by its name."""
    play = {"name": "Examples", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks,
            "vars": {"ansible_python_interpreter": sys.executable, **variables}}
    path = folder / "examples.yml"
    path.write_text(json.dumps([play]))
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", str(path)], cwd=ROOT,
        capture_output=True, text=True, timeout=180, check=False, stdin=subprocess.DEVNULL,
        env=clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
                              LC_ALL="C.UTF-8"))
    assert done.stdout.lstrip().startswith("{"), done.stdout + done.stderr
    answers = json.loads(done.stdout)
    return {task["task"]["name"]: task["hosts"]["localhost"] for task in answers["plays"][0]["tasks"]}


@pytest.mark.parametrize("check", CHECKS)
def test_the_examples_of_a_check_look_and_answer(check: str, tmp_path: Path) -> None:
    tasks = examples(f"modules.{check}")
    text = json.dumps(tasks)
    answers = run(tmp_path, [{**task, "ignore_errors": True} for task in tasks],
                  dict.fromkeys(re.findall(r"vault_\w+", text), SECRET))
    assert list(answers) == [task["name"] for task in tasks]
    for name, answer in answers.items():
        # what refuses its options names no check, what could not look does
        assert "check" in answer, f"{name}: {answer['msg']}"
        assert "Traceback" not in json.dumps(answer)
        assert SECRET not in json.dumps(answer)


def test_the_example_of_worst_state_stops_on_a_critical_check(tmp_path: Path) -> None:
    (task,) = examples("filter.worst_state")
    (answer,) = run(tmp_path, [task], {"redis": {"state": "critical"}, "postgresql": {"state": "ok"}}).values()
    assert answer["failed"]
    (answer,) = run(tmp_path, [task], {"redis": {"state": "unknown"}, "postgresql": {"state": "ok"}}).values()
    assert not answer.get("failed")


def test_the_example_of_subjects_for_looks_at_what_the_host_has(tmp_path: Path) -> None:
    (task,) = examples("filter.subjects_for")
    (answer,) = run(tmp_path, [task], {"vault_redis_password": SECRET}).values()
    assert {finding["check"] for finding in answer["findings"]} == {"system"}  # localhost is in no group
