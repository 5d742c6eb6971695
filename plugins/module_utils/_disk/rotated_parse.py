# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Tell a rotated log from one that is written to, by its name (pure)."""

from __future__ import annotations

import re
import typing as t

_PACKED = r"(?:\.(?:gz|xz|zst|bz2))?"
_GENERATIONS = (
    # pm2-logrotate: api-out__2026-11-01_00-00-00.log.gz
    re.compile(r"(?P<log>.+?)__\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.log" + _PACKED, re.S),
    # winston-daily-rotate-file: application-2026-11-01.log.1.gz
    re.compile(r"(?P<log>.+?)[-.]\d{4}-?\d\d-?\d\d\.log(?:\.\d{1,4})?" + _PACKED, re.S),
    # logrotate: api-out.log.1, api-out.log.2.gz, error.log-20261101.gz, error.log-20261101-1700000000
    re.compile(r"(?P<log>.+\.(?:log|out|err))(?:\.\d{1,4}|[.-]\d{8}(?:-\d{1,10})?|\.old)" + _PACKED, re.S),
)
_LIVE = (".log", ".out", ".err")


def log_of(name: str) -> t.Optional[str]:
    """Which log this file is an old generation of; None when it is none."""
    for pattern in _GENERATIONS:
        found = pattern.fullmatch(name)
        if found:
            return found["log"]
    return None


def is_live(name: str) -> bool:
    """Whether this is the name of a log that is written to, or was."""
    return name.endswith(_LIVE) and log_of(name) is None


def is_log(name: str) -> bool:
    """Whether this is a log of any generation."""
    return name.endswith(_LIVE) or log_of(name) is not None
