# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with an app under PM2, PostgreSQL and Redis, where every secret is a canary."""

from __future__ import annotations

import json
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
from demo.stack.redis import Server

CANARY = "canary9f3e"
APP = f"""
console.log('login with password={CANARY}-log-pair ok');
console.log('{CANARY}-' + 'environment');
console.log('in plain words: ' + process.env.JWT_SECRET + ' and ' + process.env.DATABASE_URL);
console.error(JSON.stringify({{level: 'error', apiKey: '{CANARY}-log-json'}}));
require('http').createServer((q, s) => s.end(JSON.stringify({{status: 'ok', token: '{CANARY}-health'}})))
  .listen(process.env.PORT, '127.0.0.1');
"""


class Site:
    """The services, and the options with which evidence of them is collected."""

    def __init__(self, folder: Path, postgresql: Cluster, redis: Server, pm2: Pm2) -> None:
        self.folder, self.postgresql, self.redis, self.pm2 = folder, postgresql, redis, pm2
        self.port = ports.free_port()
        self.bundles = folder / "bundles"

    def prepare(self) -> None:
        """Start the app, and a session and a client that show up in the lists."""
        (self.folder / "api.js").write_text(APP)
        (self.folder / ".env.production").write_text(f'SMTP_PASSWORD="{CANARY}-env-file" # of the mail server\n')
        (self.folder / "old.log").write_text(f"sent with {CANARY}-env-file\n")
        ecosystem = self.folder / "ecosystem.config.json"
        ecosystem.write_text(json.dumps({"apps": [
            {"name": "vendhub-api", "script": str(self.folder / "api.js"),
             "env": {"PORT": self.port, "JWT_SECRET": f"{CANARY}-environment",
                     "DATABASE_URL": f"postgres://app:{CANARY}-url@db/x"}}]}))
        self.pm2.start(ecosystem)
        self.pm2.run("save")
        self.postgresql.execute(f"CREATE ROLE vendhub_monitor LOGIN PASSWORD '{CANARY}-postgresql' IN ROLE pg_monitor")
        ends = time.monotonic() + 20
        while not ports.listens(self.port):
            assert time.monotonic() < ends, "the API did not come up"
            time.sleep(0.1)

    def options(self, **more: t.Any) -> dict[str, t.Any]:
        return {
            "directory": str(self.bundles), "timeout_seconds": 15, "item_seconds": 5,
            "log_paths": [str(self.folder / "old.log")], "env_files": [str(self.folder / ".env.production")],
            "app_root": str(self.folder / "app"), "state_directory": str(self.folder / "state"),
            "health_urls": [f"http://127.0.0.1:{self.port}/health"],
            "pm2": {"home": str(self.pm2.home)},
            "postgresql": {"port": self.postgresql.port, "user": "vendhub_monitor", "database": "postgres",
                           "password": f"{CANARY}-postgresql"},
            "redis": {"port": self.redis.port, "password": f"{CANARY}-redis"}, **more}


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[Site]:
    """A site of the test's own, with a program that has a token on its command line."""
    with tempfile.TemporaryDirectory(prefix="vh-", dir="/tmp") as short, \
            Cluster(tmp_path / "postgresql") as postgresql, \
            Server(tmp_path / "redis", password=f"{CANARY}-redis") as redis, \
            Pm2(Path(short) / "pm2") as pm2:
        made = Site(tmp_path, postgresql, redis, pm2)
        made.prepare()
        # large enough to be among the largest processes
        program = "import sys, time; kept = bytearray(400 << 20); print('up', flush=True); time.sleep(300)"
        with subprocess.Popen([sys.executable, "-c", program, "--token", f"{CANARY}-argv", "visible-word"],
                              stdout=subprocess.PIPE) as shown:
            try:
                assert shown.stdout
                shown.stdout.readline()
                yield made
            finally:
                shown.kill()
