# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""A certificate as a subject: the one that a server shows, the file that it comes from, or both."""

from __future__ import annotations

import time
import typing as t

from .._core.errors import BadOption, CannotLook, ServiceDown
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Inspection, Number, State
from . import client, judge
from .x509 import Certificate


def subject(options: t.Mapping[str, t.Any], thresholds: Thresholds) -> Subject:
    """The certificate of ``server`` and/or ``path``, ready to be looked at."""
    server, path, timeout, port = (options[key] for key in ("server", "path", "timeout_seconds", "port"))
    if not server and not path:
        raise BadOption("a server or the path of a certificate is needed")
    if not 0.001 <= timeout <= 600:
        raise BadOption(f"timeout_seconds must be between 0.001 and 600, not {timeout:g}")
    if not 1 <= port <= 65535:
        raise BadOption(f"port must be between 1 and 65535, not {port}")
    name = _ascii(options["server_name"] or server or "")
    address = _ascii(options["address"] or server or "")
    where = f"{name}:{port}"

    def inspect() -> Inspection:
        findings: list[Finding] = []
        metrics: dict[str, Number] = {}
        now = time.time()
        stored = _stored(path, fatal=not server, findings=findings) if path else None
        if stored:
            findings.extend(judge.expiry(stored, now, path, thresholds))
            metrics.update(judge.numbers(stored, now, path))
        if server:
            try:
                shown = client.shown(where, (address, port), name, timeout, options["ca_path"])
            except ServiceDown as exc:
                findings.append(Finding("certificates_reachable", State.CRITICAL, str(exc), object=where,
                                        reason=exc.reason))
            else:
                findings.extend(judge.expiry(shown.certificate, now, where, thresholds))
                findings.append(judge.names(shown.certificate, name, where))
                findings.append(judge.trusted(shown.fault, where))
                metrics.update(judge.numbers(shown.certificate, now, where))
                if stored:
                    findings.append(judge.same(shown.certificate, stored, where, path))
        return Inspection(tuple(findings), metrics)

    return Subject("certificates", where if server else path, inspect, deadline_seconds=timeout + 1)


def _stored(path: str, fatal: bool, findings: list[Finding]) -> t.Optional[Certificate]:
    """The file's certificate; when it cannot be had, a finding says why."""
    try:
        return client.stored(path)
    except FileNotFoundError:
        findings.append(judge.unreadable(path, "there is no such file", State.CRITICAL))
    except OSError as exc:
        if fatal:
            raise CannotLook(f"cannot be read: {exc.strerror}; run the check as a user who may (root)") from exc
        findings.append(judge.unreadable(path, f"cannot be read: {exc.strerror}", State.UNKNOWN))
    except ValueError as exc:
        findings.append(judge.unreadable(path, str(exc), State.CRITICAL))
    return None


def _ascii(host: str) -> str:
    """A host name as the wire knows it; BadOption when it is none."""
    try:
        text = host.encode("idna").decode("ascii")
    except UnicodeError:
        text = " "
    if any(sign.isspace() or sign in "/@" for sign in text):
        raise BadOption("server, server_name and address are host names or addresses, without scheme, port and path")
    return text
