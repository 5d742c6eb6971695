# SPDX-License-Identifier: GPL-3.0-or-later
"""stability_gate against real apps under a real PM2: those that hold, and those that only seem to."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import typing as t
import urllib.request
from pathlib import Path

import pytest

from demo.stack import ports
from demo.stack.pm2 import Pm2
from tests.modules import call, finding

CANARY = "canary-31ce-secret"
# serves a release; listens after SLOW ms, dies after DIE ms, allows PER_SECOND answers a second, counts those refused
SERVER = """
let refused = 0;
let left = Number(process.env.PER_SECOND || 1e9);
setInterval(() => { left = Number(process.env.PER_SECOND || 1e9); }, 1000);
const server = require('http').createServer((q, s) => {
  if (process.env.HANG) return;
  s.statusCode = left-- > 0 ? Number(process.env.CODE || 200) : 429;
  if (s.statusCode === 429) refused++;
  s.setHeader('connection', 'close');
  s.end(JSON.stringify({status: 'ok', version: process.env.RELEASE, refused}));
});
setTimeout(() => server.listen(process.env.PORT, '127.0.0.1'), Number(process.env.SLOW || 0));
if (process.env.DIE) setTimeout(() => process.exit(1), Number(process.env.DIE));
"""
BRIEF: dict[str, t.Any] = {"watch_seconds": 1.0, "deadline_seconds": 4, "interval_seconds": 0.2}


class Watched:
    """An app under PM2 and the gate that watches it."""

    def __init__(self, pm2: Pm2, folder: Path) -> None:
        self.pm2 = pm2
        self.folder = folder
        self.port = ports.free_port()
        self.url = f"http://127.0.0.1:{self.port}/health"

    def run(self, cwd: Path | None = None, cluster: int = 0, **env: t.Any) -> None:
        cwd = cwd or self.folder
        (cwd / "api.js").write_text(SERVER)
        mode = {"exec_mode": "cluster", "instances": cluster} if cluster else {}
        app = {"name": "api", "script": "api.js", "cwd": str(cwd), "restart_delay": 100, **mode,
               "env": {"PORT": self.port, "RELEASE": "1.1", "DATABASE_PASSWORD": CANARY, **env}}
        file = self.folder / "ecosystem.config.json"
        file.write_text(json.dumps({"apps": [app]}))
        self.pm2.start(file)

    def gate(self, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
        given = {"home": str(self.pm2.home), "apps": [{"name": "api"}], "port": self.port, "url": self.url,
                 **BRIEF, **options}
        result = call("stability_gate", check_mode=check_mode, **given)
        assert CANARY not in json.dumps(result)
        assert not result.get("changed")
        return result


@pytest.fixture
def watched(make_pm2: t.Callable[..., Pm2], tmp_path: Path) -> Watched:
    return Watched(make_pm2(), tmp_path)


def test_an_app_that_needs_seconds_to_listen_is_waited_for_and_proven(watched: Watched) -> None:
    watched.run(cluster=2, SLOW=1500)
    result = watched.gate(apps=[{"name": "api", "instances": 2}], deadline_seconds=10, release_expression="version",
                          release_expected="1.1", release_folder=str(watched.folder))
    assert (result["failed"], result["stable"], result["state"]) == (False, True, "ok"), result["msg"]
    assert 2.0 < result["seconds"] < 8
    assert [row["name"] for row in result["findings"]] == ["gate_processes", "gate_health", "gate_port", "gate_folder"]
    assert f"pid {watched.pm2.daemon.pid if watched.pm2.daemon else 0}" in finding(result, "gate_port")["message"]


def test_a_release_that_passes_at_first_and_dies_later_is_unstable(watched: Watched) -> None:
    watched.run(DIE=2000)
    result = watched.gate(watch_seconds=6, deadline_seconds=20)
    assert result["failed"]
    assert "restarted" in result["msg"]
    assert "while it was watched" in result["msg"]
    assert result["seconds"] < 5
    assert watched.pm2.jlist()[0]["pm2_env"]["unstable_restarts"] == 0


@pytest.mark.parametrize(("env", "options", "words"), [
    ({"CODE": 500}, {}, "health page: answered 500"),
    ({"RELEASE": "1.0"}, {"release_expression": "version", "release_expected": "1.1"}, "serves release 1.0, not 1.1"),
    ({"HANG": 1}, {"answer_timeout_seconds": 0.5}, "did not answer within"),
    ({"SLOW": 60_000}, {}, "nobody listens on port"),
    ({}, {"release_folder": "/usr"}, "not the expected release: api (pid"),
])
def test_at_the_deadline_the_missing_proof_is_named(
        watched: Watched, env: dict[str, t.Any], options: dict[str, t.Any], words: str) -> None:
    watched.run(**env)
    result = watched.gate(watch_seconds=0.5, deadline_seconds=1.5, **options)
    assert result["failed"]
    assert words in result["msg"], result["msg"]
    assert "not proven within 1.5 s" in result["msg"]
    assert result["state"] == "critical"


def test_a_port_stolen_by_another_process_is_no_proof(watched: Watched) -> None:
    watched.run(SLOW=60_000)
    handle = ports_taken(watched.port)
    try:
        result = watched.gate(url=None, deadline_seconds=1.5, fail=False)
    finally:
        handle.close()
    assert (result["failed"], result["stable"]) == (False, False)
    assert finding(result, "gate_port")["message"] == f"port {watched.port} belongs to another process"


def test_a_rate_limited_page_is_neither_good_nor_bad(watched: Watched) -> None:
    watched.run(PER_SECOND=-1)
    result = watched.gate(deadline_seconds=3)
    assert result["failed"]
    assert result["state"] == "unknown"
    assert "429, the page's own rate limit" in result["msg"]
    assert result["samples"] < 8


def test_the_usual_rate_limit_is_never_provoked(watched: Watched) -> None:
    watched.run(PER_SECOND=3)
    result = watched.gate(watch_seconds=3, deadline_seconds=15, interval_seconds=1)
    assert not result["failed"], result["msg"]
    assert result["samples"] >= 4
    assert json.loads(urllib.request.urlopen(watched.url, timeout=2).read())["refused"] == 0


def test_a_process_that_still_runs_the_old_release_is_seen_after_the_flip(watched: Watched) -> None:
    for name in ("old", "new"):
        (watched.folder / name).mkdir()
    current = watched.folder / "current"
    current.symlink_to("old")
    watched.run(cwd=current)
    assert not watched.gate(release_folder=str(current))["failed"]
    (watched.folder / "next").symlink_to("new")
    os.replace(watched.folder / "next", current)
    result = watched.gate(deadline_seconds=2, release_folder=str(current))
    assert result["failed"]
    assert f"runs in {watched.folder}/old" in result["msg"]


def test_another_release_is_not_taken_for_a_part_of_one_that_was_adopted_in_place(watched: Watched) -> None:
    bad, part = watched.folder / "releases" / "R2", watched.folder / "dist"
    for folder in (bad, part):
        folder.mkdir(parents=True)
    watched.run(cwd=bad)
    result = watched.gate(deadline_seconds=2, release_folder=str(watched.folder))
    assert result["failed"]
    assert f"runs in {bad}" in result["msg"]
    watched.pm2.run("delete", "api")
    watched.run(cwd=part)
    assert not watched.gate(release_folder=str(watched.folder))["failed"]


def test_a_frozen_daemon_is_waited_for_but_not_for_ever(watched: Watched) -> None:
    watched.run()
    daemon = watched.pm2.daemon
    assert daemon is not None
    daemon.freeze()
    thaw = threading.Timer(0.7, daemon.thaw)
    started = time.monotonic()
    try:
        frozen = watched.gate(deadline_seconds=1.2, timeout_seconds=0.3)
        thaw.start()
        thawed = watched.gate(deadline_seconds=10, timeout_seconds=0.3)
    finally:
        thaw.join()
    assert time.monotonic() - started < 10
    assert "did not answer within 0.3 s" in frozen["msg"]
    assert not thawed["failed"], thawed["msg"]


@pytest.mark.parametrize(("options", "words"), [
    ({"deadline_seconds": 1}, "must be longer than watch_seconds"),
    ({"interval_seconds": 0}, "interval_seconds must be between 0.1 and 60"),
    ({"url": None, "expect": ["a"]}, "need url"),
    ({"url": "ftp://x"}, "not a URL"),
    ({"release_expected": "1"}, "needs release_expression"),
    ({"expect": ["a ="]}, "is not a JMESPath expression"),
    ({"apps": []}, "name at least one app"),
    ({"owner": "nobody-of-that-name", "home": None}, "there is no user"),
])
def test_a_wrong_option_is_told_in_one_sentence(watched: Watched, options: dict[str, t.Any], words: str) -> None:
    result = watched.gate(**options)
    assert result["failed"]
    assert words in result["msg"]


def ports_taken(port: int) -> socket.socket:
    """A listening socket of this process, which is not PM2's."""
    handle = socket.socket()
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    handle.bind(("127.0.0.1", port))
    handle.listen()
    return handle
