# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at several subjects: within time, and none hides another."""

from __future__ import annotations

import functools
import threading
import time
import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import (
    BadOption,
    CannotLook,
    OpsError,
    ServiceDown,
)
from ansible_collections.vendhub.ops.plugins.module_utils._core.subject import Answer, Plan, Subject, look as look_at
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Finding, Inspection, State

FINE = Inspection((Finding("a", State.OK, "fine"),), {"n": 1})


def subject(inspect: t.Callable[[], Inspection], *, service: bool = True, deadline: float = 5) -> Subject:
    return Subject("x", "the target", inspect, deadline, service)


def look(subjects: t.Sequence[Subject]) -> list[Answer]:
    return look_at([Plan(one.check, functools.partial(lambda made: made, one)) for one in subjects])


def broken(exc: Exception) -> t.Callable[[], Inspection]:
    def inspect() -> Inspection:
        raise exc
    return inspect


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e12])
def test_a_time_limit_without_an_end_is_refused_and_hides_nobody(seconds: float) -> None:
    answers = look_at([Plan("x", lambda: subject(lambda: FINE, deadline=seconds)),
                       Plan("y", lambda: subject(lambda: FINE))])
    assert [one.verdict.state for one in answers] == [State.UNKNOWN, State.OK]
    assert "at most 86400 s" in answers[0].verdict.msg


@pytest.mark.parametrize(("exc", "service", "state", "could_look"), [
    (ServiceDown("port closed"), True, State.CRITICAL, True),
    (CannotLook("no library"), True, State.UNKNOWN, False),
    (OpsError("odd"), True, State.CRITICAL, True),
    (OpsError("odd"), False, State.UNKNOWN, True),
    (KeyError("bug"), True, State.UNKNOWN, False),
    (RecursionError(), False, State.UNKNOWN, False),
])
def test_whatever_goes_wrong_is_a_finding(exc: Exception, service: bool, state: State, could_look: bool) -> None:
    (answer,) = look([subject(broken(exc), service=service)])
    assert answer.verdict.state is state
    assert (answer.error is None) is could_look


def test_a_fault_of_the_check_says_where_it_is() -> None:
    (answer,) = look([subject(broken(KeyError("bug")))])
    assert "the check itself failed: KeyError: 'bug' in test_subject.py:" in answer.verdict.msg


def test_one_broken_subject_never_hides_the_others() -> None:
    answers = look([subject(broken(ValueError("x"))), subject(lambda: FINE), subject(broken(ServiceDown("y")))])
    assert [answer.verdict.state for answer in answers] == [State.UNKNOWN, State.OK, State.CRITICAL]


@pytest.mark.parametrize(("service", "state"), [(True, State.CRITICAL), (False, State.UNKNOWN)])
def test_a_subject_that_hangs_is_given_up_in_time(service: bool, state: State) -> None:
    release = threading.Event()

    def hang() -> Inspection:
        release.wait(30)
        return FINE

    started = time.monotonic()
    answers = look([subject(hang, service=service, deadline=0.2), subject(lambda: FINE)])
    assert time.monotonic() - started < 5
    release.set()
    assert [answer.verdict.state for answer in answers] == [state, State.OK]
    assert "did not answer within 0.2 s" in answers[0].verdict.msg


def test_deadlines_run_at_the_same_time() -> None:
    release = threading.Event()

    def hang() -> Inspection:
        release.wait(30)
        return FINE

    started = time.monotonic()
    look([subject(hang, deadline=0.3) for dummy in range(10)])
    assert time.monotonic() - started < 2
    release.set()


def test_an_error_message_never_shows_a_password() -> None:
    (answer,) = look([subject(broken(ServiceDown("postgresql://u:canary@h/db refused")))])
    assert "canary" not in answer.verdict.msg


@pytest.mark.parametrize(("exc", "words"), [
    (BadOption("there is no user 'x'"), "there is no user 'x'"),
    (ImportError("no such module"), "the check itself failed: ImportError"),
])
def test_a_subject_that_cannot_be_made_blinds_only_itself(exc: Exception, words: str) -> None:
    def build() -> Subject:
        raise exc

    first, second = look_at([Plan("x", build), Plan("y", lambda: subject(lambda: FINE))])
    assert first.verdict.state is State.UNKNOWN
    assert words in first.verdict.msg
    assert second.verdict.state is State.OK
