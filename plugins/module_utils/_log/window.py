# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Where in a log a time begins, found by halving: sorted logs need not be read from their start."""

from __future__ import annotations

import datetime
import re
import typing as t

from .records import ACCESS_NEEDLES, NEEDLES, NGINX_NEEDLES
from .scan import Style
from .stamps import Stamp, is_access, plain, stamp

ReadAt = t.Callable[[int, int], bytes]

PAGE = 32 * 1024
# A stamp is looked for so far after a place; Winston's come at the end of lines with long stack traces.
_STRETCH = 16 * PAGE
# Workers that share a log write in turns, and a clock without zone goes back an hour in autumn.
SLACK_SECONDS = 3600.0
_NGINX = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[")


class Sample(t.NamedTuple):
    """What the first and the last page of a log show."""

    style: Style
    sorted: bool


def sample(read_at: ReadAt, start: int, size: int, zone: t.Optional[datetime.tzinfo]) -> Sample:
    """Look at both ends of a log: has it time stamps, are they in order, is it an access log."""
    return judge_pages(read_at(start, PAGE), read_at(max(start, size - PAGE), PAGE), zone)


def judge_pages(first: bytes, last: bytes, zone: t.Optional[datetime.tzinfo]) -> Sample:
    """The style a log has by two pages of it."""
    lines = [plain(line) for page in (first, last) for line in page.split(b"\n")]
    heads = [(line, head) for line, head in ((line, stamp(line, zone)) for line in lines) if head is not None]
    access = [_is_access(line, head) for line, head in heads]
    needles: tuple[bytes, ...] = () if access and all(access) else NEEDLES
    if any(access):
        needles += ACCESS_NEEDLES
    if any(_NGINX.match(line) for line in lines):
        needles += NGINX_NEEDLES
    in_order = bool(heads) and heads[0][1].when <= heads[-1][1].when + SLACK_SECONDS
    return Sample(Style(bool(heads), needles, zone), in_order)


def _is_access(line: str, head: Stamp) -> bool:
    return head.access or is_access(line[head.end:])


def offset_of(since: float, read_at: ReadAt, start: int, size: int, zone: t.Optional[datetime.tzinfo]) -> int:
    """A line start before which every record is older than ``since``, in a log that is in order of time."""
    low, high = start, size
    while high - low > PAGE:
        middle = (low + high) // 2
        found = _first_stamp(read_at, middle, high, zone)
        if found is None or found[1] >= since:
            high = middle
        else:
            low = found[0]
    return low


def _first_stamp(read_at: ReadAt, start: int, end: int,
                 zone: t.Optional[datetime.tzinfo]) -> t.Optional[tuple[int, float]]:
    """The first line after a place that has a time stamp: where it begins, and the time."""
    data = b""
    done = 0
    line = -1
    while len(data) < min(_STRETCH, end - start):
        page = read_at(start + len(data), PAGE)
        if not page:
            break
        data += page
        if line < 0:
            line = data.find(b"\n", done) + 1 or -1
        done = len(data)
        while line >= 0:
            stop = data.find(b"\n", line)
            if stop < 0:
                break
            found = stamp(plain(data[line:stop]), zone)
            if found is not None:
                return start + line, found.when
            line = stop + 1
    return None
