# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Go through the logs within a budget of bytes and time, and say what was left out."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import typing as t

from .._core.errors import CannotLook
from .._core.limits import size
from . import files, window
from .finder import CannotFind, Finder
from .scan import Style, Wanted, count_errors, count_lines, whole_records
from .tally import Gap, Tally

TIME_OVER = "the time was over (option timeout_seconds)"
# A process costs more than Python needs for less than that.
_WORTH_BYTES = 4 * 1024 * 1024


class Source(t.NamedTuple):
    """A log (a path or a pattern) and the app that writes it."""

    path: str
    app: str = ""


@dataclasses.dataclass
class Budget:
    """What may still be read; ``clock`` and ``deadline`` are monotonic seconds."""

    bytes_left: int
    deadline: float
    clock: t.Callable[[], float]
    bytes_read: int = 0

    @property
    def late(self) -> bool:
        return self.clock() >= self.deadline

    def spend(self, chunks: t.Iterable[bytes]) -> t.Iterator[bytes]:
        """Pass chunks on as long as there is budget; Short when it is used up."""
        for chunk in chunks:
            if self.late:
                raise Short(TIME_OVER)
            if len(chunk) > self.bytes_left:
                raise Short("the byte budget was used up (option max_bytes)")
            self.spent(len(chunk))
            yield chunk

    def spent(self, number: int) -> None:
        self.bytes_left -= number
        self.bytes_read += number


class Short(Exception):
    """The budget ended before the log did."""


class Gathered(t.NamedTuple):
    """What the logs gave: a tally for each, by label (the app, or the path), and the gaps."""

    tallies: dict[str, list[Tally]]
    gaps: list[Gap]
    bytes_read: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which errors to look for; ``untimed_bytes`` is how much of a log without time stamps is read."""

    wanted: Wanted
    untimed_bytes: int
    zone: t.Optional[datetime.tzinfo] = None


class Run(t.NamedTuple):
    """One look at all logs: what to look for, what may be spent, which files were read, what was not seen."""

    plan: Plan
    budget: Budget
    seen: set[tuple[int, int]]
    gaps: list[Gap]

    def missed(self, kind: str, path: str, why: object) -> None:
        self.gaps.append(Gap(kind, path, str(why)))


def gather(sources: t.Iterable[Source], plan: Plan, budget: Budget) -> Gathered:
    """Read every log once, the small ones first: one huge log must not hide the others."""
    run = Run(plan, budget, set(), [])
    tallies: dict[str, list[Tally]] = {}
    logs = []
    for path, label in _labels(sources, run).items():
        try:
            entries = _fresh(path, plan.wanted.since)
        except CannotLook as exc:
            run.missed("unreadable", path, exc)
            continue
        tallies.setdefault(label, [])
        logs.append((sum(entry.size for entry in entries), label, path))
    for dummy, label, path in sorted(logs):
        tally = Tally(path)
        tallies[label].append(tally)
        _read_log(path, tally, run)
    return Gathered(tallies, run.gaps, budget.bytes_read)


def _labels(sources: t.Iterable[Source], run: Run) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in sources:
        try:
            for path in files.expand(source.path):
                found.setdefault(path, source.app or path)
        except CannotLook as exc:
            run.missed("unreadable", source.path, exc)
    return found


def _fresh(path: str, since: float) -> list[files.Entry]:
    # what was last written before the window holds nothing of it
    return [entry for entry in files.family(path) if entry.changed >= since and entry.size]


def _read_log(path: str, tally: Tally, run: Run) -> None:
    """One log with its rotated files; looked for twice when it is rotated under our hands."""
    for dummy in range(2):
        moved = False
        try:
            entries = _fresh(path, run.plan.wanted.since)
        except CannotLook:
            return  # deleted meanwhile
        for entry in entries:
            if entry.identity not in run.seen:
                moved = not _read_entry(entry, tally, run) or moved
        if not moved:
            return


def _read_entry(entry: files.Entry, tally: Tally, run: Run) -> bool:
    """Read one file; false when another one has its name by now."""
    try:
        with files.OpenLog(entry.path) as log:
            if log.identity != entry.identity:
                return False
            run.seen.add(entry.identity)
            _read(log, entry.path, tally, run)
    except CannotLook as exc:
        run.seen.add(entry.identity)
        tally.unread = True
        run.missed("unreadable", entry.path, exc)
    return True


def _read(log: files.OpenLog, path: str, tally: Tally, run: Run) -> None:
    if log.packing not in ("", "gz"):
        raise CannotLook(f"{log.packing} files cannot be read; let logrotate compress with gzip")
    try:
        (_read_packed if log.packing else _read_plain)(log, path, tally, run)
    except (Short, files.Torn) as exc:
        run.missed("partial", path, exc)
    except OSError as exc:
        run.missed("partial", path, files.reason(exc))


def _read_plain(log: files.OpenLog, path: str, tally: Tally, run: Run) -> None:
    plan, left = run.plan, run.budget.bytes_left
    first = start = log.data_from(0)
    look = window.sample(log.read_at, first, log.size, plan.zone)
    if not look.style.stamped:
        start = max(first, log.size - min(plan.untimed_bytes, left))
    elif look.sorted:
        start = window.offset_of(plan.wanted.since - window.SLACK_SECONDS, log.read_at, first, log.size, plan.zone)
    if log.size - start > left:
        # the newest is what matters
        start = log.size - left
        run.missed("partial", path, f"only its last {size(left)} were read (option max_bytes)")
    before = tally.total
    try:
        if not _count_found(log, start, look.style, tally, run):
            _count(log.chunks(start), look.style, tally, run)
    finally:
        if not look.style.stamped and (start > first or tally.total > before):
            run.missed("untimed", path, f"its lines have no time; {size(log.size - start)} from its end were read")


def _read_packed(log: files.OpenLog, path: str, tally: Tally, run: Run) -> None:
    pieces = log.unpacked()
    first = next(pieces, b"")
    look = window.judge_pages(first[:window.PAGE], b"", run.plan.zone)
    before = tally.total
    try:
        _count(itertools.chain([first], pieces), look.style, tally, run)
    finally:
        if not look.style.stamped and tally.total > before:
            run.missed("untimed", path, "its lines have no time; all of it was read")


def _count_found(log: files.OpenLog, start: int, style: Style, tally: Tally, run: Run) -> bool:
    """Count with grep's help; false when that is not possible and nothing was counted."""
    budget, wanted = run.budget, run.plan.wanted
    if wanted.rules.patterns or log.size - start < _WORTH_BYTES:
        return False
    found = Tally(tally.path)
    try:
        lines = Finder(log.fileno(), start, log.size, style.needles).lines(lambda: budget.late)
        count_lines(lines, log.before, style, wanted, found)
    except CannotFind:
        return False
    tally.absorb(found)
    if budget.late:
        raise Short(TIME_OVER)
    budget.spent(log.size - start)
    return True


def _count(chunks: t.Iterable[bytes], style: Style, tally: Tally, run: Run) -> None:
    ended: list[Exception] = []
    records = whole_records(_until(run.budget.spend(chunks), ended), style)
    count_errors(records, style, run.plan.wanted, tally)
    if ended:
        raise ended[0]


def _until(chunks: t.Iterable[bytes], ended: list[Exception]) -> t.Iterator[bytes]:
    # what was read before the end came is still counted
    try:
        yield from chunks
    except (Short, files.Torn, OSError) as exc:
        ended.append(exc)
