# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Find the errors in blocks of a log: cheap searches for literals first, a close look only where one was found."""

from __future__ import annotations

import datetime
import re
import typing as t

from .records import Rules, continues, error_message, starts_record
from .stamps import Stamp, plain, stamp
from .tally import Tally

# A line is looked at up to here; of a longer one also its end, where Winston puts the time.
LINE_BYTES = 60 * 1024
END_BYTES = 4 * 1024
# How far back the first line of a record is looked for.
_LINES_BACK = 200
BACK_BYTES = 64 * 1024
# A record that is longer is cut.
RECORD_BYTES = 1024 * 1024


class Style(t.NamedTuple):
    """How a log is written: with time stamps or without, and the literals an error in it holds."""

    stamped: bool
    needles: tuple[bytes, ...]
    zone: t.Optional[datetime.tzinfo] = None


class Wanted(t.NamedTuple):
    """Which errors count: those since a time, by some rules."""

    since: float
    rules: Rules


Line = tuple[int, bytes]  # where it begins, and what it says
Before = t.Callable[[int], bytes]  # what stands before a place


def count_errors(blocks: t.Iterable[bytes], style: Style, wanted: Wanted, tally: Tally) -> None:
    """Add the errors of a log to the tally; each block holds whole records."""
    searches = tuple(re.compile(pattern.pattern.encode(), re.MULTILINE) for pattern in wanted.rules.patterns)
    for block in blocks:
        starts = candidates(block, style.needles, searches)
        count_lines(((start, _line_at(block, start)) for start in starts), _before(block), style, wanted, tally)


def count_lines(lines: t.Iterable[Line], before: Before, style: Style, wanted: Wanted, tally: Tally) -> None:
    """Add the errors among some lines of a log, given in order, to the tally."""
    for message, when in errors(lines, before, style, wanted.rules):
        if when is None or when >= wanted.since:
            tally.add(message, when)


def errors(lines: t.Iterable[Line], before: Before, style: Style,
           rules: Rules) -> t.Iterator[tuple[str, t.Optional[float]]]:
    """What each error says and when it was written, of lines that may be errors."""
    last_error = -1
    latest: t.Optional[float] = None
    for start, line in lines:
        if line[:1] in (b" ", b"\t") and not rules.patterns:
            continue  # a stack frame
        text = plain(line)
        head = stamp(text, style.zone)
        if starts_record(text, head, style.stamped):
            message = error_message(text, head, rules)
            if message is None:
                continue
            last_error = start
            if head is None and style.stamped:
                dummy, head = _owner(before(start), style, timed=True)
        else:
            # programs print an error right behind another record: it has the time of that record
            if continues(text) and not rules.wanted(text):
                continue
            owner, head = _owner(before(start), style)
            message = None if start - owner == last_error else error_message(text, None, rules)
            if message is None:
                continue
        latest = latest if head is None else head.when
        yield message, latest


def candidates(block: bytes, needles: t.Iterable[bytes], searches: t.Iterable[t.Pattern[bytes]] = ()) -> list[int]:
    """Where the lines begin that hold one of the needles (in any case) or match one of the searches, in order."""
    lines = set()
    low = block.lower()
    for needle in needles:
        at = low.find(needle)
        while at >= 0:
            lines.add(block.rfind(b"\n", 0, at) + 1)
            end = block.find(b"\n", at)
            at = low.find(needle, end) if end >= 0 else -1
    for search in searches:
        found = search.search(block)
        while found:
            lines.add(block.rfind(b"\n", 0, found.start()) + 1)
            end = block.find(b"\n", found.end())
            found = search.search(block, end + 1) if end >= 0 else None
    return sorted(lines)


def shortened(line: bytes) -> bytes:
    """A line of any length without its middle."""
    if len(line) <= LINE_BYTES + END_BYTES:
        return line
    return line[:LINE_BYTES] + b" ... " + line[-END_BYTES:]


def _line_at(block: bytes, start: int) -> bytes:
    end = block.find(b"\n", start)
    if end < 0:
        end = len(block)
    if end - start <= LINE_BYTES + END_BYTES:
        return block[start:end]
    return shortened(block[start:end])


def _before(block: bytes) -> Before:
    return lambda start: block[max(0, start - BACK_BYTES):start]


def _owner(before: bytes, style: Style, timed: bool = False) -> tuple[int, t.Optional[Stamp]]:
    """How far back the record begins that a line belongs to, and its time; 0 when that is too far away.

    With ``timed``, the nearest record that has a time.
    """
    end = len(before) - 1
    for dummy in range(_LINES_BACK):
        if end < 0:
            break
        start = before.rfind(b"\n", 0, end) + 1
        text = plain(before[start:end])
        head = stamp(text, style.zone)
        if head is not None or (not timed and starts_record(text, head, style.stamped)):
            return len(before) - start, head
        end = start - 1
    return 0, None


def whole_records(chunks: t.Iterable[bytes], style: Style) -> t.Iterator[bytes]:
    """Regroup chunks so that none ends within a record; a line longer than any record should be is cut."""
    rest = b""
    skip = False  # the end of a cut line
    for chunk in chunks:
        data = rest + chunk if rest else chunk
        if skip:
            end = data.find(b"\n")
            if end < 0:
                continue
            data, skip = data[end + 1:], False
        cut = _last_start(data, style)
        if cut == 0 and len(data) > RECORD_BYTES:
            cut = data.rfind(b"\n") + 1
            if cut == 0:
                cut, skip = len(data), True
        if cut:
            yield data[:cut]
        rest = data[cut:]
    if rest:
        yield rest


def _last_start(data: bytes, style: Style) -> int:
    last = data.rfind(b"\n") + 1
    text = plain(_line_at(data, last))
    head = stamp(text, style.zone)
    if head is not None or (text and not style.stamped and starts_record(text, head, stamped=False)):
        return last
    back, dummy = _owner(_before(data)(last), style, timed=style.stamped)
    return last - back if back else 0
