# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What a lock says, and what may be done about it: values in, values out."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from .._core import moment
from .._core.limits import duration
from .._core.moment import Moment

LONGEST_TTL_SECONDS = 86400
STEAL = ("never", "expired", "always")

LONGEST_PLAN_BYTES = 8192

# what identifies one run of ansible-playbook on one controller
RUN = ("controller", "boot", "namespace", "pid", "started")

Run = t.Mapping[str, str]
Plan = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Lock:
    """``operations`` are nested, the outermost first; ``run`` is empty when the holder is a name of the user's own.

    ``plan`` is what is about to be done, in the words of who does it.
    """

    holder: str
    run: Run
    operations: tuple[str, ...]
    reason: str
    since: Moment
    renewed: Moment
    ttl_seconds: int
    plan: Plan = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Broken:
    """There is a lock, but it cannot be read."""

    why: str
    changed: float


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Who asks, for what; ``dead`` is a run that its own controller knows to be over.

    Without a ``plan`` the one that is there stays.
    """

    holder: str
    run: Run
    operation: str
    reason: str
    ttl_seconds: int
    steal: str = "expired"
    dead: Run = dataclasses.field(default_factory=dict)
    plan: t.Optional[Plan] = None


@dataclasses.dataclass(frozen=True)
class Decision:
    """``lock`` is what is to be written, None to take it away; both only when ``change``."""

    granted: bool
    change: bool
    sentence: str
    lock: t.Optional[Lock] = None


Current = t.Union[Lock, Broken, None]


def decide(current: Current, wanted: Wanted, now: Moment) -> Decision:
    """Whether the wanted lock is given, and why."""
    if current is None:
        return _taken(wanted, now, f"locked for {wanted.operation}")
    if isinstance(current, Broken):
        return _over_broken(current, wanted, now)
    if _same(current, wanted):
        return _renewed(current, wanted, now)
    return _over_another(current, wanted, now)


def release(current: Current, wanted: Wanted, now: Moment) -> Decision:
    """Whether there is something of ours to release: an operation inside another one leaves the outer one locked."""
    if current is None:
        return Decision(False, False, "nothing is locked, so there is nothing to release")
    if isinstance(current, Broken):
        return Decision(False, False, f"not released: the lock cannot be read ({current.why}), so nobody knows whose"
                                      " it is; take it first, with steal=always")
    if not _same(current, wanted):
        return Decision(False, False, f"not released, it is not ours: {describe(current, now)}")
    if wanted.operation not in current.operations:
        return Decision(False, False, f"not released: this run holds the lock for {' > '.join(current.operations)},"
                                      f" not for {wanted.operation}")
    rest = current.operations[:current.operations.index(wanted.operation)]
    if not rest:
        return Decision(True, True, f"released: {wanted.operation} is over")
    lock = dataclasses.replace(current, operations=rest)
    return Decision(True, True, f"{wanted.operation} is over; still locked for {' > '.join(rest)}", lock)


def left(lock: Lock, now: Moment) -> float:
    """The seconds until a lock expires; 0 or less when it has."""
    return lock.ttl_seconds - moment.age(lock.renewed, now)


def describe(lock: Lock, now: Moment) -> str:
    """Who holds it, for what, since when and until when, in one piece of a sentence."""
    rest = left(lock, now)
    reason = f" ({lock.reason})" if lock.reason else ""
    end = now.epoch + rest
    until = (f"until {moment.utc(end)} ({duration(round(rest))} left)" if rest > 0
             else f"expired at {moment.utc(end)}, {duration(round(-rest))} ago")
    return (f"{lock.holder} holds the lock for {' > '.join(lock.operations)}{reason} since"
            f" {moment.utc(now.epoch - moment.age(lock.since, now))}, {until}")


def _same(lock: Lock, wanted: Wanted) -> bool:
    return lock.holder == wanted.holder and dict(lock.run) == dict(wanted.run)


def _taken(wanted: Wanted, now: Moment, sentence: str, former: t.Optional[Lock] = None) -> Decision:
    """A lock of our own; what a former holder had begun is still to be finished, so its plan is inherited."""
    begun = former.plan if former else {}
    lock = Lock(wanted.holder, wanted.run, (wanted.operation,), wanted.reason, now, now, wanted.ttl_seconds,
                begun if wanted.plan is None else wanted.plan)
    return Decision(True, True, sentence, lock)


def _renewed(current: Lock, wanted: Wanted, now: Moment) -> Decision:
    nested = wanted.operation not in current.operations
    operations = (*current.operations, wanted.operation) if nested else current.operations
    # an inner operation with a short time must not cut that of the outer one
    ttl = max(wanted.ttl_seconds, round(left(current, now))) if nested else wanted.ttl_seconds
    lock = dataclasses.replace(current, operations=operations, renewed=now, ttl_seconds=min(ttl, LONGEST_TTL_SECONDS),
                               reason=current.reason if nested else wanted.reason or current.reason,
                               plan=current.plan if wanted.plan is None else wanted.plan)
    words = f"locked for {' > '.join(operations)}" if nested else f"renewed for {' > '.join(operations)}"
    return Decision(True, True, words, lock)


def _over_another(current: Lock, wanted: Wanted, now: Moment) -> Decision:
    found = describe(current, now)
    if wanted.steal == "never":
        return Decision(False, False, f"{found}; wait until it is released, or take it over with steal=expired"
                                      " (once it has expired) or steal=always")
    if wanted.dead and dict(current.run) == dict(wanted.dead):
        return _taken(wanted, now, f"taken over from a run that is over: {found}", current)
    if left(current, now) <= 0:
        return _taken(wanted, now, f"taken over: {found}", current)
    if wanted.steal == "always":
        return _taken(wanted, now, f"taken over because steal=always: {found}", current)
    return Decision(False, False, f"{found}; wait, or when that run is surely over take it with steal=always")


def _over_broken(current: Broken, wanted: Wanted, now: Moment) -> Decision:
    found = f"an unknown holder has the lock: it cannot be read ({current.why})"
    # its time to live is unknown as well, so it is taken for the longest there is
    end = current.changed + LONGEST_TTL_SECONDS
    if wanted.steal == "always":
        return _taken(wanted, now, f"taken over because steal=always: {found}")
    if wanted.steal == "expired" and now.epoch >= end:
        return _taken(wanted, now, f"taken over: {found} and is older than {duration(LONGEST_TTL_SECONDS)}")
    return Decision(False, False, f"{found}; when no run is at work on this host take it with steal=always, or with"
                                  f" steal=expired after {moment.utc(end)}")


def as_text(lock: Lock, now: Moment) -> str:
    """The content of lock.json; the times in words are for people who read the file."""
    return json.dumps({
        "holder": lock.holder, "operations": list(lock.operations), "reason": lock.reason,
        "since": moment.utc(lock.since.epoch), "until": moment.utc(now.epoch + left(lock, now)),
        "ttl_seconds": lock.ttl_seconds, "run": dict(lock.run), "plan": dict(lock.plan),
        "taken": lock.since.as_dict(), "renewed": lock.renewed.as_dict(),
    }, ensure_ascii=False, indent=1) + "\n"


def parse(text: str) -> Lock:
    """Read lock.json; ValueError says what is wrong with it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ValueError("it is empty" if not text.strip() else "it is not JSON") from exc
    if not isinstance(data, dict):
        raise ValueError("it is not a JSON object")
    operations, run, ttl = data.get("operations"), data.get("run"), data.get("ttl_seconds")
    plan = data.get("plan", {})
    if not isinstance(data.get("holder"), str) or not data["holder"]:
        raise ValueError("it names no holder")
    if not isinstance(operations, list) or not operations or not all(isinstance(one, str) for one in operations):
        raise ValueError("it names no operations")
    if not isinstance(run, dict) or not all(isinstance(value, str) for value in run.values()):
        raise ValueError("it names no run")
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 0 < ttl <= LONGEST_TTL_SECONDS:
        raise ValueError("it has no time to live")
    if not isinstance(plan, dict):
        raise ValueError("it has a plan that is no JSON object")
    try:
        since, renewed = moment.parse(data.get("taken")), moment.parse(data.get("renewed"))
    except ValueError as exc:
        raise ValueError("it does not say since when") from exc
    return Lock(data["holder"], run, tuple(operations), str(data.get("reason") or ""), since, renewed, ttl,
                plan)
