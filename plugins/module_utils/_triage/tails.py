# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Read what each app under PM2 wrote since its last start, and what PM2's own log says of its exits."""

from __future__ import annotations

import os
import time
import typing as t

from .._core.errors import OpsError, ServiceDown
from .._core.redact import redact
from .._pm2 import client, home as pm2_home, journal, owner
from .._pm2.apps import Process, by_name
from .._pm2.own_file import opened
from . import crash

TAIL_BYTES = 65536
LINES = 80
RECENT_EXIT_SECONDS = 3600.0


def crashes(home: str, timeout_seconds: float) -> dict[str, dict[str, t.Any]]:
    """Why each app crashes, by name: ``reason``, the redacted ``line`` that tells it, and unasked ``exits`` in an hour.

    A daemon that does not run or answer lists no app, so nothing is known of any.
    """
    try:
        processes = client.listing(home, timeout_seconds).processes
    except ServiceDown:
        return {}
    now = time.time()
    exits = [one for one in _exits(home) if now - one.at <= RECENT_EXIT_SECONDS]
    found = {}
    for app, rows in by_name(processes).items():
        own = [one for one in exits if one.app == app]
        reason, line = _reason(rows, own)
        if reason == crash.UNKNOWN and own and rows[0].script:
            reason, line = _parsed(home, rows[0].script, timeout_seconds)
        found[app] = {"reason": reason, "line": redact(line), "exits": len(own),
                      "limit_bytes": rows[0].max_memory_restart or None}
    return found


def _reason(rows: t.Sequence[Process], exits: t.Sequence[journal.Exit]) -> tuple[str, str]:
    for row in rows:
        for path in (row.err_log, row.out_log, row.combined_log):
            reason, line = crash.reason(_lines(path, row.pm_uptime / 1000))
            if reason != crash.UNKNOWN:
                return reason, line
    if exits and exits[-1].why == "memory limit":
        return crash.MEMORY_LIMIT, "PM2 restarted it because it exceeds max_memory_restart"
    return crash.UNKNOWN, ""


def _parsed(home: str, script: str, timeout_seconds: float) -> tuple[str, str]:
    """Whether Node.js can read the script; it is not run. In cluster mode PM2 loses what a syntax error prints."""
    try:
        hand = owner.hand(owner.owner_of(home, None), home, None, None, timeout_seconds)
        said = hand.run([hand.node, "--check", script])
    except OpsError:
        return crash.UNKNOWN, ""
    return crash.reason(said.err.decode("utf-8", "replace").splitlines()) if said.code else (crash.UNKNOWN, "")


def _lines(path: str, since: float) -> list[str]:
    """The last lines of a log that was written to since then; what is older tells of something else."""
    try:
        with opened(path) as file:
            status = os.fstat(file.fileno())
            if status.st_mtime < since - 1:
                return []
            file.seek(max(0, status.st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()[-LINES:]
    except OSError:
        return []


def _exits(home: str) -> tuple[journal.Exit, ...]:
    try:
        return journal.exits(pm2_home.journal(home), journal.local_epoch)
    except OSError:
        return ()
