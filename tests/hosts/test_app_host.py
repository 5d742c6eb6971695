# SPDX-License-Identifier: GPL-3.0-or-later
"""The app side of provisioning, on a real host: from a bare system to an app that outlives reboots and power failures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from demo.stack.process import clean_environment
from tests.lab import Host, Lab, sample_app
from tests.lab.image import image
from tests.lab.layers import exists

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = [{
    "name": "Provision the app side",
    "hosts": "api",
    "gather_facts": False,
    "pre_tasks": [
        {"name": f"Ask {role} what it would refuse", "tags": "always",
         "ansible.builtin.include_role": {"name": f"vendhub.ops.{role}", "tasks_from": "preflight"}}
        for role in ("app_host", "nodejs", "pm2")
    ],
    "roles": [{"role": f"vendhub.ops.{role}", "tags": role}
              for role in ("client_libraries", "app_host", "nodejs", "pm2", "daily_check_script")],
}]
SECRET = "canary #1 it's \"$HOME\""
UNITS = "/etc/systemd/system"
LAYER = "app-services"  # a host with PostgreSQL and Redis, and the database of the app
SERVICES = """
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qqy --no-install-recommends postgresql redis-server
cd /
runuser -u postgres -- psql -qc "CREATE ROLE vendhub LOGIN PASSWORD 'of-the-test'"
runuser -u postgres -- createdb --owner=vendhub vendhub_prod
"""
Result = t.Dict[str, t.Any]


class Run(t.NamedTuple):
    """How a run of the playbook ended: its exit code, its recap, and all it printed."""

    code: int
    screen: str

    def recap(self, word: str) -> int:
        found = re.search(rf"^app1 .*\b{word}=(\d+)", self.screen, re.MULTILINE)
        assert found, self.screen[-3000:]
        return int(found[1])

    @property
    def message(self) -> str:
        """What the last failure said."""
        found = re.findall(r"^    msg: (.+?)(?=\n    \w|\n\S|\n\n|\Z)", self.screen.split("FAILED!")[-1],
                           re.MULTILINE | re.DOTALL)
        assert found, self.screen[-3000:]
        return " ".join(found[0].split())


class Site:
    """One app host, what it is given, and the ways to look at it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.host: Host = lab["app1"]
        self.folder = folder
        self.playbook = folder / "provision.yml"
        self.playbook.write_text(yaml.safe_dump(PLAYBOOK))
        node, release = sample_app.node_archive(), sample_app.release()
        self.variables: dict[str, t.Any] = {
            "nodejs_source": "archive",
            "nodejs_archive": str(node.path),
            "nodejs_archive_checksum": node.checksum,
            "app_host_environment": {
                "DATABASE_URL": "postgresql://vendhub:of-the-test@127.0.0.1:5432/vendhub_prod",
                "JWT_SECRET": SECRET, "THROTTLE_LIMIT": 6000, "PORT": 3000,
            },
            "app_host_ecosystem_src": str(sample_app.ECOSYSTEM),
            "app_host_release_archive": str(release.path),
            "pm2_apps": [{"name": "vendhub-api", "instances": 2, "port": 3000}, {"name": "job-scheduler"}],
            "pm2_health": [{"name": "vendhub-api", "url": "http://127.0.0.1:3000/health"}],
            "daily_check_script_options": {
                "api": [{"name": "vendhub-api", "url": "http://127.0.0.1:3000/health"}],
                "pm2": {"owner": "vendhub", "apps": [{"name": "vendhub-api", "port": 3000}]},
                "redis": {},
            },
            "daily_check_script_timer_state": "present",
            "daily_check_script_timer_user": "vendhub",
        }

    def run(self, *words: str, **changed: t.Any) -> Run:
        """Run the playbook with these variables changed."""
        inventory = self.lab.inventory({"api": ["app1"]}, self.variables | changed)
        inventory.chmod(0o600)
        program = Path(sys.executable).with_name("ansible-playbook")
        environment = clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1",
                                        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections"))
        done = subprocess.run([str(program), "-i", str(inventory), str(self.playbook), *words], cwd=ROOT,
                              capture_output=True, text=True, timeout=600, check=False, env=environment)
        assert SECRET not in done.stdout + done.stderr
        return Run(done.returncode, done.stdout + done.stderr)

    def tree(self) -> dict[str, str]:
        """Every file, folder and link that provisioning could touch, with owner, mode and content."""
        places = ["/etc", "/opt", "/home", "/usr/local", "/var/lib/vendhub-ops", "/root/.pm2", "/root/.npm", "/run/user"]
        listing = self.host.run(["find", *places, "-xdev", "-not", "-path", "/etc/ld.so.cache", "(", "-type", "l",
                                 "-printf", "%p\\t%u %g %m -> %l\\n", "-o", "-type", "d", "-printf",
                                 "%p\\t%u %g %m\\n", "-o", "-printf", "%p\\t%u %g %m %s %T@\\n", ")"], check=False)
        units = self.host.run(["systemctl", "list-unit-files", "--no-legend", "--plain"]).stdout
        files = dict(line.split("\t", 1) for line in listing.stdout.splitlines())
        return files | {"units": units}

    def script(self, text: str, timeout: float = 120) -> str:
        return self.host.run(["sh", "-c", text], timeout=timeout).stdout

    def health(self) -> int:
        """The status of the app's health page as the host itself sees it; 0 for no answer."""
        asked = self.host.run(["curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}",
                               "http://127.0.0.1:3000/health"], check=False)
        return int(asked.stdout or 0)

    def wait_until_healthy(self, seconds: float) -> float:
        """Seconds until the app answered 200."""
        began = time.monotonic()
        while self.health() != 200:
            assert time.monotonic() - began < seconds, self.script("systemctl status pm2-vendhub --no-pager; true")
            time.sleep(0.5)
        return time.monotonic() - began

    def daemons(self) -> list[str]:
        """The owner and home of every PM2 daemon."""
        text = self.script("ps -eo user:20,args | grep '[P]M2 v' || true")
        return [re.sub(r"\s+PM2 v[\d.]+: God Daemon", "", line).strip() for line in text.splitlines()]


def services(folder: Path) -> None:
    """Save the layer with the services the app needs, once per image."""
    if not exists(LAYER, image().name):
        with Lab("app-services", ["app1"]) as lab:
            lab["app1"].run(["sh", "-c", SERVICES], timeout=300)
            lab.save("app1", LAYER)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Lab]:
    services(tmp_path_factory.mktemp("services"))
    with Lab("app-host", ["app1"], layer=LAYER) as lab:
        yield lab


@pytest.fixture
def bare(lab: Lab, tmp_path: Path) -> Site:
    """A host with PostgreSQL and Redis, and nothing of ours."""
    lab.reset()
    return Site(lab, tmp_path)


def test_from_nothing_to_apps_that_come_back(bare: Site) -> None:
    before = bare.tree()
    looked = bare.run("--check", "--diff")
    assert looked.code == 0, looked.screen[-3000:]
    assert looked.recap("changed") > 5
    assert bare.tree() == before

    first = bare.run()
    assert first.code == 0, first.screen[-4000:]
    assert bare.health() == 200
    assert bare.daemons() == ["vendhub (/home/vendhub/.pm2)"]
    written = bare.host.read("/opt/vendhub/shared/.env.production")
    assert SECRET in written

    again = bare.run("--diff")
    assert (again.code, again.recap("changed")) == (0, 0), again.screen[-4000:]
    looked = bare.run("--check", "--diff")
    assert (looked.code, looked.recap("changed")) == (0, 0), looked.screen[-4000:]

    modes = bare.script("stat -c '%U %a %n' /opt/vendhub /opt/vendhub/shared/.env.production /home/vendhub/.pm2 "
                        "/opt/vendhub/releases/* /opt/vendhub/scripts /var/lib/vendhub-ops")
    assert "vendhub 600 /opt/vendhub/shared/.env.production" in modes
    assert "vendhub 700 /home/vendhub/.pm2" in modes
    assert "root 750 /var/lib/vendhub-ops" in modes
    assert "root 755 /opt/vendhub/scripts" in modes
    # PM2 keeps the environment of every app in files: the app's secrets must not be among it
    assert "of-the-test" not in bare.script("cat /home/vendhub/.pm2/dump.pm2")

    bare.host.reboot()
    after_reboot = bare.wait_until_healthy(60)
    bare.host.power_failure()
    after_power_failure = bare.wait_until_healthy(60)
    print(f"healthy after reboot: {after_reboot:.1f} s, after power failure: {after_power_failure:.1f} s")
    assert bare.daemons() == ["vendhub (/home/vendhub/.pm2)"]
    assert bare.run().recap("changed") == 0

    # what a dying daemon left in the saved list is not what comes back
    bare.script("cd / && runuser -u vendhub -- env PM2_HOME=/home/vendhub/.pm2 HOME=/home/vendhub pm2 delete vendhub-api"
                " && runuser -u vendhub -- env PM2_HOME=/home/vendhub/.pm2 HOME=/home/vendhub pm2 save")
    added = bare.run()
    assert (added.code, bare.health()) == (0, 200), added.screen[-3000:]
    bare.script("kill -9 $(cat /home/vendhub/.pm2/pm2.pid)")
    print(f"healthy after the daemon was killed: {bare.wait_until_healthy(60):.1f} s")
