# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql_activity_info against real servers."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import typing as t

import psycopg2
import pytest

from demo.stack.postgresql import Cluster
from tests.modules import call

from .conftest import PASSWORD, SMALL, Crowd, crowd, everybody, prepare, until

MakeCluster = t.Callable[..., Cluster]
COUNTING: dict[str, t.Any] = {"shared_preload_libraries": "pg_stat_statements", "max_prepared_transactions": 5}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Cluster]:
    """PostgreSQL 15, which has pg_stat_statements here."""
    with Cluster(tmp_path_factory.mktemp("pg"), version="15", settings={**SMALL, **COUNTING}) as one:
        prepare(one)
        one.execute("CREATE EXTENSION pg_stat_statements", database="vendhub_prod")
        yield one


@pytest.fixture
def guests(server: Cluster) -> t.Iterator[Crowd]:
    alone = "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
    until(lambda: bool(server.execute(alone)[0][0]))
    with crowd(server) as found:
        yield found


def look(server: Cluster, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    given = {"host": server.host, "port": server.port, "user": "operator", "password": PASSWORD,
             "database": "vendhub_prod", "window_seconds": 0, **options}
    return call("postgresql_activity_info", check_mode=check_mode, **given)


@contextlib.contextmanager
def busy(server: Cluster, *statements: str) -> t.Iterator[None]:
    """Somebody who runs these again and again."""
    stop = threading.Event()

    def work() -> None:
        with contextlib.closing(server.connect("vendhub_prod", "vendhub", PASSWORD)) as connection:
            while not stop.wait(0.01):
                for statement in statements:
                    connection.cursor().execute(statement)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def test_a_full_house_is_counted_and_drawn(make_postgresql: MakeCluster, version: str) -> None:
    one = make_postgresql(version=version, settings=SMALL)
    prepare(one)
    with crowd(one) as guests:
        everybody(guests)
        result = look(one, user=one.superuser, password=one.password)
        before = guests.alive()
    assert (result["failed"], result["changed"], before) == (False, False, guests.all())
    assert result["states"] == {"active": 4, "idle": 8 + 1 + 1 + 2 + 1, "idle in transaction": 4 + 1 + 1 + 1 + 1,
                                "idle in transaction (aborted)": 2}
    assert (result["server"]["used"], result["server"]["usable"], result["server"]["free"]) == (27, 27, 0)
    assert sum(row["connections"] for row in result["groups"]) == 27
    first = result["groups"][0]
    assert (first["application"], first["state"], first["connections"]) == ("vendhub-api", "idle", 8)
    assert {row["pid"] for row in result["running"]} == set(guests.pids["active"] + guests.pids["blocked"])
    (root,) = result["blocking"]
    assert [root["pid"]] == guests.pids["blocking"]
    assert (root["state"], root["waiting_count"]) == ("idle in transaction", 2)
    assert root["statement"] == "UPDATE machines SET name = ? WHERE id = ?"
    waiting = [below["pid"] for below in root["waiting"]]
    assert waiting[0] == guests.pids["blocked"][0] or set(waiting) == set(guests.pids["blocked"])
    assert "2 sessions wait for a lock, 2 of them because of vendhub-api (pid " in result["msg"]
    assert any(line.startswith("      waits ") for line in result["report"])
    assert "literal" not in json.dumps(result)


def test_a_chain_and_a_prepared_transaction_are_roots_and_branches(guests: Crowd) -> None:
    server = guests.server
    with contextlib.closing(server.connect("vendhub_prod", "vendhub", PASSWORD)) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN; UPDATE machines SET name = 'p' WHERE id = 2; PREPARE TRANSACTION 'order-7'")
    try:
        guests.busy("waits", "UPDATE machines SET name = 'q' WHERE id = 2")
        until(lambda: bool(look(server)["blocking"]))
        result = look(server)
        (root,) = result["blocking"]
        assert (root["pid"], root["state"]) == (0, "prepared transaction")
        assert [below["pid"] for below in root["waiting"]] == guests.pids["waits"]
        assert result["prepared"][0]["name"] == "order-7"
        assert "because of a prepared transaction" in result["msg"]
    finally:
        server.execute("ROLLBACK PREPARED 'order-7'", database="vendhub_prod")


def test_the_window_is_measured_and_not_the_past(server: Cluster) -> None:
    with contextlib.closing(server.connect("vendhub_prod", "vendhub", PASSWORD)) as connection:
        connection.cursor().execute("SELECT pg_sleep(2)")  # the same statement
    with busy(server, "SELECT pg_sleep(0.05)", "SELECT name FROM machines WHERE id = 1"):
        result = look(server, window_seconds=1.5)
    found = result["statements"]
    assert (found["source"], found["why"]) == ("pg_stat_statements", "")
    assert 1.4 < found["window_seconds"] < 5
    top = found["by_total"][0]
    assert top["statement"] == "SELECT pg_sleep($1)"
    assert 0.7 < top["total_seconds"] / found["window_seconds"] < 1.05
    assert 0.05 <= top["mean_seconds"] < 0.2
    assert top["total_seconds"] == pytest.approx(top["calls"] * top["mean_seconds"], rel=0.01)
    assert {row["statement"] for row in found["by_mean"]} >= {"SELECT name FROM machines WHERE id = $1"}
    assert "vendhub-ops" not in json.dumps(found)
    assert "of the time goes into SELECT pg_sleep($1)" in result["msg"]


def test_a_reset_within_the_window_is_said(server: Cluster) -> None:
    with busy(server, "SELECT pg_sleep(0.02)"):
        reset = "SELECT pg_stat_statements_reset()"
        timer = threading.Timer(0.7, lambda: server.execute(reset, database="vendhub_prod"))
        timer.start()
        found = look(server, window_seconds=1.4)["statements"]
        timer.join()
    assert "reset within the window" in found["why"]
    assert 0 < found["by_total"][0]["total_seconds"] < 1.4


@pytest.mark.parametrize(("settings", "create", "why"), [
    ({}, False, "does not exist in vendhub_prod"), ({}, True, "its library is not loaded"),
])
def test_without_the_extension_it_samples_and_says_what_to_do(make_postgresql: MakeCluster, settings: dict[str, t.Any],
                                                              create: bool, why: str) -> None:
    one = make_postgresql(version="15", settings=settings)
    prepare(one)
    if create:
        one.execute("CREATE EXTENSION pg_stat_statements", database="vendhub_prod")
    with busy(one, "SELECT pg_sleep(0.3), 'canary-literal'", "SELECT pg_sleep(0.1)"):
        result = look(one, window_seconds=2, sample_interval_seconds=0.02)
    found = result["statements"]
    assert found["source"] == "sampled"
    assert why in found["why"]
    assert "shared_preload_libraries = 'pg_stat_statements'" in found["enable"]
    assert [row["statement"] for row in found["by_total"]] == ["SELECT pg_sleep(?), ?", "SELECT pg_sleep(?)"]
    assert 60 < found["by_total"][0]["share_percent"] < 90
    assert 3 <= found["by_total"][0]["calls"] <= 7
    assert "canary" not in json.dumps(result)
    assert any("estimated" in line for line in result["report"])


def test_it_leaves_nothing_behind(server: Cluster) -> None:
    server.execute("CREATE TABLE IF NOT EXISTS things (n int)")
    questions = ("SELECT name, setting FROM pg_settings ORDER BY name", "SELECT stats_reset FROM pg_stat_database",
                 "SELECT txid_snapshot_xmax(txid_current_snapshot())", "SELECT rolname FROM pg_roles ORDER BY 1")
    before = [server.execute(question) for question in questions]
    assert look(server, check_mode=True)["changed"] is False
    look(server, window_seconds=0.1)
    assert [server.execute(question) for question in questions] == before


def test_no_secret_is_shown_whatever_the_statement(guests: Crowd) -> None:
    connection = guests.join("idle", application="token=canary-token")
    nasty = ("ALTER ROLE postgres PASSWORD 'canary-1'", "SELECT $$canary-2$$ -- canary-3", "SELECT E'\\'canary-4'",
             "SELECT \"password\" FROM machines WHERE password = \"canary-5\"",
             "/* {\"token\": \"canary-6\"} */ SELECT 1 canary", "SELECT 'it''s canary-7", "SELECT U&'canary-8'")
    for statement in nasty:
        with contextlib.suppress(psycopg2.Error):
            connection.cursor().execute(statement)
        result = look(guests.server, window_seconds=0.1)
        rows = call("postgresql_session", check_mode=True, host=guests.server.host, port=guests.server.port,
                    user="operator", password=PASSWORD, min_age_seconds=0, headroom_percent=100)
        assert "canary-" not in json.dumps([result, rows]), statement


def test_who_sees_little_says_so(guests: Crowd) -> None:
    guests.join("idle")
    result = look(guests.server, user="nobody", window_seconds=0.1)
    assert result["hidden"] == 1
    assert "1 session is hidden from this role, GRANT pg_monitor" in result["msg"]
    assert result["statements"]["why"].endswith("hidden from this role")


@pytest.mark.parametrize(("options", "words"), [
    ({"window_seconds": -1}, "window_seconds must be 0 or more"), ({"limit": 0}, "limit must be 1 or more"),
    ({"sample_interval_seconds": 0}, "sample_interval_seconds must be"), ({"port": 1}, "nothing listens"),
    ({"database": "gone"}, "no database 'gone'"),
])
def test_a_wrong_option_is_one_clear_sentence(server: Cluster, options: dict[str, t.Any], words: str) -> None:
    result = look(server, **options)
    assert result["failed"]
    assert words in result["msg"]


def test_a_frozen_server_does_not_hang_it(make_postgresql: MakeCluster) -> None:
    one = make_postgresql(settings=SMALL)
    prepare(one)
    one.freeze()
    began = time.monotonic()
    try:
        result = look(one, timeout_seconds=1)
    finally:
        one.thaw()
    assert result["failed"]
    assert "no answer within 1 s" in result["msg"]
    assert time.monotonic() - began < 5
