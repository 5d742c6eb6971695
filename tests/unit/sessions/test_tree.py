# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for whom: pure judgement."""

from __future__ import annotations

import random

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.activity_tree_facts import Node, size, tree


def drawn(node: Node) -> str:
    """1(2 3(4)); a circle is marked."""
    below = " ".join(map(drawn, node.waiting))
    return f"{'o' if node.circle else ''}{node.pid}" + (f"({below})" if below else "")


@pytest.mark.parametrize(("blockers", "expected"), [
    ({}, []),
    ({2: [1]}, ["1(2)"]),
    ({2: [1], 3: [1, 2]}, ["1(2 3)"]),  # a queue: the root is who holds the lock
    ({2: [1], 3: [2]}, ["1(2(3))"]),
    ({2: [1], 3: [1], 5: [4]}, ["1(2 3)", "4(5)"]),  # who blocks most is first
    ({5: [4], 3: [9], 2: [9]}, ["9(2 3)", "4(5)"]),
    ({2: [0]}, ["0(2)"]),  # a prepared transaction has no process
    ({1: [2], 2: [1]}, ["o1(2)"]),
    ({1: [2], 2: [1], 3: [2]}, ["o1(2(3))"]),
    ({1: [1]}, ["o1"]),
    ({3: [1, 2]}, ["1(3)"]),
    ({2: []}, []),  # its blocker is gone already
])
def test_the_tree(blockers: dict[int, list[int]], expected: list[str]) -> None:
    assert [drawn(root) for root in tree(blockers)] == expected


def pids(node: Node) -> list[int]:
    return [node.pid, *(pid for below in node.waiting for pid in pids(below))]


def test_everybody_who_waits_is_there_exactly_once() -> None:
    chance = random.Random(7)
    for dummy in range(300):
        blockers = {pid: chance.sample(range(1, 12), chance.randint(1, 3)) for pid in chance.sample(range(1, 12), 6)}
        roots = tree(blockers)
        found = [pid for root in roots for pid in pids(root)]
        assert len(found) == len(set(found))
        assert set(blockers) <= set(found)
        assert sum(map(size, roots)) + len(roots) == len(found)
