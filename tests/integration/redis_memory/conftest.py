# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis servers with keys of everybody in them."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
import redis

from demo.stack.redis import Server

NASTY = [b"cache:a b", b"cache:\n", b"cache:line\nkeep:me", b"cache:\0", b"cache:'\"`", b"cache:$(reboot)", b"cache:*",
         b"cache:\\", b"cache:[x]", b"cache:\xff\xfe", b"cache:\r\n*1\r\n", b"cache: bull:mail:7", b"cache:%s",
         "cache:ключ".encode(), b"cache:" + b"x" * 5000]
KEPT = [b"keep:me", b"bull:mail:7", b"bull:mail:7\nx", b"cache:blacklist:1", b"cache:x\0blacklist\n", b"sess:1",
        b"app:session:\0", b"cache", b"cacheX:1", b"Cache:1", b" cache:1", b"reboot",
        b"vendhub:blacklist:token:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"]


@pytest.fixture(params=["6", "7"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextlib.contextmanager
def connected(server: Server, **options: t.Any) -> t.Iterator[redis.Redis]:
    """A client that speaks bytes."""
    with contextlib.closing(server.client(decode_responses=False, **options)) as client:
        yield client


def fill(server: Server, prefix: str, number: int, value: str = "x" * 50) -> None:
    """Many keys at once."""
    server.execute("EVAL", "for n = 1, tonumber(ARGV[2]) do redis.call('SET', ARGV[1] .. n, ARGV[3]) end", 0, prefix,
                   number, value)


def keys(server: Server) -> set[bytes]:
    """Every key."""
    with connected(server) as client:
        return {bytes(key) for key in client.scan_iter(count=10_000)}


def reach(server: Server, **options: t.Any) -> dict[str, t.Any]:
    """The options of a module to reach it."""
    return {"host": server.host, "port": server.port, "password": server.password or None, **options}
