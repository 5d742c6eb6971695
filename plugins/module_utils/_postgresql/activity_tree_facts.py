# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Who waits for whom, as a tree: at the root is who waits for nobody, which is where to look."""

from __future__ import annotations

import typing as t

Blockers = t.Mapping[int, t.Sequence[int]]


class Node(t.NamedTuple):
    """A process and those that wait for it; ``circle`` marks one that waits for itself over others."""

    pid: int
    waiting: tuple[Node, ...]
    circle: bool = False


def tree(blockers: Blockers) -> list[Node]:
    """Each process once, below one that it waits for: rather below one that waits for nobody."""
    children: dict[int, list[int]] = {}
    for pid, others in sorted(blockers.items()):
        if others:
            parent = min(others, key=lambda other: (other in blockers, other))
            children.setdefault(parent, []).append(pid)
    everybody = set(blockers) | {other for others in blockers.values() for other in others}
    seen: set[int] = set()

    def grown(pid: int, circle: bool = False) -> Node:
        seen.add(pid)
        below = []
        for child in children.get(pid, ()):
            if child not in seen:
                below.append(grown(child))
        return Node(pid, tuple(below), circle)

    roots = [grown(pid) for pid in sorted(everybody) if not blockers.get(pid) and children.get(pid)]
    for pid in sorted(everybody):
        if pid not in seen and blockers.get(pid):
            roots.append(grown(pid, circle=True))
    return sorted(roots, key=lambda root: (-size(root), root.pid))


def size(node: Node) -> int:
    """How many wait below it, directly or not."""
    return len(node.waiting) + sum(size(below) for below in node.waiting)
