# SPDX-License-Identifier: GPL-3.0-or-later
"""The service stack starts real services, loses none of them and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from demo.stack import node as node_of_stack, ports, process
from demo.stack.pm2 import Pm2
from demo.stack.postgresql import Cluster
from demo.stack.process import Process, StackError
from demo.stack.redis import Server

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("version", ["16", "18"])
def test_postgresql_serves_its_version_with_our_settings_and_asks_for_the_password(
        version: str, make_postgresql: t.Callable[..., Cluster]) -> None:
    cluster = make_postgresql(version=version, settings={"max_connections": 7})
    assert cluster.execute("SELECT current_setting('server_version_num')::int / 10000") == [(int(version),)]
    assert cluster.execute("SHOW max_connections") == [("7",)]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        cluster.connect(user="postgres", password="wrong")
    assert cluster.port != 5432
    assert (cluster.socket_folder / f".s.PGSQL.{cluster.port}").is_socket()


def test_postgresql_never_runs_as_root(postgresql: Cluster) -> None:
    assert postgresql.process is not None
    assert Path(f"/proc/{postgresql.process.pid}").stat().st_uid != 0


def test_a_frozen_postgresql_accepts_but_never_answers_and_goes_on_when_thawed(
        make_postgresql: t.Callable[..., Cluster]) -> None:
    cluster = make_postgresql()
    session = cluster.connect()
    cluster.freeze()
    assert ports.listens(cluster.port)
    assert cluster.process is not None
    states = [Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()[0]
              for one in cluster.process.family()]
    assert len(states) > 2, "the session and the server's workers are part of it"
    assert set(states) == {"T"}
    with pytest.raises(psycopg2.OperationalError, match="timeout"):
        cluster.connect(timeout_seconds=2)
    cluster.thaw()
    assert cluster.execute("SELECT 1") == [(1,)]
    session.close()


def test_a_killed_postgresql_comes_back_with_its_data(make_postgresql: t.Callable[..., Cluster]) -> None:
    cluster = make_postgresql()
    cluster.execute("CREATE TABLE kept AS SELECT 42 AS n")
    cluster.execute("CHECKPOINT")
    cluster.kill()
    assert not ports.listens(cluster.port)
    cluster.start()
    assert cluster.execute("SELECT n FROM kept") == [(42,)]


def test_postgresql_takes_new_settings_at_a_restart(make_postgresql: t.Callable[..., Cluster]) -> None:
    cluster = make_postgresql()
    cluster.restart({"log_min_duration_statement": 123, "application_name": "it's"})
    assert cluster.execute("SHOW log_min_duration_statement") == [("123ms",)]


def test_postgresql_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "broken", settings={"no_such_setting": 1})
    with pytest.raises(StackError, match="no_such_setting"), cluster:
        pytest.fail("it started")
    assert not cluster.running()


def test_postgresql_works_below_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    with Cluster(tmp_path / ("x" * 90)) as cluster:
        assert cluster.socket_folder.is_dir()
        assert cluster.socket_folder != cluster.folder
        beside = cluster.socket_folder
    assert not beside.exists()


@pytest.mark.parametrize("secret", [None, ""])
def test_redis_answers_with_its_password_only(secret: t.Optional[str], make_redis: t.Callable[..., Server]) -> None:
    server = make_redis(password=secret, settings={"maxmemory": "16mb", "maxmemory-policy": "allkeys-lru"})
    client = server.client()
    assert client.set("a", "1")
    assert client.config_get("maxmemory*")["maxmemory"] == str(16 << 20)
    assert server.port != 6379
    assert stat.S_IMODE(server.configuration.stat().st_mode) == 0o600
    assert redis.Redis(unix_socket_path=str(server.socket), password=server.password or None).get("a") == b"1"
    if server.password:
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)).ping()


def test_a_frozen_redis_times_out_and_a_killed_one_comes_back_on_its_port(
        make_redis: t.Callable[..., Server]) -> None:
    server = make_redis()
    server.freeze()
    with pytest.raises(redis.TimeoutError):
        server.client(socket_timeout=0.3).ping()
    server.thaw()
    assert server.answers()
    server.kill()
    assert not ports.listens(server.port)
    server.start()
    assert server.answers()


def test_redis_of_a_version_nobody_installed_is_refused_with_where_we_looked(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"Redis 1 is not installed: looked at .*redis-server"):
        Server(tmp_path, version="1")


def test_no_secret_of_a_server_is_on_a_command_line(postgresql: Cluster, redis_server: Server) -> None:
    lines = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    assert postgresql.password.encode() not in lines
    assert redis_server.password.encode() not in lines


def test_node_is_new_enough_and_npm_runs_on_it(node: Path, tmp_path: Path) -> None:
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    assert int(version.lstrip("v").split(".")[0]) >= node_of_stack.OLDEST
    (tmp_path / "package.json").write_text('{"scripts": {"which": "node --version"}}')
    assert version in node_of_stack.npm(["run", "which"], tmp_path)


def test_npm_that_fails_says_so(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"scripts": {"no": "exit 3"}}')
    with pytest.raises(StackError, match="ended with 3"):
        node_of_stack.npm(["run", "no"], tmp_path)


@pytest.mark.parametrize("version", [pytest.param("5", marks=pytest.mark.slow), "7"])
def test_pm2_runs_apps_in_a_clean_environment_and_leaves_no_process(
        version: str, make_pm2: t.Callable[..., Pm2], short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody-else")
    daemon = make_pm2(version=version)
    assert daemon.jlist() == []
    assert daemon.daemon is None, "asking started a daemon"
    app = short_folder / "app.js"
    app.write_text("setInterval(() => {}, 1000)")
    daemon.start(app, "--name", "api", "-i", "2", environment={"COLOUR": "green"})
    apps = daemon.jlist()
    assert [(one["name"], one["pm2_env"]["status"], one["pm2_env"]["exec_mode"]) for one in apps] == [
        ("api", "online", "cluster_mode")] * 2
    assert apps[0]["pm2_env"]["COLOUR"] == "green"
    assert "DATABASE_URL" not in apps[0]["pm2_env"]
    assert sorted(daemon.pids("api")) == sorted(one.pid for one in daemon.family() if one != daemon.daemon)
    daemon.kill()
    assert daemon.family() == []


def test_pm2_sweeps_the_orphans_of_a_killed_daemon_and_a_frozen_one(
        make_pm2: t.Callable[..., Pm2], short_folder: Path) -> None:
    (short_folder / "app.js").write_text("setInterval(() => {}, 1000)")
    for hurt in (Process.kill, Process.freeze):
        daemon = make_pm2()
        daemon.start(short_folder / "app.js")
        assert daemon.daemon is not None
        hurt(daemon.daemon)
        assert len(daemon.family()) in (1, 2)
        daemon.kill()
        assert daemon.family() == []


def test_pm2_refuses_a_home_too_long_for_its_socket() -> None:
    with pytest.raises(StackError, match="too long"):
        Pm2(Path("/tmp") / ("x" * 100))


def test_a_reused_pid_is_not_ours(tmp_path: Path) -> None:
    ourselves = Process.of(os.getpid())
    assert ourselves is not None
    earlier = Process(ourselves.pid, ourselves.started - 1)
    assert not earlier.alive()
    earlier.kill()  # would end this test run
    earlier.save(tmp_path / "process.json")
    assert Process.load(tmp_path / "process.json") is None


def test_a_process_that_ignores_a_polite_end_is_killed_with_its_children(tmp_path: Path) -> None:
    program = "trap '' TERM; sleep 60 & wait; wait"
    stubborn = process.start(["/bin/sh", "-c", program], tmp_path / "log", {}, cwd=tmp_path)
    process.wait_until(lambda: len(stubborn.family()) == 2, "the child", 5)
    family = stubborn.family()
    stubborn.stop(timeout_seconds=0.2)
    assert not any(one.alive() for one in family)


def test_services_die_with_the_process_that_started_them_unless_they_shall_survive(tmp_path: Path) -> None:
    program = """
import sys; from pathlib import Path
from demo.stack.redis import Server
from demo.stack.postgresql import Cluster
folder = Path(sys.argv[1])
Cluster(folder / "dies").start(); Server(folder / "dies-too").start(); Server(folder / "stays", survives=True).start()
import os; os.kill(os.getpid(), 9)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    stays = Process.load(tmp_path / "stays" / "process.json")
    assert stays is not None
    try:
        deadline = time.monotonic() + 10
        while any(Process.load(tmp_path / name / "process.json") for name in ("dies", "dies-too")):
            assert time.monotonic() < deadline, "a service outlived its starter"
            time.sleep(0.05)
        assert stays.alive()
    finally:
        stays.stop()
