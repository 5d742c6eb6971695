# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application notices while sessions are ended."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t

import psycopg2
import pytest

from demo.stack.postgresql import Cluster
from tests.modules import call

from .conftest import PASSWORD, SMALL, Connection, crowd, prepare

MakeCluster = t.Callable[..., Cluster]


class Worker:
    """One connection of a pool: a request after each pause, tried again on a new connection when it fails."""

    def __init__(self, server: Cluster, pause_seconds: float) -> None:
        self.server = server
        self.pause_seconds = pause_seconds
        self.requests = 0
        self.retries: list[int] = []  # of each request that needed one
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.connection: Connection | None = None

    def work(self) -> None:
        while not self.stop.wait(self.pause_seconds):
            tries = 0
            while not self.request():
                tries += 1
            self.requests += 1
            if tries:
                self.retries.append(tries)
        if self.connection:
            self.connection.close()

    def request(self) -> bool:
        try:
            if self.connection is None:
                self.connection = self.server.connect("vendhub_prod", "vendhub", PASSWORD,
                                                      application_name="vendhub-api")
            with self.connection.cursor() as cursor:
                cursor.execute("BEGIN; SELECT name FROM machines WHERE id = 2; COMMIT")
        except psycopg2.Error:
            self.connection = None
            return False
        return True


@contextlib.contextmanager
def load(server: Cluster, pause_seconds: float) -> t.Iterator[list[Worker]]:
    workers = [Worker(server, pause_seconds * number) for number in range(1, 8)]
    for worker in workers:
        worker.thread.start()
    time.sleep(1.5)
    yield workers
    time.sleep(0.5 + 8 * pause_seconds)
    for worker in workers:
        worker.stop.set()
    for worker in workers:
        worker.thread.join(10)
        assert not worker.thread.is_alive()


@pytest.mark.parametrize(("pause_seconds", "options", "retries"), [
    (0.04, {"min_age_seconds": 1.2, "headroom": 10}, 0),  # what leaked is older than any pause of the application
    (0.2, {"min_age_seconds": 0, "headroom_percent": 100}, 1),  # the worst that can be asked for: everybody at once
    (0.001, {"min_age_seconds": 0, "headroom_percent": 100}, 1),  # most of them work again before their turn comes
])
def test_the_application_sees_at_most_one_retry_each(make_postgresql: MakeCluster, pause_seconds: float,
                                                     options: dict[str, t.Any], retries: int) -> None:
    one = make_postgresql(settings=SMALL)
    prepare(one)
    with crowd(one) as guests:
        for dummy in range(10):
            guests.join("leaked")
            guests.transaction("forgotten")
        with load(one, pause_seconds) as workers:
            done = call("postgresql_session", host=one.host, port=one.port, user="postgres", password=one.password,
                        database="vendhub_prod", applications=["vendhub-api"], **options)
            before = [worker.requests for worker in workers]
        assert not done["failed"], done["msg"]
        assert {"leaked", "forgotten"} <= {kind for kind, pids in guests.pids.items() if set(pids) & set(done["ended"])}
    seen = [worker.retries for worker in workers]
    assert all(len(tries) <= retries and sum(tries) <= retries for tries in seen), seen
    assert all(worker.requests > asked for worker, asked in zip(workers, before, strict=True))
    if retries and pause_seconds > 0.01:
        assert any(seen)
