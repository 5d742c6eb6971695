# SPDX-License-Identifier: GPL-3.0-or-later
"""redis_keys against real servers."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import threading
import time
import typing as t
from pathlib import Path

import pytest
import redis
from ansible_collections.vendhub.ops.plugins.module_utils._redis.globs import Rule

from demo.stack import ports, process
from demo.stack.redis import Server
from tests.modules import call

from .conftest import KEPT, NASTY, connected, fill, keys, reach

MakeRedis = t.Callable[..., Server]


def clear(server: Server, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    return call("redis_keys", check_mode=check_mode, **reach(server, **options))


@pytest.fixture(params=["by script", "by commands"])
def user(request: pytest.FixtureRequest) -> t.Callable[[Server], dict[str, t.Any]]:
    """A user that may, or may not, use scripts."""
    def make(server: Server) -> dict[str, t.Any]:
        if request.param == "by script":
            return {}
        server.execute("ACL", "SETUSER", "plain", "on", ">plain-password", "~*", "+@all", "-@scripting")
        return {"username": "plain", "password": "plain-password"}
    return make


def test_any_byte_in_a_name_survives_and_what_is_protected_stays(
        make_redis: MakeRedis, version: str, user: t.Callable[[Server], dict[str, t.Any]]) -> None:
    server = make_redis(version=version)
    with connected(server) as client:
        client.mset(dict.fromkeys(NASTY + KEPT, b"1"))
        client.hset("cache:hash", mapping={str(number): "x" * 100 for number in range(5000)})
    fill(server, "cache:product:", 5000)
    login = user(server)
    plan = clear(server, check_mode=True, prefix="cache:", **login)
    assert keys(server) >= set(NASTY + KEPT)
    done = clear(server, prefix="cache:", **login)
    assert done["by_script"] == (not login), done["no_script"]
    assert keys(server) == set(KEPT)
    assert plan["key_count"] == done["key_count"] == len(NASTY) + 5001
    assert plan["kept"] == done["kept"] == {"*blacklist*": 2}
    assert plan["changed"]
    assert done["changed"]
    assert 0.8 < plan["bytes"] / done["memory"]["freed_bytes"] < 1.25
    assert "2 keys kept by *blacklist*" in done["msg"]


def test_a_second_run_changes_nothing(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    fill(server, "cache:", 300)
    assert clear(server, prefix="cache:")["changed"]
    again = clear(server, prefix="cache:")
    assert (again["changed"], again["key_count"], again["failed"]) == (False, 0, False)
    assert "nothing to clear for cache:*" in again["msg"]


def test_the_plan_is_exact_below_ten_thousand_keys_and_changes_nothing(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    fill(server, "cache:", 3000)
    before = keys(server)
    with connected(server) as client:
        measured = sum(client.memory_usage(key) or 0 for key in before)
    plan = clear(server, check_mode=True, prefix="cache:")
    assert (plan["key_count"], plan["bytes"], plan["bytes_estimated"]) == (3000, measured, False)
    assert "3000 keys of cache:* would be cleared" in plan["msg"]
    assert keys(server) == before


def test_the_plan_of_many_keys_is_estimated_from_some(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    fill(server, "cache:", 60_000)
    plan = clear(server, check_mode=True, prefix="cache:")
    done = clear(server, prefix="cache:")
    assert plan["bytes_estimated"]
    assert plan["key_count"] == done["key_count"] == 60_000
    assert 0.8 < plan["bytes"] / done["memory"]["freed_bytes"] < 1.25


@pytest.mark.parametrize(("given", "gone"), [
    ({"pattern": "report:202[56]-*:pdf"}, {b"report:2025-1:pdf", b"report:2026-2:pdf"}),
    ({"pattern": r"report:\*"}, {b"report:*"}),
    ({"prefix": "report:*"}, {b"report:*", b"report:*x"}),
    ({"prefix": "sess:"}, {b"sess:1"}),
    ({"pattern": "s*"}, {b"single"}),
    ({"prefix": "bull:"}, set()),
    ({"prefix": "bull:", "protected": ["*blacklist*"]}, {b"bull:mail:1"}),
])
def test_a_pattern_takes_what_it_names_and_nothing_else(make_redis: MakeRedis, given: dict[str, t.Any],
                                                        gone: set[bytes]) -> None:
    server = make_redis(version="7")
    there = {b"report:2025-1:pdf", b"report:2026-2:pdf", b"report:2024-1:pdf", b"report:*", b"report:*x", b"sess:1",
             b"single", b"bull:mail:1"}
    with connected(server) as client:
        client.mset(dict.fromkeys(there, b"1"))
    result = clear(server, **given)
    assert there - keys(server) == gone
    assert result["key_count"] == len(gone)


def test_what_stays_is_the_same_for_the_server_and_for_us(make_redis: MakeRedis, version: str) -> None:
    server, chance = make_redis(version=version), random.Random(5)
    letters = [b"a", b"b", b"%", b".", b"-", b"\0", b"\n", b"*", b"[", b"^", b"$", b"\xff", b":"]
    script = "return string.find(KEYS[1], ARGV[1]) and 1 or 0"
    with connected(server) as client:
        for dummy in range(400):
            text = b"".join(chance.choices(letters, k=chance.randint(1, 4))).decode("utf-8", "surrogateescape")
            glob = "".join(one for one in text if one not in "[") or "a"
            if not glob.strip("*"):
                continue
            key = b"".join(chance.choices(letters, k=chance.randint(0, 6)))
            ours = re.fullmatch(Rule(glob).expression(), key, re.DOTALL) is not None
            assert bool(client.eval(script, 1, key, Rule(glob).lua())) == ours, (glob, key)


def test_every_key_is_never_meant(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    fill(server, "cache:", 10)
    meaning_all: list[dict[str, t.Any]] = [{"pattern": "*"}, {"prefix": ""}, {"pattern": "[^x]*"}]
    for given in meaning_all:
        result = clear(server, **given)
        assert result["failed"]
        assert "FLUSHDB by another name" in result["msg"]
    assert len(keys(server)) == 10


@pytest.mark.parametrize(("given", "says"), [
    ({}, "one of the following is required"), ({"prefix": "a", "pattern": "a"}, "mutually exclusive"),
    ({"prefix": "a", "share_percent": 101}, "share_percent must be at most 100, not 101"),
    ({"prefix": "a", "batch_seconds": 0}, "batch_seconds must be above 0"),
    ({"prefix": "a", "protected": ["*"]}, "means all of them"),
    ({"prefix": "a", "port": 0}, "port must be between"),
])
def test_options_that_cannot_be_meant_are_refused(redis_server: Server, given: dict[str, t.Any], says: str) -> None:
    result = clear(redis_server, **given)
    assert result["failed"]
    assert says in result["msg"]


def test_only_the_chosen_database_is_cleared(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    for database in (0, 3):
        with connected(server, db=database) as client:
            client.set("cache:1", "x")
    assert clear(server, prefix="cache:", database=3)["key_count"] == 1
    assert keys(server) == {b"cache:1"}


def test_a_full_server_that_refuses_writes_is_cleared(make_redis: MakeRedis, version: str,
                                                      user: t.Callable[[Server], dict[str, t.Any]]) -> None:
    server = make_redis(version=version, settings={"maxmemory": "8mb", "maxmemory-policy": "noeviction"})
    with connected(server) as client, contextlib.suppress(Exception):
        for number in range(100_000):
            client.set(f"cache:{number}", "x" * 2000)
    login = user(server)
    with pytest.raises(Exception, match="maxmemory"):
        server.execute("SET", "bull:mail:1", "x" * 2000)
    assert clear(server, prefix="cache:", **login)["complete"]
    server.execute("SET", "bull:mail:1", "x" * 2000)


def test_a_unix_socket_works(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    fill(server, "cache:", 10)
    result = call("redis_keys", unix_socket=str(server.socket), password=server.password, prefix="cache:")
    assert (result["key_count"], result["target"]) == (10, f"redis at {server.socket}")


def test_tls_works(make_redis: MakeRedis, tmp_path: Path) -> None:
    certificate, key, port = tmp_path / "tls.crt", tmp_path / "tls.key", ports.free_port()
    process.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                 "-keyout", str(key), "-out", str(certificate)], process.clean_environment(), 30, cwd=tmp_path)
    server = make_redis(version="7", settings={"tls-port": port, "tls-cert-file": str(certificate),
                                               "tls-key-file": str(key), "tls-auth-clients": "no"})
    fill(server, "cache:", 10)
    secure: dict[str, t.Any] = {"host": "localhost", "port": port, "tls": True}
    assert "not trusted" in clear(server, prefix="cache:", **secure)["msg"]
    assert clear(server, prefix="cache:", **secure, ca_path=str(certificate))["key_count"] == 10


def test_the_documented_rights_are_enough(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    page = (Path(__file__).parents[3] / "docs/redis_memory.md").read_text("utf-8")
    words = next(line for line in page.splitlines() if line.startswith("ACL SETUSER")).split()[2:]
    if version == "6":  # which knows no subcommands of commands that it allows as a whole
        words = [word for word in words if not word.startswith("+config|")] + ["+config"]
    server.execute("ACL", "SETUSER", *(">ops-password" if word.startswith(">") else word for word in words))
    fill(server, "cache:", 20)
    login: dict[str, t.Any] = {"username": "ops", "password": "ops-password"}
    seen = call("redis_memory_info", **reach(server, **login))
    assert (seen["failed"], seen["sample"]["measured"], seen["key_count"]) == (False, True, 20), seen["msg"]
    plan = clear(server, check_mode=True, prefix="cache:", **login)
    assert (plan["bytes_known"], plan["by_script"]) == (True, True), plan
    assert clear(server, prefix="cache:", **login)["key_count"] == 20
    changed = call("redis_config", settings={"maxmemory": "64mb"}, **reach(server, **login))
    assert changed["persisted"], changed["msg"]


def test_a_user_of_one_prefix_clears_only_that(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    server.execute("ACL", "SETUSER", "cacher", "on", ">cacher-password", "~cache:*", "+@all")
    fill(server, "cache:", 20)
    fill(server, "cart:", 20)
    login: dict[str, t.Any] = {"username": "cacher", "password": "cacher-password"}
    assert clear(server, prefix="cache:", **login)["key_count"] == 20
    refused = clear(server, prefix="cart:", **login)
    assert refused["failed"]
    assert "grant it with ACL SETUSER <user> +unlink" in refused["msg"]
    assert len(keys(server)) == 20


def test_without_the_right_to_measure_the_plan_counts(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    server.execute("ACL", "SETUSER", "blind", "on", ">blind-password", "~*", "+@all", "-memory")
    fill(server, "cache:", 20)
    plan = clear(server, check_mode=True, prefix="cache:", username="blind", password="blind-password")
    assert (plan["key_count"], plan["bytes_known"]) == (20, False)
    assert "their size is unknown" in plan["msg"]


def test_a_replica_is_refused_with_the_name_of_its_master(make_redis: MakeRedis) -> None:
    master, replica = make_redis(version="7", password=""), make_redis(version="7", password="")
    fill(master, "cache:", 50)
    replica.execute("REPLICAOF", master.host, master.port)
    process.wait_until(lambda: len(keys(replica)) == 50, "the copy", 10)
    refused = clear(replica, prefix="cache:")
    assert refused["failed"]
    assert f"it is a replica; run this on its master {master.host}:{master.port}" in refused["msg"]
    assert clear(replica, check_mode=True, prefix="cache:")["key_count"] == 50
    assert clear(master, prefix="cache:")["key_count"] == 50
    process.wait_until(lambda: not keys(replica), "the copy to follow", 10)


def test_a_wrong_password_is_told_and_never_shown(redis_server: Server) -> None:
    result = clear(redis_server, prefix="cache:", password="wrong-canary")
    assert result["failed"]
    assert "password" in result["msg"]
    assert "wrong-canary" not in json.dumps({**result, "invocation": ""})


def test_a_server_that_stays_slow_stops_it_between_batches(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    fill(server, "cache:", 20_000)
    slow: dict[str, t.Any] = {"latency_limit_seconds": 1e-7, "patience_seconds": 0.1}
    stopped = clear(server, prefix="cache:", **slow)
    assert stopped["failed"]
    assert "answered more slowly than" in stopped["msg"]
    assert not stopped["complete"]
    left = len(keys(server))
    assert 0 < left == 20_000 - stopped["key_count"]
    assert clear(server, prefix="cache:")["key_count"] == left


def test_a_server_that_freezes_is_told_with_what_was_done(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    fill(server, "cache:", 200_000)
    timer = threading.Timer(0.15, server.freeze)
    timer.start()
    try:
        result = clear(server, prefix="cache:", share_percent=20, timeout_seconds=1)
    finally:
        timer.join()
        server.thaw()
    assert result["failed"]
    assert "no answer within 1 s" in result["msg"]
    assert "cleared so far, running it again goes on with the rest" in result["msg"]
    assert 0 < result["key_count"] < 200_000
    assert clear(server, prefix="cache:")["complete"]
    assert keys(server) == set()


def test_nobody_waits_long_meanwhile(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    fill(server, "cache:", 200_000)
    fill(server, "other:", 50_000)
    waits: list[float] = []
    over = threading.Event()

    def ask() -> None:
        with connected(server, single_connection_client=True) as client:
            while not over.is_set():
                began = time.perf_counter()
                client.ping()
                waits.append(time.perf_counter() - began)
                time.sleep(0.001)

    other = threading.Thread(target=ask)
    other.start()
    try:
        result = clear(server, prefix="cache:")
    finally:
        over.set()
        other.join()
    assert result["key_count"] == 200_000
    assert len(keys(server)) == 50_000
    # generous: the machine has its own noise; benchmarks/redis_keys.py has the figures
    assert max(waits) < 0.2
    assert sorted(waits)[len(waits) // 2] < 0.02


class Nodes(t.NamedTuple):
    """A cluster of masters."""

    servers: list[Server]

    @property
    def first(self) -> Server:
        return self.servers[0]


@pytest.fixture
def cluster(make_redis: MakeRedis, version: str) -> Nodes:
    servers = [make_redis(version=version, port=_low_port(), password="",
                          settings={"cluster-enabled": "yes", "cluster-config-file": "nodes.conf", "databases": 1})
               for dummy in range(3)]
    for number, server in enumerate(servers):
        server.execute("CLUSTER", "ADDSLOTS", *range(number * 5462, min((number + 1) * 5462, 16384)))
        server.execute("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for server in servers[1:]:
        server.execute("CLUSTER", "MEET", servers[0].host, servers[0].port)

    def agreed() -> bool:
        return all("cluster_state:ok" in str(server.execute("CLUSTER", "INFO"))
                   and len(server.execute("CLUSTER", "SLOTS")) == 3 for server in servers)

    process.wait_until(agreed, "the cluster", 20)
    return Nodes(servers)


def _low_port() -> int:
    """A free port whose bus port, 10,000 above it, is free too."""
    for port in random.sample(range(12000, 22000), 500):
        if not ports.listens(port) and not ports.listens(port + 10000):
            with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
                probe.bind((ports.HOST, port + 10000))
                return port
    raise AssertionError("no free port")


def test_a_cluster_is_cleared_on_all_masters(cluster: Nodes, user: t.Callable[[Server], dict[str, t.Any]]) -> None:
    login: dict[str, t.Any] = {}
    for server in cluster.servers:
        login = user(server)
    with contextlib.closing(redis.RedisCluster(host=cluster.first.host, port=cluster.first.port)) as client:
        for number in range(900):
            client.set(f"cache:{number}", "x")
        client.set("bull:{mail}:1", "x")
        client.set("cart:1", "x")
    seen = call("redis_memory_info", **reach(cluster.first, **login))
    assert (seen["key_count"], seen["server"]["servers"]) == (902, 3)
    plan = clear(cluster.first, check_mode=True, prefix="cache:", **login)
    done = clear(cluster.first, prefix="cache:", **login)
    assert (plan["key_count"], done["key_count"], done["servers"]) == (900, 900, 3), done
    assert done["by_script"] == (not login), done["no_script"]
    assert set().union(*map(keys, cluster.servers)) == {b"bull:{mail}:1", b"cart:1"}
