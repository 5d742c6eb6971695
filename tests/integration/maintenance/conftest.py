# SPDX-License-Identifier: GPL-3.0-or-later
"""A database with tables of TypeORM's kind of names, whose indexes are mostly air."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
import typing as t
from pathlib import Path

import psycopg2
import pytest

from demo.stack.postgresql import Cluster
from tests.modules import call

SETTINGS: dict[str, t.Any] = {"autovacuum": False, "max_prepared_transactions": 4, "log_lock_waits": True,
                              "deadlock_timeout": "200ms"}
DATABASE = "vendhub_prod"
PASSWORD = "canary-6d01e7"
HASTY: dict[str, t.Any] = {"retry_pause_seconds": 0.2, "patience_seconds": 0.5}
TABLE = 'public."MachineTasks"'
NAMES = 'public."IX_tasks_name"'


def until(ready: t.Callable[[], t.Any], seconds: float = 15) -> None:
    ends = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(params=["15", "16", "18"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclasses.dataclass
class Site:
    """A cluster, the folder of our state, and what is asked of both."""

    cluster: Cluster
    state: Path

    def sql(self, statement: str, values: t.Any = None) -> list[tuple[t.Any, ...]]:
        return self.cluster.execute(statement, values, database=DATABASE)

    def module(self, work: str, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return call("postgresql_maintenance", check_mode=check_mode, work=work, **{**self.options, **HASTY, **options})

    def info(self, **options: t.Any) -> dict[str, t.Any]:
        return call("postgresql_maintenance_info", **{**self.options, **options})

    @property
    def options(self) -> dict[str, t.Any]:
        return {"host": self.cluster.host, "port": self.cluster.port, "user": "postgres",
                "password": self.cluster.password, "database": DATABASE, "state_directory": str(self.state),
                "bloat_bytes": 100_000}

    def session(self, **options: t.Any) -> psycopg2.extensions.connection:
        return self.cluster.connect(DATABASE, **options)

    @contextlib.contextmanager
    def transaction(self, *statements: str, **options: t.Any) -> t.Iterator[psycopg2.extensions.connection]:
        """A transaction that stays open."""
        connection = self.session(**options)
        connection.autocommit = False
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            yield connection
        finally:
            connection.close()

    def become_standby(self) -> None:
        """A server that waits for a primary's WAL."""
        one = self.cluster
        one.stop_server()
        (one.data / "standby.signal").touch()
        os.chown(one.data / "standby.signal", one.data.stat().st_uid, one.data.stat().st_gid)
        one.start()

    def at_work(self) -> int | None:
        """The server's process that reindexes."""
        rows = self.sql("SELECT pid FROM pg_stat_progress_create_index")
        return int(rows[0][0]) if rows else None

    def invalid(self) -> list[str]:
        return [row[0] for row in self.sql("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid "
                                           "ORDER BY 1")]

    def definitions(self) -> list[tuple[t.Any, ...]]:
        return self.sql("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1")


def fill(site: Site, rows: int = 60_000) -> None:
    """Nine of ten rows are deleted: the statistics know it, the indexes have kept their size."""
    site.sql(f"""
        CREATE TABLE {TABLE} (id serial PRIMARY KEY, name text, status int, "dueAt" timestamptz DEFAULT now());
        CREATE INDEX "IX_tasks_name" ON {TABLE} (name);
        CREATE INDEX ix_status ON {TABLE} (status);
        INSERT INTO {TABLE} (name, status) SELECT md5(g::text), g % 10 FROM generate_series(1, {rows}) g;
        DELETE FROM {TABLE} WHERE id % 10 <> 0""")


@pytest.fixture
def site(make_postgresql: t.Callable[..., Cluster], tmp_path: Path) -> Site:
    """PostgreSQL 18, and nothing vacuumed yet."""
    return prepared(make_postgresql(version="18", settings=SETTINGS), tmp_path)


@pytest.fixture
def bloated(site: Site) -> Site:
    """The same, vacuumed, so that the statistics are right and only the indexes are bloated."""
    site.sql(f"VACUUM ANALYZE {TABLE}")
    return site


def prepared(cluster: Cluster, folder: Path) -> Site:
    cluster.execute(f"CREATE ROLE vendhub LOGIN PASSWORD '{PASSWORD}'")
    cluster.execute(f"CREATE DATABASE {DATABASE} OWNER vendhub")
    one = Site(cluster, folder / "state")
    fill(one)
    return one


@contextlib.contextmanager
def thread(work: t.Callable[[], None]) -> t.Iterator[threading.Thread]:
    """Work that is over before the test is."""
    one = threading.Thread(target=work, daemon=True)
    one.start()
    try:
        yield one
    finally:
        one.join(30)
        assert not one.is_alive()
