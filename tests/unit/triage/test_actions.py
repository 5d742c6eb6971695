# SPDX-License-Identifier: GPL-3.0-or-later
"""For each cause there is either something that recovery does, or advice to a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._triage import actions, crash
from ansible_collections.vendhub.ops.plugins.module_utils._triage.causes import ORDER
from ansible_collections.vendhub.ops.plugins.module_utils._triage.signs import Cause

REMEDIES = Path(__file__).resolve().parents[3] / "roles/recover/tasks/remedies"
WHYS = sorted(value for name, value in vars(crash).items() if name.isupper() and isinstance(value, str))


def cause(kind: str, why: str = "") -> Cause:
    return Cause(kind, "app1", "certain", ("a fact",), why=why)


@pytest.mark.parametrize("kind", [kind for kind in ORDER if kind != "crash_loop"])
def test_every_cause_is_dealt_with_or_left_to_a_person_with_a_word(kind: str) -> None:
    todo = actions.action(cause(kind))
    assert bool(todo.name) != bool(todo.advice)
    assert bool(todo.name) == bool(todo.does)


@pytest.mark.parametrize("why", WHYS)
def test_every_reason_of_a_crash_has_advice(why: str) -> None:
    assert actions.action(cause("crash_loop", why)).advice


def test_every_action_has_its_tasks_and_none_is_left_over() -> None:
    named = {todo.name for todo in actions.ACTIONS.values() if todo.name} - {actions.GO_BACK}
    assert named == {path.stem for path in REMEDIES.glob("*.yml")}


def test_nothing_starts_an_app_whose_database_or_redis_is_the_trouble() -> None:
    about_servers = [kind for kind in ORDER if kind.startswith(("postgresql", "redis"))]
    touching = {actions.START_APP, actions.RESTART_APP, actions.START_PM2}
    assert not [kind for kind in about_servers if actions.action(cause(kind)).name in touching]
