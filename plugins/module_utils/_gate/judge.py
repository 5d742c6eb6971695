# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Decide by watching whether a change holds: "online" is PM2's word, stability is a proof over time."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.limits import counted, duration
from .._core.verdict import Finding, State
from .._http.judge import RATE_LIMITED, Answer
from .._pm2.apps import Process

UNDECIDED, STABLE, UNSTABLE = "undecided", "stable", "unstable"
GIVEN_UP = frozenset({"errored", "stopped"})
REMEDY = "vendhub.ops.recover"


@dataclasses.dataclass(frozen=True)
class Health:
    """One answer of the health page: what is wrong with it (empty when nothing), the release that it names."""

    answer: Answer
    fault: str = ""
    release: str = ""

    @property
    def limited(self) -> bool:
        """Neither a success nor a failure."""
        return not self.answer.failure and self.answer.status == RATE_LIMITED


@dataclasses.dataclass(frozen=True)
class Sample:
    """What was seen at one moment (seconds of a clock that never jumps).

    ``silence`` says why PM2 could not be asked. ``owners``: who of the daemon and the apps listens on the port, empty
    for somebody else, None for nobody. ``strangers``: processes that do not run the expected release, with their place.
    """

    at: float
    processes: tuple[Process, ...] = ()
    silence: str = ""
    daemon_pid: int = 0
    health: t.Optional[Health] = None
    owners: t.Optional[frozenset[int]] = None
    owners_unseen: str = ""
    strangers: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What must be proven, for how long, and until when."""

    apps: t.Mapping[str, t.Optional[int]]
    watch_seconds: float = 30.0
    deadline_seconds: float = 120.0
    good_answers: int = 3
    restarts_allowed: int = 0
    health: bool = False
    port: t.Optional[int] = None
    release: str = ""
    folder: str = ""


@dataclasses.dataclass(frozen=True)
class Judgement:
    """The decision with one finding for each proof."""

    state: str
    reason: str
    findings: tuple[Finding, ...] = ()


def judge(samples: t.Sequence[Sample], wanted: Wanted, now: float) -> Judgement:
    """Stable when every proof held over the last ``watch_seconds``; unstable when one cannot come any more."""
    if not samples:
        return Judgement(UNDECIDED, "nothing was looked at yet")
    findings = _findings(samples, wanted)
    missing = [finding for finding in findings if finding.state is not State.OK]
    hopeless = _hopeless(samples, wanted)
    if hopeless:
        return Judgement(UNSTABLE, hopeless, findings)
    if not missing:
        return Judgement(STABLE, f"stable for {duration(_steady(samples, wanted))}", findings)
    # the rest of the watch must fit before the deadline: to wait on would only cost time
    since = samples[0].at
    if now - since >= wanted.deadline_seconds:
        reasons = "; ".join(finding.message for finding in missing)
        return Judgement(UNSTABLE, f"not proven within {duration(wanted.deadline_seconds)}: {reasons}", findings)
    return Judgement(UNDECIDED, missing[0].message, findings)


def fault(sample: Sample, wanted: Wanted) -> str:
    """What speaks against stability in this one sample; empty when nothing does."""
    if sample.silence:
        return sample.silence
    for name, count in wanted.apps.items():
        words = _absence(name, count, [one for one in sample.processes if one.name == name])
        if words:
            return words
    return _port_fault(sample, wanted) or _folder_fault(sample) or _health_fault(sample.health, wanted)


def restarts(samples: t.Sequence[Sample]) -> list[str]:
    """Every restart between two samples, in words: by PM2's counter, its pid, or its start time."""
    found = []
    known: dict[int, Process] = {}
    for sample in samples:
        for process in sample.processes:
            before = known.get(process.pm_id)
            if before is not None:
                found += _restarts(before, process)
            if process.pid or before is None:
                known[process.pm_id] = process
            else:  # between two lives: remember the counter, keep the pid that was
                known[process.pm_id] = dataclasses.replace(before, restart_time=process.restart_time)
    return found


def _restarts(before: Process, after: Process) -> list[str]:
    counted_up = max(0, after.restart_time - before.restart_time)
    reborn = bool(after.pid and before.pid and after.pid != before.pid)
    moved = bool(after.pid and after.pid == before.pid and after.pm_uptime > before.pm_uptime)
    words = f"{after.name} (process {after.pm_id}) restarted"
    if counted_up or reborn or moved:
        lived = (after.pm_uptime - before.pm_uptime) / 1000
        return [words + (f" after {duration(lived)}" if lived > 0 else "")] * max(1, counted_up)
    return []


def _hopeless(samples: t.Sequence[Sample], wanted: Wanted) -> str:
    for process in samples[-1].processes:
        if process.name in wanted.apps and process.status in GIVEN_UP:
            return f"PM2 gave up: {process.name} (process {process.pm_id}) is {process.status}"
    # while PM2 was silent nobody knows what happened: the counters tell afterwards
    found = restarts([sample for sample in samples if not sample.silence])
    if len(found) > wanted.restarts_allowed:
        times = f", {counted(len(found), 'restart')} in all" if len(found) > 1 else ""
        return f"{found[-1]} while it was watched{times}"
    return ""


def _steady_samples(samples: t.Sequence[Sample], wanted: Wanted) -> t.Sequence[Sample]:
    """The longest run of samples up to the last one in which nothing was wrong and no process changed."""
    start = len(samples)
    for number in range(len(samples) - 1, -1, -1):
        changed = start < len(samples) and _lives(samples[number], wanted) != _lives(samples[start], wanted)
        if fault(samples[number], wanted) or changed:
            break
        start = number
    return samples[start:]


def _steady(samples: t.Sequence[Sample], wanted: Wanted) -> float:
    run = _steady_samples(samples, wanted)
    return run[-1].at - run[0].at if run else 0.0


def _lives(sample: Sample, wanted: Wanted) -> frozenset[tuple[int, int, int]]:
    return frozenset((one.pm_id, one.pid, one.restart_time) for one in sample.processes if one.name in wanted.apps)


def _findings(samples: t.Sequence[Sample], wanted: Wanted) -> tuple[Finding, ...]:
    last = samples[-1]
    findings = [_processes(samples, wanted)]
    if wanted.health:
        findings.append(_health(samples, wanted))
    if wanted.port is not None:
        words = last.silence or _port_fault(last, wanted)
        state = State.UNKNOWN if last.owners_unseen and words else _state(words)
        findings.append(_finding("gate_port", words, f"port {wanted.port} is owned by {_pids(last.owners)}", state))
    if wanted.folder:
        words = last.silence or _folder_fault(last)
        findings.append(_finding("gate_folder", words, f"every process runs in {wanted.folder}"))
    return tuple(findings)


def _processes(samples: t.Sequence[Sample], wanted: Wanted) -> Finding:
    last = samples[-1]
    words = last.silence or next((text for text in (
        _absence(name, count, [one for one in last.processes if one.name == name])
        for name, count in wanted.apps.items()) if text), "")
    run = _steady_samples(samples, wanted)
    seconds = _steady(samples, wanted)
    if not words and (not run or seconds < wanted.watch_seconds):
        words = (f"everything held for {duration(seconds)} only, not for the {duration(wanted.watch_seconds)}"
                 f" of the watch{_broken_by(samples, wanted, len(run))}")
    pids = _pids({one.pid for one in last.processes if one.name in wanted.apps})
    return _finding("gate_processes", words, f"{', '.join(wanted.apps)}: same processes ({pids}) for"
                    f" {duration(seconds)}, no restart")


def _broken_by(samples: t.Sequence[Sample], wanted: Wanted, length: int) -> str:
    if length >= len(samples):
        return ""
    words = fault(samples[len(samples) - length - 1], wanted)
    return f" (before that: {words})" if words else " (before that the processes changed)"


def _health(samples: t.Sequence[Sample], wanted: Wanted) -> Finding:
    answers = [sample.health for sample in samples if sample.health is not None]
    told = [one for one in answers if not one.limited]
    good = 0
    for one in reversed(told):
        if _health_fault(one, wanted):
            break
        good += 1
    if good >= wanted.good_answers:
        release = f", release {told[-1].release}" if told[-1].release else ""
        return Finding("gate_health", State.OK, f"{good} good health answers in a row{release}", value=good)
    # a refused connection before the page said 429 was the start of the app; a bad answer stays a bad answer
    if told and not good and (told[-1].answer.status or not answers[-1].limited):
        return _finding("gate_health", _health_fault(told[-1], wanted), "")
    limited = len(answers) - len(told)
    if limited:
        return Finding("gate_health", State.UNKNOWN, f"only {good} of {wanted.good_answers} good health answers:"
                       f" {counted(limited, 'answer')} were 429, the page's own rate limit{_last(told, wanted)}",
                       value=good)
    return Finding("gate_health", State.CRITICAL, f"only {good} of {wanted.good_answers} good health answers in a row"
                   f"{_last(told, wanted)}", value=good, remedy=REMEDY)


def _last(told: t.Sequence[Health], wanted: Wanted) -> str:
    """The last answer that says something, and the last bad one before it."""
    if not told:
        return ""
    bad = next((words for words in (_health_fault(one, wanted) for one in reversed(told[:-1])) if words), "")
    now = _health_fault(told[-1], wanted) or f"answered {told[-1].answer.status}"
    return f"; the last one: {now}" + (f", before that: {bad}" if bad and bad != now else "")


def _health_fault(health: t.Optional[Health], wanted: Wanted) -> str:
    if health is None or health.limited:
        return ""
    if health.fault:
        return f"health page: {health.fault}"
    if wanted.release and health.release != wanted.release:
        return f"serves release {health.release or '(none named)'}, not {wanted.release}"
    return ""


def _absence(name: str, count: t.Optional[int], processes: t.Sequence[Process]) -> str:
    if not processes:
        return f"{name} is not in PM2's list"
    others = sorted({one.status for one in processes} - {"online"})
    if others:
        return f"{name} is {', '.join(others)}"
    if count is not None and len(processes) != count:
        return f"{name} has {len(processes)} of {counted(count, 'process', 'processes')}"
    return ""


def _port_fault(sample: Sample, wanted: Wanted) -> str:
    if wanted.port is None:
        return ""
    if sample.owners_unseen:
        return f"who owns port {wanted.port} cannot be seen: {sample.owners_unseen}"
    if sample.owners is None:
        return f"nobody listens on port {wanted.port}"
    mine = [one for one in sample.processes if one.name in wanted.apps]
    allowed = {one.pid for one in mine}
    if any(one.exec_mode == "cluster" for one in mine):
        allowed.add(sample.daemon_pid)  # in cluster mode PM2's daemon listens for its workers
    return "" if sample.owners & allowed else f"port {wanted.port} belongs to another process"


def _folder_fault(sample: Sample) -> str:
    return f"not the expected release: {sample.strangers[0]}" if sample.strangers else ""


def _finding(name: str, words: str, fine: str, state: t.Optional[State] = None) -> Finding:
    state = state or _state(words)
    return Finding(name, state, words or fine, remedy=REMEDY if state is State.CRITICAL else "")


def _state(words: str) -> State:
    return State.CRITICAL if words else State.OK


def _pids(pids: t.Optional[t.Iterable[int]]) -> str:
    return "pid " + ", ".join(map(str, sorted(pids or ())))
