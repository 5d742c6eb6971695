# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""One bounded HTTP GET: a deadline for the whole answer, a limit for its size, and words for what went wrong."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import http.client
import io
import re
import socket
import time
import typing as t
import urllib.parse

from . import wire
from .errors import BadOption, ServiceDown

Headers = t.Mapping[str, str]

BODY_BYTES = 1024 * 1024
HEAD_BYTES = 64 * 1024

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclasses.dataclass(frozen=True)
class Address:
    """A URL taken apart; ``shown`` is what people may read: no credentials, no query."""

    secure: bool
    host: str
    port: int
    path: str
    shown: str
    authorization: str = dataclasses.field(default="", repr=False)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Reply:
    """One whole answer; ``seconds`` runs from before the connection to the last byte."""

    status: int
    headers: Headers
    body: bytes
    seconds: float


def address(url: str) -> Address:
    """Take a URL apart; BadOption when it is not one that can be asked for."""
    try:
        parts = urllib.parse.urlsplit(url)
        secure = {"https": True, "http": False}[parts.scheme]
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port or (443 if secure else 80)
    except (ValueError, KeyError):
        host, secure, port, parts = "", False, 0, urllib.parse.SplitResult("", "", "", "", "")
    if not host or _CONTROL.search(url) or " " in host:
        raise BadOption("this is not a URL that can be asked for: give one like http://127.0.0.1:3000/health")
    path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else ""
    found = Address(secure, host, port, path + query, "")
    return dataclasses.replace(found, shown=f"{parts.scheme}://{found.authority}{path}",
                               authorization=basic(*map(_unquoted, (parts.username, parts.password))))


def basic(username: t.Optional[str], password: t.Optional[str]) -> str:
    """The value of an Authorization header for this login; empty when there is none."""
    if username is None and password is None:
        return ""
    return "Basic " + base64.b64encode(f"{username or ''}:{password or ''}".encode()).decode("ascii")


def checked_headers(headers: t.Mapping[str, t.Any]) -> dict[str, str]:
    """The user's headers as text; BadOption for one that HTTP cannot carry."""
    texts = {str(name): str(value) for name, value in headers.items()}
    for name, value in texts.items():
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value) or not _latin(value):
            raise BadOption(f"headers: {name!r} or its value holds signs that a header cannot carry")
    return texts


@dataclasses.dataclass(frozen=True)
class Getter:
    """How to ask: the time for one whole answer, extra headers, and whose certificates are trusted."""

    timeout_seconds: float
    headers: Headers = dataclasses.field(default_factory=dict, repr=False)
    validate_certs: bool = True
    ca_path: t.Optional[str] = None
    redirects: int = 0
    body_bytes: int = BODY_BYTES
    clock: wire.Clock = time.monotonic

    def get(self, where: Address) -> Reply:
        """The answer to one GET; ServiceDown says in words why there was none in time."""
        started = self.clock()
        deadline = started + self.timeout_seconds
        reply = self._once(where, self.headers, deadline)
        for _hop in range(self.redirects):
            target = _target(where, reply)
            if target is None:
                break
            # a login is for the origin it was given for
            same = (target.secure, target.host, target.port) == (where.secure, where.host, where.port)
            if same and not target.authorization:
                target = dataclasses.replace(target, authorization=where.authorization)
            where = target
            reply = self._once(where, self.headers if same else {}, deadline)
        return dataclasses.replace(reply, seconds=self.clock() - started)

    def _once(self, where: Address, headers: Headers, deadline: float) -> Reply:
        progress = wire.Progress(where.shown, self.timeout_seconds, _WORDS)
        with progress.explained(), contextlib.ExitStack() as closing:
            sock = closing.enter_context(wire.connected(where.host, where.port, deadline, self.clock))
            if where.secure:
                progress.stage = "finish the TLS handshake"
                context = wire.trust(self.validate_certs, self.ca_path)
                sock.settimeout(wire.left(deadline, self.clock))
                sock = closing.enter_context(context.wrap_socket(sock, server_hostname=where.host))
            progress.stage = "answer"
            sock.settimeout(wire.left(deadline, self.clock))
            sock.sendall(_request(where, headers))
            stream = _Stream(sock, deadline, self.body_bytes + HEAD_BYTES, self.clock)
            response = http.client.HTTPResponse(t.cast(socket.socket, stream), method="GET")
            closing.callback(response.close)
            response.begin()
            progress.stage = "finish its answer"
            body = response.read(self.body_bytes + 1)
            if len(body) > self.body_bytes:
                raise _TooLongError
            if response.length:
                raise http.client.IncompleteRead(body)
            received = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, received, body, 0.0)
        raise AssertionError("unreachable")  # explained() always raises on failure


class _TooLongError(Exception):
    """More bytes than anybody asked for."""


_WORDS: wire.Words = (
    (_TooLongError, "answers with too much data; the rest was not read"),
    (http.client.RemoteDisconnected, "closed the connection without an answer"),
    (http.client.IncompleteRead, "broke off in the middle of its answer"),
    ((http.client.HTTPException, ValueError), "does not speak proper HTTP"),
)


class _Stream(io.RawIOBase):
    """What HTTPResponse reads from: no read waits past the deadline, and no more than the allowance is read."""

    def __init__(self, sock: socket.socket, deadline: float, allowance: int, clock: wire.Clock) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline
        self._allowance = allowance
        self._clock = clock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int:
        self._sock.settimeout(wire.left(self._deadline, self._clock))
        count = self._sock.recv_into(buffer)
        self._allowance -= count
        if self._allowance < 0:
            raise _TooLongError
        return count


def _request(where: Address, headers: Headers) -> bytes:
    lines = {"Host": where.authority, "User-Agent": "vendhub-ops", "Accept": "application/json, */*;q=0.5",
             "Accept-Encoding": "identity"}
    if where.authorization:
        lines["Authorization"] = where.authorization
    known = {name.lower(): name for name in lines}
    for name, value in headers.items():
        lines[known.get(name.lower(), name)] = value
    lines["Connection"] = "close"
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"GET {where.path} HTTP/1.1\r\n{text}\r\n".encode("latin-1")


def _target(where: Address, reply: Reply) -> t.Optional[Address]:
    location = reply.headers.get("location")
    if reply.status not in (301, 302, 303, 307, 308) or not location:
        return None
    try:
        return address(urllib.parse.urljoin(f"{where.shown}", location))
    except (BadOption, ValueError) as exc:
        raise ServiceDown(f"{where.shown} redirects to something that is not a URL") from exc


def _unquoted(text: t.Optional[str]) -> t.Optional[str]:
    return None if text is None else urllib.parse.unquote(text)


def _latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True
