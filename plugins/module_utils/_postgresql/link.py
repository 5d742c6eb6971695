# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""A session for work in many small steps, also on a server that is full: every step has its own time."""

from __future__ import annotations

import contextlib
import os
import pwd
import time
import typing as t

from .._core.errors import CannotLook
from . import queries
from .client import Client, Missing
from .connection import Address
from .facts import Row
from .trouble import Exhausted

_RETRY_SECONDS = 0.1


class Link(Client):
    """A session that lasts as long as the work; the time limit is that of each question."""

    def __init__(self, address: Address, system_user: t.Optional[str] = None) -> None:
        super().__init__(address)
        self.address = address
        self.system_user = system_user

    def __enter__(self) -> Link:
        with _login_as(self.system_user):
            super().__enter__()
        return self

    def ask(self, sql: str, values: t.Optional[t.Mapping[str, t.Any]] = None) -> Row:
        """The JSON object of a statement that answers with one."""
        self._ends = self._clock() + self.address.timeout_seconds
        return super().ask(sql, values)

    def tell(self, sql: str) -> None:
        """Run a statement that answers with nothing."""
        self._ends = self._clock() + self.address.timeout_seconds
        try:
            cursor = self._connection.cursor()  # the library lets go of one that nobody holds
            cursor.execute(sql)
            self._wait()
        except self._psycopg2.Error as exc:
            if exc.pgcode == "42501":
                raise Missing(exc.pgcode, self.address.user) from exc
            raise self._explained(exc) from exc


@contextlib.contextmanager
def linked(address: Address, wait_seconds: float, system_user: t.Optional[str] = None) -> t.Iterator[Link]:
    """A session of ours; on a full server the login is tried until the time is over.

    A superuser, and since PostgreSQL 16 a member of pg_use_reserved_connections, gets one of the reserved connections.
    """
    ends = time.monotonic() + wait_seconds
    while True:
        link = Link(address, system_user)
        try:
            link.__enter__()
            break
        except Exhausted as exc:
            if time.monotonic() + _RETRY_SECONDS > ends:
                raise Exhausted(f"{exc}; log in as a superuser (or, since PostgreSQL 16, as a member of "
                                "pg_use_reserved_connections), for whom connections are kept free",
                                exc.reason) from exc
            time.sleep(_RETRY_SECONDS)
    try:
        if link.version < queries.MIN_VERSION:
            raise CannotLook(f"it is PostgreSQL {link.version // 10000}; only 13 and newer are known here")
        yield link
    finally:
        link.__exit__()


@contextlib.contextmanager
def _login_as(system_user: t.Optional[str]) -> t.Iterator[None]:
    """Be this user of the system for the moment of the login: through a socket the server asks the kernel who it is."""
    if not system_user:
        yield
        return
    try:
        entry = pwd.getpwnam(system_user)
    except KeyError:
        raise CannotLook(f"this host has no user {system_user!r}; correct system_user") from None
    if entry.pw_uid == os.geteuid():
        yield
        return
    if os.geteuid() != 0:
        raise CannotLook(f"only root can log in as the system's user {system_user!r}; become root")
    group = os.getegid()
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
