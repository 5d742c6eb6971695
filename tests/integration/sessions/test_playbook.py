# SPDX-License-Identifier: GPL-3.0-or-later
"""release_connections as an operator runs it, with the sample API that needs the connections under PM2."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

from demo.stack.pm2 import Pm2
from demo.stack.postgresql import Cluster
from demo.stack.process import clean_environment
from demo.stack.redis import Server
from tests.integration.app.client import Client
from tests.integration.app.conftest import Place, redis_url, wait_for

from .conftest import PASSWORD, SMALL, Crowd, crowd, prepare

ROOT = Path(__file__).resolve().parents[3]
MONITOR = "canary-monitor-5f3a"


class Site:
    """A PostgreSQL with thirty connections, most of them leaked, and the app, in an inventory."""

    def __init__(self, folder: Path, cluster: Cluster, guests: Crowd) -> None:
        self.cluster = cluster
        self.guests = guests
        self.folder = folder
        self.state = folder / "state"
        self.inventory = folder / "inventory.json"
        cluster.execute(f"CREATE ROLE vendhub_monitor LOGIN PASSWORD '{MONITOR}' IN ROLE pg_monitor")
        self.database: dict[str, t.Any] = {"host": cluster.host, "port": cluster.port, "user": "vendhub_monitor",
                                           "password": MONITOR, "database": "vendhub_prod"}
        self.host: dict[str, t.Any] = {
            "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False,
            "vendhub_postgresql": self.database, "vendhub_api": [], "vendhub_pm2": {},
            "connections_login": {"host": cluster.host, "user": "postgres", "password": cluster.password},
            "connections_state_directory": str(self.state), "connections_min_age_seconds": 0,
            "connections_evidence_directory": str(folder / "bundles"), "connections_watch_seconds": 2,
            "connections_recover_seconds": 20}
        self.groups = ["postgresql"]

    def run(self, *words: str, **variables: t.Any) -> tuple[int, str]:
        """The exit code, and the screen as one line."""
        children = {group: {"hosts": {"db1": self.host}} for group in self.groups}
        groups = {"vendhub": {"children": children}}
        self.inventory.write_text(json.dumps({"all": {"children": groups}}))
        given = [word for name, value in variables.items() for word in ("-e", json.dumps({name: value}))]
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory),
             "playbooks/release_connections.yml", *words, *given], cwd=ROOT, capture_output=True, text=True,
            timeout=200, check=False, stdin=subprocess.DEVNULL,
            env=clean_environment(ANSIBLE_NOCOLOR="1", HOME=os.environ.get("HOME", "/"), LC_ALL="C.UTF-8",
                                  ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
                                  ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections")))
        for secret in (self.cluster.password, MONITOR, PASSWORD):
            assert secret not in done.stdout + done.stderr
        return done.returncode, " ".join((done.stdout + done.stderr).split()).replace("''", "'")

    def leak(self, idle: int, forgotten: int) -> None:
        for dummy in range(idle):
            self.guests.join("idle", application="sales-import-worker")
        for dummy in range(forgotten):
            self.guests.transaction("forgotten", application="sales-import-worker")


@pytest.fixture
def site(short_folder: Path, tmp_path: Path) -> t.Iterator[Site]:
    short_folder.chmod(0o755)  # the server's own program is asked, as the server's user
    with Cluster(short_folder / "pg", version="16", settings=SMALL) as one:
        prepare(one)
        with crowd(one) as guests:
            yield Site(tmp_path, one, guests)


def changed(screen: str) -> int:
    found = re.search(r"db1 : ok=\d+ changed=(\d+)", screen)
    assert found, screen[-2000:]
    return int(found[1])


@pytest.mark.parametrize("words", [(), ("--check", "-e", "connections_apply=true")])
def test_without_a_word_it_only_plans(site: Site, words: tuple[str, ...]) -> None:
    site.leak(15, 10)
    code, screen = site.run(*words)
    assert (code, changed(screen)) == (0, 0), screen
    assert "15 connections of sales-import-worker (vendhub@vendhub_prod), idle, the oldest for" in screen
    first = site.guests.pids["idle"][0]
    assert f"1. sales-import-worker (pid {first}, vendhub@vendhub_prod): idle for" in screen
    assert "5 sessions would be ended; then 7 of 27 connections are free, before 2; 7 were asked for" in screen
    assert "Nothing was changed. -e connections_apply=true does it." in screen
    assert site.guests.alive() == site.guests.all()
    assert not site.state.exists()


def test_applied_it_ends_the_plan_proves_it_and_does_nothing_twice(site: Site) -> None:
    site.leak(15, 10)
    gone = site.guests.pids["idle"][:10]
    wanted: dict[str, t.Any] = {"connections_apply": True, "connections_headroom": 12}
    code, screen = site.run("-e", "connections_databases=vendhub_prod,elsewhere", **wanted)
    assert (code, changed(screen)) == (0, 1), screen
    assert "10 sessions ended; 12 of 27 connections are free, before 2; 12 were asked for" in screen
    assert "15 of 27 usable connections in use" in screen
    assert site.guests.alive() == site.guests.all() - set(gone)
    note = json.loads((site.state / "postgresql_sessions.jsonl").read_text())
    assert [row["pid"] for row in note["ended"]] == gone
    assert len(list((site.state / "evidence").glob("*/evidence.tar.gz"))) == 1
    assert not (site.state / "lock.json").exists()
    code, screen = site.run(**wanted)
    assert (code, changed(screen)) == (0, 0), screen
    assert "There is nothing to do." in screen


def test_the_app_that_found_no_connection_answers_again(site: Site, release: Path, redis_server: Server,
                                                        make_pm2: t.Callable[..., Pm2]) -> None:
    url = f"postgresql://vendhub:{PASSWORD}@{site.cluster.host}:{site.cluster.port}/vendhub_prod?application_name=api"
    place = Place(site.folder, release, {"DATABASE_URL": url, "REDIS_URL": redis_url(redis_server)})
    pm2 = make_pm2()
    app = {"name": "vendhub-api", "script": str(release / "dist" / "main.js"), "cwd": str(site.folder),
           "env": {**place.environment, "DB_POOL_SIZE": "5"}}
    file = site.folder / "ecosystem.config.json"
    file.write_text(json.dumps({"apps": [app]}))
    pm2.start(file)
    client = Client(place.port)

    def health() -> int:
        with contextlib.suppress(OSError):
            return client.ask("GET", "/health").status
        return 0

    wait_for(lambda: health() == 200, 30)
    # the pool gives its connections back after a while; what leaks takes them
    site.cluster.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'api'")
    site.leak(17, 10)
    wait_for(lambda: health() == 503, 20)
    site.groups = ["postgresql", "api"]
    site.host.update(vendhub_api=[{"name": "vendhub-api", "url": f"http://127.0.0.1:{place.port}/health"}],
                     vendhub_pm2={"home": str(pm2.home), "apps": [{"name": "vendhub-api", "port": place.port}]})
    answers: list[int] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.wait(0.3):
            answers.append(health())

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    before = pm2.pids("vendhub-api")
    code, screen = site.run("-e", "connections_applications=sales-*", connections_apply=True)
    time.sleep(1)
    stop.set()
    thread.join(20)
    assert code == 0, screen
    assert "stable for 2 s" in screen
    assert pm2.pids("vendhub-api") == before
    recovered = answers.index(200)
    assert set(answers[:recovered]) <= {503, 0}
    assert set(answers[recovered:]) == {200}, answers


def test_a_pool_that_fills_up_again_is_no_success(site: Site) -> None:
    site.leak(25, 0)
    stop = threading.Event()

    def refill() -> None:
        while not stop.wait(0.02):
            with contextlib.suppress(Exception):
                site.guests.join("again", application="leak")

    thread = threading.Thread(target=refill, daemon=True)
    thread.start()
    try:
        code, screen = site.run("-e", "connections_applications=sales-*", connections_apply=True)
    finally:
        stop.set()
        thread.join(10)
    assert code == 2
    assert "sessions ended" in screen
    assert "make the pools smaller" in screen


def test_when_nobody_may_be_ended_the_run_fails_and_says_what_to_do(site: Site) -> None:
    site.leak(25, 0)
    code, screen = site.run(connections_apply=True, connections_min_age_seconds=3600)
    assert code == 2
    assert "Nothing was ended, for nobody else may be: lower connections_min_age_seconds" in screen
    assert site.guests.alive() == site.guests.all()


def test_somebody_elses_lock_is_respected(site: Site) -> None:
    site.leak(25, 0)
    site.run()  # writes the inventory
    lock = ["-m", "vendhub.ops.operation_lock", "-a",
            f"operation=deploy holder=ann directory={site.state} steal=never"]
    subprocess.run([str(Path(sys.executable).with_name("ansible")), "-i", str(site.inventory), "db1", *lock],
                   cwd=ROOT, check=True, capture_output=True, timeout=60,
                   env=clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), HOME=os.environ.get("HOME", "/")))
    code, screen = site.run(connections_apply=True)
    assert code == 2
    assert "ann holds the lock for deploy" in screen
    assert site.guests.alive() == site.guests.all()


def test_more_connections_are_planned_kept_and_refused_when_they_do_not_fit(site: Site) -> None:
    running = "SELECT setting FROM pg_file_settings WHERE name = 'max_connections' ORDER BY seqno DESC LIMIT 1"
    code, screen = site.run(connections_max=40)
    assert (code, changed(screen)) == (0, 0), screen
    assert "max_connections would be 40, was 30; it runs with 30 until it is restarted" in screen
    assert site.cluster.execute(running) == [("30",)]
    site.leak(25, 0)
    code, screen = site.run(connections_max=200_000, connections_apply=True)
    assert code == 2
    assert "200000 busy sessions may take" in screen
    assert "Nothing was changed" in screen
    assert (site.guests.alive(), site.cluster.execute(running)) == (site.guests.all(), [("30",)])
    code, screen = site.run(connections_max=40, connections_apply=True)
    assert (code, changed(screen)) == (0, 2), screen
    assert site.cluster.execute(running) == [("40",)]
    assert json.loads((site.state / "postgresql_settings.jsonl").read_text())["from"] == 30


@pytest.mark.parametrize(("variables", "words"), [
    ({"connections_apply": "perhaps"}, "connections_apply"),
    ({"connections_headroom": -3, "connections_headroom_percent": 120}, "headroom_percent must be between 0 and 100"),
    ({"connections_states": ["sleeping"]}, "value of session_states must be one"),
    ({"connections_login": {"host": "127.0.0.1", "user": "gone"}}, "gone"),
])
def test_a_wrong_option_is_refused(site: Site, variables: dict[str, t.Any], words: str) -> None:
    site.leak(25, 0)
    code, screen = site.run(**{"connections_apply": True, **variables})
    assert code == 2
    assert words in screen
    assert site.guests.alive() == site.guests.all()
