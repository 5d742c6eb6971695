# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Judge a server's certificate and the file that it should come from (pure)."""

from __future__ import annotations

import datetime

from .._core.limits import show
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Number, State, metric
from .x509 import Certificate

DAY = 86400
REMEDY = "vendhub.ops.renew_certificates"


def expiry(certificate: Certificate, now: float, where: str, thresholds: Thresholds) -> list[Finding]:
    """Days until it expires, and whether it is valid yet."""
    days = (certificate.not_after - now) / DAY
    on = _date(certificate.not_after)
    words = f"expires in {show(days)} days, on {on}" if days >= 0 else f"expired {show(-days)} days ago, on {on}"
    findings = [thresholds.judge("certificate_days", days, f"the certificate {words}", object=where)]
    if certificate.not_before > now:
        on = _date(certificate.not_before)
        findings.append(Finding("certificate_begins", State.CRITICAL, f"the certificate is valid only from {on} on",
                                object=where, remedy=REMEDY))
    return findings


def names(certificate: Certificate, wanted: str, where: str) -> Finding:
    """Whether clients that ask for this name accept it; the common name alone counts for none of them."""
    if certificate.covers(wanted):
        return Finding("certificate_names", State.OK, f"the certificate is for {wanted}", object=where)
    known = ", ".join(certificate.names[:10]) or "no name at all"
    return Finding("certificate_names", State.CRITICAL, object=where, remedy=REMEDY,
                   message=f"the certificate is not for {wanted} but for {_plain(known)}")


def trusted(fault: str, where: str) -> Finding:
    """``fault`` is what verification said; empty when the chain ends at a trusted authority."""
    if not fault:
        return Finding("certificate_trusted", State.OK, "the chain ends at a trusted authority", object=where)
    return Finding("certificate_trusted", State.CRITICAL, f"the certificate is not trusted: {fault}", object=where,
                   remedy=REMEDY)


def same(served: Certificate, stored: Certificate, where: str, path: str) -> Finding:
    """Whether the server uses the file as it is now: a renewal that was never loaded expires all the same."""
    if served.fingerprint == stored.fingerprint:
        return Finding("certificate_served", State.OK, f"serves the certificate of {path}", object=where)
    age = "newer" if stored.not_after > served.not_after else "other"
    return Finding("certificate_served", State.WARNING, object=where, remedy=REMEDY,
                   message=f"serves certificate {served.serial[:16]}, while {path} holds the {age} one"
                   f" {stored.serial[:16]}: the server did not load it")


def numbers(certificate: Certificate, now: float, where: str) -> dict[str, Number]:
    return {metric("certificate_days", object=where): round((certificate.not_after - now) / DAY, 4)}


def unreadable(path: str, fault: str, state: State) -> Finding:
    return Finding("certificate_file", state, f"{path}: {fault}", object=path)


def _date(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)
