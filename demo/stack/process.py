# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes we own: known by pid and start time, so that a reused pid is never mistaken for ours."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import time
import typing as t
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals

FREEZE_SECONDS = 5.0
# a user's own PM2, PostgreSQL or Redis must never be reached by accident
_FOREIGN = ("PM2_", "PG", "REDIS", "DATABASE_URL", "NODE_OPTIONS", "NODE_ENV", "pm_")


class StackError(Exception):
    """A service of the stack did not do what it was told; the text says which, why, and where its log is."""


def clean_environment(**more: str) -> dict[str, str]:
    """Our environment without what would lead a program to somebody else's services, plus ``more``."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)} | more


@dataclasses.dataclass(frozen=True)
class Process:
    """A process by pid and start time (clock ticks since boot); every method does nothing once it is gone."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> t.Optional[Process]:
        """The process that has this pid now, if any."""
        stat = _stat(pid)
        return None if stat is None else cls(pid, stat.started)

    @classmethod
    def load(cls, record: Path) -> t.Optional[Process]:
        """The recorded process when it still lives."""
        try:
            process = cls(**json.loads(record.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return process if process.alive() else None

    def save(self, record: Path) -> None:
        """Record the process, whole or not at all."""
        draft = record.with_name(record.name + ".new")
        draft.write_text(json.dumps(dataclasses.asdict(self)))
        draft.replace(record)

    def alive(self) -> bool:
        """Whether it is this very process and no zombie; a dead child of ours is reaped on the way."""
        stat = _stat(self.pid)
        if stat is None or stat.started != self.started:
            return False
        if stat.state != "Z" or _threads(self.pid) > 1:  # while a thread lives its sockets stay open
            return True
        with contextlib.suppress(ChildProcessError):  # somebody else's child: its parent reaps it
            os.waitpid(self.pid, os.WNOHANG)
        return False

    def children(self) -> list[Process]:
        """Its direct children."""
        try:
            pids = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except OSError:
            return []
        return [child for child in map(Process.of, map(int, pids)) if child is not None]

    def family(self) -> list[Process]:
        """Itself and all its descendants, parents first."""
        return [self, *(one for child in self.children() for one in child.family())]

    def signal(self, number: Signals) -> None:
        """Send a signal."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop it and its descendants where they are (SIGSTOP); they keep their ports and never answer."""
        self.signal(SIGSTOP)  # first, so that it forks no more
        self._wait_until_frozen()
        for child in self.children():
            child.freeze()

    def _wait_until_frozen(self) -> None:
        """A process that runs on another processor takes the signal only after a moment."""
        deadline = time.monotonic() + FREEZE_SECONDS
        while time.monotonic() < deadline:
            stat = _stat(self.pid)
            if stat is None or stat.started != self.started or stat.state in "TtZ":
                return
            time.sleep(0.002)
        raise StackError(f"process {self.pid} did not stop within {FREEZE_SECONDS:g} s of SIGSTOP")

    def thaw(self) -> None:
        """Let it and its descendants go on."""
        for process in reversed(self.family()):
            process.signal(SIGCONT)

    def wait(self, timeout_seconds: float) -> bool:
        """Whether it ended within the time."""
        deadline = time.monotonic() + timeout_seconds
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def kill(self) -> None:
        """End it at once (SIGKILL), without its descendants."""
        self.signal(SIGKILL)
        self.wait(5)

    def stop(self, number: Signals = SIGTERM, timeout_seconds: float = 10) -> None:
        """End it politely, and when it does not listen in time kill it and its descendants."""
        family = self.family()
        self.thaw()
        self.signal(number)
        if not self.wait(timeout_seconds):
            for process in family:
                process.kill()


def start(arguments: t.Sequence[str], log: Path, environment: t.Mapping[str, str], *, cwd: Path,
          survives: bool = False, last_signal: Signals = SIGTERM) -> Process:
    """Start a program in a session of its own, its output appended to ``log``.

    Unless it ``survives``, the kernel sends it ``last_signal`` when the process that started it dies.
    """
    setpriv = None if survives else shutil.which("setpriv")
    if setpriv is not None and arguments[0] == setpriv:
        arguments = [setpriv, f"--pdeathsig={last_signal.name}", *arguments[1:]]
    elif setpriv is not None:
        arguments = [setpriv, f"--pdeathsig={last_signal.name}", "--", *arguments]
    with log.open("ab") as screen:
        child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen,
                                 env=dict(environment), cwd=cwd, start_new_session=True)
    stat = _stat(child.pid)
    if stat is None:
        raise StackError(f"{arguments[0]} ended at once; {tail(log)}")
    child.returncode = 0  # we look after it by pid; Popen must not warn that it still runs
    return Process(child.pid, stat.started)


def run(arguments: t.Sequence[str], environment: t.Mapping[str, str], timeout_seconds: float, *, cwd: Path) -> str:
    """Run a program to its end and return what it printed; StackError with its last words when it fails."""
    what = " ".join(Path(word).name if word.startswith("/") else word for word in arguments[:4])
    child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=dict(environment), cwd=cwd, start_new_session=True, text=True, errors="replace")
    try:
        out, err = child.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired as exc:
        os.killpg(child.pid, SIGKILL)
        child.communicate()
        raise StackError(f"{what} did not end within {timeout_seconds:g} s") from exc
    if child.returncode:
        raise StackError(f"{what} ended with {child.returncode}: {(err or out)[-1500:].strip()}")
    return out


def wait_until(ready: t.Callable[[], bool], what: str, timeout_seconds: float, *,
               process: t.Optional[Process] = None, log: t.Optional[Path] = None) -> None:
    """Wait until ``ready`` says so; StackError when the time is over or the process ended before."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if process is not None and not process.alive():
            raise StackError(f"{what} ended before it was ready; {tail(log)}")
        if time.monotonic() >= deadline:
            raise StackError(f"{what} was not ready within {timeout_seconds:g} s; {tail(log)}")
        time.sleep(0.05)


def tail(log: t.Optional[Path], lines: int = 5) -> str:
    """The last words of a log, and where it is."""
    if log is None or not log.exists():
        return "there is no log"
    return f"its log {log} ends with: " + " | ".join(log.read_text(errors="replace").splitlines()[-lines:])


class _Stat(t.NamedTuple):
    state: str
    started: int


def _stat(pid: int) -> t.Optional[_Stat]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name may hold blanks and brackets
    return _Stat(fields[0], int(fields[19]))


def _threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0
