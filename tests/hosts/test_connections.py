# SPDX-License-Identifier: GPL-3.0-or-later
"""release_connections against Debian's PostgreSQL: the login through the socket, and a restart by its unit."""

from __future__ import annotations

import typing as t

import pytest

from tests.hosts.play import Run, play
from tests.hosts.test_database_host import LAYER, PREPARE
from tests.lab import Host, Lab
from tests.lab.image import image
from tests.lab.layers import exists

SECRET = "canary-of-the-app"
ROLES = f"""
CREATE ROLE vendhub LOGIN PASSWORD '{SECRET}';
CREATE ROLE vendhub_monitor LOGIN PASSWORD '{SECRET}' IN ROLE pg_monitor;
"""
LEAK = f"""
import psycopg2, time
login = "host=127.0.0.1 dbname=vendhub_prod user=vendhub password={SECRET} application_name=leak"
held = [psycopg2.connect(login) for number in range(97)]
for one in held[:10]:
    one.cursor().execute("SELECT 1")
time.sleep(3600)
"""
COUNT = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leak'"


class Database:
    """The host, with every connection taken."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.host: Host = lab["db1"]
        self.sql(ROLES)
        self.host.write("/root/leak.py", LEAK)
        self.host.run(["systemd-run", "--quiet", "--unit=leak", "python3", "/root/leak.py"])
        ask = f'runuser -u postgres -- psql -XAtqc "{COUNT}"'
        self.host.run(["bash", "-c", f"for n in $(seq 100); do test $({ask}) = 97 && exit; sleep 0.1; done; exit 1"])

    def sql(self, statement: str) -> str:
        return self.host.run(["runuser", "-u", "postgres", "--", "env", "-C", "/", "psql", "-XAtqc",
                              statement]).stdout.strip()

    def play(self, *words: str, **variables: t.Any) -> Run:
        given = {"vendhub_postgresql": {"user": "vendhub_monitor", "password": SECRET, "database": "vendhub_prod"},
                 "connections_min_age_seconds": 0, "ansible_user": "ops", **variables}
        inventory = self.lab.inventory({"vendhub": ["db1"], "postgresql": ["db1"]}, given)
        return play("playbooks/release_connections.yml", inventory, *words, secret=SECRET)


@pytest.fixture(scope="module")
def lab() -> t.Iterator[Lab]:
    if not exists(LAYER, image().name):
        with Lab(LAYER, ["db1"]) as made:
            made["db1"].run(["sh", "-c", PREPARE], timeout=400)
            made.save("db1", LAYER)
    with Lab("connections", ["db1"], layer=LAYER) as lab:
        yield lab


@pytest.fixture
def database(lab: Lab) -> Database:
    lab.reset()
    return Database(lab)


def test_the_superuser_gets_in_through_the_socket_and_makes_room(database: Database) -> None:
    plan = database.play()
    assert (plan.code, plan.changed) == (0, 0), plan.screen[-3000:]
    assert "25 sessions would be ended; then 25 of 97 connections are free, before 0" in plan.words
    done = database.play("-e", "connections_apply=true")
    assert done.code == 0, done.screen[-3000:]
    assert "25 sessions ended; 25 of 97 connections are free, before 0" in done.words
    assert "72 of 97 usable connections in use" in done.words
    assert database.sql(COUNT) == "72"


def test_a_restart_is_asked_for_and_done_by_the_unit(database: Database) -> None:
    started = database.sql("SELECT pg_postmaster_start_time()")
    kept = database.play("-e", "connections_apply=true", connections_max=120)
    assert kept.code == 0, kept.screen[-3000:]
    assert "max_connections is 120, was 100; it runs with 100 until it is restarted" in kept.words
    assert database.sql("SELECT pg_postmaster_start_time()") == started
    done = database.play("-e", "connections_apply=true", connections_max=120, connections_restart=True)
    assert done.code == 0, done.screen[-3000:]
    assert "the server was restarted and runs with it" in done.words
    assert database.sql("SHOW max_connections") == "120"
    assert database.host.run(["systemctl", "is-active", "postgresql@15-main"]).stdout.strip() == "active"


def test_a_server_that_does_not_come_back_gets_its_old_setting(database: Database) -> None:
    # the unit refuses to start with the new value, whatever the server's own program says of it
    database.host.write("/etc/systemd/system/postgresql@15-main.service.d/refuse.conf",
                        "[Service]\nExecStartPre=/bin/sh -c '! grep -q 120 /var/lib/postgresql/15/main/"
                        "postgresql.auto.conf'\n")
    database.host.run(["systemctl", "daemon-reload"])
    done = database.play("-e", "connections_apply=true", connections_max=120, connections_restart=True)
    assert done.code == 2
    assert "the setting was taken back, and it runs with 100" in done.words
    assert database.sql("SHOW max_connections") == "100"
    assert "120" not in database.host.run(["cat", "/var/lib/postgresql/15/main/postgresql.auto.conf"]).stdout
