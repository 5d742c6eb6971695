# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps lead from what PM2 runs to what it shall run."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.apps import Process, texts
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.control import checked
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.definition import Definition, in_bytes, too_much
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.plan import Live, Wanted, plan
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.saved_list import stale
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.shown import predicted, shown

API = Process("api", 0, 100, "online", "cluster", cwd="/app", script="/app/api.js")
TWIN = dataclasses.replace(API, pm_id=1, pid=101)
SHALL = Definition("api", "/app/api.js", "/app", "cluster", 2)
OTHER = Process("other", 7, 700, "online", "fork")

Changes = t.Mapping[str, t.Any]


def steps(state: str, *processes: Process, shall: Definition | None = SHALL, save: bool = False,
          **live: t.Any) -> list[str]:
    wanted = Wanted(state, ("api",), {} if shall is None else {"api": shall}, save)
    found = plan(Live(**{"alive": True, "processes": processes, **live}), wanted)
    return [" ".join([step.action, *map(str, step.ids)]) for step in found]


@pytest.mark.parametrize(("state", "statuses", "expected"), [
    ("started", [], ["start"]),
    ("started", ["online", "online"], []),
    ("started", ["online", "launching"], []),
    ("started", ["online", "errored"], ["restart 1"]),
    ("started", ["stopped", "stopped"], ["restart"]),
    ("started", ["waiting restart", "online"], ["restart 0"]),
    ("started", ["online"], ["scale"]),
    ("started", ["online"] * 3, ["scale"]),
    ("stopped", [], []),
    ("stopped", ["stopped", "stopped"], []),
    ("stopped", ["online", "stopped"], ["stop 0"]),
    ("stopped", ["errored", "online"], ["stop 0 1"]),
    ("restarted", [], ["start"]),
    ("restarted", ["online", "online"], ["restart"]),
    ("reloaded", ["online", "online"], ["reload"]),
    ("reloaded", ["stopped", "online"], ["reload"]),
    ("absent", [], []),
    ("absent", ["online", "stopped"], ["delete 0 1"]),
])
def test_the_steps_of_a_defined_app(state: str, statuses: list[str], expected: list[str]) -> None:
    assert steps(state, *(dataclasses.replace(API, pm_id=number, pid=100 + number, status=status)
                          for number, status in enumerate(statuses))) == expected


@pytest.mark.parametrize(("state", "statuses", "expected"), [
    ("started", ["online"], []),
    ("started", ["stopped"], ["restart 0"]),
    ("restarted", ["online", "stopped"], ["restart 0 1"]),
    ("reloaded", ["online"], ["reload"]),
    ("reloaded", ["stopped"], ["restart 0"]),
])
def test_the_steps_of_an_app_known_by_name(state: str, statuses: list[str], expected: list[str]) -> None:
    assert steps(state, *(dataclasses.replace(API, pm_id=number, status=status)
                          for number, status in enumerate(statuses)), shall=None) == expected


@pytest.mark.parametrize(("state", "shall", "expected"), [
    ("started", SHALL, "reload api: runs in /r/2, not in /r/1"),
    ("started", None, "reload api: runs in /r/2, not in /r/1"),
    ("reloaded", SHALL, "reload api: runs in /r/2, not in /r/1"),
    ("restarted", SHALL, "restart api: runs in /r/2, not in /r/1"),
    ("stopped", SHALL, "stop api: it is online"),
])
def test_an_app_that_runs_in_another_folder_is_reloaded(state: str, shall: Definition | None, expected: str) -> None:
    live = Live(True, (API, TWIN), elsewhere={"api": "runs in /r/2, not in /r/1"})
    found = plan(live, Wanted(state, ("api",), {"api": shall} if shall else {}, save=True))
    assert [str(step) for step in found if step.action != "save"] == [expected]
    assert [step.action for step in found].count("save") == (state == "stopped")  # the saved list names the link


@pytest.mark.parametrize(("changes", "expected"), [
    ({"exec_mode": "fork"}, ["delete 0 1", "start"]),
    ({"script": "/new/api.js"}, ["delete 0 1", "start"]),
    ({"cwd": "/new"}, ["delete 0 1", "start"]),
    ({"instances": 3}, ["scale"]),
    ({"max_memory_restart": 1}, ["reload"]),
    ({"max_memory_restart": 1, "instances": 3}, ["reload", "scale"]),
    ({"max_memory_restart": 1, "exec_mode": "fork"}, ["delete 0 1", "start"]),
    ({"wait_ready": True}, ["reload"]), ({"wait_ready": False}, []),
    ({"listen_timeout": 9000}, ["reload"]),
    ({"kill_timeout": 9000}, ["reload"]),
])
def test_each_drift_has_its_step(changes: Changes, expected: list[str]) -> None:
    assert steps("started", API, TWIN, shall=dataclasses.replace(SHALL, **changes)) == expected


def test_a_variable_that_is_not_as_defined_is_taken_over_by_a_reload() -> None:
    assert steps("started", API, TWIN, differing={"api": frozenset({"TOKEN"})}) == ["reload"]


@pytest.mark.parametrize(("alive", "words"), [
    (True, "PM2 knows no app 'api' (it has other)"), (False, "no PM2 daemon"),
])
def test_an_unknown_name_is_told_with_the_known_ones(alive: bool, words: str) -> None:
    with pytest.raises(BadOption) as told:
        steps("started", *([OTHER] if alive else []), shall=None, alive=alive)
    assert words in str(told.value)


@pytest.mark.parametrize(("state", "processes", "why", "expected"), [
    ("started", [API, TWIN], "", []),
    ("started", [API, TWIN], "never saved", ["save"]),
    ("started", [API], "", ["scale", "save"]),
    ("restarted", [API, TWIN], "", ["restart"]),
    ("absent", [API, OTHER], "", ["delete 0", "save"]),
    ("absent", [API], "never saved", ["delete 0"]),
])
def test_the_list_is_saved_when_it_changes_and_is_not_empty(
        state: str, processes: list[Process], why: str, expected: list[str]) -> None:
    assert steps(state, *processes, save=True, stale=why) == expected


def test_an_empty_list_is_never_saved() -> None:
    with pytest.raises(BadOption, match="list is empty"):
        plan(Live(True), Wanted("saved"))


@pytest.mark.parametrize(("state", "processes"), [
    ("started", []), ("started", [API]), ("stopped", [API, TWIN]), ("absent", [API, TWIN]),
    ("started", [dataclasses.replace(API, exec_mode="fork", max_memory_restart=7)]),
])
def test_after_the_steps_nothing_is_left_to_do(state: str, processes: list[Process]) -> None:
    live, definitions = Live(True, tuple(processes)), {"api": SHALL}
    wanted = Wanted(state, ("api",), definitions)
    after = predicted(live, ["api"], plan(live, wanted), definitions)
    ideal = {"started": [API, TWIN], "stopped": [dataclasses.replace(one, status="stopped") for one in (API, TWIN)],
             "absent": []}[state]
    assert after == shown(Live(True, tuple(ideal)), ["api"])


@pytest.mark.parametrize(("text", "size"), [("300M", 300 * 1024**2), ("1G", 1024**3), ("512K", 512 * 1024), (77, 77)])
def test_sizes_are_read_as_pm2_reads_them(text: str | int, size: int) -> None:
    assert in_bytes(text) == size


@pytest.mark.parametrize("text", ["", "1.5G", "300MB", "-1", "many"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        in_bytes(text)


@pytest.mark.parametrize(("limit", "refused"), [(399, False), (400, False), (401, True)])
def test_memory_limits_must_fit_into_the_share_of_the_ram(limit: int, refused: bool) -> None:
    assert bool(too_much([dataclasses.replace(SHALL, max_memory_restart=limit)], 1000, 80)) is refused


@pytest.mark.parametrize("name", ["all", "7", "--x", "a b", "a,b", "./api", "/x", ""])
def test_a_name_that_pm2_takes_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(BadOption):
        checked([name])


def test_variables_are_compared_as_javascript_writes_them() -> None:
    assert texts({"a": 1, "b": True, "c": "x", "d": 1.5, "e": None, "f": 2.0}) == {
        "a": "1", "b": "true", "c": "x", "d": "1.5", "f": "2"}


ENV = {"name": "api", "status": "online", "pm_cwd": "/app", "env": {"A": 1, "unique_id": "x"}}


@pytest.mark.parametrize(("dump", "others", "words"), [
    (None, False, "never saved"),
    ({}, False, "not the list"),
    ([ENV], False, ""),
    ([{**ENV, "env": {"A": "1", "unique_id": "y"}}], False, ""),
    ([{**ENV, "env": {"A": 2}}], False, "is not the running one"),
    ([{**ENV, "status": "stopped"}], False, "is not the running one"),
    ([ENV, ENV], False, "is not the running one"),
    ([ENV], True, "other users"),
])
def test_the_saved_list_is_compared_with_the_running_one(dump: t.Any, others: bool, words: str) -> None:
    told = stale([{"name": "api", "pm2_env": ENV}], dump, others)
    assert (words in told) if words else told == ""
