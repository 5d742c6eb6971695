# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Look at a database for its backup: what it is, and how many rows each table has at one moment."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from .._core.errors import OpsError, ServiceDown
from .._postgresql.client import Missing
from .._postgresql.connection import Address
from .._postgresql.link import Link, linked
from . import queries
from .archive_parse import Table

_NAMES = ("name", "migration_name", "version", "id")  # of TypeORM, Knex and Sequelize, Prisma, others


@dataclasses.dataclass(frozen=True)
class Database:
    """What a database is like."""

    version: int
    version_text: str
    size: int
    standby: bool
    locale: t.Mapping[str, str]
    estimates: t.Mapping[Table, int]
    migration: str

    @property
    def major(self) -> int:
        return self.version // 10000


def look(link: Link, migrations_table: str) -> Database:
    """Ask everything that is quick."""
    row = link.ask(queries.database(link.version))
    return Database(link.version, row["version"], row["bytes"], row["standby"], row["locale"],
                    {(schema, table): rows for schema, table, rows in row["tables"] or []},
                    migration(link, migrations_table))


def migration(link: Link, table: str) -> str:
    """The newest migration that was carried out; empty when there is no such table."""
    if not table or not link.ask(queries.has_table(table))["there"]:
        return ""
    try:
        row = link.ask(queries.last_migration(table))["row"] or {}
    except Missing as exc:
        if exc.sqlstate == "42501":
            return ""  # pg_dump says it better
        raise
    return next((str(row[name]) for name in _NAMES if row.get(name)), "")


def count(link: Link, tables: t.Iterable[Table]) -> dict[Table, int]:
    """The exact rows of these tables."""
    counted = {}
    for schema, table in tables:
        try:
            counted[schema, table] = int(link.ask(queries.count(schema, table))["rows"])
        except Missing as exc:
            raise OpsError(f"{link.address.user!r} may not read the table {schema}.{table} (SQLSTATE "
                           f"{exc.sqlstate}); log in as the owner of all tables or a superuser, or GRANT "
                           "pg_read_all_data TO <role>") from exc
    return counted


class Moment(t.NamedTuple):
    """A moment of a database that stays visible as long as the session."""

    link: Link
    snapshot: str
    database: Database


@contextlib.contextmanager
def moment(address: Address, seconds: float, migrations_table: str) -> t.Iterator[Moment]:
    """Hold one moment of the database; pg_dump and the counts then speak of the same rows."""
    with linked(dataclasses.replace(address, timeout_seconds=seconds), 0) as link:
        # a server may end sessions that do nothing within a transaction; this one waits for pg_dump
        link.tell("SET idle_in_transaction_session_timeout = 0")
        if link.version >= 170000:
            link.tell("SET transaction_timeout = 0")
        link.tell("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = str(link.ask(queries.SNAPSHOT)["snapshot"])
        try:
            yield Moment(link, snapshot, look(link, migrations_table))
        except ServiceDown as exc:
            raise OpsError(f"the session that keeps the moment of the backup failed: {exc}", exc.reason) from exc


def reachable(address: Address, migrations_table: str) -> Database:
    """A quick look, within the time for one answer; says in words when the login does not work."""
    with linked(address, 0) as link:
        return look(link, migrations_table)
