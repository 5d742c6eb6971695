# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with thirty connections, and a crowd that takes 27 of them in every state."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
import typing as t

import psycopg2
import psycopg2.extensions
import pytest

from demo.stack.postgresql import Cluster
from tests.integration.app.conftest import release

__all__ = ["release"]  # the sample API, built

Connection = psycopg2.extensions.connection
PASSWORD = "canary-9e2b41"
SMALL: dict[str, t.Any] = {"max_connections": 30, "superuser_reserved_connections": 3, "wal_level": "logical",
                           "max_wal_senders": 4, "track_activity_query_size": 4096}


def until(ready: t.Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


def prepare(server: Cluster) -> None:
    """The application's database and role, another role, an operator, and somebody with no rights."""
    for role, words in (("vendhub", ""), ("reports", ""), ("nobody", ""),
                        ("operator", "IN ROLE pg_monitor, pg_signal_backend"), ("standby", "REPLICATION")):
        server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' {words}")
    server.execute("CREATE DATABASE vendhub_prod OWNER vendhub")
    server.execute("CREATE TABLE machines (id int PRIMARY KEY, name text);"
                   "INSERT INTO machines VALUES (1, 'a'), (2, 'b'); GRANT ALL ON machines TO vendhub, reports",
                   database="vendhub_prod")


@pytest.fixture(params=["15", "16", "18"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclasses.dataclass
class Crowd:
    """Sessions by what they are; the oldest of a kind first."""

    server: Cluster
    opened: contextlib.ExitStack
    pids: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    connections: dict[int, Connection] = dataclasses.field(default_factory=dict)

    def join(self, kind: str, user: str = "vendhub", database: str = "vendhub_prod", application: str = "vendhub-api",
             **options: t.Any) -> Connection:
        """One more session."""
        password = self.server.password if user == self.server.superuser else PASSWORD
        connection = self.server.connect(database, user, password, application_name=application, **options)
        self.opened.callback(connection.close)
        pid = connection.info.backend_pid
        self.pids.setdefault(kind, []).append(pid)
        self.connections[pid] = connection
        return connection

    def transaction(self, kind: str, *statements: str, **who: t.Any) -> Connection:
        """One more session, idle in a transaction."""
        connection = self.join(kind, **who)
        connection.autocommit = False
        with connection.cursor() as cursor:
            for statement in statements or ("SELECT 1",):
                cursor.execute(statement)
        return connection

    def busy(self, kind: str, statement: str = "SELECT pg_sleep(120)", **who: t.Any) -> None:
        """One more session that waits for its statement, in a thread of its own."""
        connection = self.join(kind, **who)
        thread = threading.Thread(target=_run, args=(connection, statement), daemon=True)
        thread.start()
        self.opened.callback(thread.join, 10)
        self.opened.callback(self.server.execute, "SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        until(lambda: self.state(connection.info.backend_pid) == "active")

    def state(self, pid: int) -> str | None:
        """What PostgreSQL says it does; nothing when it is gone."""
        rows = self.server.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [pid])
        return rows[0][0] if rows else None

    def alive(self) -> set[int]:
        """Who of the crowd is still there."""
        rows = self.server.execute("SELECT pid FROM pg_stat_activity")
        return {pid for (pid,) in rows} & {pid for pids in self.pids.values() for pid in pids}

    def all(self) -> set[int]:
        """Everybody that ever joined."""
        return {pid for pids in self.pids.values() for pid in pids}


def _run(connection: Connection, statement: str) -> None:
    with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
        cursor.execute(statement)


@contextlib.contextmanager
def crowd(server: Cluster) -> t.Iterator[Crowd]:
    with contextlib.ExitStack() as opened:
        yield Crowd(server, opened)


def everybody(guests: Crowd) -> None:
    """27 sessions: idle, idle in transaction, aborted, active, blocked, blocking, superuser, dump, other roles; and a
    replica beside them."""
    for dummy in range(8):
        guests.join("idle")
    for dummy in range(4):
        guests.transaction("in transaction")
    for dummy in range(2):
        connection = guests.join("aborted")
        connection.autocommit = False
        with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    guests.transaction("blocking", "UPDATE machines SET name = 'secret-literal' WHERE id = 1")
    for dummy in range(2):
        guests.busy("blocked", "UPDATE machines SET name = 'other-literal' WHERE id = 1")
    for dummy in range(2):
        guests.busy("active")
    guests.join("superuser", user="postgres")
    guests.transaction("superuser", user="postgres")
    guests.join("dump", application="pg_dump")
    guests.transaction("dump", application="pg_dump")
    for dummy in range(2):
        guests.join("other role", user="reports", application="metabase")
    guests.join("other database", database="postgres")
    guests.transaction("other database", database="postgres")
    guests.join("replication", user="standby", application="replica", replication="database")
