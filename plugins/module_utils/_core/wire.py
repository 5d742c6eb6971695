# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""A TCP or TLS connection within a deadline, and words for what goes wrong on it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
import typing as t

from .errors import ABSENT, SILENT, CannotLook, ServiceDown

Clock = t.Callable[[], float]
Words = t.Sequence[tuple[t.Any, str]]


class Progress:
    """How far a conversation came, and the words for where it ended; ``further`` are words for other exceptions."""

    def __init__(self, shown: str, timeout_seconds: float, further: Words = ()) -> None:
        self.shown = shown
        self.seconds = timeout_seconds
        self.stage = "accept a connection"
        self._further = further

    @contextlib.contextmanager
    def explained(self) -> t.Iterator[None]:
        """Turn whatever goes wrong with the wire into ServiceDown; other exceptions pass."""
        try:
            yield
        except Exception as exc:
            words = self._words(exc)
            if words is None:
                raise
            raise ServiceDown(f"{self.shown} {words}", _reason(exc)) from exc

    def _words(self, exc: Exception) -> t.Optional[str]:
        table = (
            (socket.timeout, f"did not {self.stage} within {self.seconds:g} s"),
            *self._further,
            (ConnectionRefusedError, "refuses connections: nothing listens on that port"),
            (socket.gaierror, "cannot be reached: its name has no address"),
            ((ConnectionResetError, BrokenPipeError), "broke the connection off"),
        )
        if isinstance(exc, ssl.SSLError) and not isinstance(exc, socket.timeout):
            return _tls_words(exc)
        for kind, words in table:
            if isinstance(exc, kind):
                return words
        return f"cannot be reached: {exc.strerror or exc}" if isinstance(exc, OSError) else None


def _reason(exc: Exception) -> str:
    if isinstance(exc, socket.timeout):
        return SILENT
    return ABSENT if isinstance(exc, ConnectionRefusedError) else ""


def left(deadline: float, clock: Clock) -> float:
    """The seconds until the deadline; socket.timeout when it is over."""
    seconds = deadline - clock()
    if seconds <= 0:
        raise socket.timeout
    return seconds


def connected(host: str, port: int, deadline: float, clock: Clock = time.monotonic) -> socket.socket:
    """A connection to the first address of the host that accepts one; all of them share the deadline."""
    failure: OSError = socket.gaierror()
    for family, kind, protocol, _name, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(left(deadline, clock))
            sock.connect(place)
            return sock
        except OSError as exc:
            sock.close()
            failure = exc
    raise failure


def trust(validate: bool, ca_path: t.Optional[str]) -> ssl.SSLContext:
    """Whose certificates are trusted: the system's authorities and those of ``ca_path``; or anybody's."""
    context = ssl.create_default_context()
    if ca_path:
        try:
            context.load_verify_locations(cafile=ca_path)
        except (OSError, ssl.SSLError) as exc:
            raise CannotLook(f"the certificates of {ca_path} cannot be read: {exc.strerror or exc}") from exc
    if not validate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _tls_words(exc: ssl.SSLError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {exc.verify_message}"
    reason = exc.reason or "handshake failed"
    text = reason.replace("_", " ").lower()
    if "EOF" in reason:
        return "closed the connection during the TLS handshake"
    if reason.startswith(("TLSV1", "SSLV3_ALERT")):
        return f"refuses the TLS handshake ({text})"
    return f"does not speak proper TLS ({text})"
