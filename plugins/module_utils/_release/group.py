# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""A program with everything it starts, in a session of its own that never outlives us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
import typing as t
import uuid

from .._core.errors import CannotLook
from .account import UMASK, Account

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02
_KILL_SECONDS = 10.0

Clock = t.Callable[[], float]


class Group:
    """A started program; end it with ``end``, or let the watchdog do so when this process is killed."""

    def __init__(self, arguments: t.Sequence[str], account: Account, *, environment: t.Mapping[str, str],
                 folder: str, output: int) -> None:
        # a program may leave its session, but what it starts inherits this
        self._sign = f"VENDHUB_OPS_GROUP={uuid.uuid4().hex}"
        name, dummy, value = self._sign.partition("=")
        self._leader = _start(arguments, account, {**environment, name: value}, folder, output)
        self.session = self._leader.pid
        self._watchdog, self._leash = _watchdog(self.session, self._sign)

    def ended(self) -> bool:
        """Whether the program itself has ended; it stays a zombie until ``end`` so that its number is not reused."""
        return os.waitid(os.P_PID, self.session, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def members(self) -> list[int]:
        """Every process of ours that still runs."""
        return _members(self.session, self._sign)

    def wait(self, timeout_seconds: float, clock: Clock = time.monotonic) -> bool:
        """Whether the program ended within the time."""
        deadline = clock() + timeout_seconds
        while not self.ended():
            if clock() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def end(self, grace_seconds: float, clock: Clock = time.monotonic) -> int:
        """End everything, politely first, and return how the program ended (negative: the signal)."""
        try:
            _signal(self.members(), signal.SIGTERM)
            deadline = clock() + grace_seconds
            while self.members() and clock() < deadline:
                time.sleep(_POLL_SECONDS)
            deadline = clock() + _KILL_SECONDS
            while self.members() and clock() < deadline:
                _signal(self.members(), signal.SIGKILL)
                time.sleep(_POLL_SECONDS)
            return self._leader.wait(_KILL_SECONDS)
        finally:
            self._release_watchdog()

    def _release_watchdog(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._leash, b"x")
        os.close(self._leash)
        os.waitpid(self._watchdog, 0)


def _start(arguments: t.Sequence[str], account: Account, environment: t.Mapping[str, str], folder: str,
           output: int) -> subprocess.Popen[bytes]:
    libc = ctypes.CDLL(None)  # loaded here: after the fork nothing may be loaded
    parent = os.getpid()

    def die_with_us() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    become: dict[str, t.Any] = {}
    if account.uid != os.geteuid():
        become = {"user": account.uid, "group": account.gid, "extra_groups": list(account.groups)}
    try:
        return subprocess.Popen(
            list(arguments), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(environment), cwd=folder,
            start_new_session=True, umask=UMASK, preexec_fn=die_with_us,  # noqa: PLW1509  (there are no threads yet)
            **become)
    except FileNotFoundError as exc:
        if exc.filename == folder:
            raise CannotLook(f"the folder {folder} is not on this host") from exc
        path = environment.get("PATH", "")
        raise CannotLook(f"the program {arguments[0]!r} is not installed on this host (looked in {path})") from exc
    except PermissionError as exc:
        raise CannotLook(f"{account.name or account.uid} must not run {arguments[0]!r} in {folder}:"
                         f" {exc.strerror}") from exc


def _watchdog(session: int, sign: str) -> tuple[int, int]:
    """A process that ends the others when the pipe to us breaks: what the program started does not die with it."""
    read, write = os.pipe()
    watchdog = os.fork()
    if watchdog:
        os.close(read)
        return watchdog, write
    try:
        os.setsid()
        os.dup2(read, 0)
        os.closerange(1, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 65536 else 65536)
        if not os.read(0, 1):
            for _attempt in range(250):
                left = _members(session, sign)
                if not left:
                    break
                _signal(left, signal.SIGKILL)
                time.sleep(_POLL_SECONDS)
    finally:
        os._exit(0)


def _members(session: int, sign: str) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ends while we look, or is none of ours
            fields = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()  # the name may hold blanks and brackets
            if fields[0] not in (b"Z", b"X") and (
                    int(fields[3]) == session or sign.encode() in _read(f"/proc/{name}/environ").split(b"\0")):
                found.append(int(name))
    return found


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _signal(pids: t.Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
