# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Read PM2 through its daemon's own socket: no Node start-up, no daemon spawned, no banner to parse.

The daemon speaks axon's request/reply over a unix socket, framed by AMP version 1: one byte (version in the high
nibble, number of arguments in the low one), then each argument as a big-endian 32-bit length and its bytes. An
argument is JSON (``j:``), text (``s:``) or raw. Measured against PM2 5.4, 6.0 and 7.0 (docs/adr/0004).
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import struct
import time
import typing as t

from .._core.errors import ABSENT, SILENT, CannotLook, OpsError, ServiceDown

# Only what changes nothing, and always with exactly one argument: the daemon appends its callback to the arguments
# and throws, all apps with it, when a method gets another number of them.
READ_ONLY = frozenset({"getMonitorData", "getVersion", "ping"})
MAX_REPLY_BYTES = 64 * 1024 * 1024
VERSION = 1


class StrangeReply(OpsError):
    """The daemon answered, but not as the PM2 versions that we know."""


@dataclasses.dataclass(frozen=True)
class Peer:
    """Who is at the other end of the socket, by the kernel's word."""

    pid: int
    uid: int
    gid: int


class Daemon:
    """A connection to the daemon of one PM2 home; use it as a context manager."""

    def __init__(self, home: str, timeout_seconds: float, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._path = os.path.join(home, "rpc.sock")
        self._home = home
        self._clock = clock
        self._timeout = timeout_seconds
        self._ends = clock() + timeout_seconds
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.peer = self._connect()

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    def call(self, method: str) -> t.Any:
        """Ask one of the read-only methods and return its answer as plain data."""
        if method not in READ_ONLY:
            raise ValueError(f"{method} is not on the list of methods that change nothing")
        request = json.dumps({"type": "call", "method": method, "args": [{}]}).encode()
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(frame([b"j:" + request, b"s:" + method.encode()]))
            return self._reply(method)
        except socket.timeout as exc:
            raise self._silence() from exc
        except (BrokenPipeError, ConnectionResetError) as exc:
            raise ServiceDown(f"the PM2 daemon of {self._home} hung up: {exc.strerror}") from exc

    def _connect(self) -> Peer:
        try:
            self._socket.settimeout(self._left())
            self._socket.connect(self._path)
            credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return Peer(*struct.unpack("3i", credentials))
        except OSError as exc:
            self._socket.close()
            raise self._no_connection(exc) from exc

    def _no_connection(self, exc: OSError) -> OpsError:
        if isinstance(exc, FileNotFoundError):
            if not os.path.isdir(self._home):
                return ServiceDown(f"no PM2 daemon runs: there is no folder {self._home}; is home or owner wrong?",
                                   ABSENT)
            return ServiceDown(f"no PM2 daemon runs for {self._home} (there is no rpc.sock)", ABSENT)
        if isinstance(exc, ConnectionRefusedError):
            return ServiceDown(
                f"the PM2 daemon of {self._home} is dead (nobody listens on its rpc.sock);"
                " its apps may live on as orphans that nothing restarts", ABSENT
            )
        if isinstance(exc, PermissionError):
            return CannotLook(
                f"this user must not talk to the PM2 daemon of {self._home}; run the check as its owner or as root"
            )
        if isinstance(exc, (socket.timeout, BlockingIOError)):
            return self._silence()
        return CannotLook(f"{self._path}: {exc.strerror or exc}")

    def _silence(self) -> ServiceDown:
        return ServiceDown(f"the PM2 daemon of {self._home} did not answer within {self._timeout:g} s: it hangs",
                           SILENT)

    def _left(self) -> float:
        return max(0.001, self._ends - self._clock())

    def _reply(self, method: str) -> t.Any:
        head = self._read(1)[0]
        if head >> 4 != VERSION or not head & 15:
            raise StrangeReply(f"the reply to {method} is framed in a way no known PM2 does")
        arguments = []
        for dummy in range(head & 15):
            (length,) = struct.unpack(">I", self._read(4))
            if length > MAX_REPLY_BYTES:
                raise StrangeReply(f"the reply to {method} claims {length} bytes")
            arguments.append(self._read(length))
        return content(method, arguments)

    def _read(self, count: int) -> bytes:
        parts = []
        while count:
            self._socket.settimeout(self._left())
            part = self._socket.recv(min(count, 1 << 20))
            if not part:
                raise StrangeReply("the PM2 daemon closed the connection in the middle of its reply")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def frame(arguments: t.Sequence[bytes]) -> bytes:
    """Put arguments into one AMP message."""
    head = bytes([VERSION << 4 | len(arguments)])
    return head + b"".join(struct.pack(">I", len(argument)) + argument for argument in arguments)


def content(method: str, arguments: t.Sequence[bytes]) -> t.Any:
    """The value inside a reply; StrangeReply when it has another shape or carries the daemon's own error."""
    first = arguments[0]
    try:
        if not first.startswith(b"j:"):
            raise ValueError("it is not JSON")
        answer = json.loads(first[2:].decode("utf-8", "replace"))
        if answer.get("error"):
            raise ValueError("the daemon reports an error")
        (value,) = answer["args"]
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise StrangeReply(f"the reply to {method} has an unknown shape: {type(exc).__name__}") from exc
    return value
