# SPDX-License-Identifier: GPL-3.0-or-later
"""The role database_host against Debian's PostgreSQL on a real host: what its role may do, and what it may not."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from tests.hosts.play import Run, play
from tests.lab import Host, Lab
from tests.lab.image import image
from tests.lab.layers import exists

LAYER = "bare-postgresql"
SECRET = "canary-of-the-monitor'\"$x"
PLAYBOOK = [{"name": "Prepare the database host", "hosts": "postgresql", "gather_facts": False, "become": True,
             "roles": [{"role": "vendhub.ops.database_host", "tags": "database_host"}]}]
PREPARE = """
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qqy --no-install-recommends postgresql python3-psycopg2 >/dev/null
cd /
runuser -u postgres -- createdb vendhub_prod
runuser -u postgres -- psql -q vendhub_prod -c "CREATE TABLE tokens (secret text)"
echo "log_statement = 'all'" > /etc/postgresql/15/main/conf.d/test.conf
"""
LIBRARIES = "SHOW shared_preload_libraries"


class Database:
    """The host, and the ways to look at its server."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.host: Host = lab["db1"]
        self.playbook = folder / "play.yml"
        self.playbook.write_text(yaml.safe_dump(PLAYBOOK))

    def play(self, *words: str, **variables: t.Any) -> Run:
        inventory = self.lab.inventory({"postgresql": ["db1"]}, {"database_host_password": SECRET, **variables})
        return play(self.playbook, inventory, *words, secret="canary-of-the-monitor")

    def sql(self, statement: str, *, user: str = "postgres", options: str = "", check: bool = True) -> str:
        """What psql answers: as postgres through the socket, as anybody else over TCP with the monitor's password."""
        # not Debian's wrapper, which reads the server's configuration itself
        words = ["/usr/lib/postgresql/15/bin/psql", "-XAtqU", user, "vendhub_prod", "-c", statement]
        if user == "postgres":
            words = ["runuser", "-u", "postgres", "--", *words, "-h", "/var/run/postgresql"]
        else:
            words = [f"PGPASSWORD={SECRET}", f"PGOPTIONS={options}", *words, "-h", "127.0.0.1"]
        done = self.host.run(["env", "-C", "/", *words], check=False)
        assert not check or done.returncode == 0, done.stderr
        return (done.stdout + done.stderr).strip()

    def script(self, text: str) -> str:
        return self.host.run(["bash", "-c", text]).stdout


@pytest.fixture(scope="module")
def lab() -> t.Iterator[Lab]:
    if not exists(LAYER, image().name):
        with Lab(LAYER, ["db1"]) as made:
            made["db1"].run(["sh", "-c", PREPARE], timeout=400)
            made.save("db1", LAYER)
    with Lab("database-host", ["db1"], layer=LAYER) as lab:
        yield lab


@pytest.fixture
def database(lab: Lab, tmp_path: Path) -> Database:
    """A host with PostgreSQL and nothing of ours."""
    lab.reset()
    return Database(lab, tmp_path)


def test_the_role_sees_statistics_and_no_data(database: Database) -> None:
    roles = database.sql("SELECT rolname FROM pg_roles ORDER BY 1")
    done = database.play("--check", "--diff")
    assert done.code == 0, done.screen[-3000:]
    assert database.sql("SELECT rolname FROM pg_roles ORDER BY 1") == roles, "a look leaves no trace"
    done = database.play("--diff")
    assert done.code == 0, done.screen[-3000:]
    for words in ((), ("--check", "--diff"), ("--tags", "database_host")):
        done = database.play(*words)
        assert (done.code, done.changed) == (0, 0), done.screen[-3000:]

    assert database.sql("SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit,"
                        " rolconfig FROM pg_roles WHERE rolname = 'vendhub_monitor'") == (
        "f|f|f|f|f|5|{default_transaction_read_only=on,statement_timeout=10s,lock_timeout=1s}")
    assert database.sql("SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
                        " WHERE member = 'vendhub_monitor'::regrole") == "pg_monitor"
    assert database.sql("SELECT left(rolpassword, 13) FROM pg_authid"
                        " WHERE rolname = 'vendhub_monitor'") == "SCRAM-SHA-256"

    def as_monitor(statement: str, options: str = "") -> str:
        return database.sql(statement, user="vendhub_monitor", options=options, check=False)

    assert int(as_monitor("SELECT count(*) FROM pg_stat_activity WHERE query <> '<insufficient privilege>'")) > 0
    assert "permission denied" in as_monitor("SELECT * FROM tokens")
    assert "read-only transaction" in as_monitor("CREATE TABLE mine (n int)")
    for statement in ("INSERT INTO tokens VALUES ('x')", "CREATE TABLE mine (n int)", "CREATE SCHEMA mine"):
        said = as_monitor(statement, "-c default_transaction_read_only=off")
        assert "permission denied" in said, f"also with writing switched on: {statement}"
    assert database.script("stat -c '%U %G %a' /opt/backups").strip() == "postgres postgres 750"
    logs = database.script("cat /var/log/postgresql/*.log; journalctl --no-pager -o cat")
    assert "canary-of-the-monitor" not in logs
    assert "SELECT * FROM tokens" in logs, "the server logs statements here, so a secret would have been seen"


def test_what_somebody_added_to_the_role_is_taken_back(database: Database) -> None:
    assert database.play().code == 0
    database.sql("CREATE ROLE writers; GRANT writers TO vendhub_monitor; ALTER ROLE vendhub_monitor CREATEDB;"
                 " ALTER ROLE vendhub_monitor SET work_mem = '1GB'; ALTER ROLE vendhub_monitor PASSWORD 'other'")
    done = database.play()
    assert (done.code, done.changed) == (0, 2), done.screen[-2000:]
    assert database.sql("SELECT rolcreatedb, 'work_mem=1GB' = ANY(rolconfig) FROM pg_roles"
                        " WHERE rolname = 'vendhub_monitor'") == "f|f"
    assert database.sql("SELECT count(*) FROM pg_auth_members WHERE member = 'vendhub_monitor'::regrole") == "1"


@pytest.mark.parametrize("make", [
    "CREATE ROLE vendhub_monitor LOGIN SUPERUSER",
    "CREATE ROLE vendhub_monitor LOGIN; CREATE TABLE theirs (n int); ALTER TABLE theirs OWNER TO vendhub_monitor"])
def test_a_role_that_somebody_works_with_is_refused(database: Database, make: str) -> None:
    database.sql(make)
    before = database.sql("SELECT rolsuper, rolconfig FROM pg_roles WHERE rolname = 'vendhub_monitor'")
    for words in ((), ("--check",)):
        done = database.play(*words)
        assert done.code == 2
        assert "is a superuser or owns a database or tables" in done.words
    assert database.sql("SELECT rolsuper, rolconfig FROM pg_roles WHERE rolname = 'vendhub_monitor'") == before


def test_a_setting_that_another_file_overrides_restarts_nothing(database: Database) -> None:
    database.sql("ALTER SYSTEM SET shared_preload_libraries = ''")
    started = database.sql("SELECT pg_postmaster_start_time()")
    for dummy in range(2):
        done = database.play(database_host_statements=True, database_host_restart=True)
        assert done.code == 2
        assert "another file (postgresql.auto.conf by ALTER SYSTEM" in done.words
    assert database.sql("SELECT pg_postmaster_start_time()") == started
    database.sql("ALTER SYSTEM RESET shared_preload_libraries")


def test_the_password_is_not_among_the_statements(database: Database) -> None:
    assert database.play(database_host_statements=True, database_host_restart=True).code == 0
    database.sql("ALTER ROLE vendhub_monitor PASSWORD 'other'; CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    assert database.play(database_host_statements=True).code == 0
    seen = database.sql("SELECT string_agg(query, ' ') FROM pg_stat_statements")
    assert "canary-of-the-monitor" not in seen
    assert "PASSWORD" in seen, "utility statements are kept here, so a secret would have been seen"


def test_a_login_that_pg_hba_refuses_is_told_with_the_line_to_add(database: Database) -> None:
    database.script("sed -i 's/^host/#host/' /etc/postgresql/15/main/pg_hba.conf; systemctl reload postgresql@15-main")
    done = database.play()
    assert done.code == 2
    assert "add: host all vendhub_monitor samehost scram-sha-256" in done.words
    assert database.script("grep -c vendhub /etc/postgresql/15/main/pg_hba.conf || true").strip() == "0"


def test_statements_are_loaded_by_an_allowed_restart_only(database: Database) -> None:
    started = database.sql("SELECT pg_postmaster_start_time()")
    done = database.play(database_host_statements=True)
    assert done.code == 0, done.screen[-2000:]
    assert "pg_stat_statements is loaded with the next restart of postgresql@15-main.service" in done.words
    assert database.sql("SELECT pg_postmaster_start_time()") == started
    done = database.play(database_host_statements=True)
    assert (done.code, done.changed) == (0, 0), done.screen[-2000:]

    done = database.play(database_host_statements=True, database_host_restart=True)
    assert done.code == 0, done.screen[-2000:]
    assert database.sql(LIBRARIES) == "pg_stat_statements"
    assert int(database.sql("SELECT count(*) FROM pg_stat_statements", user="vendhub_monitor")) > 0
    done = database.play(database_host_statements=True, database_host_restart=True)
    assert (done.code, done.changed) == (0, 0), done.screen[-2000:]


def test_libraries_of_others_stay_loaded(database: Database) -> None:
    database.script("echo \"shared_preload_libraries = 'auto_explain'\" > /etc/postgresql/15/main/conf.d/a.conf; "
                    "systemctl restart postgresql@15-main")
    assert database.play(database_host_statements=True, database_host_restart=True).code == 0
    assert database.sql(LIBRARIES) == "auto_explain,pg_stat_statements"


def test_somebody_elses_typo_takes_no_server_down(database: Database) -> None:
    database.script("echo 'work_mem = 4 apples' > /etc/postgresql/15/main/conf.d/zz.conf")
    started = database.sql("SELECT pg_postmaster_start_time()")
    done = database.play(database_host_statements=True, database_host_restart=True)
    assert done.code == 2
    assert "would not start again with its configuration" in done.words
    assert database.sql("SELECT pg_postmaster_start_time()") == started
    assert "vendhub" not in database.script("ls /etc/postgresql/15/main/conf.d")


def test_a_server_that_does_not_come_up_gets_its_old_configuration_back(database: Database) -> None:
    database.script("mv /usr/lib/postgresql/15/lib/pg_stat_statements.so /root/")
    done = database.play(database_host_statements=True, database_host_restart=True)
    assert done.code == 2
    assert "the setting was taken back; the server answers" in done.words
    assert database.sql("SELECT 1") == "1"
    assert "vendhub" not in database.script("ls /etc/postgresql/15/main/conf.d")


def test_absent_drops_the_role_and_keeps_all_else(database: Database) -> None:
    assert database.play().code == 0
    database.script("echo dump > /opt/backups/a.dump")
    roles = database.sql("SELECT rolname FROM pg_roles WHERE rolname <> 'vendhub_monitor' ORDER BY 1")
    done = database.play(database_host_state="absent")
    assert (done.code, done.changed) == (0, 1), done.screen[-2000:]
    assert database.sql("SELECT rolname FROM pg_roles ORDER BY 1") == roles
    assert database.script("cat /opt/backups/a.dump").strip() == "dump"
    assert database.sql("SELECT count(*) FROM tokens") == "0"
    done = database.play(database_host_state="absent")
    assert (done.code, done.changed) == (0, 0)


def test_without_postgresql_it_says_so_in_one_sentence(database: Database) -> None:
    database.script("systemctl stop postgresql@15-main")
    done = database.play()
    assert (done.code, done.changed) == (2, 0)
    assert "db1: PostgreSQL does not answer the user postgres" in done.words
    done = database.play("--check", "--diff")
    assert (done.code, done.changed) == (0, 0), done.screen[-2000:]
    database.script("DEBIAN_FRONTEND=noninteractive apt-get purge -qqy 'postgresql*' python3-psycopg2 >/dev/null 2>&1; "
                    "deluser --quiet postgres >/dev/null 2>&1; true")
    done = database.play("--check", "--diff")
    assert (done.code, done.changed) == (0, 0), done.screen[-2000:]
    assert database.play().code == 2
