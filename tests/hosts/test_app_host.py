# SPDX-License-Identifier: GPL-3.0-or-later
"""The app side of provisioning on a real host: from a bare system to an app that outlives a power failure."""

from __future__ import annotations

import json
import re
import time
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.hosts.play import Run, play
from tests.lab import Host, Lab, sample_app
from tests.lab.image import image
from tests.lab.layers import exists
from tests.lab.machine import run as machine_run

PLAYBOOK = [{
    "name": "Provision the app side",
    "hosts": "api",
    "gather_facts": False,
    "pre_tasks": [
        {"name": f"Ask {role} what it would refuse", "tags": role, "when": f"{role}_state == 'present'",
         "ansible.builtin.import_role": {"name": f"vendhub.ops.{role}", "tasks_from": "preflight"}}
        for role in ("app_host", "nodejs", "pm2")
    ],
    "roles": [{"role": f"vendhub.ops.{role}", "tags": role}
              for role in ("client_libraries", "app_host", "nodejs", "pm2", "daily_check_script")],
}]
PASSWORD = "of-the-test"
SECRET = "canary #1 it's \"$HOME\""
UNITS = "/etc/systemd/system"
LAYER = "app-services"
SERVICES = f"""
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qqy --no-install-recommends postgresql redis-server
cd /
runuser -u postgres -- psql -qc "CREATE ROLE vendhub LOGIN PASSWORD '{PASSWORD}'"
runuser -u postgres -- createdb --owner=vendhub vendhub_prod
"""


class Site:
    """One app host, what it is given, and the ways to look at it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.host: Host = lab["app1"]
        self.playbook = folder / "provision.yml"
        self.playbook.write_text(yaml.safe_dump(PLAYBOOK))
        node, release = sample_app.node_archive(), sample_app.release()
        self.variables: dict[str, t.Any] = {
            "nodejs_source": "archive",
            "nodejs_archive": str(node.path),
            "nodejs_archive_checksum": node.checksum,
            "app_host_environment": {
                "DATABASE_URL": f"postgresql://vendhub:{PASSWORD}@127.0.0.1:5432/vendhub_prod",
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
        """Run the playbook with these variables changed; the app's secrets must not be on the screen."""
        inventory = self.lab.inventory({"api": ["app1"]}, self.variables | changed)
        return play(self.playbook, inventory, *words, secret=PASSWORD)

    def tree(self) -> dict[str, str]:
        """Everything that provisioning could touch, with owner, mode and a file's size and time; and all units."""
        places = ["/etc", "/opt", "/home", "/usr/local", "/var/lib/vendhub-ops", "/root/.pm2", "/root/.npm"]
        listing = self.host.run(["find", *places, "(", "-type", "l", "-printf", "%p\\t%u %g %m -> %l\\n", "-o",
                                 "-type", "d", "-printf", "%p\\t%u %g %m\\n", "-o",
                                 "-printf", "%p\\t%u %g %m %s %T@\\n", ")"], check=False)
        units = self.script("systemctl list-unit-files --no-legend --plain | grep -v transient")  # nobody's session
        return dict(line.split("\t", 1) for line in listing.stdout.splitlines()) | {"units": units}

    def script(self, text: str) -> str:
        """What a piece of shell prints on the host."""
        return self.host.run(["sh", "-c", text], timeout=120).stdout

    def pm2(self, *words: str) -> None:
        """The command line of PM2 as the owner would use it."""
        self.host.run(["runuser", "-u", "vendhub", "--", "env", "-C", "/home/vendhub", "HOME=/home/vendhub", "pm2",
                       *words])

    def pids(self, app: str) -> list[int]:
        """The processes of an app, as PM2 keeps them."""
        return sorted(map(int, re.findall(r"\d+", self.script(f"tail -qn 1 /home/vendhub/.pm2/pids/{app}-*.pid"))))

    def daemons(self) -> list[str]:
        """The owner and version and home of every PM2 daemon."""
        found = self.script("ps -eo user:20,args | grep '[P]M2 v' || true")
        return [" ".join(line.split()) for line in found.splitlines()]

    def health(self) -> int:
        """The status of the app's health page; 0 for no answer."""
        asked = self.host.run(["curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}",
                               "http://127.0.0.1:3000/health"], check=False)
        return int(asked.stdout or 0)

    def wait_until_healthy(self) -> None:
        """Wait for the app to answer 200; how busy this machine is must not decide."""
        ends = time.monotonic() + 180
        while self.health() != 200:
            assert time.monotonic() < ends, self.script("systemctl status pm2-vendhub --no-pager; true")
            time.sleep(0.5)

    def environment(self) -> dict[str, str]:
        """What Node.js on the host reads in the environment file of the release that is served."""
        program = "console.log(JSON.stringify(require('util').parseEnv(require('fs').readFileSync(0, 'utf8'))))"
        text = self.host.read("/opt/vendhub/current/.env.production")
        read: dict[str, str] = json.loads(self.host.run(["node", "-e", program], input=text).stdout)
        return read

    def cut_off(self) -> None:
        """No way to any package source, and nobody to ask for names; the controller still reaches the host."""
        rules = "table inet cut { chain out { type filter hook output priority 0;" \
                ' ct state established accept; oifname != "lo" reject; }; }'
        machine_run(["ip", "netns", "exec", self.host.machine, "nft", "-f", "-"], input=rules)


def changes(before: t.Mapping[str, str], after: t.Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """What is not as it was."""
    return {path: (before.get(path), after.get(path)) for path in {*before, *after}
            if before.get(path) != after.get(path)}


@pytest.fixture(scope="module")
def lab() -> t.Iterator[Lab]:
    """A host with PostgreSQL, Redis and the app's database: made with plain apt once per image."""
    if not exists(LAYER, image().name):
        with Lab("app-services", ["app1"]) as making:
            making["app1"].run(["sh", "-c", SERVICES], timeout=300)
            making.save("app1", LAYER)
    with Lab("app-host", ["app1"], layer=LAYER) as lab:
        yield lab


@pytest.fixture
def bare(lab: Lab, tmp_path: Path) -> Site:
    """A host with nothing of ours."""
    lab.reset()
    return Site(lab, tmp_path)


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The host, from nothing to provisioned; its tests leave it so, and come before those of the bare host."""
    lab.reset()
    site = Site(lab, tmp_path_factory.mktemp("site"))
    before = site.tree()
    looked = site.run("--check", "--diff")
    assert looked.code == 0, looked.screen[-3000:]
    assert looked.changed > 5
    assert changes(before, site.tree()) == {}
    first = site.run("--diff")
    assert first.code == 0, first.screen[-4000:]
    assert "canary" not in first.screen
    return site


def test_the_app_answers_and_nothing_is_too_open(site: Site) -> None:
    assert site.health() == 200
    assert site.daemons() == ["vendhub PM2 v7.0.4: God Daemon (/home/vendhub/.pm2)"]
    for path, what in {"/opt/vendhub/shared/.env.production": "vendhub 600", "/home/vendhub/.pm2": "vendhub 700",
                       "/var/lib/vendhub-ops": "root 750", "/opt/vendhub/scripts": "root 755"}.items():
        assert site.script(f"stat -c '%U %a' {path}").strip() == what, path
    assert site.environment()["JWT_SECRET"] == SECRET
    # the app has its secrets from its environment file only: PM2 writes what it is given to files
    assert site.script(f"grep -rl {PASSWORD} /home/vendhub /etc /var/lib/vendhub-ops || true") == ""
    assert not [path for path in site.tree() if path.startswith("/root/")]


def test_the_second_run_changes_nothing(site: Site) -> None:
    again = site.run("--diff")
    assert (again.code, again.changed) == (0, 0), again.screen[-4000:]
    looked = site.run("--check", "--diff")
    assert (looked.code, looked.changed) == (0, 0), looked.screen[-4000:]


@pytest.mark.parametrize("happens", ["reboot", "power_failure"])
def test_the_apps_come_back_by_themselves(site: Site, happens: str) -> None:
    began = time.monotonic()
    getattr(site.host, happens)()
    site.wait_until_healthy()
    print(f"{happens}: answers {time.monotonic() - began:.1f} s later")
    assert site.daemons() == ["vendhub PM2 v7.0.4: God Daemon (/home/vendhub/.pm2)"]
    again = site.run("--tags", "app_host,nodejs,pm2")
    assert (again.code, again.changed) == (0, 0), again.screen[-4000:]


def test_what_comes_back_is_the_ecosystem_and_not_the_saved_list(site: Site) -> None:
    site.pm2("delete", "vendhub-api")
    site.pm2("save")
    site.script("kill -9 $(cat /home/vendhub/.pm2/pm2.pid)")
    site.wait_until_healthy()
    assert "vendhub-api" in site.host.read("/home/vendhub/.pm2/dump.pm2")


def test_an_app_that_is_missing_is_started_and_saved_and_the_others_are_left_alone(site: Site) -> None:
    site.pm2("delete", "job-scheduler")
    site.pm2("save")
    workers = site.pids("vendhub-api")
    added = site.run("--tags", "pm2")
    assert (added.code, site.pids("vendhub-api")) == (0, workers), added.screen[-3000:]
    assert len(site.pids("job-scheduler")) == 1
    assert "job-scheduler" in site.host.read("/home/vendhub/.pm2/dump.pm2")
    assert site.run("--tags", "pm2").changed == 0


def test_another_version_of_pm2_waits_for_the_next_restart(site: Site) -> None:
    daemons, workers = site.daemons(), site.pids("vendhub-api")
    other = site.run("--tags", "pm2", pm2_version="6.0.14")
    assert other.code == 0, other.screen[-3000:]
    assert (site.daemons(), site.pids("vendhub-api")) == (daemons, workers)
    told = site.run("--tags", "pm2", pm2_version="6.0.14")
    assert told.changed == 0
    assert "the PM2 7.0.4 daemon runs on until pm2-vendhub.service is restarted" in told.words
    site.script("systemctl restart pm2-vendhub")
    site.wait_until_healthy()
    assert site.daemons() == ["vendhub PM2 v6.0.14: God Daemon (/home/vendhub/.pm2)"]
    assert site.run("--tags", "pm2").code == 0
    site.script("systemctl restart pm2-vendhub")
    site.wait_until_healthy()
    assert site.daemons() == daemons


def test_a_pm2_of_root_with_the_same_app_is_refused(site: Site) -> None:
    try:
        site.script("cd /root && PM2_HOME=/root/.pm2 pm2 start /bin/sleep --name vendhub-api -- 1000")
        before = site.tree()
        refused = site.run()
        assert "app1: a PM2 of root already runs vendhub-api" in refused.refusal
        assert (refused.changed, changes(before, site.tree())) == (0, {})
        assert site.run("--tags", "pm2", pm2_accept_root_daemon=True).code == 0
    finally:
        site.script("cd /root && PM2_HOME=/root/.pm2 pm2 kill; rm -rf /root/.pm2")


def test_pm2_is_not_pulled_away_from_a_daemon_that_somebody_started(site: Site) -> None:
    site.script("systemctl stop pm2-vendhub")
    site.pm2("start", "/opt/vendhub/shared/ecosystem.config.js")
    try:
        site.wait_until_healthy()
        before = site.tree()
        refused = site.run("--tags", "pm2", pm2_state="absent")
        assert "app1: a PM2 daemon of vendhub runs that pm2-vendhub.service did not start" in refused.refusal
        assert (refused.changed, changes(before, site.tree())) == (0, {})
        assert site.health() == 200
    finally:
        site.pm2("kill")
        site.script("systemctl start pm2-vendhub")
    site.wait_until_healthy()


def test_other_ways_to_run_pm2_are_named_and_left_alone(site: Site) -> None:
    site.host.write(f"{UNITS}/pm2-deploy.service", "[Service]\nExecStart=/bin/true\n")
    site.script("mkdir -p /home/vendhub/.pm2/modules/pm2-logrotate")
    try:
        said = site.run("--tags", "pm2")
        assert (said.code, said.changed) == (0, 0)
        assert f"{UNITS}/pm2-deploy.service also starts a PM2 at boot" in said.words
        assert "modules/pm2-logrotate rotates PM2's logs already" in said.words
    finally:
        site.script(f"rm -r {UNITS}/pm2-deploy.service /home/vendhub/.pm2/modules/pm2-logrotate")


def test_the_timer_looks_without_root_and_tells_the_journal(site: Site) -> None:
    assert "vendhub-daily-check.timer" in site.script("systemctl list-timers --no-legend")
    site.script("systemctl start vendhub-daily-check")
    said = site.script("journalctl -o cat -u vendhub-daily-check --no-pager")
    assert "[OK] vendhub-api: 2 of 2 online (cluster)" in said
    assert "[OK] port 3000 of vendhub-api is owned by pid" in said
    assert "=== Check Complete: " in said
    assert site.script("systemctl show -P User vendhub-daily-check") == "vendhub\n"
    config = "/etc/vendhub-ops/daily-check.json"
    assert site.host.run(["runuser", "-u", "vendhub", "--", "cat", config], check=False).returncode == 1
    site.script("systemctl stop redis-server")
    try:
        assert site.host.run(["systemctl", "start", "vendhub-daily-check"], check=False).returncode == 1
        assert "vendhub-daily-check.service" in site.script("systemctl --failed --no-legend")
    finally:
        site.script("systemctl start redis-server; systemctl reset-failed")
    site.wait_until_healthy()


def test_a_calendar_that_is_none_is_refused(site: Site) -> None:
    before = site.tree()
    refused = site.run("--tags", "daily_check_script", daily_check_script_timer_calendar="every morning")
    assert "daily_check_script_timer_calendar is 'every morning', which systemd does not understand" in refused.refusal
    assert changes(before, site.tree()) == {}


def test_the_timer_has_a_user_of_its_own_and_takes_it_away(site: Site) -> None:
    own = {"daily_check_script_timer_user": "vendhub-check", "daily_check_script_options": {"redis": {}}}
    assert site.run("--tags", "daily_check_script", **own).code == 0
    site.script("systemctl start vendhub-daily-check")
    assert "[OK] " in site.script("journalctl -o cat -u vendhub-daily-check --no-pager | tail -12")
    gone = site.run("--tags", "daily_check_script", **own, daily_check_script_timer_state="absent")
    assert gone.code == 0, gone.screen[-3000:]
    assert site.host.run(["id", "vendhub-check"], check=False).returncode == 1
    assert site.script(f"ls {UNITS} | grep daily-check || true") == ""
    assert site.run("--tags", "daily_check_script").code == 0


def test_absent_takes_away_what_was_put_there_and_no_data(site: Site) -> None:
    site.script("echo precious > /opt/vendhub/shared/uploads/photo")
    site.script("echo mine > /opt/pm2/notes; cp /opt/pm2/start-vendhub /opt/pm2/start-other")
    gone = site.run("--tags", "pm2", pm2_state="absent")
    assert (gone.code, site.daemons()) == (0, []), gone.screen[-3000:]
    assert "/opt/pm2/start-other: another owner's apps need PM2 in /opt/pm2, so it stays" in gone.words
    left = site.tree()
    assert {"/opt/pm2/7.0.4", "/opt/pm2/start-other", "/usr/local/bin/pm2"} < set(left)
    assert not {f"{UNITS}/pm2-vendhub.service", "/opt/pm2/start-vendhub"} & set(left)
    site.script("rm /opt/pm2/start-other")
    assert site.run("--tags", "pm2").code == 0

    states = {f"{role}_state": "absent" for role in ("daily_check_script", "pm2", "nodejs", "app_host")}
    looked = site.run("--check", **states)
    assert looked.code == 0, looked.screen[-3000:]
    assert site.health() == 200
    gone = site.run(**states)
    assert gone.code == 0, gone.screen[-3000:]
    assert site.daemons() == []
    left = site.tree()
    for path in (f"{UNITS}/pm2-vendhub.service", f"{UNITS}/vendhub-daily-check.timer", "/opt/pm2/7.0.4",
                 "/opt/pm2/start-vendhub", "/opt/nodejs",
                 "/usr/local/bin/node", "/usr/local/bin/pm2", "/opt/vendhub/shared/.env.production",
                 "/opt/vendhub/shared/ecosystem.config.js", "/opt/vendhub/scripts/daily-check.sh"):
        assert path not in left
    assert "pm2-vendhub.service" not in left["units"]
    for path in ("/home/vendhub/.pm2", "/opt/vendhub/current", "/opt/vendhub/shared/uploads/photo", "/opt/pm2/notes"):
        assert path in left
    site.script("rm /opt/pm2/notes")
    assert site.run("--tags", "pm2", **states).changed == 1, "the empty folder"
    again = site.run(**states)
    assert (again.code, again.changed) == (0, 0), again.screen[-3000:]
    back = site.run()
    assert (back.code, site.health()) == (0, 200), back.screen[-3000:]


def test_a_pm2_of_somebody_else_is_refused_before_anything_changes_and_never_removed(bare: Site) -> None:
    bare.script("mkdir -p /opt/other; ln -s /opt/other/pm2 /usr/local/bin/pm2")
    bare.host.write(f"{UNITS}/pm2-vendhub.service", "[Service]\nExecStart=/opt/other/pm2 resurrect\n")
    before = bare.tree()
    refused = bare.run()
    assert "app1: /usr/local/bin/pm2 belongs to another PM2" in refused.refusal
    assert (refused.changed, changes(before, bare.tree())) == (0, {})
    gone = bare.run("--tags", "pm2", pm2_state="absent")
    assert (gone.code, gone.changed, changes(before, bare.tree())) == (0, 0, {}), gone.screen[-3000:]


def test_a_really_bare_host_has_no_python3_apt(bare: Site) -> None:
    bare.script("dpkg --purge --force-depends python3-apt")
    for state in ("present", "absent"):
        looked = bare.run("--check", "--tags", "client_libraries", client_libraries_state=state)
        assert (looked.code, looked.changed) == (0, 1 if state == "present" else 0), looked.screen[-3000:]
    done = bare.run("--tags", "client_libraries")
    assert done.code == 0, done.screen[-3000:]
    bare.host.run(["python3", "-c", "import psycopg2, redis, jmespath, apt"])
    assert bare.run("--tags", "client_libraries").changed == 0


def test_a_user_with_another_number_is_refused(bare: Site) -> None:
    bare.script("useradd --uid 1234 --create-home --shell /bin/sh vendhub")
    before = bare.tree()
    refused = bare.run(app_host_uid=2000)
    assert "app1: the user vendhub exists with uid 1234, not 2000" in refused.refusal
    assert (refused.changed, changes(before, bare.tree())) == (0, {})
    # without a wish the user is kept, with everything that was its own
    kept = bare.run("--tags", "app_host")
    assert kept.code == 0, kept.screen[-3000:]
    assert bare.script("getent passwd vendhub") == "vendhub:x:1234:1234::/home/vendhub:/bin/sh\n"


def test_a_checkout_in_place_is_left_as_it_is(bare: Site) -> None:
    look = "cd /opt/vendhub && find . .git backend -maxdepth 0 -printf '%p %u %m\\n' && ls -lR --full-time .git backend"
    bare.script("useradd deploy; mkdir -p /opt/vendhub/.git /opt/vendhub/backend/dist; cd /opt/vendhub;"
                "echo old > backend/dist/main.js; chown -R deploy:deploy /opt/vendhub; chmod 750 /opt/vendhub")
    before = bare.script(look)
    kept = bare.run("--tags", "app_host")
    assert kept.code == 0, kept.screen[-3000:]
    assert "/opt/vendhub is a checkout in place" in kept.words
    assert bare.script(look) == before
    assert bare.script("ls /opt/vendhub").split() == ["backend", "releases", "scripts", "shared"]


def test_a_link_of_the_apps_user_leads_root_nowhere(bare: Site) -> None:
    assert bare.run("--tags", "app_host").code == 0
    bare.script("cd /opt/vendhub/shared && rmdir logs uploads && ln -s /etc/cron.d logs && ln -s /etc/passwd uploads")
    again = bare.run("--tags", "app_host")
    assert (again.code, again.changed) == (0, 0), again.screen[-3000:]
    assert bare.script("stat -c '%U %a' /etc/cron.d /etc/passwd") == "root 755\nroot 644\n"
    bare.script("rmdir /opt/vendhub/scripts; ln -s /etc/cron.d /opt/vendhub/scripts")
    before = bare.tree()
    refused = bare.run("--tags", "daily_check_script")
    assert "/opt/vendhub/scripts already exists as a link" in refused.refusal
    assert changes(before, bare.tree()) == {}


def test_a_package_source_out_of_reach_leaves_the_host_as_it_was(bare: Site) -> None:
    bare.cut_off()
    before = bare.tree()
    refused = bare.run("--tags", "client_libraries")
    assert "python3-psycopg2, python3-redis, python3-jmespath could not be installed" in refused.refusal
    assert "see that the host reaches its package source" in refused.refusal
    assert changes(before, bare.tree()) == {}
    refused = bare.run("--tags", "nodejs", nodejs_source="nodesource")
    assert "Node.js 22 could not be installed from NodeSource" in refused.refusal
    assert "nothing was left behind" in refused.refusal
    assert changes(before, bare.tree()) == {}
    assert bare.run("--tags", "nodejs,app_host").code == 0
    before = bare.tree()
    refused = bare.run("--tags", "pm2")
    assert "PM2 7.0.4 could not be installed in /opt/pm2" in refused.refusal
    assert "See that the host reaches the npm registry" in refused.refusal
    assert changes(before, bare.tree()) == {}


def test_a_node_that_will_not_do_is_refused(bare: Site) -> None:
    before = bare.tree()
    refused = bare.run("--tags", "nodejs", nodejs_source="distribution")
    assert "Node.js could not be installed from the distribution (it has candidate: 18." in refused.refusal
    assert "and the application needs 20 or newer" in refused.refusal
    assert changes(before, bare.tree()) == {}
    refused = bare.run("--tags", "nodejs", nodejs_minimum=24)
    assert "nodejs_archive is Node.js 22.22.3, but the application needs 24 or newer" in refused.refusal
    refused = bare.run("--tags", "nodejs", nodejs_archive_checksum="sha256:" + "0" * 64)
    assert "not nodejs_archive_checksum" in refused.refusal
    assert changes(before, bare.tree()) == {}


@pytest.mark.parametrize(("role", "ready", "free_mb", "words"), [
    ("nodejs", "app_host", 90, "node-v22.22.3-linux-x64.tar.gz could not be installed in /opt/nodejs"),
    ("app_host", "client_libraries", 4, "could not be unpacked in /opt/vendhub/releases"),
    ("pm2", "app_host,nodejs", 5, "PM2 7.0.4 could not be installed in /opt/pm2"),
])
def test_a_full_disk_leaves_nothing_half_done(bare: Site, role: str, ready: str, free_mb: int, words: str) -> None:
    assert bare.run("--tags", ready).code == 0
    with bare.host.full_disk("/opt", free_bytes=free_mb << 20):
        before = bare.tree()
        refused = bare.run("--tags", role)
        assert words in refused.refusal
        assert "nothing was left behind" in refused.refusal
        left = [path for path in changes(before, bare.tree()) if path.startswith(("/opt/", f"{UNITS}/", "/usr/"))]
        assert set(left) <= {f"/opt/vendhub{path}" for path in (
            "", "/releases", "/scripts", "/shared", "/shared/logs", "/shared/uploads", "/shared/.env.production",
            "/shared/ecosystem.config.js")}
    assert bare.run("--tags", role).code == 0
