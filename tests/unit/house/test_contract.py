# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection promises in its documentation is the same everywhere, and is what it does."""

from __future__ import annotations

import dataclasses
import importlib
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Finding, State, Verdict

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = "ansible_collections.vendhub.ops.plugins"
FULL_NAME = re.compile(r"[a-z]\w*\.[a-z]\w*\.[a-z]\w*")
OF_THE_HOST = {"checks", "started_at", "duration_seconds"}  # what health_check adds to the verdict
SAID_BY_EACH = {"object", "details"}  # a check may say which things and rows its findings are about
LISTS = ("pre_tasks", "tasks", "post_tasks", "block", "rescue", "always")  # what plays and blocks keep tasks in

MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
CHECKS = [name for name in MODULES if name.endswith("_check")]
FILTERS = sorted(path.stem for path in (ROOT / "plugins/filter").glob("*.py"))
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


def read(path: str) -> t.Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def documented(plugin: str, constant: str) -> t.Any:
    return yaml.safe_load(getattr(importlib.import_module(f"{PLUGINS}.{plugin}"), constant))


def returned(check: str) -> dict[str, t.Any]:
    values: dict[str, t.Any] = documented(f"modules.{check}", "RETURN")
    return values


def promise(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What RETURN promises of each key: all it says but its samples and what each check may say in its own words."""
    promised = {}
    for key, value in values.items():
        said = {name: words for name, words in value.items() if name not in ("sample", "contains")}
        if key in SAID_BY_EACH:
            del said["description"]
        promised[key] = {**said, "contains": promise(value.get("contains", {}))}
    return promised


def tasks(entries: t.Iterable[t.Mapping[str, t.Any]]) -> t.Iterator[t.Mapping[str, t.Any]]:
    """The tasks of a list of tasks, blocks and plays."""
    for entry in entries:
        inner = [entry[key] for key in LISTS if key in entry]
        if "hosts" in entry:
            assert set(entry) <= set(Play.fattributes), "a play has only keywords of plays"
        for listed in inner:
            yield from tasks(listed)
        if not inner:
            yield entry


def actions(task: t.Mapping[str, t.Any]) -> list[str]:
    """What of a task is no keyword: its module."""
    return [key for key in task if key not in Task.fattributes and not key.startswith("with_")]


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_promises_the_same_verdict(check: str) -> None:
    promised, model = promise(returned(check)), promise(returned("redis_check"))
    if check == "health_check":
        assert {key for key in promised if key not in model} == OF_THE_HOST
        promised = {key: promised[key] for key in promised if key not in OF_THE_HOST}
        assert promised["findings"]["contains"].pop("check")["returned"] == "always"
    assert promised == model


@pytest.mark.parametrize("check", CHECKS)
def test_the_examples_of_a_verdict_are_of_that_check(check: str) -> None:
    samples = {key: value["sample"] for key, value in returned(check).items() if "sample" in value}
    assert {"msg", "check", "target", "state", "metrics"} <= set(samples)
    assert samples["msg"].startswith(f"{samples['target']}: ")
    assert samples["state"] in map(str, State)


def test_the_promised_verdict_is_the_one_that_is_given() -> None:
    model = returned("redis_check")
    assert list(Verdict("redis", "here", (), {}).as_dict()) == list(model)
    assert {field.name for field in dataclasses.fields(Finding)} == set(model["findings"]["contains"])


def test_the_action_group_holds_all_checks_and_nothing_else() -> None:
    assert read("meta/runtime.yml")["action_groups"]["checks"] == CHECKS


def test_generated_files_are_current() -> None:
    ran = subprocess.run([sys.executable, "scripts/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True,
                         timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("plugin", [f"modules.{name}" for name in MODULES])
def test_examples_of_a_module_are_tasks_with_full_names(plugin: str) -> None:
    found = list(tasks(documented(plugin, "EXAMPLES")))
    used = [actions(task) for task in found]
    assert all("name" in task for task in found)
    assert all(len(names) == 1 and FULL_NAME.fullmatch(names[0]) for names in used), used
    assert [f"vendhub.ops.{plugin.split('.')[1]}"] in used


@pytest.mark.parametrize("plugin", [f"filter.{name}" for name in FILTERS])
def test_examples_of_a_filter_are_tasks_that_use_it(plugin: str) -> None:
    found = list(tasks(documented(plugin, "EXAMPLES")))
    assert found
    assert all(len(names) == 1 and FULL_NAME.fullmatch(names[0]) for names in map(actions, found))
    assert f"| vendhub.ops.{plugin.split('.')[1]}" in str(found)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_documents_the_defaults_it_has(role: str) -> None:
    options = read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    path = ROOT / "roles" / role / "defaults/main.yml"
    defaults = read(f"roles/{role}/defaults/main.yml") if path.is_file() else {}
    assert {name: option["default"] for name, option in options.items() if "default" in option} == defaults


def test_every_shared_setting_has_a_default() -> None:
    options = read("roles/settings/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert list(options) == list(read("roles/settings/defaults/main.yml"))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_page_that_begins_with_its_name(role: str) -> None:
    assert (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8").startswith(f"# {role}\n")


@pytest.mark.parametrize("role", [role for role in ROLES if role != "settings"])
def test_a_role_names_its_variables_after_itself_and_its_page_names_no_other(role: str) -> None:
    options = read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert [name for name in options if not name.startswith(f"{role}_")] == []
    page = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(rf"\b{role}_\w+", page)) <= set(options)
