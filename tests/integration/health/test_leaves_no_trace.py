# SPDX-License-Identifier: GPL-3.0-or-later
"""The promise of every check: it reads, and nothing is different afterwards."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from demo.stack.postgresql import Cluster
from tests.integration.health.conftest import Site
from tests.modules import call

# what a look may ask of Redis
READS = {"auth", "hello", "ping", "info", "config", "config|get", "slowlog", "slowlog|len", "select", "client",
         "client|setinfo", "client|setname", "command", "acl"}


def tree(*folders: Path) -> dict[str, tuple[int, int, int]]:
    """Every file with its time of change, size and mode."""
    found = {}
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            status = path.lstat()
            found[str(path)] = (status.st_mtime_ns, status.st_size, status.st_mode)
    return found


def family(site: Site) -> set[int]:
    return {one.pid for one in site.pm2.family()}


def redis_commands(site: Site) -> dict[str, int]:
    stats = site.redis.client().info("commandstats")
    return {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}


def postgresql_state(site: Site) -> list[tuple[t.Any, ...]]:
    """Settings, the statistics that writing would move, and the moment of the last reset."""
    rows = site.postgresql.execute("SELECT name, setting FROM pg_settings ORDER BY name")
    rows += site.postgresql.execute("SELECT datname, tup_inserted, tup_updated, tup_deleted, stats_reset"
                                    " FROM pg_stat_database ORDER BY datname")
    rows += site.postgresql.execute("SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_all_tables"
                                    " WHERE schemaname NOT LIKE 'pg_toast%' ORDER BY relname")
    return rows


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_look_changes_nothing_on_the_host(site: Site, check_mode: bool) -> None:
    call("health_check", **site.options())  # whatever a first connection warms up is not the point
    processes = family(site)
    database, commands = postgresql_state(site), redis_commands(site)
    keys = site.redis.client().dbsize()
    # last before the look: asking PM2's command line (in family) would itself touch its home
    files = tree(site.pm2.home, site.logs, site.backups)

    result = call("health_check", check_mode=check_mode, **site.options())

    assert tree(site.pm2.home, site.logs, site.backups) == files
    assert result["changed"] is False
    assert family(site) == processes
    assert postgresql_state(site) == database
    assert site.redis.client().dbsize() == keys
    after = redis_commands(site)
    asked = {name for name, calls in after.items() if calls != commands.get(name, 0)} - {"dbsize"}
    assert asked <= READS
    assert asked & {"info"}, "nothing was asked at all"


def test_with_no_daemon_running_none_runs_afterwards(site: Site) -> None:
    site.pm2.kill()
    before = sorted(os.listdir(site.pm2.home))
    result = call("health_check", **site.options())
    assert {row["check"]: row["state"] for row in result["checks"]}["pm2"] == "critical"
    assert family(site) == set()
    assert sorted(os.listdir(site.pm2.home)) == before


def test_postgresql_sees_nothing_but_reads(make_postgresql: t.Callable[..., Cluster]) -> None:
    """pg_stat_statements comes with the distribution's server, not with the wheels."""
    cluster = make_postgresql(version="15", settings={"shared_preload_libraries": "pg_stat_statements",
                                                      "pg_stat_statements.track_utility": True})
    cluster.execute("CREATE EXTENSION pg_stat_statements")
    cluster.execute("CREATE ROLE monitor LOGIN PASSWORD 'm' IN ROLE pg_monitor")
    settings = "SELECT name, setting FROM pg_settings ORDER BY name"
    before = cluster.execute(settings)
    reset = "SELECT stats_reset FROM pg_stat_statements_info"
    was_reset = cluster.execute(reset)
    result = call("postgresql_check", port=cluster.port, user="monitor", password="m", database="postgres")
    assert not result["failed"]
    asked = [row[0] for row in cluster.execute(
        "SELECT query FROM pg_stat_statements JOIN pg_roles ON userid = oid WHERE rolname = 'monitor'")]
    assert asked, "nothing was asked at all"
    words = {query.removeprefix("/* vendhub-ops */").split()[0].upper() for query in asked}
    assert words <= {"SELECT", "WITH", "BEGIN", "SET", "SHOW", "COMMIT", "ROLLBACK", "START"}
    assert cluster.execute(settings) == before
    assert cluster.execute(reset) == was_reset
