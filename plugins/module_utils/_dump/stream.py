# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Programs joined by pumps of ours: what flows can be counted, checked and written on the way."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import threading
import time
import types
import typing as t

from .._core.errors import OpsError

PIECE_BYTES = 1024 * 1024
_SAID_BYTES = 64 * 1024
_LAST_SECONDS = 5.0


class Sink(t.Protocol):
    """Where pieces go."""

    def write(self, piece: bytes) -> t.Any: ...

    def close(self) -> None: ...


class Program:
    """A running program: feed it (as a sink), read from it, and see how it ended."""

    def __init__(self, arguments: t.Sequence[str], environment: t.Mapping[str, str], *, feed: bool, reads: bool,
                 owner: t.Optional[tuple[int, int]] = None) -> None:
        self.name = os.path.basename(arguments[0])
        self._said = b""
        become: dict[str, t.Any] = {} if owner is None or owner[0] == os.geteuid() else {
            "user": owner[0], "group": owner[1], "extra_groups": []}
        try:
            self.process = subprocess.Popen(
                list(arguments), env=dict(environment), start_new_session=True, bufsize=0, cwd="/",
                stdin=subprocess.PIPE if feed else subprocess.DEVNULL, stderr=subprocess.PIPE,
                stdout=subprocess.PIPE if reads else subprocess.DEVNULL, **become)
        except OSError as exc:
            raise OpsError(f"{arguments[0]} cannot be started: {exc.strerror or exc}") from exc
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def write(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(_descriptor(self.process.stdin), rest):]

    def close(self) -> None:
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def read(self) -> bytes:
        """The next piece of what it writes."""
        return os.read(_descriptor(self.process.stdout), PIECE_BYTES)

    @property
    def code(self) -> t.Optional[int]:
        return self.process.returncode

    @property
    def said(self) -> str:
        """The end of what it complained about."""
        return self._said.decode("utf-8", "replace")

    def kill(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> bool:
        """Whether it ended in this time; what it said is then complete."""
        try:
            self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        self._listener.join(_LAST_SECONDS)
        return True

    def release(self) -> None:
        """Give its pipes back."""
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                piece = os.read(_descriptor(self.process.stderr), 65536)
                if not piece:
                    return
                # the first complaint is the reason, the last ones follow from it
                self._said += piece[:_SAID_BYTES - len(self._said)]


def _descriptor(pipe: t.Optional[t.IO[bytes]]) -> int:
    if pipe is None:
        raise ValueError("the program was started without this pipe")
    return pipe.fileno()


class Pipeline:
    """One time limit for all; the first failure of a pump, or the end of the time, ends everything."""

    def __init__(self, seconds: float, what: str) -> None:
        self._seconds, self._what = seconds, what
        self._ends = time.monotonic() + seconds
        self._programs: list[Program] = []
        self._pumps: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._error: t.Optional[BaseException] = None

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, kind: t.Optional[type[BaseException]], exc: t.Optional[BaseException],
                 trace: t.Optional[types.TracebackType]) -> None:
        self._stop()
        for program in self._programs:
            program.wait(_LAST_SECONDS)
        for pump in self._pumps:
            pump.join(_LAST_SECONDS)
        for program in self._programs:
            program.release()

    def start(self, arguments: t.Sequence[str], environment: t.Mapping[str, str], *, feed: bool = False,
              reads: bool = True) -> Program:
        """Start a program; ``feed`` when it is a sink, ``reads`` when what it writes is wanted."""
        program = Program(arguments, environment, feed=feed, reads=reads)
        with self._lock:
            self._programs.append(program)
        return program

    def pump(self, read: t.Callable[[], bytes], sinks: t.Sequence[Sink]) -> None:
        """Bring everything that can be read to all sinks; a program that wants no more gets no more."""
        thread = threading.Thread(target=self._pump, args=(read, list(sinks)), daemon=True)
        self._pumps.append(thread)
        thread.start()

    def finish(self) -> None:
        """Wait for everything; raises what made a pump fail, or OpsError when the time is over."""
        seen = 0
        while seen < len(self._pumps):  # a pump may start further ones
            self._pumps[seen].join(max(0.0, self._ends - time.monotonic()))
            if self._pumps[seen].is_alive():
                self._too_late()
            seen += 1
        if self._error is not None:
            raise self._error
        for program in list(self._programs):
            if not program.wait(self._ends - time.monotonic()):
                self._too_late()

    def failed(self) -> t.Optional[Program]:
        """The program that failed; one that was ended because of it comes last."""
        codes = [program for program in self._programs if program.code]
        return min(codes, key=lambda program: (program.code or 0) < 0, default=None)

    def _too_late(self) -> t.NoReturn:
        self._stop()
        raise OpsError(f"{self._what} did not end within {self._seconds:g} s (max_seconds), and was ended")

    def _pump(self, read: t.Callable[[], bytes], sinks: list[Sink]) -> None:
        takers = list(sinks)
        try:
            while takers:
                piece = read()
                if not piece:
                    break
                for sink in list(takers):
                    try:
                        sink.write(piece)
                    except BrokenPipeError:
                        takers.remove(sink)
            else:
                self._stop()  # nobody takes what comes: whoever should has failed
            for sink in sinks:
                sink.close()
        except BaseException as exc:  # pylint: disable=broad-exception-caught
            with self._lock:
                self._error = self._error or exc
            self._stop()

    def _stop(self) -> None:
        for program in list(self._programs):
            program.kill()


class Hash:
    """The check sum of what flows."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes) -> None:
        self._sum.update(piece)
        self.size += len(piece)

    def close(self) -> None:
        """Nothing to do."""

    @property
    def hex(self) -> str:
        return self._sum.hexdigest()


class File:
    """A file that is written, by its descriptor; the writer syncs and closes it."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def write(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._handle, rest):]

    def close(self) -> None:
        """Nothing to do."""
