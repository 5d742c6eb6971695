# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sessions are ended: pure judgement."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.sessions_facts import (
    STATES,
    Headroom,
    Room,
    Session,
    Wanted,
    headroom,
    named,
    rooms,
)
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.sessions_plan import choose, guard, meant

ONE = Session(pid=1, database="vendhub_prod", user="vendhub", application="vendhub-api", client="10.0.0.7",
              state="idle", started=1, since=2, age_seconds=1000, session_seconds=2000, transaction_seconds=None,
              query="SELECT 1", blocks=0, replication=False, superuser=False, hidden=False, mine_to_end=True)
SERVER = Room("server", "", 27, 27)


def one(pid: int = 1, **changes: t.Any) -> Session:
    return dataclasses.replace(ONE, pid=pid, **changes)


def pids(*sessions: Session, room: Room = SERVER, number: int = 27, **wanted: t.Any) -> list[int]:
    return [chosen.pid for chosen in choose(sessions, [room], Wanted(**wanted), Headroom(number, 0)).plan]


def test_the_oldest_go_first_whatever_their_order_or_pid() -> None:
    assert pids(one(3, age_seconds=700), one(1, age_seconds=900), one(2, age_seconds=800)) == [1, 2, 3]
    assert pids(one(3), one(1), one(2)) == [1, 2, 3]


@pytest.mark.parametrize(("used", "number", "expected"), [
    (27, 0, 0), (27, 1, 1), (27, 3, 3), (25, 2, 0), (25, 3, 1), (30, 1, 4), (0, 27, 0), (27, 40, 5),
])
def test_only_as_many_as_the_headroom_needs(used: int, number: int, expected: int) -> None:
    many = [one(pid) for pid in range(5)]
    assert len(pids(*many, room=Room("server", "", 27, used), number=number)) == expected


def test_what_is_missing_still_is_said() -> None:
    choice = choose([one(1), one(2)], [SERVER], Wanted(), Headroom(5, 0))
    assert ([chosen.pid for chosen in choice.plan], choice.short) == ([1, 2], 3)
    assert choose([one(1)], [SERVER], Wanted(), Headroom(1, 0)).short == 0
    assert choose([], [SERVER], Wanted(), Headroom(1, 0)).short == 1


@pytest.mark.parametrize(("changes", "reason"), [
    ({}, ""), ({"replication": True}, "replication"), ({"superuser": True}, "superuser"), ({"hidden": True}, "hidden"),
    ({"user": "billing"}, "protected"), ({"application": "pg_dump"}, "protected"),
    ({"application": "pg_dumpall"}, "protected"), ({"application": "my pg_dump"}, ""), ({"user": "billing2"}, ""),
    ({"age_seconds": 599.999}, "younger"), ({"age_seconds": 600}, ""), ({"age_seconds": 600.001}, ""),
    ({"superuser": True, "age_seconds": 1e9}, "superuser"),
])
def test_who_is_never_ended(changes: dict[str, t.Any], reason: str) -> None:
    wanted = Wanted(protected_users=["billing"], protected_applications=["pg_dump*"])
    session = one(**changes)
    assert guard(session, wanted) == reason
    assert bool(choose([session], [SERVER], wanted, Headroom(1, 0)).plan) is not bool(reason)


def test_naming_a_process_opens_no_guard() -> None:
    sessions = [one(1, superuser=True), one(2, replication=True), one(3, application="pg_dump"), one(4)]
    assert pids(*sessions, pids=[1, 2, 3, 4], applications=["*"], protected_applications=["pg_dump*"]) == [4]


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_ended_only_when_it_is_named(state: str) -> None:
    assert meant(one(state=state), Wanted(states=[state]))
    assert not meant(one(state=state), Wanted(states=[other for other in STATES if other != state]))
    assert not meant(one(state="unknown"), Wanted(states=STATES))


def test_who_works_is_not_meant_by_default() -> None:
    assert [state for state in STATES if meant(one(state=state), Wanted())] == [
        "idle", "idle in transaction", "idle in transaction (aborted)"]


@pytest.mark.parametrize(("name", "pattern", "same"), [
    ("vendhub-api", "vendhub-api", True), ("vendhub-api", "vendhub", False), ("vendhub-api", "vendhub*", True),
    ("vendhub-api", "*-api", True), ("vendhub-api", "*", True), ("", "*", True), ("", "", True), ("x", "", False),
    ("a.b", "a?b", False), ("a+b", "a+b", True), ("aab", "a+b", False), ("[x]", "[x]", True), ("x", "[x]", False),
    ("line\nfeed", "line*", True), ("Vendhub", "vendhub", False), ("a\\b", "a\\b", True), ("abc", "a*b*c", True),
])
def test_only_a_star_is_special(name: str, pattern: str, same: bool) -> None:
    assert named(name, [pattern]) is same


def test_sessions_that_do_not_help_the_room_that_is_short_stay() -> None:
    choice = choose([one(1, user="reports", age_seconds=700), one(2, age_seconds=900)],
                    [Room("server", "", 97, 20), Room("user", "reports", 5, 5)], Wanted(), Headroom(2, 0))
    assert [chosen.pid for chosen in choice.plan] == [1]
    assert choice.spared == {"not needed": 1}
    assert choice.short == 1


def test_replication_takes_no_connection() -> None:
    assert not SERVER.holds(one(replication=True))
    assert not Room("user", "vendhub", 5, 5).holds(one(replication=True))


def test_without_the_right_nothing_is_planned_in_its_place() -> None:
    choice = choose([one(1, age_seconds=9000, mine_to_end=False), one(2)], [SERVER], Wanted(), Headroom(1, 0))
    assert [session.pid for session in choice.forbidden] == [1]


def test_a_cancellation_knows_no_headroom() -> None:
    choice = choose([one(1, state="active"), one(2)], [Room("server", "", 97, 2)], Wanted(states=["active"]), None)
    assert ([chosen.pid for chosen in choice.plan], choice.short, choice.spared) == ([1], 0, {})


@pytest.mark.parametrize(("number", "percent", "named_pids", "expected"), [
    (None, None, [], 7), (None, 25, [], 7), (None, 99.9, [], 27), (None, 25, [1], 7), (None, 0, [], 0),
    (5, None, [], 5), (5, None, [1], 5), (99, None, [], 27), (None, 3.7037037037037037, [], 1),
    (None, 100, [], None), (None, None, [1], None),
])
def test_the_headroom_that_is_asked_for(number: int | None, percent: float | None, named_pids: list[int],
                                        expected: int | None) -> None:
    asked = headroom(number, percent, named_pids)
    assert (asked.of(SERVER) if asked else None) == expected


@pytest.mark.parametrize(("number", "percent"), [(-1, None), (None, -1), (None, 101), (None, float("nan")), (1, 1)])
def test_a_headroom_that_cannot_be(number: int | None, percent: float | None) -> None:
    with pytest.raises(BadOption):
        headroom(number, percent, [])


def test_only_rooms_that_are_named_are_looked_at() -> None:
    answer = {"usable": 27, "used": 20, "limits": [
        {"kind": "database", "name": "vendhub_prod", "usable": 10, "used": 3},
        {"kind": "user", "name": "vendhub_monitor", "usable": 5, "used": 5}]}
    assert [room.name for room in rooms(answer, Wanted())] == [""]
    assert [room.name for room in rooms(answer, Wanted(databases=["vendhub*"]))] == ["", "vendhub_prod"]
    assert [room.free for room in rooms(answer, Wanted(users=["vendhub_monitor"]))] == [7, 0]
