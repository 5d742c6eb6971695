# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole site on this machine: an API under PM2, PostgreSQL, Redis, logs and dumps, every secret a canary."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import pytest

from demo.stack import ports
from demo.stack.pm2 import Pm2
from demo.stack.postgresql import Cluster
from demo.stack.process import clean_environment
from demo.stack.redis import Server

ROOT = Path(__file__).resolve().parents[3]
CANARY = "canary-7c1e"
# how busy this machine is, and what it went through, must not decide a test
CALM: dict[str, t.Any] = {name: {"warning": None, "critical": None} for name in (
    "cpu_percent", "memory_percent", "disk_percent", "inodes_percent", "swap_percent", "deleted_open_bytes",
    "oom_kills", "redis_latency_seconds", "api_probe_latency_seconds")}
API = """
const body = JSON.stringify({status: 'ok', version: '1.2.3', info: {}});
require('http').createServer((q, s) => { s.setHeader('content-type', 'application/json'); s.end(body); })
  .listen(process.env.PORT, '127.0.0.1');
"""


class Site:
    """The services, and the options with which the daily check looks at them."""

    def __init__(self, folder: Path, postgresql: Cluster, redis: Server, pm2: Pm2) -> None:
        self.folder = folder
        self.postgresql = postgresql
        self.redis = redis
        self.pm2 = pm2
        self.port = ports.free_port()
        self.logs = folder / "logs"
        self.backups = folder / "backups"

    def prepare(self) -> None:
        """Start the API, write a log with one error (and a secret in it) and a dump."""
        self.logs.mkdir()
        self.backups.mkdir()
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        record = {"context": "Test", "level": "error", "message": f"refused password={CANARY}-log", "timestamp": now}
        (self.logs / "error.log").write_text(json.dumps(record) + "\n")
        dump = self.backups / "a.dump"
        dump.write_bytes(b"PGDMP" + b"\0" * 4096)
        os.utime(dump, (time.time() - 3600,) * 2)
        (self.folder / "api.js").write_text(API)
        ecosystem = self.folder / "ecosystem.config.json"
        ecosystem.write_text(json.dumps({"apps": [
            {"name": "vendhub-api", "script": str(self.folder / "api.js"), "exec_mode": "cluster", "instances": 2,
             "merge_logs": True,
             "out_file": str(self.logs / "api-out.log"), "error_file": str(self.logs / "api-error.log"),
             "env": {"PORT": self.port, "JWT_SECRET": f"{CANARY}-environment"}}]}))
        self.pm2.start(ecosystem)
        self.pm2.run("save")
        self.postgresql.execute(f"CREATE ROLE vendhub_monitor LOGIN PASSWORD '{CANARY}-postgresql' IN ROLE pg_monitor")
        deadline = time.monotonic() + 20
        while not ports.listens(self.port):
            assert time.monotonic() < deadline, "the API did not come up"
            time.sleep(0.1)

    def options(self, **more: t.Any) -> dict[str, t.Any]:
        """The options of health_check for this site."""
        return {
            "api": [{"name": "vendhub-api", "url": f"http://127.0.0.1:{self.port}/health", "timeout_seconds": 2}],
            "pm2": {"home": str(self.pm2.home), "timeout_seconds": 2,
                    "apps": [{"name": "vendhub-api", "instances": 2, "port": self.port}]},
            "postgresql": {"port": self.postgresql.port, "user": "vendhub_monitor", "database": "postgres",
                           "password": f"{CANARY}-postgresql", "timeout_seconds": 2},
            "redis": {"port": self.redis.port, "password": f"{CANARY}-redis", "timeout_seconds": 2},
            "system": {},
            "logs": {"paths": [str(self.logs / "error.log")]},
            "backups": [{"directory": str(self.backups)}],
            "thresholds": CALM,
            **more,
        }

    def inventory(self, **hosts: dict[str, t.Any]) -> Path:
        """An inventory of one host with everything (and others)."""
        variables = {f"vendhub_{name}": value for name, value in self.options().items()}
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        members: dict[str, t.Any] = {"here": here, **hosts}
        groups: dict[str, t.Any] = {name: {"hosts": {"here": {}}} for name in ("api", "postgresql", "redis")}
        path = self.folder / "hosts.json"
        path.write_text(json.dumps({"vendhub": {"hosts": members, "vars": variables, "children": groups}}))
        return path

    def play(self, *arguments: str, playbook: str = "playbooks/daily_check.yml",
             **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the daily check as a user does; reports go to this site's folder."""
        return subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(self.folder / "hosts.json"), playbook,
             "-e", f"vendhub_report_directory={self.folder}/reports", *arguments],
            cwd=ROOT, env=clean_environment(ANSIBLE_NOCOLOR="1", HOME=os.environ.get("HOME", "/"), **environment),
            capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)

    def report(self) -> dict[str, t.Any]:
        data: dict[str, t.Any] = json.loads((self.folder / "reports/latest/report.json").read_text())
        return data


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[Site]:
    """A healthy site of the test's own."""
    with tempfile.TemporaryDirectory(prefix="vh-", dir="/tmp") as short, \
            Cluster(tmp_path / "postgresql") as postgresql, \
            Server(tmp_path / "redis", password=f"{CANARY}-redis") as redis, \
            Pm2(Path(short) / "pm2") as pm2:
        made = Site(tmp_path, postgresql, redis, pm2)
        made.prepare()
        yield made
