# SPDX-License-Identifier: GPL-3.0-or-later
"""The age of a moment is right although clocks are set and hosts restart."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core import clock, moment
from ansible_collections.vendhub.ops.plugins.module_utils._core.moment import Moment


@pytest.mark.parametrize(("then", "now", "age"), [
    (Moment(1000, "a", 10), Moment(1060, "a", 70), 60),
    (Moment(1000, "a", 10), Moment(10, "a", 70), 60),  # set back
    (Moment(1000, "a", 10), Moment(99999, "a", 70), 60),  # set forward
    (Moment(1000, "a", 10), Moment(1060, "b", 20), 60),  # restarted between
    (Moment(1000, "a", 10), Moment(500, "b", 20), 20),  # restarted and set back: at least the uptime
    (Moment(1000, "a", 10), Moment(1001, "b", 20), 20),
    (Moment(1000), Moment(1060, "a", 70), 60),  # written by something that knows no boots
    (Moment(1000), Moment(900, "a", 70), 0),
    (Moment(1000, "a", 70), Moment(1000, "a", 10), 0),
])
def test_the_age_of_a_moment(then: Moment, now: Moment, age: float) -> None:
    assert moment.age(then, now) == age


def test_a_moment_survives_a_file() -> None:
    now = clock.now()
    assert moment.parse(now.as_dict()).boot == now.boot != ""
    assert moment.age(moment.parse(now.as_dict()), clock.now()) < 5


@pytest.mark.parametrize("data", [None, 3, [], "x", {}, {"epoch": "soon"}, {"epoch": float("nan")}, {"epoch": None},
                                  {"epoch": 1, "uptime": float("inf")}, {"epoch": 1, "uptime": []}])
def test_rubbish_is_no_moment(data: t.Any) -> None:
    with pytest.raises(ValueError, match=r"moment|float"):
        moment.parse(data)


def test_a_time_is_shown_in_utc_and_an_impossible_one_does_not_crash() -> None:
    assert moment.utc(1767323045) == "2026-01-02T03:04:05Z"
    assert moment.utc(1e300) == "an impossible time"
