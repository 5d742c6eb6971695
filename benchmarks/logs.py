# SPDX-License-Identifier: GPL-3.0-or-later
"""A day's errors out of a large log: log_check against the runbook's grep, in turns, on a log made for it.

    .venv/bin/python benchmarks/logs.py [--megabytes 1000] [--rounds 5]

The log: ten days in order of time, Winston's JSON and Nest's text in turns, 2 % errors, a quarter of them with a stack
trace. Each way is a process of its own, timed from its start to its end. The check runs twice: as health_check runs it
(its subject, in a Python without Ansible, which health_check starts once for all subjects) and as the module log_check
with Ansible's own start.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DAYS = 10
ERROR_SHARE = 0.02
CONTEXT = "RequestHandler"
PLUGINS = "ansible_collections.vendhub.ops.plugins"
GREP = "grep | sort | uniq | sort"
CHECK = "the check"
MODULE = "log_check as a module"
COMMAND = "grep -E 'Error|Exception' \"$1\" | sort | uniq -c | sort -rn"
GOOD = ("Request handled GET /api/v1/machines/{n} took {n} ms status 200 for user {mail} from {ip}",
        "Job {n} of queue commission done in {n} ms, next run planned", "Cache hit for key machine:{id} in {n} ms",
        "Order {n} updated, payment accepted by terminal {n}, receipt {id} printed")
BAD = ("QueryFailedError: duplicate key value violates unique constraint \"uq_tasks_code\" Key (code)=({n}) exists",
       "TypeError: Cannot read properties of undefined (reading 'machineId') for task {id}",
       "HTTP 500 POST /api/v1/files/upload/{n} InternalServerErrorException after {n} ms",
       "Error: connect ECONNREFUSED {ip}:5432", "TimeoutError: job {id} of queue sales-import took longer than {n} ms",
       "BadGatewayException: telegram answered {n} for user {mail}",
       "ValidationError: \"{mail}\" is not a valid address of machine {n}", "RedisError: READONLY at {ip} key {id}")
STACK = "\n".join(f"    at Service.call{n} (/opt/vendhub/current/dist/module{n}.js:{n}0:17)" for n in range(6))


def write_log(path: str, megabytes: int, until: float) -> int:
    """Write the log and return how many errors its last day has."""
    chance = random.Random(20261123)
    lines = megabytes * 1_000_000 // 214
    step = DAYS * 86400 / lines
    errors = 0
    with open(path, "w", encoding="utf-8") as log:
        for number in range(lines):
            when = until - (lines - number) * step
            bad = chance.random() < ERROR_SHARE
            errors += bad and when >= until - 86400
            log.write(_record(chance, when, bad, bool(number % 2)))
    return errors


def _record(chance: random.Random, when: float, bad: bool, as_json: bool) -> str:
    text = chance.choice(BAD if bad else GOOD).format(
        n=chance.randrange(100000), id=f"{chance.getrandbits(128):032x}", ip=f"10.0.0.{chance.randrange(256)}",
        mail=f"user{chance.randrange(9999)}@example.com")
    stack = f"\n{STACK}" if bad and chance.random() < 0.25 else ""
    moment = datetime.datetime.fromtimestamp(when, datetime.timezone.utc)
    if as_json:
        record = {"context": CONTEXT, "level": "error" if bad else "info", "message": text, "stack": stack,
                  "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"}
        return json.dumps(record, separators=(",", ":")) + "\n"
    level = "\x1b[31m  ERROR" if bad else "\x1b[32m    LOG"
    return (f"{moment:%Y-%m-%d %H:%M:%S} +00:00: \x1b[32m[Nest] 4211  - \x1b[39m{moment:%m/%d/%Y, %I:%M:%S %p} "
            f"{level}\x1b[39m [{CONTEXT}] {text}{stack}\n")


class Run(t.NamedTuple):
    """One process with its children: wall and CPU seconds, MiB of peak memory, and what it said."""

    wall: float
    cpu: float
    peak: float
    out: str


def measure(command: t.Sequence[str], text: str | None, environment: t.Mapping[str, str]) -> Run:
    """Run one way."""
    process = subprocess.Popen([sys.executable, __file__, "--child", *command], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    out, told = process.communicate(text)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}: {out}{told}")
    wall, cpu, kib = told.split()[-3:]
    return Run(float(wall), float(cpu), int(kib) / 1024, out)


def child(command: t.Sequence[str]) -> int:
    """Run one way and tell its times and peak on stderr."""
    started = time.perf_counter()
    code = subprocess.call(command)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vendhub-bench-") as folder:
        return compare(os.path.join(folder, "combined.log"), options.megabytes, options.rounds)


def compare(path: str, megabytes: int, rounds: int) -> int:
    """Make the log, run each way in turns and print medians and ratios; 1 when a promise is broken."""
    until = time.time()
    planted = write_log(path, megabytes, until)

    def given() -> dict[str, t.Any]:  # a day back from the end of the log, however long the measuring takes
        return {"paths": [path], "window_hours": 24 + (time.time() - until) / 3600}

    plain = {**os.environ, "PYTHONPATH": os.path.join(ROOT, ".collections")}
    subject = [sys.executable, "-c", _SUBJECT]
    module = [sys.executable, "-c", _MODULE]
    grep = ["sh", "-c", COMMAND, "sh", path]
    ways: dict[str, t.Callable[[], Run]] = {
        GREP: lambda: measure(grep, None, plain),
        "the same with LC_ALL=C": lambda: measure(grep, None, {**plain, "LC_ALL": "C"}),
        CHECK: lambda: measure(subject, json.dumps(given()), plain),
        MODULE: lambda: measure(module, json.dumps({"ANSIBLE_MODULE_ARGS": given()}), plain),
    }
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for number in range(rounds + 1):  # the first warms the page cache
        for name, way in ways.items():
            run = way()
            if number:
                runs[name].append(run)
    return report(path, runs, planted)


def report(path: str, runs: dict[str, list[Run]], planted: int) -> int:
    """Print the comparison."""
    verdicts = {name: json.loads(runs[name][-1].out) for name in (CHECK, MODULE)}
    (finding,) = (row for row in verdicts[CHECK]["findings"] if row["name"] == "log_errors")
    wall = {name: statistics.median(run.wall for run in some) for name, some in runs.items()}
    cpu = {name: statistics.median(run.cpu for run in some) for name, some in runs.items()}
    print(f"{os.path.getsize(path) / 1e6:.0f} MB, {DAYS} days; {planted} errors of {len(BAD)} kinds planted in the last"
          f" 24 h, found {finding['value']}")
    print(f"{'way':26}{'wall s':>8}{'min':>7}{'max':>7}{'x check':>9}{'CPU s':>8}{'x check':>9}{'peak MiB':>10}"
          f"{'groups':>8}")
    for name, some in runs.items():
        groups = verdicts[name]["metrics"]["log_groups"] if name in verdicts else len(some[-1].out.splitlines())
        print(f"{name:26}{wall[name]:8.2f}{min(run.wall for run in some):7.2f}{max(run.wall for run in some):7.2f}"
              f"{wall[name] / wall[CHECK]:9.2f}{cpu[name]:8.2f}{cpu[name] / cpu[CHECK]:9.2f}"
              f"{max(run.peak for run in some):10.1f}{groups:8}")
    kept = [wall[GREP] >= 2 * wall[CHECK], max(run.peak for run in runs[CHECK]) < 64, finding["value"] == planted,
            verdicts[CHECK]["metrics"]["log_groups"] == len(BAD)]
    print("promises (twice as fast as grep, under 64 MiB, every error found, one group for each kind):",
          ", ".join("kept" if one else "BROKEN" for one in kept))
    return 0 if all(kept) else 1


_SUBJECT = f"""
import json, sys
from {PLUGINS}.module_utils._core.subject import answer
from {PLUGINS}.module_utils._core.thresholds import Thresholds
from {PLUGINS}.module_utils._log.options import OPTIONS
from {PLUGINS}.module_utils._log.subject import subject
options = {{name: option["default"] for name, option in OPTIONS.items()}}
print(json.dumps(answer(subject({{**options, **json.load(sys.stdin)}}, Thresholds())).verdict.as_dict()))
"""
_MODULE = f"""
import json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.stdin.buffer.read(), "legacy"
from {PLUGINS}.modules.log_check import main
main()
"""

if __name__ == "__main__":
    sys.exit(child(sys.argv[2:]) if sys.argv[1:2] == ["--child"] else main())
