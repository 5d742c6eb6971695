# SPDX-License-Identifier: GPL-3.0-or-later
"""An app host whose disk is full to the last byte is brought below the target, and the app never notices."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

import pytest

from tests.hosts.outages import PM2, healthy, sh
from tests.hosts.play import Run
from tests.hosts.site import Site, hosts_of
from tests.lab import Lab
from tests.lab.host import Host

LAYOUT = {"api": ("app1",), "web": ("app1",), "postgresql": ("db1",), "redis": ("db1",), "monitoring": ("db1",)}
APP, LOGS = "/opt/vendhub", "/opt/vendhub/shared/logs"
OLD_LOGS = f"""
for i in $(seq 1 12); do
  head -c 16000000 /dev/urandom > {LOGS}/old.log.$i
  touch --date="$((i + 10)) days ago" {LOGS}/old.log.$i
done
chown vendhub: {LOGS}/old.log.*
"""
PIDS = "pgrep -u vendhub -f vendhub-api | sort"
PERCENT = f"df --output=pcent {APP} | tail -n 1 | tr -d ' %'"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    """An app host and a server of data, provisioned."""
    with Lab("disk", hosts_of(LAYOUT)) as lab:
        made = Site(lab, tmp_path_factory.mktemp("site"), LAYOUT)
        made.prepare()
        done = made.play("vendhub.ops.provision")
        assert done.code == 0, done.screen[-4000:]
        made.migrate()
        yield made


@pytest.fixture
def host(site: Site) -> Host:
    sh(site.lab["app1"], healthy())
    return site.lab["app1"]


def free(site: Site, *words: str, **changed: t.Any) -> Run:
    return site.play("vendhub.ops.free_disk", "--limit", "app1", *words, disk_space_paths=[APP],
                     disk_space_evidence_directory=str(site.folder / "evidence"), **changed)


def test_a_full_app_host_has_room_again_and_the_app_never_notices(site: Site, host: Host) -> None:
    sh(host, OLD_LOGS)
    with contextlib.ExitStack() as stack:
        for folder in (APP, "/tmp", "/root"):  # where Ansible would write is full as well
            stack.enter_context(host.full_disk(folder))
        sh(host, f"{PM2} restart vendhub-api && {healthy()}")
        sh(host, f"head -c 50000000 /dev/zero > {LOGS}/fill 2>/dev/null || true")
        before = sh(host, PIDS)
        assert sh(host, PERCENT).strip() == "100"
        assert "No space left" in host.run(["cp", "/etc/hostname", f"{LOGS}/probe"], check=False).stderr
        planned = free(site)
        assert planned.code == 0, planned.screen[-4000:]
        assert "Nothing was changed. -e disk_space_apply=true does it." in planned.screen
        assert sh(host, f"ls {LOGS}/old.log.* | wc -l").strip() == "12"
        done = free(site, "-e", "disk_space_apply=true")
        assert done.code == 0, done.screen[-6000:]
        assert int(sh(host, PERCENT)) <= 80
        left = sh(host, f"ls {LOGS}/old.log.*").split()
        assert f"{LOGS}/old.log.1" in left
        assert f"{LOGS}/old.log.12" not in left
        assert sh(host, PIDS) == before, "no process was restarted"
        sh(host, healthy())
        sh(host, f"runuser -u vendhub -- cp /etc/hostname {LOGS}/again")
        assert list(Path(site.folder / "evidence").rglob("*.tar.gz"))
        assert sh(host, "ls /var/lib/vendhub-ops").split().count("lock.json") == 0
        again = free(site, "-e", "disk_space_apply=true", disk_space_target_percent=81)
        assert set(again.recap("changed").values()) == {0}, again.screen[-3000:]
    sh(host, f"rm -f {LOGS}/old.log.*; {PM2} restart vendhub-api; {healthy()}")


def test_a_deleted_log_of_pm2_gives_its_room_back_and_is_opened_anew(site: Site, host: Host) -> None:
    log = sh(host, "ls -l /proc/$(pgrep -u vendhub -f 'God Daemon' | head -n 1)/fd /proc/$(" + PIDS
             + " | head -n 1)/fd | sed -n 's/.* -> \\(.*\\.log\\)$/\\1/p' | grep out | head -n 1").strip()
    assert log, "PM2 writes a log"
    sh(host, f"head -c 30000000 /dev/zero >> {log}; rm {log}")
    before = sh(host, PIDS)
    done = free(site, "-e", "disk_space_apply=true", "-e", "disk_space_kinds=deleted_logs", disk_space_target_percent=1,
                disk_space_log_directories=[log.rpartition("/")[0]])
    assert done.code == 2, "the target of one percent is a person's to reach"
    assert "deleted, and still written by process" in " ".join(done.screen.split())
    assert sh(host, f"test -f {log} && echo there").strip() == "there"
    assert "(deleted)" not in sh(host, f"ls -l /proc/[0-9]*/fd 2>/dev/null | grep -F '{log}' || true")
    assert sh(host, PIDS) == before
