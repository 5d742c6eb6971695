# SPDX-License-Identifier: GPL-3.0-or-later
"""redis_check against real servers."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import tempfile
import threading
import time
import typing as t
from pathlib import Path

import pytest
import redis
from ansible_collections.vendhub.ops.plugins.module_utils._core.subject import Plan, look
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._redis.options import OPTIONS
from ansible_collections.vendhub.ops.plugins.module_utils._redis.subject import subject

from demo.stack import ports, process
from demo.stack.redis import Server
from tests.modules import call, finding

MakeRedis = t.Callable[..., Server]
# noisy neighbours on a small test machine are not what most of these tests are about
CALM = {"redis_latency_seconds": {"warning": 60, "critical": 60}}


def check(server: Server, **options: t.Any) -> dict[str, t.Any]:
    given = {"host": server.host, "port": server.port, "password": server.password or None, "timeout_seconds": 3,
             **options}
    given["thresholds"] = {**CALM, **given.get("thresholds", {})}
    return call("redis_check", **given)


@pytest.fixture(params=["6", "7"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_healthy_server_is_fine(make_redis: MakeRedis, version: str) -> None:
    result = check(make_redis(version=version))
    assert (result["state"], result["failed"], result["changed"]) == ("ok", False, False)
    assert f"Redis {version}." in finding(result, "redis_reachable")["message"]
    assert finding(result, "redis_config_drift")["state"] == "ok"
    assert result["metrics"]["redis_clients"] == 0
    assert result["metrics"]["redis_memory_used_bytes"] > 100_000


def test_a_look_through_the_unix_socket_is_the_same(redis_server: Server) -> None:
    result = call("redis_check", unix_socket=str(redis_server.socket), password=redis_server.password, thresholds=CALM)
    assert result["state"] == "ok"
    assert result["target"] == f"redis at {redis_server.socket}"


def test_the_password_may_come_from_the_environment(redis_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDISCLI_AUTH", redis_server.password)
    assert check(redis_server, password=None)["state"] == "ok"


def test_only_the_allowed_commands_are_used_and_nothing_is_changed(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    with contextlib.closing(server.client(protocol=2, driver_info=None, single_connection_client=True)) as client:
        client.set("canary", 1)
        settings, before = client.config_get("*"), _calls(client)
        check(server)
        check(server, check_mode=True, database=3)
        after = _calls(client)
        assert client.config_get("*") == settings
        assert client.dbsize() == 1
    grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    # one INFO is our own; ten PINGs and one CONFIG GET for each of four settings belong to each look
    assert grown == {"info": 3, "ping": 20, "auth": 2, "config" if version == "6" else "config|get": 8}


def _calls(client: redis.Redis) -> dict[str, int]:
    return {name.removeprefix("cmdstat_"): row["calls"] for name, row in client.info("commandstats").items()}


def test_the_password_is_nowhere_in_any_answer(make_redis: MakeRedis) -> None:
    server = make_redis(password="canary-7f3a91")
    results = [_look(server), _look(server, password="canary-wrong"), _look(server, username="stranger"),
               _look(server, config_file="required")]
    server.kill()
    results.append(_look(server))
    # below the module: there Ansible itself would hide the password
    assert [result["state"] for result in results] == ["ok", "unknown", "unknown", "ok", "critical"]
    assert "canary" not in json.dumps(results)


def _look(server: Server, **options: t.Any) -> dict[str, t.Any]:
    given = {name: spec.get("default") for name, spec in OPTIONS.items()}
    given.update(port=server.port, password=server.password)
    (answer,) = look([Plan("redis", lambda: subject({**given, **options}, Thresholds(CALM)))])
    return answer.verdict.as_dict()


@pytest.mark.parametrize(("used", "state"), [("just below", "ok"), ("at", "ok"), ("just above", "critical")])
@pytest.mark.parametrize("row", ["redis_memory_percent", "redis_blocked_clients", "redis_evicted_keys_per_day",
                                 "redis_rejected_connections_per_day"])
def test_each_limit_is_passed_only_above_it(busy: Server, row: str, used: str, state: str) -> None:
    value = finding(check(busy), row)["value"]
    assert value > 0
    limit = {"just below": value * 1.2, "at": value, "just above": value * 0.8}[used]
    if row == "redis_memory_percent" and used == "at":  # memory moves a little from look to look
        limit = value * 1.05
    result = check(busy, thresholds={row: {"warning": limit, "critical": limit}})
    assert finding(result, row)["state"] == state


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Server]:
    """A server that evicted keys, refused connections and holds blocked clients."""
    settings: dict[str, str | int] = {"maxmemory": "3mb", "maxmemory-policy": "allkeys-lru", "maxclients": 12}
    with Server(tmp_path_factory.mktemp("busy"), settings=settings) as server, contextlib.ExitStack() as open_things:
        with contextlib.closing(server.client()) as client:
            for number in range(400):
                client.set(f"key{number}", "x" * 10_000)
        for dummy in range(8):
            blocked = open_things.enter_context(socket.create_connection((server.host, server.port)))
            blocked.sendall(f"AUTH {server.password}\r\nBLPOP nothing 0\r\n".encode())
        crowd = [socket.create_connection((server.host, server.port)) for dummy in range(8)]
        time.sleep(0.2)
        for one in crowd:
            one.close()
        time.sleep(0.2)
        yield server


@pytest.mark.parametrize(("delay", "state"), [(0.0, "ok"), (0.25, "critical")])
def test_latency_is_judged_by_the_slowest_ping(delay: float, state: str) -> None:
    with _delayed(delay) as port:
        result = call("redis_check", port=port, latency_samples=3,
                      thresholds={"redis_latency_seconds": {"warning": 0.1, "critical": 0.2}})
    assert finding(result, "redis_latency_seconds")["state"] == state
    assert result["metrics"]["redis_latency_max_seconds"] >= delay


def test_slow_answers_are_judged_as_slow_and_in_time() -> None:
    with _delayed(0.3) as port:
        started = time.monotonic()
        result = call("redis_check", port=port, latency_samples=100, timeout_seconds=1)
    assert time.monotonic() - started < 2
    row = finding(result, "redis_latency_seconds")
    assert row["state"] == "critical"
    assert 0.3 <= row["value"] < 1


def test_replies_that_trickle_are_silence_in_the_end() -> None:
    def trickle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"$20\r\nredis_version:7.0.15\r\n")
            while True:
                time.sleep(0.4)
                connection.sendall(b"*0\r\n")

    with _listener(trickle) as port:
        started = time.monotonic()
        result = call("redis_check", port=port, timeout_seconds=0.6)
    assert time.monotonic() - started < 1.2
    assert "no answer within 0.6 s" in result["msg"]


def test_latency_at_its_limit_is_fine_and_above_it_is_not(redis_server: Server) -> None:
    def state(limit: float) -> str:
        result = check(redis_server, thresholds={"redis_latency_seconds": {"warning": limit, "critical": limit}})
        return str(finding(result, "redis_latency_seconds")["state"])
    assert state(0.0) == "critical"
    assert state(60) == "ok"


def test_full_memory_is_told_in_the_words_of_the_applications_error(make_redis: MakeRedis) -> None:
    server = make_redis(settings={"maxmemory": "1kb", "maxmemory-policy": "noeviction"})
    result = check(server)
    assert result["state"] == "critical"
    message = finding(result, "redis_memory_percent")["message"]
    assert "writes are refused (OOM)" in message
    assert finding(result, "redis_memory_percent")["remedy"] == "vendhub.ops.free_redis_memory"


def test_a_server_without_maxmemory_is_judged_by_the_ram_and_says_so(redis_server: Server) -> None:
    assert "there is no maxmemory" in finding(check(redis_server), "redis_memory_percent")["message"]


def test_a_policy_that_evicts_queues_is_a_warning(make_redis: MakeRedis) -> None:
    server = make_redis(settings={"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"})
    assert finding(check(server), "redis_eviction_policy")["state"] == "warning"
    assert finding(check(server, protect_queues=False), "redis_eviction_policy")["state"] == "ok"


@pytest.mark.parametrize(("setting", "value"), [("maxmemory", "1234567"), ("maxmemory-policy", "volatile-ttl"),
                                                ("save", "60 7"), ("appendonly", "yes")])
def test_a_setting_changed_by_hand_is_drift(make_redis: MakeRedis, version: str, setting: str, value: str) -> None:
    server = make_redis(version=version)
    server.execute("CONFIG", "SET", setting, value)
    row = finding(check(server), "redis_config_drift")
    assert row["state"] == "warning"
    assert [detail["setting"] for detail in row["details"]] == [setting]
    assert row["details"][0]["running"] == value
    server.execute("CONFIG", "SET", "appendonly", "no")  # a server that writes its first file does not stop


def test_an_included_file_counts(make_redis: MakeRedis, tmp_path: Path) -> None:
    more = tmp_path / "more.conf"
    more.write_text("maxmemory 77mb\n")
    server = make_redis(settings={"include": str(more)})
    assert finding(check(server), "redis_config_drift")["state"] == "ok"


def test_a_file_that_is_gone_is_not_called_fine(make_redis: MakeRedis) -> None:
    server = make_redis()
    server.configuration.unlink()
    result = check(server)
    assert "redis_config_drift" not in {row["name"] for row in result["findings"]}
    assert finding(result, "redis_reachable")["details"][0]["not_looked_at"] == "the configuration file"
    assert finding(check(server, config_file="required"), "redis_config_drift")["state"] == "unknown"
    assert "details" not in finding(check(server, config_file="off"), "redis_reachable")


def test_a_file_that_must_not_be_read_is_said(make_redis: MakeRedis) -> None:
    server = make_redis()
    server.configuration.chmod(0)
    with _unprivileged():
        result = check(server)
    row = finding(result, "redis_not_seen")
    assert row["state"] == "warning"
    assert "cannot be read: Permission denied" in row["message"]


@contextlib.contextmanager
def _unprivileged() -> t.Iterator[None]:
    """Root reads everything: be somebody else for a moment."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_verified_tls_connection_works_and_an_untrusted_one_is_told(make_redis: MakeRedis, tmp_path: Path) -> None:
    certificate, key, port = tmp_path / "tls.crt", tmp_path / "tls.key", ports.free_port()
    process.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                 "-keyout", str(key), "-out", str(certificate)], process.clean_environment(), 30, cwd=tmp_path)
    server = make_redis(version="7", settings={"tls-port": port, "tls-cert-file": str(certificate),
                                               "tls-key-file": str(key), "tls-auth-clients": "no"})
    secure = {"host": "localhost", "port": port, "tls": True}
    assert check(server, **secure, ca_path=str(certificate))["state"] == "ok"
    assert check(server, **secure, validate_certs=False)["state"] == "ok"
    untrusted = check(server, **secure)
    assert untrusted["failed"]
    assert "not trusted" in untrusted["msg"]
    misnamed = check(server, **{**secure, "host": "127.0.0.1"}, ca_path=str(certificate))
    assert misnamed["failed"]
    plain = check(server, **{**secure, "port": server.port}, ca_path=str(certificate), timeout_seconds=1)
    assert plain["state"] == "critical"


def test_a_failed_snapshot_is_critical_and_names_misconf(make_redis: MakeRedis, tmp_path: Path) -> None:
    server = make_redis(settings={"save": "3600 1"})
    server.execute("SET", "a", "1")
    target = server.folder / "dump.rdb"
    target.mkdir()  # a snapshot cannot be renamed over a folder, not even by root
    server.execute("BGSAVE")
    _until(lambda: server.execute("INFO", "persistence")["rdb_last_bgsave_status"] == "err")
    result = check(server)
    target.rmdir()
    assert result["state"] == "critical"
    assert finding(result, "redis_persistence")["state"] == "critical"
    assert "MISCONF" in finding(result, "redis_reachable")["message"]


def test_a_replica_that_lost_its_master_is_critical(make_redis: MakeRedis) -> None:
    master = make_redis(password="")
    replica = make_redis(password="")
    replica.execute("REPLICAOF", master.host, master.port)
    _until(lambda: replica.execute("INFO", "replication")["master_link_status"] == "up")
    assert finding(check(replica), "redis_replication")["state"] == "ok"
    assert check(master)["metrics"]["redis_replicas"] == 1
    master.kill()
    _until(lambda: replica.execute("INFO", "replication")["master_link_status"] == "down")
    result = check(replica)
    assert finding(result, "redis_replication")["state"] == "critical"
    assert "the link is down" in finding(result, "redis_replication")["message"]


def test_a_server_that_loads_its_data_is_critical_with_its_progress(make_redis: MakeRedis) -> None:
    server = make_redis(version="7", settings={"save": "3600 1", "enable-debug-command": "yes"})
    server.execute("DEBUG", "POPULATE", 800, "key", 10)
    server.execute("SAVE")
    server.kill()
    server.settings["key-load-delay"] = 2000  # 800 keys x 2 ms
    server.settings["loading-process-events-interval-bytes"] = 1024
    loading = threading.Thread(target=server.start, daemon=True)
    loading.start()
    _until(lambda: ports.listens(server.port))
    result = check(server)
    loading.join(20)
    assert result["state"] == "critical"
    assert "loading its data" in finding(result, "redis_reachable")["message"]
    assert "% done" in finding(result, "redis_reachable")["message"]


def test_a_server_that_is_busy_with_a_script_is_critical(make_redis: MakeRedis) -> None:
    server = make_redis(password="", settings={"lua-time-limit": 50})
    with socket.create_connection((server.host, server.port)) as endless:
        endless.sendall(b"EVAL 'while true do end' 0\r\n")
        time.sleep(0.3)
        result = check(server)
        server.execute("SCRIPT", "KILL")
    assert result["state"] == "critical"
    assert "busy with a script" in result["msg"]


def test_a_full_server_is_critical(make_redis: MakeRedis) -> None:
    server = make_redis(settings={"maxclients": 3})
    with contextlib.ExitStack() as crowd:
        for dummy in range(3):
            client = crowd.enter_context(contextlib.closing(server.client(single_connection_client=True)))
            _until(functools.partial(_answers, client))  # the place of the client before us may not be free yet
        result = check(server)
    assert result["state"] == "critical"
    assert "max number of clients" in result["msg"]


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_a_killed_server_is_critical(make_redis: MakeRedis) -> None:
    server = make_redis()
    server.kill()
    result = check(server)
    assert (result["state"], result["failed"]) == ("critical", False)
    assert "connection refused" in result["msg"]
    assert finding(check(server, unix_socket="/nonexistent/redis.sock"), "redis_reachable")["state"] == "critical"


def test_a_name_that_cannot_be_resolved_is_unknown() -> None:
    result = call("redis_check", host="no-such-host.invalid", timeout_seconds=2)
    assert result["failed"]
    assert "cannot be resolved" in result["msg"]


def test_a_frozen_server_is_critical_within_its_time(make_redis: MakeRedis) -> None:
    server = make_redis()
    server.freeze()
    for password in (server.password, None):
        started = time.monotonic()
        result = check(server, timeout_seconds=0.5, password=password)
        assert time.monotonic() - started < 1.4
        assert result["state"] == "critical"
        assert "no answer within 0.5 s" in result["msg"]


@pytest.mark.parametrize(("password", "words"), [
    ("wrong", "the login of the default user was refused"), (None, "asks for a password and none was given"),
])
def test_a_refused_login_is_unknown_and_says_what_to_do(redis_server: Server, password: str | None,
                                                        words: str) -> None:
    result = check(redis_server, password=password)
    assert result["failed"]
    assert "state" not in result
    assert words in result["msg"]


def test_a_password_for_a_server_without_one_is_told(make_redis: MakeRedis, version: str) -> None:
    result = check(make_redis(version=version, password=""), password="needless")
    assert result["failed"]
    assert "it has no password, but one was given" in result["msg"]
    assert "needless" not in result["msg"]


def test_a_user_with_only_the_needed_rights_sees_everything(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    config = "+config|get"
    server.execute("ACL", "SETUSER", "watcher", "on", ">secret-watch", "+info", "+ping", config)
    result = check(server, username="watcher", password="secret-watch")
    assert result["state"] == "ok"
    assert "redis_not_seen" not in {row["name"] for row in result["findings"]}


def test_a_user_without_config_rights_says_what_was_not_seen(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    server.execute("ACL", "SETUSER", "watcher", "on", ">secret-watch", "+info", "+ping")
    result = check(server, username="watcher", password="secret-watch")
    row = finding(result, "redis_not_seen")
    assert (result["state"], row["state"]) == ("warning", "warning")
    assert "'watcher' may not use CONFIG GET" in row["message"]
    assert row["details"][0]["enable"] == "ACL SETUSER <user> +config|get"
    assert "redis_config_drift" not in {row["name"] for row in result["findings"]}


def test_a_user_without_info_cannot_look(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    server.execute("ACL", "SETUSER", "watcher", "on", ">secret-watch", "+ping")
    result = check(server, username="watcher", password="secret-watch")
    assert result["failed"]
    assert "user 'watcher' may not use INFO" in result["msg"]


@pytest.mark.parametrize("rubbish", [
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", os.urandom(64).replace(b"\n", b"x") + b"\r\n",
    b"", b"*2147483647\r\n", b"$5\r\nhello\r\n" * 20, b"+OK\r\n" * 20, b":1\r\n" * 20, b"*1\r\n" * 5000,
    b"-ERR go away\r\n" * 20, b"$-1\r\n" * 20,
], ids=["http", "random", "silence", "huge array", "words", "oks", "numbers", "nested", "errors", "nulls"])
@pytest.mark.parametrize("password", [None, "secret-canary"])
def test_a_port_that_speaks_rubbish_is_critical_in_time(rubbish: bytes, password: str | None) -> None:
    with _speaker(rubbish) as port:
        started = time.monotonic()
        result = call("redis_check", port=port, password=password, timeout_seconds=0.5)
        assert time.monotonic() - started < 2
    assert result.get("state") == "critical", result["msg"]
    assert "secret-canary" not in result["msg"]


def test_a_server_that_closes_at_once_is_critical() -> None:
    with _speaker(b"", close=True) as port:
        result = call("redis_check", port=port, timeout_seconds=1)
    assert result["state"] == "critical"


@pytest.mark.parametrize(("options", "words"), [
    ({"port": 0}, "port must be between"), ({"timeout_seconds": 0}, "timeout_seconds must be above 0"),
    ({"latency_samples": 0}, "latency_samples"), ({"database": -1}, "database"),
    ({"tls": True, "unix_socket": "/x"}, "exclude"),
])
def test_an_option_that_cannot_be_meant_is_refused(options: dict[str, t.Any], words: str) -> None:
    result = call("redis_check", **options)
    assert result["failed"]
    assert words in result["msg"]


def _until(ready: t.Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


@contextlib.contextmanager
def _speaker(words: bytes, close: bool = False) -> t.Iterator[int]:
    """A port where somebody says the same to everybody and then waits (or hangs up)."""
    def speak(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(words)
            while not close and connection.recv(65536):
                pass
    with _listener(speak) as port:
        yield port


@contextlib.contextmanager
def _delayed(seconds: float) -> t.Iterator[int]:
    """A real Redis behind a line that delays each PING."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder), password="") as server:
        def relay(connection: socket.socket) -> None:
            with connection, socket.create_connection((server.host, server.port)) as behind, \
                    contextlib.suppress(OSError):
                while request := connection.recv(65536):
                    if b"PING" in request:
                        time.sleep(seconds)
                    behind.sendall(request)
                    time.sleep(0.02)
                    connection.sendall(behind.recv(1 << 20))
        with _listener(relay) as port:
            yield port


@contextlib.contextmanager
def _listener(serve: t.Callable[[socket.socket], None]) -> t.Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, dummy = listener.accept()
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
