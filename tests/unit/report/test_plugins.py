# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin plugins: documented as they are, and the filter is as strict as the states."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.vendhub.ops.plugins.action.health_report import OPTIONS, collect
from ansible_collections.vendhub.ops.plugins.filter.worst_state import worst_state
from ansible_collections.vendhub.ops.plugins.modules import health_report


def test_the_options_of_the_report_are_those_in_its_documentation() -> None:
    documented = yaml.safe_load(health_report.DOCUMENTATION)["options"]
    for option in documented.values():
        option.pop("description")
    assert documented == OPTIONS


@pytest.mark.parametrize(("values", "worst"), [
    ([], "unknown"), (["ok"], "ok"), (["ok", "warning"], "warning"), (["unknown", "warning"], "unknown"),
    (["critical", "unknown"], "critical"), ([{"state": "ok"}, {"state": "warning"}], "warning"),
    ([{"failed": True}, "warning"], "unknown"),
])
def test_worst_state(values: list[t.Any], worst: str) -> None:
    assert worst_state(values) == worst


@pytest.mark.parametrize("values", ["critical", {"state": "ok"}, None, 7, ["fine"], [None]])
def test_worst_state_refuses_what_is_not_a_list_of_states(values: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="worst_state"):
        worst_state(values)


class Hostvars(dict[str, t.Any]):
    """As Ansible's: raw_get gives a host's variables as they are."""

    raw_get = dict.get


@pytest.mark.parametrize(("limit", "results", "left_out"), [
    (None, {"a": {"state": "ok"}, "b": None}, []),
    ("a", {"a": {"state": "ok"}}, ["b"]),
])
def test_a_host_without_a_result_is_left_out_only_when_the_run_is_limited(
    limit: str | None, results: dict[str, t.Any], left_out: list[str],
) -> None:
    hostvars = Hostvars(a={"health": {"state": "ok"}}, b={})
    assert collect(["a", "b", "a"], "health", {"hostvars": hostvars, "ansible_limit": limit}) == (results, left_out)
