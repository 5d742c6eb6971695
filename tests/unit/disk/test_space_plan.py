# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes, in which order, and where it stops."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._disk.facts import Item, Space
from ansible_collections.vendhub.ops.plugins.module_utils._disk.mounts_judge import mount_of, space_of
from ansible_collections.vendhub.ops.plugins.module_utils._disk.space_plan import Target, helps, ordered, plan
from ansible_collections.vendhub.ops.plugins.module_utils._system.mounts import Mount

FULL = Space("/", "8:1", 100, 0, 50, 50)


def item(kind: str = "rotated_logs", count: int = 10, modified: float = 0, files: int = 1, path: str = "/x") -> Item:
    return Item(kind, path, count, modified, files)


@pytest.mark.parametrize(("used", "free", "taken"), [
    (80, 20, 0),  # at the limit is within it
    (81, 19, 1),
    (90, 10, 1),
    (91, 9, 2),
    (100, 0, 2),
    (0, 0, 0),
])
def test_it_takes_what_is_needed_and_not_one_more(used: int, free: int, taken: int) -> None:
    found = plan(Space("/", "8:1", used, free), [item(modified=number) for number in range(5)], Target(80.0))
    assert [one.modified for one in found.items] == list(range(taken))
    assert found.reached


def test_what_is_missed_least_goes_first_and_of_each_kind_the_oldest() -> None:
    wild = [item("dumps"), item("releases"), item("rotated_logs", modified=2), item("rotated_logs", modified=1),
            item("npm_cache", modified=9), item("live_logs"), item("journal")]
    assert [(one.kind, one.modified) for one in ordered(wild)] == [
        ("npm_cache", 9), ("rotated_logs", 1), ("rotated_logs", 2), ("journal", 0), ("releases", 0), ("dumps", 0),
        ("live_logs", 0)]


def test_what_frees_nothing_is_left_out() -> None:
    assert ordered([item(count=0)]) == []
    assert ordered([item(count=0, files=100)]) != []


def test_a_target_that_cannot_be_reached_is_said() -> None:
    found = plan(FULL, [item()], Target(80.0))
    assert (found.reached, round(found.after.percent)) == (False, 90)


@pytest.mark.parametrize(("free", "reached"), [(63, False), (64, True), (65, True)])
def test_bytes_free_are_a_target(free: int, reached: bool) -> None:
    assert Target(80.0, 64).reached(Space("/", "8:1", 1000, free)) is reached
    assert Target(80.0, 64).reached(Space("/", "8:1", 20, 20)), "a small disk that is not too full has enough"
    assert not Target(80.0, 64).reached(Space("/", "8:1", 1000, free, 1000, 63))


def test_a_disk_without_inodes_gains_nothing_from_bytes() -> None:
    space = Space("/", "8:1", 10, 90, 100, 0)
    found = plan(space, [item("npm_cache", files=0), item("rotated_logs", files=30)], Target(80.0))
    assert [one.kind for one in found.items] == ["rotated_logs"]
    assert not helps(space, item(files=0), Target(80.0))


def test_a_path_lies_on_the_deepest_mount_above_it() -> None:
    mounts = [Mount("8:1", "/", "/", "ext4", "a"), Mount("8:2", "/", "/var", "ext4", "b"),
              Mount("0:5", "/", "/var/run", "tmpfs", "c"), Mount("8:1", "/x", "/var/bound", "ext4", "a")]
    spaces = [Space("/", "8:1", 1, 1), Space("/var", "8:2", 1, 1)]

    def where(path: str) -> t.Optional[str]:
        space = space_of(path, mounts, spaces)
        return space.mount if space else None

    assert where("/variable") == "/"
    assert where("/var") == where("/var/log/x") == "/var"
    assert where("/var/run/x") is None, "memory is no disk"
    assert where("/var/bound/x") == "/", "a bind mount is a part of its disk"
    assert mount_of("/x", []) is None
