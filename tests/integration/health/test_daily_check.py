# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook as people and CI run it."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.integration.health.conftest import CANARY, Site

NOWHERE = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh",
           "ansible_ssh_common_args": "-o ConnectTimeout=2 -F none"}


@pytest.mark.parametrize("playbook", ["playbooks/daily_check.yml", "vendhub.ops.daily_check"])
def test_it_runs_from_the_checkout_and_by_name(site: Site, playbook: str) -> None:
    site.inventory()
    done = site.play("-e", "vendhub_fail_on=never", playbook=playbook)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [host["name"] for host in site.report()["hosts"]] == ["here"]
    files = {path.name for path in (site.folder / "reports/latest").resolve().iterdir()}
    assert files >= {"report.html", "report.json", "report.junit.xml", "report.prom", "report.txt"}
    assert "here                       : ok=1    changed=0" in done.stdout
    assert "[WARNING]" not in done.stdout + done.stderr
    assert "DEPRECATION" not in done.stdout + done.stderr


def test_check_mode_looks_and_writes_nothing(site: Site) -> None:
    site.inventory()
    done = site.play("-e", "vendhub_fail_on=never", "--check", "--diff")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Check mode: no report was written" in done.stdout
    assert not (site.folder / "reports").exists()


@pytest.mark.parametrize(("fail_on", "broken", "code"), [
    ("never", True, 0), ("critical", True, 2), ("critical", False, 0), ("warning", False, 2),
])
def test_the_exit_code_is_what_was_asked_for(site: Site, fail_on: str, broken: bool, code: int) -> None:
    site.inventory()
    if broken:
        site.redis.kill()
    done = site.play("-e", f"vendhub_fail_on={fail_on}")
    assert done.returncode == code, done.stdout[-3000:]


def test_a_host_that_cannot_be_reached_is_in_the_report_and_fails_the_run(site: Site) -> None:
    site.inventory(away=NOWHERE)
    done = site.play()
    assert done.returncode != 0
    hosts = {host["name"]: host for host in site.report()["hosts"]}
    assert hosts["away"]["state"] == "unknown"
    assert hosts["here"]["findings"]
    assert "away" in done.stdout


def test_only_unreachable_hosts_still_give_a_report(site: Site) -> None:
    site.inventory(away=NOWHERE)
    done = site.play("--limit", "away")
    assert done.returncode != 0
    assert [host["name"] for host in site.report()["hosts"]] == ["away"]


def test_a_limited_run_reports_and_its_exit_code_counts(site: Site) -> None:
    site.inventory(away=NOWHERE)
    site.redis.kill()
    done = site.play("--limit", "here")
    assert done.returncode == 2, done.stdout
    assert "Not in this run (--limit): away" in done.stdout
    assert [host["name"] for host in site.report()["hosts"]] == ["here"]


def test_a_host_with_a_wrong_option_does_not_stop_the_others(site: Site) -> None:
    site.inventory(odd={"ansible_connection": "local", "ansible_python_interpreter": sys.executable,
                        "vendhub_system": {"disks": "all"}})
    done = site.play("-e", "vendhub_fail_on=critical")
    hosts = {host["name"]: host for host in site.report()["hosts"]}
    assert done.returncode != 0
    assert hosts["odd"]["state"] == "unknown"
    assert "disks" in json.dumps(hosts["odd"])
    assert hosts["here"]["findings"]


def watch(stop: threading.Event, seen: set[str]) -> None:
    """Collect every command line of the machine in which a canary shows."""
    while not stop.is_set():
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                if CANARY in line:
                    seen.add(line)
        time.sleep(0.005)


def test_a_secret_is_nowhere(site: Site) -> None:
    site.inventory()
    stop, seen = threading.Event(), set[str]()
    watcher = threading.Thread(target=watch, args=(stop, seen))
    watcher.start()
    done = site.play("-vvv", "-e", "vendhub_fail_on=never")
    stop.set()
    watcher.join()
    assert done.returncode == 0, done.stderr
    assert seen == set()
    assert CANARY not in done.stdout + done.stderr
    written = [path for path in (site.folder / "reports").rglob("*") if path.is_file()]
    assert len(written) >= 5
    assert [path for path in written if CANARY in path.read_text(errors="replace")] == []


def test_the_second_report_knows_the_first(site: Site) -> None:
    site.inventory()
    for dummy in range(2):
        assert site.play("-e", "vendhub_fail_on=never").returncode == 0
        time.sleep(1.1)
    runs = [path for path in (site.folder / "reports").iterdir() if not path.is_symlink()]
    assert len(runs) == 2
