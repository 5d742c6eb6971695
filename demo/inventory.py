# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the demo: one host that is this machine, in every group, with all variables in one file."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import yaml

from .place import DATABASE, Place
from .services import url
from .stack import ports
from .trouble import CRASHING_APP

HEADER = "# Written by `make demo` at every run; it holds passwords of the demo's own services.\n"


def write(place: Place) -> Path:
    """Write hosts.yml for the owner's eyes only, and return its path."""
    path = place.inventory / "hosts.yml"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(HEADER + yaml.safe_dump(content(place), sort_keys=False, width=120))
    return path


def content(place: Place) -> dict[str, t.Any]:
    """The inventory as data."""
    groups = ("api", "postgresql", "redis", "web")
    return {"all": {
        "hosts": {"localhost": {"ansible_connection": "local"}},
        "vars": {"ansible_python_interpreter": sys.executable,
                 "ansible_remote_tmp": str(place.folder / "ansible" / "tmp"),
                 "vendhub_report_directory": str(place.reports),
                 "vendhub_fail_on": "never"},
        "children": {"vendhub": {
            "vars": variables(place),
            "children": {group: {"hosts": {"demo": {"ansible_connection": "local"}}} for group in groups},
        }},
    }}


def variables(place: Place) -> dict[str, t.Any]:
    """What the checks need to know."""
    port, secret = place.port, place.secret
    return {
        "vendhub_api": [{"name": "vendhub-api", "url": f"{url(place)}/health",
                         "readiness_url": f"{url(place)}/health/ready"}],
        "vendhub_pm2": {"home": str(place.pm2().home), "apps": [
            {"name": "vendhub-api", "instances": 2, "port": port["api"]},
            {"name": "job-scheduler", "instances": 1},
            {"name": CRASHING_APP, "instances": 1},
        ]},
        "vendhub_postgresql": {"host": ports.HOST, "port": port["postgresql"], "user": "vendhub_monitor",
                               "password": secret["vendhub_monitor"], "database": DATABASE},
        "vendhub_redis": {"host": ports.HOST, "port": port["redis"], "password": secret["redis"]},
        "vendhub_logs": {"paths": [str(place.logs / name) for name in ("error.log", "commission-worker.log")]},
        "vendhub_backups": [{"directory": str(place.backups)}],
        "vendhub_certificates": [{"server": "localhost", "port": port["front"],
                                  "path": str(place.folder / "front" / "fullchain.pem"),
                                  "ca_path": str(place.folder / "front" / "ca.pem")}],
        # in the minute that the demo is old nothing has been idle for five
        "vendhub_thresholds": {"postgresql_idle_in_transaction_seconds": {"warning": 5}},
    }
