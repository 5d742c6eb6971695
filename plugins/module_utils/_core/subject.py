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

from .errors import CannotLook, OpsError, ServiceDown
from .redact import redact
from .verdict import Finding, Inspection, State, Verdict


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


@dataclasses.dataclass(frozen=True)
class Answer:
    """A verdict; ``error`` is set when it is "could not look" or a fault of the check itself."""

    verdict: Verdict
    error: t.Optional[BaseException] = None


def look(subjects: t.Sequence[Subject], clock: t.Callable[[], float] = time.monotonic) -> list[Answer]:
    """Look at all subjects concurrently and answer for each, in their order, when the last deadline is over at most."""
    started = clock()
    boxes = [_Box(subject) for subject in subjects]
    for box in boxes:
        box.thread.start()
    for box in boxes:
        box.thread.join(max(0.0, started + box.subject.deadline_seconds - clock()))
    return [box.answer or _silent(box.subject) for box in boxes]


class _Box:
    """One subject, its thread (daemonic: it cannot keep the process alive) and its answer once there is one."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.answer: t.Optional[Answer] = None
        self.thread = threading.Thread(target=self._run, name=subject.check, daemon=True)

    def _run(self) -> None:
        self.answer = answer(self.subject)


def answer(subject: Subject) -> Answer:
    """Look at one subject here and now; whatever goes wrong becomes a finding."""
    try:
        inspection = subject.inspect()
    except ServiceDown as exc:
        return Answer(_verdict(subject, State.CRITICAL, str(exc)))
    except CannotLook as exc:
        return Answer(_verdict(subject, State.UNKNOWN, str(exc)), exc)
    except OpsError as exc:
        return Answer(_verdict(subject, State.CRITICAL if subject.service else State.UNKNOWN, str(exc)))
    except Exception as exc:  # a fault of ours must not silence the other subjects
        return Answer(_verdict(subject, State.UNKNOWN, f"the check itself failed: {_fault(exc)}"), exc)
    return Answer(Verdict(subject.check, subject.target, inspection.findings, inspection.metrics))


def _silent(subject: Subject) -> Answer:
    state = State.CRITICAL if subject.service else State.UNKNOWN
    return Answer(_verdict(subject, state, f"{subject.target} did not answer within {subject.deadline_seconds:g} s"))


def _verdict(subject: Subject, state: State, message: str) -> Verdict:
    return Verdict(subject.check, subject.target,
                   (Finding(f"{subject.check}_reachable", state, redact(message), object=subject.target),))


def _fault(exc: Exception) -> str:
    frames = traceback.extract_tb(exc.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return f"{type(exc).__name__}: {exc}{place}; please report it"
