# SPDX-License-Identifier: GPL-3.0-or-later
"""redis_config against real servers."""

from __future__ import annotations

import json
import stat
import subprocess
import typing as t
from pathlib import Path

import pytest

from demo.stack import ports, process
from demo.stack.redis import Server, binary
from tests.modules import call

from .conftest import connected, fill, reach

MakeRedis = t.Callable[..., Server]


def configure(server: Server, check_mode: bool = False, settings: t.Any = None, **options: t.Any) -> dict[str, t.Any]:
    return call("redis_config", check_mode=check_mode, settings=settings, **reach(server, **options))


def running(server: Server, name: str) -> str:
    return str(server.execute("CONFIG", "GET", name)[name])


def restart(server: Server) -> None:
    """Stop and start it with the file that is there, not one of the test's."""
    assert server.process
    server.process.stop()
    server._configure = lambda: None  # type: ignore[method-assign]
    server.start()


def test_a_setting_lasts_and_a_second_run_changes_nothing(make_redis: MakeRedis, version: str, tmp_path: Path) -> None:
    server = make_redis(version=version)
    wanted = {"maxmemory": "64mb", "maxmemory-policy": "volatile-lru"}
    journal = tmp_path / "state" / "redis_config.jsonl"
    planned = configure(server, check_mode=True, settings=wanted)
    assert (planned["changed"], planned["written"], running(server, "maxmemory")) == (True, True, "0")
    done = configure(server, settings=wanted, journal=str(journal))
    assert (done["changed"], done["persisted"], done["failed"]) == (True, True, False)
    assert done["previous"] == planned["previous"] == {"maxmemory": "0", "maxmemory-policy": "noeviction"}
    assert done["diff"]["after"] == "maxmemory 67108864\nmaxmemory-policy volatile-lru\n"
    again = configure(server, settings=wanted, journal=str(journal))
    assert (again["changed"], again["previous"], again["persisted"]) == (False, {}, True)
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [(row["setting"], row["from"], row["to"]) for row in rows] == [
        ("maxmemory", "0", "67108864"), ("maxmemory-policy", "noeviction", "volatile-lru")]
    restart(server)
    assert (running(server, "maxmemory"), running(server, "maxmemory-policy")) == ("67108864", "volatile-lru")


def test_the_previous_values_are_the_way_back(make_redis: MakeRedis) -> None:
    server = make_redis(version="7", settings={"maxmemory": "100mb"})
    done = configure(server, settings={"maxmemory": "200mb", "timeout": 30})
    assert configure(server, settings=done["previous"])["changed"]
    assert (running(server, "maxmemory"), running(server, "timeout")) == (str(100 * 2**20), "0")


def test_the_file_stays_closed_to_others(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    assert stat.S_IMODE(server.configuration.stat().st_mode) == 0o600
    assert configure(server, settings={"maxmemory": "64mb"})["written"]
    assert "maxmemory 64mb" in server.configuration.read_text() or "67108864" in server.configuration.read_text()
    assert stat.S_IMODE(server.configuration.stat().st_mode) == 0o600


def test_a_file_that_says_something_else_is_written(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version, settings={"maxmemory": "64mb"})
    server.execute("CONFIG", "SET", "maxmemory", "32mb")
    planned = configure(server, check_mode=True, settings={"maxmemory": "32mb"})
    assert (planned["changed"], planned["previous"], planned["written"]) == (True, {}, True)
    done = configure(server, settings={"maxmemory": "32mb"})
    assert (done["changed"], done["persisted"]) == (True, True)
    assert "written into the file" in done["msg"]
    restart(server)
    assert running(server, "maxmemory") == str(32 * 2**20)


def test_persist_off_writes_nothing_and_says_so(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    before = server.configuration.read_text()
    done = configure(server, settings={"maxmemory": "64mb"}, persist="off")
    assert (done["changed"], done["persisted"], server.configuration.read_text()) == (True, False, before)
    assert "lost at the next restart: persist is off" in done["msg"]
    assert done["not_persisted"] == "persist is off"


@pytest.fixture
def without_file(tmp_path: Path) -> t.Iterator[dict[str, t.Any]]:
    """How to reach a server that was started without a file."""
    port = ports.free_port()
    server = subprocess.Popen([str(binary("7")), "--port", str(port), "--save", "", "--dir", str(tmp_path)],
                              stdout=subprocess.DEVNULL)
    try:
        process.wait_until(lambda: ports.listens(port), "Redis", 10)
        yield {"host": ports.HOST, "port": port}
    finally:
        server.terminate()
        server.wait(10)


def test_without_a_file_it_says_why_it_does_not_last(without_file: dict[str, t.Any]) -> None:
    done = call("redis_config", settings={"maxmemory": "64mb"}, **without_file)
    assert (done["changed"], done["persisted"], done["failed"]) == (True, False, False)
    assert "lost at the next restart: the server was started without a file" in done["msg"]


def test_when_it_must_last_and_cannot_everything_is_as_before(without_file: dict[str, t.Any]) -> None:
    done = call("redis_config", settings={"maxmemory": "64mb", "timeout": 9}, persist="required", **without_file)
    assert done["failed"]
    assert "the settings are as before: the server was started without a file" in done["msg"]
    plan = call("redis_config", check_mode=True, settings={"maxmemory": 0, "timeout": 0}, **without_file)
    assert plan["previous"] == {}


def test_a_user_who_must_not_write_the_file_is_told(make_redis: MakeRedis) -> None:
    server = make_redis(version="7")
    server.execute("ACL", "SETUSER", "setter", "on", ">setter-password", "+info", "+config|get", "+config|set")
    login: dict[str, t.Any] = {"username": "setter", "password": "setter-password"}
    done = configure(server, settings={"timeout": 9}, **login)
    assert (done["changed"], done["persisted"]) == (True, False)
    assert "user 'setter' may not use CONFIG REWRITE; grant it with ACL SETUSER <user> +config|rewrite" in done["msg"]
    server.execute("ACL", "SETUSER", "setter", "-config|set")
    refused = configure(server, settings={"timeout": 10}, **login)
    assert refused["failed"]
    assert "may not use CONFIG SET" in refused["msg"]


def test_all_settings_are_set_or_none(make_redis: MakeRedis, version: str) -> None:
    server = make_redis(version=version)
    done = configure(server, settings={"timeout": 9, "maxmemory-policy": "no-such-policy"})
    assert done["failed"]
    assert "maxmemory-policy cannot be set to 'no-such-policy', all settings are as before" in done["msg"]
    assert running(server, "timeout") == "0"


@pytest.mark.parametrize(("settings", "says"), [
    ({"no-such-setting": 1}, "knows no setting no-such-setting"), ({"requirepass": "canary"}, "is a secret"),
    ({}, "one setting at least"), ({"maxmemory-policy": "bad"}, "cannot be set to 'bad'"),
])
def test_settings_that_cannot_be_meant_are_refused(make_redis: MakeRedis, settings: dict[str, t.Any],
                                                   says: str) -> None:
    result = configure(make_redis(version="7"), settings=settings)
    assert result["failed"]
    assert says in result["msg"]
    assert "canary" not in result["msg"]


def queues(make_redis: MakeRedis, version: str, **settings: t.Any) -> Server:
    server = make_redis(version=version, settings=settings)
    fill(server, "bull:mail:", 500)
    fill(server, "cache:", 2000, "x" * 2000)
    with connected(server) as client:
        client.set("vendhub:blacklist:user:1", "1", ex=5000)
        client.set("sess:1", "1", ex=5000)
    return server


def test_a_policy_that_would_throw_queues_away_is_refused_with_their_number(
        make_redis: MakeRedis, version: str) -> None:
    server = queues(make_redis, version, maxmemory="100mb")
    wanted = {"maxmemory-policy": "allkeys-lru"}
    planned = configure(server, check_mode=True, settings=wanted)
    assert (planned["failed"], planned["needs_accept_risk"]) == (False, True)
    assert any("500 keys of queues: jobs are lost" in risk for risk in planned["risks"])
    refused = configure(server, settings=wanted)
    assert refused["failed"]
    assert "refused, nothing was changed: allkeys-lru may throw away 500 keys of queues" in refused["msg"]
    assert "1 key of revoked tokens: they are valid again" in refused["msg"]
    assert running(server, "maxmemory-policy") == "noeviction"
    done = configure(server, settings=wanted, accept_risk=True)
    assert (done["failed"], done["changed"], running(server, "maxmemory-policy")) == (False, True, "allkeys-lru")
    assert done["risks"] == planned["risks"]


def test_queues_of_another_database_count_too(make_redis: MakeRedis) -> None:
    server = make_redis(version="7", settings={"maxmemory": "100mb"})
    with connected(server, db=5) as client:
        client.set("bull:mail:1", "1")
    assert "1 key of queues" in configure(server, settings={"maxmemory-policy": "allkeys-lfu"})["msg"]


def test_a_cache_of_its_own_gets_its_policy(make_redis: MakeRedis) -> None:
    server = make_redis(version="7", settings={"maxmemory": "100mb"})
    fill(server, "cache:", 2000)
    done = configure(server, settings={"maxmemory-policy": "allkeys-lru"})
    assert (done["failed"], done["changed"], done["risks"]) == (False, True, [])


def test_a_limit_below_what_is_used_is_refused_before_anything_is_lost(make_redis: MakeRedis) -> None:
    server = queues(make_redis, "7", maxmemory="100mb")
    refused = configure(server, settings={"maxmemory": "2mb", "maxmemory-policy": "volatile-lru"})
    assert refused["failed"]
    assert "maxmemory 2 MiB is less than" in refused["msg"]
    assert (running(server, "maxmemory"), server.execute("DBSIZE")) == (str(100 * 2**20), 2502)


def test_the_runbooks_line_throws_queues_away_which_is_why(make_redis: MakeRedis) -> None:
    server = queues(make_redis, "7", maxmemory="100mb")
    server.execute("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    server.execute("CONFIG", "SET", "maxmemory", "2mb")
    fill(server, "more:", 500, "x" * 2000)
    with connected(server) as client:
        assert len(client.keys("bull:*")) < 500
