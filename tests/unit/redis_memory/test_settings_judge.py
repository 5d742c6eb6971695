# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of settings puts at risk."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._redis.settings_judge import (
    Held,
    in_file,
    in_order,
    risks,
    same,
    wanted,
)

GIB = 2**30


@pytest.mark.parametrize(("one", "other", "equal"), [
    ("512mb", "536870912", True), ("1gb", "1073741824", True), ("1g", "1gb", False), ("NoEviction", "noeviction", True),
    ("3600 1  300 100", "3600 1 300 100", True), ("yes", "no", False), ("0", "0", True), ("", "", True),
])
def test_values_are_the_same_in_any_notation(one: str, other: str, equal: bool) -> None:
    assert same(one, other) == equal


@pytest.mark.parametrize(("given", "meant"), [(True, "yes"), (False, "no"), (5, "5"), (" 1mb ", "1mb"), ("", "")])
def test_a_value_is_what_redis_takes(given: t.Any, meant: str) -> None:
    assert wanted({"Some-Thing": given}) == {"some-thing": meant}


@pytest.mark.parametrize(("settings", "says"), [
    ({}, "one setting at least"), ({"requirepass": "x"}, "requirepass is a secret"),
    ({"MASTERAUTH": "x"}, "masterauth is a secret"), ({"max*": 1}, "no name of a setting"),
    ({"maxmemory": None}, "must be a text or a number"), ({"save": [1]}, "must be a text or a number"),
])
def test_settings_that_cannot_be_meant_are_refused_and_no_secret_is_told(settings: t.Any, says: str) -> None:
    with pytest.raises(BadOption, match=says.replace("*", r"\*")):
        wanted(settings)


def told(policy: str, limit: str = "1gb", used: int = 0, **held: t.Any) -> list[tuple[str, bool]]:
    found = risks({"maxmemory-policy": policy, "maxmemory": limit}, used, 4 * GIB, Held(**held))
    return [(risk.text, risk.stops) for risk in found]


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru", "volatile-ttl"])
def test_nothing_held_is_nothing_at_risk(policy: str) -> None:
    assert told(policy) == []


def test_queues_and_revoked_tokens_must_be_accepted_before_any_key_may_go() -> None:
    assert told("allkeys-lru", queues=5002, revoked=1) == [
        ("allkeys-lru may throw away 5002 keys of queues: jobs are lost without an error", True),
        ("allkeys-lru may throw away 1 key of revoked tokens: they are valid again", True)]


def test_queues_are_safe_where_only_keys_with_an_end_may_go_and_revoked_tokens_are_not() -> None:
    assert told("volatile-lru", queues=5, revoked=2) == [
        ("volatile-lru may throw away 2 keys of revoked tokens (those that expire): they are valid again", False)]


def test_sessions_are_told() -> None:
    assert told("volatile-lru", sessions=3)[0] == (
        "volatile-lru may throw away 3 keys of sessions (those that expire): people are logged out", False)
    assert told("noeviction", sessions=3, queues=3, revoked=3) == []


def test_what_was_not_looked_at_may_be_a_queue() -> None:
    assert told("allkeys-lru", unseen=True) == [
        ("allkeys-lru may throw away queues; not every key was looked at", True)]


def test_a_policy_without_a_limit_does_nothing_yet() -> None:
    assert told("allkeys-lru", "0", queues=1) == [
        ("allkeys-lru does nothing as long as maxmemory is 0", False),
        ("allkeys-lru may throw away 1 key of queues as soon as there is a maxmemory: jobs are lost without an error",
         True)]


@pytest.mark.parametrize(("used", "at_risk"), [(GIB - 1, 0), (GIB, 0), (GIB + 1, 1)])
def test_a_limit_below_what_is_used_must_be_accepted(used: int, at_risk: int) -> None:
    found = told("noeviction", "1gb", used)
    assert len(found) == at_risk
    assert all("writes are refused at once" in text and stops for text, stops in found)


def test_a_limit_below_what_is_used_throws_keys_away_when_the_policy_lets_it() -> None:
    assert "keys are thrown away at once" in told("allkeys-lru", "1gb", GIB + 1)[0][0]


@pytest.mark.parametrize(("limit", "warned"), [(int(3.2 * GIB), 0), (int(3.2 * GIB) + 1, 1)])
def test_a_limit_near_the_whole_ram_is_told(limit: int, warned: int) -> None:
    assert [stops for dummy, stops in told("noeviction", str(limit))] == [False] * warned


@pytest.mark.parametrize(("old", "new", "order"), [
    ("100", "200", ["maxmemory", "maxmemory-policy"]), ("200", "100", ["maxmemory-policy", "maxmemory"]),
    ("0", "100", ["maxmemory-policy", "maxmemory"]), ("100", "0", ["maxmemory", "maxmemory-policy"]),
])
def test_room_is_made_first_and_taken_away_last(old: str, new: str, order: list[str]) -> None:
    assert in_order({"maxmemory-policy": "noeviction", "maxmemory": new}, {"maxmemory": old}) == order


def test_the_last_line_of_a_file_counts_and_defaults_are_known() -> None:
    lines = ["# x", "maxmemory 1mb", "MaxMemory 2mb", "hz 10", 'dir "/x"']
    assert in_file(lines, ["maxmemory", "maxmemory-policy", "hz", "dir", "timeout"], "7.0.15") == {
        "maxmemory": "2097152", "maxmemory-policy": "noeviction", "hz": "10", "dir": "/x"}
