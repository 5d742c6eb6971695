# SPDX-License-Identifier: GPL-3.0-or-later
"""daily-check.sh: the daily check for somebody logged in on the host, without a controller."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.plugin_utils._onhost.bundle import bundle

from demo.stack.process import clean_environment
from tests.integration.health.conftest import CANARY, ROOT, Site

SECTIONS = ["API Health", "PM2 Status", "Database", "Redis", "Disk Space, Memory, CPU", "Error Logs (last 24 h)",
            "Backups"]


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "daily-check.pyz"
    path.write_bytes(bundle(ROOT / "plugins/module_utils"))
    return path


def run(packed: Path, options: t.Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as cron would: from another folder, with next to no environment, and without Ansible in sight."""
    config = packed.with_name("daily-check.json")
    config.write_text(options if isinstance(options, str) else json.dumps(options))
    return subprocess.run([sys.executable, str(packed), "--config", str(config), *arguments], cwd="/",
                          env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60, check=False)


def test_it_prints_the_runbooks_sections_and_words(site: Site, packed: Path) -> None:
    done = run(packed, site.options())
    assert [line[4:-4] for line in done.stdout.splitlines() if line.startswith("--- ")] == SECTIONS
    assert done.stdout.startswith("=== VendHub Daily Health Check ===\nDate: ")
    assert "[OK] " in done.stdout
    assert "[WARN] 1 dump, none proved" in done.stdout
    assert done.stdout.endswith("=== Check Complete: [WARN] ===\n")
    assert done.returncode == 1
    assert done.stderr == ""
    assert CANARY not in done.stdout


def test_what_is_down_is_an_alert_and_hides_nothing(site: Site, packed: Path) -> None:
    site.redis.kill()
    done = run(packed, site.options())
    assert "[ALERT] " in done.stdout.split("--- Redis ---")[1].split("---")[0]
    assert done.stdout.count("--- ") == len(SECTIONS)
    assert done.returncode == 2


def test_it_speaks_json(site: Site, packed: Path) -> None:
    verdict = json.loads(run(packed, site.options(), "--json").stdout)
    assert verdict["check"] == "health"
    assert {row["check"] for row in verdict["checks"]} >= {"api", "pm2", "redis"}


@pytest.mark.parametrize(("options", "words"), [
    ("{", "is not JSON"),
    ([], "must be a dictionary"),
    ({}, "names nothing to look at"),
    ({"sytem": {}}, "has no option 'sytem'; it has"),
    ({"system": {"cpu_sample_seconds": "long"}}, "system: cpu_sample_seconds must be a number, not 'long'"),
    ({"api": [{"name": "x"}]}, "api: url is required"),
    ({"postgresql": {"sslmode": "maybe"}}, "sslmode must be one of"),
    ({"system": {}, "thresholds": {"disk": {"warning": 1}}}, "no threshold is named 'disk'"),
    ({"redis": {"tls": "yes"}}, "tls must be true or false"),
])
def test_a_bad_configuration_is_told_in_one_line(packed: Path, options: t.Any, words: str) -> None:
    done = run(packed, options)
    assert done.returncode == 3
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_every_line_says_what_it_is_about(packed: Path) -> None:
    assert "[UNKNOWN] options of redis: port must be" in run(packed, {"redis": {"port": -1}}).stdout


def test_without_a_configuration_it_says_who_writes_it(packed: Path) -> None:
    done = subprocess.run([sys.executable, str(packed), "--config", "/nonexistent.json"], capture_output=True,
                          text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "daily_check_script" in done.stderr


def test_the_same_collection_gives_the_same_bytes(packed: Path) -> None:
    assert packed.read_bytes() == bundle(ROOT / "plugins/module_utils")


def test_the_role_installs_it_idempotently_and_removes_it(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "host"
    variables = {"daily_check_script_directory": str(target / "scripts"),
                 "daily_check_script_config": str(target / "etc/daily-check.json"),
                 "daily_check_script_options": {"system": {}, "redis": {"password": f"{CANARY}-redis"}},
                 "daily_check_script_owner": os.environ.get("USER", "root"),
                 "daily_check_script_group": str(os.getegid())}
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{"name": "Install", "hosts": "localhost", "connection": "local", "gather_facts": False,
                                 "roles": ["vendhub.ops.daily_check_script"]}]))

    def apply(*arguments: str, **more: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), str(play), "-vvv", "--diff",
             "-e", json.dumps({**variables, **more, "ansible_python_interpreter": sys.executable}), *arguments],
            cwd=ROOT, env=clean_environment(ANSIBLE_NOCOLOR="1"), capture_output=True, text=True, timeout=120,
            check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        assert CANARY not in done.stdout + done.stderr
        return done.stdout

    assert "changed=0" not in apply("--check")
    assert not target.exists()
    assert "failed=0" in apply()
    script, config = target / "scripts/daily-check.sh", target / "etc/daily-check.json"
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert "changed=0" in apply()
    done = subprocess.run([str(script), "--json"], capture_output=True, text=True, timeout=60, check=False,
                          env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})
    assert [row["check"] for row in json.loads(done.stdout)["checks"]] == ["redis", "system"]
    apply(daily_check_script_state="absent")
    assert not script.exists()
    assert not config.exists()
