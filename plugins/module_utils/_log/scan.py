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
_END_BYTES = 4 * 1024
# How far back the first line of a record is looked for.
_LINES_BACK = 200
_BYTES_BACK = 64 * 1024
# A record that is longer is cut.
RECORD_BYTES = 1024 * 1024


class Style(t.NamedTuple):
    """How a log is written: with time stamps or without, and the literals an error in it holds."""

    stamped: bool
    needles: tuple[bytes, ...]
    zone: t.Optional[datetime.tzinfo] = None


def count_errors(blocks: t.Iterable[bytes], since: float, style: Style, rules: Rules, tally: Tally) -> None:
    """Add the errors since a time to the tally; each block holds whole records."""
    searches = tuple(re.compile(pattern.pattern.encode(), re.MULTILINE) for pattern in rules.patterns)
    latest: t.Optional[float] = None
    for block in blocks:
        for message, when in _errors(block, candidates(block, style.needles, searches), style, rules):
            latest = when if when is not None else latest
            if latest is None or latest >= since:
                tally.add(message, latest)


def _errors(block: bytes, lines: t.Iterable[int], style: Style,
            rules: Rules) -> t.Iterator[tuple[str, t.Optional[float]]]:
    last_error = -1
    for start in lines:
        if block[start] in b" \t" and not rules.patterns:
            continue  # a stack frame
        text = plain(line_at(block, start))
        head = stamp(text, style.zone)
        if starts_record(text, head, style.stamped):
            message = error_message(text, head, rules)
            if message is None:
                continue
            last_error = start
        else:
            # programs print an error right behind another record: it has the time of that record
            if continues(text) and not rules.wanted(text):
                continue
            owner, head = _owner(block, start, style)
            message = None if owner == last_error else error_message(text, None, rules)
            if message is None:
                continue
        yield message, None if head is None else head.when


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


def line_at(block: bytes, start: int) -> bytes:
    """The line that begins there, without its line feed; the middle of a very long one is left out."""
    end = block.find(b"\n", start)
    if end < 0:
        end = len(block)
    if end - start <= LINE_BYTES + _END_BYTES:
        return block[start:end]
    return block[start:start + LINE_BYTES] + b" ... " + block[end - _END_BYTES:end]


def _owner(block: bytes, start: int, style: Style) -> tuple[int, t.Optional[Stamp]]:
    """Where the record begins that a line belongs to, and its time; -1 when that is too far away."""
    floor = max(0, start - _BYTES_BACK)
    for dummy in range(_LINES_BACK):
        if start <= floor:
            break
        start = block.rfind(b"\n", 0, start - 1) + 1
        text = plain(line_at(block, start))
        head = stamp(text, style.zone)
        if starts_record(text, head, style.stamped):
            return start, head
    return -1, None


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
    text = plain(line_at(data, last))
    if text and starts_record(text, stamp(text, style.zone), style.stamped):
        return last
    return max(0, _owner(data, last, style)[0])
