# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample API, built once from its sources, and a maker for running ones."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from demo.stack import node, ports
from demo.stack.postgresql import Cluster
from demo.stack.redis import Server
from tests.integration.app.client import Client

SOURCES = Path(__file__).parents[3] / "demo" / "app"
EMAIL = "operator@example.test"
PASSWORD = secrets.token_urlsafe(12)
DATABASE_PASSWORD = secrets.token_hex(12)
REDIS_DATABASE = 9
COMMAND_TIMEOUT_SECONDS = 120


class Place:
    """A folder with the built app, and the environment that leads it to its services."""

    def __init__(self, folder: Path, release: Path, services: t.Mapping[str, str]) -> None:
        self.release = release
        self.database = services["DATABASE_URL"].rsplit("/", 1)[1]
        self.logs = folder / "logs"
        self.uploads = folder / "uploads"
        self.port = ports.free_port()
        self.environment = node.environment(
            PORT=str(self.port), LOG_DIR=str(self.logs), UPLOAD_DIR=str(self.uploads), JWT_SECRET=secrets.token_hex(16),
            THROTTLE_LIMIT="100000", LOGIN_THROTTLE_LIMIT="1000", SEED_EMAIL=EMAIL, SEED_PASSWORD=PASSWORD, **services)

    def npm(self, *arguments: str, **more: str) -> str:
        """Run an npm script of the app and return what it printed; an error carries both streams."""
        return node.npm(["run", *arguments], self.release, COMMAND_TIMEOUT_SECONDS, **{**self.environment, **more})

    def run(self, script: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a built program to its end."""
        return subprocess.run([str(node.node()), f"dist/{script}.js", *arguments], cwd=self.release, text=True,
                              env={**self.environment, **more}, capture_output=True, check=False,
                              timeout=COMMAND_TIMEOUT_SECONDS)


class Api(Client):
    """A running sample API, its standard output in a file."""

    def __init__(self, place: Place, folder: Path, **more: str) -> None:
        super().__init__(place.port)
        self.place = place
        self.stdout = folder / "stdout"
        self.stderr = folder / "stderr"
        with self.stdout.open("wb") as out, self.stderr.open("wb") as err:
            self.process = subprocess.Popen([str(node.node()), str(place.release / "dist" / "main.js")], stdout=out,
                                            stderr=err, cwd=folder, env={**place.environment, **more})

    def until_it_listens(self, timeout_seconds: float = 20) -> Api:
        """Wait for its port."""
        wait_for(lambda: ports.listens(self.place.port), timeout_seconds, self.said)
        return self

    def said(self) -> str:
        """Everything it wrote to stdout so far."""
        return self.stdout.read_text()

    def json_log(self, name: str) -> list[dict[str, t.Any]]:
        """The records of one of its JSON logs."""
        return [json.loads(line) for line in (self.place.logs / name).read_text().splitlines()]

    def end(self) -> None:
        """Kill it if it still runs."""
        self.process.kill()
        self.process.wait(10)


def wait_for(ready: t.Callable[[], bool], timeout_seconds: float, what: t.Callable[[], str] = str) -> None:
    """Wait until it is so, or fail with the words of ``what``."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        assert time.monotonic() < deadline, f"not within {timeout_seconds} s: {what()}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app in a folder of its own, installed by its lock file and built."""
    folder = tmp_path_factory.mktemp("release") / "app"
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "logs", "uploads", ".env*"))
    node.npm(["ci"], folder)
    node.npm(["run", "build"], folder)
    return folder


def database_url(cluster: Cluster, template: str = "template1") -> str:
    """A new database owned by an ordinary role of the app, as a connection string."""
    name = f"app_{secrets.token_hex(4)}"
    if not cluster.execute("SELECT 1 FROM pg_roles WHERE rolname = 'app'"):
        cluster.execute(f"CREATE ROLE app LOGIN PASSWORD '{DATABASE_PASSWORD}'")
    cluster.execute(f"CREATE DATABASE {name} OWNER app TEMPLATE {template}")
    return f"postgresql://app:{DATABASE_PASSWORD}@{cluster.host}:{cluster.port}/{name}"


def redis_url(server: Server) -> str:
    """A database of the app's own on the server, as a connection string."""
    return f"redis://:{server.password}@{server.host}:{server.port}/{REDIS_DATABASE}"


@pytest.fixture
def place(tmp_path: Path, release: Path, postgresql: Cluster, redis_server: Server) -> Place:
    """The app beside the shared services, with an empty database of its own."""
    return Place(tmp_path, release,
                 {"DATABASE_URL": database_url(postgresql), "REDIS_URL": redis_url(redis_server)})


@pytest.fixture
def own_place(tmp_path: Path, release: Path, make_postgresql: t.Callable[..., Cluster],
              make_redis: t.Callable[..., Server]) -> tuple[Place, Cluster, Server]:
    """The app beside services that the test may stop."""
    cluster, server = make_postgresql(), make_redis()
    services = {"DATABASE_URL": database_url(cluster), "REDIS_URL": redis_url(server)}
    return Place(tmp_path, release, services), cluster, server


@pytest.fixture
def launch(tmp_path: Path) -> t.Iterator[t.Callable[..., Api]]:
    """``launch(place, BOOT_DELAY_MS="500")``: a started API, perhaps not listening yet, ended after the test."""
    with contextlib.ExitStack() as started:

        def make(place: Place, **more: str) -> Api:
            api = Api(place, tmp_path, **more)
            started.callback(api.end)
            return api

        yield make


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory, release: Path, postgresql: Cluster, redis_server: Server) -> str:
    """A database with schema and seed, to be copied."""
    services = {"DATABASE_URL": database_url(postgresql), "REDIS_URL": redis_url(redis_server)}
    place = Place(tmp_path_factory.mktemp("seeded"), release, services)
    for script, arguments in (("migrate", ["run"]), ("seed", [])):
        done = place.run(script, *arguments)
        assert done.returncode == 0, done.stderr
    return place.database


@pytest.fixture
def seeded_place(tmp_path: Path, release: Path, postgresql: Cluster, redis_server: Server, seeded: str) -> Place:
    """The app beside the shared services, with schema and seed."""
    return Place(tmp_path, release,
                 {"DATABASE_URL": database_url(postgresql, seeded), "REDIS_URL": redis_url(redis_server)})


@pytest.fixture
def api(seeded_place: Place, launch: t.Callable[..., Api]) -> Api:
    """A listening API with schema and seed."""
    return launch(seeded_place).until_it_listens()
