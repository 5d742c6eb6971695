# SPDX-License-Identifier: GPL-3.0-or-later
"""What statements cost within a window: pure judgement."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.activity_statements_facts import (
    Cost,
    by_mean,
    by_total,
    costs,
    counted_rows,
    leaders,
    sampled_rows,
)
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.queries import MARK

OLD = [["1/10/true", 5, 10.0, 50], ["2/10/true", 7, 1.0, 7]]


@pytest.mark.parametrize(("after", "reset", "expected"), [
    (OLD, False, []),
    ([["1/10/true", 6, 12.5, 51], OLD[1]], False, [Cost("1/10/true", 1, 2.5, 1)]),
    ([*OLD, ["3/10/true", 2, 0.5, 2]], False, [Cost("3/10/true", 2, 0.5, 2)]),  # new within the window
    ([["1/10/true", 2, 0.2, 2]], False, [Cost("1/10/true", 2, 0.2, 2)]),  # thrown away, and there again
    ([["1/10/true", 6, 0.2, 2]], True, [Cost("1/10/true", 6, 0.2, 2)]),  # reset, whatever the counter says
    ([["1/10/true", 6, 9.9, 49]], False, [Cost("1/10/true", 1, 0.0, 0)]),  # never below nothing
    ([], False, []),
])
def test_only_what_was_added_counts(after: list[list[t.Any]], reset: bool, expected: list[Cost]) -> None:
    assert costs(OLD, after, reset=reset) == expected


def test_leaders_are_those_by_total_and_those_by_mean() -> None:
    many = [Cost(f"{number}/1/true", 1000, 10.0 + number, 0) for number in range(50)]
    slow = Cost("99/1/true", 1, 5.0, 0)
    assert slow in leaders([*many, slow], 3)
    assert len(leaders([*many, slow], 3)) == len(set(leaders([*many, slow], 3)))


def test_rows_hold_no_literal_and_none_of_ours() -> None:
    texts: dict[str, list[t.Any]] = {
        "1/10": ["SELECT 'canary' /* canary */ WHERE id = $1", "vendhub"], "2/10": [f"{MARK} SELECT 1", "postgres"],
        "3/10": ["CREATE ROLE x PASSWORD 'canary'", None]}
    found = [Cost("1/10/true", 2, 3.0, 4), Cost("2/10/true", 1, 1.0, 1), Cost("3/10/true", 1, 1.0, 0),
             Cost("4/10/true", 1, 1.0, 0)]
    rows = counted_rows(found, 6.0, texts, 300)
    assert rows == [
        {"statement": "SELECT ? WHERE id = $1", "user": "vendhub", "calls": 2, "total_seconds": 3.0, "rows": 4,
         "mean_seconds": 1.5, "share_percent": 50.0},
        {"statement": "CREATE ROLE x PASSWORD ?", "user": "", "calls": 1, "total_seconds": 1.0, "rows": 0,
         "mean_seconds": 1.0, "share_percent": 16.7}]


def test_one_statement_in_and_out_of_functions_is_one_row() -> None:
    found = [Cost("1/10/true", 1, 1.0, 1), Cost("1/10/false", 3, 3.0, 3)]
    rows = counted_rows(found, 4.0, {"1/10": ["SELECT 1", "a"]}, 99)
    assert [(row["calls"], row["total_seconds"], row["share_percent"]) for row in rows] == [(4, 4.0, 100.0)]


def test_samples_become_estimates_of_time() -> None:
    long, short = [7, 100.0, "SELECT pg_sleep(9)", "vendhub"], [8, 101.0, "SELECT name FROM x WHERE id = 5", "vendhub"]
    other = [8, 101.5, "SELECT name FROM x WHERE id = 6", "vendhub"]
    own = [9, 100.0, f"{MARK} SELECT 1", "vendhub_monitor"]
    rows = sampled_rows([[long, own], [long, short], [long, other], [long]], 4.0, 300)
    assert [(row["statement"], row["calls"], row["total_seconds"], row["mean_seconds"])
            for row in by_total(rows, 9)] == [
        ("SELECT pg_sleep(?)", 1, 4.0, 4.0), ("SELECT name FROM x WHERE id = ?", 2, 2.0, 1.0)]
    assert sum(row["share_percent"] for row in rows) == pytest.approx(100, abs=0.2)
    assert sampled_rows([], 1.0, 300) == []


def test_the_order_of_both_lists() -> None:
    rows: list[dict[str, t.Any]] = [{"statement": "a", "total_seconds": 9.0, "mean_seconds": 0.1},
                                    {"statement": "b", "total_seconds": 1.0, "mean_seconds": 1.0}]
    assert [row["statement"] for row in by_total(rows, 2)] == ["a", "b"]
    assert [row["statement"] for row in by_mean(rows, 1)] == ["b"]
