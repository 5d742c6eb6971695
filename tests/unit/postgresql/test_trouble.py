# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import CannotLook, OpsError, ServiceDown
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.trouble import Exhausted, explain

AT = 'connection to server at "127.0.0.1", port 5432 failed: '


@pytest.mark.parametrize(("text", "kind", "words"), [
    (AT + "FATAL:  sorry, too many clients already\n", Exhausted, "sorry, too many clients already"),
    (AT + "FATAL:  remaining connection slots are reserved for non-replication superuser connections", Exhausted,
     "remaining connection slots are reserved for"),
    (AT + 'FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute', Exhausted,
     "remaining connection slots are reserved for"),
    (AT + 'FATAL:  too many connections for role "app"', Exhausted, "too many connections for role"),
    (AT + "FATAL:  the database system is starting up", ServiceDown, "starting up"),
    (AT + "FATAL:  the database system is shutting down", ServiceDown, "shutting down"),
    (AT + "FATAL:  the database system is in recovery mode", ServiceDown, "recovers after a crash"),
    (AT + "FATAL:  the database system is not yet accepting connections\nDETAIL:  Consistent recovery state has not",
     ServiceDown, "standby that takes no logins"),
    ("ERROR:  canceling statement due to conflict with recovery", ServiceDown, "recovery conflict"),
    ("terminating connection due to conflict with recovery", ServiceDown, "recovery conflict"),
    ("ERROR:  canceling statement due to statement timeout", ServiceDown, "too slow"),
    ("FATAL:  terminating connection due to administrator command\nserver closed the connection unexpectedly",
     ServiceDown, "ended by an administrator"),
    (AT + 'FATAL:  database "shop" does not exist', ServiceDown, "no database 'shop'"),
    (AT + 'FATAL:  password authentication failed for user "app"', CannotLook, "login of 'app' was refused"),
    (AT + 'FATAL:  Peer authentication failed for user "app"', CannotLook, "login of 'app' was refused"),
    (AT + 'FATAL:  role "app" does not exist', CannotLook, "login of 'app' was refused"),
    (AT + 'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "app", database "shop"', CannotLook, "pg_hba.conf"),
    (AT + "fe_sendauth: no password supplied", CannotLook, "none was given"),
    (AT + "Connection refused\n\tIs the server running on that host?", ServiceDown, "nothing listens there"),
    ('could not translate host name "nix" to address: Name or service not known', CannotLook, "cannot be resolved"),
    ("received invalid response to SSL negotiation: H", ServiceDown, "does not speak the protocol"),
    ("expected authentication request from server, but received H", ServiceDown, "does not speak the protocol"),
    ("server closed the connection unexpectedly", ServiceDown, "closed the connection"),
    ("server does not support SSL, but SSL was required", CannotLook, "sslmode"),
    ("SSL error: certificate verify failed", CannotLook, "not trusted"),
    ("something new\nwith a second line", ServiceDown, "something new"),
    ("", ServiceDown, "no reason was given"),
])
def test_an_error_is_told_in_words_that_help(text: str, kind: type[OpsError], words: str) -> None:
    error = explain(text, "app", "shop")
    assert isinstance(error, kind)
    assert words in str(error)
    assert "\n" not in str(error)


def test_a_secret_in_an_error_does_not_get_out() -> None:
    text = "cannot reach postgresql://app:hunter2@db/shop password=hunter2"
    assert "hunter2" not in str(explain(text, "app", "shop"))
