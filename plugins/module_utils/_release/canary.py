# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Start a release beside the one that is served, ask it until it proved itself, and leave nothing of it running."""

from __future__ import annotations

import collections
import dataclasses
import os
import threading
import time
import typing as t

from .._core.errors import BadOption, OpsError
from . import account, build, listening
from .account import Account
from .environment import hide, parse, secrets
from .group import Group

_ENV_BYTES = 1024 * 1024
_TAIL_CHUNKS, _CHUNK = 32, 4096
_LOOK_SECONDS = 0.1

# (port, seconds it may take) -> what is wrong with the answer, empty when nothing is
Ask = t.Callable[[int, float], str]


@dataclasses.dataclass(frozen=True)
class Trial:
    """How a release is tried; ``port`` 0 lets the kernel choose."""

    command: tuple[str, ...]
    folder: str
    path: str
    environment: t.Mapping[str, str]
    env_file: str
    port: int
    port_variable: str
    good_answers: int
    interval_seconds: float
    deadline_seconds: float
    grace_seconds: float


@dataclasses.dataclass(frozen=True)
class Proof:
    """What a release that proved itself did."""

    port: int
    ready_seconds: float
    answers: int


def prove(trial: Trial, owner: Account, ask: Ask, clock: t.Callable[[], float] = time.monotonic) -> Proof:
    """Start it, wait until it gave enough good answers in a row, end it; OpsError says why it did not prove itself."""
    file = _read(trial.env_file, owner) if trial.env_file else {}
    given = {**file, **trial.environment}
    hidden = secrets(given)
    port = trial.port or listening.spare_port()
    taken = listening.sockets(port)
    if taken:
        raise OpsError(f"port {port} is in use by {listening.holder(taken)}; choose another one, or 0 for a free one")
    environment = {**build.clean(owner, trial.path), **given, trial.port_variable: str(port)}
    read, write = os.pipe()
    try:
        try:
            group = Group(trial.command, owner, environment=environment, folder=trial.folder, output=write)
        finally:
            os.close(write)
        output = _Output(read)
        try:
            seen = _watch(group, trial, port, ask, clock)
        finally:
            code = group.end(trial.grace_seconds)
    finally:
        os.close(read)
    if seen.wrong:
        how = f" {_ending(code)}" if seen.ended else ""
        said = build.brief(hide(output.text(), hidden))
        raise OpsError(f"{hide(seen.wrong, hidden)}{how}; its last output: {said}")
    return Proof(port, round(seen.ready_seconds, 3), seen.answers)


class _Seen(t.NamedTuple):
    """Good answers in a row, the seconds to the first of them, and what went wrong."""

    answers: int
    ready_seconds: float
    wrong: str = ""
    ended: bool = False


def _watch(group: Group, trial: Trial, port: int, ask: Ask, clock: t.Callable[[], float]) -> _Seen:
    started = clock()
    ends = started + trial.deadline_seconds
    good, ready, last, answered = 0, 0.0, f"nothing listens on port {port}", False
    while True:
        if group.ended():
            return _Seen(good, ready, f"it ended by itself after {clock() - started:.1f} s", ended=True)
        left = ends - clock()
        if left <= 0:
            return _Seen(good, ready, f"it was not healthy within {trial.deadline_seconds:g} s: {last}")
        inodes = listening.sockets(port)
        if not inodes:
            good, last = 0, f"nothing listens on port {port}; does the application read {trial.port_variable}?"
            time.sleep(_LOOK_SECONDS)
            continue
        if not listening.held_by(inodes, group.members()):
            if listening.sockets(port) == inodes and not group.ended():
                other = listening.holder(inodes)
                return _Seen(good, ready, f"port {port} is listened on by {other}, not by this release")
            continue
        wrong = ask(port, left)
        if wrong:
            cut_short = answered and clock() >= ends  # by the deadline: what it said before tells more
            good, last, answered = 0, last if cut_short else wrong, True
        else:
            ready = ready if good else clock() - started
            good += 1
            if good >= trial.good_answers and not group.ended():
                return _Seen(good, ready)
        _pause(group, min(trial.interval_seconds, max(0.0, ends - clock())), clock)


def _pause(group: Group, seconds: float, clock: t.Callable[[], float]) -> None:
    ends = clock() + seconds
    while clock() < ends and not group.ended():
        time.sleep(min(_LOOK_SECONDS, max(0.0, ends - clock())))


def _ending(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"


def _read(path: str, owner: Account) -> dict[str, str]:
    """The variables of the environment file, read as the owner; no value of it is ever in a message."""
    try:
        with account.acting(owner), open(path, "rb") as file:
            data = file.read(_ENV_BYTES + 1)
    except OSError as exc:
        raise OpsError(f"{path} cannot be read by {owner.name or owner.uid}: {exc.strerror or exc}") from exc
    if len(data) > _ENV_BYTES:
        raise BadOption(f"{path} is larger than {_ENV_BYTES} bytes; that is no environment file")
    try:
        return {name: value for name, value in parse(data.decode("utf-8")).items() if "\0" not in value}
    except UnicodeDecodeError as exc:
        raise BadOption(f"{path} is no text in UTF-8, so it is no environment file") from exc


class _Output:
    """The last words of the program; read all the time, or it would stop at a full pipe."""

    def __init__(self, handle: int) -> None:
        self._chunks: collections.deque[bytes] = collections.deque(maxlen=_TAIL_CHUNKS)
        self._thread = threading.Thread(target=self._read, args=(os.dup(handle),), daemon=True)
        self._thread.start()

    def _read(self, handle: int) -> None:
        try:
            while chunk := os.read(handle, _CHUNK):
                self._chunks.append(chunk)
        finally:
            os.close(handle)

    def text(self) -> str:
        """What was said, when the program has ended."""
        self._thread.join(1.0)
        return b"".join(list(self._chunks)).decode("utf-8", "replace")
