# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets the lock: every pair of a lock that is there and somebody who asks."""

from __future__ import annotations

import dataclasses
import itertools
import json
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.moment import Moment
from ansible_collections.vendhub.ops.plugins.module_utils._lock import judge
from ansible_collections.vendhub.ops.plugins.module_utils._lock.judge import Broken, Current, Lock, Wanted

NOW = Moment(1_767_323_045.0, "boot-1", 5000.0)
OURS = {"controller": "ci1", "boot": "c", "namespace": "n", "pid": "10", "started": "1"}
OTHER = {**OURS, "pid": "20"}


def lock(age: float = 60, ttl: int = 3600, run: t.Mapping[str, str] | None = None, holder: str = "bob on ci1",
         operations: tuple[str, ...] = ("deploy",)) -> Lock:
    then = Moment(NOW.epoch - age, "boot-1", NOW.uptime - age)
    return Lock(holder, OTHER if run is None else run, operations, "release 2", then, then, ttl)


def ask(steal: str = "expired", dead: t.Mapping[str, str] | None = None, operation: str = "rollback",
        ttl: int = 600) -> Wanted:
    return Wanted("ann on ci1", OURS, operation, "why", ttl, steal, dead or {})


BEGUN = {"from": "a", "to": "b"}
THERE: dict[str, Current] = {
    "free": None,
    "ours": lock(run=OURS, holder="ann on ci1"),
    "ours, expired": lock(age=4000, run=OURS, holder="ann on ci1"),
    "held": lock(),
    "last second": lock(age=3599.5),
    "just expired": lock(age=3600),
    "broken": Broken("it is empty", NOW.epoch - 60),
    "broken and old": Broken("it is empty", NOW.epoch - judge.LONGEST_TTL_SECONDS),
    "broken in the future": Broken("it is empty", NOW.epoch + 9_999_999),
}
GRANTED = {  # (never, expired, always)
    "free": (True, True, True),
    "ours": (True, True, True),
    "ours, expired": (True, True, True),
    "held": (False, False, True),
    "last second": (False, False, True),
    "just expired": (False, True, True),
    "broken": (False, False, True),
    "broken and old": (False, True, True),
    "broken in the future": (False, False, True),
}


@pytest.mark.parametrize(("there", "steal"), list(itertools.product(THERE, judge.STEAL)))
def test_who_gets_the_lock(there: str, steal: str) -> None:
    decision = judge.decide(THERE[there], ask(steal), NOW)
    assert decision.granted is GRANTED[there][judge.STEAL.index(steal)]
    assert decision.change is decision.granted
    assert (decision.lock is not None) is decision.granted
    if decision.lock:
        assert (decision.lock.holder, decision.lock.run) == ("ann on ci1", OURS)
        assert decision.lock.renewed == NOW
    else:
        assert "steal=always" in decision.sentence


@pytest.mark.parametrize(("current", "asked", "plan"), [
    (None, ask(), {}),
    (Broken("it is empty", 0), ask("always"), {}),
    (lock(run=OURS, holder="ann on ci1"), ask(operation="deploy"), BEGUN),  # renewed
    (lock(run=OURS, holder="ann on ci1"), ask(), BEGUN),  # nested
    (lock(), ask(dead=OTHER), BEGUN),
    (lock(age=3600), ask(), BEGUN),
    (lock(), ask("always"), BEGUN),
])
def test_a_plan_is_kept_by_a_renewal_and_inherited_by_who_takes_over(current: Current, asked: Wanted,
                                                                     plan: dict[str, t.Any]) -> None:
    current = dataclasses.replace(current, plan=BEGUN) if isinstance(current, Lock) else current
    kept = judge.decide(current, asked, NOW).lock
    assert kept is not None
    assert kept.plan == plan
    assert judge.parse(judge.as_text(kept, NOW)).plan == plan
    for new in ({"to": "c"}, {}):
        replaced = judge.decide(current, dataclasses.replace(asked, plan=new), NOW).lock
        assert replaced is not None
        assert replaced.plan == new


def test_the_plan_of_the_outer_operation_outlives_the_inner_one() -> None:
    both = dataclasses.replace(lock(run=OURS, holder="ann on ci1", operations=("recover", "rollback")), plan=BEGUN)
    outer = judge.release(both, ask(operation="rollback"), NOW).lock
    assert outer is not None
    assert outer.plan == BEGUN


def test_a_lock_written_without_a_plan_is_still_read() -> None:
    data = json.loads(judge.as_text(lock(), NOW))
    del data["plan"]
    assert judge.parse(json.dumps(data)) == lock()


def test_every_state_of_a_lock_is_in_the_table() -> None:
    assert list(THERE) == list(GRANTED)


@pytest.mark.parametrize(("steal", "dead", "granted"), [
    ("expired", OTHER, True), ("always", OTHER, True), ("never", OTHER, False),
    ("expired", {**OTHER, "started": "2"}, False),  # somebody else took it meanwhile
    ("expired", OURS, False),
])
def test_a_run_that_is_over_gives_way_at_once_and_is_named(steal: str, dead: dict[str, str], granted: bool) -> None:
    decision = judge.decide(lock(), ask(steal, dead), NOW)
    assert decision.granted is granted
    if granted and steal == "expired":
        assert decision.sentence.startswith("taken over from a run that is over: bob on ci1 holds the lock for deploy")


def test_a_name_of_the_users_own_is_shared_by_runs_and_never_mistaken_for_a_run() -> None:
    named = Wanted("pipeline 7", {}, "perform", "", 600)
    assert judge.decide(lock(run={}, holder="pipeline 7", operations=("prepare",)), named, NOW).granted
    assert not judge.decide(lock(run={}, holder="pipeline 8"), named, NOW).granted
    assert not judge.decide(lock(run=OTHER, holder="pipeline 7"), named, NOW).granted


@pytest.mark.parametrize(("now", "expired"), [
    (Moment(NOW.epoch - 900_000, "boot-1", NOW.uptime + 10), False),  # the clock was set back
    (Moment(NOW.epoch - 900_000, "boot-1", NOW.uptime + 3600), True),
    (Moment(NOW.epoch + 900_000, "boot-1", NOW.uptime + 10), False),  # set forward
    (Moment(NOW.epoch - 900_000, "boot-2", 3000), False),  # set back and restarted
    (Moment(NOW.epoch - 900_000, "boot-2", 3600), True),  # a lock from before this boot is at least as old as it
    (Moment(NOW.epoch + 3600, "boot-2", 5), True),
])
def test_setting_the_clock_neither_ends_a_lock_nor_makes_it_last(now: Moment, expired: bool) -> None:
    assert judge.decide(lock(age=0), ask(), now).granted is expired


def test_a_refusal_says_who_what_since_until_and_what_to_do() -> None:
    assert judge.decide(lock(), ask(), NOW).sentence == (
        "bob on ci1 holds the lock for deploy (release 2) since 2026-01-02T03:03:05Z, until 2026-01-02T04:03:05Z"
        " (59 min left); wait, or when that run is surely over take it with steal=always")


def test_an_operation_inside_another_is_added_and_released_alone() -> None:
    outer = lock(age=60, run=OURS, holder="ann on ci1", operations=("recover",))
    inner = judge.decide(outer, ask(operation="rollback", ttl=60), NOW).lock
    assert inner is not None
    assert inner.operations == ("recover", "rollback")
    assert judge.left(inner, NOW) == 3540, "the inner operation's short time does not cut the outer one's"
    assert inner.reason == "release 2"
    again = judge.decide(inner, ask(operation="rollback"), NOW).lock
    assert again is not None
    assert again.operations == ("recover", "rollback")
    back = judge.release(again, ask(operation="rollback"), NOW)
    assert back.change
    assert back.lock is not None
    assert back.lock.operations == ("recover",)
    end = judge.release(back.lock, ask(operation="recover"), NOW)
    assert (end.granted, end.change, end.lock) == (True, True, None)


def test_releasing_the_outermost_operation_releases_all() -> None:
    both = lock(run=OURS, holder="ann on ci1", operations=("recover", "rollback"))
    assert judge.release(both, ask(operation="recover"), NOW) == judge.Decision(
        True, True, "released: recover is over")


@pytest.mark.parametrize(("there", "words"), [
    (None, "nothing to release"),
    (lock(), "not ours: bob on ci1 holds the lock for deploy"),
    (lock(age=9999), "not ours: bob on ci1"),
    (Broken("it is empty", 0), "cannot be read"),
    (lock(run=OURS, holder="ann on ci1"), "holds the lock for deploy, not for rollback"),
])
def test_what_is_not_ours_is_not_released(there: Current, words: str) -> None:
    decision = judge.release(there, ask(steal="always", dead=OTHER), NOW)
    assert (decision.granted, decision.change, decision.lock) == (False, False, None)
    assert words in decision.sentence


def test_a_lock_survives_its_file() -> None:
    written = lock(operations=("recover", "rollback"))
    assert judge.parse(judge.as_text(written, NOW)) == written


@pytest.mark.parametrize("change", [
    {"holder": ""}, {"holder": 3}, {"operations": []}, {"operations": "deploy"}, {"operations": [1]}, {"run": None},
    {"run": {"pid": 3}}, {"ttl_seconds": "3600"}, {"ttl_seconds": 0}, {"ttl_seconds": True}, {"ttl_seconds": 10**9},
    {"taken": None}, {"renewed": {"epoch": "soon"}}, {"renewed": {}}, {"plan": None}, {"plan": ["to"]},
])
def test_a_lock_with_a_hole_in_it_is_not_believed(change: dict[str, t.Any]) -> None:
    data = {**json.loads(judge.as_text(lock(), NOW)), **change}
    with pytest.raises(ValueError, match="it "):
        judge.parse(json.dumps(data))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '"x"', "\0" * 50])
def test_rubbish_is_no_lock(text: str) -> None:
    with pytest.raises(ValueError, match="it is"):
        judge.parse(text)


def test_every_cut_of_a_lock_is_rubbish_not_a_crash() -> None:
    text = judge.as_text(lock(), NOW).strip()
    for length in range(len(text)):
        with pytest.raises(ValueError, match="it "):
            judge.parse(text[:length])


def test_a_time_to_live_is_never_longer_than_the_longest() -> None:
    longest = dataclasses.replace(lock(age=0, run=OURS, holder="ann on ci1"), ttl_seconds=judge.LONGEST_TTL_SECONDS)
    renewed = judge.decide(longest, ask(), NOW).lock
    assert renewed is not None
    assert renewed.ttl_seconds == judge.LONGEST_TTL_SECONDS
