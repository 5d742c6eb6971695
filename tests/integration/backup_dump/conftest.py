# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases to back up, and folders for the dumps."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t
from pathlib import Path

import pytest

from demo.stack.postgresql import Cluster
from tests.modules import call

PASSWORD = "canary-51c0ffee"
MIGRATION = "AddMachines1700000000002"

SCHEMA = """
CREATE TABLE migrations (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL);
INSERT INTO migrations ("timestamp", name) VALUES (1700000000002, 'AddMachines1700000000002'),
  (1700000000001, 'First1700000000001');
CREATE TABLE machines (id int PRIMARY KEY, name text NOT NULL, note text);
INSERT INTO machines SELECT n, 'machine ' || n, repeat(md5(n::text), 4) FROM generate_series(1, 3000) n;
CREATE TABLE empty (id int);
CREATE SCHEMA "Odd ""Schema";
CREATE TABLE "Odd ""Schema"."a.b
c" ("x
y" text);
INSERT INTO "Odd ""Schema"."a.b
c" VALUES (E'line\\n\\\\.\\nend'), (NULL), (E'\\\\.'), ('COPY public.machines (id) FROM stdin;');
CREATE TABLE sales (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO sales SELECT n, '2026-01-05' FROM generate_series(1, 50) n;
CREATE VIEW names AS SELECT name FROM machines;
CREATE MATERIALIZED VIEW many AS SELECT count(*) FROM machines;
CREATE UNLOGGED TABLE cache (id int); INSERT INTO cache VALUES (1), (2);
"""
ROWS = 3000 + 2 + 4 + 50 + 2


@dataclasses.dataclass
class Shop:
    """A database of the application, and a folder for its dumps."""

    server: Cluster
    name: str
    folder: Path

    def options(self, **more: t.Any) -> dict[str, t.Any]:
        """How the module reaches it, as its owner."""
        return {"host": self.server.host, "port": self.server.port, "user": "vendhub", "password": PASSWORD,
                "database": self.name, "binary_directory": str(self.server.binaries), "reserve_bytes": 0, **more}

    def backup(self, check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
        result = call("postgresql_backup", check_mode=check_mode, **{"directory": str(self.folder),
                                                                     **self.options(**more)})
        assert PASSWORD not in json.dumps({key: value for key, value in result.items() if key != "invocation"})
        return result

    def good(self, **more: t.Any) -> dict[str, t.Any]:
        result = self.backup(**more)
        assert not result["failed"], result["msg"]
        return result

    def check(self, **more: t.Any) -> dict[str, t.Any]:
        return call("backup_check", directory=str(self.folder), **more)

    def files(self, folder: Path | None = None) -> dict[str, bytes]:
        """What lies in the folder; the guard, which stays, left out."""
        return {path.name: path.read_bytes() for path in (folder or self.folder).iterdir()
                if not path.name.endswith(".lock")}

    def execute(self, sql: str) -> list[tuple[t.Any, ...]]:
        return self.server.execute(sql, database=self.name)


@pytest.fixture(scope="session")
def role(postgresql: Cluster) -> str:
    postgresql.execute(f"CREATE ROLE vendhub LOGIN PASSWORD '{PASSWORD}'")
    return "vendhub"


@pytest.fixture
def shop(postgresql: Cluster, role: str, tmp_path: Path, request: pytest.FixtureRequest) -> t.Iterator[Shop]:
    """A small database on the shared server."""
    yield from made(postgresql, f"shop_{abs(hash(request.node.nodeid)) % 10 ** 8}", tmp_path / "backups")


def made(server: Cluster, name: str, folder: Path) -> t.Iterator[Shop]:
    """Make the database and the folder, and drop the database after the test."""
    folder.mkdir()
    server.execute(f'CREATE DATABASE "{name}" OWNER vendhub')
    server.execute("SET ROLE vendhub;" + SCHEMA, database=name)
    yield Shop(server, name, folder)
    if server.running():
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def older(path: Path, seconds: float) -> None:
    """Move a dump and its manifest into the past."""
    for one in (path, path.with_name(path.name + ".verified.json")):
        if one.exists():
            status = one.stat()
            os.utime(one, (status.st_atime - seconds, status.st_mtime - seconds))
