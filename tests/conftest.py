# SPDX-License-Identifier: GPL-3.0-or-later
"""Real services for tests: one of each for the whole run, and makers for tests that need their own."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import typing as t
from pathlib import Path

import pytest

from demo.stack import node as node_of_stack
from demo.stack.pm2 import Pm2
from demo.stack.postgresql import Cluster
from demo.stack.redis import Server


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Cluster]:
    """PostgreSQL 18, shared: make a database of your own in it, do not stop it."""
    with Cluster(tmp_path_factory.mktemp("postgresql")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Server]:
    """Redis 6 with a password, shared: use keys or a database of your own, do not stop it or change its settings."""
    with Server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def node() -> Path:
    """The node program."""
    return node_of_stack.node()


@pytest.fixture
def make_postgresql(tmp_path: Path) -> t.Iterator[t.Callable[..., Cluster]]:
    """``make_postgresql(version="16", settings={...})``: a started cluster of the test's own, stopped after it."""
    with contextlib.ExitStack() as started:
        count = iter(range(1000))
        yield lambda **options: started.enter_context(Cluster(tmp_path / f"postgresql-{next(count)}", **options))


@pytest.fixture
def make_redis(tmp_path: Path) -> t.Iterator[t.Callable[..., Server]]:
    """``make_redis(version="7", settings={...}, password="")``: a started server of its own, stopped after the test."""
    with contextlib.ExitStack() as started:
        count = iter(range(1000))
        yield lambda **options: started.enter_context(Server(tmp_path / f"redis-{next(count)}", **options))


@pytest.fixture
def make_pm2(short_folder: Path) -> t.Iterator[t.Callable[..., Pm2]]:
    """``make_pm2(version="6")``: a PM2_HOME of the test's own without a daemon yet, swept clean after it."""
    with contextlib.ExitStack() as started:
        count = iter(range(1000))
        yield lambda **options: started.enter_context(Pm2(short_folder / f"pm2-{next(count)}", **options))


@pytest.fixture
def short_folder() -> t.Iterator[Path]:
    """A folder whose path is short enough for unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="vh-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
