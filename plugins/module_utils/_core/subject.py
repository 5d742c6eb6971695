# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Look at several subjects at once, each within its deadline; one broken check never hides the others."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
import traceback
import typing as t

from .errors import SILENT, BadOption, CannotLook, OpsError, ServiceDown
from .redact import redact
from .verdict import Finding, Inspection, State, Verdict

LONGEST_SECONDS = 86400.0  # nobody waits longer for a daily check; more would also be more than a thread can wait


@dataclasses.dataclass(frozen=True)
class Subject:
    """Something to look at: ``inspect`` does it, within ``deadline_seconds``.

    ``service`` is true for what must answer by itself (an API, a database): silence is then critical. For the
    others (a slow disk full of logs) silence is unknown. ``target`` never holds a credential.
    """

    check: str
    target: str
    inspect: t.Callable[[], Inspection]
    deadline_seconds: float
    service: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.deadline_seconds <= LONGEST_SECONDS:
            raise BadOption(f"the time limits of {self.check} add up to {self.deadline_seconds:g} s; they must be above"
                            f" 0 and at most {LONGEST_SECONDS:g} s together")


@dataclasses.dataclass(frozen=True)
class Plan:
    """A subject still to be made: ``build`` loads what it needs and wires it; BadOption when its options make no sense.

    Making it is part of looking, so that loading one subject's library happens while another one waits.
    """

    check: str
    build: t.Callable[[], Subject]


@dataclasses.dataclass(frozen=True)
class Answer:
    """A verdict; ``error`` is set when it is "could not look" or a fault of the check itself."""

    verdict: Verdict
    error: t.Optional[BaseException] = None


BUILD_SECONDS = 30.0  # loading a library from a slow disk; nothing else happens before the deadline is known


def look(plans: t.Sequence[Plan], clock: t.Callable[[], float] = time.monotonic) -> list[Answer]:
    """Look at everything planned concurrently and answer for each, in order, when the last deadline is over at most."""
    boxes = [_Box(plan) for plan in plans]
    started = clock()
    for box in boxes:
        box.thread.start()
    return [box.wait(started, clock) for box in boxes]


class _Box:
    """One plan, its thread (daemonic: it cannot keep the process alive) and its answer once there is one."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._subject: t.Optional[Subject] = None
        self._answer: t.Optional[Answer] = None
        self._built = threading.Event()
        self.thread = threading.Thread(target=self._run, name=plan.check, daemon=True)

    def wait(self, started: float, clock: t.Callable[[], float]) -> Answer:
        self._built.wait(max(0.0, started + BUILD_SECONDS - clock()))
        subject = self._subject or _unbuilt(self._plan)
        self.thread.join(max(0.0, started + subject.deadline_seconds - clock()))
        return self._answer or _silent(subject)

    def _run(self) -> None:
        try:
            self._subject = self._plan.build()
        except Exception as exc:  # whatever it is, answer() has words for it
            self._subject = _broken(self._plan, exc)
        self._built.set()
        self._answer = answer(self._subject)


def _unbuilt(plan: Plan) -> Subject:
    return _broken(plan, OpsError("what it needs could not be loaded in time"))


def _broken(plan: Plan, exc: Exception) -> Subject:
    """What stands in for a subject that could not be made: looking at it says why."""
    reason = CannotLook(str(exc)) if isinstance(exc, OpsError) else exc

    def inspect() -> Inspection:
        raise reason

    return Subject(plan.check, f"options of {plan.check}", inspect, BUILD_SECONDS, service=False)


def answer(subject: Subject) -> Answer:
    """Look at one subject here and now; whatever goes wrong becomes a finding."""
    try:
        inspection = subject.inspect()
    except ServiceDown as exc:
        return Answer(_verdict(subject, State.CRITICAL, str(exc), exc.reason))
    except CannotLook as exc:
        return Answer(_verdict(subject, State.UNKNOWN, str(exc)), exc)
    except OpsError as exc:
        return Answer(_verdict(subject, State.CRITICAL if subject.service else State.UNKNOWN, str(exc), exc.reason))
    except Exception as exc:  # a fault of ours must not silence the other subjects
        return Answer(_verdict(subject, State.UNKNOWN, f"the check itself failed: {_fault(exc)}"), exc)
    return Answer(Verdict(subject.check, subject.target, inspection.findings, inspection.metrics))


def _silent(subject: Subject) -> Answer:
    state = State.CRITICAL if subject.service else State.UNKNOWN
    return Answer(_verdict(subject, state, f"{subject.target} did not answer within {subject.deadline_seconds:g} s",
                           SILENT))


def _verdict(subject: Subject, state: State, message: str, reason: str = "") -> Verdict:
    finding = Finding(f"{subject.check}_reachable", state, redact(message), object=subject.target, reason=reason)
    return Verdict(subject.check, subject.target, (finding,))


def _fault(exc: Exception) -> str:
    frames = traceback.extract_tb(exc.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return f"{type(exc).__name__}: {exc}{place}; please report it"
