# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql_check against real servers."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import typing as t
from pathlib import Path

import psycopg2
import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import ServiceDown
from ansible_collections.vendhub.ops.plugins.module_utils._core.subject import Plan, look
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.client import Client
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.connection import address
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._postgresql.subject import subject

from demo.stack import process
from demo.stack.postgresql import Cluster
from demo.stack.privileges import unprivileged
from tests.modules import call, finding

MakeCluster = t.Callable[..., Cluster]
MONITOR, PASSWORD = "watcher", "canary-5d1c77"
SETTINGS: dict[str, str | int] = {
    "max_connections": 20, "superuser_reserved_connections": 3, "max_prepared_transactions": 5,
    "wal_level": "logical", "max_wal_senders": 4,
}


@pytest.fixture(scope="module", params=["15", "16", "18"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Cluster]:
    """A server of each version with a role that has pg_monitor and nothing else."""
    settings: dict[str, t.Any] = dict(SETTINGS)
    if request.param == "15":
        settings["shared_preload_libraries"] = "pg_stat_statements"
    with Cluster(tmp_path_factory.mktemp(f"pg{request.param}"), version=request.param, settings=settings) as server:
        with_role(server)
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Cluster]:
    """One server, for what does not differ between versions."""
    with Cluster(tmp_path_factory.mktemp("pg"), version="18", settings=SETTINGS) as one:
        with_role(one)
        yield one


def with_role(server: Cluster) -> None:
    server.execute(f"CREATE ROLE {MONITOR} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
    server.execute(f"CREATE ROLE nobody LOGIN PASSWORD '{PASSWORD}'")


def check(server: Cluster, **options: t.Any) -> dict[str, t.Any]:
    given = {"host": server.host, "port": server.port, "user": MONITOR, "password": PASSWORD, "database": "postgres",
             "timeout_seconds": 5, **options}
    return call("postgresql_check", **given)


def names(result: t.Mapping[str, t.Any]) -> set[str]:
    return {row["name"] for row in result["findings"]}


@contextlib.contextmanager
def sessions(server: Cluster, number: int, **options: t.Any) -> t.Iterator[list[psycopg2.extensions.connection]]:
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(contextlib.closing(server.connect(**options))) for dummy in range(number)]


def until(ready: t.Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


def alone(server: Cluster) -> bool:
    """Whether earlier sessions are really gone."""
    return bool(check(server)["metrics"]["postgresql_connections_used"] == 0)


# a healthy server


def test_a_role_with_pg_monitor_sees_everything_and_it_is_fine(cluster: Cluster) -> None:
    until(lambda: alone(cluster))
    result = check(cluster)
    assert (result["state"], result["failed"], result["changed"]) == ("ok", False, False)
    assert f"PostgreSQL {cluster.version}." in finding(result, "postgresql_reachable")["message"]
    assert "postgresql_not_seen" not in names(result)
    usable = 20 - 3 - 0
    assert finding(result, "postgresql_connections_percent")["message"] == f"0 of {usable} usable connections in use"


def test_the_check_does_not_count_itself(server: Cluster) -> None:
    until(lambda: alone(server))
    assert not [key for key in check(server)["metrics"] if key.startswith("postgresql_connections{")]


def test_connections_for_other_roles_are_reserved_since_16(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(version="16", settings={"max_connections": 20, "reserved_connections": 4})
    result = check(one, user=one.superuser, password=one.password)
    assert result["metrics"]["postgresql_connections_usable"] == 13


def test_nothing_is_written_and_no_statistic_is_reset(cluster: Cluster) -> None:
    cluster.execute("CREATE TABLE things (n int); INSERT INTO things VALUES (1)")
    questions = ("SELECT name, setting FROM pg_settings ORDER BY name",
                 "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = 'things'",
                 "SELECT stats_reset FROM pg_stat_database ORDER BY datid", "SELECT * FROM pg_db_role_setting",
                 "SELECT rolname FROM pg_roles ORDER BY 1", "SELECT * FROM things",
                 "SELECT txid_snapshot_xmax(txid_current_snapshot())")
    until(lambda: cluster.execute(questions[1]) == [(1, 0, 0)])  # statistics come a little late
    before = [cluster.execute(question) for question in questions]
    check(cluster)
    check(cluster, check_mode=True)
    assert [cluster.execute(question) for question in questions] == before
    cluster.execute("DROP TABLE things")


def test_the_session_is_read_only_and_named(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(settings={"log_statement": "all", "log_line_prefix": "[%a] "})
    result = check(one, user=one.superuser, password=one.password)
    assert result["state"] == "ok"
    own = [line for line in one.log.read_text().splitlines() if line.startswith("[vendhub-ops]")]
    assert len([line for line in own if "statement: /* vendhub-ops */" in line]) == len(own) == 1
    with Client(address(_options(one))) as client:
        with pytest.raises(ServiceDown, match="read-only transaction"):
            client.ask("CREATE TABLE trace (n int)")
        client.ask("SELECT convert_to(json_build_object('jit', current_setting('jit'))::text, 'UTF8')")


def test_no_password_and_no_literal_is_in_any_answer(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(settings={"max_connections": 10})
    with_role(one)
    with sessions(one, 1, user=MONITOR, password=PASSWORD, application_name="password=canary-name") as (session,):
        session.autocommit = False
        session.cursor().execute("SELECT 'canary-literal'")
        results = [_look(one), _look(one, password="canary-wrong"), _look(one, user="nobody"),
                   _look(one, database="gone")]
        assert "password=***" in json.dumps(results[0])
    one.kill()
    results.append(_look(one))
    # below the module: there Ansible itself would hide the password
    assert [result["state"] for result in results] == ["ok", "unknown", "warning", "critical", "critical"]
    assert "canary" not in json.dumps(results)


# every row of the table, just below, at and just above its limit


def limits(name: str, warning: float, critical: float | None = None) -> dict[str, t.Any]:
    return {name: {"warning": warning, "critical": critical}}


@pytest.mark.parametrize(("number", "state"), [(8, "ok"), (9, "warning"), (13, "warning"), (14, "critical")])
def test_connections_against_the_runbooks_limits(server: Cluster, number: int, state: str) -> None:
    until(lambda: alone(server))
    with sessions(server, number, user=MONITOR, password=PASSWORD, application_name="load"):
        result = check(server)
    row = finding(result, "postgresql_connections_percent")
    assert (row["state"], row["message"].split(" (")[0]) == (state, f"{number} of 17 usable connections in use")
    assert row["details"] == [{"application": "load", "user": MONITOR, "database": "postgres", "state": "idle",
                               "connections": number}]
    assert row.get("remedy", "") == ("" if state == "ok" else "vendhub.ops.release_connections")


def test_connections_exactly_at_the_limit_are_fine(server: Cluster) -> None:
    until(lambda: alone(server))
    with sessions(server, 4):
        result = check(server, thresholds=limits("postgresql_connections_percent", 100 * 4 / 17))
        above = check(server, thresholds=limits("postgresql_connections_percent", 100 * 4 / 17 - 0.01))
    assert finding(result, "postgresql_connections_percent")["state"] == "ok"
    assert finding(above, "postgresql_connections_percent")["state"] == "warning"


@pytest.mark.parametrize("name", ["postgresql_idle_in_transaction_seconds", "postgresql_transaction_seconds"])
def test_an_idle_transaction_is_measured_and_named(cluster: Cluster, name: str) -> None:
    with sessions(cluster, 1, application_name="forgetful") as (session,):
        session.autocommit = False
        with session.cursor() as cursor:
            cursor.execute("SELECT 1")
        time.sleep(0.3)
        above = check(cluster, thresholds=limits(name, 0.2))
        below = check(cluster, thresholds=limits(name, 60))
    row = finding(above, name)
    assert (row["state"], finding(below, name)["state"]) == ("warning", "ok")
    assert "forgetful (pid " in row["message"]
    assert 0.2 < row["value"] < 30
    at = check(cluster, thresholds=limits(name, 0))  # nothing is open: exactly 0, the limit
    assert (finding(at, name)["value"], finding(at, name)["state"]) == (0, "ok")


def test_a_prepared_transaction_is_a_long_one(cluster: Cluster) -> None:
    cluster.execute("CREATE TABLE two (n int)")
    cluster.execute("BEGIN; INSERT INTO two VALUES (1); PREPARE TRANSACTION 'forgotten'")
    try:
        result = check(cluster, thresholds=limits("postgresql_transaction_seconds", 0.0001))
    finally:
        cluster.execute("ROLLBACK PREPARED 'forgotten'")
    assert "prepared transaction forgotten" in finding(result, "postgresql_transaction_seconds")["message"]


def test_blocked_sessions_name_their_blocker(cluster: Cluster) -> None:
    cluster.execute("CREATE TABLE queue (n int)")
    waiters = []
    with sessions(cluster, 1, application_name="migration") as (holder,), \
            sessions(cluster, 2, application_name="api") as victims:
        holder.autocommit = False
        holder.cursor().execute("LOCK TABLE queue IN ACCESS EXCLUSIVE MODE")
        for victim in victims:
            waiters.append(threading.Thread(target=lambda victim=victim: victim.cursor().execute("TABLE queue")))
            waiters[-1].start()
        until(lambda: cluster.execute("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(2,)])
        time.sleep(0.15)
        name = "postgresql_blocked_sessions"
        usual = check(cluster, lock_wait_seconds=0.1)
        at = check(cluster, lock_wait_seconds=0.1, thresholds=limits(name, 2, 2))
        above = check(cluster, lock_wait_seconds=0.1, thresholds=limits(name, 1, 1))
        short = check(cluster, lock_wait_seconds=60)
        holder.rollback()
        for waiter in waiters:
            waiter.join(5)
    assert [finding(one, name)["state"] for one in (usual, at, above, short)] == ["warning", "ok", "critical", "ok"]
    row = finding(usual, name)
    assert row["value"] == 2
    assert "blocked by migration (pid" in row["message"]
    assert {detail["application"] for detail in row["details"]} == {"api"}


def test_wraparound_is_measured_in_percent_of_the_way(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(version="15")
    one.stop_server()
    # 1.2 thousand million transactions later, as a server is that was never vacuumed
    process.run(unprivileged([str(one.binaries / "pg_resetwal"), "-x", "1200000000", "-D", str(one.data)],
                             one.binaries, one.data), process.clean_environment(), 30, cwd=one.folder)
    clog = one.data / "pg_xact" / f"{1200000000 // (32768 * 32):04X}"
    clog.write_bytes(bytes(262144))
    os.chown(clog, one.data.stat().st_uid, one.data.stat().st_gid)
    one.configure({"autovacuum": False, "autovacuum_freeze_max_age": 2_000_000_000})
    one.start()
    options = {"user": one.superuser, "password": one.password}
    name = "postgresql_wraparound_percent"
    row = finding(check(one, **options), name)
    assert row["state"] == "warning"
    assert 55 < row["value"] < 57
    assert finding(check(one, **options, thresholds=limits(name, 57)), name)["state"] == "ok"
    assert finding(check(one, **options, thresholds=limits(name, 50, 55)), name)["state"] == "critical"


def test_wraparound_at_its_limit_is_fine(server: Cluster) -> None:
    name = "postgresql_wraparound_percent"
    details = finding(check(server), name)["details"]
    exact = 100 * details[0]["age"] / details[0]["stop_age"]
    assert finding(check(server, thresholds=limits(name, round(exact, 4))), name)["state"] == "ok"
    assert finding(check(server, thresholds=limits(name, -1)), name)["state"] == "warning"


def test_a_slot_nobody_uses_is_told_with_what_it_keeps(cluster: Cluster) -> None:
    cluster.execute("SELECT pg_create_physical_replication_slot('orphan', true)")
    try:
        cluster.execute("CREATE TABLE wal AS SELECT generate_series(1, 20000)")
        cluster.execute("DROP TABLE wal")
        result = check(cluster)
        kept = finding(result, "postgresql_slot_retained_bytes", "orphan")["value"]
        name = "postgresql_slot_retained_bytes"
        states = [finding(check(cluster, thresholds=limits(name, limit)), name, "orphan")["state"]
                  for limit in (kept + 2**24, kept - 1)]
    finally:
        cluster.execute("SELECT pg_drop_replication_slot('orphan')")
    assert kept > 500_000
    assert states == ["ok", "warning"]
    row = finding(result, "postgresql_slot_state", "orphan")
    assert row["state"] == "warning"
    assert "used by nobody" in row["message"]
    none = finding(check(cluster, thresholds=limits(name, 0)), name)  # exactly 0, the limit
    assert (none["value"], none["state"]) == (0, "ok")


def test_a_slot_that_lost_its_wal_is_critical(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(version="16", settings={"max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB",
                                                  "max_wal_size": "32MB"})
    one.execute("SELECT pg_create_physical_replication_slot('lost', true)")
    for dummy in range(4):
        one.execute("SELECT pg_logical_emit_message(false, 'x', 'y')")
        one.execute("SELECT pg_switch_wal()")
    one.execute("CHECKPOINT")
    result = check(one, user=one.superuser, password=one.password)
    assert finding(result, "postgresql_slot_state", "lost")["state"] == "critical"


def test_an_invalid_index_is_named(cluster: Cluster) -> None:
    cluster.execute('CREATE TABLE "Orders" AS SELECT 1 AS n UNION ALL SELECT 1')
    with contextlib.suppress(psycopg2.Error):
        cluster.execute('CREATE UNIQUE INDEX CONCURRENTLY "Bad Index" ON "Orders" (n)')
    name = "postgresql_invalid_indexes"
    result, at = check(cluster), check(cluster, thresholds=limits(name, 1))
    cluster.execute('DROP TABLE "Orders"')
    row = finding(result, name)
    assert (row["state"], row["value"]) == ("warning", 1)
    assert 'public."Bad Index"' in row["message"]
    assert finding(at, name)["state"] == "ok"
    assert finding(check(cluster), name)["state"] == "ok"


def test_a_standby_and_its_lag(make_postgresql: MakeCluster, tmp_path: Path) -> None:
    primary = make_postgresql(version="16", settings={"wal_level": "replica"})
    primary.execute("ALTER ROLE postgres REPLICATION")
    standby = Cluster(tmp_path / "standby", version="16", password=primary.password)
    standby.folder.mkdir()
    os.chown(standby.folder, primary.data.stat().st_uid, primary.data.stat().st_gid)
    hba = primary.data / "pg_hba.conf"
    hba.write_text(hba.read_text() + "\nhost replication all 127.0.0.1/32 scram-sha-256\n")
    primary.execute("SELECT pg_reload_conf()")
    process.run(unprivileged([str(primary.binaries / "pg_basebackup"), "-D", str(standby.data), "-R", "-X", "stream",
                              "-c", "fast", "-h", primary.host, "-p", str(primary.port), "-U", "postgres"],
                             primary.binaries, primary.data),
                process.clean_environment(PGPASSWORD=primary.password), 60, cwd=standby.folder)
    login = {"user": "postgres", "password": primary.password}
    name = "postgresql_replica_lag_bytes"
    with standby:
        until(lambda: name in names(check(primary, **login)))
        result = check(standby, **login)
        assert finding(result, "postgresql_standby")["state"] == "ok"
        assert "standby" in finding(result, "postgresql_reachable")["message"]
        standby.execute("SELECT pg_wal_replay_pause()")
        until(lambda: bool(standby.execute("SELECT pg_get_wal_replay_pause_state() = 'paused'")[0][0]))
        primary.execute("CREATE TABLE wal AS SELECT generate_series(1, 20000)")
        row = finding(check(primary, **login, thresholds=limits(name, 100_000)), name)
        assert row["state"] == "warning"
        assert finding(check(primary, **login, thresholds=limits(name, row["value"] + 2**20)), name)["state"] == "ok"
        standby.execute("SELECT pg_wal_replay_resume()")
        primary.stop_server()
        until(lambda: finding(check(standby, **login), "postgresql_standby")["state"] == "warning")


# slow statements: Debian's server ships pg_stat_statements, the wheels do not


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Cluster]:
    """A server that has measured a slow statement, called three times with a secret as its literal."""
    settings = {**SETTINGS, "shared_preload_libraries": "pg_stat_statements"}
    with Cluster(tmp_path_factory.mktemp("measured"), version="15", settings=settings) as one:
        with_role(one)
        one.execute("CREATE EXTENSION pg_stat_statements")
        for dummy in range(3):
            one.execute("SELECT pg_sleep(0.05), 'canary-in-a-literal'")
            one.execute("VACUUM")
        yield one


def test_a_slow_statement_is_found_and_shown_without_its_literals(measured: Cluster) -> None:
    name = "postgresql_statement_mean_seconds"
    result = check(measured, statement_min_calls=3, thresholds=limits(name, 0.04, 10))
    row = finding(result, name)
    assert row["state"] == "warning"
    assert "pg_sleep" in row["message"]
    assert 0.05 <= row["value"] < 1
    assert row["details"][0]["calls"] == 3
    assert "canary-in" not in json.dumps(row)
    assert "VACUUM" not in json.dumps(row)
    value = row["value"]
    states = [finding(check(measured, statement_min_calls=3, thresholds=limits(name, limit)), name)["state"]
              for limit in (value + 0.001, value + 0.00005, value - 0.001)]
    assert states == ["ok", "ok", "warning"]
    # by now our own question was asked often enough, and is still no statement of the application
    assert "MATERIALIZED" not in json.dumps(check(measured, statement_min_calls=1))


def test_a_statement_called_too_rarely_is_not_judged(measured: Cluster) -> None:
    result = check(measured, statement_min_calls=100, thresholds=limits("postgresql_statement_mean_seconds", 0.04))
    assert finding(result, "postgresql_statement_mean_seconds")["state"] == "ok"


def test_without_pg_monitor_the_check_says_what_was_hidden(measured: Cluster) -> None:
    with sessions(measured, 2):
        result = check(measured, user="nobody", statement_min_calls=3)
    row = finding(result, "postgresql_not_seen")
    assert row["state"] == "warning"
    assert "what sessions of other roles do (2 are hidden" in row["message"]
    assert "the text of statements" in row["message"]
    assert {detail["enable"] for detail in row["details"]} == {"GRANT pg_monitor TO <role>"}
    assert "2 sessions are hidden" in finding(result, "postgresql_transaction_seconds")["message"]
    assert finding(result, "postgresql_connections_percent")["message"].startswith("2 of 17")
    assert "text hidden" in finding(result, "postgresql_statement_mean_seconds")["message"]


@pytest.mark.parametrize(("change", "back", "words"), [
    ("REVOKE SELECT ON pg_stat_statements FROM PUBLIC", "GRANT SELECT ON pg_stat_statements TO PUBLIC",
     "may not read pg_stat_statements"),
    ("ALTER VIEW pg_stat_statements RENAME COLUMN calls TO called",
     "ALTER VIEW pg_stat_statements RENAME COLUMN called TO calls", "of a shape this check does not know"),
])
def test_statements_that_cannot_be_read_do_not_hide_the_rest(measured: Cluster, change: str, back: str,
                                                             words: str) -> None:
    measured.execute(change)
    try:
        result = check(measured)
    finally:
        measured.execute(back)
    assert result["state"] == "warning"
    assert words in finding(result, "postgresql_not_seen")["message"]
    assert finding(result, "postgresql_connections_percent")["state"] == "ok"


@pytest.mark.parametrize(("option", "state"), [("auto", None), ("required", "unknown"), ("off", None)])
def test_an_absent_extension_alarms_only_when_it_is_required(server: Cluster, option: str, state: str | None) -> None:
    until(lambda: alone(server))
    result = check(server, statements=option)
    rows = [row["state"] for row in result["findings"] if row["name"] == "postgresql_statement_mean_seconds"]
    assert rows == ([state] if state else [])
    assert result["state"] == (state or "ok")
    details = finding(result, "postgresql_reachable").get("details", [])
    assert [detail["not_looked_at"] for detail in details] == ([] if option == "off" else ["slow statements"])


def test_an_extension_without_its_library_is_told(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(version="15")
    one.execute("CREATE EXTENSION pg_stat_statements")
    result = check(one, user=one.superuser, password=one.password, statements="required")
    assert "its library is not loaded" in finding(result, "postgresql_statement_mean_seconds")["message"]


def test_an_old_version_of_the_extension_is_asked_with_its_old_columns(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(version="15", settings={"shared_preload_libraries": "pg_stat_statements"})
    one.execute("CREATE EXTENSION pg_stat_statements VERSION '1.7'")
    one.execute("SELECT pg_sleep(0.01)")
    result = check(one, user=one.superuser, password=one.password, statement_min_calls=1)
    assert finding(result, "postgresql_statement_mean_seconds")["value"] > 0


# over TLS


def test_a_verified_tls_connection_works_and_an_untrusted_one_is_told(make_postgresql: MakeCluster,
                                                                      tmp_path: Path) -> None:
    one = make_postgresql(version="15")
    certificate, key = _certificate(tmp_path)
    for source, name in ((certificate, "server.crt"), (key, "server.key")):
        target = one.data / name
        target.write_bytes(source.read_bytes())
        target.chmod(0o600)
        os.chown(target, one.data.stat().st_uid, one.data.stat().st_gid)
    one.restart({"ssl": True})
    login = {"user": one.superuser, "password": one.password, "host": "localhost"}
    assert check(one, **login, sslmode="verify-full", ca_path=str(certificate))["state"] == "ok"
    for wrong, words in (({"host": "127.0.0.1", "ca_path": str(certificate)}, "another name"),
                         ({"ca_path": str(_certificate(tmp_path / "other")[0])}, "not trusted"),
                         ({"ca_path": "/nonexistent"}, "missing")):
        result = check(one, **{**login, "sslmode": "verify-full", **wrong})
        assert result["failed"]
        assert words in result["msg"]


def _certificate(folder: Path) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    certificate, key = folder / "tls.crt", folder / "tls.key"
    process.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                 "-keyout", str(key), "-out", str(certificate)], process.clean_environment(), 30, cwd=folder)
    return certificate, key


# a server that does not work


def test_a_full_server_is_critical_in_its_own_words(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(settings={"max_connections": 5, "superuser_reserved_connections": 2, "max_wal_senders": 0})
    with_role(one)
    with sessions(one, 3, user=MONITOR, password=PASSWORD):
        reserved = check(one)
        with sessions(one, 2):
            full = check(one)
    for result, words in ((reserved, "remaining connection slots are reserved"), (full, "too many clients already")):
        row = finding(result, "postgresql_reachable")
        assert (result["state"], row["remedy"]) == ("critical", "vendhub.ops.release_connections")
        assert words in row["message"]


def test_a_killed_server_is_critical(make_postgresql: MakeCluster) -> None:
    one = make_postgresql()
    one.kill()
    result = check(one)
    assert (result["state"], result["failed"]) == ("critical", False)
    assert "connection refused" in result["msg"]
    assert "no socket" in check(one, host="/nonexistent")["msg"]


def test_a_frozen_server_is_critical_within_its_time(make_postgresql: MakeCluster) -> None:
    one = make_postgresql()
    one.freeze()
    started = time.monotonic()
    result = check(one, timeout_seconds=0.5)
    assert time.monotonic() - started < 1.4
    assert result["state"] == "critical"
    assert "no answer within 0.5 s" in result["msg"]


def test_a_frozen_backend_is_critical_within_its_time(make_postgresql: MakeCluster) -> None:
    one = make_postgresql()
    with sessions(one, 1) as (holder,):
        # our question waits for this lock, and its server process is stopped while it does
        holder.autocommit = False
        holder.cursor().execute("LOCK TABLE pg_catalog.pg_index IN ACCESS EXCLUSIVE MODE")
        box: list[dict[str, t.Any]] = []
        started = time.monotonic()
        looking = threading.Thread(target=lambda: box.append(_look(one, user=one.superuser, password=one.password)))
        looking.start()
        until(lambda: _waiting(holder) is not None)
        backend = process.Process.of(t.cast(int, _waiting(holder)))
        assert backend is not None
        backend.freeze()
        looking.join(10)
        backend.thaw()
    assert time.monotonic() - started < 4
    assert box[0]["state"] == "critical"
    assert "no answer within 1 s" in box[0]["msg"]


def _waiting(holder: psycopg2.extensions.connection) -> int | None:
    with holder.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted")
        row = cursor.fetchone()
    return row[0] if row else None


def _look(server: Cluster, **options: t.Any) -> dict[str, t.Any]:
    """Look without the module around: in any thread, and with nothing hidden by Ansible."""
    given = {**_options(server), "user": MONITOR, "password": PASSWORD, **options}
    (answer,) = look([Plan("postgresql", lambda: subject(given, Thresholds()))])
    return answer.verdict.as_dict()


def _options(server: Cluster) -> dict[str, t.Any]:
    options = {name: spec.get("default") for name, spec in OPTIONS.items()}
    return {**options, "port": server.port, "user": server.superuser, "password": server.password,
            "database": "postgres", "timeout_seconds": 1.0}


def test_a_locked_catalog_ends_by_the_servers_own_timeout(make_postgresql: MakeCluster) -> None:
    one = make_postgresql()
    with sessions(one, 1) as (holder,):
        holder.autocommit = False
        holder.cursor().execute("LOCK TABLE pg_catalog.pg_index IN ACCESS EXCLUSIVE MODE")
        result = check(one, user=one.superuser, password=one.password, timeout_seconds=0.5)
    assert result["state"] == "critical"
    assert "no answer within" in result["msg"] or "too slow" in result["msg"] or "holds a lock" in result["msg"]


@pytest.mark.parametrize(("options", "words"), [
    ({"password": "wrong"}, f"login of '{MONITOR}' was refused"), ({"password": None}, "none was given"),
    ({"user": "stranger"}, "login of 'stranger' was refused"),
    ({"host": "no-such-host.invalid"}, "cannot be resolved"), ({"sslmode": "require"}, "sslmode"),
])
def test_a_refused_login_is_unknown_and_says_what_to_do(server: Cluster, monkeypatch: pytest.MonkeyPatch,
                                                        options: dict[str, t.Any], words: str) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    result = check(server, **options)
    assert result["failed"]
    assert "state" not in result
    assert words in result["msg"]


def test_a_wrong_database_is_critical_and_named(server: Cluster) -> None:
    result = check(server, database="vendhub_gone")
    assert result["state"] == "critical"
    assert "there is no database 'vendhub_gone'" in result["msg"]


def test_a_server_that_recovers_is_critical(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(version="15")
    one.stop_server()
    # it waits for a WAL segment that never comes
    (one.data / "standby.signal").touch()
    os.chown(one.data / "standby.signal", one.data.stat().st_uid, one.data.stat().st_gid)
    one.configure({"hot_standby": False})
    starting = threading.Thread(target=_start, args=(one,), daemon=True)
    starting.start()
    until(lambda: "refused" not in check(one)["msg"])
    result = check(one)
    assert result["state"] == "critical"
    assert "takes no logins" in result["msg"]
    running = one.process
    assert running is not None
    running.kill()
    starting.join(10)


def _start(one: Cluster) -> None:
    with contextlib.suppress(process.StackError):
        one.start()


@pytest.mark.parametrize("rubbish", [
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", os.urandom(64), b"", b"N", b"NR\x00\x00\x00\x08\x00\x00",
    b"R\x7f\xff\xff\xff", b"E\x00\x00\x00\x20\xff\xfe\xfd" + b"\xff" * 60, b"S" * 100, b"+OK\r\n" * 20,
], ids=["http", "random", "silence", "no tls", "half a word", "huge", "no text", "s", "redis"])
def test_a_port_that_speaks_rubbish_is_critical_in_time(rubbish: bytes) -> None:
    for sslmode in ("prefer", "disable"):
        with _speaker(rubbish) as port:
            started = time.monotonic()
            result = call("postgresql_check", port=port, password=PASSWORD, timeout_seconds=0.5, sslmode=sslmode)
            assert time.monotonic() - started < 2
        assert result.get("state") == "critical", result["msg"]
        result.pop("invocation", None)
        assert PASSWORD not in json.dumps(result)


@contextlib.contextmanager
def _speaker(words: bytes) -> t.Iterator[int]:
    """A port where somebody says the same to everybody and then waits."""
    def speak(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(words)
            while connection.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, dummy = listener.accept()
                    threading.Thread(target=speak, args=(connection,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(("options", "words"), [
    ({"port": 0}, "port must be between"), ({"timeout_seconds": 0}, "timeout_seconds must be above 0"),
    ({"statement_min_calls": 0}, "statement_min_calls"), ({"database": "host=x"}, "connection string"),
])
def test_an_option_that_cannot_be_meant_is_refused(options: dict[str, t.Any], words: str) -> None:
    result = call("postgresql_check", **options)
    assert result["failed"]
    assert words in result["msg"]
