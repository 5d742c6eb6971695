# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Which dumps are superseded: enough newer ones of the same database were proved to be good (pure)."""

from __future__ import annotations

import re
import typing as t

from .._backup.dumps import Dump

AHEAD_SECONDS = 300  # clocks may differ by this much; a dump from the future supersedes nothing
_DAY, _TIME = r"20\d\d[-_.]?[01]\d[-_.]?[0-3]\d", r"[-_.T]?[0-2]\d[-_.:]?\d\d(?:[-_.:]?\d\d)?"
_STAMP = re.compile(rf"(?<!\d)(?:{_DAY}(?:{_TIME})?Z?|\d{{10,13}})(?!\d)")


def family(name: str) -> str:
    """What the dumps of one series have in common: their name without its date; one without a date is alone."""
    return _STAMP.sub("*", name)


def sorted_out(dumps: t.Sequence[Dump], keep: int, now: float) -> tuple[list[Dump], list[tuple[Dump, str]]]:
    """The dumps that may go, and those that stay for a person, each with the reason.

    One goes when it is verified itself and at least ``keep`` verified ones of its series are newer.
    """
    gone: list[Dump] = []
    left: list[tuple[Dump, str]] = []
    for name in sorted({family(dump.name) for dump in dumps}):
        series = sorted((dump for dump in dumps if family(dump.name) == name), key=lambda dump: dump.modified)
        good = [dump for dump in series if dump.verified and dump.modified <= now + AHEAD_SECONDS]
        superseded = good[:-keep] if len(good) > keep else []
        gone += superseded
        left += [(dump, _reason(dump, good, keep, now)) for dump in series if dump not in superseded]
    return gone, left


def _reason(dump: Dump, good: t.Sequence[Dump], keep: int, now: float) -> str:
    if dump.modified > now + AHEAD_SECONDS:
        return "its date is in the future, so nobody knows how old it is"
    if dump.verified:
        return f"it is one of the newest {keep} verified dumps of its series"
    words = dump.fault or dump.doubt or "was never verified"
    if not good:
        return f"it {words}, and no verified dump of its series is there"
    return f"it {words}; look at it before it goes"
