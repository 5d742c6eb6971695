# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole demo: interrupted, taken over, looked at and stopped."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from demo import teardown
from demo.place import Place
from demo.stack import ports

ROOT = Path(__file__).parents[3]
TIMEOUT_SECONDS = 240


def demo(action: str, folder: Path) -> subprocess.Popen[str]:
    """Start the demo's command line on a folder of the test's own."""
    return subprocess.Popen([sys.executable, "-u", "-m", "demo.demo", action, "--folder", str(folder)], cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the end, which must be a good one, and return what it said."""
    said, dummy = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0, said
    return said


def processes_of(folder: Path) -> dict[int, str]:
    """Every process, other than us, whose command line or environment names the folder."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                if os.fsencode(folder) in words:
                    found[int(entry.name)] = (entry / "cmdline").read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.fixture
def folder(short_folder: Path) -> t.Iterator[Path]:
    """A demo folder whose demo never outlives the test."""
    yield short_folder / "demo"
    teardown.down(Place(short_folder / "demo"))


@pytest.mark.slow
def test_an_interrupted_demo_is_taken_over_reports_each_planted_problem_and_leaves_nothing(folder: Path) -> None:
    interrupted = demo("up", folder)
    assert interrupted.stdout is not None
    for line in interrupted.stdout:
        if "✓ Database" in line:
            break
    interrupted.kill()
    interrupted.communicate(timeout=10)
    place = Place(folder)
    assert ports.listens(place.port["postgresql"]), "it was interrupted too early to prove anything"

    said = finish(demo("up", folder))
    assert f"already on port {place.port['postgresql']}" in said
    assert "already built" in said
    (report,) = (path for path in place.reports.glob("*/report.json") if not path.parent.is_symlink())
    assert str(report.with_name("report.html")) in said
    found = {(finding["name"], finding["state"]) for finding in _findings(json.loads(report.read_text()))}
    for name in ("postgresql_idle_in_transaction_seconds", "postgresql_blocked_sessions", "postgresql_invalid_indexes",
                 "redis_memory_percent", "log_errors", "certificate_days", "certificate_served", "backup_newest"):
        assert (name, "warning") in found, name
    assert ("backup_age_hours", "critical") in found
    assert {("pm2_crashes_per_hour", "warning"), ("pm2_crashes_per_hour", "critical")} & found

    for path in (place.folder / "secrets.json", place.inventory / "hosts.yml", place.app / ".env.production"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    lines = "".join(processes_of(folder).values())
    assert lines, "nothing runs"
    for secret in place.secret.values():
        assert secret not in said
        assert secret not in lines
        assert secret not in report.read_text()

    assert "Stopped: " in finish(demo("down", folder))
    assert processes_of(folder) == {}
    assert "Nothing of the demo was running" in finish(demo("down", folder))


def test_stopping_spares_a_process_that_got_the_pid_of_ours(folder: Path) -> None:
    place = Place(folder)
    place.settle()
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (place.helpers / "front.json").write_text(json.dumps({"pid": bystander.pid, "started": 1}))
    assert teardown.down(place) == []
    assert bystander.poll() is None
    bystander.communicate(b"\n", timeout=10)


def _findings(value: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Every finding anywhere in the report."""
    if isinstance(value, dict):
        if {"name", "state", "message"} <= set(value):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _findings(one)
