# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Fetch the certificate that a server shows, and the one that lies on disk."""

from __future__ import annotations

import dataclasses
import ssl
import time
import typing as t

from .._core import wire
from .._core.errors import ServiceDown
from .x509 import Certificate, from_der, from_pem

FILE_BYTES = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a server shows, and why it is not trusted (empty when it is)."""

    certificate: Certificate
    fault: str


def shown(where: str, address: tuple[str, int], server_name: str, timeout_seconds: float,
          ca_path: t.Optional[str]) -> Shown:
    """Ask twice: once for the certificate whatever it is worth, once for whether it is trusted."""
    deadline = time.monotonic() + timeout_seconds
    progress = wire.Progress(where, timeout_seconds)
    verifying = wire.trust(True, ca_path)
    verifying.check_hostname = False  # the names are judged by themselves
    der = _handshake(progress, address, server_name, deadline, wire.trust(False, None))
    try:
        certificate = from_der(der)
    except ValueError as exc:
        raise ServiceDown(f"{where} shows a certificate that cannot be read: {exc}") from exc
    fault = ""
    try:
        _handshake(progress, address, server_name, deadline, verifying)
    except ServiceDown as exc:
        if not isinstance(exc.__cause__, ssl.SSLCertVerificationError):
            raise
        fault = exc.__cause__.verify_message
    return Shown(certificate, fault)


def stored(path: str) -> Certificate:
    """The certificate in a file; OSError when it cannot be read, ValueError when it holds none."""
    with open(path, encoding="ascii", errors="replace") as file:
        return from_pem(file.read(FILE_BYTES))


def _handshake(progress: wire.Progress, address: tuple[str, int], server_name: str, deadline: float,
               context: ssl.SSLContext) -> bytes:
    progress.stage = "accept a connection"
    with progress.explained(), wire.connected(*address, deadline) as sock:
        progress.stage = "finish the TLS handshake"
        sock.settimeout(wire.left(deadline, time.monotonic))
        with context.wrap_socket(sock, server_hostname=server_name) as secured:
            return secured.getpeercert(binary_form=True) or b""
    raise AssertionError("unreachable")  # explained() always raises on failure
