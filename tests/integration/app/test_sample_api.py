# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample API behaves towards its operators like the backend it stands for."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import threading
import time
import typing as t
from pathlib import Path

import pytest

from demo.stack import node, ports
from demo.stack.pm2 import Pm2
from demo.stack.postgresql import Cluster
from demo.stack.process import StackError
from demo.stack.redis import Server
from tests.integration.app.client import Client
from tests.integration.app.conftest import EMAIL, PASSWORD, REDIS_DATABASE, SOURCES, Api, Place, wait_for

Launch = t.Callable[..., Api]
OwnPlace = t.Tuple[Place, Cluster, Server]
UNKNOWN = "00000000-0000-4000-8000-00000000dead"


def version() -> str:
    return str(json.loads((SOURCES / "package.json").read_text())["version"])


def ids(place: Place) -> dict[str, str]:
    seeded: dict[str, str] = json.loads(place.run("seed").stdout)
    return seeded


# --- building

def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_build_and_migrations_need_the_development_dependencies(tmp_path: Path, place: Place) -> None:
    shutil.copytree(place.release, tmp_path / "app", symlinks=True)
    place.release = tmp_path / "app"
    node.npm(["prune", "--omit=dev"], place.release)
    for script in ("build", "migration:run", "migration:revert"):
        with pytest.raises(StackError, match="tsc"):
            place.npm(script)


# --- health

def test_healthy_names_both_services_and_the_release(api: Api) -> None:
    answer = api.get("/health")
    assert answer.status == 200
    up = {"database": {"status": "up"}, "redis": {"status": "up"}}
    assert answer.body == {"status": "ok", "info": up, "error": {}, "details": up, "version": version()}
    assert [api.get(f"/health/{kind}").status for kind in ("ready", "live")] == [200, 200]


def test_an_empty_schema_is_healthy(place: Place, launch: Launch) -> None:
    assert launch(place).until_it_listens().get("/health").status == 200


def test_without_postgresql_health_is_503_at_once_and_readiness_does_not_notice(
        own_place: OwnPlace, launch: Launch) -> None:
    place, cluster, _redis = own_place
    api = launch(place).until_it_listens()
    cluster.stop_server()
    started = time.monotonic()
    answer = api.get("/health")
    assert time.monotonic() - started < 0.5
    assert answer.status == answer.body["statusCode"] == 503
    assert "status" not in answer.body
    assert answer.body["error"]["database"]["status"] == "down"
    assert [api.get(f"/health/{kind}").status for kind in ("ready", "live")] == [200, 200]
    assert api.get("/metrics").status == 200
    cluster.start()
    assert api.get("/health").status == 200
    assert api.process.poll() is None


def test_a_frozen_postgresql_is_503_after_a_second(own_place: OwnPlace, launch: Launch) -> None:
    place, cluster, _redis = own_place
    api = launch(place).until_it_listens()
    cluster.freeze()
    started = time.monotonic()
    assert api.get("/health").status == 503
    assert 0.8 < time.monotonic() - started < 2.5
    cluster.thaw()
    assert api.get("/health").status == 200


def test_without_redis_health_and_metrics_are_held_open_until_it_returns(own_place: OwnPlace, launch: Launch) -> None:
    place, _cluster, redis = own_place
    api = launch(place).until_it_listens()
    redis.stop()
    for path in ("/health", "/metrics"):
        with pytest.raises(socket.timeout):
            api.get(path, timeout_seconds=2)
    assert [api.get(f"/health/{kind}").status for kind in ("ready", "live")] == [200, 200]
    redis.start()
    assert api.get("/health", timeout_seconds=10).status == 200


def test_health_is_rate_limited_per_address_and_the_limit_is_a_variable(place: Place, launch: Launch) -> None:
    api = launch(place, THROTTLE_LIMIT="100").until_it_listens()
    answers = [api.get("/health") for dummy in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["Retry-After"] == "1"
    time.sleep(1.1)
    assert api.get("/health").status == 200
    api.end()
    generous = launch(place, THROTTLE_LIMIT="1000").until_it_listens()
    assert {generous.get("/health").status for dummy in range(20)} == {200}


# --- start and stop

def test_without_postgresql_the_start_gives_up_and_never_listened(own_place: OwnPlace, launch: Launch) -> None:
    place, cluster, _redis = own_place
    cluster.stop_server()
    api = launch(place, DB_CONNECT_RETRIES="2", DB_CONNECT_RETRY_MS="300")
    while api.process.poll() is None:
        assert not ports.listens(place.port)
        time.sleep(0.05)
    assert api.process.returncode == 1
    assert "[TypeOrmModule] Unable to connect to the database. Retrying (1)..." in api.said()
    assert re.search(r"ERROR \[ExceptionHandler\] connect ECONNREFUSED .*\n(.*Error: .*\n)?    at ", api.said())
    assert api.stderr.read_text() == ""


def test_without_redis_the_start_waits_for_it(own_place: OwnPlace, launch: Launch) -> None:
    place, _cluster, redis = own_place
    redis.stop()
    api = launch(place)
    time.sleep(3)
    assert api.process.poll() is None
    assert not ports.listens(place.port)
    redis.start()
    api.until_it_listens(10)


def test_a_missing_variable_is_named_and_ends_the_start(place: Place, launch: Launch) -> None:
    api = launch(place, JWT_SECRET="")
    assert api.process.wait(10) == 1
    assert "Missing environment variable JWT_SECRET" in api.said()


def test_the_env_file_fills_gaps_but_never_overrides(place: Place, launch: Launch, tmp_path: Path) -> None:
    other = ports.free_port()
    secret = place.environment.pop("JWT_SECRET")
    (tmp_path / ".env.production").write_text(f'PORT={other}\nexport JWT_SECRET="{secret}" # kept here only\n')
    api = launch(place).until_it_listens()
    assert api.get("/health").status == 200
    assert not ports.listens(other)


def test_a_taken_port_ends_the_start_with_its_reason(place: Place, launch: Launch) -> None:
    with socket.create_server((ports.HOST, place.port)):
        api = launch(place)
        assert api.process.wait(15) == 1
    assert "EADDRINUSE" in api.said()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_lets_running_requests_end(api: Api, number: signal.Signals) -> None:
    statuses: list[int] = []
    caller = threading.Thread(target=lambda: statuses.append(api.get("/api/v1/slow?ms=1200").status))
    caller.start()
    time.sleep(0.4)
    api.process.send_signal(number)
    time.sleep(0.3)
    assert not ports.listens(api.port)
    assert api.process.wait(5) == 0
    caller.join(5)
    assert statuses == [200]


def test_a_stop_waits_no_longer_than_allowed(place: Place, launch: Launch) -> None:
    api = launch(place, DRAIN_TIMEOUT_MS="300").until_it_listens()
    with socket.create_connection((ports.HOST, place.port)) as line:
        line.sendall(b"GET /api/v1/slow?ms=20000 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        started = time.monotonic()
        api.process.send_signal(signal.SIGINT)
        assert api.process.wait(5) == 0
        assert time.monotonic() - started < 2


def test_boot_can_be_delayed_and_a_crash_planned(place: Place, launch: Launch) -> None:
    started = time.monotonic()
    api = launch(place, BOOT_DELAY_MS="1500", CRASH_AFTER_MS="700").until_it_listens()
    assert time.monotonic() - started > 1.5
    assert api.process.wait(5) == 1
    assert re.search(r"ERROR \[ExceptionHandler\] Crashed on purpose after 700 ms\nError: .*\n    at ", api.said())
    assert [record["message"] for record in api.json_log("error.log")] == ["Crashed on purpose after 700 ms"]


# --- login

def test_login_gives_a_token_that_opens_the_api(api: Api) -> None:
    assert api.get("/api/v1/tasks").status == 401
    answer = api.login(EMAIL, PASSWORD)
    assert answer.status == 200
    assert len(answer.body["access_token"].split(".")) == 3
    assert api.get("/api/v1/tasks").status == 200
    assert api.sample("vendhub_sessions_created_total") == 1
    header, claims, mark = answer.body["access_token"].split(".")
    api.session["Authorization"] = f"Bearer {header}.{claims}x.{mark}"
    assert api.get("/api/v1/tasks").status == 401


def test_five_wrong_passwords_lock_the_account_and_leave_no_trace_but_the_audit_table(
        api: Api, postgresql: Cluster) -> None:
    refused = [api.login(EMAIL, "wrong") for dummy in range(5)]
    assert {answer.status for answer in refused} == {401}
    locked = api.login(EMAIL, PASSWORD)
    assert (locked.status, locked.body["message"]) == (401, "Account is locked")
    assert api.sample("vendhub_login_attempts_total") == 6
    assert api.sample("vendhub_login_failures_total{") is None
    assert "login" not in api.said().lower()
    assert postgresql.execute("SELECT ip_address, count(*) FROM audit_logs GROUP BY 1",
                              database=api.place.database) == [("0.0.0.0", 6)]


def test_login_failures_are_counted_when_asked(seeded_place: Place, launch: Launch) -> None:
    counting = launch(seeded_place, COUNT_LOGIN_FAILURES="true").until_it_listens()
    counting.login("nobody@example.test", "wrong")
    assert counting.sample('vendhub_login_failures_total{reason="unknown_user"}') == 1


def test_logins_are_limited_to_two_a_minute(seeded_place: Place, launch: Launch) -> None:
    strict = launch(seeded_place, LOGIN_THROTTLE_LIMIT="").until_it_listens()
    assert [strict.login(EMAIL, PASSWORD).status for dummy in range(3)] == [200, 200, 429]


def test_a_logout_revokes_later_tokens_too(api: Api, redis_server: Server) -> None:
    user = api.login(EMAIL, PASSWORD).body["user"]["id"]
    assert api.ask("POST", "/api/v1/auth/logout").status == 204
    keys, key = redis_server.client(db=REDIS_DATABASE), f"vendhub:blacklist:user:{user}"
    assert 6 * 86400 < keys.ttl(key) <= 7 * 86400
    api.login(EMAIL, PASSWORD)
    assert api.get("/api/v1/tasks").body["message"] == "Token has been revoked"
    keys.delete(key)  # other tests are the same user
    assert api.get("/api/v1/tasks").status == 200


# --- tasks and files

def test_a_task_is_created_listed_and_deleted(api: Api) -> None:
    api.login(EMAIL, PASSWORD)
    seeded = ids(api.place)
    task = {"type_code": "refill", "machine_id": seeded["machine_id"], "assigned_to_user_id": seeded["user_id"],
            "created_by_user_id": seeded["user_id"]}
    created = api.ask("POST", "/api/v1/tasks", task)
    assert created.status == 201
    assert api.sample("vendhub_tasks_created_total") == 1
    path = f"/api/v1/tasks/{created.body['id']}"
    assert [row["id"] for row in api.get("/api/v1/tasks").body["data"]] == [created.body["id"]]
    assert [api.ask("DELETE", path).status for dummy in range(2)] == [204, 404]
    assert api.get("/api/v1/tasks").body["total"] == 0
    assert api.ask("POST", "/api/v1/tasks", {**task, "machine_id": UNKNOWN}).status == 404
    assert api.ask("POST", "/api/v1/tasks", {**task, "machine_id": "1"}).status == 400
    assert api.ask("POST", "/api/v1/tasks", raw=b"{not json").status == 400


def test_a_change_without_the_matching_csrf_pair_is_refused(api: Api) -> None:
    api.login(EMAIL, PASSWORD)
    assert api.ask("DELETE", f"/api/v1/tasks/{UNKNOWN}").status == 404
    api.session["X-CSRF-Token"] = "0" * 64
    assert api.ask("DELETE", f"/api/v1/tasks/{UNKNOWN}").status == 403
    del api.session["Cookie"]
    assert api.ask("POST", "/api/v1/tasks", {}).status == 403


def test_an_upload_is_kept_byte_for_byte_until_deleted(api: Api) -> None:
    api.login(EMAIL, PASSWORD)
    content = bytes(range(256)) * 40 + b"\r\n--"
    fields = {"entity_type": "task", "entity_id": "1", "category_code": "photo",
              "uploaded_by_user_id": ids(api.place)["user_id"]}
    answer = api.upload("photo.jpg", content, fields)
    assert answer.status == 201, answer.text
    assert (api.place.uploads / answer.body["id"]).read_bytes() == content
    assert api.ask("DELETE", f"/api/v1/files/{answer.body['id']}").status == 204
    assert list(api.place.uploads.iterdir()) == []
    assert api.upload("photo.jpg", content, {"entity_type": "task"}).status == 400
    assert api.upload("large", b"x" * (10 * 1024 * 1024 + 1), fields).status == 413


def test_an_upload_that_cannot_be_written_is_a_logged_500(api: Api) -> None:
    api.login(EMAIL, PASSWORD)
    api.place.uploads.write_text("in the way")
    fields = dict.fromkeys(("entity_type", "entity_id", "category_code"), "x")
    answer = api.upload("a", b"a", {**fields, "uploaded_by_user_id": UNKNOWN})
    assert (answer.status, answer.body["message"]) == (500, "Internal server error")
    assert re.search(r"ERROR \[POST /api/v1/files/upload\] HTTP 500 EEXIST", api.said())


# --- logs and metrics

def test_an_error_is_a_stack_on_stdout_and_one_json_line(api: Api) -> None:
    assert api.get("/api/v1/fail").status == 500
    first = re.compile(rf"^\[Nest\] {api.process.pid}  - \d\d/\d\d/\d{{4}}, \d\d?:\d\d:\d\d [AP]M   ERROR "
                       r"\[GET /api/v1/fail\] HTTP 500 Cannot read properties .*\nError: Cannot .*\n    at ", re.M)
    assert first.search(api.said())
    assert api.stderr.read_text() == ""
    wait_for(lambda: bool(api.json_log("error.log")), 2)
    (record,) = api.json_log("error.log")
    assert list(record) == ["context", "level", "message", "stack", "timestamp"]
    assert (record["context"], record["level"]) == ("GET /api/v1/fail", "error")
    assert "\n    at " in record["stack"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["timestamp"])
    assert record in api.json_log("combined.log")
    assert len(api.json_log("combined.log")) > 1


def test_lines_are_coloured_only_when_asked(place: Place, launch: Launch) -> None:
    plain = launch(place).until_it_listens()
    assert "\x1b" not in plain.said()
    plain.end()
    coloured = launch(place, LOG_COLORS="true").until_it_listens()
    assert "\x1b[32m[Nest]" in coloured.said()


@pytest.mark.parametrize("where", ["", "&where=database"])
def test_a_slow_request_is_logged_with_its_time(api: Api, where: str) -> None:
    api.get("/api/v1/slow?ms=100")
    api.get(f"/api/v1/slow?ms=1100{where}")
    assert re.findall(r"WARN \[LoggingInterceptor\] Slow request detected: (.*) took 1\.\d\ds", api.said()) == [
        "GET /api/v1/slow"]


def test_metrics_have_the_names_of_the_backend_and_count(api: Api) -> None:
    for path in ("/health", "/health", "/api/v1/fail", "/nowhere/at/all"):
        api.get(path)
    page = api.get("/metrics").text
    for name in ("vendhub_nodejs_eventloop_lag_seconds", "vendhub_process_resident_memory_bytes",
                 "vendhub_login_attempts_total", "database_connections_active",
                 *(f"bullmq_queue_{state}" for state in ("waiting", "active", "delayed", "completed", "failed"))):
        assert re.search(rf"^{name}[ {{]", page, re.M), name
    for line in ('vendhub_http_requests_total{method="GET",route="/health",status="200"} 2',
                 'vendhub_http_requests_total{method="GET",route="unmatched",status="404"} 1',
                 'vendhub_http_request_errors_total{method="GET",route="/api/v1/fail",status="500"} 1',
                 'vendhub_http_request_duration_seconds_count{method="GET",route="/health",status="200"} 2',
                 "vendhub_machines_active 2", "vendhub_machines_offline 1", 'bullmq_queue_waiting{queue="reports"} 1'):
        assert line in page.splitlines(), line
    assert "\nhttp_requests_total" not in page


# --- migrations and seed

def columns(place: Place, cluster: Cluster) -> set[str]:
    rows = cluster.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'tasks'",
                           database=place.database)
    return {str(row[0]) for row in rows}


def test_migrations_run_once_and_are_reverted_one_by_one(place: Place, postgresql: Cluster) -> None:
    said = place.npm("migration:run")
    assert "3 migrations are new migrations must be executed." in said
    assert "Migration ContractTasksUrgent1750000000000 has been  executed successfully." in said
    assert "No migrations are pending" in place.npm("migration:run")
    assert "priority" in columns(place, postgresql)
    assert "urgent" not in columns(place, postgresql)
    assert "ContractTasksUrgent1750000000000 has been  reverted" in place.npm("migration:revert")
    assert {"priority", "urgent"} <= columns(place, postgresql)
    assert place.run("migrate", "show").stdout.splitlines()[1:] == [
        "[X] 2 ExpandTasksByPriority1740000000000", "[ ] ContractTasksUrgent1750000000000"]
    assert [place.run("migrate", "revert").returncode for dummy in range(2)] == [0, 0]
    assert columns(place, postgresql) == set()
    assert "Nothing to revert!" in place.run("migrate", "revert").stdout


def test_a_failed_migration_keeps_the_ones_before_and_nothing_of_its_own(place: Place, postgresql: Cluster) -> None:
    place.run("migrate", "run")
    for dummy in range(2):
        place.run("migrate", "revert")
    postgresql.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'refused'; END$$;"
                       "CREATE TRIGGER refuse BEFORE UPDATE ON tasks EXECUTE FUNCTION refuse()",
                       database=place.database)
    failed = place.run("migrate", "run")  # after it has added the column
    assert failed.returncode == 1
    assert 'Migration "ExpandTasksByPriority1740000000000" failed, error: refused' in failed.stderr
    assert "priority" not in columns(place, postgresql)
    assert postgresql.execute("SELECT count(*) FROM migrations", database=place.database) == [(1,)]
    postgresql.execute("DROP TRIGGER refuse ON tasks", database=place.database)
    postgresql.execute("CREATE VIEW reader AS SELECT urgent FROM tasks", database=place.database)
    failed = place.run("migrate", "run")
    assert failed.returncode == 1
    assert 'Migration "ContractTasksUrgent1750000000000" failed, error: cannot drop column urgent' in failed.stderr
    assert {"priority", "urgent"} <= columns(place, postgresql)
    assert postgresql.execute("SELECT count(*) FROM migrations", database=place.database) == [(2,)]


def test_a_migration_of_a_newer_release_cannot_be_reverted(place: Place, postgresql: Cluster) -> None:
    place.run("migrate", "run")
    postgresql.execute("INSERT INTO migrations (timestamp, name) VALUES (1760000000000, 'Newer1760000000000')",
                       database=place.database)
    said = place.run("migrate", "revert")
    assert said.returncode == 1
    assert "No migration Newer1760000000000 was found in the source code" in said.stderr


def test_a_seed_can_be_repeated_and_leaves_keys_of_every_kind(place: Place, redis_server: Server) -> None:
    place.run("migrate", "run")
    assert ids(place) == ids(place)
    keys = redis_server.client(db=REDIS_DATABASE)
    assert keys.llen("bull:commissions:wait") == keys.zcard("bull:commissions:delayed") == 1
    assert keys.zcard("bull:commissions:repeat") >= 1
    for pattern, count in (("vendhub:blacklist:user:*-000000000001", 1), ("vendhub:blacklist:token:*", 1),
                           ("cart:*", 1), ("telegram:session:*", 1), ("cache:machines:*", 100)):
        assert len(list(keys.scan_iter(pattern))) == count, pattern
    assert place.run("seed", SEED_PASSWORD="").stderr.startswith("Cannot seed: Missing environment variable")


# --- under PM2

def test_pm2_runs_two_workers_and_the_scheduler_from_a_link(
        place: Place, make_pm2: t.Callable[..., Pm2], tmp_path: Path, redis_server: Server) -> None:
    current = tmp_path / "current"
    current.symlink_to(place.release)
    daemon = make_pm2()
    redis_server.client(db=REDIS_DATABASE).zadd("bull:sales-import:delayed", {"due": time.time() * 1000 - 1})
    daemon.start(current / "ecosystem.config.js",
                 environment={**place.environment, "VENDHUB_APP_DIR": str(current), "SCHEDULER_INTERVAL_MS": "200"})
    wait_for(lambda: ports.listens(place.port), 20)
    apps = daemon.jlist()
    assert sorted((app["name"], app["pm2_env"]["exec_mode"]) for app in apps) == [
        ("job-scheduler", "fork_mode"), ("vendhub-api", "cluster_mode"), ("vendhub-api", "cluster_mode")]
    assert {os.path.dirname(app["pm2_env"]["pm_exec_path"]) for app in apps} == {str(current / "dist")}
    api = Client(place.port)
    wait_for(lambda: api.get("/health").status == 200, 10)
    log = place.logs / "api-out.log"
    wait_for(lambda: log.read_text().count("Nest application successfully started") == 2, 10, log.read_text)
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d: \[Nest\] ", log.read_text(), re.M)
    wait_for(lambda: "due" in redis_server.client(db=REDIS_DATABASE).lrange("bull:sales-import:wait", 0, -1), 10)
    for dummy in range(8):
        api.get("/health")
    sample = 'vendhub_http_requests_total{method="GET",route="/health",status="200"}'
    counted = {api.sample(sample) for dummy in range(6)}
    assert len(counted) > 1 or None in counted, "each worker counts for itself"
