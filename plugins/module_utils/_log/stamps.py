# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""When a log line was written: the time stamps that PM2, Nest, Winston, pino, nginx, PostgreSQL and Redis put first."""

from __future__ import annotations

import datetime
import functools
import re
import typing as t

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

# One word (a level) may stand before it: "info: 2026-11-23 ...", "[ERROR] 2026-11-23T..."; PostgreSQL names zones.
_ISO = re.compile(
    r"[\[(]?(?P<word>[A-Za-z]{3,9}[\])]?:?\s+[\[(]?)?"
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    r"(?:\s?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)(?!\w|:\d)|\s(?:[A-Z]{2,4}T|MSK)(?=\s\[\d))?[\])]?:?\s*"
)
# [Nest] 4211  - 11/23/2026, 4:42:00 PM     (newer ICU puts a narrow no-break space before PM)
_NEST = re.compile(
    r"\[[^\]]{1,40}\]\s+\d+\s+-\s+(\d\d?)([/.])(\d\d?)[/.](\d{4}),\s(\d\d?):(\d\d):(\d\d)(?:\s([AP]M))?\s*")
# 10.0.0.1 - - [23/Nov/2026:16:42:00 +0000] "GET / HTTP/1.1" 502 157
_ACCESS = re.compile(
    r"\S+ [^\[\n]{0,200}\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\] ")
# 4711:M 23 Nov 2026 16:42:00.123 # Error ...
_REDIS = re.compile(r"\d+:[A-Z] (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)\.(\d{3}) [*#.-] ")
_JSON_VALUE = re.compile(r'\s*:\s*(?:"([^"]{10,40})"|(\d{10}(?:\.\d+)?(?![\d.])|\d{13}(?!\d)))')
# Winston writes its time last, pino first; a time within the record is neither.
_JSON_KEYS = (('"timestamp"', str.rfind), ('"@timestamp"', str.find), ('"time"', str.find), ('"ts"', str.find),
              ('"date"', str.find), ('"datetime"', str.find))
_MONTHS = {name: number for number, name in enumerate(
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1)}


class Stamp(t.NamedTuple):
    """A time (seconds since 1970, UTC) and where the text after it begins."""

    when: float
    end: int
    access: bool = False


def plain(line: bytes) -> str:
    """A line as text: wrong bytes replaced, terminal colours and the zeros of a torn write removed."""
    text = line.decode("utf-8", "replace")
    if "\x1b" in text:
        text = ANSI.sub("", text)
    return text.lstrip("\0") if text.startswith("\0") else text


def stamp(text: str, zone: t.Optional[datetime.tzinfo] = None) -> t.Optional[Stamp]:
    """The time stamp a line carries, None when it carries none; without a zone of its own it is in ``zone``.

    ``zone`` None is the zone of this host.
    """
    try:
        if text.startswith("{"):
            return _json(text, zone)
        found = _ISO.match(text)
        if found:
            return _iso(found, zone)
        return _other(text, zone)
    except (ValueError, OverflowError, KeyError):
        return None  # 31 February, month Foo: digits that are no time


def _iso(found: t.Match[str], zone: t.Optional[datetime.tzinfo]) -> Stamp:
    word, year, month, day, hour, minute, second, fraction, offset = found.groups()
    when = _epoch((int(year), int(month), int(day)), (int(hour), minute, second), offset, zone)
    if fraction:
        when += float(f"0.{fraction}")
    return Stamp(when, found.end() if word is None else 0)


def _json(text: str, zone: t.Optional[datetime.tzinfo]) -> t.Optional[Stamp]:
    for key, search in _JSON_KEYS:
        at = search(text, key)
        found = _JSON_VALUE.match(text, at + len(key)) if at >= 0 else None
        if found is None:
            continue
        written, number = found.groups()
        if number:
            return Stamp(float(number) / (1000 if len(number) == 13 and "." not in number else 1), 0)
        moment = _ISO.match(written)
        if moment:
            return Stamp(_iso(moment, zone).when, 0)
    return None


def is_access(text: str) -> bool:
    """Whether a line is a request in an access log."""
    return '] "' in text and _ACCESS.match(text) is not None


def skip_stamp(text: str) -> int:
    """Where the text behind a time stamp begins, without reading the time: PM2 puts its own before Nest's."""
    found = _NEST.match(text)
    if found is None:
        found = _ISO.match(text)
        if found is not None and found["word"] is not None:
            return 0
    return found.end() if found is not None else 0


def _other(text: str, zone: t.Optional[datetime.tzinfo]) -> t.Optional[Stamp]:
    found = _ACCESS.match(text) if '] "' in text else None
    if found:
        day, month, year, hour, minute, second, offset = found.groups()
        when = _epoch((int(year), _MONTHS[month], int(day)), (int(hour), minute, second), offset, zone)
        return Stamp(when, 0, access=True)
    found = _NEST.match(text)
    if found:
        return Stamp(_nest(found, zone), found.end())
    found = _REDIS.match(text)
    if found:
        day, month, year, hour, minute, second, fraction = found.groups()
        when = _epoch((int(year), _MONTHS[month], int(day)), (int(hour), minute, second), None, zone)
        return Stamp(when + int(fraction) / 1000, found.end())
    return None


def _nest(found: t.Match[str], zone: t.Optional[datetime.tzinfo]) -> float:
    first, separator, second, year, hour, minute, seconds, half = found.groups()
    # 11/23/2026 is American, 23/11/2026 and 23.11.2026 are not
    day_first = separator == "." or int(first) > 12
    day, month = (first, second) if day_first else (second, first)
    hours = int(hour) % 12 + (12 if half == "PM" else 0) if half else int(hour)
    return _epoch((int(year), int(month), int(day)), (hours, minute, seconds), None, zone)


def _epoch(date: tuple[int, int, int], time: tuple[int, str, str], offset: t.Optional[str],
           zone: t.Optional[datetime.tzinfo]) -> float:
    hour, minute, second = time
    return _hour(date, hour, offset, zone) + int(minute) * 60 + int(second)


@functools.lru_cache(maxsize=256)
def _hour(date: tuple[int, int, int], hour: int, offset: t.Optional[str],
          zone: t.Optional[datetime.tzinfo]) -> float:
    # the hours of a day are few and calendars are slow
    return datetime.datetime(*date, hour, tzinfo=_zone(offset) if offset else zone).timestamp()


def _zone(offset: str) -> datetime.tzinfo:
    if offset in ("Z", "UTC", "GMT"):
        return datetime.timezone.utc
    digits = offset[1:].replace(":", "").ljust(4, "0")
    delta = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return datetime.timezone(-delta if offset[0] == "-" else delta)
