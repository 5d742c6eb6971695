# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast to go."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._redis.pace_plan import LEAST_KEYS, MOST_KEYS, Pace, TooSlow


def pace(**given: float) -> Pace:
    return Pace(**{"batch_seconds": 0.002, "share_percent": 50, "latency_limit_seconds": 0.1, "patience_seconds": 10,
                   "max_seconds": 600, **given})


def run(one: Pace, seconds_a_key: float, batches: int = 60) -> None:
    for now in range(batches):
        one.after(one.keys, one.keys * seconds_a_key, now / 1000)


@pytest.mark.parametrize(("seconds_a_key", "keys"), [(4e-6, 500), (2e-5, 100), (1e-9, MOST_KEYS), (1e-2, LEAST_KEYS)])
def test_batches_become_as_large_as_their_time_allows(seconds_a_key: float, keys: int) -> None:
    one = pace(patience_seconds=1000)
    run(one, seconds_a_key)
    assert keys * 0.9 <= one.keys <= keys


def test_a_batch_halves_at_most_and_grows_by_a_quarter() -> None:
    one = pace()
    one.after(200, 1e-5, 0)
    assert one.keys == 250
    other = pace()
    other.after(200, 0.05, 0)
    assert other.keys == 100


def test_a_single_slow_answer_does_not_make_batches_small() -> None:
    one = pace()
    run(one, 4e-6)
    before = one.keys
    one.after(one.keys, 0.09, 1)
    assert one.keys >= before


def test_the_rest_of_the_time_is_left_to_others() -> None:
    assert pace(share_percent=50).after(200, 0.002, 0) == pytest.approx(0.002)
    assert pace(share_percent=80).after(200, 0.002, 0) == pytest.approx(0.0005)
    assert pace(share_percent=100).after(200, 0.002, 0) == 0


@pytest.mark.parametrize(("waited", "pause"), [(0.1001, 0.4004), (0.3, 1.2), (3, 2)])
def test_a_slow_server_gets_a_pause(waited: float, pause: float) -> None:
    assert pace().after(20, waited, 5) == pytest.approx(pause)


def test_a_server_that_stays_slow_ends_it() -> None:
    one = pace(patience_seconds=10)
    one.after(20, 0.2, 100.0)  # slow since 99.8
    one.after(20, 0.2, 109.8)
    with pytest.raises(TooSlow, match=r"more slowly than 100 ms for 10 s"):
        one.after(20, 0.2, 109.9)


def test_one_quick_answer_restores_the_patience() -> None:
    one = pace(patience_seconds=10)
    one.after(20, 0.2, 100)
    one.after(20, 0.1, 109)
    one.after(20, 0.2, 119)
    one.after(20, 0.2, 120)


def test_the_whole_time_is_bounded() -> None:
    one = pace(max_seconds=60)
    one.after(20, 0.001, 100)
    one.after(20, 0.001, 159.9)
    with pytest.raises(TooSlow, match=r"after 1 min \(max_seconds\)"):
        one.after(20, 0.001, 160.1)


def test_the_slowest_answer_is_remembered() -> None:
    one = pace()
    for waited in (0.001, 0.03, 0.002):
        one.after(20, waited, 1)
    assert (one.slowest, one.batches) == (0.03, 3)
