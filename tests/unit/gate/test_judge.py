# SPDX-License-Identifier: GPL-3.0-or-later
"""When an app is called stable, when not, and when it is too early to say."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import State
from ansible_collections.vendhub.ops.plugins.module_utils._gate.judge import (
    STABLE,
    UNDECIDED,
    UNSTABLE,
    Health,
    Judgement,
    Sample,
    Wanted,
    judge,
)
from ansible_collections.vendhub.ops.plugins.module_utils._gate.watch import pause, watch
from ansible_collections.vendhub.ops.plugins.module_utils._http.judge import Answer
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.apps import Process

API = Process("api", 0, 100, "online", "cluster", restart_time=5, pm_uptime=1000)
TWIN = dataclasses.replace(API, pm_id=1, pid=101)
GOOD = Health(Answer(200), release="1.1")
BAD = Health(Answer(503), fault="answered 503")
LIMITED = Health(Answer(429), fault="answered 429")
DAEMON = 9

Change = t.Mapping[str, t.Any]


def seen(count: int, *processes: Process, at: int = 0, **more: t.Any) -> list[Sample]:
    """One sample a second."""
    return [Sample(float(at + number), processes or (API, TWIN), daemon_pid=DAEMON, **more) for number in range(count)]


def decided(samples: list[Sample], now: float | None = None, **more: t.Any) -> Judgement:
    wanted = Wanted(**{"apps": {"api": 2}, "watch_seconds": 10, "deadline_seconds": 60, **more})
    return judge(samples, wanted, samples[-1].at if now is None else now)


def process(**changes: t.Any) -> Process:
    return dataclasses.replace(API, **changes)


@pytest.mark.parametrize(("count", "state"), [(1, UNDECIDED), (10, UNDECIDED), (11, STABLE), (40, STABLE)])
def test_it_is_stable_when_everything_held_for_the_whole_watch(count: int, state: str) -> None:
    assert decided(seen(count)).state == state


def test_without_a_watch_one_good_look_is_enough_and_a_bad_one_is_not() -> None:
    assert decided(seen(1), watch_seconds=0).state == STABLE
    assert decided(seen(1, process(status="launching"), TWIN), watch_seconds=0).state == UNDECIDED


@pytest.mark.parametrize(("after", "state", "words"), [
    ({"pid": 222, "restart_time": 6, "pm_uptime": 29_000}, UNSTABLE, "restarted after 28 s"),
    ({"restart_time": 6}, UNSTABLE, "restarted"),
    ({"pid": 222}, UNSTABLE, "restarted"),
    ({"pm_uptime": 9000}, UNSTABLE, "restarted after 8 s"),
    ({"pid": 0, "status": "waiting restart"}, UNDECIDED, "api is waiting restart"),
    ({"pid": 0, "status": "waiting restart", "restart_time": 6}, UNSTABLE, "restarted"),
    ({"pid": 0, "status": "errored"}, UNSTABLE, "PM2 gave up: api (process 0) is errored"),
    ({"pid": 0, "status": "stopped"}, UNSTABLE, "PM2 gave up: api (process 0) is stopped"),
    ({"status": "launching"}, UNDECIDED, "api is launching"),
    ({"memory": 1, "cpu": 99.0}, STABLE, "stable for 10 s"),
])
def test_what_happens_to_a_process_after_ten_good_seconds(after: Change, state: str, words: str) -> None:
    result = decided([*seen(10), *seen(1, process(**after), TWIN, at=10)])
    assert (result.state, words in result.reason) == (state, True), result.reason


def test_a_slow_crash_loop_is_seen_although_every_look_finds_it_online() -> None:
    samples = [*seen(28), *seen(2, process(pid=300, restart_time=6, pm_uptime=29_000), TWIN, at=28)]
    result = decided(samples, watch_seconds=30, deadline_seconds=120)
    assert result.state == UNSTABLE
    assert "while it was watched" in result.reason


@pytest.mark.parametrize(("allowed", "restarted", "state"), [(0, 1, UNSTABLE), (1, 1, UNDECIDED), (1, 2, UNSTABLE)])
def test_an_allowed_restart_begins_the_watch_anew(allowed: int, restarted: int, state: str) -> None:
    later = process(pid=300, restart_time=5 + restarted, pm_uptime=12_000)
    samples = [*seen(10), *seen(5, later, TWIN, at=10)]
    assert decided(samples, restarts_allowed=allowed).state == state
    if state == UNDECIDED:
        longer = [*samples, *seen(7, later, TWIN, at=15)]
        assert decided(longer[:-2], restarts_allowed=allowed).state == UNDECIDED
        assert decided(longer, restarts_allowed=allowed).state == STABLE


def test_a_restart_while_pm2_was_silent_is_seen_afterwards() -> None:
    silent = [Sample(10.0, silence="it hangs")]
    samples = [*seen(10), *silent, *seen(1, process(pid=7, restart_time=6), TWIN, at=11)]
    assert decided(samples).state == UNSTABLE


def test_a_silent_pm2_breaks_the_watch_and_is_waited_for() -> None:
    samples = [*seen(8), Sample(8.0, silence="it hangs"), *seen(9, at=9)]
    result = decided(samples)
    assert result.state == UNDECIDED
    assert "before that: it hangs" in result.reason
    assert decided([*samples, *seen(3, at=18)]).state == STABLE


@pytest.mark.parametrize(("processes", "words"), [
    ([API], "api has 1 of 2 processes"),
    ([API, TWIN, dataclasses.replace(API, pm_id=2, pid=102)], "api has 3 of 2 processes"),
    ([dataclasses.replace(API, name="other")], "api is not in PM2's list"),
])
def test_the_number_of_processes_is_waited_for_until_the_deadline(processes: list[Process], words: str) -> None:
    assert decided(seen(30, *processes)).state == UNDECIDED
    late = decided(seen(61, *processes))
    assert (late.state, words in late.reason) == (UNSTABLE, True), late.reason
    assert "not proven within 1 min" in late.reason


@pytest.mark.parametrize(("answers", "state"), [
    ([GOOD] * 11, STABLE),
    ([BAD] * 3 + [GOOD] * 8, UNDECIDED),  # a bad answer breaks the watch
    ([BAD] * 3 + [GOOD] * 11, STABLE),
    ([GOOD, BAD] * 8, UNDECIDED),
    ([LIMITED] * 9 + [GOOD] * 2, UNDECIDED),  # two of three
    ([LIMITED] * 8 + [GOOD] * 3, STABLE),  # 429 is no failure
    ([GOOD] * 3 + [LIMITED] * 8, STABLE),
    ([LIMITED] * 20, UNDECIDED),  # and no success
    ([GOOD, GOOD, LIMITED, BAD, LIMITED, GOOD] * 2, UNDECIDED),
    ([BAD] * 20, UNDECIDED),
])
def test_health_answers_are_counted_in_a_row(answers: list[Health], state: str) -> None:
    samples = [dataclasses.replace(one, health=answer) for one, answer in zip(seen(len(answers)), answers)]
    assert decided(samples, health=True).state == state


@pytest.mark.parametrize(("answer", "worst", "words"), [
    (BAD, State.CRITICAL, "health page: answered 503"),
    (LIMITED, State.UNKNOWN, "429, the page's own rate limit"),
])
def test_at_the_deadline_the_missing_proof_is_named(answer: Health, worst: State, words: str) -> None:
    result = decided(seen(61, health=answer), health=True)
    assert result.state == UNSTABLE
    assert words in result.reason
    assert max(finding.state for finding in result.findings) is worst


REFUSED = Health(Answer(failure="refuses the connection"), fault="refuses the connection")


def test_an_app_that_listens_too_late_is_told_by_the_last_answers() -> None:
    healths = [REFUSED] * 59 + [GOOD] * 2
    samples = [dataclasses.replace(one, health=health) for one, health in zip(seen(61), healths)]
    result = decided(samples, health=True)
    assert result.state == UNSTABLE
    assert ("only 2 of 3 good health answers in a row; the last one: answered 200, before that: health page: refuses"
            " the connection") in result.reason
    assert "health page: refuses the connection" in decided(samples[:59], 60, health=True).reason
    limited = decided([*samples, *seen(1, at=61, health=LIMITED)], health=True)
    assert "429, the page's own rate limit; the last one: answered 200" in limited.reason


@pytest.mark.parametrize("allowed", [0, 1, 9])
def test_an_app_that_crashes_every_20_seconds_is_never_stable_for_30(allowed: int) -> None:
    clock = 7.0  # it ran a while before the watch began

    def look() -> Sample:
        lives = int(clock // 20)
        return Sample(clock, (process(pid=100 + lives, restart_time=lives, pm_uptime=lives * 20_000),), health=GOOD)

    def sleep(seconds: float) -> None:
        nonlocal clock
        clock += seconds

    wanted = Wanted({"api": 1}, watch_seconds=30, deadline_seconds=120, restarts_allowed=allowed, health=True)
    decision, samples = watch(look, wanted, 1.0, lambda: clock, sleep)
    assert decision.state == UNSTABLE
    assert ("while it was watched" in decision.reason) == (allowed < 9)
    assert samples[-1].at <= (20, 40, 127)[(0, 1, 9).index(allowed)]


@pytest.mark.parametrize(("first", "worst"), [(REFUSED, State.UNKNOWN), (BAD, State.CRITICAL), (GOOD, State.UNKNOWN)])
def test_a_rate_limit_hides_no_bad_answer(first: Health, worst: State) -> None:
    answers = [first, *[LIMITED] * 60]
    samples = [dataclasses.replace(one, health=answer) for one, answer in zip(seen(61), answers)]
    result = decided(samples, health=True)
    assert {finding.name: finding.state for finding in result.findings}["gate_health"] is worst


@pytest.mark.parametrize(("release", "state"), [("1.1", STABLE), ("1.0", UNDECIDED), ("", UNDECIDED)])
def test_the_expected_release_must_be_served(release: str, state: str) -> None:
    answers = seen(11, health=dataclasses.replace(GOOD, release=release))
    assert decided(answers, health=True, release="1.1").state == state


def test_two_workers_with_different_releases_are_never_stable() -> None:
    samples = [dataclasses.replace(one, health=dataclasses.replace(GOOD, release=f"1.{number % 2}"))
               for number, one in enumerate(seen(61))]
    assert decided(samples, health=True, release="1.1").state == UNSTABLE


@pytest.mark.parametrize(("mode", "owners", "state", "words"), [
    ("cluster", {DAEMON}, STABLE, ""),
    ("fork", {100}, STABLE, ""),
    ("fork", {DAEMON}, UNDECIDED, "belongs to another process"),
    ("cluster", set(), UNDECIDED, "belongs to another process"),
    ("cluster", None, UNDECIDED, "nobody listens on port 3000"),
])
def test_the_port_must_belong_to_the_app(mode: str, owners: set[int] | None, state: str, words: str) -> None:
    samples = seen(11, process(exec_mode=mode), dataclasses.replace(TWIN, exec_mode=mode),
                   owners=None if owners is None else frozenset(owners))
    result = decided(samples, port=3000)
    assert result.state == state
    assert words in " ".join(finding.message for finding in result.findings)


def test_a_port_whose_owner_cannot_be_seen_is_unknown_not_fine() -> None:
    result = decided(seen(61, owners_unseen="no permission"), port=3000)
    assert result.state == UNSTABLE
    assert {finding.name: finding.state for finding in result.findings}["gate_port"] is State.UNKNOWN


@pytest.mark.parametrize(("strangers", "state"), [((), STABLE), (("api (pid 1) runs in /old",), UNDECIDED)])
def test_every_process_must_run_the_expected_release(strangers: tuple[str, ...], state: str) -> None:
    assert decided(seen(11, strangers=strangers), folder="/opt/vendhub/releases/new").state == state


@pytest.mark.parametrize(("healths", "retry_after", "seconds"), [
    ([GOOD], "", 1), ([LIMITED], "", 2), ([LIMITED] * 2, "", 4), ([LIMITED] * 9, "", 10), ([LIMITED], "7", 7),
    ([LIMITED], "9999", 10), ([LIMITED], "soon", 2), ([LIMITED, GOOD], "", 1),
])
def test_asking_slows_down_when_the_page_says_too_many(healths: list[Health], retry_after: str, seconds: int) -> None:
    samples = [Sample(0.0, health=dataclasses.replace(
        one, answer=dataclasses.replace(one.answer, retry_after=retry_after))) for one in healths]
    assert pause(samples, 1.0) == seconds


def test_watching_ends_at_the_deadline() -> None:
    moment = [0.0]

    def sleep(seconds: float) -> None:
        moment[0] += max(seconds, 0.001)

    wanted = Wanted({"api": 1}, watch_seconds=5, deadline_seconds=20)
    result, samples = watch(lambda: Sample(moment[0], silence="it hangs"), wanted, 1.0, lambda: moment[0], sleep)
    assert result.state == UNSTABLE
    assert "it hangs" in result.reason
    assert 20 <= moment[0] < 21
    assert len(samples) == 21
