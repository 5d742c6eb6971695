# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Judge the dumps of a backup folder (pure)."""

from __future__ import annotations

import typing as t

from .._core.limits import counted, duration, size
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Inspection, Number, State
from .dumps import Dump

REMEDY = "vendhub.ops.backup"
GROWING_SECONDS = 60  # a file without proof that changed within this time is still being written
AHEAD_SECONDS = 300  # clocks may differ by this much
SHRUNK = 0.5
WORLD = 0o004
ROWS = 10


def judge(folder: str, dumps: t.Iterable[Dump], now: float, thresholds: Thresholds) -> Inspection:
    """Age of the newest verified dump, state of the newest file, and who may read them."""
    known = sorted((dump for dump in dumps if dump.verified or now - dump.modified >= GROWING_SECONDS
                    or dump.modified > now + AHEAD_SECONDS), key=lambda dump: -dump.modified)
    whole = [dump for dump in known if not _fault(dump, now)]
    verified = [dump for dump in whole if dump.verified]
    metrics: dict[str, Number] = {"backup_count": len(whole), "backup_verified_count": len(verified)}
    findings = [*_age(folder, whole, verified, now, thresholds), *_newest(known, verified, now), *_private(known)]
    if whole:
        best = (verified or whole)[0]
        metrics["backup_age_seconds"] = max(0, round(now - best.modified))
        metrics["backup_newest_bytes"] = best.size
    return Inspection(tuple(findings), metrics)


def _age(folder: str, whole: t.Sequence[Dump], verified: t.Sequence[Dump], now: float, thresholds: Thresholds) \
        -> t.Iterator[Finding]:
    if not whole:
        yield Finding("backup_age_hours", State.CRITICAL, f"there is no usable dump in {folder}", remedy=REMEDY)
        return
    best = (verified or whole)[0]
    age = max(0.0, now - best.modified)
    kind = "verified dump" if verified else "dump (none is verified)"
    yield thresholds.judge("backup_age_hours", age / 3600,
                           f"the newest {kind} is {_plain(best.name)}, {duration(age)} old, {size(best.size)}")
    if verified:
        yield Finding("backup_verified", State.OK, f"{len(verified)} of {len(whole)} dumps are verified")
        return
    doubt = f"; {_plain(best.name)} {best.doubt}" if best.doubt else ""
    yield Finding("backup_verified", State.WARNING, remedy=REMEDY,
                  message=f"{counted(len(whole), 'dump')}, none proved to be restorable{doubt}")


def _newest(known: t.Sequence[Dump], verified: t.Sequence[Dump], now: float) -> t.Iterator[Finding]:
    if not known:
        return
    newest = known[0]
    words = _fault(newest, now) or newest.doubt
    alike = next((dump for dump in verified if _kind(dump) == _kind(newest)), newest)
    if not words and newest.size < SHRUNK * alike.size:
        words = f"has {size(newest.size)}, less than half of the newest verified one ({size(alike.size)})"
    state, message = (State.WARNING, f"the newest file {_plain(newest.name)} is no good backup: it {words}") \
        if words else (State.OK, f"the newest file {_plain(newest.name)} looks whole")
    yield Finding("backup_newest", state, message, object=_plain(newest.name), remedy=REMEDY if words else "")


def _private(known: t.Sequence[Dump]) -> t.Iterator[Finding]:
    if not known:
        return
    open_ones = [dump for dump in known if dump.mode & WORLD]
    if not open_ones:
        yield Finding("backup_private", State.OK, "no dump can be read by every user of the host")
        return
    yield Finding("backup_private", State.WARNING, value=len(open_ones), unit="files",
                  message=f"{len(open_ones)} dumps can be read by every user of the host: take that right away"
                  " (chmod o-rwx)",
                  details=tuple({"name": _plain(dump.name), "mode": f"{dump.mode:04o}"} for dump in open_ones[:ROWS]))


def _fault(dump: Dump, now: float) -> str:
    """A dump from the future would stay fresh for ever."""
    return "has a date in the future" if dump.modified > now + AHEAD_SECONDS else dump.fault


def _kind(dump: Dump) -> str:
    """A compressed dump is rightly smaller than a plain one."""
    return dump.name.rpartition(".")[2]


def _plain(name: str) -> str:
    text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(sign if sign.isprintable() else "?" for sign in text)
