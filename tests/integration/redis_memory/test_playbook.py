# SPDX-License-Identifier: GPL-3.0-or-later
"""free_redis_memory as an operator runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from demo.stack.process import clean_environment
from demo.stack.redis import Server

from .conftest import fill, keys

ROOT = Path(__file__).resolve().parents[3]
MakeRedis = t.Callable[..., Server]


class Site:
    """A Redis with a cache, queues, sessions and revoked tokens, and an inventory that knows it."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server
        self.state = folder / "state"
        self.inventory = folder / "inventory.json"
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False,
                "vendhub_redis": {"port": server.port, "password": server.password},
                "redis_memory_state_directory": str(self.state),
                "redis_memory_evidence_directory": str(folder / "bundles"),
                "vendhub_thresholds": {"redis_latency_seconds": {"warning": 60, "critical": 60}}}
        groups = {"vendhub": {"children": {"redis": {"hosts": {"redis1": host}}}}}
        self.inventory.write_text(json.dumps({"all": {"children": groups}}))
        fill(server, "cache:product:", 3000, "x" * 500)
        for prefix in ("bull:mail:", "vendhub:blacklist:user:", "sess:"):
            fill(server, prefix, 100)

    def run(self, *words: str, **variables: t.Any) -> tuple[int, str]:
        """The exit code, and the screen as one line."""
        given = [word for name, value in variables.items() for word in ("-e", json.dumps({name: value}))]
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory),
             "playbooks/free_redis_memory.yml", *words, *given], cwd=ROOT, capture_output=True, text=True, timeout=120,
            check=False, stdin=subprocess.DEVNULL,
            env=clean_environment(ANSIBLE_NOCOLOR="1", HOME=os.environ.get("HOME", "/"), LC_ALL="C.UTF-8",
                                  ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
                                  ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections")))
        assert self.server.password not in done.stdout + done.stderr
        return done.returncode, " ".join((done.stdout + done.stderr).split()).replace("''", "'")

    def policy(self) -> str:
        return str(self.server.execute("CONFIG", "GET", "maxmemory-policy")["maxmemory-policy"])


@pytest.fixture
def site(make_redis: MakeRedis, tmp_path: Path) -> Site:
    return Site(tmp_path, make_redis(version="7", settings={"maxmemory": "100mb"}))


def changed(screen: str) -> int:
    found = re.search(r"redis1 : ok=\d+ changed=(\d+)", screen)
    assert found, screen[-2000:]
    return int(found[1])


def test_without_a_word_it_only_tells_what_takes_the_memory(site: Site) -> None:
    before = keys(site.server)
    code, screen = site.run()
    assert (code, changed(screen)) == (0, 0), screen
    assert "3000 cache:product: (never expire)" in screen
    assert "100 bull:mail: (never expire, protected)" in screen
    assert "Name what may go: -e redis_memory_prefixes=cache:" in screen
    assert keys(site.server) == before
    assert not site.state.exists()


@pytest.mark.parametrize("words", [(), ("--check", "-e", "redis_memory_apply=true")])
def test_a_named_prefix_is_only_planned(site: Site, words: tuple[str, ...]) -> None:
    before = keys(site.server)
    code, screen = site.run("-e", "redis_memory_prefixes=cache:,sess:", *words,
                            redis_memory_settings={"maxmemory-policy": "volatile-lru"})
    assert (code, changed(screen)) == (0, 0), screen
    assert "3000 keys of cache:* would be cleared, 1" in screen
    assert "100 keys of sess:* would be cleared" in screen
    assert "maxmemory-policy would be volatile-lru, was noeviction" in screen
    assert re.search(r"WARNING\]: redis at \S+ volatile-lru may throw away 100 keys of revoked tokens", screen)
    assert "Nothing was changed. -e redis_memory_apply=true does it." in screen
    assert keys(site.server) == before
    assert site.policy() == "noeviction"
    assert not site.state.exists()


def test_applied_it_clears_keeps_proves_and_does_nothing_twice(site: Site) -> None:
    wanted: dict[str, t.Any] = {"redis_memory_prefixes": ["cache:"], "redis_memory_patterns": ["bull:*"],
                                "redis_memory_settings": {"maxmemory": "200mb"}, "redis_memory_apply": True}
    code, screen = site.run(**wanted)
    assert (code, changed(screen)) == (0, 2), screen
    assert "3000 keys of cache:* cleared in" in screen
    assert "100 keys kept by bull:*" in screen
    assert "maxmemory 209715200, was 104857600; written into the file" in screen
    assert "of 200 MiB maxmemory used, policy noeviction" in screen
    assert {key.split(b":", 1)[0] for key in keys(site.server)} == {b"bull", b"vendhub", b"sess"}
    assert len(list((site.state / "evidence").glob("*/evidence.tar.gz"))) == 1
    assert len(list((site.folder / "bundles").rglob("*.tar.gz"))) == 1
    assert json.loads((site.state / "redis_config.jsonl").read_text())["from"] == "104857600"
    assert not (site.state / "lock.json").exists()
    code, screen = site.run(**wanted)
    assert (code, changed(screen)) == (0, 0), screen
    assert "There is nothing to do." in screen
    assert len(list((site.state / "evidence").glob("*/evidence.tar.gz"))) == 1


def test_the_runbooks_policy_is_refused_before_a_key_is_cleared(site: Site) -> None:
    before = keys(site.server)
    code, screen = site.run(redis_memory_prefixes=["cache:"], redis_memory_apply=True,
                            redis_memory_settings={"maxmemory-policy": "allkeys-lru"})
    assert code == 2
    assert "allkeys-lru may throw away 100 keys of queues: jobs are lost without an error" in screen
    assert "allkeys-lru may throw away 100 keys of revoked tokens" in screen
    assert "run it again with -e redis_memory_accept_risk=true" in screen
    assert (keys(site.server), site.policy()) == (before, "noeviction")
    code, screen = site.run(redis_memory_settings={"maxmemory-policy": "allkeys-lru"}, redis_memory_apply=True,
                            redis_memory_accept_risk=True)
    assert (code, site.policy()) == (0, "allkeys-lru"), screen


def test_somebody_elses_lock_is_respected(site: Site) -> None:
    lock = ["-m", "vendhub.ops.operation_lock", "-a",
            f"operation=deploy holder=ann directory={site.state} steal=never"]
    subprocess.run([str(Path(sys.executable).with_name("ansible")), "-i", str(site.inventory), "redis1", *lock],
                   cwd=ROOT, check=True, capture_output=True, timeout=60,
                   env=clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), HOME=os.environ.get("HOME", "/")))
    before = keys(site.server)
    code, screen = site.run(redis_memory_prefixes=["cache:"], redis_memory_apply=True)
    assert code == 2
    assert "ann holds the lock for deploy" in screen
    assert keys(site.server) == before


def test_a_run_that_leaves_redis_full_fails_by_its_proof(site: Site) -> None:
    code, screen = site.run(redis_memory_prefixes=["cache:"], redis_memory_apply=True,
                            vendhub_thresholds={"redis_memory_percent": {"warning": 0.1, "critical": 0.2}})
    assert code == 2
    assert "critical above 0.2 %" in screen
    assert not [key for key in keys(site.server) if key.startswith(b"cache:")]


def test_a_pattern_for_everything_is_refused_before_anything_happens(site: Site) -> None:
    before = keys(site.server)
    code, screen = site.run(redis_memory_patterns=["*"], redis_memory_prefixes=["cache:"], redis_memory_apply=True)
    assert code == 2
    assert "FLUSHDB by another name" in screen
    assert keys(site.server) == before


def test_a_wrong_option_is_refused(site: Site) -> None:
    code, screen = site.run(redis_memory_apply="perhaps", redis_memory_prefixes=["cache:"])
    assert code == 2
    assert "redis_memory_apply" in screen
