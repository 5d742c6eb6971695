# SPDX-License-Identifier: GPL-3.0-or-later
"""redis_memory_info against real servers."""

from __future__ import annotations

import json
import typing as t

import pytest

from demo.stack import process
from demo.stack.redis import Server
from tests.modules import call

from .conftest import KEPT, NASTY, connected, fill, keys, reach

MakeRedis = t.Callable[..., Server]


def look(server: Server, **options: t.Any) -> dict[str, t.Any]:
    return call("redis_memory_info", **reach(server, **options))


def prefix(result: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    (row,) = [row for row in result["prefixes"] if row["prefix"] == name]
    return dict(row)


@pytest.fixture(params=["by script", "by commands"])
def login(request: pytest.FixtureRequest) -> dict[str, t.Any]:
    return {} if request.param == "by script" else {"username": "plain", "password": "plain-password"}


def site(make_redis: MakeRedis, version: str, **settings: t.Any) -> Server:
    server = make_redis(version=version, settings=settings)
    server.execute("ACL", "SETUSER", "plain", "on", ">plain-password", "~*", "+@all", "-@scripting")
    fill(server, "cache:product:", 4000, "x" * 200)
    fill(server, "cart:", 500)
    fill(server, "bull:mail:", 300)
    with connected(server) as client:
        client.hset("report:2026:all", mapping={str(number): "x" * 1000 for number in range(2000)})
        client.expire("report:2026:all", 5000)
    return server


def test_bytes_by_prefix_are_those_of_redis(make_redis: MakeRedis, version: str, login: dict[str, t.Any]) -> None:
    server = site(make_redis, version)
    with connected(server) as client:
        measured = sum(client.memory_usage(key) or 0 for key in keys(server) if key.startswith(b"cache:product:"))
    result = look(server, **login)
    cache = prefix(result, "cache:product:")
    assert (cache["key_count"], cache["bytes"], cache["lasting_keys"]) == (4000, measured, 4000)
    assert prefix(result, "bull:mail:")["protected_keys"] == 300
    report = prefix(result, "report:")
    assert (report["key_count"], report["lasting_keys"]) == (1, 0)
    assert result["biggest"][0]["key"] == "report:2026:all"
    assert result["biggest"][0]["type"] == "hash"
    assert result["biggest"][0]["ttl_seconds"] in (4998, 4999, 5000)
    assert result["biggest"][0]["bytes"] > 1_000_000
    assert (result["key_count"], result["sample"]["complete"], result["changed"]) == (4801, True, False)
    assert any(line.startswith("big key: ") and "report:2026:all" in line for line in result["report"])


def test_a_sample_estimates_the_rest_and_says_so(make_redis: MakeRedis, login: dict[str, t.Any]) -> None:
    server = make_redis(version="7")
    server.execute("ACL", "SETUSER", "plain", "on", ">plain-password", "~*", "+@all", "-@scripting")
    fill(server, "cache:product:", 40_000, "x" * 200)
    fill(server, "cart:", 10_000)
    whole, some = look(server, max_keys=10**6, **login), look(server, max_keys=5000, **login)
    assert (some["sample"]["complete"], whole["sample"]["complete"]) == (False, True)
    assert 5000 <= some["sample"]["key_count"] < 8000
    for name in ("cache:product:", "cart:"):
        for what in ("key_count", "bytes"):
            assert 0.85 < prefix(some, name)[what] / prefix(whole, name)[what] < 1.15
    assert "of 50000 keys, the rest estimated" in some["msg"]


def test_a_big_key_that_a_sample_may_miss_is_suspected(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    fill(server, "cache:", 30_000)
    with connected(server) as client:
        client.hset("big", mapping={str(number): "x" * 1000 for number in range(30_000)})
    some = look(server, max_keys=1000)
    assert any("a big key may be among the others" in line for line in some["report"]) \
        or some["biggest"][0]["key"] == "big"


def test_time_is_a_budget_too(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    fill(server, "cache:", 200_000)
    result = look(server, max_seconds=0.1, max_keys=10**6)
    assert not result["failed"]
    assert not result["sample"]["complete"]
    assert "stopped after 100 ms (max_seconds)" in result["msg"]
    assert 180_000 < prefix(result, "cache:")["key_count"] < 220_000


def test_nothing_is_changed_and_no_value_is_read(make_redis: MakeRedis, login: dict[str, t.Any]) -> None:
    server = site(make_redis, "7")
    with connected(server) as client:
        before, calls = client.dump("cart:1"), client.info("commandstats")
        look(server, **login)
        after = client.info("commandstats")
        assert client.dump("cart:1") == before
    used = {name[len("cmdstat_"):] for name in after if after[name] != calls.get(name)}
    assert used <= {"info", "eval", "scan", "memory|usage", "pttl", "type", "dbsize", "auth"}


def test_any_byte_in_a_name_is_shown_and_credentials_are_not(make_redis: MakeRedis, login: dict[str, t.Any]) -> None:
    server = site(make_redis, "7")
    with connected(server) as client:
        client.mset(dict.fromkeys(NASTY + KEPT, b"x" * 5000))
    result = look(server, biggest=100, **login)
    shown = json.dumps(result["biggest"])
    assert r"cache:\\x00" in shown
    assert r"cache:\\xff\\xfe" in shown
    assert "vendhub:blacklist:token:***" in shown
    assert "eyJ" not in json.dumps(result)


def test_a_limit_other_databases_and_sizes_that_cannot_be_seen_are_told(make_redis: MakeRedis) -> None:
    server = site(make_redis, "7", maxmemory="100mb")
    with connected(server, db=4) as client:
        client.set("a", 1)
    server.execute("ACL", "SETUSER", "blind", "on", ">blind-password", "~*", "+@all", "-memory")
    result = look(server, username="blind", password="blind-password")
    assert "of 100 MiB maxmemory used, policy noeviction" in result["msg"]
    assert result["server"]["other_databases"] == {"4": 1}
    assert not result["sample"]["measured"]
    assert any("Sizes are unknown" in line for line in result["report"])
    assert prefix(result, "cache:product:")["key_count"] == 4000


def test_an_empty_server_is_no_problem(make_redis: MakeRedis, version: str) -> None:
    result = look(make_redis(version=version))
    assert (result["failed"], result["key_count"], result["prefixes"], result["biggest"]) == (False, 0, [], [])


def test_a_replica_may_be_looked_at(make_redis: MakeRedis) -> None:
    master, replica = make_redis(version="7", password=""), make_redis(version="7", password="")
    fill(master, "cache:", 50)
    replica.execute("REPLICAOF", master.host, master.port)
    process.wait_until(lambda: len(keys(replica)) == 50, "the copy", 10)
    result = look(replica)
    assert (result["server"]["role"], result["key_count"], result["sample"]["key_count"]) == ("replica", 50, 50)


@pytest.mark.parametrize(("given", "says"), [
    ({"depth": 0}, "depth must be between 1 and 10"), ({"separator": ""}, "separator must not be empty"),
    ({"max_keys": 0}, "max_keys must be between"), ({"sessions": ["?"]}, "know only *"),
    ({"password": "wrong-canary"}, "password"), ({"port": 1}, "connection refused"),
])
def test_what_cannot_be_done_is_told(redis_server: Server, given: dict[str, t.Any], says: str) -> None:
    result = look(redis_server, **given)
    assert result["failed"]
    assert says in result["msg"]
    assert "wrong-canary" not in result["msg"]
