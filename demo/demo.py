# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo` and `make demo-down`: a real small VendHub on this machine, a few planted problems, and the report."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from . import inventory, services, traffic, trouble
from .place import OPERATOR, ROOT, Place
from .progress import step
from .stack import node, pm2, process
from .stack.process import StackError
from .teardown import down

PLAYBOOK = Path("playbooks") / "daily_check.yml"
PLAYBOOK_TIMEOUT_SECONDS = 180.0


def main(arguments: t.Optional[t.Sequence[str]] = None) -> int:
    """Do what the command line says; 0 when it worked."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything is kept (%(default)s)")
    options = parser.parse_args(arguments)
    place = Place(options.folder.resolve())
    try:
        with place.alone():
            return up(place) if options.action == "up" else _down(place)
    except StackError as exc:
        print(f"\nThe demo stopped: {exc}\n`make demo-down` stops what runs; `make demo` goes on from here.",
              file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted. `make demo-down` stops what runs; `make demo` goes on from here.", file=sys.stderr)
    return 1


def up(place: Place) -> int:
    """Bring everything up, plant the problems, look at it all, and say where the report is."""
    started = time.monotonic()
    print(f"A small VendHub in {place.folder}", flush=True)
    place.settle()
    step("PostgreSQL 18", lambda: services.postgresql(place))
    step("Redis 6", lambda: services.redis(place))
    step("Node.js and PM2 7", lambda: _runtime(place))
    step("Sample API: install and build", lambda: services.build(place))
    step("Database: migrations and seed", lambda: services.migrate(place))
    step("Sample API under PM2", lambda: services.serve(place))
    planted: list[str] = []
    step("Problems, planted", lambda: planted.extend(trouble.plant(place)))
    step("Traffic, some of it bad", lambda: _traffic(place))
    hosts = inventory.write(place)
    print("\nThe report should find:")
    for line in planted:
        print(f"  - {line}")
    look = ["ansible-playbook", str(PLAYBOOK), "-i", str(_short(hosts.parent))]
    print(f"\n$ {' '.join(look)}", flush=True)
    code = _look(place, look)
    report = max(place.reports.rglob("*.html"), key=lambda path: path.stat().st_mtime, default=None)
    print(f"Report: {_short(report) if report else 'none was written'}")
    print(f"{time.monotonic() - started:.0f} s in all; everything keeps running until `make demo-down`.")
    return code


def _down(place: Place) -> int:
    stopped = down(place)
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing of the demo was running.")
    return 0


def _runtime(place: Place) -> str:
    version = process.run([str(node.node()), "--version"], node.environment(), 20, cwd=place.folder).strip()
    pm2.install("7")
    return f"Node.js {version}, PM2 {pm2.RELEASES['7']}"


def _traffic(place: Place) -> str:
    counts = traffic.burst(place.port["api"], OPERATOR, place.secret["operator"])
    return ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(counts.items()))


def _look(place: Place, command: t.Sequence[str]) -> int:
    """Run the daily check of this checkout, on the screen, away from the user's own Ansible settings."""
    clean = {name: value for name, value in process.clean_environment().items() if not name.startswith("ANSIBLE_")}
    program = Path(sys.executable).parent / command[0]
    environment = clean | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(place.folder / "ansible"),
                           "LC_ALL": "C.UTF-8"}
    if sys.stdout.isatty():
        environment["ANSIBLE_FORCE_COLOR"] = "1"
    try:
        return subprocess.run([program, *command[1:]], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                              timeout=PLAYBOOK_TIMEOUT_SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        raise StackError(f"{' '.join(command)} did not end within {PLAYBOOK_TIMEOUT_SECONDS:g} s") from None


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main())
