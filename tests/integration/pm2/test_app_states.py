# SPDX-License-Identifier: GPL-3.0-or-later
"""pm2_app against real PM2 daemons: states, drift, check mode, secrets, and a reload that nobody notices."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import threading
import time
import typing as t
import urllib.request
from pathlib import Path

import pytest

from demo.stack import node, ports
from demo.stack.pm2 import Pm2
from tests.modules import call

CANARY = "canary-77aa-secret"
SERVER = """
const server = require('http').createServer((q, s) => {
  s.setHeader('connection', 'close');
  s.end('{"status":"ok"}');
});
setTimeout(() => server.listen(process.env.PORT, '127.0.0.1'), Number(process.env.SLOW || 0));
process.on('SIGINT', () => server.close(() => process.exit(0)));
"""
BRIEF = {"watch_seconds": 0.4, "deadline_seconds": 20, "interval_seconds": 0.2}

Make = t.Callable[..., Pm2]


class Site:
    """One PM2 home with an ecosystem file that a test may rewrite."""

    def __init__(self, pm2: Pm2, folder: Path) -> None:
        self.pm2 = pm2
        self.folder = folder
        self.port = ports.free_port()
        self.file = folder / "ecosystem.config.js"
        (folder / "api.js").write_text(SERVER)
        (folder / "worker.js").write_text("setInterval(() => {}, 1000)")

    def define(self, env: t.Mapping[str, t.Any] | None = None, **api: t.Any) -> None:
        app = {"name": "api", "script": "api.js", "cwd": str(self.folder), "exec_mode": "cluster", "instances": 2,
               "env": {"PORT": self.port, "DATABASE_PASSWORD": CANARY, "FLAG": True, **(env or {})},
               "env_production": {"NODE_ENV": "production"}, **api}
        worker = {"name": "worker", "script": "worker.js", "cwd": str(self.folder)}
        self.file.write_text(f"module.exports = {json.dumps({'apps': [app, worker]})};")

    def app(self, state: str, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
        given = {"home": str(self.pm2.home), "program": str(self.pm2.script), "node": str(node.node()),
                 "gate": BRIEF, **options}
        given = {name: value for name, value in given.items() if value is not None}
        return call("pm2_app", check_mode=check_mode, state=state, **given)

    def ours(self, state: str, **options: t.Any) -> dict[str, t.Any]:
        return self.app(state, **{"ecosystem": str(self.file), "environment": "production", "name": "api", **options})

    def env(self, name: str = "api") -> list[dict[str, t.Any]]:
        return [app["pm2_env"] for app in self.pm2.jlist() if app["name"] == name]


@pytest.fixture
def site(make_pm2: Make, tmp_path: Path) -> Site:
    made = Site(make_pm2(), tmp_path)
    made.define()
    return made


@pytest.mark.parametrize("version", ["5", "7"])
def test_the_life_of_an_app(make_pm2: Make, tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLLER_TOKEN", CANARY + "-controller")
    site = Site(make_pm2(version=version), tmp_path)
    site.define()
    said: list[dict[str, t.Any]] = []

    def now(state: str, **options: t.Any) -> dict[str, t.Any]:
        said.append(site.ours(state, **options))
        assert not said[-1]["failed"], said[-1]["msg"]
        return said[-1]

    planned = now("started", check_mode=True, save=True)
    assert site.pm2.daemon is None
    first = now("started", save=True)
    assert (first["changed"], first["daemon_started"], first["steps"]) == (True, True, planned["steps"])
    assert planned["diff"] == first["diff"]
    (one, two) = site.env()
    assert (one["env"]["NODE_ENV"], one["exec_mode"]) == ("production", "cluster_mode")
    assert "CONTROLLER_TOKEN" not in one["env"]
    assert stat.S_IMODE((site.pm2.home / "dump.pm2").stat().st_mode) == 0o600
    assert not now("started", save=True)["changed"]
    pids = site.pm2.pids("api")
    assert now("restarted")["changed"]
    assert not set(pids) & set(site.pm2.pids("api"))
    assert now("stopped", check_mode=True)["steps"] == ["stop api: it is online"]
    assert now("stopped")["changed"]
    assert site.pm2.pids("api") == []
    assert not now("stopped")["changed"]
    assert now("started")["steps"][0].startswith("restart api: it is stopped")
    assert len(site.pm2.pids("api")) == 2
    assert now("absent", save=True)["changed"]
    assert "not saved" in said[-1]["msg"]
    assert not now("absent")["changed"]
    assert (two["env"]["DATABASE_PASSWORD"], CANARY in json.dumps(said)) == (CANARY, False)


def test_what_drifted_is_set_right_and_nothing_else_is_lost(site: Site) -> None:
    site.pm2.run("start", str(site.folder / "api.js"), "--name", "api", environment={"PORT": str(site.port)})
    fixed = site.ours("started")
    assert fixed["steps"][0].startswith("delete api: exec_mode is fork, not cluster")
    assert len(site.env()) == 2

    limited = site.ours("started", max_memory_restart="300M", kill_timeout_seconds=4, listen_timeout_seconds=9)
    assert limited["steps"][0].startswith("reload api: max_memory_restart is 0, not 314572800")
    assert not site.ours("started", max_memory_restart="300M", kill_timeout_seconds=4)["changed"]
    kept = site.env()
    assert [(env["exec_mode"], env["max_memory_restart"], env["kill_timeout"], env["env"]["NODE_ENV"],
             env["env"]["DATABASE_PASSWORD"]) for env in kept] == [
        ("cluster_mode", 314572800, 4000, "production", CANARY)] * 2
    assert not list(Path("/tmp").glob("vendhub-ops-*/ecosystem.config.cjs"))

    site.define(env={"FLAG": False, "EXTRA": "x"}, instances=3)
    changed = site.ours("started", check_mode=True)
    assert changed["steps"] == ["reload api: variables not as defined: EXTRA, FLAG", "scale api to 3: it has 2"]
    assert site.ours("started")["steps"] == changed["steps"]
    assert [env["env"]["EXTRA"] for env in site.env()] == ["x"] * 3

    (site.folder / "new").mkdir()
    (site.folder / "new" / "api.js").write_text(SERVER)
    site.define(cwd=str(site.folder / "new"), instances=1)
    moved = site.ours("started")
    assert [step.split(" ")[0] for step in moved["steps"]] == ["delete", "start"]
    assert [env["pm_cwd"] for env in site.env()] == [str(site.folder / "new")]
    assert not site.ours("started")["changed"]


def test_a_reload_drops_no_request_although_the_app_needs_longer_to_listen_than_pm2_waits(site: Site) -> None:
    site.define(env={"SLOW": 4000}, instances=1)  # a second process would cover the gap
    tuned = {"listen_timeout_seconds": 15, "kill_timeout_seconds": 5}
    assert not site.ours("started", gate={**BRIEF, "port": site.port, "watch_seconds": 0}, **tuned)["failed"]
    before = site.pm2.pids("api")
    done, failures, count = threading.Event(), [], 0

    def probe() -> None:
        nonlocal count
        while not done.wait(0.05):
            count += 1
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{site.port}/", timeout=2).read()
            except OSError as exc:
                failures.append(str(exc))

    prober = threading.Thread(target=probe)
    prober.start()
    try:
        result = site.ours("reloaded", **tuned, gate={**BRIEF, "url": f"http://127.0.0.1:{site.port}/"})
    finally:
        done.set()
        prober.join(timeout=5)
    assert not result["failed"], result["msg"]
    assert not set(before) & set(site.pm2.pids("api"))
    assert count > 60
    assert failures == []


def test_an_app_that_does_not_hold_fails_the_task_although_pm2_says_online(site: Site) -> None:
    (site.folder / "api.js").write_text("setTimeout(() => process.exit(1), 700)")
    site.define(exec_mode="fork", instances=1, restart_delay=100)
    result = site.ours("started", gate={"watch_seconds": 5, "deadline_seconds": 15, "interval_seconds": 0.2})
    assert result["failed"]
    assert result["changed"]
    assert "restarted" in result["msg"]
    assert result["gate"]["seconds"] < 5


def test_a_dead_daemon_is_not_started_to_stop_something(site: Site) -> None:
    for state in ("stopped", "absent"):
        assert not site.ours(state)["changed"]
        assert not site.app(state, name="api")["changed"]
    assert "no running list" in site.app("saved")["msg"]
    assert "known to nobody" in site.app("started", name="api")["msg"]
    assert "start_daemon is false" in site.ours("started", start_daemon=False)["msg"]
    assert site.pm2.family() == []
    assert list(site.pm2.home.iterdir()) == []


def test_orphans_of_a_dead_daemon_are_named_and_ended_only_when_told(site: Site) -> None:
    assert not site.ours("started", name="worker", environment=None)["failed"]
    (orphan,) = site.pm2.pids("worker")
    daemon = site.pm2.daemon
    assert daemon is not None
    daemon.kill()
    refused = site.ours("started", name="worker", environment=None)
    assert refused["failed"]
    assert f"pid {orphan}" in refused["msg"]
    assert site.pm2.daemon is None
    (site.folder / "other.js").write_text("setInterval(() => {}, 1000)")
    text = site.file.read_text()
    site.file.write_text(text.replace('"worker.js"', '"other.js"'))
    strange = site.ours("started", name="worker", environment=None, end_orphans=True)
    assert f"pid {orphan} was started" in strange["msg"]
    assert Path(f"/proc/{orphan}").exists()
    site.file.write_text(text)
    done = site.ours("started", name="worker", environment=None, end_orphans=True)
    assert not done["failed"], done["msg"]
    assert orphan not in [one.pid for one in site.pm2.family()]
    assert len(site.pm2.pids("worker")) == 1


def test_the_list_is_saved_only_when_it_is_not_empty_and_closed_to_others(site: Site) -> None:
    both = site.ours("started", only=["api", "worker"], name=None)
    assert not both["failed"], both["msg"]
    assert site.app("saved", check_mode=True)["steps"] == ["save: the running list was never saved"]
    assert not (site.pm2.home / "dump.pm2").exists()
    assert site.app("saved")["changed"]
    assert not site.app("saved")["changed"]
    dump = site.pm2.home / "dump.pm2"
    dump.chmod(0o644)
    assert site.app("saved")["steps"] == ["save: other users could read dump.pm2"]
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    saved = dump.read_bytes()
    assert not site.ours("absent", name=None)["failed"]
    refused = site.app("saved")
    assert refused["failed"]
    assert "list is empty" in refused["msg"]
    assert dump.read_bytes() == saved


def test_a_frozen_daemon_is_told_within_the_time_limit(site: Site) -> None:
    assert not site.ours("started", name="worker", environment=None)["failed"]
    daemon = site.pm2.daemon
    assert daemon is not None
    daemon.freeze()
    started = time.monotonic()
    try:
        results = [site.app("restarted", name="worker", timeout_seconds=1),
                   call("pm2_info", home=str(site.pm2.home), timeout_seconds=1)]
    finally:
        daemon.thaw()
    assert time.monotonic() - started < 5
    assert all(result["failed"] and "did not answer within 1 s" in result["msg"] for result in results)
    assert [result["daemon"] for result in results] == [{"pid": daemon.pid, "state": "hung", "unit": ""}] * 2


def test_a_frozen_daemon_is_replaced_with_all_that_runs_under_it_only_when_told(site: Site) -> None:
    both: dict[str, t.Any] = {"name": None, "timeout_seconds": 1}
    assert not site.ours("started", **both)["failed"]
    pids = {name: site.pm2.pids(name) for name in ("api", "worker")}
    daemon = site.pm2.daemon
    assert daemon is not None
    daemon.freeze()
    try:
        told = {"hung_daemon": "replace", **both}
        for options, words in (
            (both, "it hangs"),
            ({**told, "start_daemon": False}, "start_daemon is false"),
            ({**told, "name": "api", "end_orphans": True}, f"worker (pid {pids['worker'][0]}) runs under it as well"),
            (told, "set end_orphans"),
        ):
            refused = site.ours("started", **options)
            assert refused["failed"]
            assert words in refused["msg"]
        assert refused["daemon"] == {"pid": daemon.pid, "state": "hung", "unit": ""}
        stopping = site.app("stopped", **{**told, "name": "api"})
        assert "it hangs" in stopping["msg"]
        planned = site.ours("started", check_mode=True, end_orphans=True, **told)
        assert planned["steps"][0].startswith(f"end the PM2 daemon: pid {daemon.pid} was asked twice")
        assert [one.pid for one in site.pm2.family()].count(daemon.pid) == 1
        done = site.ours("started", end_orphans=True, **told)
    finally:
        daemon.thaw()
    assert not done["failed"], done["msg"]
    assert (done["steps"], done["daemon_started"]) == (planned["steps"], True)
    new = site.pm2.daemon
    assert new is not None
    assert new.pid != daemon.pid
    former = {daemon.pid, *pids["api"], *pids["worker"]}
    assert not former & {one.pid for one in site.pm2.family()}
    assert (len(site.pm2.pids("api")), len(site.pm2.pids("worker"))) == (2, 1)
    assert not site.ours("started", **both)["changed"]


def test_a_daemon_that_lost_its_socket_is_not_started_a_second_time(site: Site) -> None:
    assert not site.ours("started", name="worker", environment=None)["failed"]
    daemon = site.pm2.daemon
    assert daemon is not None
    (site.pm2.home / "rpc.sock").rename(site.pm2.home / "away")
    results = [site.ours("started", name="worker", environment=None), call("pm2_info", home=str(site.pm2.home))]
    (site.pm2.home / "away").rename(site.pm2.home / "rpc.sock")
    for result in results:
        assert result["failed"]
        assert f"(pid {daemon.pid}) lives" in result["msg"]
        assert result["daemon"]["state"] == "hung"
    assert call("pm2_info", home=str(site.pm2.home))["daemon"]["state"] == "running"
    daemon.kill()
    assert call("pm2_info", home=str(site.pm2.home))["daemon"] == {"pid": None, "state": "dead", "unit": ""}


def test_what_is_wrong_is_told_in_one_sentence(site: Site, make_pm2: Make) -> None:
    broken = site.folder / "broken.config.js"
    broken.write_text("module.exports = {\n  apps: [,,\n")
    odd = site.folder / "odd.config.js"
    odd.write_text("module.exports = {apps: [{name: 'x', script: 'gone.js'}]}")
    cases: list[tuple[dict[str, t.Any], str]] = [
        ({"ecosystem": str(site.folder / "no.config.js")}, "no.config.js is not on this host"),
        ({"ecosystem": str(broken)}, "is broken: SyntaxError: "),
        ({"ecosystem": str(odd), "name": "x", "environment": None}, "gone.js is not there"),
        ({"ecosystem": str(site.folder / "api.js")}, "only when its name ends in"),
        ({"name": "other"}, "defines no app 'other'; it has api, worker"),
        ({"environment": "staging"}, "has no env_staging"),
        ({"max_memory_restart": "900G"}, "may be given away"),
        ({"max_memory_restart": "many"}, "not a size"),
        ({"ecosystem": None, "environment": None, "max_memory_restart": "1G"}, "need the option ecosystem"),
        ({"ecosystem": None, "environment": None, "name": "all"}, "cannot be the name of an app"),
        ({"owner": "nobody-of-that-name"}, "there is no user"),
        ({"program": "/no/pm2"}, "was not found on this host"),
        ({"gate": {"watch_seconds": 9, "deadline_seconds": 5}}, "must be longer than watch_seconds"),
    ]
    for options, words in cases:
        result = site.ours("started", **options)
        assert result["failed"], options
        assert words in result["msg"], result["msg"]
        assert "\n" not in result["msg"]
    assert "broken.config.js:3" in site.ours("started", ecosystem=str(broken))["msg"]
    assert site.pm2.daemon is None

    assert not site.ours("started", name="worker", environment=None)["failed"]
    unknown = site.app("restarted", name="gone")["msg"]
    assert "PM2 knows no app 'gone' (it has worker)" in unknown
    other = site.app("restarted", name="worker", program=str(make_pm2(version="5").script))
    assert "PM2 5.4.3 is installed, but the daemon" in other["msg"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_works_as_the_owner_of_the_daemon(short_folder: Path, make_pm2: Make) -> None:
    # everything the owner needs lies in a folder of its own: the caches of this checkout may be closed to it
    short_folder.chmod(0o755)
    pm2 = make_pm2()
    site = Site(pm2, short_folder)
    site.define()
    for path in (short_folder, pm2.home, *short_folder.glob("*.js")):
        os.chown(path, 65534, 65534)
    look = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "test", "-r", str(pm2.script)]
    if subprocess.run(look, check=False, timeout=10).returncode:
        pytest.skip("this checkout is closed to other users")
    result = site.ours("started", name="worker", environment=None, owner="nobody", save=True)
    assert not result["failed"], result["msg"]
    (pid,) = pm2.pids("worker")
    assert Path(f"/proc/{pid}").stat().st_uid == 65534
    assert (pm2.home / "dump.pm2").stat().st_uid == 65534


def test_facts_are_gathered_without_the_environment(site: Site) -> None:
    nothing = call("pm2_info", home=str(site.pm2.home))
    assert (nothing["running"], nothing["daemon"]) == (False, {"pid": None, "state": "absent", "unit": ""})
    assert not site.ours("started", name=None, gate={**BRIEF, "port": site.port})["failed"]
    facts = call("pm2_info", home=str(site.pm2.home))
    assert (facts["running"], facts["changed"], facts["daemon"]["ports"]) == (True, False, [site.port])
    api, worker = facts["apps"]
    assert (api["name"], api["exec_mode"], api["instances"], api["online"]) == ("api", "cluster", 2, 2)
    assert api["cwd"] == str(site.folder)
    assert worker["processes"][0]["pid"] == site.pm2.pids("worker")[0]
    assert CANARY not in json.dumps(facts)


@pytest.mark.parametrize("by_name", [False, True])
def test_a_process_that_still_runs_in_the_former_release_is_reloaded_by_the_next_run(site: Site, by_name: bool) -> None:
    for name in ("R1", "R2"):
        (site.folder / "releases" / name).mkdir(parents=True)
        (site.folder / "releases" / name / "api.js").write_text(SERVER)
    current = site.folder / "current"
    current.symlink_to("releases/R1")
    site.define(cwd=str(current), env={"SLOW": 300})
    known = {"ecosystem": None, "environment": None} if by_name else {}
    assert not site.ours("started")["failed"]
    assert not site.ours("started", **known)["changed"]
    before = site.pm2.pids("api")

    (site.folder / "next").symlink_to("releases/R2")
    os.replace(site.folder / "next", current)  # and here the operator's run was killed
    place = {name: os.path.realpath(site.folder / "releases" / name) for name in ("R1", "R2")}
    (app,) = call("pm2_info", home=str(site.pm2.home))["apps"]
    assert (app["cwd"], app["folder"]) == (str(current), place["R2"])
    assert [one["cwd"] for one in app["processes"]] == [place["R1"]] * 2
    planned = site.ours("started", check_mode=True, **known)
    assert planned["steps"] == [f"reload api: runs in {place['R1']}, not in {place['R2']}"]
    done = site.ours("started", gate={**BRIEF, "release_folder": str(current)}, **known)
    assert not done["failed"], done["msg"]
    assert done["diff"] == planned["diff"]
    assert not set(before) & set(site.pm2.pids("api"))
    assert not site.ours("started", **known)["changed"]

    shutil.rmtree(place["R2"])
    Path(place["R2"]).mkdir()
    (Path(place["R2"]) / "api.js").write_text(SERVER)
    assert site.ours("started", check_mode=True, **known)["steps"] == [
        f"reload api: runs in {place['R2']} (deleted), not in {place['R2']}"]


def test_the_lock_of_a_reload_that_was_killed_is_waited_for_and_left_alone(site: Site) -> None:
    assert not site.ours("started", gate={**BRIEF, "port": site.port})["failed"]
    lock = site.pm2.home / "reload.lock"
    fresh = str(time.time_ns() // 10**6)
    lock.write_text(fresh)
    refused = site.ours("reloaded", command_timeout_seconds=4)
    assert refused["failed"]
    assert "another reload is under way" in refused["msg"]
    assert "raise command_timeout_seconds" in refused["msg"]
    assert lock.read_text() == fresh

    lock.write_text(str(time.time_ns() // 10**6 - 26_000))  # PM2 believes in it for 4 seconds more
    started = time.monotonic()
    done = site.ours("reloaded", command_timeout_seconds=60)
    assert not done["failed"], done["msg"]
    assert time.monotonic() - started > 3

    lock.write_text(str(time.time_ns() // 10**6))
    release = threading.Timer(2, lock.write_text, [""])  # as a reload that ends well does
    release.start()
    started = time.monotonic()
    try:
        assert not site.ours("reloaded")["failed"]
    finally:
        release.join()
    assert time.monotonic() - started < 25
