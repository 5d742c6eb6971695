# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop all that a demo started, also one that was interrupted half-way; only recorded processes are touched."""

from __future__ import annotations

from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

from .place import Place
from .stack import ports
from .stack.process import Process, StackError

# the folder of a server and the signal that lets it close in order
SERVERS = (("redis", SIGTERM), ("postgresql", SIGINT))


def down(place: Place) -> list[str]:
    """Stop helpers, PM2 with its apps, Redis and PostgreSQL, and name what ran; StackError when something stays."""
    stopped = []
    for record in sorted(place.helpers.glob("*.json")):
        stopped += _stop(record.stem, record, SIGTERM)
    stopped += _stop_pm2(place)
    for name, signal in SERVERS:
        stopped += _stop(name, place.folder / name / "process.json", signal)
        ports.drop_socket_folder(place.folder / name)
    return stopped


def _stop_pm2(place: Place) -> list[str]:
    if not (place.folder / "pm2").exists():
        return []
    pm2 = place.pm2()
    ran = pm2.family()
    pm2.kill()
    if left := pm2.family():
        raise StackError(f"processes of the demo's PM2 would not end: {', '.join(str(one.pid) for one in left)}")
    ports.drop_socket_folder(place.folder / "pm2")
    return ["PM2 and its apps"] if ran else []


def _stop(name: str, record: Path, signal: Signals) -> list[str]:
    process = Process.load(record)
    if process is not None:
        process.stop(signal, timeout_seconds=15)
        if process.alive():
            raise StackError(f"{name} (process {process.pid}) would not end")
    record.unlink(missing_ok=True)
    return [name] if process is not None else []
