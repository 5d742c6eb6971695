# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole site in a lab, split over five hosts or all on one; by hand: python -m tests.hosts.site up."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from tests.hosts.play import Run, play
from tests.lab import Lab, sample_app

PREPARE = Path(__file__).with_name("prepare.yml")
GROUPS = ("api", "web", "postgresql", "redis", "monitoring")
Layout = t.Mapping[str, t.Sequence[str]]
SPLIT: Layout = {"api": ("app1", "app2"), "web": ("app1", "app2"), "postgresql": ("db1",), "redis": ("redis1",),
                 "monitoring": ("mon1",)}
SINGLE: Layout = dict.fromkeys(GROUPS, ("all1",))
CANARY = "canary-3b9f"
# how busy this machine is must not decide a test
CALM = {name: {"warning": None, "critical": None} for name in (
    "cpu_percent", "memory_percent", "disk_percent", "inodes_percent", "swap_percent", "oom_kills",
    "deleted_open_bytes", "redis_latency_seconds", "api_probe_latency_seconds")}


def hosts_of(layout: Layout) -> list[str]:
    """Every host of a layout, once."""
    return list(dict.fromkeys(name for names in layout.values() for name in names))


class Site:
    """The hosts, the variables of their inventory, and a way to run playbooks over them."""

    def __init__(self, lab: Lab, folder: Path, layout: Layout | None = None) -> None:
        self.lab = lab
        self.folder = folder
        self.layout = layout or SPLIT
        self.authority = lab.acme()
        lab.alias({self.domain(name): name for name in self.layout["web"]})

    @staticmethod
    def domain(host: str) -> str:
        """The name under which a web host serves."""
        return f"{host}.vendhub.test"

    def prepare(self) -> None:
        """The servers that are not the collection's job, and whom to trust for certificates."""
        for name in self.layout["web"]:
            self.lab[name].write("/usr/local/share/acme.pem", self.authority.ca.read_text())
            self.lab[name].write("/usr/local/share/issuer.pem", self.authority.issuer.read_text())
        done = self.play(PREPARE)
        assert done.code == 0, done.screen

    def migrate(self) -> None:
        """The schema; a deployment does that, provisioning does not."""
        self.lab[self.layout["api"][0]].run([
            "runuser", "-u", "vendhub", "--", "sh", "-c", "cd /opt/vendhub/current && node dist/migrate.js run"])

    def variables(self) -> dict[str, t.Any]:
        """What an operator would write into group_vars."""
        node, release = sample_app.node_archive(), sample_app.release()
        database, redis = (self.lab[self.layout[group][0]].address for group in ("postgresql", "redis"))
        return {
            "vendhub_api": [{"name": "vendhub-api", "url": "http://127.0.0.1:3000/health",
                             "readiness_url": "http://127.0.0.1:3000/health/ready"}],
            "vendhub_pm2": {"owner": "vendhub", "apps": [
                {"name": "vendhub-api", "instances": 2, "port": 3000}, {"name": "job-scheduler"}]},
            "vendhub_postgresql": {"database": "vendhub_prod", "user": "vendhub_monitor",
                                   "password": f"{CANARY}-monitor"},
            "vendhub_redis": {"password": f"{CANARY}-redis"},
            "vendhub_backups": [],
            "vendhub_certificates": [{
                "server": "{{ inventory_hostname }}.vendhub.test", "address": "127.0.0.1",
                "path": "/etc/letsencrypt/live/{{ inventory_hostname }}.vendhub.test/fullchain.pem",
                "ca_path": "/usr/local/share/issuer.pem"}],
            "vendhub_thresholds": CALM | {"certificate_days": {"warning": 1, "critical": 0}},
            "vendhub_report_directory": str(self.folder / "reports"),
            "vendhub_fail_on": "warning",
            "app_host_environment": {
                "HOST": "0.0.0.0", "PORT": 3000, "JWT_SECRET": f"{CANARY}-jwt", "THROTTLE_LIMIT": 6000,
                "DATABASE_URL": f"postgresql://vendhub:{CANARY}-database@{database}:5432/vendhub_prod",
                "REDIS_URL": f"redis://:{CANARY}-redis@{redis}:6379"},
            "app_host_ecosystem_src": str(sample_app.ECOSYSTEM),
            "app_host_release_archive": str(release.path),
            "nodejs_source": "archive", "nodejs_archive": str(node.path), "nodejs_archive_checksum": node.checksum,
            "reverse_proxy_server_names": ["{{ inventory_hostname }}.vendhub.test"],
            "certbot_agree_tos": True,
            "certbot_directory_url": self.authority.directory,
            "certbot_ca_path": "/usr/local/share/acme.pem",
            "database_host_statements": True,
            "daily_check_script_timer_state": "present",
            "site_database_password": f"{CANARY}-database", "site_redis_password": f"{CANARY}-redis",
        }

    def inventory(self, **changed: t.Any) -> Path:
        """The inventory with these variables changed, readable for its owner only."""
        groups = {"vendhub": hosts_of(self.layout), **self.layout}
        path = self.lab.inventory(groups, self.variables() | changed)
        path.chmod(0o600)
        return path

    def play(self, playbook: str | Path, *words: str, seconds: float = 900, **changed: t.Any) -> Run:
        """Run a playbook (a path, or a name in the collection) over the site; no secret may be on the screen."""
        return play(playbook, self.inventory(**changed), *words, secret=CANARY, seconds=seconds)

    def report(self) -> dict[str, t.Any]:
        """The newest report of the daily check."""
        read: dict[str, t.Any] = json.loads((self.folder / "reports/latest/report.json").read_text())
        return read
