# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What was counted, by kind of error and in bounded memory, and what was not seen."""

from __future__ import annotations

import dataclasses
import typing as t

from .fingerprint import normal_form

# So many kinds are told apart in one log; the rest is counted together.
KINDS = 1000
# So much of the first message is kept as the sample.
SAMPLE_CHARACTERS = 2000
OTHERS = "(other kinds)"


class Gap(t.NamedTuple):
    """Something that was not seen: ``unreadable``, ``partial`` or ``untimed``, in which log, and why."""

    kind: str
    path: str
    why: str


@dataclasses.dataclass
class Group:
    """One kind of error: how often, from when to when, what one of them said, and in which log."""

    count: int
    first: t.Optional[float]
    last: t.Optional[float]
    sample: str
    path: str = ""

    def add(self, count: int, first: t.Optional[float], last: t.Optional[float]) -> None:
        self.count += count
        if first is not None and (self.first is None or first < self.first):
            self.first = first
        if last is not None and (self.last is None or last > self.last):
            self.last = last


class Tally:
    """The kinds of error of one log, by their normal form."""

    def __init__(self, path: str = "", kinds: int = KINDS) -> None:
        self.path = path
        self.groups: dict[str, Group] = {}
        self.unread = False  # a file of this log could not be read at all
        self._kinds = kinds

    @property
    def total(self) -> int:
        return sum(group.count for group in self.groups.values())

    def add(self, message: str, when: t.Optional[float]) -> None:
        """Count one error."""
        kind = normal_form(message)
        group = self.groups.get(kind)
        if group is None:
            if len(self.groups) >= self._kinds:
                kind, message = OTHERS, OTHERS
            group = self.groups.setdefault(kind, Group(0, None, None, message[:SAMPLE_CHARACTERS], self.path))
        group.add(1, when, when)

    def absorb(self, other: Tally) -> None:
        """Take over what another tally of the same log counted."""
        for kind, group in other.groups.items():
            full = kind not in self.groups and len(self.groups) >= self._kinds
            known = self.groups.setdefault(OTHERS if full else kind, dataclasses.replace(group, count=0))
            known.add(group.count, group.first, group.last)


def same_app(tallies: t.Iterable[Tally]) -> Tally:
    """The errors of one app that writes several logs: a record that is in two of them is one error, not two."""
    merged = Tally()
    for tally in tallies:
        for kind, group in tally.groups.items():
            known = merged.groups.setdefault(kind, Group(0, None, None, group.sample, group.path))
            known.add(max(0, group.count - known.count), group.first, group.last)
    return merged
