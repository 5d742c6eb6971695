# SPDX-License-Identifier: GPL-3.0-or-later
"""A planted problem: a report that locks a row and forgets its transaction, and a session that waits for it."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import psycopg2

from .place import DATABASE, Place
from .stack import ports


def main() -> None:
    """Hold the lock until somebody ends the session or the server."""
    place = Place(Path(sys.argv[1]))
    login: dict[str, t.Any] = {"host": ports.HOST, "port": place.port["postgresql"], "dbname": DATABASE,
                               "user": "vendhub", "password": place.secret["vendhub"]}
    try:
        holder = psycopg2.connect(**login, application_name="nightly-report")
        holder.cursor().execute("SELECT * FROM demo_reports WHERE id = 1 FOR UPDATE")
        waiter = psycopg2.connect(**login, application_name="vendhub-export")
        waiter.cursor().execute("UPDATE demo_reports SET note = 'waiting' WHERE id = 1")
    except psycopg2.OperationalError as exc:
        print(f"let go: {exc}".strip())


if __name__ == "__main__":
    main()
