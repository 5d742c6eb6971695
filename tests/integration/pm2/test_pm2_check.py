# SPDX-License-Identifier: GPL-3.0-or-later
"""pm2_check against real PM2 daemons of three major versions, healthy and broken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._pm2 import rpc

from demo.stack import node, ports
from demo.stack.pm2 import Pm2
from tests.modules import call, finding

CANARY = "canary-5d1f-secret"
SERVER = "require('http').createServer((q,s)=>s.end('ok')).listen(process.env.PORT,'127.0.0.1')"
CRASHER = "setTimeout(()=>process.exit(3),150)"

Make = t.Callable[..., Pm2]


def run(pm2: Pm2, folder: Path, *, crash: bool = False, limit: str | None = None) -> int:
    """Start an API in cluster mode (and a crashing app); return its port."""
    port = ports.free_port()
    (folder / "api.js").write_text(SERVER)
    (folder / "crash.js").write_text(CRASHER)
    apps: list[dict[str, t.Any]] = [{"name": "api", "script": str(folder / "api.js"), "instances": 2,
                                     "exec_mode": "cluster", "env": {"PORT": port, "DATABASE_PASSWORD": CANARY}}]
    if limit:
        apps[0]["max_memory_restart"] = limit
    if crash:
        apps.append({"name": "crash", "script": str(folder / "crash.js"), "max_restarts": 4, "min_uptime": 5000})
    ecosystem = folder / "ecosystem.config.json"
    ecosystem.write_text(json.dumps({"apps": apps}))
    pm2.start(ecosystem)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if all(app["pm2_env"]["status"] == "online" for app in pm2.jlist() if app["name"] == "api"):
            return port
        time.sleep(0.1)
    raise AssertionError("the app did not come online")


def tree(folder: Path) -> dict[str, tuple[float, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")
            if "logs" not in path.parts}


@pytest.mark.parametrize("version", ["5", "6", "7"])
def test_apps_are_read_from_every_supported_version(make_pm2: Make, tmp_path: Path, version: str) -> None:
    pm2 = make_pm2(version=version)
    port = run(pm2, tmp_path)
    pm2.run("save")
    pm2.home.chmod(0o700)
    pids = pm2.pids("api")  # by the command line, which does write
    before = tree(pm2.home)
    result = call("pm2_check", home=str(pm2.home), program=str(pm2.script),
                  apps=[{"name": "api", "instances": 2, "port": port}])
    assert (result["failed"], result["state"]) == (False, "ok"), result["msg"]
    assert finding(result, "pm2_app")["value"] == 2
    assert finding(result, "pm2_daemon")["value"].startswith(f"{version}.")
    assert finding(result, "pm2_port")["state"] == "ok"
    assert result["metrics"]['pm2_online{app="api"}'] == 2
    assert CANARY not in json.dumps(result)
    assert tree(pm2.home) == before
    assert pm2.pids("api") == pids


def test_an_app_that_is_not_there_is_critical(make_pm2: Make, tmp_path: Path) -> None:
    pm2 = make_pm2()
    run(pm2, tmp_path)
    result = call("pm2_check", home=str(pm2.home), apps=[{"name": "gone"}], fail_on="critical")
    assert result["failed"]
    assert finding(result, "pm2_app", "gone")["state"] == "critical"


def test_a_crash_loop_is_counted_just_below_at_and_above_the_limit(make_pm2: Make, tmp_path: Path) -> None:
    pm2 = make_pm2()
    run(pm2, tmp_path, crash=True)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and pm2.jlist()[-1]["pm2_env"]["status"] != "errored":
        time.sleep(0.2)
    look: dict[str, t.Any] = {"home": str(pm2.home), "apps": [{"name": "crash"}]}
    exits = finding(call("pm2_check", **look), "pm2_crashes_per_hour", "crash")["value"]
    assert exits >= 4
    for limit, state in ((exits + 1, "ok"), (exits, "ok"), (exits - 1, "warning")):
        result = call("pm2_check", thresholds={"pm2_crashes_per_hour": {"warning": limit, "critical": 99}}, **look)
        assert finding(result, "pm2_crashes_per_hour", "crash")["state"] == state
    assert finding(call("pm2_check", **look), "pm2_app", "crash")["state"] == "critical"


def test_memory_is_judged_just_below_at_and_above_the_limit(make_pm2: Make, tmp_path: Path) -> None:
    pm2 = make_pm2()
    run(pm2, tmp_path, limit="1G")
    row = finding(call("pm2_check", home=str(pm2.home)), "pm2_memory_percent")
    assert 1 < row["value"] < 30
    for warning, state in ((row["value"] * 2, "ok"), (row["value"] / 2, "warning")):
        result = call("pm2_check", home=str(pm2.home),
                      thresholds={"pm2_memory_percent": {"warning": warning, "critical": 100}})
        assert finding(result, "pm2_memory_percent")["state"] == state


def test_a_deliberate_restart_is_no_crash(make_pm2: Make, tmp_path: Path) -> None:
    pm2 = make_pm2()
    run(pm2, tmp_path)
    pm2.run("restart", "api")
    pm2.run("reload", "api")
    assert finding(call("pm2_check", home=str(pm2.home)), "pm2_crashes_per_hour")["value"] == 0


def test_without_a_daemon_none_is_started(make_pm2: Make) -> None:
    pm2 = make_pm2()
    result = call("pm2_check", home=str(pm2.home), program=str(pm2.script))
    assert (result["failed"], result["state"]) == (False, "critical")
    assert "no PM2 daemon runs" in result["msg"]
    assert pm2.family() == []
    assert list(pm2.home.iterdir()) == []


def test_a_frozen_daemon_is_critical_within_the_time_limit(make_pm2: Make, tmp_path: Path) -> None:
    pm2 = make_pm2()
    run(pm2, tmp_path)
    daemon = pm2.daemon
    assert daemon is not None
    daemon.freeze()
    started = time.monotonic()
    try:
        result = call("pm2_check", home=str(pm2.home), program=str(pm2.script), timeout_seconds=1)
    finally:
        daemon.thaw()
    assert time.monotonic() - started < 3
    assert result["state"] == "critical"
    assert "did not answer within 1 s" in result["msg"]


def test_a_killed_daemon_is_critical_and_its_orphans_are_named(make_pm2: Make, tmp_path: Path) -> None:
    pm2 = make_pm2()
    (tmp_path / "fork.js").write_text("setInterval(()=>{},1000)")
    pm2.start(tmp_path / "fork.js", "--name", "worker")
    daemon = pm2.daemon
    assert daemon is not None
    daemon.kill()
    result = call("pm2_check", home=str(pm2.home), program=str(pm2.script))
    assert result["state"] == "critical"
    assert "is dead" in result["msg"]
    assert "still running without it: worker" in result["msg"]
    assert pm2.daemon is None


@pytest.mark.skipif(os.geteuid() != 0 and os.environ.get("CI") != "true", reason="needs root to become another user")
def test_the_daemon_of_another_user_cannot_be_looked_at(make_pm2: Make, tmp_path: Path) -> None:
    pm2 = make_pm2()
    run(pm2, tmp_path)
    pm2.home.parent.chmod(0o755)
    code = (f"import json,os;os.setgid(65534);os.setuid(65534);from tests.modules import call;"
            f"print(json.dumps(call('pm2_check', home={str(pm2.home)!r})))")
    # the interpreter of a venv under /root is out of reach for nobody: import first, then become it
    output = subprocess.run([sys.executable, "-c", "import tests.modules, ansible_collections.vendhub.ops.plugins"
                             ".modules.pm2_check\n" + code.replace(";", "\n")],
                            capture_output=True, text=True, timeout=30, check=False,
                            env={**os.environ, "PYTHONPATH": ".collections:."})
    result = json.loads(output.stdout.splitlines()[-1])
    assert result["failed"], output.stderr
    assert "must not talk to the PM2 daemon" in result["msg"]
    assert "as its owner or as root" in result["msg"]


def test_an_unknown_dialect_is_read_by_the_command_line(
        make_pm2: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pm2 = make_pm2()
    run(pm2, tmp_path)
    monkeypatch.setattr(rpc, "VERSION", 2)  # a protocol that this daemon does not speak
    monkeypatch.setenv("PATH", f"{node.node().parent}:{os.environ['PATH']}")
    result = call("pm2_check", home=str(pm2.home), program=str(pm2.script), apps=[{"name": "api"}])
    assert finding(result, "pm2_app")["state"] == "ok"
    assert CANARY not in json.dumps(result)


def test_other_users_who_could_read_the_environment_are_a_warning(make_pm2: Make, tmp_path: Path) -> None:
    pm2 = make_pm2()
    run(pm2, tmp_path)
    pm2.run("save")
    pm2.home.chmod(0o755)
    (pm2.home / "dump.pm2").chmod(0o644)
    assert finding(call("pm2_check", home=str(pm2.home)), "pm2_private")["state"] == "warning"
    pm2.home.chmod(0o700)
    assert finding(call("pm2_check", home=str(pm2.home)), "pm2_private")["state"] == "ok"


@pytest.mark.parametrize(("options", "words"), [
    ({"owner": "nobody-of-that-name"}, "there is no user 'nobody-of-that-name'"),
    ({"apps": [{"name": "a"}, {"name": "a"}]}, "named only once"),
    ({"apps": [{"nam": "a"}]}, "nam"),
    ({"thresholds": {"pm2_crashes": {"warning": 1}}}, "no threshold is named 'pm2_crashes'"),
    ({"thresholds": {"pm2_memory_percent": {"warning": 99, "critical": 1}}}, "must come before"),
])
def test_a_wrong_option_is_told_in_one_sentence(options: dict[str, t.Any], words: str) -> None:
    result = call("pm2_check", **options)
    assert result["failed"]
    assert words in result["msg"]
    assert "Traceback" not in json.dumps(result)


def test_signals_that_kill_an_app_are_named(make_pm2: Make, tmp_path: Path) -> None:
    pm2 = make_pm2()
    run(pm2, tmp_path)
    os.kill(pm2.pids("api")[0], signal.SIGKILL)
    time.sleep(0.5)
    row = finding(call("pm2_check", home=str(pm2.home)), "pm2_crashes_per_hour")
    assert row["value"] == 1
    assert "SIGKILL" in row["message"]
