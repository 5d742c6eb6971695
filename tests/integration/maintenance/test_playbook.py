# SPDX-License-Identifier: GPL-3.0-or-later
"""database_weekly and database_monthly as an operator runs them."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import threading
import typing as t
from pathlib import Path

import pytest

from demo.stack.process import clean_environment

from .conftest import DATABASE, PASSWORD, TABLE, Site, until

ROOT = Path(__file__).resolve().parents[3]
MONITOR = "canary-monitor-77aa"


class Health(http.server.BaseHTTPRequestHandler):
    """An app's health page that says what the test wants."""

    status = 200

    def do_GET(self) -> None:
        body = json.dumps({"status": "ok" if self.status == 200 else "error"}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: t.Any) -> None:
        """Say nothing."""


class Operator:
    """An inventory with a database host and an app host, and the playbooks run on it."""

    def __init__(self, site: Site, folder: Path, port: int) -> None:
        self.site = site
        self.inventory = folder / "inventory.json"
        cluster = site.cluster
        cluster.execute(f"CREATE ROLE vendhub_monitor LOGIN PASSWORD '{MONITOR}' IN ROLE pg_monitor")
        self.state = folder / "ops"
        self.app_state = folder / "app-ops"
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
        self.app = {**here, "database_maintenance_state_directory": str(self.app_state),
                    "vendhub_api": [{"name": "vendhub-api", "url": f"http://127.0.0.1:{port}/health"}]}
        self.database: dict[str, t.Any] = {
            **here,
            "vendhub_postgresql": {"host": cluster.host, "port": cluster.port, "user": "vendhub_monitor",
                                   "password": MONITOR, "database": DATABASE},
            "database_maintenance_login": {"host": cluster.host, "user": "postgres", "password": cluster.password},
            "database_maintenance_state_directory": str(self.state), "database_maintenance_bloat_bytes": 100_000,
            "database_maintenance_patience_seconds": 1}

    def start(self, program: str, *words: str) -> subprocess.Popen[str]:
        groups = {"vendhub": {"children": {"api": {"hosts": {"app1": self.app}},
                                           "postgresql": {"hosts": {"db1": self.database}}}}}
        self.inventory.write_text(json.dumps({"all": {"children": groups}}))
        return subprocess.Popen(
            [str(Path(sys.executable).with_name(program)), "-i", str(self.inventory), *words], cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
            env=clean_environment(ANSIBLE_NOCOLOR="1", HOME=os.environ.get("HOME", "/"), LC_ALL="C.UTF-8",
                                  ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
                                  ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections")))

    def ansible(self, program: str, *words: str) -> tuple[int, str]:
        process = self.start(program, *words)
        try:
            said = process.communicate(timeout=200)[0]
        finally:
            process.kill()
        for secret in (self.site.cluster.password, MONITOR, PASSWORD):
            assert secret not in said
        return process.returncode, " ".join(said.split()).replace("''", "'").replace('\\"', '"')

    @property
    def vacuumed(self) -> bool:
        return self.site.sql("SELECT 1 FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL") != []

    def run(self, playbook: str, *words: str, **variables: t.Any) -> tuple[int, str]:
        return self.ansible("ansible-playbook", *asked(playbook, *words, **variables))


def asked(playbook: str, *words: str, **variables: t.Any) -> list[str]:
    given = [word for name, value in variables.items() for word in ("-e", json.dumps({name: value}))]
    return [f"playbooks/{playbook}.yml", *words, *given]


def family(pid: int) -> list[int]:
    """A process and all that came of it; Ansible's workers lead groups of their own."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True, timeout=10)
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found = [pid]
    for one in found:
        found += [child for child, parent in pairs if parent == one]
    return found


@pytest.fixture
def operator(site: Site, tmp_path: Path) -> t.Iterator[Operator]:
    Health.status = 200
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Operator(site, tmp_path, server.server_address[1])
    server.shutdown()
    server.server_close()


def changed(screen: str) -> int:
    found = re.search(r"db1 : ok=\d+ changed=(\d+)", screen)
    assert found, screen[-2000:]
    return int(found[1])


@pytest.mark.parametrize("words", [(), ("--check", "-e", "database_maintenance_apply=true")])
def test_without_a_word_they_only_plan(operator: Operator, words: tuple[str, ...]) -> None:
    code, screen = operator.run("database_weekly", *words)
    assert (code, changed(screen)) == (0, 0), screen
    assert f"1. VACUUM {TABLE} (" in screen
    assert "VACUUM: vendhub_prod at" in screen
    assert "REINDEX" not in screen
    assert "Bloat by the catalog's statistics" in screen
    assert "public.\"MachineTasks\": " in screen
    assert not operator.state.exists()
    assert not operator.vacuumed
    if not words:
        assert "Nothing was changed. -e database_maintenance_apply=true does it." in screen


def test_monthly_says_that_indexes_are_judged_again_after_the_vacuum(operator: Operator) -> None:
    hint = "Indexes are judged again after the VACUUM: more of them may be built anew than stand here."
    code, screen = operator.run("database_monthly")
    assert (code, changed(screen)) == (0, 0), screen
    assert "REINDEX: vendhub_prod at" in screen
    assert hint in screen
    operator.site.sql(f"VACUUM ANALYZE {TABLE}")
    code, screen = operator.run("database_monthly")
    assert code == 0, screen
    assert "1. REINDEX CONCURRENTLY public." in screen
    assert "3 indexes would be built anew" in screen
    assert hint not in screen


def test_a_standby_is_looked_at_and_left_alone(operator: Operator) -> None:
    operator.site.become_standby()
    code, screen = operator.run("database_monthly", database_maintenance_apply=True)
    assert (code, changed(screen)) == (0, 0), screen
    assert "It is a standby: its primary is maintained." in screen
    assert "public.\"MachineTasks\": " in screen
    assert not operator.state.exists()


def test_monthly_vacuums_then_reindexes_then_has_nothing_to_do(operator: Operator) -> None:
    code, screen = operator.run("database_monthly", database_maintenance_apply=True)
    assert (code, changed(screen)) == (0, 2), screen
    assert "1 table vacuumed in" in screen
    assert "3 indexes built anew in" in screen
    assert "every index is valid" in screen
    assert not (operator.state / "lock.json").exists()
    lines = [json.loads(line) for line in (operator.state / "postgresql_maintenance.jsonl").read_text().splitlines()]
    assert [line["what"] for line in lines] == ["vacuum", "reindex", "reindex", "reindex"]
    code, screen = operator.run("database_monthly", database_maintenance_apply=True)
    assert (code, changed(screen)) == (0, 0), screen
    assert "nothing needed maintenance" in screen


def test_the_login_through_the_socket_needs_no_password(operator: Operator) -> None:
    cluster = operator.site.cluster
    owner = pwd.getpwuid(cluster.data.stat().st_uid)
    rules = cluster.data / "pg_hba.conf"
    rules.write_text("local all all peer\n" + rules.read_text())
    cluster.execute(f'CREATE ROLE "{owner.pw_name}" SUPERUSER LOGIN')
    # the folder of the test is closed to all others
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        cluster.execute(f"ALTER SYSTEM SET unix_socket_directories = '{folder}'")
        cluster.restart()
        operator.database["database_maintenance_login"] = {"host": folder, "user": owner.pw_name,
                                                           "system_user": owner.pw_name}
        code, screen = operator.run("database_monthly", database_maintenance_apply=True)
        cluster.stop_server()
    assert (code, changed(screen)) == (0, 2), screen
    assert "3 indexes built anew in" in screen
    assert operator.state.stat().st_uid == os.geteuid()  # another user only for the moment of the login


def test_weekly_touches_no_index(operator: Operator) -> None:
    code, screen = operator.run("database_weekly", database_maintenance_apply=True)
    assert (code, changed(screen)) == (0, 1), screen
    assert "REINDEX" not in screen


@pytest.mark.parametrize("host", ["app1", "db1"])
def test_nothing_is_done_while_somebody_works_on_a_host(operator: Operator, host: str) -> None:
    folder = operator.app_state if host == "app1" else operator.state
    lock = ["-m", "vendhub.ops.operation_lock", "-a", f"operation=deploy holder=ann directory={folder} steal=never"]
    assert operator.ansible("ansible", host, *lock)[0] == 0
    code, screen = operator.run("database_monthly", database_maintenance_apply=True)
    assert code == 2
    assert "ann holds the lock for deploy" in screen
    assert ("Nothing was done, the maintenance has time" in screen) == (host == "app1")
    assert not operator.vacuumed
    assert "ann" in (folder / "lock.json").read_text()
    code, screen = operator.run("database_weekly")
    assert code == 0, screen  # a plan disturbs nobody


def test_nothing_is_done_while_the_app_is_down_unless_it_is_said(operator: Operator) -> None:
    Health.status = 503
    code, screen = operator.run("database_monthly", database_maintenance_apply=True)
    assert code == 2
    assert "Nothing was done, for the app is not well" in screen
    assert "503" in screen
    assert "db1 :" not in screen  # the database's host was not come to
    assert not operator.vacuumed
    code, screen = operator.run("database_weekly")
    assert code == 0, screen  # a plan disturbs nobody
    code, screen = operator.run("database_weekly", database_maintenance_apply=True,
                                database_maintenance_while_down=True)
    assert (code, changed(screen), operator.vacuumed) == (0, 1, True), screen


def test_killed_in_the_middle_the_next_run_takes_over_and_cleans_up(operator: Operator) -> None:
    site = operator.site
    definitions = site.definitions()
    with site.transaction(f"INSERT INTO {TABLE} (name) VALUES ('open')"):
        process = operator.start("ansible-playbook", *asked(
            "database_monthly", database_maintenance_apply=True, database_maintenance_lock_timeout_seconds=60,
            database_maintenance_long_transaction_seconds=600))
        until(lambda: any(json.loads(path.read_text()).get("created")
                          for path in operator.state.glob("postgresql_reindex_*.json")), 60)
        for pid in family(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=30)
        until(lambda: site.at_work() is None)
    assert len(site.invalid()) == 1
    assert (operator.state / "lock.json").exists()
    code, screen = operator.run("database_weekly")
    assert code == 0, screen
    assert "left by a reindexing of ours that was broken off" in screen
    code, screen = operator.run("database_monthly", database_maintenance_apply=True)
    assert code == 0, screen
    assert "1 leftover removed" in screen
    assert (site.invalid(), site.definitions()) == ([], definitions)
    assert [path.name for path in operator.state.glob("*.json")] == []


@pytest.mark.parametrize(("variables", "words"), [
    ({"database_maintenance_apply": "perhaps"}, "database_maintenance_apply"),
    ({"database_maintenance_bloat_percent": 0}, "bloat_percent must be above 0"),
    ({"database_maintenance_login": {"host": "127.0.0.1", "user": "gone"}}, "gone")])
def test_a_wrong_option_is_refused(operator: Operator, variables: dict[str, t.Any], words: str) -> None:
    code, screen = operator.run("database_monthly", **{"database_maintenance_apply": True, **variables})
    assert code == 2
    assert words in screen
    assert not (operator.state / "lock.json").exists()
