# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading PM2 in process against ``pm2 jlist``, interleaved: ``python benchmarks/pm2.py [--apps 4] [--rounds 9]``."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / ".collections")]

from ansible_collections.vendhub.ops.plugins.module_utils._pm2 import client  # noqa: E402  (needs the path)

from demo.stack import node  # noqa: E402
from demo.stack.pm2 import Pm2  # noqa: E402


def seconds(work: t.Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder, Pm2(Path(folder) / "pm2") as pm2:
        (Path(folder) / "app.js").write_text("setInterval(() => {}, 1000)")
        apps = [{"name": f"app-{number}", "script": f"{folder}/app.js"} for number in range(given.apps)]
        (Path(folder) / "ecosystem.config.json").write_text(json.dumps({"apps": apps}))
        pm2.start(Path(folder) / "ecosystem.config.json")
        command = [str(node.node()), str(pm2.script), "jlist", "--silent"]
        environment = pm2.environment()
        ways: dict[str, t.Callable[[], object]] = {
            "in process, by the socket": lambda: client.listing(str(pm2.home), 5),
            "pm2 jlist": lambda: subprocess.run(command, env=environment, capture_output=True, timeout=30, check=True),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for dummy in range(given.rounds):
            for name, work in ways.items():
                taken[name].append(seconds(work))
        seen = len(client.listing(str(pm2.home), 5).processes)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    print(f"{seen} processes, medians of {given.rounds} interleaved rounds")
    for name, median in medians.items():
        print(f"{name:28}{median * 1000:9.1f} ms{median / medians['in process, by the socket']:9.1f} x")


if __name__ == "__main__":
    main()
