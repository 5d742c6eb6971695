# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the demo keeps everything: one ignored folder, its secrets and its ports."""

from __future__ import annotations

import contextlib
import fcntl
import json
import secrets
import typing as t
from pathlib import Path

from .stack import ports
from .stack.pm2 import Pm2
from .stack.postgresql import Cluster, Settings
from .stack.process import StackError
from .stack.redis import Server

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "vendhub_prod"
SECRETS = ("postgres", "vendhub", "vendhub_monitor", "redis", "jwt", "operator")
PORTS = ("postgresql", "redis", "api", "front")
OPERATOR = "operator@demo.invalid"


class Place:
    """The folder of the demo; passwords are random, made once and kept in a file that only the owner can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = folder / "app"
        self.logs = folder / "logs"
        self.backups = folder / "backups"
        self.helpers = folder / "helpers"
        self.inventory = folder / "inventory"
        self.reports = folder / "reports"
        self._memory = folder / "secrets.json"

    @property
    def secret(self) -> dict[str, str]:
        """Passwords by what they open."""
        return dict(self._recall()["secrets"])

    @property
    def port(self) -> dict[str, int]:
        """Ports by who listens there."""
        return dict(self._recall()["ports"])

    def settle(self) -> None:
        """Make the folders, and choose passwords and ports once."""
        for folder in (self.folder, self.logs, self.backups, self.helpers, self.inventory, self.reports):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            known = self._recall()
        except (OSError, ValueError, KeyError):
            known = {"secrets": {}, "ports": {}}
        self._remember({
            "secrets": {name: known["secrets"].get(name) or secrets.token_urlsafe(18) for name in SECRETS},
            "ports": {name: known["ports"].get(name) or ports.free_port() for name in PORTS},
        })

    def move(self, name: str) -> None:
        """Choose another port for a service."""
        known = self._recall()
        known["ports"][name] = ports.free_port()
        self._remember(known)

    def postgresql(self) -> Cluster:
        """The database server."""
        settings: Settings = {"max_connections": 40, "log_min_duration_statement": 500,
                              "log_line_prefix": "%m [%p] %a@%d "}
        return Cluster(self.folder / "postgresql", "18", settings, port=self.port["postgresql"],
                       password=self.secret["postgres"], survives=True)

    def redis(self) -> Server:
        """The cache and queue server: with a limit, and no eviction because the queues live in it."""
        settings = {"maxmemory": "8mb", "maxmemory-policy": "noeviction"}
        return Server(self.folder / "redis", "6", settings, port=self.port["redis"], password=self.secret["redis"],
                      survives=True)

    def pm2(self) -> Pm2:
        """PM2 with a home of the demo's own, kept out of everybody else's sight."""
        home = ports.socket_folder(self.folder / "pm2", "rpc.sock")
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        return Pm2(home, "7", {"VENDHUB_APP_DIR": str(self.app), "LOG_DIR": str(self.logs)})

    @contextlib.contextmanager
    def alone(self) -> t.Iterator[None]:
        """Nobody else starts or stops this demo meanwhile; StackError when somebody does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(f"another `make demo` or `make demo-down` is at work in {self.folder}") from None
            yield

    def _remember(self, known: dict[str, dict[str, t.Any]]) -> None:
        draft = self._memory.with_name("secrets.new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(known, indent=1))
        draft.replace(self._memory)

    def _recall(self) -> dict[str, dict[str, t.Any]]:
        known: dict[str, dict[str, t.Any]] = json.loads(self._memory.read_text())
        return {"secrets": known["secrets"], "ports": known["ports"]}
