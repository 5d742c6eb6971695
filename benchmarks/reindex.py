# SPDX-License-Identifier: GPL-3.0-or-later
"""Building all indexes anew while a client inserts 50 rows a second: ``python benchmarks/reindex.py [--rows N]``.

The module against the runbook's ``REINDEX DATABASE``, interleaved, on the same table; the writer is its own process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / ".collections")]

from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.maintenance import maintain  # noqa: E402
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.maintenance_options import OPTIONS  # noqa: E402

from demo.stack.postgresql import Cluster  # noqa: E402

DATABASE = "vendhub_prod"
SETTINGS: dict[str, t.Any] = {"fsync": True, "synchronous_commit": True, "full_page_writes": True,
                              "shared_buffers": "256MB", "max_wal_size": "4GB", "autovacuum": False}
WRITER = """
import json, os, select, sys, time
import psycopg2
link = psycopg2.connect("")
link.autocommit = True
cursor = link.cursor()
print("ready", flush=True)
waits, due = [], time.perf_counter()
while not select.select([sys.stdin], [], [], 0)[0]:
    began = time.perf_counter()
    cursor.execute('INSERT INTO "MachineTasks" (name, status) VALUES (md5(random()::text), 3)')
    waits.append(time.perf_counter() - began)
    due = max(due + 0.02, time.perf_counter())
    time.sleep(max(0.0, due - time.perf_counter()))
waits.sort()
print(json.dumps([len(waits), waits[int(len(waits) * 0.99)], waits[-1]]))
"""


class Felt(t.NamedTuple):
    """How long one way took, and what the writer felt."""

    seconds: float
    inserts: float
    p99: float
    worst: float


def fill(cluster: Cluster, rows: int) -> None:
    cluster.execute(f"CREATE DATABASE {DATABASE}")
    for statement in (
            'CREATE TABLE "MachineTasks" (id serial PRIMARY KEY, name text, status int, "dueAt" timestamptz)',
            'CREATE INDEX "IX_tasks_name" ON "MachineTasks" (name)',
            'CREATE INDEX ix_status ON "MachineTasks" (status)',
            'CREATE INDEX ix_due ON "MachineTasks" ("dueAt", status)',
            'INSERT INTO "MachineTasks" (name, status, "dueAt") '
            f"SELECT md5(g::text), g % 10, now() + g * interval '1s' FROM generate_series(1, {rows}) g",
            'VACUUM ANALYZE "MachineTasks"'):
        cluster.execute(statement, database=DATABASE, timeout_seconds=600)


def felt(cluster: Cluster, work: t.Callable[[], object]) -> Felt:
    environment = {**os.environ, "PGHOST": cluster.host, "PGPORT": str(cluster.port), "PGUSER": "postgres",
                   "PGPASSWORD": cluster.password, "PGDATABASE": DATABASE}
    writer = subprocess.Popen([sys.executable, "-c", WRITER], env=environment, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    assert writer.stdout
    assert writer.stdout.readline() == "ready\n"
    time.sleep(1)
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    time.sleep(1)
    out, dummy = writer.communicate("stop\n", timeout=300)
    inserts, p99, worst = json.loads(out)
    return Felt(seconds, inserts, p99, worst)


def ours(cluster: Cluster, folder: str) -> None:
    options = {name: option.get("default") for name, option in OPTIONS.items()}
    result = maintain({**options, "host": cluster.host, "port": cluster.port, "user": "postgres",
                       "password": cluster.password, "database": DATABASE, "work": "reindex", "exclude": ["pg_toast.*"],
                       "reindex_always": ["*"], "state_directory": folder}, act=True)
    print(f"  {result['msg']}")
    assert result["complete"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgresql", default="16", help="major version")
    given = parser.parse_args()
    felt_by: dict[str, list[Felt]] = {}
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with Cluster(Path(folder) / "pg", version=given.postgresql, settings=SETTINGS) as cluster:
            fill(cluster, given.rows)
            size = cluster.execute("SELECT pg_size_pretty(pg_database_size(%s))", [DATABASE])[0][0]
            ways: dict[str, t.Callable[[], object]] = {
                "nobody reindexes": lambda: time.sleep(10),
                "runbook: REINDEX DATABASE": lambda: cluster.execute(f"REINDEX DATABASE {DATABASE}", database=DATABASE,
                                                                     timeout_seconds=900),
                "postgresql_maintenance": lambda: ours(cluster, f"{folder}/state"),
            }
            for dummy in range(given.rounds):
                for name, work in ways.items():
                    felt_by.setdefault(name, []).append(felt(cluster, work))
                    print(f"{name}: {felt_by[name][-1]}", flush=True)
                    assert cluster.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid",
                                           database=DATABASE) == [(0,)]
    medians = {name: Felt(*(statistics.median(values) for values in zip(*rounds))) for name, rounds in felt_by.items()}
    base = medians["runbook: REINDEX DATABASE"]
    print(f"\n{given.rows} rows, {size}, 4 indexes, PostgreSQL {given.postgresql}, medians of {given.rounds} "
          "interleaved rounds; 50 inserts a second\n")
    print("| way | seconds | / runbook | p99 of an insert | the worst insert | runbook's worst / it |")
    print("|---|---|---|---|---|---|")
    for name, one in medians.items():
        took = " | " if name.startswith("nobody") else f"{one.seconds:.1f} | {one.seconds / base.seconds:.2f}"
        print(f"| {name} | {took} | {one.p99 * 1000:.0f} ms | {one.worst * 1000:.0f} ms | "
              f"{base.worst / one.worst:.0f} |")
    worst = max(one.worst for one in felt_by["postgresql_maintenance"])
    print(f"\nThe worst insert of all rounds beside postgresql_maintenance: {worst * 1000:.0f} ms; 1000 are allowed")
    sys.exit(worst >= 1)


if __name__ == "__main__":
    main()
