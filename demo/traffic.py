# SPDX-License-Identifier: GPL-3.0-or-later
"""A short burst of requests to the sample API of the demo: good ones, slow ones, failures and wrong passwords."""

from __future__ import annotations

import collections
import concurrent.futures
import http.client
import json
import random
import time
import typing as t

from .stack import ports

SECONDS = 6.0
REQUEST_TIMEOUT_SECONDS = 5.0


class Request(t.NamedTuple):
    """What to send, and how often."""

    times: int
    method: str
    path: str
    body: t.Optional[dict[str, str]] = None


PLAN = (
    Request(250, "GET", "/api/v1/tasks"),
    Request(40, "GET", "/health/ready"),
    Request(15, "GET", "/api/v1/fail"),
    Request(8, "GET", "/api/v1/nowhere"),
    Request(12, "POST", "/api/v1/auth/login", {"email": "nobody@demo.invalid", "password": "a guess"}),
    Request(3, "GET", "/api/v1/slow?ms=1300"),
)


def burst(port: int, email: str, password: str, seconds: float = SECONDS) -> collections.Counter[int]:
    """Send the plan, mixed and evenly over a few seconds, and count the answers by status; 0 is no answer."""
    login = ask(port, "POST", "/api/v1/auth/login", {"email": email, "password": password})
    token = json.loads(login.body)["access_token"] if login.status == 200 else ""
    requests = [request for request in PLAN for dummy in range(request.times)]
    mixed = random.Random(7).sample(requests, len(requests))  # the same mixture every time
    counts = collections.Counter([login.status])
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        def send(turn: int) -> int:
            time.sleep(max(0.0, started + seconds * turn / len(mixed) - time.monotonic()))
            return ask(port, mixed[turn].method, mixed[turn].path, mixed[turn].body, token).status
        counts.update(pool.map(send, range(len(mixed))))
    return counts


class Answer(t.NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes


def ask(port: int, method: str, path: str, body: t.Optional[dict[str, str]] = None, token: str = "") -> Answer:
    """One request on a connection of its own, so that every worker gets its share."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=REQUEST_TIMEOUT_SECONDS)
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    except OSError:
        return Answer(0, b"")
    finally:
        connection.close()
