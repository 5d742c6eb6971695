# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Why an app crashes, from the last lines it wrote (pure).

The reasons are the ones somebody can do something about; whatever none of them explains is unknown.
"""

from __future__ import annotations

import re
import typing as t

MISSING_VARIABLE = "missing_variable"
PORT_IN_USE = "port_in_use"
OUT_OF_MEMORY = "out_of_memory"
DEPENDENCY_DOWN = "dependency_down"
BROKEN_CODE = "broken_code"
DISK_FULL = "disk_full"
MEMORY_LIMIT = "memory_limit"  # PM2's own limit; its log tells, not the app's
UNKNOWN = "unknown"

# In one line the first of these counts; among the lines the newest that tells anything.
_SIGNS: tuple[tuple[str, str], ...] = (
    (DISK_FULL, r"\bENOSPC\b|no space left on device"),
    (PORT_IN_USE, r"\bEADDRINUSE\b|address already in use"),
    (OUT_OF_MEMORY, r"heap out of memory|Reached heap limit|\bERR_WORKER_OUT_OF_MEMORY\b|Cannot allocate memory"),
    (BROKEN_CODE, r"\bSyntaxError\b|Cannot find (?:module|package)|\bERR_MODULE_NOT_FOUND\b|\bMODULE_NOT_FOUND\b"
                  r"|\bERR_REQUIRE_ESM\b|does not provide an export named"),
    (MISSING_VARIABLE, r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b['\"]?\W{0,3}(?:is |are )?"
                       r"(?i:missing|required|undefined|not set|not defined|must be set|does not exist)"
                       r"|(?i:missing|required|undefined|not set|not defined|must set|unset)\W{0,3}"
                       r"(?i:the |environment |env |config(?:uration)? |variables? |key ){1,4}"
                       r"|(?i:environment variables?|env vars?|configuration key)\W.{0,80}"
                       r"(?i:missing|required|undefined|not set|not defined|must be set|does not exist)"),
    (DEPENDENCY_DOWN, r"\bECONNREFUSED\b|\bETIMEDOUT\b|\bEHOSTUNREACH\b|\bENOTFOUND\b|Unable to connect to the database"
                      r"|the database system is|too many clients|Connection terminated|MaxRetriesPerRequestError"),
)
_PATTERNS = tuple((reason, re.compile(pattern)) for reason, pattern in _SIGNS)
LONGEST_LINE = 4000


def reason(lines: t.Sequence[str]) -> tuple[str, str]:
    """The reason and the line that tells it: the newest line that tells any. Give only lines since the last start."""
    for line in reversed(lines):
        for kind, pattern in _PATTERNS:
            if pattern.search(line[:LONGEST_LINE]):
                return kind, line[:LONGEST_LINE].strip()
    return UNKNOWN, ""
