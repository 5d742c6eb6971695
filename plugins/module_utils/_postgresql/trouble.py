# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What an error of the server or its library means, in words an operator understands."""

from __future__ import annotations

import re

from .._core.errors import ABSENT, EXHAUSTED, FOREIGN, SILENT, STARTING, CannotLook, OpsError, ServiceDown
from .._core.redact import redact


class Exhausted(ServiceDown):
    """There is no connection left to look through."""


_SLOW = "no answer in time: it is frozen, overloaded, or a firewall drops the packets"
_RUBBISH = "what answers there does not speak the protocol of PostgreSQL; look what really listens"

# a pattern in the error's text, what it is, its reason, what it means; the first that is found counts
_MEANINGS: tuple[tuple[str, type[OpsError], str, str], ...] = (
    ("too many clients already|remaining connection slots are reserved|too many connections for", Exhausted,
     EXHAUSTED, "every connection that {user!r} may use is taken ({said})"),
    ('database ".*" does not exist', ServiceDown, "",
     "there is no database {database!r} on this server: it was dropped or renamed, or the option database is wrong"),
    ("no password supplied", CannotLook, "",
     "it asks {user!r} for a password and none was given: set the option password, PGPASSWORD or ~/.pgpass"),
    ('role ".*" does not exist|authentication failed|no pg_hba.conf entry|pg_hba.conf rejects|permitted to log in'
     "|permission denied for database|SCRAM|SASL", CannotLook, "",
     "the login of {user!r} was refused ({said}): correct user and password, or allow the role in pg_hba.conf"),
    ("could not translate host name", CannotLook, "",
     "the name of its host cannot be resolved; correct host, or the name service of this host"),
    ("does not support SSL", CannotLook, "", "it does not speak TLS, but sslmode demands it"),
    ("certificate verify failed", CannotLook, "", "its certificate is not trusted; set ca_path"),
    ("root certificate file", CannotLook, "", "the file of trusted certificates is missing; set ca_path"),
    ("does not match host name", CannotLook, "", "its certificate is for another name; correct host or sslmode"),
    ("Connection refused", ServiceDown, ABSENT,
     "connection refused, nothing listens there; start PostgreSQL or correct the address"),
    ("No such file or directory", ServiceDown, ABSENT,
     "there is no socket of PostgreSQL in that folder; start it or correct host and port"),
    ("database system is starting up", ServiceDown, STARTING, "it is starting up and takes no logins yet"),
    ("database system is shutting down", ServiceDown, STARTING, "it is shutting down and takes no logins any more"),
    ("database system is in recovery mode", ServiceDown, STARTING,
     "it recovers after a crash and takes no logins yet: see its log"),
    ("database system is not", ServiceDown, STARTING, "it is a standby that takes no logins (yet): see its log"),
    ("conflict with recovery", ServiceDown, "",
     "the question was cancelled: it was in the way of replication (recovery conflict)"),
    ("statement timeout", ServiceDown, SILENT, "it was too slow: the question was cancelled by its statement_timeout"),
    ("lock timeout", ServiceDown, "", "somebody holds a lock on the system catalogs: see pg_locks"),
    ("due to administrator command", ServiceDown, STARTING,
     "the session was ended by an administrator or by a shutdown"),
    ("crash of another server process", ServiceDown, STARTING,
     "a server process crashed and all sessions were ended: see its log"),
    ("not currently accepting connections", ServiceDown, "",
     "this database takes no logins (ALLOW_CONNECTIONS is false)"),
    ("timeout expired|timed out", ServiceDown, SILENT, _SLOW),
    ("invalid response|expected authentication request|unexpected message|lost synchronization|invalid message length"
     "|message contents do not agree|unsupported frontend protocol|received invalid|message type 0x", ServiceDown,
     FOREIGN, _RUBBISH),
    ("server closed the connection unexpectedly", ServiceDown, FOREIGN,
     "it closed the connection unexpectedly: it crashed, or is no PostgreSQL; see its log"),
)


def explain(text: str, user: str, database: str) -> OpsError:
    """Turn the text of an error into what happened, why, and what to do; the password is never part of it."""
    said = _said(text)
    for pattern, kind, reason, words in _MEANINGS:
        if re.search(pattern, text):
            return kind(words.format(user=user, database=database, said=said), reason)
    return ServiceDown(f"the connection failed: {said or 'no reason was given'}")


def slow(timeout_seconds: float) -> ServiceDown:
    """The time is over and nothing came."""
    return ServiceDown(_SLOW.replace("in time", f"within {timeout_seconds:g} s"), SILENT)


def rubbish() -> ServiceDown:
    """What answers is no PostgreSQL."""
    return ServiceDown(_RUBBISH, FOREIGN)


def _said(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    return redact(re.sub(r"^.*?(?:FATAL|ERROR|PANIC):\s*", "", first))[:200]
