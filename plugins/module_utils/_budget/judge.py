# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Whether a remedy may be used once more: values in, values out."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from .._core import moment
from .._core.limits import counted, duration
from .._core.moment import Moment

LONGEST_WINDOW_SECONDS = 7 * 86400
SPENT, RECORDED = "spent", "recorded"


@dataclasses.dataclass(frozen=True)
class Action:
    """One line of actions.jsonl as far as the budget needs it."""

    event: str
    remedy: str
    when: Moment


@dataclasses.dataclass(frozen=True)
class Memory:
    """What the file remembers; ``complete`` is false when its older part was not read within the bounds."""

    actions: tuple[Action, ...] = ()
    garbage: int = 0
    complete: bool = True


@dataclasses.dataclass(frozen=True)
class Budget:
    """``next_at`` is when one more use becomes possible; None when it is now, or never."""

    allowed: bool
    used: int
    limit: int
    window_seconds: int
    next_at: t.Optional[float] = None
    complete: bool = True


def budget(memory: Memory, remedy: str, limit: int, window_seconds: int, now: Moment) -> Budget:
    """Count the uses within the window; what is not known for sure is not allowed."""
    ages = sorted((moment.age(action.when, now) for action in memory.actions
                   if action.event == SPENT and action.remedy == remedy), reverse=True)
    ages = [age for age in ages if age < window_seconds]
    used = len(ages)
    allowed = memory.complete and used < limit
    next_at = None
    if used >= limit > 0:
        next_at = now.epoch + window_seconds - ages[used - limit]
    return Budget(allowed, used, limit, window_seconds, next_at, memory.complete)


def sentence(remedy: str, found: Budget) -> str:
    """The budget in words; for a refusal with what to do."""
    used = f"{remedy} was used {found.used} of {counted(found.limit, 'time', 'times')} within" \
           f" {duration(found.window_seconds)}"
    if found.allowed:
        return used
    if not found.complete:
        return (f"{remedy} is refused: the record of earlier actions is too large to be read whole, so nobody knows how"
                " often it was used; escalate to a person, who moves actions.jsonl aside")
    when = f"; once more is possible at {moment.utc(found.next_at)}" if found.next_at is not None else ""
    return (f"the budget is used up: {used}{when}. It does not repair the cause: escalate to a person"
            " instead of trying again")


def parse(line: str) -> t.Optional[Action]:
    """One line of actions.jsonl; None when it is no such line."""
    try:
        data = json.loads(line)
        event, remedy = data["event"], data["remedy"]
        if not isinstance(event, str) or not isinstance(remedy, str):
            return None
        return Action(event, remedy, moment.parse(data["moment"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def as_line(event: str, remedy: str, by: str, when: Moment, **more: str) -> str:
    """A line of actions.jsonl: when, who, what; ``more`` is from which run, about what, with which result."""
    told = {name: value for name, value in more.items() if value}
    return json.dumps({"at": moment.utc(when.epoch), "event": event, "remedy": remedy, "by": by, **told,
                       "moment": when.as_dict()}, ensure_ascii=False)


def remembered(lines: t.Iterable[str], now: Moment) -> list[str]:
    """The lines that a new file must begin with when an old one is put aside: every use within the longest window."""
    kept = []
    for line in lines:
        action = parse(line)
        if action and action.event == SPENT and moment.age(action.when, now) < LONGEST_WINDOW_SECONDS:
            kept.append(line)
    return kept
