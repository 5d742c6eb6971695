# SPDX-License-Identifier: GPL-3.0-or-later
"""Clearing one prefix out of Redis while another client pings: ``python benchmarks/redis_keys.py [--rounds 5]``.

The module against the runbook's ``KEYS | xargs DEL`` and against redis-py's own SCAN + UNLINK, interleaved; the keys of
others are counted after every way.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / ".collections")]

from ansible_collections.vendhub.ops.plugins.module_utils._redis import survey  # noqa: E402  (needs the path)
from ansible_collections.vendhub.ops.plugins.module_utils._redis.clear import OPTIONS, clear  # noqa: E402

from demo.stack.redis import Server  # noqa: E402

FILL = """
for number = tonumber(ARGV[2]), tonumber(ARGV[3]) do redis.call('SET', ARGV[1] .. number, string.rep('x', 200)) end
"""
OTHERS = {"bull:mail:": 100_000, "sess:": 100_000, "cart:": 100_000}
PREFIX = "cache:"
SLICE = 20_000
HARMLESS = ("nobody clears anything", "redis_keys, the plan", "redis_memory_info, every key")
# a client of its own process, 1,000 PINGs a second, so that neither our Python nor its garbage collector is measured
PROBE = """
import os, select, socket, sys, time
host, port = sys.argv[1:]
password = os.environ["REDISCLI_AUTH"]
link = socket.create_connection((host, int(port)))
link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
link.sendall(b"AUTH " + password.encode() + b"\\r\\n")
assert link.recv(100) == b"+OK\\r\\n"
print("ready", flush=True)
waits = []
link.settimeout(30)
while not select.select([sys.stdin], [], [], 0)[0]:
    began = time.perf_counter()
    link.sendall(b"PING\\r\\n")
    link.recv(100)
    waits.append(time.perf_counter() - began)
    time.sleep(max(0.0, 0.001 - waits[-1]))
waits.sort()
print(len(waits), waits[int(len(waits) * 0.999)], waits[-1])
"""


class Felt(t.NamedTuple):
    """What one way took, and what the other client felt."""

    seconds: float
    p999: float
    worst: float


def fill(server: Server, keys: int) -> None:
    server.execute("FLUSHALL")
    for prefix, number in {PREFIX: keys, **OTHERS}.items():
        for first in range(0, number, SLICE):
            server.execute("EVAL", FILL, 0, prefix, first, min(first + SLICE, number) - 1)
    time.sleep(1)


def felt(server: Server, work: t.Callable[[], object]) -> Felt:
    probe = subprocess.Popen([sys.executable, "-c", PROBE, server.host, str(server.port)],
                             env={**os.environ, "REDISCLI_AUTH": server.password},
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert probe.stdout
    assert probe.stdout.readline() == "ready\n"
    time.sleep(0.2)
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    time.sleep(0.2)
    out, dummy = probe.communicate("stop\n", timeout=60)
    dummy, p999, worst = out.split()
    return Felt(seconds, float(p999), float(worst))


def runbook(server: Server) -> None:
    """The runbook's line, but for the password, which is not on the command line here."""
    cli = shutil.which("redis-cli")
    if not cli:
        sys.exit("redis-cli is not installed")
    subprocess.run(["bash", "-c", f"{cli} -p {server.port} KEYS '{PREFIX}*' | xargs {cli} -p {server.port} DEL"],
                   env={**os.environ, "REDISCLI_AUTH": server.password}, stdout=subprocess.DEVNULL, check=True)


def library(server: Server) -> None:
    with contextlib.closing(server.client(decode_responses=False)) as client:
        cursor = 0
        while True:
            cursor, keys = client.scan(cursor, match=f"{PREFIX}*", count=1000)
            if keys:
                client.unlink(*keys)
            if not cursor:
                return


def ours(server: Server, act: bool = True, **given: t.Any) -> None:
    options = {name: option.get("default") for name, option in OPTIONS.items()}
    result = clear({**options, "host": server.host, "port": server.port, "password": server.password,
                    "prefix": PREFIX, **given}, act=act)
    print(f"  {result['msg']}{'' if result['by_script'] else ' (without scripts)'}")


def look(server: Server) -> None:
    options = {name: option.get("default") for name, option in survey.OPTIONS.items()}
    result = survey.survey({**options, "host": server.host, "port": server.port, "password": server.password,
                            "max_keys": 10**9, "max_seconds": 600})
    print(f"  {result['msg']}")
    assert result["sample"]["complete"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--redis", default="7", help="major version")
    given = parser.parse_args()
    felt_by: dict[str, list[Felt]] = {}
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder, \
            Server(Path(folder) / "redis", version=given.redis) as server:
        server.execute("ACL", "SETUSER", "plain", "on", f">{server.password}", "~*", "+@all", "-@scripting")
        ways: dict[str, t.Callable[[], object]] = {
            "nobody clears anything": lambda: time.sleep(4),
            "runbook: KEYS | xargs DEL": lambda: runbook(server),
            "redis-py: SCAN + UNLINK, 1,000": lambda: library(server),
            "redis_keys, the plan": lambda: ours(server, act=False),
            "redis_memory_info, every key": lambda: look(server),
            "redis_keys": lambda: ours(server),
            "redis_keys without scripts": lambda: ours(server, username="plain"),
        }
        for dummy in range(given.rounds):
            for name, work in ways.items():
                fill(server, given.keys)
                felt_by.setdefault(name, []).append(felt(server, work))
                left = server.execute("DBSIZE") - sum(OTHERS.values())
                assert left == (given.keys if name in HARMLESS else 0), f"{name}: {left} keys too many"
                print(f"{name}: {felt_by[name][-1]}", flush=True)
    medians = {name: Felt(*(statistics.median(values) for values in zip(*rounds))) for name, rounds in felt_by.items()}
    base = medians["runbook: KEYS | xargs DEL"]
    print(f"\n{given.keys} keys of one prefix, {sum(OTHERS.values())} others, Redis {given.redis}, "
          f"medians of {given.rounds} interleaved rounds\n")
    print("| way | seconds | / runbook | p99.9 of another client | its worst | runbook's worst / it |")
    print("|---|---|---|---|---|---|")
    for name, one in medians.items():
        took = " | " if name.startswith("nobody") else f"{one.seconds:.1f} | {one.seconds / base.seconds:.2f}"
        print(f"| {name.replace('|', chr(92) + '|')} | {took} | {one.p999 * 1000:.1f} ms | {one.worst * 1000:.1f} ms"
              f" | {base.worst / one.worst:.0f} |")


if __name__ == "__main__":
    main()
