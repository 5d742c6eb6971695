# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What the programs of PostgreSQL and age complain about, in words an operator understands (pure)."""

from __future__ import annotations

import re

from .._core.redact import redact

# what stands in the text, and what it means; the first that is found counts
_MEANINGS: tuple[tuple[str, str], ...] = (
    (r"No space left on device|could not extend file|Disk quota exceeded",
     "the disk is full ({said}); free some space"),
    (r"aborting because of server version mismatch", "the program is older than the server ({said})"),
    (r"terminating connection due to administrator command|server closed the connection unexpectedly"
     r"|the database system is (?:shutting down|starting up|in recovery)|connection to server was lost"
     r"|no connection to the server|terminating connection because of crash|Connection refused",
     "the server went away in the middle: it was restarted, stopped or crashed; see its log, and try again"),
    (r"lock timeout|due to statement timeout|could not obtain lock",
     "somebody holds a lock on a table for too long: see pg_locks, or raise "
     "lock_wait_seconds"),
    (r"permission denied for (?:table|schema|sequence|view|large object|function|relation)",
     "the role may not read everything ({said}); log in as the owner of all tables or a superuser, or GRANT "
     "pg_read_all_data TO <role>"),
    (r"permission denied to create (?:extension|database)|must be (?:superuser|owner)", "the role may not do that "
     "({said}); log in as a superuser"),
    (r"query would be affected by row-level security", "row-level security hides rows from the role; log in as a "
     "superuser, or as a role with BYPASSRLS"),
    (r"invalid snapshot identifier|could not import the requested snapshot",
     "the session that keeps the moment of the backup was ended; see the server's log, and try again"),
    (r"could not read from input file|unexpected end of file|input file is too short|unexpected EOF"
     r"|found unexpected block ID|could not find block", "it is cut off or damaged ({said})"),
    (r"did not find magic string|does not appear to be a valid archive|corrupt|could not uncompress"
     r"|incorrect data check|invalid (?:block|distance|stored|code|literal|bit)|unrecognized data block type|bogus"
     r"|unsupported version|incorrect header check"
     r"|failed to decrypt|authentication failed after|malformed", "it is damaged ({said})"),
    (r"no identity matched|incorrect identity|identity file|no identities", "the identity does not open it ({said}); "
     "give the file of the key that it was encrypted for"),
    (r'role "[^"]*" does not exist', "a role it needs is missing ({said}); make it first"),
    (r"extension \"[^\"]*\" is not available|could not open extension control file",
     "an extension it needs is not installed on the server ({said})"),
    (r"File too large", "a limit for the size of files is reached (ulimit -f)"),
)


def explain(text: str) -> str:
    """Why a program failed: what it said, what that means, and what to do."""
    said = _said(text)
    for pattern, words in _MEANINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return words.format(said=said)
    return said or "it gave no reason"


def _said(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error:|ERROR:|FATAL:|fatal:", line)]
    first = (errors or lines or [""])[0]
    first = re.sub(r"^[\w/.-]*(?:pg_dump|pg_restore|psql|age|initdb|postgres|pg_ctl):(?:\S+:\d+:)?\s*", "", first)
    first = re.sub(r"^(?:error:\s*|detail:\s*)+", "", first)
    return redact(re.sub(r"^.*?(?:FATAL|ERROR):\s*", "", first))[:200]
