# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole site on five hosts of a lab: two for the app, one each for the database, Redis and Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t
from pathlib import Path

from demo.stack.process import clean_environment
from tests.lab import Lab, sample_app

ROOT = Path(__file__).resolve().parents[3]
HOSTS = ("app1", "app2", "db1", "redis1", "mon1")
GROUPS = {
    "vendhub": HOSTS, "api": ("app1", "app2"), "web": ("app1", "app2"), "postgresql": ("db1",), "redis": ("redis1",),
    "monitoring": ("mon1",),
}
CANARY = "canary-3b9f"
# how busy this machine is must not decide a test
CALM = {name: {"warning": None, "critical": None} for name in (
    "cpu_percent", "memory_percent", "disk_percent", "inodes_percent", "swap_percent", "oom_kills",
    "deleted_open_bytes", "redis_latency_seconds", "api_probe_latency_seconds")}


class Run(t.NamedTuple):
    """How a playbook ended: its exit code, and all it printed."""

    code: int
    screen: str

    def recap(self, word: str) -> dict[str, int]:
        """What the recap says of each host."""
        return {host: int(number) for host, number in re.findall(rf"^(\S+)\s+: .*\b{word}=(\d+)", self.screen, re.M)}


class Site:
    """The hosts, the variables of their inventory, and a way to run playbooks over them."""

    def __init__(self, lab: Lab, folder: Path, authority: t.Any = None) -> None:
        self.lab = lab
        self.folder = folder
        self.authority = authority

    def variables(self) -> dict[str, t.Any]:
        """What an operator would write into group_vars."""
        node, release = sample_app.node_archive(), sample_app.release()
        database, redis = self.lab["db1"].address, self.lab["redis1"].address
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
            "certbot_directory_url": self.authority.directory if self.authority else "https://acme.example/dir",
            "certbot_ca_path": "/usr/local/share/acme.pem",
            "database_host_statements": True,
            "daily_check_script_timer_state": "present",
            "site_database_password": f"{CANARY}-database", "site_redis_password": f"{CANARY}-redis",
        }

    def play(self, playbook: str | Path, *words: str, seconds: float = 900, **changed: t.Any) -> Run:
        """Run a playbook (a path, or a name in the collection) over the site; no secret may be on the screen."""
        inventory = self.lab.inventory(GROUPS, self.variables() | changed)
        inventory.chmod(0o600)
        environment = clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1", LC_ALL="C.UTF-8",
                                        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections"))
        program = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run([str(program), "-i", str(inventory), str(playbook), *words], cwd=ROOT, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False)
        screen = done.stdout + done.stderr
        assert CANARY not in screen, [line for line in screen.splitlines() if CANARY in line]
        return Run(done.returncode, screen)

    def report(self) -> dict[str, t.Any]:
        """The newest report of the daily check."""
        read: dict[str, t.Any] = json.loads((self.folder / "reports/latest/report.json").read_text())
        return read
