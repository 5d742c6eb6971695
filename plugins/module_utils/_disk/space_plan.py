# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What goes, in which order, and where it stops: as soon as the target is reached (pure)."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.limits import size
from .facts import KINDS, Item, Space

FEW_INODES = 64  # enough for a lock and some evidence


@dataclasses.dataclass(frozen=True)
class Target:
    """How full a file system may be; with ``free_bytes``, how much free room is enough however full it is."""

    percent: float
    free_bytes: t.Optional[int] = None

    def enough_bytes(self, space: Space) -> bool:
        """Whether no bytes have to go here."""
        return space.percent <= self.percent or (self.free_bytes is not None and space.free_bytes >= self.free_bytes)

    def enough_inodes(self, space: Space) -> bool:
        """Whether no inodes have to go here; a file system may have no limit of them."""
        return space.inodes_percent <= self.percent or (self.free_bytes is not None and space.inodes_free >= FEW_INODES)

    def reached(self, space: Space) -> bool:
        """Whether nothing more has to go here."""
        return self.enough_bytes(space) and self.enough_inodes(space)

    def words(self) -> str:
        """For a sentence."""
        return f"{self.percent:g} %" if self.free_bytes is None else f"{size(self.free_bytes)} of free room"


@dataclasses.dataclass(frozen=True)
class Plan:
    """For one file system: what goes, and how it is then."""

    space: Space
    items: tuple[Item, ...]
    after: Space
    reached: bool


def ordered(items: t.Iterable[Item]) -> list[Item]:
    """What is missed least first, of each kind the oldest first; what frees nothing is no help."""
    return sorted((item for item in items if item.bytes > 0 or item.files > 1),
                  key=lambda item: (KINDS.index(item.kind), item.modified, item.path))


def plan(space: Space, items: t.Iterable[Item], target: Target) -> Plan:
    """The first of the items in their order that bring this file system to the target, and not one more."""
    taken: list[Item] = []
    after = space
    for item in ordered(items):
        if target.reached(after):
            break
        if helps(after, item, target):
            taken.append(item)
            after = after.without(item.bytes, item.files)
    return Plan(space, tuple(taken), after, target.reached(after))


def helps(space: Space, item: Item, target: Target) -> bool:
    """Whether this item frees what is short: a disk without inodes gains nothing from a large log."""
    return (item.bytes > 0 and not target.enough_bytes(space)) or (item.files > 0 and not target.enough_inodes(space))
