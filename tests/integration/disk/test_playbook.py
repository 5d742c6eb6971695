# SPDX-License-Identifier: GPL-3.0-or-later
"""free_disk as an operator runs it, on a disk where nobody can write one byte more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from demo.stack.process import clean_environment
from tests.modules import call

from .conftest import MIB, Disk

ROOT = Path(__file__).resolve().parents[3]
Writer = t.Callable[[Path], "subprocess.Popen[bytes]"]


class Site:
    """One host, whose state, logs, temporary files and Ansible's own folder are on the full disk."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.tmp = disk.mount / "tmp"
        self.tmp.mkdir(mode=0o1777)
        self.bundles = disk.folder / "bundles"
        self.inventory = disk.folder / "inventory.json"
        named = {name: value for name, value in disk.options().items() if name != "dump_directories"}
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False,
                "vendhub_backups": [{"directory": str(disk.backups)}],
                "vendhub_pm2": {"owner": "nobody", "home": str(disk.pm2)},
                "disk_space_evidence_directory": str(self.bundles), "disk_space_work_bytes": 4 * MIB,
                **{f"disk_space_{name}": value for name, value in named.items() if name != "pm2_home"}}
        self.inventory.write_text(json.dumps({"all": {"children": {"vendhub": {"hosts": {"app1": host}}}}}))

    def run(self, *words: str, **variables: t.Any) -> tuple[int, str]:
        """The exit code, and the screen as one line. Whatever is not told otherwise writes on the full disk."""
        given = [word for name, value in variables.items() for word in ("-e", json.dumps({name: value}))]
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory),
             "playbooks/free_disk.yml", *words, *given], cwd=ROOT, capture_output=True, text=True, timeout=120,
            check=False, stdin=subprocess.DEVNULL,
            env=clean_environment(ANSIBLE_NOCOLOR="1", HOME=os.environ.get("HOME", "/"), LC_ALL="C.UTF-8",
                                  ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), TMPDIR=str(self.tmp),
                                  ANSIBLE_REMOTE_TMP=str(self.tmp / "remote"), ANSIBLE_LOCAL_TEMP=str(self.disk.folder),
                                  ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections")))
        return done.returncode, " ".join((done.stdout + done.stderr).split()).replace("''", "'")


@pytest.fixture
def site(disk: Disk) -> Site:
    return Site(disk)


def changed(screen: str) -> int:
    found = re.search(r"app1 : ok=\d+ changed=(\d+)", screen)
    assert found, screen[-2000:]
    return int(found[1])


def old_logs(disk: Disk) -> list[Path]:
    return [disk.file(disk.logs / f"combined.log.{number}", 2, days=10 + number) for number in range(1, 11)]


@pytest.mark.parametrize("words", [(), ("--check", "-e", "disk_space_apply=true")])
def test_it_only_plans_and_writes_nothing(site: Site, words: tuple[str, ...]) -> None:
    old_logs(site.disk)
    site.disk.file(site.disk.mount / "core.4711", 1)
    site.disk.fill()
    before = sorted(site.disk.mount.rglob("*"))
    code, screen = site.run(*words)
    assert (code, changed(screen)) == (0, 0), screen
    assert f"{site.disk.mount} is 100 % full, 0 B of" in screen
    assert re.search(r"2 MiB rotated_logs \S+/combined.log.10 \(rotated, 20 days old\)", screen), screen
    assert "Nothing was changed. -e disk_space_apply=true does it." in screen
    assert sorted(site.disk.mount.rglob("*")) == before
    assert not site.bundles.exists()


def test_applied_it_brings_a_disk_without_a_free_byte_below_the_target_while_the_app_writes(
        site: Site, writer: Writer) -> None:
    logs = old_logs(site.disk)
    log = site.disk.fill()
    process = writer(log)
    code, screen = site.run("-e", "disk_space_apply=true")
    assert code == 0, screen
    assert changed(screen) == 2
    assert site.disk.percent() <= 81
    assert logs[0].exists()
    assert not logs[-1].exists()
    assert "To have room to work: " in screen
    assert "100 % full and is" in screen
    assert len(list(site.bundles.rglob("*.tar.gz"))) == 1
    assert not (site.disk.state / "lock.json").exists()
    assert process.poll() is None
    code, screen = site.run("-e", "disk_space_apply=true", disk_space_target_percent=81)
    assert (code, changed(screen)) == (0, 0), screen
    assert "Every disk is within the target; there is nothing to do." in screen


def test_when_nothing_may_go_by_itself_it_says_so_and_fails(site: Site) -> None:
    core = site.disk.file(site.disk.mount / "core.4711", 20)
    log = site.disk.fill()
    code, screen = site.run("-e", "disk_space_apply=true")
    assert code != 0
    assert "What a person must decide stands above; then run this again." in screen
    assert re.search(r"20 MiB core_dump +" + re.escape(str(core)), screen), screen
    code, screen = site.run("-e", "disk_space_apply=true", "-e", "disk_space_kinds=rotated_logs,live_logs",
                            disk_space_live_log_keep_bytes=MIB)
    assert code == 0, screen
    assert core.exists()
    assert log.stat().st_blocks * 512 < 10 * MIB
    assert site.disk.percent() <= 80


def test_the_lock_of_another_run_is_respected_before_anything_goes(site: Site) -> None:
    logs = old_logs(site.disk)

    assert call("operation_lock", operation="deploy", holder="somebody else", directory=str(site.disk.state))["held"]
    site.disk.fill()
    code, screen = site.run("-e", "disk_space_apply=true")
    assert code != 0
    assert "somebody else" in screen
    assert all(path.exists() for path in logs)


@pytest.mark.parametrize(("wrong", "words"), [
    ({"disk_space_kinds": "everything"}, "everything"), ({"disk_space_target_percent": 0}, "between 1 and 99"),
    ({"disk_space_releases_keep": 0}, "releases_keep must be between 1")])
def test_a_wrong_option_is_refused_with_its_name(site: Site, wrong: dict[str, t.Any], words: str) -> None:
    code, screen = site.run("-e", "disk_space_apply=true", **wrong)
    assert code != 0
    assert words in screen
