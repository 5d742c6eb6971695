# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Ask PostgreSQL, read-only and within a time that also holds when the server never answers."""

from __future__ import annotations

import json
import math
import select
import time
import typing as t

from .._core.errors import CannotLook
from .._core.libs import need
from .._core.unseen import Unseen
from . import queries
from .connection import Address
from .facts import Facts, Row, sessions_hidden, statements_missing, texts_hidden
from .trouble import explain, rubbish, slow

APPLICATION = "vendhub-ops"

# psycopg2.extensions.POLL_OK and POLL_WRITE
_POLL_OK, _POLL_WRITE = 0, 2


def ask(address: Address, statements: bool, min_calls: int, clock: t.Callable[[], float] = time.monotonic) -> Facts:
    """Everything there is to know, in one question, or two when statements are to be looked at.

    ServiceDown when the server does not work, CannotLook when it does not let us look.
    """
    with Client(address, clock) as client:
        if client.version < queries.MIN_VERSION:
            raise CannotLook(f"it is PostgreSQL {client.version // 10000}; this check knows 13 and newer")
        overview = client.ask(queries.overview(client.version))
        unseen: list[Unseen] = []
        slowest = None
        if statements:
            slowest = _statements(client, overview.get("statements"), address.database, min_calls, unseen)
        facts = Facts(client.version, overview, slowest)
        if facts.hidden:
            unseen.insert(0, sessions_hidden(facts.hidden))
        return Facts(client.version, overview, slowest, tuple(unseen))


class Client:
    """One read-only session that knows when its time is over.

    The connection is asynchronous: libpq's own waits have no limit, and a frozen server obeys no statement_timeout.
    """

    def __init__(self, address: Address, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._clock = clock
        self._ends = clock() + address.timeout_seconds
        self._psycopg2 = need("psycopg2")
        self._connection: t.Any = None

    def __enter__(self) -> Client:
        milliseconds = max(1, math.floor(self._address.timeout_seconds * 900))
        settings = {"default_transaction_read_only": "on", "statement_timeout": milliseconds,
                    "lock_timeout": milliseconds, "client_encoding": "UTF8", "jit": "off",
                    "max_parallel_workers_per_gather": 0}
        try:
            self._connection = self._psycopg2.connect(
                host=self._address.host, port=self._address.port, user=self._address.user,
                dbname=self._address.database, password=self._address.password or None, sslmode=self._address.sslmode,
                sslrootcert=self._address.ca_path, gssencmode="disable", application_name=APPLICATION,
                options=" ".join(f"-c {name}={value}" for name, value in settings.items()), async_=True)
            self._wait()
        except BaseException as exc:
            self.__exit__()
            raise self._explained(exc) from exc
        return self

    def __exit__(self, *dummy: object) -> None:
        if self._connection is not None:
            self._connection.close()

    @property
    def version(self) -> int:
        """The server's version as a number: 150018 is 15.18."""
        return int(self._connection.server_version)

    def ask(self, sql: str, values: t.Optional[t.Mapping[str, t.Any]] = None) -> Row:
        """The JSON object of a statement that answers with one."""
        try:
            cursor = self._connection.cursor()
            cursor.execute(sql, values)
            self._wait()
            answer: Row = json.loads(bytes(cursor.fetchone()[0]).decode("utf-8", "replace"))
        except self._psycopg2.Error as exc:
            # class 42: does not exist or is not allowed; 55000: a library is not loaded
            if exc.pgcode == "55000" or (exc.pgcode or "").startswith("42"):
                raise Missing(exc.pgcode, self._address.user) from exc
            raise self._explained(exc) from exc
        return answer

    def _wait(self) -> None:
        while True:
            state = self._connection.poll()
            if state == _POLL_OK:
                return
            waiter = select.poll()
            waiter.register(self._connection.fileno(), select.POLLOUT if state == _POLL_WRITE else select.POLLIN)
            left = self._ends - self._clock()
            if left <= 0 or not waiter.poll(left * 1000):
                raise slow(self._address.timeout_seconds)

    def _explained(self, exc: BaseException) -> BaseException:
        if isinstance(exc, self._psycopg2.Error):
            return explain(str(exc), self._address.user, self._address.database)
        if isinstance(exc, (UnicodeDecodeError, SystemError)):  # the library reads an error message that is no text
            return rubbish()
        return exc


class Missing(CannotLook):
    """What was asked for does not exist or is not allowed; ``sqlstate`` says which."""

    def __init__(self, sqlstate: str, user: str) -> None:
        super().__init__(f"{user!r} may not ask, or the server does not know, what this check asks (SQLSTATE "
                         f"{sqlstate}); GRANT pg_monitor TO <role>, and see the server's log")
        self.sqlstate = sqlstate


def _statements(client: Client, extension: t.Optional[Row], database: str, min_calls: int,
                unseen: list[Unseen]) -> t.Optional[Row]:
    if not extension:
        unseen.append(statements_missing("absent", database))
        return None
    try:
        slowest = client.ask(queries.statements(extension["version"], extension["schema"]), {"calls": min_calls})
    except Missing as exc:
        reason = {"55000": "not preloaded", "42501": "denied"}.get(exc.sqlstate, "odd")
        unseen.append(statements_missing(reason, database))
        return None
    if slowest["hidden"]:
        unseen.append(texts_hidden(slowest["hidden"]))
    return slowest
